-- Drafts by what they are made from.
create index answer_sources on answering.answer using gin (sources jsonb_path_ops) where state = 'drafted';
