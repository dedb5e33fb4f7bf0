create table intake.ticket (
    ticket_id uuid primary key,
    request_id uuid not null constraint ticket_request_id unique,
    -- what the request said, so that a reused request_id is told from a retry
    request_hash bytea not null,
    tracking_code text not null constraint ticket_tracking_code unique,
    kind text not null,
    text text not null,                 -- redacted
    field text not null,                -- the asker's choice, or empty
    follow_ups text[] not null default '{}', -- redacted; their number is the round
    submitted_at timestamptz not null,
    state text not null check (state in ('received', 'routed', 'answered', 'closed')),
    version integer not null,
    routed_field text not null default '',
    unit text not null default '',
    unit_name text not null default '',
    due_at timestamptz,
    answer_text text,
    citations jsonb,
    answered_at timestamptz,
    score integer check (score between 1 and 5),
    comment text                        -- redacted
);

-- What the asker sees of a ticket's way.
create table intake.timeline (
    ticket_id uuid not null references intake.ticket,
    version integer not null,
    what text not null,
    at timestamptz not null,
    unit_name text not null default '',
    primary key (ticket_id, version, what)
);

-- Who asked, and the original words: sealed by AEAD, bound to the ticket.
create table intake.sealed (
    sealed_id uuid primary key,
    ticket_id uuid not null references intake.ticket,
    sealed bytea not null,
    sealed_at timestamptz not null
);

create index sealed_ticket_id on intake.sealed (ticket_id);
