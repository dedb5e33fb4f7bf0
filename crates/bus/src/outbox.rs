//! Where a fact waits, in the transaction of the state it speaks of, until the stream has it.

use api::Event;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::trace;

/// States a fact. It is published if, and only if, the caller's transaction commits.
pub async fn put<E: Event>(conn: &mut PgConnection, event: &E) -> Result<(), sqlx::Error> {
    let ticket_id = Uuid::parse_str(event.ticket_id()).map_err(|e| sqlx::Error::Encode(e.into()))?;
    let payload = serde_json::to_string(event).map_err(|e| sqlx::Error::Encode(e.into()))?;
    sqlx::query!(
        "insert into bus.outbox (event_id, name, ticket_id, payload, traceparent) values ($1, $2, $3, $4, $5)",
        Uuid::now_v7(),
        E::event_name(),
        ticket_id,
        payload,
        trace::current(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
