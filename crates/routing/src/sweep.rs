//! Tells of deadlines that are near, here or past, and has questions follow their unit into its
//! successors: each step once, also when several processes sweep, or one dies in between.

use std::{error::Error, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{custody::Words, registrar::Registrar, service::Routing, storage};

/// How often to look; a deadline is told of at most so much late.
const POLL: Duration = Duration::from_secs(5);

/// Assignments of one transaction.
const BATCH: i64 = 100;

impl Registrar {
    /// Sweeps until `shutdown`. A failure is tried again.
    pub async fn run_sweep(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        while !shutdown.is_cancelled() {
            let routing = self.routing();
            match shutdown.run_until_cancelled(routing.sweep()).await {
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
}

impl Routing {
    /// Says whether there may be more.
    async fn sweep(&self) -> Result<bool, sqlx::Error> {
        let steps = self.sweep_batch().await?;
        let followed = self.follow_batch().await?;
        Ok(steps || followed)
    }

    /// Questions without an answer follow their unit into its successors, in one transaction with their
    /// facts; says whether there may be more.
    async fn follow_batch(&self) -> Result<bool, sqlx::Error> {
        let formers: Vec<String> =
            self.organisation.formers.iter().map(|former| former.unit.clone()).collect();
        if formers.is_empty() {
            return Ok(false);
        }
        let mut tx = self.pool.begin().await?;
        let found = storage::lock_open_at(&mut tx, &formers, BATCH).await?;
        let more = i64::try_from(found.len()).unwrap_or(i64::MAX) == BATCH;
        let mut followed = 0;
        for assignment in found {
            let Some(next) = assignment.clone().follow(&self.organisation, self.clock.now()) else {
                continue;
            };
            self.keep(&mut tx, Some(&assignment), &next, Words::default()).await?;
            bus::outbox::put(&mut tx, &next.routed(&self.organisation, &self.rules.moves)).await?;
            followed += 1;
            bus::faults::reach("before-followed", "registry");
        }
        tx.commit().await?;
        if followed > 0 {
            metrics::counter!("motcua_followed_total").increment(followed);
            bus::faults::reach("after-followed", "registry");
        }
        Ok(more)
    }

    /// Takes what steps have come, in one transaction with their facts; says whether there may be more.
    async fn sweep_batch(&self) -> Result<bool, sqlx::Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let found = storage::lock_stepping(&mut tx, now, self.rules.calendar.version(), BATCH).await?;
        let more = i64::try_from(found.len()).unwrap_or(i64::MAX) == BATCH;
        for mut assignment in found {
            while let Some((deadline, step)) = assignment.deadline.clone().step(&self.rules, now) {
                assignment.deadline = deadline;
                bus::outbox::put(&mut tx, &assignment.deadline_reached(&self.organisation, now)).await?;
                self.write_of_step(&mut tx, &assignment, step).await?;
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
