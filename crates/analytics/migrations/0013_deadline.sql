-- What the newest fact of a ticket's deadline tells: by version (ticket.rs).
alter table analytics.ticket
    add column deadline_version bigint not null default 0,  -- 0: promised before there were policies
    add column deadline_round bigint not null default 0,    -- the round that it is of
    add column deadline_due_at timestamptz,
    add column paused_at timestamptz,                       -- null: the clock runs
    add column extended boolean not null default false;
