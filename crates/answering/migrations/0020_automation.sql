-- What became of the newest draft without a hand: off, shadow (would have been sent), on (was sent).
alter table answering.answer
    add column automation text not null default 'off' check (automation in ('off', 'shadow', 'on'));

-- What a unit lets happen to drafts of a field.
create table answering.automation (
    unit text not null,
    field text not null,
    mode text not null check (mode in ('off', 'shadow', 'on')),
    target double precision not null,       -- least lower bound of the back-test's precision
    changed_by text not null,
    changed_at timestamptz not null,
    primary key (unit, field)
);

-- Who switched what when: nothing of it is ever changed.
create table answering.automation_trace (
    seq bigint generated always as identity primary key,
    unit text not null,                     -- empty with field: the kill switch
    field text not null,
    mode text not null,
    target double precision,
    by text not null,
    reason text not null,
    at timestamptz not null
);

-- Figures of `motcua backtest`; the newest of a unit and field counts.
create table answering.back_test (
    seq bigint generated always as identity primary key,
    unit text not null,
    field text not null,
    drafted bigint not null check (drafted > 0),
    correct bigint not null check (correct between 0 and drafted),
    calibration text not null,
    filed_by text not null,
    filed_at timestamptz not null
);

create index back_test_newest on answering.back_test (unit, field, seq desc);

-- The kill switch: one row. Whoever sends holds it shared, so that stopping waits for what is being
-- sent, and nothing is sent after.
create table answering.automation_switch (
    only_row boolean primary key default true check (only_row),
    stopped boolean not null default false,
    by text not null default '',
    reason text not null default ''
);

insert into answering.automation_switch default values;

-- What officers, and the askers of automatic answers, made of drafts.
create table answering.judgement (
    seq bigint generated always as identity primary key,
    ticket_id uuid not null,
    version integer not null,               -- of the answer that was judged or replaced the draft
    unit text not null,
    field text not null,
    question text not null,                 -- redacted
    source_id text not null,                -- what the draft was made from
    outcome text not null,                  -- DRAFT_OUTCOME_…
    edit_share double precision not null,
    probability double precision not null,
    draft text not null,
    answer text not null,                   -- empty: the asker judged
    automation text not null check (automation in ('off', 'shadow', 'on')),
    judged_at timestamptz not null,
    unique (ticket_id, version)
);

create index judgement_unit on answering.judgement (unit, field, seq);

-- What was sent without a hand, for the counts.
create index answer_sent on answering.answer (unit, field) where automation = 'on';
