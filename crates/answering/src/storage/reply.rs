//! SQL of `answering.asker_reply`.

use api::{TicketId, intake::v1::AskerReply};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// What the asker gave when asked; redacted.
pub struct Reply {
    /// In the officer's words.
    pub asked: String,
    pub text: String,
    pub at: DateTime<Utc>,
}

impl Reply {
    pub fn snapshot(self) -> AskerReply {
        AskerReply { asked: self.asked, text: self.text, at: Some(api::timestamp(self.at)) }
    }
}

/// Keeps what was given in that version of the ticket, once.
pub async fn keep(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    version: u32,
    reply: &Reply,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into answering.asker_reply (ticket_id, version, asked, text, at) values ($1, $2, $3, $4, $5)
         on conflict (ticket_id, version) do nothing",
        ticket_id.0,
        i32::try_from(version).unwrap_or(i32::MAX),
        reply.asked,
        reply.text,
        reply.at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Oldest first.
pub async fn of(conn: &mut PgConnection, ticket_id: TicketId) -> Result<Vec<Reply>, sqlx::Error> {
    sqlx::query_as!(
        Reply,
        "select asked, text, at from answering.asker_reply where ticket_id = $1 order by version",
        ticket_id.0,
    )
    .fetch_all(conn)
    .await
}
