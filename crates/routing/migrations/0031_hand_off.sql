-- How often units have handed a question on in this round, and whether its unit still may.
alter table routing.assignment
    add column moves integer not null default 0,
    add column binding text not null default 'free' check (binding in ('free', 'arbiter', 'bound'));

-- Every coming of a question to a unit, and its leaving with the answer. Never changed.
create table routing.hand_off (
    seq bigint generated always as identity primary key,
    ticket_id uuid not null,
    round integer not null,
    to_unit text not null,              -- empty: answered, nobody has it
    reason text not null,               -- ROUTING_REASON_…
    words text not null,                -- what the unit that handed it on said
    no_owner_reason text not null,
    done_by text not null,              -- the dispatcher; empty: a unit, or nobody
    at timestamptz not null,
    pauses jsonb not null               -- of a round that ends: when its clock stood
);

create index hand_off_ticket on routing.hand_off (ticket_id, seq);

-- What was routed before: where it is, since when, and when it ended.
insert into routing.hand_off (ticket_id, round, to_unit, reason, words, no_owner_reason, done_by, at, pauses)
select ticket_id, jsonb_array_length(coalesce(question -> 'followUps', '[]')), unit, reason, '', '', '', routed_at, '[]'
from routing.assignment;
insert into routing.hand_off (ticket_id, round, to_unit, reason, words, no_owner_reason, done_by, at, pauses)
select ticket_id, jsonb_array_length(coalesce(question -> 'followUps', '[]')), '', 'ROUTING_REASON_UNSPECIFIED', '', '', '',
       greatest(coalesce((deadline ->> 'ended_at')::timestamptz, routed_at), routed_at), coalesce(deadline -> 'pauses', '[]')
from routing.assignment where answered;
