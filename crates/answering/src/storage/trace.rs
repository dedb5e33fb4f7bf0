//! SQL of `answering.answer_trace`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::answer::Answer;

/// What an officer did to an answer, which has the version after it.
pub struct Trace<'a> {
    pub what: &'static str,
    pub by: &'a str,
    /// What was said with it, or submitted.
    pub note: &'a str,
    pub at: DateTime<Utc>,
}

pub async fn keep(conn: &mut PgConnection, answer: &Answer, trace: &Trace<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into answering.answer_trace (ticket_id, version, unit, what, done_by, note, at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        answer.ticket_id.0,
        i32::try_from(answer.version).unwrap_or(i32::MAX),
        answer.custody.unit,
        trace.what,
        trace.by,
        trace.note,
        trace.at,
    )
    .execute(conn)
    .await?;
    Ok(())
}
