-- The calendars, with their warnings, that were in force, in order; the newest is.
create table routing.calendar (
    version integer generated always as identity primary key,
    content jsonb not null,                     -- zone, shifts, weekend, exceptions, warnings
    since timestamptz not null default now(),
    seen_at timestamptz not null default now()  -- about when a process that has it last lived
);

-- The calendar that a deadline was computed with; 0: before it was kept.
alter table routing.assignment add column calendar integer not null default 0;

create index assignment_open_calendar on routing.assignment (calendar, ticket_id) where not answered;

-- What became of a deadline when another calendar came into force. Never changed.
create table routing.recomputation (
    seq bigint generated always as identity primary key,
    ticket_id uuid not null,
    round integer not null,
    from_calendar integer not null,
    to_calendar integer not null,
    due_before timestamptz not null,
    due_at timestamptz not null,
    at timestamptz not null
);

create index recomputation_ticket on routing.recomputation (ticket_id, seq);
