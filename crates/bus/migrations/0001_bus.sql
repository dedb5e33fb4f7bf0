-- What the services tell each other, kept with the state it speaks of.

create table bus.outbox (
    seq bigint generated always as identity primary key, -- the order of telling
    event_id uuid not null unique,                        -- ce-id, Nats-Msg-Id, inbox key
    name text not null,                                   -- intake.v1.QuestionSubmitted
    ticket_id uuid not null,                              -- ce-subject
    payload text not null,                                -- canonical protobuf JSON
    traceparent text,                                     -- the trace goes with the event
    occurred_at timestamptz not null default now(),
    published_at timestamptz                              -- null until the stream has it
);

create index outbox_unpublished on bus.outbox (seq) where published_at is null;
create index outbox_published_at on bus.outbox (published_at) where published_at is not null;

-- What each consumer has already done: the guard of every effect.
create table bus.inbox (
    consumer text not null,
    event_id uuid not null,
    done_at timestamptz not null default now(),
    primary key (consumer, event_id)
);

create index inbox_done_at on bus.inbox (done_at);

-- What a consumer gave up on, until an operator re-drives it.
create table bus.dead_letter (
    consumer text not null,
    event_id uuid not null,
    name text not null,
    ticket_id text not null,
    payload bytea not null,
    traceparent text,
    occurred_at timestamptz not null,
    error text not null,
    failed_at timestamptz not null default now(),
    primary key (consumer, event_id)
);
