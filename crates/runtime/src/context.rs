//! What a service is given, and what it gives back.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use async_nats::jetstream;
use futures::future::BoxFuture;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, server::NamedService, service::RoutesBuilder, transport::Channel};
use tower::Service;

use crate::{
    Clock, Peer, Principal, RoleName, Tokens,
    config::Notices,
    grpc::Outgoing,
    notify::{self, Mailer},
};

/// What a service is given.
#[derive(Clone)]
pub struct Context {
    /// Connects when first used.
    pub pool: PgPool,
    pub clock: Clock,
    /// Cancelled when the process is asked to stop.
    pub shutdown: CancellationToken,
    pub(crate) jetstream: Option<jetstream::Context>,
    pub(crate) tokens: Tokens,
    pub(crate) channels: Arc<BTreeMap<&'static str, Channel>>,
    /// `None`: mail is off.
    pub mailer: Option<Mailer>,
    pub(crate) retries: Notices,
}

impl Context {
    /// A client's connection to `service`, calling as one of the platform's own processes.
    ///
    /// # Panics
    /// If there is no service of that name.
    pub fn peer(&self, service: &str) -> Peer {
        Peer::new(self.channels[service].clone(), Outgoing::own(self.tokens.clone(), self.clock.clone()))
    }

    /// A client's connection to `service` that passes the caller's token on.
    ///
    /// # Panics
    /// If there is no service of that name.
    pub fn peer_as(&self, service: &str, bearer: Option<&str>) -> Peer {
        Peer::new(self.channels[service].clone(), Outgoing::passing(bearer))
    }

    /// A queue of notices, to be sent by [`crate::notify::run`].
    pub fn notices(&self, name: impl Into<String>) -> notify::Queue {
        notify::Queue { name: name.into(), pool: self.pool.clone(), retries: self.retries.clone() }
    }

    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The event stream.
    pub fn jetstream(&self) -> anyhow::Result<&jetstream::Context> {
        self.jetstream.as_ref().ok_or_else(|| anyhow::anyhow!("nats.url is not set"))
    }

    pub(crate) fn own_principal() -> Principal {
        Principal { subject: "motcua".to_owned(), role: RoleName::Service, unit: None }
    }
}

/// A background task of a role.
pub(crate) type Task = (&'static str, BoxFuture<'static, anyhow::Result<()>>);

/// What a service gives back: every RPC it serves, every event it hears, every task it runs.
#[derive(Default)]
pub struct Role {
    pub(crate) name: &'static str,
    pub(crate) routes: RoutesBuilder,
    pub(crate) services: Vec<&'static str>,
    pub(crate) hearers: Vec<bus::Hearer>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) states_facts: bool,
}

impl Role {
    pub fn named(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// Serves a generated gRPC service.
    #[must_use]
    pub fn serves<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Error = std::convert::Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.services.push(S::NAME);
        self.states_facts = true;
        self
    }

    /// Hears an event.
    #[must_use]
    pub fn hears(mut self, hearer: bus::Hearer) -> Self {
        self.hearers.push(hearer);
        self
    }

    /// Runs `task` beside the services. It ends when `Context::shutdown` is cancelled; a task that
    /// fails ends the process.
    #[must_use]
    pub fn runs(
        mut self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> Self {
        self.tasks.push((name, Box::pin(task)));
        self
    }
}
