-- The files that were applied, and the organisation that they made, each thing with its validity.
create table routing.registry_version (
    version integer primary key,
    request_id uuid not null unique,
    file text not null,
    valid_from timestamptz not null,
    steps jsonb not null,                   -- what it did, as the plan said it
    applied_at timestamptz not null,
    applied_by text not null
);

-- Never changed but for the end of a validity.
create table routing.registry_entry (
    id bigint generated always as identity primary key,
    kind text not null,                     -- agency, unit, field, rules, desk, former
    code text not null,                     -- empty for rules and desk
    thing jsonb not null,
    valid_from timestamptz not null,
    valid_until timestamptz,                -- just before this; null: it lasts; as valid_from: a plan that was dropped
    version integer not null references routing.registry_version,
    check (valid_until >= valid_from)
);

create unique index registry_entry_lasting on routing.registry_entry (kind, code) where valid_until is null;

-- What a unit leaves behind when it is merged, split or closed.
create index assignment_open_unit on routing.assignment (unit) where not answered;
