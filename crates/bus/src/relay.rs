//! Carries outbox rows to the stream. One relay is active per database; the others wait.
//!
//! It polls instead of listening: NOTIFY takes a lock at commit that would serialise the very
//! commits that share one flush (ADR 0002).

use std::time::Duration;

use async_nats::jetstream;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Config, faults, headers::Envelope, stream};

/// The advisory lock that makes one relay the active one; the number only has to be ours.
const LOCK: i64 = 0x6d6f_7463_7561_0001;

/// How long to wait before trying again after a failure or while another relay is active.
const PAUSE: Duration = Duration::from_millis(500);

/// How often rows past their retention are deleted.
const PURGE_EVERY: Duration = Duration::from_hours(1);

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the outbox could not be read or marked")]
    Database(#[from] sqlx::Error),
    #[error("the stream is not there")]
    Stream(#[from] stream::Error),
    #[error("the stream did not take an event")]
    Publish(#[from] jetstream::context::PublishError),
}

/// Runs until `shutdown`. Failures are logged and tried again: rows stay until the stream has them.
pub async fn relay(pool: PgPool, jetstream: jetstream::Context, config: Config, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let turn = lead(&pool, &jetstream, &config, &shutdown);
        if let Some(Err(error)) = shutdown.run_until_cancelled(turn).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "relay: trying again");
        }
        let _ = shutdown.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
    }
}

/// Publishes for as long as this connection holds the lock; returns when another one does.
async fn lead(
    pool: &PgPool,
    jetstream: &jetstream::Context,
    config: &Config,
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    // Detached: dropping it closes the session, and with it the lock, whatever the reason.
    let mut conn = pool.acquire().await?.detach();
    let ours = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "ours!""#, LOCK)
        .fetch_one(&mut conn)
        .await?;
    if !ours {
        return Ok(());
    }
    stream::ensure(jetstream, config).await?;
    let mut purged: Option<std::time::Instant> = None;
    while !shutdown.is_cancelled() {
        let published = publish_batch(&mut conn, jetstream, config.relay_batch).await?;
        if purged.is_none_or(|at| at.elapsed() > PURGE_EVERY) {
            purge(&mut conn, config.retention_days).await?;
            purged = Some(std::time::Instant::now());
        }
        if published == 0 {
            tokio::time::sleep(Duration::from_millis(config.relay_poll_ms)).await;
        }
    }
    Ok(())
}

struct Row {
    seq: i64,
    event_id: Uuid,
    name: String,
    ticket_id: Uuid,
    payload: String,
    traceparent: Option<String>,
    occurred_at: DateTime<Utc>,
}

/// Publishes the oldest rows, all in flight at once, and marks those that the stream has. After a
/// failure the later ones stay unmarked, and are sent again: the stream drops what it has by id.
async fn publish_batch(
    conn: &mut PgConnection,
    jetstream: &jetstream::Context,
    limit: i64,
) -> Result<usize, Error> {
    let rows = sqlx::query_as!(
        Row,
        "select seq, event_id, name, ticket_id, payload, traceparent, occurred_at
         from bus.outbox where published_at is null order by seq limit $1",
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    let (mut acks, mut done, mut failed) = (Vec::with_capacity(rows.len()), Vec::new(), None);
    for row in &rows {
        faults::reach("before-publish", &row.name);
        match send(jetstream, row).await {
            Ok(ack) => acks.push(ack),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    for (row, ack) in rows.iter().zip(acks) {
        match ack.await {
            Ok(_) => done.push(row.seq),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
        faults::reach("before-mark", &row.name);
    }
    sqlx::query!("update bus.outbox set published_at = now() where seq = any($1)", &done)
        .execute(conn)
        .await?;
    metrics::counter!("motcua_events_published_total").increment(done.len() as u64);
    failed.map_or(Ok(done.len()), |error| Err(error.into()))
}

async fn send(
    jetstream: &jetstream::Context,
    row: &Row,
) -> Result<jetstream::context::PublishAckFuture, jetstream::context::PublishError> {
    let envelope = Envelope {
        event_id: row.event_id,
        name: row.name.clone(),
        ticket_id: row.ticket_id.to_string(),
        occurred_at: row.occurred_at,
        traceparent: row.traceparent.clone(),
    };
    let message = envelope.publish(&row.event_id.to_string(), row.payload.clone().into_bytes());
    jetstream.send_publish(format!("evt.{}", row.name), message).await
}

async fn purge(conn: &mut PgConnection, retention_days: u32) -> Result<(), sqlx::Error> {
    let days = i32::try_from(retention_days).unwrap_or(i32::MAX);
    sqlx::query!("delete from bus.outbox where published_at < now() - make_interval(days => $1)", days)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("delete from bus.inbox where done_at < now() - make_interval(days => $1)", days)
        .execute(&mut *conn)
        .await?;
    // What is told to people once is kept: a restored stream may say the fact again.
    sqlx::query!(
        "delete from bus.notice where repeatable and state = 'sent' and ended_at < now() - make_interval(days => $1)",
        days
    )
    .execute(conn)
    .await?;
    Ok(())
}
