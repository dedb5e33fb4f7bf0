-- The public library is read newest first.
create index passage_newest on knowledge.passage (updated_at desc, passage_id desc)
    where state = 'published' and copy_of is null;
