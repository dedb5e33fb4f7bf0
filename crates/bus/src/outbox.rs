//! Where a fact waits, in the transaction of the state it speaks of, until the stream has it.

use api::Event;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::trace;

/// Bytes of an event's data, at most. NATS takes messages of 1 MiB, headers included; one that it
/// refuses would hold up all that come after it.
const DATA_BYTES_MAX: usize = 900 * 1024;

#[derive(Debug, thiserror::Error)]
#[error("an event of {0} bytes is too large to be told")]
struct TooLarge(usize);

/// States a fact. It is published if, and only if, the caller's transaction commits.
pub async fn put<E: Event>(conn: &mut PgConnection, event: &E) -> Result<(), sqlx::Error> {
    let (ticket_id, payload) = written(event)?;
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

/// States many facts of one kind, in their order, as [`put`] does each.
pub async fn put_all<E: Event>(conn: &mut PgConnection, events: &[E]) -> Result<(), sqlx::Error> {
    let written = events.iter().map(written).collect::<Result<Vec<_>, _>>()?;
    let (tickets, payloads): (Vec<Uuid>, Vec<String>) = written.into_iter().unzip();
    let ids: Vec<Uuid> = events.iter().map(|_| Uuid::now_v7()).collect();
    sqlx::query!(
        "insert into bus.outbox (event_id, name, ticket_id, payload, traceparent)
         select event_id, $4, ticket_id, payload, $5
         from unnest($1::uuid[], $2::uuid[], $3::text[]) with ordinality as e (event_id, ticket_id, payload, n)
         order by n",
        &ids,
        &tickets,
        &payloads,
        E::event_name(),
        trace::current(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn written<E: Event>(event: &E) -> Result<(Uuid, String), sqlx::Error> {
    let ticket_id = Uuid::parse_str(event.ticket_id()).map_err(|e| sqlx::Error::Encode(e.into()))?;
    let payload = serde_json::to_string(event).map_err(|e| sqlx::Error::Encode(e.into()))?;
    if payload.len() > DATA_BYTES_MAX {
        return Err(sqlx::Error::Encode(TooLarge(payload.len()).into()));
    }
    Ok((ticket_id, payload))
}
