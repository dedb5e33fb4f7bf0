//! Brings the index up to the store, in the background.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    embed, index,
    index::{Point, Span},
    lexical,
    service::Knowledge,
    storage::{self, Status, Waiting},
    text::Text,
};

/// Passages of one transaction. Small, because a question that is asked meanwhile waits behind
/// their embedding.
const BATCH: i64 = 16;

/// How often to look when nobody called.
const POLL: Duration = Duration::from_secs(1);

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(2);

/// Passages of one query when a process learns the store's words.
const LEARNED: i64 = 1_000;

/// After so many new points the graph is built.
const OPTIMIZE_AFTER: usize = 5_000;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the questions could not be embedded")]
    Embed(#[from] embed::Error),
    #[error("the index failed")]
    Index(#[from] index::Error),
}

impl Knowledge {
    /// Indexes what waits until `shutdown`. A failure is tried again: the index may be behind, but
    /// never gives up.
    pub(crate) async fn run_indexer(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut checked = false;
        while !shutdown.is_cancelled() {
            let step = async {
                if !checked {
                    self.check_index().await?;
                    self.learn_all().await?;
                    checked = true;
                }
                self.index_batch().await
            };
            let Some(step) = shutdown.run_until_cancelled(step).await else { break };
            let pause = match step {
                Ok(0) if self.outside_graph.load(Relaxed) >= OPTIMIZE_AFTER => {
                    self.optimize().await;
                    self.outside_graph.store(0, Relaxed);
                    continue;
                }
                Ok(0) => POLL,
                Ok(indexed) => {
                    self.outside_graph.fetch_add(indexed, Relaxed);
                    continue;
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "indexing again after a pause");
                    PAUSE
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        Ok(())
    }

    /// An index that was lost, or is another one, has other points than the store thinks: all of
    /// them are then put in again. Nothing is embedded anew.
    async fn check_index(&self) -> Result<(), Error> {
        self.matcher.index.ensure().await?;
        let points = self.matcher.index.count().await?;
        let mut conn = self.pool.acquire().await?;
        let Status { indexed, behind } = storage::status(&mut conn).await?;
        // What waits may be there in its older state.
        if points < indexed || points > indexed + behind {
            tracing::warn!(points, indexed, behind, "the index is not what was stored; it is built again");
            self.matcher.index.clear().await?;
            storage::mark_all_waiting(&mut conn).await?;
            return Ok(());
        }
        // Whether the last process came to build the graph is not known; building what is built costs nothing.
        self.outside_graph.store(usize::try_from(points).unwrap_or(usize::MAX), Relaxed);
        Ok(())
    }

    /// Learns the words of all that is indexed; what comes later is learned as it is indexed.
    #[tracing::instrument(skip_all)]
    async fn learn_all(&self) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let page = storage::indexed_after(&mut *self.pool.acquire().await?, &after, LEARNED).await?;
            let Some((last, ..)) = page.last() else { return Ok(()) };
            after.clone_from(last);
            for (_, question, answer) in &page {
                self.matcher.learn(&Text::read(question), answer);
            }
        }
    }

    /// Indexes a few waiting passages; returns how many.
    #[tracing::instrument(skip_all)]
    async fn index_batch(&self) -> Result<usize, Error> {
        let mut tx = self.pool.begin().await?;
        let model = self.matcher.embedder.id().to_owned();
        let waiting = storage::take_waiting(&mut tx, &model, BATCH).await?;
        if waiting.is_empty() {
            return Ok(0);
        }
        let ids: Vec<String> = waiting.iter().map(|passage| passage.id.clone()).collect();
        // What is withdrawn or superseded takes no live passage's place among the nearest.
        let (waiting, ended): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|passage| passage.published);
        if !ended.is_empty() {
            self.matcher.index.delete(ended.into_iter().map(|passage| passage.id).collect()).await?;
        }
        let missing: Vec<&Waiting> = waiting.iter().filter(|passage| passage.embedding.is_none()).collect();
        let questions = missing.iter().map(|passage| self.matcher.read(&passage.question).normal).collect();
        let embedded = self.matcher.embedder.embed(questions).await?;
        for (passage, embedded) in missing.iter().zip(&embedded) {
            storage::keep_embedding(&mut tx, &passage.id, embedded, &model).await?;
        }
        let mut fresh = embedded.into_iter();
        let mut learned = Vec::with_capacity(waiting.len());
        let points = waiting.into_iter().filter_map(|passage| {
            let Waiting { id, question, answer, field, unit, embedding, valid_from, valid_until, .. } =
                passage;
            let valid = Span::of(valid_from, valid_until);
            let question = Text::read(&question);
            let dense = embedding.or_else(|| fresh.next().map(|embedded| embedded.dense))?;
            let lexical = lexical::stored(&question.folded);
            learned.push((question, answer));
            Some(Point { id, dense, lexical, field, unit, valid })
        });
        let points: Vec<Point> = points.collect();
        if !points.is_empty() {
            self.matcher.index.upsert(points).await?;
        }
        storage::mark_indexed(&mut tx, &ids, self.clock.now()).await?;
        tx.commit().await?;
        self.owners.told();
        for (question, answer) in &learned {
            self.matcher.learn(question, answer);
        }
        self.upkeep.notify_one();
        metrics::counter!("motcua_passages_indexed_total").increment(ids.len() as u64);
        Ok(ids.len())
    }

    async fn optimize(&self) {
        match self.matcher.index.optimize().await {
            Ok(()) => tracing::info!("the index's graph is built"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the index stays without a graph: right, but slower");
            }
        }
    }
}
