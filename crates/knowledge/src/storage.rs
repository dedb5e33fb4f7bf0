//! SQL. Nothing else in this crate knows the tables.

pub mod catalogue;
pub mod contradiction;
pub mod hot;
pub mod library;
pub mod life;
pub mod open_question;
pub mod owner;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{embed::Embedded, matching::Stored, passage::Passage, words::WordVectors};

/// Stores passages from outside, new ones and those that replace what is published under their id.
/// Ids must not repeat. The embedding stays where the question did.
pub async fn import(
    conn: &mut PgConnection,
    passages: &[&Passage],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let part =
        |of: fn(&Passage) -> &String| -> Vec<String> { passages.iter().map(|p| of(p).clone()).collect() };
    let hashes: Vec<Vec<u8>> = passages.iter().map(|p| p.content_hash()).collect();
    sqlx::query!(
        "insert into knowledge.passage
             (passage_id, question, answer, field, unit, source, content_hash, created_at, updated_at)
         select passage_id, question, answer, field, unit, source, content_hash, $8, $8
         from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[])
             as new (passage_id, question, answer, field, unit, source, content_hash)
         on conflict (passage_id) do update set
             question = excluded.question, answer = excluded.answer, field = excluded.field,
             unit = excluded.unit, source = excluded.source, content_hash = excluded.content_hash,
             version = passage.version + 1,
             embedding = case when passage.question = excluded.question then passage.embedding end,
             indexed_at = null, compared_at = null, updated_at = excluded.updated_at
         where passage.content_hash <> excluded.content_hash and passage.state = 'published'",
        &part(|p| &p.id),
        &part(|p| &p.question),
        &part(|p| &p.answer),
        &part(|p| &p.field),
        &part(|p| &p.unit),
        &part(|p| &p.source),
        &hashes,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores a ticket's answer unless that of a newer approval is there; says whether it did. Asked
/// anew and answered anew, a question has a new answer: what became of the old one is over.
pub async fn publish(
    conn: &mut PgConnection,
    passage: &Passage,
    approved_version: i32,
    copy_of: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into knowledge.passage
             (passage_id, question, answer, field, unit, source, approved_version, content_hash, copy_of,
              created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
         on conflict (passage_id) do update set
             question = excluded.question, answer = excluded.answer, field = excluded.field,
             unit = excluded.unit, source = excluded.source, approved_version = excluded.approved_version,
             version = passage.version + 1, content_hash = excluded.content_hash, copy_of = excluded.copy_of,
             state = 'published', superseded_by = null, end_reason = null, valid_from = null, valid_until = null,
             embedding = case when passage.question = excluded.question then passage.embedding end,
             indexed_at = null, compared_at = null, updated_at = excluded.updated_at
         where passage.approved_version < excluded.approved_version",
        passage.id,
        passage.question,
        passage.answer,
        passage.field,
        passage.unit,
        passage.source,
        approved_version,
        passage.content_hash(),
        copy_of,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Those of these ids that may be reused at `now`; others are left out. A copy appears as its origin, with its
/// own question. The first `with_words` come with their word vectors, where those are of `model`.
pub async fn reusable(
    conn: &mut PgConnection,
    ids: &[String],
    with_words: usize,
    model: &str,
    now: DateTime<Utc>,
) -> Result<Stored, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select p.passage_id, s.origin_id as "origin_id!", p.question, s.answer as "answer!", p.field, p.unit,
                  p.source,
                  case when p.passage_id = any($3) and p.embedded_by = $4 and p.embedding is not null
                       then p.word_vectors end as words
           from knowledge.passage p join knowledge.standing s using (passage_id)
           where p.passage_id = any($1) and s.published
             and coalesce(s.valid_from <= $2, true) and coalesce($2 < s.valid_until, true)"#,
        ids,
        now,
        ids.get(..with_words).unwrap_or(ids),
        model,
    )
    .fetch_all(conn)
    .await?;
    let mut found = Stored::default();
    for row in rows {
        let words = row.words.and_then(|bytes| WordVectors::from_bytes(&bytes));
        found.words.extend(words.map(|words| (row.passage_id.clone(), words)));
        let passage = Passage {
            id: row.origin_id,
            question: row.question,
            answer: row.answer,
            field: row.field,
            unit: row.unit,
            source: row.source,
        };
        found.passages.insert(row.passage_id, passage);
    }
    Ok(found)
}

/// The word vectors of these passages; of one that has none, or others than today's, none.
pub async fn word_vectors(
    conn: &mut PgConnection,
    ids: &[String],
    model: &str,
) -> Result<HashMap<String, WordVectors>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select passage_id as id, word_vectors as "words!" from knowledge.passage
           where passage_id = any($1) and embedded_by = $2 and embedding is not null
             and word_vectors is not null"#,
        ids,
        model,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.id, WordVectors::from_bytes(&row.words)?))).collect())
}

/// A page of what the index has, for a process that learns the store's words: id, question, answer.
pub async fn indexed_after(
    conn: &mut PgConnection,
    id: &str,
    limit: i64,
) -> Result<Vec<(String, String, String)>, sqlx::Error> {
    let rows = sqlx::query!(
        "select passage_id as id, question, answer from knowledge.passage
         where passage_id > $1 and indexed_at is not null order by passage_id limit $2",
        id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.question, row.answer)).collect())
}

/// A passage that the index does not have.
pub struct Waiting {
    pub id: String,
    pub question: String,
    pub answer: String,
    pub field: String,
    pub unit: String,
    /// Of an earlier turn, if the model is still the same.
    pub embedding: Option<Vec<f32>>,
    /// Withdrawn and superseded ones leave the index.
    pub published: bool,
    pub valid_from: Option<DateTime<Utc>>,
    pub valid_until: Option<DateTime<Utc>>,
}

/// Takes up to `limit` waiting passages, the oldest first. They are the transaction's until it
/// ends: another process takes others, and a change of them waits.
pub async fn take_waiting(
    conn: &mut PgConnection,
    model: &str,
    limit: i64,
) -> Result<Vec<Waiting>, sqlx::Error> {
    sqlx::query_as!(
        Waiting,
        r#"select p.passage_id as id, p.question, p.answer, p.field, p.unit,
                  case when p.embedded_by = $1 then p.embedding end as embedding,
                  s.published as "published!", s.valid_from, s.valid_until
           from knowledge.passage p join knowledge.standing s using (passage_id)
           where p.indexed_at is null
           order by p.updated_at limit $2 for update of p skip locked"#,
        model,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Keeps a question's embedding, so that it need not be made again.
pub async fn keep_embedding(
    conn: &mut PgConnection,
    id: &str,
    embedded: &Embedded,
    model: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update knowledge.passage set embedding = $2, word_vectors = $3, embedded_by = $4 where passage_id = $1",
        id,
        &embedded.dense,
        embedded.words.to_bytes(),
        model,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that the index has these passages.
pub async fn mark_indexed(
    conn: &mut PgConnection,
    ids: &[String],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update knowledge.passage set indexed_at = $2 where passage_id = any($1)", ids, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes that the index has nothing; returns how many passages then wait.
pub async fn mark_all_waiting(conn: &mut PgConnection) -> Result<u64, sqlx::Error> {
    sqlx::query!("update knowledge.passage set indexed_at = null").execute(&mut *conn).await?;
    Ok(status(conn).await?.behind)
}

/// How many passages the index has and lacks, by this table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    pub indexed: u64,
    pub behind: u64,
}

pub async fn status(conn: &mut PgConnection) -> Result<Status, sqlx::Error> {
    let row = sqlx::query!(
        r#"select count(*) filter (where p.indexed_at is not null and p.state = 'published'
                                   and coalesce(o.state, 'published') = 'published') as "indexed!",
                  count(*) - count(p.indexed_at) as "behind!"
           from knowledge.passage p left join knowledge.passage o on o.passage_id = p.copy_of"#,
    )
    .fetch_one(conn)
    .await?;
    Ok(Status { indexed: row.indexed.unsigned_abs(), behind: row.behind.unsigned_abs() })
}
