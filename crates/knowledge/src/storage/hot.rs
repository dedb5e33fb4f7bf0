//! SQL of `knowledge.passage_use`.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

/// Counts askers who were answered with these answers.
pub async fn note_answered(
    conn: &mut PgConnection,
    ids: &[String],
    day: NaiveDate,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into knowledge.passage_use as old (passage_id, day, answered)
         select distinct passage_id, $2::date, 1 from unnest($1::text[]) as new (passage_id) order by 1
         on conflict (passage_id, day) do update set answered = old.answered + 1",
        ids,
        day,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts a visitor whom a published answer answered.
pub async fn note_answered_me(conn: &mut PgConnection, id: &str, day: NaiveDate) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into knowledge.passage_use as old (passage_id, day, answered_me)
         select passage_id, $2::date, 1 from knowledge.passage where passage_id = $1 and state = 'published'
         on conflict (passage_id, day) do update set answered_me = old.answered_me + 1",
        id,
        day,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What holds now by how often it answered since `since`, the most first; a copy counts for its origin.
pub async fn list(
    conn: &mut PgConnection,
    since: NaiveDate,
    now: DateTime<Utc>,
    (visitors_max, least): (i32, i64),
    limit: i64,
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select s.origin_id as "origin_id!", sum(u.answered + least(u.answered_me, $3)) as "times!"
           from knowledge.passage_use u join knowledge.standing s using (passage_id)
           where u.day >= $1
             and s.published and coalesce(s.valid_from <= $2, true) and coalesce($2 < s.valid_until, true)
           group by s.origin_id having sum(u.answered + least(u.answered_me, $3)) >= $4
           order by 2 desc, 1 limit $5"#,
        since,
        now,
        visitors_max,
        least,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.origin_id, row.times)).collect())
}
