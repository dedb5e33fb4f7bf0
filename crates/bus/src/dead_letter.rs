//! Events that a consumer gave up on: kept with their reason, shown, and handed out again.

use async_nats::jetstream;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::headers::Envelope;

/// One event that one consumer gave up on.
#[derive(Debug)]
pub struct DeadLetter {
    pub consumer: String,
    pub event_id: Uuid,
    pub name: String,
    pub ticket_id: String,
    pub error: String,
    pub failed_at: DateTime<Utc>,
}

/// Why dead letters could not be handed out again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("dead letters could not be read or removed")]
    Database(#[from] sqlx::Error),
    #[error("the stream did not take a dead letter back")]
    Publish(#[from] jetstream::context::PublishError),
}

pub(crate) async fn bury(
    conn: &mut PgConnection,
    consumer: &str,
    envelope: &Envelope,
    payload: &[u8],
    error: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into bus.dead_letter (consumer, event_id, name, ticket_id, payload, traceparent, occurred_at, error)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (consumer, event_id) do update set error = excluded.error, failed_at = now()",
        consumer,
        envelope.event_id,
        envelope.name,
        envelope.ticket_id,
        payload,
        envelope.traceparent,
        envelope.occurred_at,
        error,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest dead letters.
pub async fn list(conn: &mut PgConnection, limit: i64) -> Result<Vec<DeadLetter>, sqlx::Error> {
    sqlx::query_as!(
        DeadLetter,
        "select consumer, event_id, name, ticket_id, error, failed_at
         from bus.dead_letter order by failed_at desc limit $1",
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Publishes matching dead letters again and forgets them. Consumers that already handled the
/// event ignore it, by its unchanged id. Returns how many.
pub async fn redrive(
    pool: &PgPool,
    jetstream: &jetstream::Context,
    consumer: Option<&str>,
    event_id: Option<Uuid>,
) -> Result<u32, Error> {
    let rows = sqlx::query!(
        "select consumer, event_id, name, ticket_id, payload, traceparent, occurred_at, failed_at
         from bus.dead_letter
         where ($1::text is null or consumer = $1) and ($2::uuid is null or event_id = $2)
         order by failed_at",
        consumer,
        event_id,
    )
    .fetch_all(pool)
    .await?;
    let mut redriven = 0;
    for row in rows {
        let envelope = Envelope {
            event_id: row.event_id,
            name: row.name,
            ticket_id: row.ticket_id,
            occurred_at: row.occurred_at,
            traceparent: row.traceparent,
        };
        // Another message id, or the stream would take it for the one it has.
        let message = envelope.publish(&format!("redrive-{}", Uuid::now_v7()), row.payload);
        // Published before it is forgotten: a crash between the two repeats it, which is harmless.
        jetstream.send_publish(format!("evt.{}", envelope.name), message).await?.await?;
        // It may have failed again already: then it is another letter, with a later time, and stays.
        sqlx::query!(
            "delete from bus.dead_letter where consumer = $1 and event_id = $2 and failed_at = $3",
            row.consumer,
            row.event_id,
            row.failed_at,
        )
        .execute(pool)
        .await?;
        redriven += 1;
    }
    Ok(redriven)
}
