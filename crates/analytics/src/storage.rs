//! SQL of `analytics.*`; one function per question asked of the tables.

pub mod overview;

use std::collections::BTreeMap;

use api::TicketId;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::{
    fact::Fact,
    report::{Drafts, Ratings},
    storage::overview::Only,
    succession::Succession,
    ticket::{Deadline, Place, Standing, Ticket},
    webhook::Told,
};

/// Keeps a fact, once.
pub async fn insert_fact(conn: &mut PgConnection, event_id: Uuid, fact: &Fact) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into analytics.fact
             (event_id, name, ticket_id, version, at, field, unit, kind, reason, band, due_at, score,
              outcome, edit_share, probability, automatic)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         on conflict (event_id) do nothing",
        event_id,
        fact.name,
        fact.ticket_id.0,
        i64::from(fact.version),
        fact.at,
        fact.field,
        fact.unit,
        fact.kind,
        fact.reason,
        fact.band,
        fact.due_at,
        fact.score.map(|score| i32::try_from(score).unwrap_or(i32::MAX)),
        fact.draft.map(|draft| draft.outcome),
        fact.draft.map(|draft| draft.edit_share),
        fact.draft.map(|draft| draft.probability),
        fact.automatic,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A kept fact, to tell of it.
pub async fn find_fact(pool: &PgPool, event_id: Uuid) -> Result<Option<Told>, sqlx::Error> {
    sqlx::query_as!(
        Told,
        "select name, ticket_id, version, at, field, unit, kind, reason, band, due_at, score, automatic
         from analytics.fact where event_id = $1",
        event_id,
    )
    .fetch_optional(pool)
    .await
}

/// The ticket as known so far, held until the transaction ends; `first` where nothing was known.
pub async fn lock_ticket(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    first: &Ticket,
) -> Result<Ticket, sqlx::Error> {
    let Standing { round, answered_at, version, unit, field, due_at } = &first.standing;
    let deadline = &first.deadline;
    // Also waits for another's insertion: a lock alone would not find its row.
    sqlx::query!(
        "insert into analytics.ticket (ticket_id, asked_at, round, answered_at, version, unit, field, due_at,
                                       deadline_version, deadline_round, deadline_due_at, paused_at, extended,
                                       latitude, longitude)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (ticket_id) do nothing",
        ticket_id.0,
        first.asked_at,
        i64::from(*round),
        *answered_at,
        i64::from(*version),
        unit,
        field,
        *due_at,
        i64::from(deadline.version),
        i64::from(deadline.round),
        deadline.due_at,
        deadline.paused_at,
        deadline.extended,
        first.place.map(|place| place.latitude),
        first.place.map(|place| place.longitude),
    )
    .execute(&mut *conn)
    .await?;
    let row = sqlx::query!(
        "select asked_at, round, answered_at, version, unit, field, due_at,
                deadline_version, deadline_round, deadline_due_at, paused_at, extended, latitude, longitude
         from analytics.ticket where ticket_id = $1 for update",
        ticket_id.0,
    )
    .fetch_one(conn)
    .await?;
    let standing = Standing {
        round: count(row.round),
        answered_at: row.answered_at,
        version: count(row.version),
        unit: row.unit,
        field: row.field,
        due_at: row.due_at,
    };
    let deadline = Deadline {
        version: count(row.deadline_version),
        round: count(row.deadline_round),
        due_at: row.deadline_due_at,
        paused_at: row.paused_at,
        extended: row.extended,
    };
    let place = row.latitude.zip(row.longitude).map(|(latitude, longitude)| Place { latitude, longitude });
    Ok(Ticket { asked_at: row.asked_at, standing, deadline, place })
}

/// Writes what is known of a locked ticket.
pub async fn update_ticket(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    ticket: &Ticket,
) -> Result<(), sqlx::Error> {
    let Standing { round, answered_at, version, unit, field, due_at } = &ticket.standing;
    let deadline = &ticket.deadline;
    sqlx::query!(
        "update analytics.ticket
         set asked_at = $2, round = $3, answered_at = $4, version = $5, unit = $6, field = $7, due_at = $8,
             deadline_version = $9, deadline_round = $10, deadline_due_at = $11, paused_at = $12, extended = $13,
             latitude = $14, longitude = $15
         where ticket_id = $1",
        ticket_id.0,
        ticket.asked_at,
        i64::from(*round),
        *answered_at,
        i64::from(*version),
        unit,
        field,
        *due_at,
        i64::from(deadline.version),
        i64::from(deadline.round),
        deadline.due_at,
        deadline.paused_at,
        deadline.extended,
        ticket.place.map(|place| place.latitude),
        ticket.place.map(|place| place.longitude),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// When the last `days` days in Viet Nam began; today is one of them.
pub async fn start_of_days(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    days: u32,
) -> Result<DateTime<Utc>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select (date_trunc('day', $1::timestamptz at time zone 'Asia/Ho_Chi_Minh')
                   - make_interval(days => $2 - 1)) at time zone 'Asia/Ho_Chi_Minh' as "since!""#,
        now,
        i32::try_from(days).unwrap_or(i32::MAX),
    )
    .fetch_one(conn)
    .await
}

/// One field's questions of one day.
pub struct Hotness {
    pub field: String,
    /// In Viet Nam.
    pub day: NaiveDate,
    pub asked: u32,
}

/// Questions asked since then, by day and field, oldest day first.
pub async fn hotness(conn: &mut PgConnection, since: DateTime<Utc>) -> Result<Vec<Hotness>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select (asked_at at time zone 'Asia/Ho_Chi_Minh')::date as "day!", field, count(*) as "asked!"
           from analytics.ticket
           where asked_at >= $1
           group by 1, 2
           order by 1, 2"#,
        since,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Hotness { field: row.field, day: row.day, asked: count(row.asked) })
        .collect())
}

/// Keeps from when a unit's questions are another's; of two versions the newer counts.
pub async fn keep_succession(conn: &mut PgConnection, succession: &Succession) -> Result<(), sqlx::Error> {
    let Succession { unit, since, heir, version } = succession;
    sqlx::query!(
        "insert into analytics.succession (unit, since, heir, version) values ($1, $2, $3, $4)
         on conflict (unit, since) do update set heir = excluded.heir, version = excluded.version
         where succession.version < excluded.version",
        unit,
        since,
        heir,
        i64::from(*version),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what older versions planned for later than `after`.
pub async fn drop_successions(
    conn: &mut PgConnection,
    after: DateTime<Utc>,
    version: u32,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from analytics.succession where since > $1 and version < $2",
        after,
        i64::from(version),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Each unit that another goes on with, and which; empty: none alone does.
pub async fn heirs(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let rows = sqlx::query!(
        "select distinct on (unit) unit, heir from analytics.succession
         where since <= $1 order by unit, since desc",
        now,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.unit, row.heir)).collect())
}

/// The ratings of one field and unit.
pub struct Satisfaction {
    pub field: String,
    pub unit: String,
    pub ratings: Ratings,
}

/// Ratings given since then, by the field and unit whose answer was rated.
pub async fn satisfaction(
    conn: &mut PgConnection,
    since: DateTime<Utc>,
    only: Only<'_>,
) -> Result<Vec<Satisfaction>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select field, unit, count(score) as "count!", sum(score) as "score_sum!",
                  count(*) filter (where score >= 4) as "satisfied!"
           from analytics.fact
           where score is not null and at >= $1
             and ($2::text[] is null or unit = any($2)) and ($3::text is null or field = $3)
           group by field, unit
           order by field, unit"#,
        since,
        only.units,
        only.field,
    )
    .fetch_all(conn)
    .await?;
    let groups = rows.into_iter().map(|row| {
        let ratings = Ratings {
            count: count(row.count),
            score_sum: count(row.score_sum),
            satisfied: count(row.satisfied),
        };
        Satisfaction { field: row.field, unit: row.unit, ratings }
    });
    Ok(groups.collect())
}

/// What became of drafts since then, by week and field, the oldest week first.
pub async fn drift(
    conn: &mut PgConnection,
    since: DateTime<Utc>,
) -> Result<Vec<(NaiveDate, String, Drafts)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select date_trunc('week', at at time zone 'Asia/Ho_Chi_Minh')::date as "week!", field,
                  count(*) filter (where outcome = 'DRAFT_OUTCOME_ACCEPTED') as "accepted!",
                  count(*) filter (where outcome = 'DRAFT_OUTCOME_EDITED') as "edited!",
                  count(*) filter (where outcome = 'DRAFT_OUTCOME_REJECTED') as "rejected!",
                  coalesce(avg(edit_share) filter (where outcome = 'DRAFT_OUTCOME_EDITED'), 0) as "mean_edit_share!",
                  coalesce(avg(probability) filter (where outcome is not null), 0) as "expected_share!",
                  count(*) filter (where automatic and name = 'answering.v1.AnswerApproved') as "sent!",
                  count(*) filter (where automatic and name = 'intake.v1.QuestionReopened') as "sent_rejected!"
           from analytics.fact
           where (outcome is not null or automatic) and at >= $1
           group by 1, 2 order by 1, 2"#,
        since,
    )
    .fetch_all(conn)
    .await?;
    let drafts = rows.into_iter().map(|row| {
        let drafts = Drafts {
            accepted: count(row.accepted),
            edited: count(row.edited),
            rejected: count(row.rejected),
            mean_edit_share: row.mean_edit_share,
            expected_share: row.expected_share,
            sent: count(row.sent),
            sent_rejected: count(row.sent_rejected),
        };
        (row.week, row.field, drafts)
    });
    Ok(drafts.collect())
}

/// Counts and versions fit; one that does not is shown as the most there is.
fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
