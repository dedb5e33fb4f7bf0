//! Keeps the model of owners up with what is known, and asks it. Every process learns for itself, as
//! it does its words.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use api::knowledge::v1::RankedOwner;
use chrono::{DateTime, Utc};
use runtime::Refusal;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    embed::{self, Embedded},
    matching,
    owner::{Example, Model, Owner},
    service::{Knowledge, away, check_text},
    storage::{
        self,
        owner::{Correction, Known},
    },
};

/// The newest passages and corrections that are learned from, at most.
const EXAMPLES_MAX: i64 = 20_000;

/// Against a passage: a person looked at just this and said so.
const CORRECTION_WEIGHT: f32 = 3.0;

/// Owners told of one text.
const OWNERS_MAX: usize = 50;

/// Corrections embedded together.
const BATCH: usize = 16;

/// How long a question waits for what was just learned to count for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it waits after a start for anything to be learned; a call waits half a minute.
const PATIENCE_AT_FIRST: Duration = Duration::from_secs(25);

/// How often to look for what other processes brought.
const POLL: Duration = Duration::from_secs(30);

/// After a failure.
const PAUSE: Duration = Duration::from_secs(2);

/// Learning takes at most this part of the time: after it, so many times as long is a rest.
const REST: u32 = 3;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("a correction could not be embedded")]
    Embed(#[from] embed::Error),
    #[error("learning was broken off")]
    Work(#[from] tokio::task::JoinError),
}

/// The newest model, and whether it knows the newest facts.
pub(crate) struct Owners {
    /// Grows with every fact to learn from.
    news: watch::Sender<u64>,
    learned: watch::Sender<Learned>,
}

#[derive(Clone, Default)]
struct Learned {
    /// The news it knows of; 0: nothing was learned yet.
    of: u64,
    /// None: fewer than two owners are known.
    model: Option<Arc<Model>>,
}

/// The store, as it was when it was learned.
type Seen = (i64, Option<DateTime<Utc>>);

impl Default for Owners {
    fn default() -> Self {
        Self { news: watch::Sender::new(1), learned: watch::Sender::default() }
    }
}

impl Owners {
    /// There is something new to learn.
    pub fn told(&self) {
        self.news.send_modify(|news| *news += 1);
    }

    /// The model that knows all news so far; an older one, if learning takes long.
    async fn model(&self) -> Result<Option<Arc<Model>>, Refusal> {
        let news = *self.news.borrow();
        let mut learned = self.learned.subscribe();
        let patience = if learned.borrow().of == 0 { PATIENCE_AT_FIRST } else { PATIENCE };
        // In vain: what is there has to do.
        let _ = tokio::time::timeout(patience, learned.wait_for(|learned| learned.of >= news)).await;
        let learned = learned.borrow().clone();
        if learned.of == 0 {
            return Err(Refusal::unavailable("OWNERS_UNKNOWN", "who answers what is still being learned"));
        }
        Ok(learned.model)
    }
}

impl Knowledge {
    /// Who answers questions like this one, the likeliest first.
    #[tracing::instrument(skip_all)]
    pub async fn rank_owners(&self, text: &str) -> Result<Vec<RankedOwner>, Refusal> {
        check_text("text", text)?;
        let Some(model) = self.owners.model().await? else { return Ok(Vec::new()) };
        let text = self.matcher.read(text);
        if text.normal.is_empty() {
            return Ok(Vec::new());
        }
        let embedded = self.matcher.embedder.embed(vec![text.normal.clone()]).await;
        let embedded = embedded.and_then(|mut one| one.pop().ok_or(embed::Error::Stopped));
        let Embedded { dense, .. } = embedded.map_err(|error| away(&matching::Error::Embed(error)))?;
        let ranked = model.rank(&text, &dense).into_iter().take(OWNERS_MAX);
        let owner = |(owner, probability): (&Owner, f64)| RankedOwner {
            field: owner.field.clone(),
            unit: owner.unit.clone(),
            probability,
        };
        Ok(ranked.map(owner).collect())
    }

    /// Learns until `shutdown`, whenever there is something new.
    pub(crate) async fn run_owners(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let (mut news, mut seen) = (self.owners.news.subscribe(), None);
        while !shutdown.is_cancelled() {
            let started = Instant::now();
            let Some(step) = shutdown.run_until_cancelled(self.learn_owners(&mut seen)).await else { break };
            let rest = match step {
                Ok(()) => started.elapsed() * REST,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "learning who answers what again after a pause");
                    seen = None;
                    PAUSE
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(rest) => {}
            }
            if seen.is_some() && self.owners.learned.borrow().of >= *news.borrow() {
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    _ = news.changed() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
        Ok(())
    }

    async fn learn_owners(&self, seen: &mut Option<Seen>) -> Result<(), Error> {
        let of = *self.owners.news.borrow(); // before looking: what comes meanwhile is news again
        let mut conn = self.pool.acquire().await?;
        let now = storage::owner::state(&mut conn).await?;
        if *seen == Some(now) {
            self.owners.learned.send_modify(|learned| learned.of = of);
            return Ok(());
        }
        let model = self.matcher.embedder.id();
        let known = storage::owner::published(&mut conn, model, EXAMPLES_MAX).await?;
        let corrections = storage::owner::corrections(&mut conn, model, EXAMPLES_MAX).await?;
        drop(conn); // embedding and fitting need no database
        let corrections = self.embedded(corrections).await?;
        let known = known.into_iter().filter_map(|known| self.published_example(known));
        let examples: Vec<Example> = known.chain(corrections).collect();
        let count = examples.len();
        let model = tokio::task::spawn_blocking(move || Model::fit(&examples)).await?;
        tracing::debug!(examples = count, "learned who answers what");
        self.owners.learned.send_replace(Learned { of, model: model.map(Arc::new) });
        *seen = Some(now);
        Ok(())
    }

    fn published_example(&self, known: Known) -> Option<Example> {
        let text = self.matcher.read(&known.question);
        let owner = Owner { field: known.field, unit: known.unit };
        Some(Example { text, dense: known.embedding?, owner, weight: 1.0 })
    }

    /// Examples of corrections; those without an embedding get theirs.
    async fn embedded(&self, corrections: Vec<Correction>) -> Result<Vec<Example>, Error> {
        let model = self.matcher.embedder.id();
        let mut examples = Vec::with_capacity(corrections.len());
        for batch in corrections.chunks(BATCH) {
            let texts: Vec<_> = batch.iter().map(|one| self.matcher.read(&one.question)).collect();
            let missing: Vec<_> =
                batch.iter().zip(&texts).filter(|(one, _)| one.embedding.is_none()).collect();
            let normal = missing.iter().map(|(_, text)| text.normal.clone()).collect();
            let fresh =
                if missing.is_empty() { Vec::new() } else { self.matcher.embedder.embed(normal).await? };
            if !fresh.is_empty() {
                let mut conn = self.pool.acquire().await?;
                for ((one, _), embedded) in missing.iter().zip(&fresh) {
                    storage::owner::keep_embedding(&mut conn, one.ticket_id, &embedded.dense, model).await?;
                }
            }
            let mut fresh = fresh.into_iter();
            for (one, text) in batch.iter().zip(texts) {
                let dense = one.embedding.clone().or_else(|| fresh.next().map(|embedded| embedded.dense));
                let owner = Owner { field: String::new(), unit: one.unit.clone() };
                let example = dense.map(|dense| Example { text, dense, owner, weight: CORRECTION_WEIGHT });
                examples.extend(example);
            }
        }
        Ok(examples)
    }
}
