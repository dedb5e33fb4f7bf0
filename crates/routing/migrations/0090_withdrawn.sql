-- The asker withdrew it: it is over (answered) without an answer.
alter table routing.assignment add column withdrawn boolean not null default false;
