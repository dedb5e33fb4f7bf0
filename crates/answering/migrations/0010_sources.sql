-- Drafts by what they are made from.
create index answer_sources on answering.answer using gin (sources jsonb_path_ops) where state = 'drafted';

-- Published answers that have changed, in the order in which that was heard: a draft that was being
-- made meanwhile is made again.
create table answering.source_change (
    passage_id text primary key,
    seq bigint generated always as identity unique
);
