//! SQL of `knowledge.passage_use`.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use crate::hot::{Period, Times};

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

/// What holds now by how often it answered in the period, the most first; a copy counts for its origin.
pub async fn list(
    conn: &mut PgConnection,
    period: Period,
    now: DateTime<Utc>,
    (visitors_max, least): (i32, i64),
    limit: i64,
) -> Result<Vec<(String, Times)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"with counted as (
               select s.origin_id, u.day, u.answered + least(u.answered_me, $3) as times
               from knowledge.passage_use u join knowledge.standing s using (passage_id)
               where u.day >= $6
                 and s.published and coalesce(s.valid_from <= $2, true) and coalesce($2 < s.valid_until, true))
           select origin_id as "origin_id!",
                  sum(times) filter (where day >= $1) as "all!",
                  coalesce(sum(times) filter (where day >= $1 and day < $7), 0) as "on_whole_days!",
                  coalesce(sum(times) filter (where day < $1), 0) as "before!"
           from counted group by origin_id having sum(times) filter (where day >= $1) >= $4
           order by 2 desc, 1 limit $5"#,
        period.since,
        now,
        visitors_max,
        least,
        limit,
        period.before,
        period.today,
    )
    .fetch_all(conn)
    .await?;
    let counted = rows.into_iter().map(|row| {
        (row.origin_id, Times { all: row.all, on_whole_days: row.on_whole_days, before: row.before })
    });
    Ok(counted.collect())
}
