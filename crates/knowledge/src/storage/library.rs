//! SQL of the public library: what holds now, a copy only as its origin.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// The ids after `after`, the newest first.
pub async fn page(
    conn: &mut PgConnection,
    field: Option<&str>,
    after: Option<(DateTime<Utc>, &str)>,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<String>, sqlx::Error> {
    let (at, id) = after.unzip();
    sqlx::query_scalar!(
        "select p.passage_id from knowledge.passage p join knowledge.standing s using (passage_id)
         where p.state = 'published' and p.copy_of is null
           and s.published and coalesce(s.valid_from <= $1, true) and coalesce($1 < s.valid_until, true)
           and ($2::text is null or p.field = $2)
           and ($3::timestamptz is null or (p.updated_at, p.passage_id) < ($3, $4::text))
         order by p.updated_at desc, p.passage_id desc limit $5",
        now,
        field,
        at,
        id,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// How many answers each field has.
pub async fn fields(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select p.field, count(*) as "answers!"
           from knowledge.passage p join knowledge.standing s using (passage_id)
           where p.state = 'published' and p.copy_of is null
             and s.published and coalesce(s.valid_from <= $1, true) and coalesce($1 < s.valid_until, true)
           group by p.field order by p.field"#,
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.field, row.answers)).collect())
}

/// The library's version, and when the next validity begins or ends.
pub async fn version(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<(i64, Option<DateTime<Utc>>), sqlx::Error> {
    let row = sqlx::query!(
        "select version, least(
             (select min(valid_from) from knowledge.passage where valid_from > $1),
             (select min(valid_until) from knowledge.passage where valid_until > $1),
             (select min(valid_from) from knowledge.catalogue_item where valid_from > $1),
             (select min(valid_until) from knowledge.catalogue_item where valid_until > $1)) as changes_at
         from knowledge.library",
        now,
    )
    .fetch_one(conn)
    .await?;
    Ok((row.version, row.changes_at))
}
