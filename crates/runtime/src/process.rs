//! Start and stop, in one place and in order: bind, build, serve, wait, drain.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::{net::TcpListener, signal::unix::SignalKind, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{Clock, Config, Context, Role, Tokens, grpc, notify, serve};

/// A process that has bound its port and not yet begun to serve.
pub struct Process {
    config: Config,
    context: Context,
    listener: TcpListener,
}

impl Process {
    /// Binds first, so that the roles can be told where they are. `name` is shown to NATS.
    pub async fn bind(config: Config, name: &str) -> anyhow::Result<Self> {
        let listen = config.grpc.listen;
        let listener = TcpListener::bind(listen).await.with_context(|| format!("grpc.listen {listen}"))?;
        let own = format!("http://{}", reachable(listener.local_addr()?));
        let mut channels = BTreeMap::new();
        for (peer, url) in config.peers.all() {
            let url = if url.is_empty() { &own } else { url };
            channels.insert(peer, grpc::channel(url).with_context(|| format!("peers.{peer}"))?);
        }
        let jetstream = match config.nats.url.expose() {
            "" => None,
            url => Some(bus::connect(url, name).await.context("nats.url")?),
        };
        let context = Context {
            pool: pool(&config)?,
            clock: Clock::system(),
            shutdown: CancellationToken::new(),
            jetstream,
            tokens: Tokens::try_new(&config.auth.token_key)?,
            channels: Arc::new(channels),
            mailer: notify::Mailer::try_new(&config.mail)?,
            retries: config.notices.clone(),
        };
        Ok(Self { config, context, listener })
    }

    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Where gRPC is served.
    pub fn grpc_addr(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until a signal, or until something fails. `ready` is called when calls are taken.
    pub async fn run(self, roles: Vec<Role>, ready: impl FnOnce()) -> anyhow::Result<()> {
        let Self { config, context, listener } = self;
        let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
        spawn_bus(&mut tasks, &roles, &context, &config)?;
        if let Some(listen) = config.ops.listen {
            let ops = TcpListener::bind(listen).await.with_context(|| format!("ops.listen {listen}"))?;
            tasks.spawn(serve::ops(ops, context.clone()));
        }
        let mut routes = tonic::service::Routes::default();
        let mut services = Vec::new();
        for role in roles {
            tracing::info!(role = role.name, "serving");
            routes = merge(routes, role.routes.routes());
            services.extend(role.services);
            for (name, task) in role.tasks {
                tasks.spawn(async move { task.await.with_context(|| name.to_owned()) });
            }
        }
        tasks.spawn(serve::grpc(listener, routes, services, context.clone(), config.grpc.clone()));
        ready();
        wait(tasks, &context.shutdown, Duration::from_millis(config.grpc.drain_ms)).await
    }
}

fn merge(all: tonic::service::Routes, more: tonic::service::Routes) -> tonic::service::Routes {
    // Each role's routes carry the same fallback ("unimplemented"); two cannot be merged.
    all.into_axum_router().reset_fallback().merge(more.into_axum_router().reset_fallback()).into()
}

fn spawn_bus(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    roles: &[Role],
    context: &Context,
    config: &Config,
) -> anyhow::Result<()> {
    if !roles.iter().any(|role| role.states_facts) {
        return Ok(());
    }
    let jetstream = context.jetstream()?;
    let relay =
        bus::relay(context.pool.clone(), jetstream.clone(), config.bus.clone(), context.shutdown.clone());
    tasks.spawn(async move {
        relay.await;
        Ok(())
    });
    for hearer in roles.iter().flat_map(|role| &role.hearers) {
        let hearing = hearer.clone().run(
            context.pool.clone(),
            jetstream.clone(),
            config.bus.clone(),
            context.shutdown.clone(),
        );
        tasks.spawn(async move {
            hearing.await;
            Ok(())
        });
    }
    Ok(())
}

/// The first signal drains; a second one, or the deadline, ends at once. A task that fails stops
/// the others and is the process's error.
async fn wait(
    mut tasks: JoinSet<anyhow::Result<()>>,
    shutdown: &CancellationToken,
    drain: Duration,
) -> anyhow::Result<()> {
    let mut interrupt = tokio::signal::unix::signal(SignalKind::interrupt())?;
    let mut terminate = tokio::signal::unix::signal(SignalKind::terminate())?;
    let mut outcome = Ok(());
    let mut deadline = std::pin::pin!(futures::future::OptionFuture::from(None::<tokio::time::Sleep>));
    loop {
        tokio::select! {
            signal = async { tokio::select! { s = interrupt.recv() => s, s = terminate.recv() => s } } => {
                if signal.is_none() || shutdown.is_cancelled() {
                    anyhow::bail!("stopped hard by a second signal");
                }
                tracing::info!("stopping: work under way is finished first; a second signal stops at once");
            }
            Some(()) = &mut deadline => anyhow::bail!("not drained in {drain:?}"),
            ended = tasks.join_next() => match ended {
                None => return outcome,
                Some(Ok(Ok(()))) => continue,
                Some(Ok(Err(error))) => outcome = outcome.and(Err(error)),
                Some(Err(error)) => outcome = outcome.and(Err(error.into())),
            },
        }
        if !shutdown.is_cancelled() {
            shutdown.cancel();
            deadline.set(Some(tokio::time::sleep(drain)).into());
        }
    }
}

fn pool(config: &Config) -> anyhow::Result<sqlx::PgPool> {
    let postgres = &config.postgres;
    let options = match postgres.url.expose() {
        // A role without a database never uses the pool.
        "" => PgConnectOptions::new_without_pgpass(),
        url => url.parse().context("postgres.url")?,
    };
    Ok(PgPoolOptions::new()
        .max_connections(postgres.connections_max)
        .acquire_timeout(Duration::from_millis(postgres.acquire_timeout_ms))
        .connect_lazy_with(options))
}

/// An address to call for one to listen on: every interface is reached by loopback.
fn reachable(mut addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        addr.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    addr
}
