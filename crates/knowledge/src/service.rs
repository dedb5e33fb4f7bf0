//! What the RPCs do.

use std::{collections::HashSet, sync::Arc};

use api::knowledge::v1::{AnsweredQuestion, ImportAnswersResponse, ImportRefusal};
use runtime::{Clock, Refusal};
use sqlx::PgPool;
use tokio::sync::Notify;

use crate::{
    embed, index,
    matching::{self, Found, Matcher},
    open_question::OpenQuestions,
    passage::{Invalid, Passage},
    storage,
};

/// Characters of a text to search with, at most.
pub(crate) const TEXT_MAX: usize = 5_000;
const LIMIT_DEFAULT: u32 = 10;
const LIMIT_MAX: u32 = 50;
/// Answered questions of one import call, at most.
const IMPORT_MAX: usize = 500;

/// The store of published answers.
#[derive(Clone)]
pub struct Knowledge {
    pub(crate) pool: PgPool,
    pub(crate) clock: Clock,
    pub(crate) matcher: Matcher,
    /// Tells the indexer that passages wait.
    pub(crate) wake: Arc<Notify>,
    pub(crate) open: Arc<OpenQuestions>,
}

impl Knowledge {
    /// Neighbours and verdict of a text. `limit` 0 means 10; an empty `field` means all.
    #[tracing::instrument(skip_all)]
    pub async fn find(
        &self,
        parameter: &'static str,
        text: &str,
        field: &str,
        limit: u32,
    ) -> Result<Found, Refusal> {
        let limit = limit_of(limit)?;
        check_text(parameter, text)?;
        let field = Some(field.trim().to_owned()).filter(|field| !field.is_empty());
        let nearest = self.matcher.nearest(text, field, limit).await.map_err(|error| away(&error))?;
        let mut conn = self.pool.acquire().await?;
        let passages = storage::passages(&mut conn, &nearest.ids()).await?;
        drop(conn); // judging needs no database
        let found = self.matcher.judge(&nearest, &passages, limit);
        let band = found.verdict.band.as_str_name();
        metrics::counter!("motcua_verdicts_total", "band" => band).increment(1);
        Ok(found)
    }

    /// Stores answered questions; bad ones are refused one by one and the rest goes on.
    #[tracing::instrument(skip_all, fields(answers = answers.len()))]
    pub async fn import(&self, answers: Vec<AnsweredQuestion>) -> Result<ImportAnswersResponse, Refusal> {
        if answers.is_empty() || answers.len() > IMPORT_MAX {
            let message = format!("1 to {IMPORT_MAX} answers can be imported at once");
            return Err(Refusal::invalid("answers", "ANSWERS_COUNT", message));
        }
        let mut ids = HashSet::new();
        let (mut passages, mut refused) = (Vec::new(), Vec::new());
        for (index, answer) in (0..).zip(answers) {
            let checked = passage_of(answer).imported();
            match checked.and_then(|p| if ids.insert(p.id.clone()) { Ok(p) } else { Err(Invalid::Repeated) })
            {
                Ok(passage) => passages.push(passage),
                Err(reason) => refused.push(ImportRefusal { index, reason: reason.to_string() }),
            }
        }
        let mut conn = self.pool.acquire().await?;
        let stored = storage::import(&mut conn, &passages, self.clock.now()).await?.len();
        self.wake.notify_one();
        Ok(ImportAnswersResponse {
            stored: small(stored),
            unchanged: small(passages.len() - stored),
            refused,
        })
    }

    /// How far the index is behind the store.
    pub async fn status(&self) -> Result<storage::Status, Refusal> {
        Ok(storage::status(&mut *self.pool.acquire().await?).await?)
    }

    /// Empties the index and has it built again; returns how many passages that is.
    #[tracing::instrument(skip_all)]
    pub async fn reindex(&self) -> Result<u64, Refusal> {
        // In this order, and all rows: one that the indexer is just adding waits for its lock, and is
        // then indexed once more.
        self.matcher.index.clear().await.map_err(|error| away(&error.into()))?;
        let waiting = storage::mark_all_waiting(&mut *self.pool.acquire().await?).await?;
        self.wake.notify_one();
        Ok(waiting)
    }
}

/// A count that the wire's 32 bits hold anyway.
pub(crate) fn small(count: impl TryInto<u32>) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}

/// The first `chars` characters.
pub(crate) fn first(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

fn passage_of(answer: AnsweredQuestion) -> Passage {
    let AnsweredQuestion { id, question, answer, field, unit, source } = answer;
    Passage { id, question, answer, field, unit, source }
}

fn limit_of(limit: u32) -> Result<usize, Refusal> {
    match limit {
        0 => Ok(LIMIT_DEFAULT as usize),
        1..=LIMIT_MAX => Ok(limit as usize),
        _ => Err(Refusal::invalid("limit", "LIMIT_TOO_LARGE", format!("limit is more than {LIMIT_MAX}"))),
    }
}

fn check_text(parameter: &'static str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::invalid(parameter, "TEXT_EMPTY", "the text is empty"));
    }
    if text.chars().count() > TEXT_MAX {
        let message = format!("the text has more than {TEXT_MAX} characters");
        return Err(Refusal::invalid(parameter, "TEXT_TOO_LONG", message));
    }
    Ok(())
}

fn away(error: &matching::Error) -> Refusal {
    match error {
        matching::Error::Embed(embed::Error::Busy) => {
            Refusal::exhausted("EMBEDDER_BUSY", "too many questions are being compared; try again later")
        }
        matching::Error::Index(index::Error::Qdrant(_)) => {
            tracing::warn!(error = error as &dyn std::error::Error, "the index is away");
            Refusal::unavailable("INDEX_AWAY", "the index does not answer; try again later")
        }
        error => Refusal::internal(error),
    }
}
