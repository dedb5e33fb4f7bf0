//! Whether a process's services can serve: whether its database answers.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};

/// How often to look, and how long the database may take.
const EVERY: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(2);

/// One that is merely slow for a moment takes nobody out of service.
const IN_VAIN_MAX: u32 = 2;

/// Says of the services that they serve for as long as the database answers. The process itself stays
/// alive: starting it again would not help. Looks by a connection of its own: a pool that is busy is no dead
/// database.
pub(crate) async fn watch(
    health: HealthReporter,
    services: Vec<&'static str>,
    pool: PgPool,
    shutdown: CancellationToken,
) {
    let (mut conn, mut in_vain, mut serving) = (None, 0, true);
    while !shutdown.is_cancelled() {
        let Some(answers) = shutdown.run_until_cancelled(answers(&mut conn, &pool)).await else { break };
        in_vain = if answers { 0 } else { in_vain + 1 };
        let now = answers || (serving && in_vain < IN_VAIN_MAX);
        if now != serving {
            serving = now;
            tracing::warn!(serving, "the database answers, or does not");
            let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
            for service in &services {
                health.set_service_status(service, status).await;
            }
        }
        let _ = shutdown.run_until_cancelled(tokio::time::sleep(EVERY)).await;
    }
}

async fn answers(conn: &mut Option<PgConnection>, pool: &PgPool) -> bool {
    let ask = async {
        let mut asked = match conn.take() {
            Some(conn) => conn,
            None => PgConnection::connect_with(&pool.connect_options()).await?,
        };
        sqlx::query("select 1").execute(&mut asked).await?;
        Ok::<_, sqlx::Error>(asked)
    };
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(Ok(asked)) => {
            *conn = Some(asked);
            true
        }
        Ok(Err(_)) | Err(_) => false,
    }
}
