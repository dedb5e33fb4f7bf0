-- What a unit said when it gave a question away, and whether the unit that has it may.
alter table answering.answer
    add column binding text not null default 'BINDING_UNSPECIFIED',
    add column returned_to text not null default '',        -- empty: no owner was named
    add column no_owner_reason text not null default '',
    add column forwarded boolean not null default false;

-- A second unit's part of an answer; the question stays with its holder.
create table answering.co_answer (
    id uuid primary key,
    ticket_id uuid not null,
    round integer not null,
    unit text not null,                 -- who is asked
    holder text not null,               -- who asked
    request text not null,
    asked_by text not null,
    asked_at timestamptz not null,
    due_at timestamptz not null,
    state text not null check (state in ('asked', 'given', 'declined', 'withdrawn', 'lapsed')),
    ended_by text,                      -- the officer; empty: by itself
    ended_at timestamptz,
    text text,                          -- what was given, or why it was not
    check ((state = 'asked') = (ended_at is null))
);

create index co_answer_ticket on answering.co_answer (ticket_id, asked_at);
-- What a unit is asked for, the most urgent first.
create index co_answer_asked on answering.co_answer (unit, due_at, id) where state = 'asked';

-- What was submitted to a second person, and the correction that was asked for.
alter table answering.answer add column review jsonb;

-- What officers did to an answer, in order. Never changed.
create table answering.answer_trace (
    seq bigint generated always as identity primary key,
    ticket_id uuid not null,
    version integer not null,           -- the answer's, after it
    unit text not null,
    what text not null check (what in ('approved', 'returned', 'forwarded', 'submitted', 'correction_asked')),
    done_by text not null,
    note text not null,                 -- the reason, the comment, or the text that was submitted
    at timestamptz not null
);

create index answer_trace_ticket on answering.answer_trace (ticket_id, seq);
