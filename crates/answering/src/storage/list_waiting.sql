select a.ticket_id, unit, field, due_at, least(due_at, family_due_at) as "urgent_at!",
       question ->> 'text' as "text!", band, deadline, review, f.centre_id as "centre_id?",
       (select count(*) from answering.family_member m
        where m.centre_id = a.ticket_id and m.ending is null) as "family_size!"
from answering.answer a
left join answering.family_member f on f.ticket_id = a.ticket_id and f.ending is distinct from 'left'
where state = 'drafted' and ($1::text is null or unit = $1)
  and ($5 or f.ticket_id is null)
  and ($2::timestamptz is null or (least(due_at, family_due_at), a.ticket_id) > ($2, $3::uuid))
order by least(due_at, family_due_at), a.ticket_id limit $4
