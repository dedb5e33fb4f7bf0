-- What askers do to a question that waits: amend it, withdraw it, give what an officer asked for.
alter table intake.ticket
    add column revision integer not null default 0, -- how often the text was amended
    drop constraint ticket_state_check,
    add constraint ticket_state_check check (state in ('received', 'routed', 'answered', 'closed', 'withdrawn'));

-- Requests of askers, so that a repeated one is told from another.
create table intake.change (
    request_id uuid primary key,
    ticket_id uuid not null references intake.ticket,
    what text not null check (what in ('amended', 'withdrawn', 'replied')),
    digest bytea not null,              -- SHA-256 of what was asked for
    at timestamptz not null
);

-- What an officer asked the asker for, and what the asker gave.
create table intake.reply (
    ticket_id uuid not null references intake.ticket,
    inquiry integer not null,           -- the deadline's version with which the clock stood
    asked text not null,
    text text not null,                 -- redacted
    at timestamptz not null,
    primary key (ticket_id, inquiry)
);
