-- What is told to somebody outside: a mail to an asker or a working group, a fact to a webhook. The row
-- says of what and to whom in codes, never with a contact: the queue's owner writes it when it is sent.
create table bus.notice (
    notice_id uuid primary key,
    queue text not null,                    -- intake, answering, analytics:<webhook>
    about uuid not null,                    -- a ticket, a digest, an event
    fact text not null,                     -- answered:1
    recipient text not null,                -- a code: asker, a group
    -- The receiver tells repeats apart: what may have been sent is sent again by itself.
    repeatable boolean not null,
    content jsonb not null,                 -- what the owner needs to write it; nothing personal
    state text not null check (state in ('waiting', 'sending', 'sent', 'failed', 'unsure')),
    attempts integer not null default 0,
    next_at timestamptz not null default now(),
    claimed_at timestamptz,
    ended_at timestamptz,                   -- sent, failed or unsure since
    error text not null default '',         -- a code; no contact
    created_at timestamptz not null default now(),
    -- Each recipient is told of a fact once.
    constraint notice_once unique (queue, about, fact, recipient)
);

create index notice_waiting on bus.notice (queue, next_at) where state = 'waiting';
create index notice_sending on bus.notice (queue, claimed_at) where state = 'sending';
create index notice_state on bus.notice (state, notice_id);
