-- What people assigned: examples of whose a question is, besides the passages.
create table knowledge.correction (
    ticket_id uuid primary key,
    version integer not null,           -- the newest routing's
    question text not null,             -- redacted; empty: a unit gave it back, so it teaches nothing
    unit text not null,
    embedding real[],
    embedded_by text,
    corrected_at timestamptz not null
);

create index correction_newest on knowledge.correction (corrected_at desc) where question <> '';
