//! How facts travel. A fact leaves only if the state it speaks of stays ([`outbox`], the relay),
//! and is safe to hear twice ([`Received::begin_once`]). Retry or reject: a hearer's failure says
//! which; what is rejected, or retried too often, becomes a dead letter that can be re-driven.
//!
//! CloudEvents 1.0 in binary mode on NATS headers; the data is canonical protobuf JSON.

mod consumer;
pub mod dead_letter;
pub mod faults;
mod headers;
mod lag;
pub mod notice;
pub mod outbox;
mod relay;
mod stream;
mod trace;

pub use consumer::{Failure, Hearer, Received, hearer};
pub use headers::CONTENT_TYPE;
pub use lag::{Lag, lag};
pub use relay::relay;
pub use stream::{ConnectError, EVENTS, connect};

use serde::{Deserialize, Serialize};

/// The schema this crate owns.
pub const SCHEMA: &str = "bus";

/// Makes the tables of [`SCHEMA`].
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// Limits of delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Copies of the stream in the NATS cluster, 1 to 5.
    pub replicas: usize,
    /// How long the stream keeps events, in days.
    pub events_max_age_days: u64,
    /// How long published outbox rows and inbox rows are kept, in days; longer than
    /// `events_max_age_days`, or an old event could be handled twice.
    pub retention_days: u32,
    /// Deliveries of one event to one consumer before it becomes a dead letter. Pauses grow to a
    /// minute, so the default is about a day: an outage of another part costs time, nothing else.
    pub max_deliver: i64,
    /// Time a handler has before the event is delivered again; long handlers extend it.
    pub ack_wait_ms: u64,
    /// Events one consumer handles at the same time.
    pub concurrency: usize,
    /// Outbox rows published in one batch.
    pub relay_batch: i64,
    /// How often the relay looks for new rows when idle.
    pub relay_poll_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            replicas: 1,
            events_max_age_days: 14,
            retention_days: 30,
            max_deliver: 1_440,
            ack_wait_ms: 30_000,
            concurrency: 16,
            relay_batch: 256,
            relay_poll_ms: 40,
        }
    }
}
