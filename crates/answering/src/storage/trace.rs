//! SQL of `answering.answer_trace`.

use api::{TicketId, answering::v1::AnswerChangeKind};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::decode;
use crate::answer::Answer;

/// What happened to an answer, which has the version after it.
pub struct Trace<'a> {
    pub what: &'static str,
    /// The officer; empty: the asker, or by itself.
    pub by: &'a str,
    /// What was said with it, or submitted.
    pub note: &'a str,
    pub at: DateTime<Utc>,
}

/// What is read of a trace.
pub struct Traced {
    pub what: AnswerChangeKind,
    pub by: String,
    pub note: String,
    pub at: DateTime<Utc>,
    pub version: u32,
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

/// What happened after that version, oldest first; of each the first `chars` characters of what was said.
pub async fn since(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    version: u32,
    chars: i32,
    limit: i64,
) -> Result<Vec<Traced>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select what, done_by, left(note, $3) as "note!", at, version from answering.answer_trace
           where ticket_id = $1 and version > $2 order by seq limit $4"#,
        ticket_id.0,
        i32::try_from(version).unwrap_or(i32::MAX),
        chars,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let traced = rows.into_iter().map(|row| {
        let name = format!("ANSWER_CHANGE_KIND_{}", row.what.to_uppercase());
        let what = AnswerChangeKind::from_str_name(&name).ok_or_else(|| decode("unknown change"))?;
        let version = u32::try_from(row.version).map_err(decode)?;
        Ok(Traced { what, by: row.done_by, note: row.note, at: row.at, version })
    });
    traced.collect()
}
