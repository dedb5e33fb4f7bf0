//! The use cases of `DigestService`. Answering an item approves the question's answer: one transaction
//! ends the item, publishes the answer and states the fact.

use api::answering::v1::ExportDigestResponse;
use chrono::{DateTime, Utc};
use runtime::{Principal, Refusal, RoleName};
use uuid::Uuid;

use crate::{
    digest::{
        self, Digest, Ended, Ending, Item, State,
        plan::Plan,
        sheet::{self, Row},
    },
    service::{Answering, PAGE_MAX, PAGE_USUAL, checked},
    storage::{
        self,
        digest::{self as digests, Sight},
    },
};

/// A page of digests, each with how many items it has and how many wait.
pub struct Listed {
    pub digests: Vec<(Digest, u32, u32)>,
    pub more: bool,
}

/// What became of a row of a sheet.
pub enum Imported {
    Answered,
    Returned,
    Unchanged,
    Refused(Refusal),
}

impl Answering {
    pub async fn list_digests(
        &self,
        caller: &Principal,
        open: bool,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Listed, Refusal> {
        if limit > PAGE_MAX {
            return Err(Refusal::invalid("limit", "LIMIT_TOO_LARGE", format!("limit is at most {PAGE_MAX}")));
        }
        let limit = if limit == 0 { PAGE_USUAL } else { limit };
        let mut conn = self.pool.acquire().await?;
        let mut found =
            digests::list_digests(&mut conn, sight(caller)?, open, before, i64::from(limit) + 1).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        Ok(Listed { digests: found, more })
    }

    pub async fn get_digest(
        &self,
        caller: &Principal,
        digest_id: Uuid,
    ) -> Result<(Digest, Vec<Item>), Refusal> {
        let mut conn = self.pool.acquire().await?;
        let digest = seen(caller, digests::find_digest(&mut conn, digest_id, false).await?)?;
        let items = digests::items(&mut conn, digest_id).await?;
        Ok((digest, items))
    }

    /// What waits, as a sheet and as a document.
    pub async fn export_digest(
        &self,
        caller: &Principal,
        digest_id: Uuid,
    ) -> Result<ExportDigestResponse, Refusal> {
        let (digest, items) = self.get_digest(caller, digest_id).await?;
        let zone = self.plans.time_zone();
        Ok(ExportDigestResponse {
            file_name: file_name(&digest, "csv"),
            csv: sheet::write(&digest, &items, zone),
            document_name: file_name(&digest, "docx"),
            document: sheet::write_document(&digest, &items, zone),
        })
    }

    /// Gathers now.
    pub async fn gather_digest(&self, code: &str) -> Result<(Digest, Vec<Item>), Refusal> {
        let Some(plan) = self.plans.plan(code) else {
            return Err(Refusal::not_found("DIGEST_PLAN_NOT_FOUND", "no plan of digests has this code"));
        };
        let gathered = self.gather(plan, self.clock.now()).await?;
        gathered.ok_or_else(|| {
            Refusal::conflict("DIGEST_EMPTY", "no question waits that was not in a digest already")
        })
    }

    /// Gathers for a time of the plan, once. `None`: it was taken, or no question waits.
    pub(crate) async fn gather(
        &self,
        plan: &Plan,
        slot: DateTime<Utc>,
    ) -> Result<Option<(Digest, Vec<Item>)>, sqlx::Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        digests::lock_plan(&mut tx, &plan.code).await?;
        if !digests::take_slot(&mut tx, &plan.code, slot).await? {
            return Ok(None);
        }
        let open = digests::lock_open(&mut tx, &plan.unit, &plan.fields, plan.items_max.into()).await?;
        let items = (1..).zip(open).map(|(number, (ticket_id, question))| {
            let question =
                serde_json::from_value(question).map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok(Item { number, ticket_id, question, state: State::Gathered })
        });
        let items = items.collect::<Result<Vec<Item>, sqlx::Error>>()?;
        if items.is_empty() {
            tx.commit().await?;
            return Ok(None);
        }
        let number = digests::next_number(&mut tx, &plan.code).await?;
        let (manifest, sha256) = digest::seal((&plan.code, number), &plan.group, now, &items);
        let digest = Digest {
            digest_id: Uuid::now_v7(),
            code: plan.code.clone(),
            number,
            group_code: plan.group.clone(),
            group_name: plan.group_name.clone(),
            unit: plan.unit.clone(),
            gathered_at: now,
            due_at: plan.due_at(now),
            manifest,
            sha256,
            reminded: 0,
            closed_at: None,
        };
        digests::insert_digest(&mut tx, &digest, &items).await?;
        self.write_to_group(&mut tx, plan, digest.digest_id, "digest-gathered").await?;
        bus::faults::reach("before-gathered", "digest");
        tx.commit().await?;
        bus::faults::reach("after-gathered", "digest");
        tracing::info!(digest = digest.label(), items = items.len(), "questions were gathered");
        metrics::counter!("motcua_digest_items_total", "state" => "gathered").increment(items.len() as u64);
        Ok(Some((digest, items)))
    }

    /// Ends an item; returns it and how many still wait.
    pub async fn end_item(
        &self,
        caller: &Principal,
        digest_id: Uuid,
        number: u32,
        ending: Ending,
    ) -> Result<(Item, u32), Refusal> {
        let ending = self.checked_ending(ending)?;
        let mut tx = self.pool.begin().await?;
        seen(caller, digests::find_digest(&mut tx, digest_id, false).await?)?;
        let item = digests::find_item(&mut tx, digest_id, number).await?.ok_or_else(no_such_item)?;
        // The question before its digest: everybody locks in this order.
        let answer = storage::lock_answer(&mut tx, item.ticket_id).await?.ok_or_else(no_such_item)?;
        digests::find_digest(&mut tx, digest_id, true).await?;
        let item = digests::find_item(&mut tx, digest_id, number).await?.ok_or_else(no_such_item)?;
        let now = self.clock.now();
        let by = by(caller);
        if let Some(ended) = item.clone().end(ending.clone(), &by, now).map_err(|Ended| item_ended())? {
            digests::save_ended(&mut tx, digest_id, &ended).await?;
            if let Ending::Answered { text } = ending {
                self.check_release(&mut tx, &by, &answer, &text, None).await?;
                let relayed = answer.relay(&by, text, now).ok_or_else(item_ended)?;
                self.publish(&mut tx, relayed, &by, None).await?;
            }
            bus::faults::reach("before-relayed", "digest");
            tx.commit().await?;
            bus::faults::reach("after-relayed", "digest");
            let state = ended.state_name();
            metrics::counter!("motcua_digest_items_total", "state" => state).increment(1);
            return Ok((ended, self.waiting(digest_id).await?));
        }
        drop(tx);
        Ok((item, self.waiting(digest_id).await?))
    }

    /// Ends items as a sheet says, each in a transaction of its own: after a crash the sheet is simply
    /// imported again.
    pub async fn import_answers(
        &self,
        caller: &Principal,
        digest_id: Uuid,
        filled_in: &[u8],
    ) -> Result<(Vec<(u32, Imported)>, u32), Refusal> {
        let (digest, items) = self.get_digest(caller, digest_id).await?;
        let rows = sheet::read(filled_in)
            .map_err(|why| Refusal::invalid("csv", "SHEET_NOT_READABLE", why.to_string()))?;
        let label = digest.label();
        if let Some(other) = rows.iter().find(|row| row.digest != label) {
            let message = format!("item {} is not of {label}", other.item);
            return Err(Refusal::invalid("csv", "SHEET_OF_OTHER_DIGEST", message));
        }
        let mut outcomes = Vec::with_capacity(rows.len());
        for row in rows {
            let before = items.iter().find(|item| item.number == row.item);
            let outcome = self.import_row(caller, digest_id, &row, before).await;
            outcomes.push((row.item, outcome.or_else(own_fault)?));
            bus::faults::reach("between-imported", "digest");
        }
        Ok((outcomes, self.waiting(digest_id).await?))
    }

    async fn import_row(
        &self,
        caller: &Principal,
        digest_id: Uuid,
        row: &Row,
        before: Option<&Item>,
    ) -> Result<Imported, Refusal> {
        let ending = match (row.answer.is_empty(), row.return_reason.is_empty()) {
            (true, true) => return Ok(Imported::Unchanged),
            (false, true) => Ending::Answered { text: row.answer.clone() },
            (true, false) => Ending::Returned { reason: row.return_reason.clone() },
            (false, false) => {
                let message = "an item is answered or returned, not both";
                return Err(Refusal::invalid("csv", "ITEM_ENDED_TWICE", message));
            }
        };
        let waited = before.is_some_and(Item::waits);
        let (item, _) = self.end_item(caller, digest_id, row.item, ending).await?;
        Ok(match item.state {
            State::Ended { how: Ending::Answered { .. }, .. } if waited => Imported::Answered,
            State::Ended { how: Ending::Returned { .. }, .. } if waited => Imported::Returned,
            _ => Imported::Unchanged,
        })
    }

    async fn waiting(&self, digest_id: Uuid) -> Result<u32, Refusal> {
        let items = digests::items(&mut *self.pool.acquire().await?, digest_id).await?;
        Ok(u32::try_from(items.iter().filter(|item| item.waits()).count()).unwrap_or(u32::MAX))
    }

    fn checked_ending(&self, ending: Ending) -> Result<Ending, Refusal> {
        let reason = |reason: String| checked("reason", &reason, self.config.reason_chars_max);
        Ok(match ending {
            Ending::Answered { text } => {
                Ending::Answered { text: checked("text", &text, self.config.text_chars_max)? }
            }
            Ending::Returned { reason: why } => Ending::Returned { reason: reason(why)? },
            Ending::Withdrawn { reason: why } => Ending::Withdrawn { reason: reason(why)? },
        })
    }
}

/// What concerns one row is its outcome; a part that is away ends the import.
fn own_fault(refusal: Refusal) -> Result<Imported, Refusal> {
    let ours = matches!(refusal.reason(), "INTERNAL" | "DATABASE_AWAY");
    if ours { Err(refusal) } else { Ok(Imported::Refused(refusal)) }
}

pub fn file_name(digest: &Digest, ending: &str) -> String {
    format!("{}-{}.{ending}", digest.code, digest.number)
}

/// A focal point is named with its group: an answer of it is not the unit's own.
fn by(caller: &Principal) -> String {
    match (caller.role, &caller.unit) {
        (RoleName::Focal, Some(group)) => format!("{group}/{}", caller.subject),
        _ => caller.subject.clone(),
    }
}

fn sight(caller: &Principal) -> Result<Sight<'_>, Refusal> {
    match (caller.role, caller.unit.as_deref()) {
        (RoleName::Focal, None) => {
            Err(Refusal::denied("GROUP_NOT_NAMED", "a focal point's token names its group as its unit"))
        }
        (RoleName::Focal, group) => Ok(Sight { group, unit: None }),
        (_, unit) => Ok(Sight { unit, group: None }),
    }
}

/// Another unit's or group's digest is not there.
fn seen(caller: &Principal, digest: Option<Digest>) -> Result<Digest, Refusal> {
    let sight = sight(caller)?;
    digest
        .filter(|digest| {
            sight.unit.is_none_or(|unit| unit == digest.unit)
                && sight.group.is_none_or(|group| group == digest.group_code)
        })
        .ok_or_else(|| Refusal::not_found("DIGEST_NOT_FOUND", "there is no such digest"))
}

fn no_such_item() -> Refusal {
    Refusal::not_found("ITEM_NOT_FOUND", "the digest has no item with this number")
}

fn item_ended() -> Refusal {
    Refusal::conflict("ITEM_ENDED", "the item was answered, returned or withdrawn before")
}
