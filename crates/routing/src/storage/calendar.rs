//! SQL of `routing.calendar`, and of what a changed calendar does to open deadlines.

use api::TicketId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgPool, types::Json};
use uuid::Uuid;

use crate::{
    assignment::Clocked,
    deadline::{Deadline, Recomputation},
    policy::Rules,
};

/// The calendar of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub version: u32,
    /// Whether it is the newest.
    pub in_force: bool,
}

/// Brings a process's calendar into force when it starts (`own` is `None`), or when none of those lives
/// that have the one in force; else notes that one of them lives.
pub async fn hold(pool: &PgPool, content: &Value, own: Option<u32>) -> Result<Held, sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::query!("select pg_advisory_xact_lock(hashtext('routing.calendar'))").fetch_one(&mut *tx).await?;
    let newest = sqlx::query!(
        r#"select version, content, seen_at < now() - interval '2 minutes' as "unseen!",
                  seen_at < now() - interval '30 seconds' as "stale!"
           from routing.calendar order by version desc limit 1"#
    )
    .fetch_optional(&mut *tx)
    .await?;
    let held = match (newest, own) {
        (Some(newest), _) if newest.content == *content => {
            if newest.stale {
                sqlx::query!(
                    "update routing.calendar set seen_at = now() where version = $1",
                    newest.version
                )
                .execute(&mut *tx)
                .await?;
            }
            Held { version: newest.version.unsigned_abs(), in_force: true }
        }
        (Some(newest), Some(own)) if !newest.unseen => Held { version: own, in_force: false },
        _ => {
            let version = sqlx::query_scalar!(
                "insert into routing.calendar (content) values ($1) returning version",
                content
            )
            .fetch_one(&mut *tx)
            .await?;
            Held { version: version.unsigned_abs(), in_force: true }
        }
    };
    tx.commit().await?;
    Ok(held)
}

/// Where a run over the outdated deadlines is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    calendar: i32,
    ticket_id: Uuid,
}

/// Some of the open questions whose deadline was computed with an older calendar, from `place` on, locked;
/// those that another has are left out. Says where they end.
pub async fn lock_outdated(
    conn: &mut PgConnection,
    version: u32,
    place: Place,
    limit: i64,
) -> Result<(Vec<Clocked>, Option<Place>), sqlx::Error> {
    let rows = sqlx::query!(
        r#"select ticket_id, agency, unit, field, calendar, deadline as "deadline!: Json<Deadline>"
           from routing.assignment
           where not answered and calendar < $1 and (calendar, ticket_id) > ($2, $3) and deadline is not null
           order by calendar, ticket_id limit $4 for update skip locked"#,
        i32::try_from(version).unwrap_or(i32::MAX),
        place.calendar,
        place.ticket_id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let end = rows.last().map(|row| Place { calendar: row.calendar, ticket_id: row.ticket_id });
    let found = rows.into_iter().map(|row| Clocked {
        ticket_id: TicketId(row.ticket_id),
        agency: row.agency,
        unit: row.unit,
        field: row.field,
        deadline: row.deadline.0,
    });
    Ok((found.collect(), end))
}

/// Saves deadlines of locked questions that were looked at with the calendar of these rules.
pub async fn save_recomputed(
    conn: &mut PgConnection,
    questions: &[Clocked],
    rules: &Rules,
) -> Result<(), sqlx::Error> {
    let all = || questions.iter().map(|one| &one.deadline);
    let next: Vec<Option<DateTime<Utc>>> = all().map(|one| one.next_step(rules).map(|(_, at)| at)).collect();
    let deadlines: Vec<Json<&Deadline>> = all().map(Json).collect();
    sqlx::query!(
        "update routing.assignment a
         set deadline = d.deadline, due_at = d.due_at, next_step_at = d.next_step_at, calendar = $5
         from unnest($1::uuid[], $2::jsonb[], $3::timestamptz[], $4::timestamptz[])
              as d (ticket_id, deadline, due_at, next_step_at)
         where a.ticket_id = d.ticket_id",
        &questions.iter().map(|one| one.ticket_id.0).collect::<Vec<_>>(),
        deadlines.as_slice() as &[Json<&Deadline>],
        &all().map(|one| one.due_at).collect::<Vec<_>>(),
        next.as_slice() as &[Option<DateTime<Utc>>],
        i32::try_from(rules.calendar.version()).unwrap_or(i32::MAX),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps what became of due times.
pub async fn keep_recomputations(
    conn: &mut PgConnection,
    recomputations: &[(TicketId, Recomputation)],
) -> Result<(), sqlx::Error> {
    let int = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let ids: Vec<Uuid> = recomputations.iter().map(|(ticket_id, _)| ticket_id.0).collect();
    let all = || recomputations.iter().map(|(_, recomputation)| recomputation);
    sqlx::query!(
        "insert into routing.recomputation (ticket_id, round, from_calendar, to_calendar, due_before, due_at, at)
         select * from unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::timestamptz[], $6::timestamptz[],
                              $7::timestamptz[])",
        &ids,
        &all().map(|one| int(one.round)).collect::<Vec<_>>(),
        &all().map(|one| int(one.from_calendar)).collect::<Vec<_>>(),
        &all().map(|one| int(one.to_calendar)).collect::<Vec<_>>(),
        &all().map(|one| one.due_before).collect::<Vec<_>>(),
        &all().map(|one| one.due_at).collect::<Vec<_>>(),
        &all().map(|one| one.at).collect::<Vec<_>>(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Of a round, in order; of very many the newest.
pub async fn recomputations(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    round: u32,
    limit: i64,
) -> Result<Vec<Recomputation>, sqlx::Error> {
    let rows = sqlx::query!(
        "select round, from_calendar, to_calendar, due_before, due_at, at from routing.recomputation
         where ticket_id = $1 and round = $2 order by seq desc limit $3",
        ticket_id.0,
        i32::try_from(round).unwrap_or(i32::MAX),
        limit,
    )
    .fetch_all(conn)
    .await?;
    let recomputations = rows.into_iter().rev().map(|row| Recomputation {
        round: row.round.unsigned_abs(),
        from_calendar: row.from_calendar.unsigned_abs(),
        to_calendar: row.to_calendar.unsigned_abs(),
        due_before: row.due_before,
        due_at: row.due_at,
        at: row.at,
    });
    Ok(recomputations.collect())
}
