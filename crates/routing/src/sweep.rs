//! Tells of deadlines that are near, here or past: each step of a ticket's deadline once, also when
//! several processes sweep, or one dies in between.

use std::{error::Error, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{service::Routing, storage};

/// How often to look; a deadline is told of at most so much late.
const POLL: Duration = Duration::from_secs(5);

/// Assignments of one transaction.
const BATCH: i64 = 100;

impl Routing {
    /// Sweeps until `shutdown`. A failure is tried again.
    pub async fn run_sweep(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        while !shutdown.is_cancelled() {
            match shutdown.run_until_cancelled(self.sweep_batch()).await {
                Some(Ok(true)) => continue,
                Some(Ok(false)) | None => {}
                Some(Err(error)) => {
                    tracing::warn!(error = &error as &dyn Error, "sweeping again after a pause");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(POLL) => {}
            }
        }
        Ok(())
    }

    /// Takes what steps have come, in one transaction with their facts; says whether there may be more.
    async fn sweep_batch(&self) -> Result<bool, sqlx::Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let found = storage::lock_stepping(&mut tx, now, BATCH).await?;
        let more = i64::try_from(found.len()).unwrap_or(i64::MAX) == BATCH;
        for mut assignment in found {
            while let Some((deadline, step)) = assignment.deadline.clone().step(&self.rules, now) {
                assignment.deadline = deadline;
                bus::outbox::put(&mut tx, &assignment.deadline_reached(&self.organisation, now)).await?;
                metrics::counter!("motcua_deadline_steps_total", "step" => step.name()).increment(1);
            }
            storage::save_assignment(&mut tx, &assignment, &self.rules).await?;
            bus::faults::reach("before-swept", "deadline");
        }
        tx.commit().await?;
        if more {
            bus::faults::reach("between-swept", "deadline");
        }
        Ok(more)
    }
}
