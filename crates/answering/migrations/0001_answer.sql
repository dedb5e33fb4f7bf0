create table answering.answer (
    ticket_id uuid primary key,
    version integer not null,           -- what an officer must have seen to approve
    routed_version integer not null,    -- the newest routing's
    question jsonb not null,            -- the newest public snapshot; its follow-ups' number is the round
    unit text not null,
    unit_name text not null,
    field text not null,
    due_at timestamptz not null,
    draft_text text not null,           -- empty unless the verdict is reuse
    verdict jsonb not null,
    sources jsonb not null,
    band text not null,
    state text not null check (state in ('drafted', 'approved', 'returned')),
    answer_text text,
    citations jsonb,
    ended_by text,                      -- the officer who approved or returned
    ended_at timestamptz,
    return_reason text
);

-- The inbox: what waits, by unit, the most urgent first.
create index answer_inbox on answering.answer (unit, due_at, ticket_id) where state = 'drafted';
create index answer_inbox_all on answering.answer (due_at, ticket_id) where state = 'drafted';
