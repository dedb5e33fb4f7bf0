//! The stream that the services share.

use std::time::Duration;

use async_nats::jetstream::{self, stream};

use crate::Config;

/// The stream's name; its subjects are `evt.>`.
pub const EVENTS: &str = "EVENTS";

/// JetStream removes repeated messages within this window; the inbox guards beyond it.
const DUPLICATE_WINDOW: Duration = Duration::from_mins(10);

/// Why there is no connection to NATS.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the address of NATS cannot be read")]
    Address(#[source] std::io::Error),
    #[error("no connection to NATS")]
    Connect(#[from] async_nats::ConnectError),
}

/// Connects to NATS. Returns at once even while the server is away: the client keeps trying, so
/// that submissions are accepted and delivered later.
pub async fn connect(url: &str, name: &str) -> Result<jetstream::Context, ConnectError> {
    let servers = url.split(',').map(str::parse).collect::<Result<Vec<async_nats::ServerAddr>, _>>();
    let servers = servers.map_err(ConnectError::Address)?;
    let mut options = async_nats::ConnectOptions::new()
        .name(format!("motcua {name}"))
        .retry_on_initial_connect()
        .reconnect_delay_callback(|attempts| Duration::from_millis(100 * attempts.min(20) as u64))
        .request_timeout(Some(Duration::from_secs(5)));
    // The client does not take them from the address by itself.
    let credentials = servers.first().and_then(|first| Some((first.username()?, first.password()?)));
    if let Some((user, password)) = credentials {
        options = options.user_and_password(user.to_owned(), password.to_owned());
    }
    Ok(jetstream::new(options.connect(servers).await?))
}

/// Why the stream, or a consumer of it, is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the stream could not be made")]
    Create(#[from] jetstream::context::CreateStreamError),
    #[error("the stream could not be read")]
    Get(#[from] jetstream::context::GetStreamError),
    #[error("the consumer could not be made")]
    Consumer(#[from] jetstream::stream::ConsumerError),
    #[error("messages could not be asked for")]
    Messages(#[from] jetstream::consumer::StreamError),
    #[error("messages stopped coming")]
    Pull(#[from] jetstream::consumer::pull::MessagesError),
}

/// Makes the stream, or brings it to the configured limits.
pub(crate) async fn ensure(jetstream: &jetstream::Context, config: &Config) -> Result<stream::Stream, Error> {
    let wanted = stream::Config {
        name: EVENTS.to_owned(),
        subjects: vec!["evt.>".to_owned()],
        description: Some("Facts that the services state: CloudEvents, canonical protobuf JSON".to_owned()),
        storage: stream::StorageType::File,
        max_age: Duration::from_secs(config.events_max_age_days * 86_400),
        duplicate_window: DUPLICATE_WINDOW,
        num_replicas: config.replicas,
        ..Default::default()
    };
    jetstream.create_or_update_stream(wanted).await?;
    Ok(jetstream.get_stream(EVENTS).await?)
}
