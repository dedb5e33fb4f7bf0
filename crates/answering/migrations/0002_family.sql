-- A question that waits may be answered with another one, its family's centre.
create table answering.family_member (
    ticket_id uuid primary key,
    centre_id uuid not null,            -- never a member itself
    probability double precision not null, -- 0 when an officer joined it
    exact boolean not null,
    reasons text[] not null,
    joined_by text,                     -- the officer; null: by itself
    joined_at timestamptz not null,
    -- What became of the centre; the member follows it soon. Null: both wait.
    ending text check (ending in ('answered', 'left')),
    ending_version integer,             -- of the centre's AnswerApproved
    ended_by text                       -- who approved it
);

create index family_member_centre on answering.family_member (centre_id, ticket_id);

-- What happened to whom, why and by whom. Never changed.
create table answering.family_trace (
    seq bigint generated always as identity primary key,
    ticket_id uuid not null,
    centre_id uuid not null,
    what text not null check (what in ('joined', 'left', 'answered')),
    reason text not null,               -- FAMILY_REASON_…
    done_by text,                       -- the officer; null: by itself
    note text not null,                 -- the officer's reason
    probability double precision not null,
    exact boolean not null,
    at timestamptz not null
);

create index family_trace_pair on answering.family_trace (ticket_id, centre_id, seq);

alter table answering.answer
    add column answered_with uuid,          -- the centre whose answer it was given
    add column family_due_at timestamptz;   -- the earliest deadline of its members, or earlier; null: none

-- The inbox again, by the earliest deadline of the family.
create index answer_urgent on answering.answer (unit, least(due_at, family_due_at), ticket_id) where state = 'drafted';
create index answer_urgent_all on answering.answer (least(due_at, family_due_at), ticket_id) where state = 'drafted';
drop index answering.answer_inbox;
drop index answering.answer_inbox_all;
