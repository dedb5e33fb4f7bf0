//! SQL of contradictions.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A passage that was not compared with the others yet.
pub struct Uncompared {
    pub passage_id: String,
    pub origin_id: String,
    pub question: String,
    pub answer: String,
    pub published: bool,
    /// By the present model.
    pub embedding: Option<Vec<f32>>,
}

/// Takes up to `limit` of those that the index has, if no other process is comparing: what two
/// compare at the same time they would not see of each other.
pub async fn take_uncompared(
    conn: &mut PgConnection,
    model: &str,
    limit: i64,
) -> Result<Vec<Uncompared>, sqlx::Error> {
    let ours = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtext('knowledge.contradiction')) as "ours!""#
    )
    .fetch_one(&mut *conn)
    .await?;
    if !ours {
        return Ok(Vec::new());
    }
    sqlx::query_as!(
        Uncompared,
        r#"select p.passage_id, s.origin_id as "origin_id!", p.question, s.answer as "answer!",
                  s.published as "published!", case when p.embedded_by = $2 then p.embedding end as embedding
           from knowledge.passage p join knowledge.standing s using (passage_id)
           where p.compared_at is null and p.indexed_at is not null
           order by p.passage_id limit $1 for no key update of p skip locked"#,
        limit,
        model,
    )
    .fetch_all(conn)
    .await
}

/// Notes that a passage was compared, and what its folded question makes.
pub async fn mark_compared(
    conn: &mut PgConnection,
    id: &str,
    question_key: &[u8],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update knowledge.passage set question_key = $2, compared_at = $3 where passage_id = $1",
        id,
        question_key,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A published passage under one key, as its origin.
pub struct Same {
    pub origin_id: String,
    pub question: String,
    pub answer: String,
}

/// The published passages of that key, at most `limit`.
pub async fn of_key(conn: &mut PgConnection, key: &[u8], limit: i64) -> Result<Vec<Same>, sqlx::Error> {
    sqlx::query_as!(
        Same,
        r#"select s.origin_id as "origin_id!", p.question, s.answer as "answer!"
           from knowledge.passage p join knowledge.standing s using (passage_id)
           where p.question_key = $1 and s.published order by p.passage_id limit $2"#,
        key,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Keeps a pair; a known one stays as it is.
pub async fn keep(
    conn: &mut PgConnection,
    left_id: &str,
    right_id: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into knowledge.contradiction (left_id, right_id, found_at) values ($1, $2, $3)
         on conflict do nothing",
        left_id,
        right_id,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What was found or judged of a text that has changed is void.
pub async fn forget(conn: &mut PgConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from knowledge.contradiction where left_id = $1 or right_id = $1", id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Marks a pair as compatible; `false`: there is no such pair.
pub async fn mark_compatible(
    conn: &mut PgConnection,
    (left_id, right_id): (&str, &str),
    by: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "update knowledge.contradiction
         set compatible_by = coalesce(compatible_by, $3), compatible_at = coalesce(compatible_at, $5),
             compatible_reason = coalesce(compatible_reason, $4)
         where left_id = $1 and right_id = $2",
        left_id,
        right_id,
        by,
        reason,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Pairs after `after` of which both may be reused and nobody said that they are compatible.
pub async fn page(
    conn: &mut PgConnection,
    after: (&str, &str),
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<(String, String, DateTime<Utc>)>, sqlx::Error> {
    let rows = sqlx::query!(
        "select c.left_id, c.right_id, c.found_at
         from knowledge.contradiction c
         join knowledge.standing l on l.passage_id = c.left_id
         join knowledge.standing r on r.passage_id = c.right_id
         where (c.left_id, c.right_id) > ($1, $2) and c.compatible_at is null
           and l.published and coalesce(l.valid_from <= $4, true) and coalesce($4 < l.valid_until, true)
           and r.published and coalesce(r.valid_from <= $4, true) and coalesce($4 < r.valid_until, true)
         order by c.left_id, c.right_id limit $3",
        after.0,
        after.1,
        limit,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.left_id, row.right_id, row.found_at)).collect())
}
