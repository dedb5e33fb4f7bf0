-- What officers, and askers of automatic answers, made of drafts.
alter table analytics.fact
    add column outcome text,                -- DRAFT_OUTCOME_…, of AnswerApproved and of a rejected automatic answer
    add column edit_share double precision, -- words changed in the draft, 0 to 1
    add column probability double precision, -- the verdict's, of the judged draft
    add column automatic boolean not null default false;

create index fact_judged_at on analytics.fact (at) where outcome is not null or automatic;
