-- Questions that wait for their answer, to find a new one's likes. One row per ticket stays after
-- the answer: it tells that a late routing is of the past.
create table knowledge.open_question (
    ticket_id uuid primary key,
    round integer not null,             -- how often it was reopened; only a first round is compared
    version integer not null,           -- the newest routing's
    open boolean not null,
    unit text not null default '',
    field text not null default '',
    question text not null default '',  -- redacted; empty once it is not open
    key bytea,                          -- of the words without diacritics
    embedding real[],
    word_vectors bytea,                 -- as in knowledge.passage
    embedded_by text,
    -- Of a family, as answering said last: not a centre, so only the same words lead to it.
    member boolean not null default false,
    -- The one whose answer it is thought to await: its own, or that of the first of its likes. Known
    -- here before answering has decided.
    awaits uuid not null,
    family_version integer not null default 0
);

create index open_question_key on knowledge.open_question (unit, key, member, ticket_id) where open;
