-- A question that its asker withdrew counts in no figure of the overview and stands in none of its lists.
create or replace view analytics.promise as
select ticket_id, asked_at, answered_at, unit, field, latitude, longitude,
       ours and extended as extended,
       case when ours then deadline_due_at else due_at end as promised_at,
       case when ours then paused_at end as stopped_at     -- since when the clock stands
from (select *, deadline_version > 0 and deadline_round = round as ours from analytics.ticket) ticket
where withdrawn_at is null;
