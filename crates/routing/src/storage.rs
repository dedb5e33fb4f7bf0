//! SQL of `routing.*`.

pub mod account;
pub mod calendar;
pub mod custody;
pub mod registry;

use api::{TicketId, intake::v1::Question, routing::v1::RoutingReason};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{assignment::Assignment, deadline::Deadline, moves::Binding, policy::Rules};

/// The assignment, locked until the transaction ends.
pub async fn lock_assignment(
    conn: &mut PgConnection,
    ticket_id: TicketId,
) -> Result<Option<Assignment>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select ticket_id, version, question, agency, unit, field, reason, due_at, routed_at, answered, deadline,
                suggestions, moves, binding
         from routing.assignment where ticket_id = $1 for update",
        ticket_id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Assignment::try_from).transpose()
}

/// The assignment, to look at.
pub async fn find_assignment(
    conn: &mut PgConnection,
    ticket_id: TicketId,
) -> Result<Option<Assignment>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select ticket_id, version, question, agency, unit, field, reason, due_at, routed_at, answered, deadline,
                suggestions, moves, binding
         from routing.assignment where ticket_id = $1",
        ticket_id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Assignment::try_from).transpose()
}

/// Some of the assignments whose deadline has a step to take, locked; left out are those that another has,
/// and those whose deadline is still to be computed with this calendar.
pub async fn lock_stepping(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    calendar: u32,
    limit: i64,
) -> Result<Vec<Assignment>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "select ticket_id, version, question, agency, unit, field, reason, due_at, routed_at, answered, deadline,
                suggestions, moves, binding
         from routing.assignment where next_step_at <= $1 and (calendar >= $2 or deadline is null)
         order by next_step_at limit $3 for update skip locked",
        now,
        i32::try_from(calendar).unwrap_or(i32::MAX),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Assignment::try_from).collect()
}

/// Some of the questions without an answer that are at any of these units, locked; those that another
/// has are left out.
pub async fn lock_open_at(
    conn: &mut PgConnection,
    units: &[String],
    limit: i64,
) -> Result<Vec<Assignment>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "select ticket_id, version, question, agency, unit, field, reason, due_at, routed_at, answered, deadline,
                suggestions, moves, binding
         from routing.assignment where not answered and unit = any($1) limit $2
         for update skip locked",
        units,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Assignment::try_from).collect()
}

/// Saves a new or changed assignment.
pub async fn save_assignment(
    conn: &mut PgConnection,
    assignment: &Assignment,
    rules: &Rules,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into routing.assignment
             (ticket_id, version, question, agency, unit, field, reason, due_at, routed_at, answered,
              deadline, next_step_at, suggestions, moves, binding, calendar)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         on conflict (ticket_id) do update
         set version = excluded.version, question = excluded.question, agency = excluded.agency,
             unit = excluded.unit, field = excluded.field, reason = excluded.reason, due_at = excluded.due_at,
             routed_at = excluded.routed_at, answered = excluded.answered, deadline = excluded.deadline,
             next_step_at = excluded.next_step_at, moves = excluded.moves, binding = excluded.binding,
             calendar = excluded.calendar",
        assignment.ticket_id.0,
        i32::try_from(assignment.version).unwrap_or(i32::MAX),
        serde_json::to_value(&assignment.question).expect("a question serialises"),
        assignment.agency,
        assignment.unit,
        assignment.field,
        assignment.reason.as_str_name(),
        assignment.deadline.due_at,
        assignment.routed_at,
        assignment.answered,
        serde_json::to_value(&assignment.deadline).expect("a deadline serialises"),
        assignment.deadline.next_step(rules).map(|(_, at)| at),
        serde_json::to_value(&assignment.suggestions).expect("suggestions serialise"),
        i32::try_from(assignment.moves).unwrap_or(i32::MAX),
        assignment.binding.name(),
        // The next step is of these rules: where they are older, it is computed anew too.
        i32::try_from(assignment.deadline.calendar.min(rules.calendar.version())).unwrap_or(i32::MAX),
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct Row {
    ticket_id: Uuid,
    version: i32,
    question: serde_json::Value,
    agency: String,
    unit: String,
    field: String,
    reason: String,
    due_at: DateTime<Utc>,
    routed_at: DateTime<Utc>,
    answered: bool,
    deadline: Option<serde_json::Value>,
    suggestions: serde_json::Value,
    moves: i32,
    binding: String,
}

impl TryFrom<Row> for Assignment {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let decode = |error: Box<dyn std::error::Error + Send + Sync>| sqlx::Error::Decode(error);
        let question: Question = serde_json::from_value(row.question).map_err(|e| decode(e.into()))?;
        let deadline = match row.deadline {
            Some(deadline) => serde_json::from_value(deadline).map_err(|e| decode(e.into()))?,
            None => Deadline::of_old(&question, row.routed_at, row.due_at, row.answered),
        };
        Ok(Self {
            ticket_id: TicketId(row.ticket_id),
            version: u32::try_from(row.version).map_err(|e| decode(e.into()))?,
            question,
            agency: row.agency,
            unit: row.unit,
            field: row.field,
            reason: RoutingReason::from_str_name(&row.reason)
                .ok_or_else(|| decode("unknown reason".into()))?,
            deadline,
            routed_at: row.routed_at,
            answered: row.answered,
            moves: u32::try_from(row.moves).map_err(|e| decode(e.into()))?,
            binding: Binding::of_name(&row.binding).ok_or_else(|| decode("unknown binding".into()))?,
            suggestions: serde_json::from_value(row.suggestions).map_err(|e| decode(e.into()))?,
        })
    }
}
