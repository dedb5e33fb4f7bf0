-- Whether the published answer was sent without a hand.
alter table intake.ticket add column automatic boolean not null default false;
