-- Which state the public library is in, for whoever keeps pages of it: a number that grows in the transaction of each
-- change. The one row is taken last, at the commit, so that changes wait for each other only while they commit and
-- never in a circle.
create table knowledge.library (
    only_row boolean primary key default true check (only_row),
    version bigint not null default 1,
    changed_by xid8                         -- the transaction that did it last: once is enough for all its rows
);

insert into knowledge.library default values;

create function knowledge.library_changed() returns trigger language plpgsql as $$
begin
    update knowledge.library set version = version + 1, changed_by = pg_current_xact_id()
    where changed_by is distinct from pg_current_xact_id();
    return null;
end $$;

-- Not of what only the index and upkeep need.
create constraint trigger library_changed
    after insert or delete or update of question, answer, field, unit, source, state, superseded_by, copy_of, valid_from,
        valid_until, updated_at
    on knowledge.passage deferrable initially deferred
    for each row execute function knowledge.library_changed();

create constraint trigger library_changed
    after insert or delete or update on knowledge.catalogue_item deferrable initially deferred
    for each row execute function knowledge.library_changed();

create constraint trigger library_changed
    after insert or delete or update on knowledge.passage_basis deferrable initially deferred
    for each row execute function knowledge.library_changed();

-- When the next validity begins or ends.
create index passage_valid_from on knowledge.passage (valid_from) where valid_from is not null;
create index catalogue_valid_from on knowledge.catalogue_item (valid_from) where valid_from is not null;
create index catalogue_valid_until on knowledge.catalogue_item (valid_until) where valid_until is not null;
