-- The clock of each question: its policy, pauses, extensions and the steps that were told.
alter table routing.assignment
    add column deadline jsonb,              -- null: promised before there were policies
    add column next_step_at timestamptz;    -- when the next warning falls due; null: the clock stands or has ended

-- What was promised before is watched from now on.
update routing.assignment set next_step_at = due_at where not answered;

create index assignment_next_step on routing.assignment (next_step_at) where next_step_at is not null;
