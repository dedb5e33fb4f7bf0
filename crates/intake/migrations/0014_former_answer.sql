-- The answer and the rating of each round that a reopening ended: the asker goes on seeing them.
create table intake.former_answer (
    ticket_id uuid not null references intake.ticket,
    number integer not null,            -- 1: the first answer
    text text not null,
    citations jsonb not null,
    answered_at timestamptz not null,
    automatic boolean not null,
    score integer not null check (score between 0 and 5), -- 0: rejected without a rating
    comment text not null,              -- redacted
    primary key (ticket_id, number)
);
