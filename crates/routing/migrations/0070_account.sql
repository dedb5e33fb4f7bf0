-- Local accounts of officers and others.
create table routing.account (
    name text primary key,
    role text not null,
    unit text not null,                     -- empty: not limited to one
    password_hash text not null,            -- argon2id, a PHC string
    totp text,                              -- the secret, sealed; null: no second factor
    totp_step bigint not null default 0,    -- the last one that was taken: none is taken twice
    failures integer not null default 0,    -- consecutive refusals
    locked_until timestamptz,
    disabled boolean not null default false,
    sessions_from timestamptz not null,     -- sessions that began before have ended
    changed_at timestamptz not null,
    changed_by text not null
);

-- Sessions that ended before their time, remembered until then.
create table routing.ended_session (
    session_id uuid primary key,
    until timestamptz not null
);

create index ended_session_until on routing.ended_session (until);
