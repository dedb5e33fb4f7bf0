-- The life of a published answer: who changed what, until when it holds, and what it rests on.

alter table knowledge.passage
    add column state text not null default 'published'
        check (state in ('published', 'withdrawn', 'superseded')),
    -- Of a ticket's answer: the approval's version; an older one never replaces a newer.
    add column approved_version integer not null default 0,
    -- The passage that took its place.
    add column superseded_by text,
    -- Why it was withdrawn or superseded.
    add column end_reason text,
    -- The passage whose answer this one repeats word for word: it lives and changes with it.
    add column copy_of text references knowledge.passage,
    -- Half-open: from this moment, until that one. Null: always, for ever.
    add column valid_from timestamptz,
    add column valid_until timestamptz,
    -- Of the folded question; equal keys are compared.
    add column question_key bytea,
    -- Null: not yet compared with the others, to find a contradiction.
    add column compared_at timestamptz;

-- `version` counts the passage's own changes from now on.
update knowledge.passage set approved_version = version;
update knowledge.passage set version = 1 where version = 0;
alter table knowledge.passage alter column version set default 1;

-- The index gets the validity of every passage. Nothing is embedded anew.
update knowledge.passage set indexed_at = null;

create index passage_copy_of on knowledge.passage (copy_of) where copy_of is not null;
create index passage_question_key on knowledge.passage (question_key);
create index passage_to_compare on knowledge.passage (passage_id)
    where compared_at is null and indexed_at is not null;
create index passage_valid_until on knowledge.passage (valid_until) where valid_until is not null;

-- What each change ended: the trace (lưu vết), and the texts that people may have received.
create table knowledge.passage_version (
    passage_id text not null references knowledge.passage,
    version integer not null,               -- the version that the change made
    change text not null,                   -- CHANGE_…
    changed_by text not null,               -- empty: the platform
    changed_at timestamptz not null,
    reason text not null,
    answer text not null,                   -- the text until then
    primary key (passage_id, version)
);

-- Laws, policies and guidance that answers rest on.
create table knowledge.catalogue_item (
    item_id text primary key,
    kind text not null,                     -- CATALOGUE_KIND_…
    number text not null,
    title text not null,
    url text not null,
    valid_from timestamptz,
    valid_until timestamptz,
    unit text not null,
    updated_at timestamptz not null
);

create table knowledge.passage_basis (
    passage_id text not null references knowledge.passage,
    item_id text not null references knowledge.catalogue_item,
    primary key (passage_id, item_id)
);

create index passage_basis_item on knowledge.passage_basis (item_id);

-- Answers that are not reused until somebody has looked at them.
create table knowledge.review_task (
    passage_id text not null references knowledge.passage,
    opened_at timestamptz not null,
    reason text not null,                   -- REVIEW_REASON_…
    unit text not null,
    done_at timestamptz,
    primary key (passage_id, opened_at)
);

create unique index review_task_open on knowledge.review_task (passage_id) where done_at is null;

-- Two answers to one question that say different things; `left_id` is the smaller id.
create table knowledge.contradiction (
    left_id text not null references knowledge.passage,
    right_id text not null references knowledge.passage,
    found_at timestamptz not null,
    -- An editor's word that they do not contradict each other.
    compatible_by text,
    compatible_at timestamptz,
    compatible_reason text,
    primary key (left_id, right_id),
    check (left_id < right_id)
);

create index contradiction_right on knowledge.contradiction (right_id);

-- How each passage stands. A copy stands as its origin does. The validity is the common part of its
-- own, its origin's and its basis's.
create view knowledge.standing as
select p.passage_id,
       coalesce(p.copy_of, p.passage_id) as origin_id,
       coalesce(o.answer, p.answer) as answer,
       p.state = 'published' and coalesce(o.state, 'published') = 'published' as published,
       greatest(p.valid_from, o.valid_from, basis.valid_from) as valid_from,
       least(p.valid_until, o.valid_until, basis.valid_until) as valid_until
from knowledge.passage p
left join knowledge.passage o on o.passage_id = p.copy_of
left join lateral (
    select max(i.valid_from) as valid_from, min(i.valid_until) as valid_until
    from knowledge.passage_basis b join knowledge.catalogue_item i using (item_id)
    where b.passage_id in (p.passage_id, p.copy_of)
) basis on true;
