-- Who received which published answer, and what they were told of it since.

-- A passage that a ticket's answer is, or names as its source.
create table intake.receipt (
    passage_id text not null,
    ticket_id uuid not null references intake.ticket,
    received_at timestamptz not null,
    -- SHA-256 in hexadecimal of the whole answer as it was published.
    text_hash text not null,
    primary key (passage_id, ticket_id)
);

insert into intake.receipt (passage_id, ticket_id, received_at, text_hash)
select distinct passage_id, ticket_id, answered_at, encode(sha256(convert_to(answer_text, 'UTF8')), 'hex')
from intake.ticket,
     lateral (select 'ticket:' || ticket_id as passage_id
              union select citation ->> 'id' from jsonb_array_elements(coalesce(citations, '[]')) citation) received
where answer_text is not null and answered_at is not null and passage_id is not null;

-- A correction or withdrawal that everyone who received the passage is told of.
create table intake.recall (
    passage_id text primary key,            -- only its newest counts
    version integer not null,
    what text not null,                     -- MILESTONE_CORRECTED, MILESTONE_WITHDRAWN
    text text not null,                     -- empty: withdrawn
    reason text not null,
    earlier text[] not null,                -- hashes of the texts it had before
    at timestamptz not null,
    done_at timestamptz                     -- null: some may still have to be told
);

create index recall_open on intake.recall (at) where done_at is null;

-- What a ticket was told, once for each version of a passage.
create table intake.notice (
    ticket_id uuid not null references intake.ticket,
    passage_id text not null,
    version integer not null,
    what text not null,
    answer_number integer not null,         -- the ticket's answer that it speaks of
    whole boolean not null,                 -- the answer itself, not only a source of it
    text text not null,                     -- the source's corrected text; empty where the answer shows it
    reason text not null,
    at timestamptz not null,
    told_at timestamptz not null,
    primary key (ticket_id, passage_id, version)
);
