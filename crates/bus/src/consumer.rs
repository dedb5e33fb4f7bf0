//! One durable pull consumer per hearer and event: explicit acks, own back-off, dead letters.

use std::{fmt, future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use api::Event;
use async_nats::jetstream::{self, AckKind, consumer::pull};
use chrono::{DateTime, Utc};
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture};
use sqlx::{PgPool, Postgres, Transaction};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{Config, dead_letter, faults, headers::Envelope, stream, trace};

/// How long to wait before making a broken consumer again.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest wait between two deliveries of a failing event.
const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// An event as a hearer gets it, perhaps not for the first time.
#[derive(Debug, Clone)]
pub struct Received<E> {
    pub event: E,
    pub event_id: Uuid,
    /// When it was stated.
    pub occurred_at: DateTime<Utc>,
    consumer: String,
}

impl<E> Received<E> {
    /// Begins the transaction of the event's effect; `None` when this consumer has already had it.
    pub async fn begin_once(
        &self,
        pool: &PgPool,
    ) -> Result<Option<Transaction<'static, Postgres>>, sqlx::Error> {
        let mut tx = pool.begin().await?;
        let first = sqlx::query!(
            "insert into bus.inbox (consumer, event_id) values ($1, $2) on conflict do nothing",
            self.consumer,
            self.event_id,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected()
            == 1;
        Ok(first.then_some(tx))
    }
}

/// Why a hearer could not do its part.
#[derive(Debug)]
pub enum Failure {
    /// May work later: delivered again, with growing pauses.
    Retry(anyhow::Error),
    /// Will never work: a dead letter at once.
    Reject(anyhow::Error),
}

impl Failure {
    pub fn retry(error: impl Into<anyhow::Error>) -> Self {
        Self::Retry(error.into())
    }

    pub fn reject(error: impl Into<anyhow::Error>) -> Self {
        Self::Reject(error.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry(error) | Self::Reject(error) => write!(f, "{error:#}"),
        }
    }
}

/// A database that failed may work later; any other failure must say which it is.
impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::retry(error)
    }
}

type Handle = dyn Fn(Envelope, String, Vec<u8>) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync;

/// What one service does on one event.
#[derive(Clone)]
pub struct Hearer {
    consumer: String,
    subject: String,
    handle: Arc<Handle>,
}

/// Has `service` do `on` at every event of type `E`.
pub fn hearer<E, F, Fut>(service: &str, on: F) -> Hearer
where
    E: Event,
    F: Fn(Received<E>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let name = E::event_name();
    let fact = name.rsplit('.').next().unwrap_or_default();
    Hearer {
        consumer: format!("{service}-{fact}"),
        subject: E::subject(),
        handle: Arc::new(move |envelope, consumer, payload| match serde_json::from_slice::<E>(&payload) {
            Ok(event) => {
                let received = Received {
                    event,
                    event_id: envelope.event_id,
                    occurred_at: envelope.occurred_at,
                    consumer,
                };
                Box::pin(on(received))
            }
            Err(error) => {
                let error =
                    anyhow::Error::new(error).context("the event's data does not have its type's form");
                Box::pin(std::future::ready(Err(Failure::Reject(error))))
            }
        }),
    }
}

impl Hearer {
    /// `<service>-<fact>`, the durable consumer's name.
    pub fn consumer(&self) -> &str {
        &self.consumer
    }

    /// Hears until `shutdown`; what is being handled then is finished first.
    pub async fn run(
        self,
        pool: PgPool,
        jetstream: jetstream::Context,
        config: Config,
        shutdown: CancellationToken,
    ) {
        while !shutdown.is_cancelled() {
            if let Err(error) = self.listen(&pool, &jetstream, &config, &shutdown).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, consumer = self.consumer, "hearing again after a pause");
            }
            let _ = shutdown.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }

    async fn listen(
        &self,
        pool: &PgPool,
        jetstream: &jetstream::Context,
        config: &Config,
        shutdown: &CancellationToken,
    ) -> Result<(), stream::Error> {
        let ready = shutdown.run_until_cancelled(self.messages(jetstream, config)).await;
        let Some(messages) = ready.transpose()? else { return Ok(()) };
        let mut failure = None;
        messages
            .take_until(shutdown.cancelled())
            // The first error ends the subscription, which is then made anew.
            .scan(&mut failure, |failure, message| {
                let message = message.map_err(|error| **failure = Some(error)).ok();
                std::future::ready(message)
            })
            .for_each_concurrent(config.concurrency, |message| self.deliver(message, pool, config))
            .await;
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn messages(
        &self,
        jetstream: &jetstream::Context,
        config: &Config,
    ) -> Result<pull::Stream, stream::Error> {
        let stream = stream::ensure(jetstream, config).await?;
        let consumer = stream
            .create_consumer(pull::Config {
                durable_name: Some(self.consumer.clone()),
                filter_subject: self.subject.clone(),
                ack_wait: Duration::from_millis(config.ack_wait_ms),
                // Ours to count: the server would drop the event after its last try, unrecorded.
                max_deliver: -1,
                ..Default::default()
            })
            .await?;
        // Few at a time: what this process has fetched but not begun, no other one can take.
        let messages = consumer.stream().max_messages_per_batch(config.concurrency * 2);
        Ok(messages.heartbeat(Duration::from_secs(5)).expires(Duration::from_secs(15)).messages().await?)
    }

    async fn deliver(&self, message: jetstream::Message, pool: &PgPool, config: &Config) {
        let Ok(info) = message.info() else {
            tracing::error!(consumer = self.consumer, "a message without JetStream's reply subject");
            return;
        };
        let (delivered, sequence) = (info.delivered, info.stream_sequence);
        let published = DateTime::from_timestamp(info.published.unix_timestamp(), 0).unwrap_or_default();
        let envelope = Envelope::read(message.headers.as_ref(), &message.subject, sequence, published);
        let span = tracing::info_span!(
            "hear",
            otel.name = format!("{} hear", self.consumer),
            otel.kind = "consumer",
            event = envelope.name,
            ticket.id = envelope.ticket_id,
            delivered,
        );
        trace::continue_from(&span, envelope.traceparent.as_deref());
        self.handle_and_ack(&message, envelope, delivered, pool, config).instrument(span).await;
    }

    async fn handle_and_ack(
        &self,
        message: &jetstream::Message,
        envelope: Envelope,
        delivered: i64,
        pool: &PgPool,
        config: &Config,
    ) {
        faults::reach(&format!("before-effect:{}", self.consumer), &envelope.name);
        // Beyond the limit it was never answered for: whoever handled it died each time.
        let outcome = if delivered > config.max_deliver {
            Err(Failure::Reject(anyhow::anyhow!("handled {} times without an end", delivered - 1)))
        } else {
            let handling = (self.handle)(envelope.clone(), self.consumer.clone(), message.payload.to_vec());
            // A panic would end the process, at every delivery again.
            let handling = AssertUnwindSafe(handling).catch_unwind();
            let handled = keep_ours(message, handling, Duration::from_millis(config.ack_wait_ms / 3)).await;
            handled.unwrap_or_else(|_| Err(Failure::Reject(anyhow::anyhow!("the handler panicked"))))
        };
        faults::reach(&format!("before-ack:{}", self.consumer), &envelope.name);
        let (ack, outcome) = match outcome {
            Ok(()) => (AckKind::Ack, "done"),
            Err(Failure::Retry(error)) if delivered < config.max_deliver => {
                tracing::warn!(
                    consumer = self.consumer,
                    error = format!("{error:#}"),
                    delivered,
                    "trying again"
                );
                (AckKind::Nak(Some(backoff(delivered))), "retried")
            }
            Err(failure) => {
                (self.bury(&envelope, &message.payload, &failure, delivered, pool).await, "buried")
            }
        };
        metrics::counter!("motcua_events_heard_total", "consumer" => self.consumer.clone(), "outcome" => outcome)
            .increment(1);
        if let Err(error) = message.ack_with(ack).await {
            // Delivered again; the inbox knows.
            tracing::warn!(consumer = self.consumer, error, "an acknowledgement did not leave");
        }
    }

    /// Stores the dead letter; only if that fails is the event delivered again.
    async fn bury(
        &self,
        envelope: &Envelope,
        payload: &[u8],
        failure: &Failure,
        delivered: i64,
        pool: &PgPool,
    ) -> AckKind {
        tracing::error!(consumer = self.consumer, error = %failure, event = envelope.name, "a dead letter");
        let buried = async {
            let mut conn = pool.acquire().await?;
            dead_letter::bury(&mut conn, &self.consumer, envelope, payload, &failure.to_string()).await
        };
        match buried.await {
            Ok(()) => AckKind::Term,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, consumer = self.consumer, "a dead letter could not be stored yet");
                AckKind::Nak(Some(backoff(delivered)))
            }
        }
    }
}

/// Tells the server now and then that a long handler is still at it.
async fn keep_ours<T>(message: &jetstream::Message, handling: impl Future<Output = T>, every: Duration) -> T {
    let mut handling = std::pin::pin!(handling);
    loop {
        tokio::select! {
            outcome = &mut handling => return outcome,
            () = tokio::time::sleep(every) => {
                if let Err(error) = message.ack_with(AckKind::Progress).await {
                    tracing::warn!(error, "a progress mark did not leave");
                }
            }
        }
    }
}

/// 200 ms, doubling, at most [`BACKOFF_MAX`].
fn backoff(delivered: i64) -> Duration {
    let doublings = u32::try_from(delivered.clamp(1, 20) - 1).unwrap_or_default();
    Duration::from_millis(200 << doublings).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_and_stay_bounded() {
        assert_eq!(backoff(1), Duration::from_millis(200));
        assert_eq!(backoff(3), Duration::from_millis(800));
        assert_eq!(backoff(500), BACKOFF_MAX);
    }
}
