-- Published questions with their answers. The vector index is made from this table and can be
-- thrown away.
create table knowledge.passage (
    passage_id text primary key,
    question text not null,
    answer text not null,
    field text not null,
    unit text not null,
    source text not null,
    -- Of a ticket's answer: the event's; an older one never replaces a newer. Imported: 0.
    version integer not null default 0,
    content_hash bytea not null,
    -- Of `question`, by the model `embedded_by`; kept so that rebuilding the index embeds nothing.
    embedding real[],
    embedded_by text,
    -- Null: the index does not have this content yet.
    indexed_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index passage_to_index on knowledge.passage (updated_at) where indexed_at is null;
