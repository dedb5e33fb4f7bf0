//! SQL of `intake.verification`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

pub struct Verification {
    pub id: Uuid,
    pub mark: Vec<u8>,
    pub sealed: Vec<u8>,
    pub asked_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// How many codes of an address were asked for since then; nobody asks for another until the transaction ends.
pub async fn lately(conn: &mut PgConnection, mark: &[u8], since: DateTime<Utc>) -> Result<i64, sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('intake.verification:' || encode($1, 'hex'), 0))::text",
        mark,
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from intake.verification where address_mark = $1 and asked_at > $2"#,
        mark,
        since,
    )
    .fetch_one(conn)
    .await
}

pub async fn put(conn: &mut PgConnection, wanted: &Verification) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into intake.verification (verification_id, address_mark, sealed, asked_at, expires_at)
         values ($1, $2, $3, $4, $5)",
        wanted.id,
        wanted.mark,
        wanted.sealed,
        wanted.asked_at,
        wanted.expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts an attempt; the address's mark and what was sealed. `None`: no more are allowed.
pub async fn attempt(
    conn: &mut PgConnection,
    id: Uuid,
    attempts_max: u32,
    now: DateTime<Utc>,
) -> Result<Option<(Vec<u8>, Vec<u8>)>, sqlx::Error> {
    let row = sqlx::query!(
        "update intake.verification set attempts = attempts + 1
         where verification_id = $1 and attempts < $2 and used_at is null and expires_at > $3
         returning address_mark, sealed",
        id,
        i32::try_from(attempts_max).unwrap_or(i32::MAX),
        now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.address_mark, row.sealed)))
}

/// `false`: it was used before.
pub async fn use_up(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let used = sqlx::query!(
        "update intake.verification set used_at = $2 where verification_id = $1 and used_at is null",
        id,
        now,
    )
    .execute(conn)
    .await?;
    Ok(used.rows_affected() == 1)
}

/// What was sealed of one that is still good.
pub async fn waiting(
    conn: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar!(
        "select sealed from intake.verification
         where verification_id = $1 and used_at is null and expires_at > $2",
        id,
        now,
    )
    .fetch_optional(conn)
    .await
}

/// Forgets what was asked for before `before`.
pub async fn forget(conn: &mut PgConnection, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from intake.verification where asked_at < $1", before).execute(conn).await?;
    Ok(())
}
