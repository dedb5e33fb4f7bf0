//! SQL. Nothing else in this crate knows the tables.

pub mod open_question;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::passage::Passage;

/// Stores passages from outside; returns the ids of those that are new or changed. Ids must not
/// repeat. The embedding stays where the question did.
pub async fn import(
    conn: &mut PgConnection,
    passages: &[Passage],
    now: DateTime<Utc>,
) -> Result<HashSet<String>, sqlx::Error> {
    let part =
        |of: fn(&Passage) -> &String| -> Vec<String> { passages.iter().map(|p| of(p).clone()).collect() };
    let hashes: Vec<Vec<u8>> = passages.iter().map(Passage::content_hash).collect();
    let stored = sqlx::query_scalar!(
        "insert into knowledge.passage
             (passage_id, question, answer, field, unit, source, content_hash, created_at, updated_at)
         select passage_id, question, answer, field, unit, source, content_hash, $8, $8
         from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[])
             as new (passage_id, question, answer, field, unit, source, content_hash)
         on conflict (passage_id) do update set
             question = excluded.question, answer = excluded.answer, field = excluded.field,
             unit = excluded.unit, source = excluded.source, content_hash = excluded.content_hash,
             embedding = case when passage.question = excluded.question then passage.embedding end,
             indexed_at = null, updated_at = excluded.updated_at
         where passage.content_hash <> excluded.content_hash
         returning passage_id",
        &part(|p| &p.id),
        &part(|p| &p.question),
        &part(|p| &p.answer),
        &part(|p| &p.field),
        &part(|p| &p.unit),
        &part(|p| &p.source),
        &hashes,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(stored.into_iter().collect())
}

/// Stores a ticket's answer unless a newer version is there; says whether it did.
pub async fn publish(
    conn: &mut PgConnection,
    passage: &Passage,
    version: i32,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into knowledge.passage
             (passage_id, question, answer, field, unit, source, version, content_hash, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
         on conflict (passage_id) do update set
             question = excluded.question, answer = excluded.answer, field = excluded.field,
             unit = excluded.unit, source = excluded.source, version = excluded.version,
             content_hash = excluded.content_hash,
             embedding = case when passage.question = excluded.question then passage.embedding end,
             indexed_at = null, updated_at = excluded.updated_at
         where passage.version < excluded.version",
        passage.id,
        passage.question,
        passage.answer,
        passage.field,
        passage.unit,
        passage.source,
        version,
        passage.content_hash(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The passages of these ids; unknown ids are left out.
pub async fn passages(
    conn: &mut PgConnection,
    ids: &[String],
) -> Result<HashMap<String, Passage>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Passage,
        "select passage_id as id, question, answer, field, unit, source
         from knowledge.passage where passage_id = any($1)",
        ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|passage| (passage.id.clone(), passage)).collect())
}

/// A passage that the index does not have.
pub struct Waiting {
    pub id: String,
    pub question: String,
    pub field: String,
    pub unit: String,
    /// Of an earlier turn, if the model is still the same.
    pub embedding: Option<Vec<f32>>,
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
        r#"select passage_id as id, question, field, unit,
                  case when embedded_by = $1 then embedding end as embedding
           from knowledge.passage where indexed_at is null
           order by updated_at limit $2 for update skip locked"#,
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
    embedding: &[f32],
    model: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update knowledge.passage set embedding = $2, embedded_by = $3 where passage_id = $1",
        id,
        embedding,
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
        r#"select count(indexed_at) as "indexed!", count(*) - count(indexed_at) as "behind!"
           from knowledge.passage"#,
    )
    .fetch_one(conn)
    .await?;
    Ok(Status { indexed: row.indexed.unsigned_abs(), behind: row.behind.unsigned_abs() })
}
