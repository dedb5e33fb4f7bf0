//! Some roles against servers that the configuration names.

use anyhow::{Context as _, ensure};
use runtime::Process;

use crate::{
    output::{complain, say},
    roles::{self, Service},
    settings::Settings,
};

pub async fn run(settings: Settings, services: &[Service]) -> anyhow::Result<()> {
    let name = services.iter().map(|s| format!("{s:?}").to_lowercase()).collect::<Vec<_>>().join("+");
    let _telemetry = runtime::telemetry::init(&settings.telemetry, &format!("motcua-{name}"))?;
    if services.iter().any(|service| service.needs_database()) {
        ensure!(!settings.postgres.url.is_empty(), "postgres.url is not set");
    }
    let process = Process::bind(settings.runtime(), &name).await?;
    let mut served = Vec::new();
    for service in services {
        let role = service.role(process.context(), &settings).await;
        served.push(role.with_context(|| format!("role {service:?}"))?);
    }
    let grpc = process.grpc_addr()?;
    process
        .run(served, || {
            if say(&format!("serving {name}, gRPC on {grpc}")).is_err() {
                complain("stdout is closed");
            }
        })
        .await
}

pub async fn migrate(settings: &Settings) -> anyhow::Result<()> {
    ensure!(!settings.postgres.url.is_empty(), "postgres.url is not set");
    let pool = sqlx::PgPool::connect(settings.postgres.url.expose()).await.context("postgres.url")?;
    roles::migrate(&pool).await?;
    say("the database is up to date")
}
