//! Computes open deadlines anew when another calendar is in force: each once, a few in one transaction
//! with their facts and traces, also when several processes do it, or one dies in between.
//!
//! In force is the calendar of the process that started last; when none of those lives any more that
//! have it, the one of those that live.

use std::{error::Error, sync::Arc, time::Duration};

use api::routing::v1::DeadlineChange;
use tokio_util::sync::CancellationToken;

use crate::{
    deadline::Recomputation,
    registrar::Registrar,
    service::Routing,
    storage::calendar::{self as storage, Place},
};

/// How often to say that this process lives, and to look for deadlines of another calendar.
const POLL: Duration = Duration::from_secs(5);

/// Questions of one transaction.
const BATCH: i64 = 500;

impl Registrar {
    /// Computes anew until `shutdown`. A failure is tried again.
    pub async fn run_recompute(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut was_in_force = true;
        while !shutdown.is_cancelled() {
            match shutdown.run_until_cancelled(self.recompute()).await {
                Some(Ok(in_force)) => {
                    if was_in_force && !in_force {
                        tracing::warn!("another calendar is in force than this process has");
                    }
                    was_in_force = in_force;
                }
                Some(Err(error)) => {
                    tracing::warn!(error = &error as &dyn Error, "computing deadlines anew after a pause");
                }
                None => break,
            }
            let _ = shutdown.run_until_cancelled(tokio::time::sleep(POLL)).await;
        }
        Ok(())
    }

    /// Says whether this process's calendar is in force.
    async fn recompute(&self) -> Result<bool, sqlx::Error> {
        let rules = self.rules();
        let held = storage::hold(self.pool(), &rules.reckoning(), Some(rules.calendar.version())).await?;
        if held.version != rules.calendar.version() {
            self.take_rules(Arc::new(rules.of_version(held.version)));
        }
        if held.in_force {
            let (mut place, mut changed) = (Place::default(), 0);
            while let Some((next, more)) = self.routing().recompute_batch(place).await? {
                (place, changed) = (next, changed + more);
            }
            if changed > 0 {
                tracing::info!(changed, version = held.version, "deadlines follow another calendar");
            }
        }
        Ok(held.in_force)
    }
}

impl Routing {
    /// From `place` on. Says where it ends and how many changed; `None`: no more is found.
    async fn recompute_batch(&self, place: Place) -> Result<Option<(Place, usize)>, sqlx::Error> {
        let (calendar, now) = (&self.rules.calendar, self.clock.now());
        let mut tx = self.pool.begin().await?;
        let (mut found, end) = storage::lock_outdated(&mut tx, calendar.version(), place, BATCH).await?;
        let Some(end) = end else { return Ok(None) };
        let (mut facts, mut recomputations) = (Vec::new(), Vec::new());
        for question in &mut found {
            let (after, changed) = question.deadline.clone().recalculate(calendar);
            let before = std::mem::replace(&mut question.deadline, after);
            if changed {
                facts.push(question.changed(DeadlineChange::Recomputed, &self.organisation, now));
                let recomputation = Recomputation::between(&before, &question.deadline, now);
                recomputations.extend(recomputation.map(|one| (question.ticket_id, one)));
            }
        }
        storage::save_recomputed(&mut tx, &found, &self.rules).await?;
        storage::keep_recomputations(&mut tx, &recomputations).await?;
        bus::outbox::put_all(&mut tx, &facts).await?;
        bus::faults::reach("before-recomputed", "calendar");
        tx.commit().await?;
        bus::faults::reach("after-recomputed", "calendar");
        metrics::counter!("motcua_deadlines_recomputed_total").increment(facts.len() as u64);
        Ok(Some((end, facts.len())))
    }
}
