-- The units that routing thought of when the question came, the likeliest first.
alter table routing.assignment add column suggestions jsonb not null default '[]';
