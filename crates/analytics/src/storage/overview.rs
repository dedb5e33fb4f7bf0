//! SQL of the overview, and of the tickets behind its figures.

use api::TicketId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::count;
use crate::{
    listing::{After, Among, Listed, Span},
    overview::{Arrived, Place, Point},
    report::Deadlines,
};

/// Whose figures; `None`: everybody's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Only<'a> {
    pub units: Option<&'a [String]>,
    pub field: Option<&'a str>,
}

/// Questions sent in the period, by unit, field and step of it.
pub async fn arrived(
    conn: &mut PgConnection,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    step_seconds: u32,
    only: Only<'_>,
) -> Result<Vec<Arrived>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select unit, field, floor(extract(epoch from asked_at - $1) / $3::bigint)::bigint as "step!",
                  count(*) as "asked!"
           from analytics.ticket
           where asked_at >= $1 and asked_at < $2 and withdrawn_at is null
             and ($4::text[] is null or unit = any($4)) and ($5::text is null or field = $5)
           group by 1, 2, 3"#,
        since,
        until,
        i64::from(step_seconds),
        only.units,
        only.field,
    )
    .fetch_all(conn)
    .await?;
    let arrived = rows.into_iter().map(|row| Arrived {
        unit: row.unit,
        field: row.field,
        step: count(row.step) as usize,
        asked: count(row.asked),
    });
    Ok(arrived.collect())
}

/// By unit and field: what was answered since then, and all that is open, or the oldest neglect would
/// drop out of sight.
pub async fn deadlines(
    conn: &mut PgConnection,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
    only: Only<'_>,
) -> Result<Vec<(Place, Deadlines)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select unit as "unit!", field as "field!",
                  count(*) filter (where outcome = 'on_time') as "on_time!",
                  count(*) filter (where outcome = 'late') as "late!",
                  count(*) filter (where outcome = 'extended_on_time') as "extended_on_time!",
                  count(*) filter (where outcome = 'extended_late') as "extended_late!",
                  count(*) filter (where outcome = 'open') as "open!",
                  count(*) filter (where outcome = 'overdue') as "open_overdue!"
           from (select unit, field,
                        analytics.outcome(answered_at, stopped_at, promised_at, extended, $2) as outcome
                 from analytics.promise
                 where (answered_at is null or answered_at >= $1)
                   and ($3::text[] is null or unit = any($3)) and ($4::text is null or field = $4)) judged
           group by 1, 2
           order by 1, 2"#,
        since,
        now,
        only.units,
        only.field,
    )
    .fetch_all(conn)
    .await?;
    let deadlines = rows.into_iter().map(|row| {
        let deadlines = Deadlines {
            on_time: count(row.on_time),
            late: count(row.late),
            extended_on_time: count(row.extended_on_time),
            extended_late: count(row.extended_late),
            open: count(row.open),
            open_overdue: count(row.open_overdue),
        };
        (Place { unit: row.unit, field: row.field }, deadlines)
    });
    Ok(deadlines.collect())
}

/// Reports sent in the period that have a place: how many, and the newest.
pub async fn points(
    conn: &mut PgConnection,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
    only: Only<'_>,
    limit: u32,
) -> Result<(u32, Vec<Point>), sqlx::Error> {
    let rows = sqlx::query!(
        r#"select ticket_id as "ticket_id!", latitude as "latitude!", longitude as "longitude!",
                  analytics.outcome(answered_at, stopped_at, promised_at, extended, $2) as "outcome!",
                  count(*) over () as "total!"
           from analytics.promise
           where latitude is not null and asked_at >= $1 and asked_at < $2
             and ($3::text[] is null or unit = any($3)) and ($4::text is null or field = $4)
           order by asked_at desc, ticket_id desc limit $5"#,
        since,
        now,
        only.units,
        only.field,
        i64::from(limit),
    )
    .fetch_all(conn)
    .await?;
    let total = rows.first().map_or(0, |row| count(row.total));
    let points = rows.into_iter().map(|row| Point {
        ticket_id: TicketId(row.ticket_id),
        latitude: row.latitude,
        longitude: row.longitude,
        waits: matches!(row.outcome.as_str(), "open" | "overdue"),
        overdue: row.outcome == "overdue",
    });
    Ok((total, points.collect()))
}

/// A row of any of the lists: their queries give the same columns.
struct Row {
    ticket_id: Uuid,
    asked_at: DateTime<Utc>,
    answered_at: Option<DateTime<Utc>>,
    promised_at: Option<DateTime<Utc>>,
    unit: String,
    field: String,
    outcome: String,
    latitude: Option<f64>,
    longitude: Option<f64>,
    score: Option<i32>,
    at: DateTime<Utc>,
    id: Uuid,
    total: i64,
}

fn listed(rows: Vec<Row>) -> (u32, Vec<Listed>) {
    let total = rows.first().map_or(0, |row| count(row.total));
    let listed = rows.into_iter().map(|row| Listed {
        ticket_id: TicketId(row.ticket_id),
        asked_at: row.asked_at,
        answered_at: row.answered_at,
        due_at: row.promised_at,
        unit: row.unit,
        field: row.field,
        outcome: row.outcome,
        place: row.latitude.zip(row.longitude),
        score: row.score.map(i32::unsigned_abs),
        place_in_list: After { at: row.at, id: row.id },
    });
    (total, listed.collect())
}

/// Sent in `span`; only `reports`: those with a place, in the box if there is one; with one of the outcomes, if some
/// are given.
pub async fn list_asked(
    conn: &mut PgConnection,
    span: Span,
    reports: bool,
    outcomes: Option<&[String]>,
    among: &Among<'_>,
) -> Result<(u32, Vec<Listed>), sqlx::Error> {
    let [south, west, north, east] = among.bounds.unwrap_or_default();
    let after = among.after.unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"with judged as (
               select *, analytics.outcome(answered_at, stopped_at, promised_at, extended, $3) as outcome
               from analytics.promise
               where asked_at >= $1 and asked_at < $2
                 and (not $4 or latitude is not null)
                 and (not $5 or latitude >= $6 and longitude >= $7 and latitude < $8 and longitude < $9)
                 and ($10::text[] is null or unit = any($10)) and ($11::text is null or field = $11)),
           matched as (select * from judged where $12::text[] is null or outcome = any($12))
           select ticket_id as "ticket_id!", asked_at as "asked_at!", answered_at as "answered_at?",
                  promised_at as "promised_at?", unit as "unit!", field as "field!", outcome as "outcome!",
                  latitude as "latitude?", longitude as "longitude?", null::integer as "score?",
                  asked_at as "at!", ticket_id as "id!", (select count(*) from matched) as "total!"
           from matched
           where $13::timestamptz is null or (asked_at, ticket_id) < ($13, $14::uuid)
           order by asked_at desc, ticket_id desc limit $15"#,
        span.since,
        span.until,
        among.now,
        reports,
        among.bounds.is_some(),
        south,
        west,
        north,
        east,
        among.only.units,
        among.only.field,
        outcomes,
        after.0,
        after.1,
        among.limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(listed(rows))
}

/// With one of these outcomes: answered in `span`, or open, whenever they were sent.
pub async fn list_promised(
    conn: &mut PgConnection,
    span: Span,
    outcomes: &[String],
    among: &Among<'_>,
) -> Result<(u32, Vec<Listed>), sqlx::Error> {
    let after = among.after.unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"with judged as (
               select *, analytics.outcome(answered_at, stopped_at, promised_at, extended, $3) as outcome
               from analytics.promise
               where (answered_at is null or answered_at >= $1 and answered_at < $2)
                 and ($5::text[] is null or unit = any($5)) and ($6::text is null or field = $6)),
           matched as (select * from judged where outcome = any($4))
           select ticket_id as "ticket_id!", asked_at as "asked_at!", answered_at as "answered_at?",
                  promised_at as "promised_at?", unit as "unit!", field as "field!", outcome as "outcome!",
                  latitude as "latitude?", longitude as "longitude?", null::integer as "score?",
                  asked_at as "at!", ticket_id as "id!", (select count(*) from matched) as "total!"
           from matched
           where $7::timestamptz is null or (asked_at, ticket_id) < ($7, $8::uuid)
           order by asked_at desc, ticket_id desc limit $9"#,
        span.since,
        span.until,
        among.now,
        outcomes,
        among.only.units,
        among.only.field,
        after.0,
        after.1,
        among.limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(listed(rows))
}

/// Each rating given in `span` whose score is from `scores.0` to `scores.1`, by the field and unit whose answer was
/// rated.
pub async fn list_rated(
    conn: &mut PgConnection,
    span: Span,
    scores: (i32, i32),
    among: &Among<'_>,
) -> Result<(u32, Vec<Listed>), sqlx::Error> {
    let after = among.after.unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"with matched as (
               select event_id, at, score, f.unit, f.field, p.ticket_id, p.asked_at, p.answered_at, p.promised_at,
                      p.latitude, p.longitude,
                      analytics.outcome(p.answered_at, p.stopped_at, p.promised_at, p.extended, $3) as outcome
               from analytics.fact f join analytics.promise p using (ticket_id)
               where f.score is not null and f.score between $4 and $5 and f.at >= $1 and f.at < $2
                 and ($6::text[] is null or f.unit = any($6)) and ($7::text is null or f.field = $7))
           select ticket_id as "ticket_id!", asked_at as "asked_at!", answered_at as "answered_at?",
                  promised_at as "promised_at?", unit as "unit!", field as "field!", outcome as "outcome!",
                  latitude as "latitude?", longitude as "longitude?", score as "score?",
                  at as "at!", event_id as "id!", (select count(*) from matched) as "total!"
           from matched
           where $8::timestamptz is null or (at, event_id) < ($8, $9::uuid)
           order by at desc, event_id desc limit $10"#,
        span.since,
        span.until,
        among.now,
        scores.0,
        scores.1,
        among.only.units,
        among.only.field,
        after.0,
        after.1,
        among.limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(listed(rows))
}
