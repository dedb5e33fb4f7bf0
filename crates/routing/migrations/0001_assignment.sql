-- Which unit has which question, by when.
create table routing.assignment (
    ticket_id uuid primary key,
    version integer not null,
    question jsonb not null,            -- the newest public snapshot; its follow-ups' number is the round
    agency text not null,
    unit text not null,
    field text not null,                -- empty while nobody knows it
    reason text not null,
    due_at timestamptz not null,
    routed_at timestamptz not null,
    answered boolean not null default false
);
