-- The newest snapshot of the deadline; null: promised before there were policies.
alter table intake.ticket add column deadline jsonb;
