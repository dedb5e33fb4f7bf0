-- The asker withdrew the question.
alter table answering.answer
    drop constraint answer_state_check,
    add constraint answer_state_check check (state in ('drafted', 'approved', 'returned', 'withdrawn'));

-- What the asker gave when an officer asked; redacted.
create table answering.asker_reply (
    ticket_id uuid not null,
    version integer not null,           -- the ticket's
    asked text not null,
    text text not null,
    at timestamptz not null,
    primary key (ticket_id, version)
);

-- What happened to an answer beside what officers did: who has it open learns of all of it.
alter table answering.answer_trace
    drop constraint answer_trace_what_check,
    add constraint answer_trace_what_check check (what in (
        'approved', 'returned', 'forwarded', 'submitted', 'correction_asked',
        'amended', 'withdrawn', 'replied', 'redrafted', 'part_given', 'moved', 'joined', 'left'));
