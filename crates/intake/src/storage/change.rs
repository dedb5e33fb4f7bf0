//! SQL of what askers change of a question that waits.

use api::TicketId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{decode, version};

/// A request to change a ticket.
pub struct Request {
    pub request_id: Uuid,
    /// `amended`, `withdrawn` or `replied`.
    pub what: &'static str,
    /// Of all that was asked for.
    pub digest: Vec<u8>,
}

/// What is known of a request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Now,
    /// The same was asked for before.
    Before,
    /// Something else was.
    Reused,
}

/// Notes a request, once.
pub async fn note(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    request: &Request,
    at: DateTime<Utc>,
) -> Result<Heard, sqlx::Error> {
    let noted = sqlx::query!(
        "insert into intake.change (request_id, ticket_id, what, digest, at) values ($1, $2, $3, $4, $5)
         on conflict (request_id) do nothing",
        request.request_id,
        ticket_id.0,
        request.what,
        request.digest,
        at,
    )
    .execute(&mut *conn)
    .await?;
    if noted.rows_affected() == 1 {
        return Ok(Heard::Now);
    }
    let same = sqlx::query_scalar!(
        r#"select ticket_id = $2 and what = $3 and digest = $4 as "same!" from intake.change where request_id = $1"#,
        request.request_id,
        ticket_id.0,
        request.what,
        request.digest,
    )
    .fetch_one(conn)
    .await?;
    Ok(if same { Heard::Before } else { Heard::Reused })
}

/// What an asker gave when asked.
#[derive(Debug)]
pub struct Reply {
    pub inquiry: u32,
    pub asked: String,
    /// Redacted.
    pub text: String,
    pub at: DateTime<Utc>,
}

/// Keeps a reply; `false`: what was asked for was given before.
pub async fn keep_reply(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    reply: &Reply,
) -> Result<bool, sqlx::Error> {
    let kept = sqlx::query!(
        "insert into intake.reply (ticket_id, inquiry, asked, text, at) values ($1, $2, $3, $4, $5)
         on conflict (ticket_id, inquiry) do nothing",
        ticket_id.0,
        version(reply.inquiry),
        reply.asked,
        reply.text,
        reply.at,
    )
    .execute(conn)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Oldest first.
pub async fn replies(conn: &mut PgConnection, ticket_id: TicketId) -> Result<Vec<Reply>, sqlx::Error> {
    let rows = sqlx::query!(
        "select inquiry, asked, text, at from intake.reply where ticket_id = $1 order by inquiry",
        ticket_id.0
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let inquiry = u32::try_from(row.inquiry).map_err(decode)?;
            Ok(Reply { inquiry, asked: row.asked, text: row.text, at: row.at })
        })
        .collect()
}
