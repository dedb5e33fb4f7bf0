//! SQL of the answers that a reopening ended.

use api::{TicketId, intake::v1::Citation};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{decode, version};
use crate::ticket::Answer;

/// An answer of an earlier round, and what the asker said of it.
#[derive(Debug)]
pub struct Former {
    pub number: u32,
    pub answer: Answer,
    /// 1 to 5; 0: an automatic answer that was rejected without a rating.
    pub score: u32,
    /// Redacted.
    pub comment: String,
}

pub async fn keep(conn: &mut PgConnection, ticket_id: TicketId, former: &Former) -> Result<(), sqlx::Error> {
    let citations = serde_json::to_value(&former.answer.citations).map_err(decode)?;
    sqlx::query!(
        "insert into intake.former_answer (ticket_id, number, text, citations, answered_at, automatic, score, comment)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        ticket_id.0,
        version(former.number),
        former.answer.text,
        citations,
        former.answer.answered_at,
        former.answer.automatic,
        version(former.score),
        former.comment,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Oldest first.
pub async fn of(conn: &mut PgConnection, ticket_id: TicketId) -> Result<Vec<Former>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "select number, text, citations, answered_at, automatic, score, comment from intake.former_answer
         where ticket_id = $1 order by number",
        ticket_id.0
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Former::try_from).collect()
}

struct Row {
    number: i32,
    text: String,
    citations: serde_json::Value,
    answered_at: DateTime<Utc>,
    automatic: bool,
    score: i32,
    comment: String,
}

impl TryFrom<Row> for Former {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let citations: Vec<Citation> = serde_json::from_value(row.citations).map_err(decode)?;
        Ok(Self {
            number: u32::try_from(row.number).map_err(decode)?,
            answer: Answer {
                text: row.text,
                citations,
                answered_at: row.answered_at,
                automatic: row.automatic,
            },
            score: u32::try_from(row.score).map_err(decode)?,
            comment: row.comment,
        })
    }
}
