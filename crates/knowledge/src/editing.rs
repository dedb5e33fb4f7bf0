//! What editors do to published answers.

use std::{collections::HashMap, slice};

use api::{
    intake::v1::Citation,
    knowledge::v1::{AnswerCorrected, AnswerSuperseded, AnswerValidityChanged, AnswerWithdrawn, Change},
};
use chrono::{DateTime, Utc};
use runtime::{Principal, Refusal};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;

use crate::{
    life::{Kept, Refused, State, Step},
    passage::{ANSWER_MAX, ID_MAX, Passage},
    service::Knowledge,
    storage::{
        self,
        life::{Review, Shown, Version},
    },
};

pub const REASON_MAX: usize = 2_000;
/// Catalogue items that one answer can rest on.
const BASIS_MAX: usize = 20;
const PAGE_USUAL: u32 = 50;
const PAGE_MAX: u32 = 100;
/// Former versions that are shown.
const VERSIONS_SHOWN: i64 = 20;
/// Former texts that a fact names.
const EARLIER_MAX: i64 = 50;

/// What an editor decided on the version that was seen.
pub struct Edit {
    pub id: String,
    pub seen: u32,
    pub step: Step,
    pub reason: String,
}

/// Two answers of which one is kept, each in the version that was seen.
pub struct Merge {
    pub id: String,
    pub seen: u32,
    pub other_id: String,
    pub other_seen: u32,
    /// The kept one's from now on; empty: as it is.
    pub text: String,
    pub reason: String,
}

/// Some of a list, and whether there are more.
pub struct Page<T> {
    pub items: Vec<T>,
    pub more: bool,
}

impl Knowledge {
    pub async fn get_passage(&self, editor: &Principal, id: &str) -> Result<(Shown, Vec<Version>), Refusal> {
        let id = &text_of("id", id, ID_MAX, true)?;
        let mut conn = self.pool.acquire().await?;
        let shown = of_unit(editor, one(&mut conn, id, self.clock.now()).await?)?;
        let versions = storage::life::versions(&mut conn, id, VERSIONS_SHOWN).await?;
        Ok((shown, versions))
    }

    pub async fn list_passages(
        &self,
        unit: Option<&str>,
        state: Option<&str>,
        after: &str,
        limit: u32,
    ) -> Result<Page<Shown>, Refusal> {
        let (limit, after) = (page_of(limit)?, token_of(after)?);
        let mut conn = self.pool.acquire().await?;
        let ids = storage::life::page(&mut conn, unit, state, after, limit + 1).await?;
        let mut items = storage::life::shown(&mut conn, &ids, self.clock.now()).await?;
        Ok(Page { more: truncate(&mut items, limit), items })
    }

    /// Takes an editor's step: the state, its trace and its fact stay together or not at all.
    #[tracing::instrument(skip_all, fields(passage.id = edit.id))]
    pub async fn edit(&self, editor: &Principal, edit: Edit) -> Result<Shown, Refusal> {
        let Edit { id, seen, step, reason } = edit;
        let id = text_of("id", &id, ID_MAX, true)?;
        let step = checked(&id, step)?;
        let reason_needed = !matches!(step, Step::SetValidity { .. });
        let reason = text_of("reason", &reason, REASON_MAX, reason_needed)?;
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        lock_for(&mut tx, &id, &step, now).await?;
        let shown = take_step(&mut tx, editor, Edit { id, seen, step, reason }, now).await?;
        tx.commit().await?;
        self.wake.notify_one();
        self.upkeep.notify_one();
        Ok(shown)
    }

    /// Keeps one of two answers, with another text if one is given, in the place of both.
    pub async fn merge_answers(&self, editor: &Principal, merge: Merge) -> Result<Shown, Refusal> {
        let reason = text_of("reason", &merge.reason, REASON_MAX, true)?;
        let (kept, other) = (token_of(&merge.id)?.to_owned(), token_of(&merge.other_id)?.to_owned());
        let step = checked(&other, Step::Supersede { by_id: kept.clone(), reason: reason.clone() })?;
        let text = text_of("text", &merge.text, ANSWER_MAX, false)?;
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        lock_for(&mut tx, &other, &step, now).await?;
        if !text.is_empty() {
            let step = Step::Correct { text };
            let edit = Edit { id: kept.clone(), seen: merge.seen, step, reason: reason.clone() };
            take_step(&mut tx, editor, edit, now).await?;
        }
        take_step(&mut tx, editor, Edit { id: other, seen: merge.other_seen, step, reason }, now).await?;
        let shown = of_unit(editor, one(&mut tx, &kept, now).await?)?;
        tx.commit().await?;
        self.wake.notify_one();
        self.upkeep.notify_one();
        Ok(shown)
    }

    /// Stores a ticket's approved answer. What is cited word for word is one answer with its source, so
    /// that it changes and ends with it.
    pub async fn publish(
        &self,
        conn: &mut PgConnection,
        passage: &Passage,
        approved_version: i32,
        citations: &[Citation],
    ) -> Result<(), sqlx::Error> {
        let (id, now) = (&passage.id, self.clock.now());
        let cited: Vec<String> = citations.iter().map(|citation| citation.id.clone()).collect();
        storage::life::lock(conn, slice::from_ref(id)).await?;
        let copy_of = storage::life::origin(conn, id, &passage.answer, &cited).await?;
        storage::life::release(conn, id, approved_version, now).await?;
        if storage::publish(conn, passage, approved_version, copy_of.as_deref(), now).await? {
            storage::life::inherit_basis(conn, id, &cited).await?;
            storage::contradiction::forget(conn, id).await?;
        }
        Ok(())
    }

    pub async fn list_reviews(
        &self,
        unit: Option<&str>,
        after: &str,
        limit: u32,
    ) -> Result<Page<Review>, Refusal> {
        let (limit, after) = (page_of(limit)?, token_of(after)?);
        let mut conn = self.pool.acquire().await?;
        let mut items = storage::life::reviews(&mut conn, unit, after, limit + 1).await?;
        Ok(Page { more: truncate(&mut items, limit), items })
    }

    pub async fn list_contradictions(
        &self,
        after: (&str, &str),
        limit: u32,
    ) -> Result<Page<(Shown, Shown, DateTime<Utc>)>, Refusal> {
        let (limit, after) = (page_of(limit)?, (token_of(after.0)?, token_of(after.1)?));
        let now = self.clock.now();
        let mut conn = self.pool.acquire().await?;
        let mut pairs = storage::contradiction::page(&mut conn, after, limit + 1, now).await?;
        let more = truncate(&mut pairs, limit);
        let mut items = Vec::new();
        for (left, right, found_at) in pairs {
            let mut both = storage::life::shown(&mut conn, &[left, right], now).await?.into_iter();
            if let (Some(left), Some(right)) = (both.next(), both.next()) {
                items.push((left, right, found_at));
            }
        }
        Ok(Page { items, more })
    }

    /// Notes an editor's word that two answers do not contradict each other.
    pub async fn mark_compatible(&self, by: &str, pair: (&str, &str), reason: &str) -> Result<(), Refusal> {
        let reason = text_of("reason", reason, REASON_MAX, true)?;
        let pair = (token_of(pair.0)?, token_of(pair.1)?);
        let pair = if pair.0 < pair.1 { pair } else { (pair.1, pair.0) };
        let mut conn = self.pool.acquire().await?;
        let now = self.clock.now();
        if storage::contradiction::mark_compatible(&mut conn, pair, by, &reason, now).await? {
            return Ok(());
        }
        Err(Refusal::not_found("CONTRADICTION_NOT_FOUND", "these two are not known to contradict each other"))
    }
}

/// Takes a step on what is locked: its trace, its state, its fact.
async fn take_step(
    conn: &mut PgConnection,
    editor: &Principal,
    edit: Edit,
    now: DateTime<Utc>,
) -> Result<Shown, Refusal> {
    let Edit { id, seen, step, reason } = edit;
    let before = of_unit(editor, one(conn, &id, now).await?)?;
    let answer = before.kept.passage.answer.clone();
    let Some(next) = before.kept.clone().take(seen, &step).map_err(refused)? else { return Ok(before) };
    let version = next.version;
    let change =
        Version { version, change: step.change(), by: editor.subject.clone(), at: now, reason, answer };
    storage::life::keep_version(conn, &id, &change).await?;
    storage::life::save(conn, &next, now).await?;
    if change.change == Change::Corrected {
        storage::contradiction::forget(conn, &id).await?;
    }
    state_fact(conn, &next, &change).await?;
    tracing::info!(version, change = change.change.as_str_name(), "a published answer was changed");
    one(conn, &id, now).await
}

async fn one(conn: &mut PgConnection, id: &str, now: DateTime<Utc>) -> Result<Shown, Refusal> {
    let id = id.to_owned();
    let found = storage::life::shown(conn, slice::from_ref(&id), now).await?.pop();
    found.ok_or_else(|| Refusal::not_found("PASSAGE_NOT_FOUND", "there is no such published answer"))
}

/// Another unit's answer is not for an editor of one unit.
fn of_unit(editor: &Principal, shown: Shown) -> Result<Shown, Refusal> {
    if editor.unit.as_ref().is_none_or(|unit| *unit == shown.kept.passage.unit) {
        return Ok(shown);
    }
    Err(Refusal::denied("UNIT_NOT_YOURS", "the answer is another unit's"))
}

/// Locks what the step reads, and checks it.
async fn lock_for(conn: &mut PgConnection, id: &str, step: &Step, now: DateTime<Utc>) -> Result<(), Refusal> {
    let mut ids = vec![id.to_owned()];
    if let Step::Supersede { by_id, .. } = step {
        ids.push(by_id.clone());
    }
    storage::life::lock(conn, &ids).await?;
    match step {
        Step::Supersede { by_id, .. } => {
            let found: HashMap<_, _> = storage::life::shown(conn, &ids, now)
                .await?
                .into_iter()
                .map(|shown| (shown.kept.passage.id.clone(), shown.kept))
                .collect();
            let fits = |by: &Kept| by.state == State::Published && by.copy_of.as_deref() != Some(id);
            if found.get(by_id).is_some_and(fits) {
                return Ok(());
            }
            let message = "byId names no published answer that could take its place";
            Err(Refusal::invalid("byId", "SUCCESSOR_NOT_PUBLISHED", message))
        }
        Step::SetValidity { basis, .. } if !basis.is_empty() => {
            if storage::catalogue::count(conn, basis).await? == basis.len() {
                return Ok(());
            }
            let message = "basis names an item that is not in the catalogue";
            Err(Refusal::invalid("basis", "BASIS_UNKNOWN", message))
        }
        _ => Ok(()),
    }
}

/// The step with its texts in order, if it is within its limits.
fn checked(id: &str, step: Step) -> Result<Step, Refusal> {
    Ok(match step {
        Step::Correct { text } => Step::Correct { text: text_of("text", &text, ANSWER_MAX, true)? },
        Step::Withdraw { reason } => Step::Withdraw { reason: text_of("reason", &reason, REASON_MAX, true)? },
        Step::Supersede { by_id, reason } => {
            let by_id = text_of("byId", &by_id, ID_MAX, true)?;
            if by_id == id {
                return Err(Refusal::invalid("byId", "SUCCESSOR_IS_ITSELF", "byId is the answer itself"));
            }
            Step::Supersede { by_id, reason: text_of("reason", &reason, REASON_MAX, true)? }
        }
        Step::SetValidity { validity, mut basis } => {
            if !validity.is_possible() {
                let message = "validUntil is not after validFrom";
                return Err(Refusal::invalid("validUntil", "VALIDITY_EMPTY", message));
            }
            basis.sort();
            basis.dedup();
            basis.iter().try_for_each(|item| token_of(item).map(drop))?;
            if basis.len() > BASIS_MAX {
                let message = format!("an answer can rest on {BASIS_MAX} items at most");
                return Err(Refusal::invalid("basis", "BASIS_TOO_LARGE", message));
            }
            Step::SetValidity { validity, basis }
        }
    })
}

/// States what the step made of the passage.
pub async fn state_fact(conn: &mut PgConnection, kept: &Kept, change: &Version) -> Result<(), sqlx::Error> {
    let (ticket_id, version, at) = (kept.ticket_id(), kept.version, Some(api::timestamp(change.at)));
    let (passage_id, unit, field) =
        (kept.passage.id.clone(), kept.passage.unit.clone(), kept.passage.field.clone());
    let reason = change.reason.clone();
    match &kept.state {
        State::Withdrawn { .. } => {
            let mut earlier = earlier(conn, &passage_id).await?;
            earlier.insert(0, digest(&kept.passage.answer));
            earlier.dedup();
            let fact = AnswerWithdrawn {
                ticket_id,
                version,
                passage_id,
                reason,
                earlier,
                unit,
                field,
                withdrawn_at: at,
            };
            bus::outbox::put(conn, &fact).await
        }
        State::Superseded { by_id, .. } => {
            let by_id = by_id.clone();
            let fact = AnswerSuperseded {
                ticket_id,
                version,
                passage_id,
                by_id,
                reason,
                unit,
                field,
                superseded_at: at,
            };
            bus::outbox::put(conn, &fact).await
        }
        State::Published if change.change == Change::Validity => {
            let fact = AnswerValidityChanged {
                ticket_id,
                version,
                passage_id,
                valid_from: kept.validity.from.map(api::timestamp),
                valid_until: kept.validity.until.map(api::timestamp),
                unit,
                field,
                changed_at: at,
            };
            bus::outbox::put(conn, &fact).await
        }
        State::Published => {
            let earlier = earlier(conn, &passage_id).await?;
            let text = kept.passage.answer.clone();
            let fact = AnswerCorrected {
                ticket_id,
                version,
                passage_id,
                text,
                reason,
                earlier,
                unit,
                field,
                corrected_at: at,
            };
            bus::outbox::put(conn, &fact).await
        }
    }
}

/// Digests of its former texts since it was approved last: texts of an earlier round answered another
/// question, and are not replaced by corrections of this one.
async fn earlier(conn: &mut PgConnection, id: &str) -> Result<Vec<String>, sqlx::Error> {
    let versions = storage::life::versions(conn, id, EARLIER_MAX).await?;
    let of_this_round = versions.iter().take_while(|version| version.change != Change::Approved);
    let mut earlier: Vec<String> = of_this_round.map(|version| digest(&version.answer)).collect();
    earlier.dedup();
    Ok(earlier)
}

fn digest(text: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn refused(why: Refused) -> Refusal {
    match why {
        Refused::Stale(version) => {
            Refusal::stale("STALE_VERSION", format!("the answer has changed; its version is {version} now"))
        }
        Refused::NotPublished => {
            Refusal::conflict("PASSAGE_ENDED", "the answer is withdrawn or superseded already")
        }
    }
}

/// A trimmed text within its limit, without characters that cannot be seen.
pub fn text_of(field: &'static str, text: &str, max: usize, needed: bool) -> Result<String, Refusal> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    if text.is_empty() && needed {
        return Err(Refusal::invalid(field, "TEXT_EMPTY", format!("{field} is empty")));
    }
    if text.chars().count() > max {
        let message = format!("{field} has more than {max} characters");
        return Err(Refusal::invalid(field, "TEXT_TOO_LONG", message));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        let message = format!("{field} holds a control character");
        return Err(Refusal::invalid(field, "TEXT_CHARACTER_NOT_ALLOWED", message));
    }
    Ok(text)
}

/// An id that is only compared: PostgreSQL has no NUL.
pub fn token_of(id: &str) -> Result<&str, Refusal> {
    if id.contains('\0') {
        let message = "an id or a pageToken holds a control character";
        return Err(Refusal::invalid("pageToken", "TEXT_CHARACTER_NOT_ALLOWED", message));
    }
    Ok(id)
}

pub fn page_of(limit: u32) -> Result<i64, Refusal> {
    match limit {
        0 => Ok(PAGE_USUAL.into()),
        1..=PAGE_MAX => Ok(limit.into()),
        _ => Err(Refusal::invalid("limit", "LIMIT_TOO_LARGE", format!("limit is more than {PAGE_MAX}"))),
    }
}

/// Takes off what was read only to see whether there is more.
pub fn truncate<T>(items: &mut Vec<T>, limit: i64) -> bool {
    let limit = usize::try_from(limit).unwrap_or_default();
    let more = items.len() > limit;
    items.truncate(limit);
    more
}
