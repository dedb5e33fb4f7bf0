-- The newest snapshot of the deadline; null: promised before there were policies.
alter table answering.answer add column deadline jsonb;
