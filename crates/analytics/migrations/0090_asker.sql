-- How often the asker amended it, and when it was withdrawn: then it is neither open nor answered.
alter table analytics.ticket
    add column revision bigint not null default 0,
    add column withdrawn_at timestamptz;
