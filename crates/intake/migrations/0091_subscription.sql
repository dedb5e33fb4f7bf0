-- Who is written of what is published. An ended one is deleted.
create table intake.subscription (
    subscription_id uuid primary key,
    target text not null,               -- answer:<passage id> or field:<code>
    address_mark bytea not null,        -- keyed: tells the same address, and does not say which
    sealed bytea not null,              -- the address
    asked_at timestamptz not null,
    confirmed_at timestamptz,           -- null: its owner has not followed the link
    constraint subscription_once unique (target, address_mark)
);

create index subscription_confirmed on intake.subscription (target, subscription_id) where confirmed_at is not null;
create index subscription_unconfirmed on intake.subscription (address_mark, asked_at) where confirmed_at is null;

-- What all subscribers of a target are written, once, in batches.
create table intake.mailing (
    fact text primary key,
    target text not null,
    content jsonb not null,             -- public words
    at timestamptz not null,
    after uuid not null,                -- the last subscription that was written
    done_at timestamptz
);

create index mailing_open on intake.mailing (at) where done_at is null;
