-- Times at which a plan gathered, or found nothing to gather: each is taken once.
create table answering.digest_slot (
    code text not null,
    slot timestamptz not null,
    primary key (code, slot)
);

-- Questions for a working group outside. What was gathered is sealed; only who ended which item changes.
create table answering.digest (
    digest_id uuid primary key,
    code text not null,                     -- of its plan
    number integer not null,
    group_code text not null,
    group_name text not null,
    unit text not null,
    gathered_at timestamptz not null,
    due_at timestamptz not null,
    manifest text not null,                 -- JSON, byte for byte what sha256 is of
    sha256 text not null,
    reminded integer not null default 0,
    closed_at timestamptz,                  -- null: an item waits
    unique (code, number)
);

create index digest_open on answering.digest (gathered_at) where closed_at is null;

-- Who holds each question of a digest: the group, until it is answered, returned or withdrawn.
create table answering.digest_item (
    digest_id uuid not null references answering.digest,
    number integer not null,
    ticket_id uuid not null,
    round integer not null,                 -- of the question
    unit text not null,                     -- that it waited in
    question jsonb not null,                -- as it was gathered; redacted
    state text not null check (state in ('gathered', 'answered', 'returned', 'withdrawn')),
    answer text,
    reason text,
    ended_by text,
    ended_at timestamptz,
    primary key (digest_id, number),
    constraint digest_item_ended check (
        (state = 'gathered') = (ended_at is null) and (state = 'gathered') = (ended_by is null)
        and (state = 'answered') = (answer is not null)
        and (state in ('returned', 'withdrawn')) = (reason is not null)
    )
);

-- A question is in one open digest at most, and in one digest of a round.
create unique index digest_item_ticket on answering.digest_item (ticket_id, round);
create index digest_item_waiting on answering.digest_item (ticket_id) where state = 'gathered';
