-- Whose figures belong together: from when another unit goes on with a unit's questions.
create table analytics.succession (
    unit text not null,
    since timestamptz not null,
    heir text not null,                     -- empty: none alone does: it was split or closed, or is a unit again
    version bigint not null,                -- the registry's
    primary key (unit, since)
);
