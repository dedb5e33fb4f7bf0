//! What the RPCs do.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::AtomicUsize},
};

use api::knowledge::v1::{AnsweredQuestion, Change, ImportAnswersResponse, ImportRefusal};
use chrono::{DateTime, Utc};
use runtime::{Clock, Refusal};
use sqlx::{PgConnection, PgPool};
use tokio::sync::Notify;

use crate::{
    editing, embed, index,
    life::{Kept, State},
    matching::{self, Found, Matcher, Nearest, Stored},
    open_question::OpenQuestions,
    owners::Owners,
    passage::{Invalid, Passage},
    reuse::SHORTLIST,
    storage::{
        self,
        life::{Shown, Version},
    },
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
    /// Tells the upkeep that something changed.
    pub(crate) upkeep: Arc<Notify>,
    /// Points that came since the index's graph was built.
    pub(crate) outside_graph: Arc<AtomicUsize>,
    pub(crate) open: Arc<OpenQuestions>,
    pub(crate) owners: Arc<Owners>,
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
        let now = self.clock.now();
        let nearest =
            self.matcher.nearest(text, field, limit, Some(now)).await.map_err(|error| away(&error))?;
        let mut conn = self.pool.acquire().await?;
        // Read after the search: what was withdrawn meanwhile is not found any more.
        let stored = self.stored(&mut conn, &nearest).await?;
        drop(conn); // judging needs no database
        let mut found = self.matcher.judge(&nearest, &stored, usize::MAX);
        // An answer that many questions repeat is shown once, with the nearest of them.
        let mut seen = HashSet::new();
        found.neighbours.retain(|neighbour| seen.insert(neighbour.passage.id.clone()));
        found.neighbours.truncate(limit);
        let band = found.verdict.band.as_str_name();
        metrics::counter!("motcua_verdicts_total", "band" => band).increment(1);
        Ok(found)
    }

    /// What may be reused now of what was found.
    pub(crate) async fn stored(
        &self,
        conn: &mut PgConnection,
        nearest: &Nearest,
    ) -> Result<Stored, sqlx::Error> {
        stored(conn, nearest, None, self.matcher.embedder.id(), self.clock.now()).await
    }

    /// Stores answered questions; bad ones are refused one by one and the rest goes on.
    #[tracing::instrument(skip_all, fields(answers = answers.len()))]
    pub async fn import(
        &self,
        by: &str,
        answers: Vec<AnsweredQuestion>,
    ) -> Result<ImportAnswersResponse, Refusal> {
        if answers.is_empty() || answers.len() > IMPORT_MAX {
            let message = format!("1 to {IMPORT_MAX} answers can be imported at once");
            return Err(Refusal::invalid("answers", "ANSWERS_COUNT", message));
        }
        let mut ids = HashSet::new();
        let (mut passages, mut refused) = (Vec::new(), Vec::new());
        for (index, answer) in (0..).zip(answers) {
            let checked = passage_of(answer).checked();
            let id = |p: &Passage| p.id_from_elsewhere().unwrap_or_else(|| p.id.clone());
            match checked.and_then(|p| if ids.insert(id(&p)) { Ok(p) } else { Err(Invalid::Repeated) }) {
                Ok(passage) => passages.push((index, passage)),
                Err(reason) => refused.push(ImportRefusal { index, reason: reason.to_string() }),
            }
        }
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let both = |passage: &Passage| [Some(passage.id.clone()), passage.id_from_elsewhere()];
        let ids: Vec<String> = passages.iter().flat_map(|(_, passage)| both(passage)).flatten().collect();
        storage::life::lock(&mut tx, &ids).await?;
        let known = storage::life::shown(&mut tx, &ids, now).await?.into_iter();
        let known: HashMap<String, Shown> =
            known.map(|shown| (shown.kept.passage.id.clone(), shown)).collect();
        for (_, passage) in &mut passages {
            if !known.contains_key(&passage.id)
                && let Some(id) = passage.id_from_elsewhere()
            {
                passage.id = id;
            }
        }
        let (mut fresh, mut changed, mut unchanged) = (Vec::new(), Vec::new(), 0);
        for (index, passage) in &passages {
            match known.get(&passage.id) {
                None => fresh.push(passage),
                // Also after a correction here: the file says what it said before.
                Some(shown)
                    if shown.content_hash == passage.content_hash() || shown.kept.passage == *passage =>
                {
                    unchanged += 1;
                }
                Some(_) if passage.ticket_id().is_some() => {
                    refused.push(ImportRefusal { index: *index, reason: Invalid::Own.to_string() });
                }
                Some(shown) if shown.kept.state == State::Published => {
                    fresh.push(passage);
                    changed.push((&shown.kept, passage));
                }
                Some(_) => refused.push(ImportRefusal { index: *index, reason: Invalid::Ended.to_string() }),
            }
        }
        storage::import(&mut tx, &fresh, now).await?;
        for (before, passage) in changed {
            replaced(&mut tx, by, before, passage, now).await?;
        }
        tx.commit().await?;
        self.wake.notify_one();
        self.upkeep.notify_one();
        Ok(ImportAnswersResponse { stored: small(fresh.len()), unchanged, refused })
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

/// What may be reused at `now` of what was found, but for the passage `except`.
pub(crate) async fn stored(
    conn: &mut PgConnection,
    nearest: &Nearest,
    except: Option<&str>,
    model: &str,
    now: DateTime<Utc>,
) -> Result<Stored, sqlx::Error> {
    let ids = nearest.ids();
    let Stored { mut passages, mut words } = storage::reusable(conn, &ids, SHORTLIST, model, now).await?;
    passages.retain(|_, passage| Some(passage.id.as_str()) != except);
    // Whatever may not be reused leaves its place to one that came without its words.
    let mut later = nearest.shortlist(&passages);
    later.retain(|id| !ids.iter().take(SHORTLIST).any(|first| first == id));
    if !later.is_empty() {
        words.extend(storage::word_vectors(conn, &later, model).await?);
    }
    Ok(Stored { passages, words })
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

/// What an import replaced has its trace; another answer is a correction to whoever has the former.
async fn replaced(
    conn: &mut PgConnection,
    by: &str,
    before: &Kept,
    after: &Passage,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (id, answer) = (&after.id, before.passage.answer.clone());
    let differs = answer != after.answer;
    let version = before.version + 1;
    let (change, by, reason) = (Change::Imported, by.to_owned(), "Nhập lại từ nguồn".to_owned());
    let change = Version { version, change, by, at: now, reason, answer };
    storage::life::keep_version(conn, id, &change).await?;
    storage::contradiction::forget(conn, id).await?;
    if differs {
        storage::life::touch_copies(conn, id).await?;
        let kept = Kept { passage: after.clone(), version, ..before.clone() };
        editing::state_fact(conn, &kept, &change).await?;
    }
    Ok(())
}

fn limit_of(limit: u32) -> Result<usize, Refusal> {
    match limit {
        0 => Ok(LIMIT_DEFAULT as usize),
        1..=LIMIT_MAX => Ok(limit as usize),
        _ => Err(Refusal::invalid("limit", "LIMIT_TOO_LARGE", format!("limit is more than {LIMIT_MAX}"))),
    }
}

pub(crate) fn check_text(parameter: &'static str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::invalid(parameter, "TEXT_EMPTY", "the text is empty"));
    }
    if text.chars().count() > TEXT_MAX {
        let message = format!("the text has more than {TEXT_MAX} characters");
        return Err(Refusal::invalid(parameter, "TEXT_TOO_LONG", message));
    }
    Ok(())
}

pub(crate) fn away(error: &matching::Error) -> Refusal {
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
