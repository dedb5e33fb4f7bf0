-- Every event once, flat: codes, times and numbers. No text that a person wrote.
-- The stream forgets its events; these rows are what later indicators are computed from.
create table analytics.fact (
    event_id uuid primary key,
    name text not null,                     -- intake.v1.QuestionSubmitted
    ticket_id uuid not null,
    version bigint not null,
    at timestamptz not null,                -- when it happened, in the words of the event
    field text not null default '',         -- as of the event; empty: not known
    unit text not null default '',
    kind text,                              -- KIND_…, where the event carries the question
    reason text,                            -- ROUTING_REASON_…, of QuestionRouted
    band text,                              -- BAND_…, of AnswerDrafted
    due_at timestamptz,
    score integer check (score between 1 and 5)
);

create index fact_rated_at on analytics.fact (at) where score is not null;
create index fact_ticket_id on analytics.fact (ticket_id);

-- What the reports need of each ticket. What the newest fact tells: by round, answered_at and version,
-- in this order (ticket.rs).
create table analytics.ticket (
    ticket_id uuid primary key,
    asked_at timestamptz not null,
    round bigint not null,                  -- how often it was reopened
    answered_at timestamptz,                -- in this round; null: open
    version bigint not null,                -- of the fact that says so; 0: nothing but the asking is known
    unit text not null,                     -- empty: not known yet
    field text not null,                    -- empty: not known yet
    due_at timestamptz                      -- null: not promised yet
);

create index ticket_asked_at on analytics.ticket (asked_at);
create index ticket_answered_at on analytics.ticket (answered_at);
create index ticket_open on analytics.ticket (unit) where answered_at is null;
