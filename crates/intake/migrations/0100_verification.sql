-- How sure it is who asked: the name of an Assurance.
alter table intake.ticket add column assurance text not null default 'ASSURANCE_UNSPECIFIED';

-- Codes mailed to askers, each for one address and one question.
create table intake.verification (
    verification_id uuid primary key,
    address_mark bytea not null,    -- tells the same address again, and not which it is
    sealed bytea not null,          -- the address and the code
    attempts integer not null default 0,
    asked_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);

create index verification_address on intake.verification (address_mark, asked_at);
create index verification_asked on intake.verification (asked_at);
