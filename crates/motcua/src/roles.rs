//! The roles by name, and how each is made.

use anyhow::Context as _;
use clap::ValueEnum;
use runtime::{Context, Role};
use sqlx::migrate::Migrator;
use tokio::net::TcpListener;

use crate::settings::Settings;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Service {
    Intake,
    Routing,
    Answering,
    Knowledge,
    Analytics,
    Gateway,
}

/// Every schema with its migrations; the bus first, which the others write to.
pub const SCHEMAS: [(&str, &Migrator); 6] = [
    (bus::SCHEMA, &bus::MIGRATOR),
    (intake::SCHEMA, &intake::MIGRATOR),
    (routing::SCHEMA, &routing::MIGRATOR),
    (answering::SCHEMA, &answering::MIGRATOR),
    (knowledge::SCHEMA, &knowledge::MIGRATOR),
    (analytics::SCHEMA, &analytics::MIGRATOR),
];

impl Service {
    pub const ALL: [Self; 6] =
        [Self::Intake, Self::Routing, Self::Answering, Self::Knowledge, Self::Analytics, Self::Gateway];

    pub fn needs_database(self) -> bool {
        self != Self::Gateway
    }

    pub async fn role(self, ctx: &Context, settings: &Settings) -> anyhow::Result<Role> {
        match self {
            Self::Intake => intake::role(ctx, settings.intake.clone()),
            // It alone is too large to lie on the stack.
            Self::Routing => Box::pin(routing::role(ctx, settings.routing.clone())).await,
            Self::Answering => answering::role(ctx, settings.answering.clone()),
            Self::Knowledge => knowledge::role(ctx, settings.knowledge.clone()).await,
            Self::Analytics => analytics::role(ctx, settings.analytics.clone()).await,
            Self::Gateway => {
                let listen = settings.gateway.listen;
                let listener =
                    TcpListener::bind(listen).await.with_context(|| format!("gateway.listen {listen}"))?;
                Ok(gateway(ctx, settings, listener))
            }
        }
    }
}

/// The gateway on a port that is bound already.
pub fn gateway(ctx: &Context, settings: &Settings, listener: TcpListener) -> Role {
    let serving = ::gateway::serve(ctx.clone(), settings.gateway.clone(), listener, ctx.shutdown.clone());
    Role::named("gateway").runs("http", serving)
}

/// Brings every schema up to date.
pub async fn migrate(pool: &sqlx::PgPool) -> anyhow::Result<()> {
    for (schema, migrator) in SCHEMAS {
        runtime::migrate(pool, schema, migrator).await?;
    }
    Ok(())
}
