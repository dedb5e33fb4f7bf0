//! The use cases of `SavedReplyService`.

use runtime::{Principal, Refusal};
use uuid::Uuid;

use crate::{
    saved_reply::{Refused, SavedReply, Wanted},
    service::{Answering, checked},
    storage::saved_reply as saved,
};

const TITLE_CHARS_MAX: usize = 120;
const UNIT_CHARS_MAX: usize = 64;

/// Of one unit.
const KEPT_MAX: i64 = 200;

/// What is written, as it was typed.
pub struct PutSavedReply {
    pub id: Uuid,
    pub unit: String,
    pub title: String,
    pub text: String,
    pub version: u32,
}

impl Answering {
    pub async fn list_saved_replies(
        &self,
        officer: &Principal,
        unit: &str,
    ) -> Result<Vec<SavedReply>, Refusal> {
        let unit = unit_of(officer, unit)?;
        Ok(saved::list(&mut *self.pool.acquire().await?, &unit, KEPT_MAX).await?)
    }

    pub async fn put_saved_reply(
        &self,
        officer: &Principal,
        put: PutSavedReply,
    ) -> Result<SavedReply, Refusal> {
        let title = checked("title", &put.title, TITLE_CHARS_MAX)?;
        let text = checked("text", &put.text, self.config.text_chars_max)?;
        let unit = unit_of(officer, &put.unit)?;
        let (by, at) = (officer.subject.clone(), self.clock.now());
        let wanted = Wanted { title, text, seen: put.version, by, at };
        let mut tx = self.pool.begin().await?;
        saved::lock_unit(&mut tx, &unit).await?;
        let Some(before) = saved::lock(&mut tx, put.id).await? else {
            if put.version != 0 {
                return Err(not_there());
            }
            if saved::count(&mut tx, &unit).await? >= KEPT_MAX {
                let message = format!("a unit keeps at most {KEPT_MAX} replies");
                return Err(Refusal::conflict("TOO_MANY_SAVED_REPLIES", message));
            }
            let made = SavedReply::new(put.id, unit, wanted);
            saved::save(&mut tx, &made).await?;
            tx.commit().await?;
            return Ok(made);
        };
        if before.unit != unit {
            return Err(not_there());
        }
        let Some(changed) = before.clone().change(wanted).map_err(refused)? else { return Ok(before) };
        saved::save(&mut tx, &changed).await?;
        tx.commit().await?;
        Ok(changed)
    }

    pub async fn delete_saved_reply(
        &self,
        officer: &Principal,
        id: Uuid,
        version: u32,
    ) -> Result<(), Refusal> {
        let mut tx = self.pool.begin().await?;
        let found = saved::lock(&mut tx, id).await?;
        let own = |reply: &SavedReply| officer.unit.as_ref().is_none_or(|unit| *unit == reply.unit);
        let reply = found.filter(own).ok_or_else(not_there)?;
        let deleted = reply.delete(version, &officer.subject, self.clock.now()).map_err(refused)?;
        if let Some(deleted) = deleted {
            saved::save(&mut tx, &deleted).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// The caller's own unit, or the one that a caller of all units names.
fn unit_of(officer: &Principal, named: &str) -> Result<String, Refusal> {
    let slug = named.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    match &officer.unit {
        Some(own) if named.is_empty() || named == own => Ok(own.clone()),
        Some(_) => Err(Refusal::denied("OTHER_UNIT", "this is another unit's")),
        None if named.is_empty() || !slug || named.len() > UNIT_CHARS_MAX => {
            Err(Refusal::invalid("unit", "UNIT_NOT_A_CODE", "unit is the code of a unit"))
        }
        None => Ok(named.to_owned()),
    }
}

fn not_there() -> Refusal {
    Refusal::not_found("SAVED_REPLY_NOT_FOUND", "there is no such saved reply in your unit")
}

fn refused(why: Refused) -> Refusal {
    match why {
        Refused::Stale(version) => Refusal::stale(
            "STALE_VERSION",
            format!("the saved reply has changed; its version is {version} now"),
        ),
        Refused::Deleted => not_there(),
        Refused::Taken => Refusal::exists("REQUEST_ID_REUSED", "this id is another saved reply's"),
    }
}
