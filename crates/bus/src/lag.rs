//! What is still under way: rows the stream does not have, messages nobody has acknowledged.

use std::collections::BTreeMap;

use async_nats::jetstream;
use futures::TryStreamExt as _;
use sqlx::PgPool;

use crate::EVENTS;

/// Zero everywhere means settled: every fact so far has had its effects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Facts committed but not yet on the stream.
    pub outbox: u32,
    /// By consumer: messages not yet acknowledged.
    pub consumers: BTreeMap<String, u32>,
}

/// Why the lag is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the outbox could not be read")]
    Database(#[from] sqlx::Error),
    #[error("the stream could not be read: {0}")]
    Stream(String),
}

/// Looks at the outbox, then at the consumers, then at the outbox again: a fact that moved from
/// one to the other in between must not be missed, so rows written meanwhile count as lag.
pub async fn lag(pool: &PgPool, jetstream: &jetstream::Context) -> Result<Lag, Error> {
    let before = outbox(pool).await?;
    let consumers = consumers(jetstream).await?;
    let after = outbox(pool).await?;
    let written_meanwhile = u32::try_from(after.newest - before.newest).unwrap_or(u32::MAX);
    Ok(Lag { outbox: before.waiting.max(after.waiting).max(written_meanwhile), consumers })
}

struct Outbox {
    waiting: u32,
    newest: i64,
}

async fn outbox(pool: &PgPool) -> Result<Outbox, sqlx::Error> {
    let row = sqlx::query!(
        r#"select (select count(*) from bus.outbox where published_at is null) as "waiting!",
                  (select coalesce(max(seq), 0) from bus.outbox) as "newest!""#,
    )
    .fetch_one(pool)
    .await?;
    Ok(Outbox { waiting: u32::try_from(row.waiting).unwrap_or(u32::MAX), newest: row.newest })
}

async fn consumers(jetstream: &jetstream::Context) -> Result<BTreeMap<String, u32>, Error> {
    let stream = jetstream.get_stream(EVENTS).await.map_err(|e| Error::Stream(e.to_string()))?;
    let infos: Vec<_> = stream.consumers().try_collect().await.map_err(|e| Error::Stream(e.to_string()))?;
    Ok(infos
        .into_iter()
        .filter(|info| info.config.durable_name.is_some())
        .map(|info| {
            let waiting = info.num_pending.saturating_add(info.num_ack_pending as u64);
            (info.name, u32::try_from(waiting).unwrap_or(u32::MAX))
        })
        .collect())
}
