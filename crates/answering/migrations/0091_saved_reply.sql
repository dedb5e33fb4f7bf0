-- Replies that a unit writes again and again.
create table answering.saved_reply (
    saved_reply_id uuid primary key,
    unit text not null,
    title text not null,
    text text not null,
    version integer not null,
    changed_by text not null,
    changed_at timestamptz not null,
    deleted boolean not null default false  -- kept, so that a repeated request does not bring it back
);

create index saved_reply_unit on answering.saved_reply (unit, title) where not deleted;
