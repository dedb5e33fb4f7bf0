//! The use cases of `AutomationService`, and the sending itself.

use api::knowledge::v1::Band;
use chrono::{DateTime, Utc};
use runtime::{Principal, Refusal, RoleName};
use sqlx::PgConnection;

use crate::{
    answer::{Answer, State},
    automation::{self, BackTest, Mode, NotProven, Policy},
    service::{Answering, PAGE_MAX, PAGE_USUAL, checked},
    storage::automation::{self as automations, Change, Judgement, Listed, Page, Switch},
};

/// Longest code of a unit or field, in characters.
const CODE_CHARS_MAX: usize = 64;

/// What is set for a unit's field.
pub struct SetAutomation {
    pub unit: String,
    pub field: String,
    pub mode: Mode,
    /// 0: the configured least one.
    pub target: f64,
    /// When it was last changed, as far as the caller saw; `None`: not compared.
    pub seen_at: Option<DateTime<Utc>>,
}

/// What is put on file.
pub struct FileBackTest {
    pub unit: String,
    pub field: String,
    pub drafted: u32,
    pub correct: u32,
    pub calibration: String,
}

impl Answering {
    pub async fn list_automation(&self, caller: &Principal) -> Result<(Switch, Vec<Listed>), Refusal> {
        let mut conn = self.pool.acquire().await?;
        let switch = automations::find_switch(&mut conn).await?;
        Ok((switch, automations::list(&mut conn, caller.unit.as_deref()).await?))
    }

    pub async fn set_automation(&self, caller: &Principal, set: SetAutomation) -> Result<Listed, Refusal> {
        let SetAutomation { unit, field, mode, target, seen_at } = set;
        check_codes(caller, &unit, &field)?;
        let least = self.config.automation_target_min;
        let target = if target == 0.0 { least } else { target };
        if !(least..1.0).contains(&target) {
            let message = format!("target is from {least} to below 1");
            return Err(Refusal::invalid("target", "TARGET_OUT_OF_RANGE", message));
        }
        let mut tx = self.pool.begin().await?;
        let changed_at = automations::lock_policy(&mut tx, &unit, &field).await?;
        if seen_at.is_some_and(|seen_at| changed_at.is_some_and(|changed_at| changed_at != seen_at)) {
            let message = "somebody has changed it since; look again";
            return Err(Refusal::stale("STALE_VERSION", message));
        }
        let back_test = automations::newest_back_test(&mut tx, &unit, &field).await?;
        if mode == Mode::On {
            Policy { mode, target, back_test }.proof().map_err(|why| not_proven(why, target))?;
        }
        let change =
            Change { unit: &unit, field: &field, mode, target, by: &caller.subject, at: self.clock.now() };
        automations::save_policy(&mut tx, &change).await?;
        let listed =
            automations::list(&mut tx, Some(&unit)).await?.into_iter().find(|one| one.field == field);
        tx.commit().await?;
        tracing::info!(unit, field, mode = mode.name(), "automatic sending was set");
        listed.ok_or_else(|| Refusal::not_found("AUTOMATION_NOT_FOUND", "nothing is set for this field"))
    }

    pub async fn file_back_test(&self, caller: &Principal, filed: FileBackTest) -> Result<BackTest, Refusal> {
        let FileBackTest { unit, field, drafted, correct, calibration } = filed;
        check_codes(caller, &unit, &field)?;
        if drafted == 0 || correct > drafted {
            let message = "drafted is at least 1 and correct at most drafted";
            return Err(Refusal::invalid("drafted", "BACK_TEST_NOT_VALID", message));
        }
        if calibration.len() != 64 || !calibration.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let message = "calibration is a SHA-256 in hexadecimal";
            return Err(Refusal::invalid("calibration", "CALIBRATION_NOT_VALID", message));
        }
        let (filed_by, filed_at) = (caller.subject.clone(), self.clock.now());
        let test = BackTest { drafted, correct, calibration, filed_by, filed_at };
        automations::insert_back_test(&mut *self.pool.acquire().await?, &unit, &field, &test).await?;
        Ok(test)
    }

    /// The kill switch. Everyone at a desk may stop; only an operator lets it go on.
    pub async fn stop_automation(
        &self,
        caller: &Principal,
        stopped: bool,
        reason: &str,
    ) -> Result<(), Refusal> {
        if !stopped && caller.role != RoleName::Operator {
            let message = "only an operator lets automatic sending go on";
            return Err(Refusal::denied("OPERATOR_ONLY", message));
        }
        let reason = checked("reason", reason, self.config.reason_chars_max)?;
        let mut tx = self.pool.begin().await?;
        let switch = Switch { stopped, by: caller.subject.clone(), reason };
        automations::save_switch(&mut tx, &switch, self.clock.now()).await?;
        tx.commit().await?;
        tracing::warn!(stopped, "automatic sending was switched for all");
        Ok(())
    }

    /// A page, newest first, and whether there are more.
    pub async fn list_judgements(
        &self,
        caller: &Principal,
        limit: u32,
        automation: bool,
        before: Option<i64>,
    ) -> Result<(Vec<Judgement>, bool), Refusal> {
        if limit > PAGE_MAX {
            return Err(Refusal::invalid("limit", "LIMIT_TOO_LARGE", format!("limit is at most {PAGE_MAX}")));
        }
        let limit = if limit == 0 { PAGE_USUAL } else { limit };
        let page = Page { unit: caller.unit.as_deref(), automation, before, limit: i64::from(limit) + 1 };
        let mut found = automations::judgements(&mut *self.pool.acquire().await?, page).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        Ok((found, more))
    }

    /// Sends a new draft, or notes that it would have been sent, as its unit has set. The facts of what
    /// is sent are put out; the caller saves.
    pub(crate) async fn automate(
        &self,
        conn: &mut PgConnection,
        answer: Answer,
    ) -> Result<Answer, sqlx::Error> {
        if answer.draft.verdict.band() != Band::Reuse || answer.state != State::Drafted {
            return Ok(answer);
        }
        let (unit, field) = (&answer.custody.unit, &answer.custody.field);
        let Some(policy) = automations::find_policy(conn, unit, field).await? else { return Ok(answer) };
        match policy.decide(&answer.question, &answer.draft) {
            Mode::Off => Ok(answer),
            Mode::On if self.lets_out(&answer) && automations::hold_switch(conn).await? => {
                let sent = answer.send(self.clock.now());
                if let Some(fact) = sent.approved() {
                    bus::outbox::put(conn, &fact).await?;
                }
                tracing::info!(ticket.id = %sent.ticket_id, "an answer was sent without a hand");
                Ok(sent)
            }
            Mode::On | Mode::Shadow => Ok(Answer { automation: Mode::Shadow, ..answer }),
        }
    }

    /// An answer that is asked about again: was it sent without a hand, its draft was wrong.
    pub(crate) async fn judge_reopened(
        &self,
        conn: &mut PgConnection,
        before: &Answer,
    ) -> Result<(), sqlx::Error> {
        if !before.is_automatic() {
            return Ok(());
        }
        let Some(draft_use) = automation::rejected_by_asker(&before.draft) else { return Ok(()) };
        automations::keep_judgement(conn, before, &draft_use, "", self.clock.now()).await
    }
}

/// A caller of a unit changes that unit's only.
fn check_codes(caller: &Principal, unit: &str, field: &str) -> Result<(), Refusal> {
    for (name, code) in [("unit", unit), ("field", field)] {
        let slug = code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if code.is_empty() || !slug || code.len() > CODE_CHARS_MAX {
            let message =
                format!("{name} is a code of 1 to {CODE_CHARS_MAX} lower-case letters, digits and dashes");
            return Err(Refusal::invalid(name, "NOT_A_CODE", message));
        }
    }
    if caller.unit.as_deref().is_some_and(|own| own != unit) {
        return Err(Refusal::denied("OTHER_UNIT", "this is another unit's"));
    }
    Ok(())
}

fn not_proven(why: NotProven, target: f64) -> Refusal {
    match why {
        NotProven::Missing => {
            Refusal::conflict("BACK_TEST_MISSING", "no back-test of this unit and field is on file")
        }
        NotProven::Below(reached) => {
            let message =
                format!("the back-test's precision is at least {reached:.3}, which is below {target}");
            Refusal::conflict("BACK_TEST_BELOW_TARGET", message)
        }
    }
}
