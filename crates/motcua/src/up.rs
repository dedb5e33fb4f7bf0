//! Everything in one process, with a private PostgreSQL and nats-server as child processes.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use local::{Nats, NatsOptions, Postgres, PostgresOptions};
use runtime::{Process, Role, Secret};
use tokio::net::TcpListener;

use crate::{
    client::Client,
    data_dir::{self, Endpoints},
    output::{complain, say},
    roles::{self, Service},
    settings::Settings,
};

const SAMPLE_CORPUS: &str = include_str!("../../../deploy/sample/answered.jsonl");
const SAMPLE_CATALOGUE: &str = include_str!("../../../deploy/sample/catalogue.jsonl");

/// The servers that this process started and must stop.
struct Children {
    postgres: Option<Postgres>,
    nats: Option<Nats>,
}

pub async fn run(
    mut settings: Settings,
    dir: PathBuf,
    listen: Option<SocketAddr>,
    sample: bool,
) -> anyhow::Result<()> {
    fs::create_dir_all(&dir).with_context(|| format!("{}", dir.display()))?;
    let dir = dir.canonicalize()?;
    let _lock = local::lock_data_dir(&dir)?;
    settings.fill_parts()?;
    data_dir::fill(&dir, &mut settings)?;
    if let Some(listen) = listen {
        settings.gateway.listen = listen;
    }
    let _telemetry = runtime::telemetry::init(&settings.telemetry, "motcua")?;
    let mut children = Children::start(&mut settings, &dir).await?;
    let outcome = Box::pin(serve(settings, &dir, sample, &mut children)).await;
    children.stop(outcome.is_err()).await;
    outcome
}

async fn serve(
    mut settings: Settings,
    dir: &std::path::Path,
    sample: bool,
    children: &mut Children,
) -> anyhow::Result<()> {
    // The port is free to choose: peers are told where it is.
    if settings.grpc.listen == runtime::config::Grpc::default().listen {
        settings.grpc.listen.set_port(0);
    }
    let process = Process::bind(settings.runtime(), "up").await?;
    let context = process.context().clone();
    roles::migrate(&context.pool).await.context("migrations")?;
    let listen = settings.gateway.listen;
    let http = TcpListener::bind(listen).await.with_context(|| format!("gateway.listen {listen}"))?;
    let endpoints = Endpoints {
        http: format!("http://{}", http.local_addr()?),
        grpc: format!("http://{}", process.grpc_addr()?),
        nats: settings.nats.url.expose().to_owned(),
        postgres: settings.postgres.url.expose().to_owned(),
    };
    let mut served = vec![roles::gateway(&context, &settings, http)];
    for service in Service::ALL.into_iter().filter(|service| service.needs_database()) {
        served.push(service.role(&context, &settings).await.with_context(|| format!("role {service:?}"))?);
    }
    data_dir::write_endpoints(dir, &endpoints)?;
    let client = Client::new(&endpoints.grpc, &settings.auth.token_key)?;
    let line = format!("ready {}", endpoints.http);
    served.push(Role::named("up").runs("ready", async move {
        if sample {
            load_sample(&client).await?;
        }
        say(&line)
    }));
    let mut running = std::pin::pin!(process.run(served, || ()));
    tokio::select! {
        outcome = &mut running => outcome,
        how = children.ended() => {
            context.shutdown.cancel();
            let drained = tokio::time::timeout(Duration::from_secs(2), running).await;
            if drained.is_err() {
                complain("work under way was dropped: it will be taken up at the next start");
            }
            Err(anyhow::anyhow!(how))
        }
    }
}

/// Imports the sample catalogue and corpus, and waits until the corpus can be found.
async fn load_sample(client: &Client) -> anyhow::Result<()> {
    let items = SAMPLE_CATALOGUE.lines().map(serde_json::from_str).collect::<Result<Vec<_>, _>>()?;
    let request = api::knowledge::v1::PutCatalogueItemsRequest { items };
    let refused = client.put_catalogue_items(request).await.context("the sample catalogue")?.refused;
    anyhow::ensure!(refused.is_empty(), "the sample catalogue: {refused:?}");
    let answers = SAMPLE_CORPUS.lines().map(serde_json::from_str).collect::<Result<Vec<_>, _>>()?;
    for answers in answers.chunks(100) {
        let request = api::knowledge::v1::ImportAnswersRequest { answers: answers.to_vec() };
        let refused = client.import(request).await.context("the sample corpus")?.refused;
        anyhow::ensure!(refused.is_empty(), "the sample corpus: {refused:?}");
    }
    let mut before = 0;
    loop {
        let behind = client.index_behind().await.context("the sample corpus")?;
        if behind == 0 {
            return Ok(());
        }
        if behind != before {
            complain(&format!("sample corpus: {behind} of {} answers to index", answers.len()));
            before = behind;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

impl Children {
    /// Starts those that the configuration does not name. Must be called from the main task: the
    /// children die with the thread that started them.
    async fn start(settings: &mut Settings, dir: &std::path::Path) -> anyhow::Result<Self> {
        let mut children = Self { postgres: None, nats: None };
        if settings.postgres.url.is_empty() {
            let options =
                PostgresOptions { bin: settings.parts.postgres_bin.clone(), data: dir.join("postgres") };
            let postgres = Postgres::start(options).await.context("PostgreSQL")?;
            settings.postgres.url = Secret::new(postgres.url());
            children.postgres = Some(postgres);
        }
        if settings.nats.url.is_empty() {
            let options =
                NatsOptions { bin: settings.parts.nats_server.clone(), data: dir.join("nats"), port: None };
            let nats = Nats::start(options).await.context("nats-server")?;
            settings.nats.url = Secret::new(nats.url());
            children.nats = Some(nats);
        }
        Ok(children)
    }

    /// Resolves when a child ends by itself, with how.
    async fn ended(&mut self) -> String {
        let postgres = async {
            match &mut self.postgres {
                Some(postgres) => format!("PostgreSQL ended: {}", postgres.exited().await),
                None => std::future::pending().await,
            }
        };
        let nats = async {
            match &mut self.nats {
                Some(nats) => format!("nats-server ended: {}", nats.exited().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! { how = postgres => how, how = nats => how }
    }

    async fn stop(self, hard: bool) {
        if let Some(nats) = self.nats {
            nats.stop(hard).await;
        }
        if let Some(postgres) = self.postgres {
            postgres.stop(hard).await;
        }
    }
}
