//! SQL of `answering.saved_reply`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::saved_reply::SavedReply;

struct Row {
    saved_reply_id: Uuid,
    unit: String,
    title: String,
    text: String,
    version: i32,
    changed_by: String,
    changed_at: DateTime<Utc>,
    deleted: bool,
}

impl From<Row> for SavedReply {
    fn from(row: Row) -> Self {
        Self {
            id: row.saved_reply_id,
            unit: row.unit,
            title: row.title,
            text: row.text,
            version: row.version.unsigned_abs(),
            changed_by: row.changed_by,
            changed_at: row.changed_at,
            deleted: row.deleted,
        }
    }
}

/// Until the transaction ends, nobody else adds to this unit's.
pub async fn lock_unit(conn: &mut PgConnection, unit: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('answering.saved_reply:' || $1::text, 0))",
        unit
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

/// How many a unit has.
pub async fn count(conn: &mut PgConnection, unit: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from answering.saved_reply where unit = $1 and not deleted"#,
        unit,
    )
    .fetch_one(conn)
    .await
}

/// A unit's, by title.
pub async fn list(conn: &mut PgConnection, unit: &str, limit: i64) -> Result<Vec<SavedReply>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "select saved_reply_id, unit, title, text, version, changed_by, changed_at, deleted
         from answering.saved_reply where unit = $1 and not deleted order by title, saved_reply_id limit $2",
        unit,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(SavedReply::from).collect())
}

/// Also a deleted one; locked until the transaction ends.
pub async fn lock(conn: &mut PgConnection, id: Uuid) -> Result<Option<SavedReply>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select saved_reply_id, unit, title, text, version, changed_by, changed_at, deleted
         from answering.saved_reply where saved_reply_id = $1 for update",
        id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(SavedReply::from))
}

pub async fn save(conn: &mut PgConnection, reply: &SavedReply) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into answering.saved_reply
             (saved_reply_id, unit, title, text, version, changed_by, changed_at, deleted)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (saved_reply_id) do update
         set title = excluded.title, text = excluded.text, version = excluded.version,
             changed_by = excluded.changed_by, changed_at = excluded.changed_at, deleted = excluded.deleted",
        reply.id,
        reply.unit,
        reply.title,
        reply.text,
        i32::try_from(reply.version).unwrap_or(i32::MAX),
        reply.changed_by,
        reply.changed_at,
        reply.deleted,
    )
    .execute(conn)
    .await?;
    Ok(())
}
