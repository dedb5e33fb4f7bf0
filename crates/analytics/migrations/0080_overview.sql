-- Of a report from the field: where, as rounded at the door. Both or none.
alter table analytics.ticket
    add column latitude double precision,
    add column longitude double precision,
    add constraint ticket_place check ((latitude is null) = (longitude is null));

create index ticket_reported on analytics.ticket (asked_at) where latitude is not null;

-- The promise that counts: the newest deadline of the ticket's round, else the date that was promised before there
-- were policies.
create view analytics.promise as
select ticket_id, asked_at, answered_at, unit, field, latitude, longitude,
       ours and extended as extended,
       case when ours then deadline_due_at else due_at end as promised_at,
       case when ours then paused_at end as stopped_at     -- since when the clock stands
from (select *, deadline_version > 0 and deadline_round = round as ours from analytics.ticket) ticket;

-- What became of a promise. A clock that stands is judged by when it stopped: least() passes over nulls.
create function analytics.outcome(answered_at timestamptz, stopped_at timestamptz, promised_at timestamptz,
                                  extended boolean, now timestamptz)
returns text language sql immutable parallel safe
return case when answered_at is null then
                case when (least(now, stopped_at) > promised_at) is true then 'overdue' else 'open' end
            else case when extended then 'extended_' else '' end
                 || case when (least(answered_at, stopped_at) > promised_at) is true then 'late' else 'on_time' end
       end;
