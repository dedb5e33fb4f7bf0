//! The use cases of `ReviewService`, and what a unit's policy asks before an answer is approved.

use api::TicketId;
use runtime::{Principal, Refusal};
use sqlx::PgConnection;

use crate::{
    answer::Answer,
    check::{self, Finding, Reply},
    replies::Policy,
    service::{Answering, checked, of_unit, refused},
    storage::{
        self, family as families,
        trace::{self as traces, Trace},
    },
};

/// What an officer submits, or has checked.
pub struct Text {
    pub ticket_id: TicketId,
    pub text: String,
    pub source_ids: Vec<String>,
}

impl Answering {
    pub fn policy(&self, answer: &Answer) -> &Policy {
        self.replies.policy(&answer.custody.unit, &answer.custody.field)
    }

    /// What is wanting in a text as the answer, and the policy by which it is.
    pub async fn check_answer(
        &self,
        officer: &Principal,
        step: Text,
    ) -> Result<(Vec<Finding>, &Policy), Refusal> {
        let text = checked("text", &step.text, self.config.text_chars_max)?;
        let mut conn = self.pool.acquire().await?;
        let answer = of_unit(officer, storage::find_answer(&mut conn, step.ticket_id).await?)?;
        let policy = self.policy(&answer);
        Ok((findings(&answer, &text, Some(&step.source_ids), policy)?, policy))
    }

    pub async fn submit_for_review(
        &self,
        officer: &Principal,
        step: Text,
        version: u32,
    ) -> Result<Answer, Refusal> {
        let text = checked("text", &step.text, self.config.text_chars_max)?;
        let mut tx = self.pool.begin().await?;
        let answer = of_unit(officer, storage::lock_answer(&mut tx, step.ticket_id).await?)?;
        let (by, at) = (&officer.subject, self.clock.now());
        let submitted = answer.clone().submit(version, by, text.clone(), &step.source_ids, at);
        let Some(submitted) = submitted.map_err(refused)? else { return Ok(answer) };
        storage::save_answer(&mut tx, &submitted).await?;
        traces::keep(&mut tx, &submitted, &Trace { what: "submitted", by, note: &text, at }).await?;
        tx.commit().await?;
        Ok(submitted)
    }

    pub async fn ask_correction(
        &self,
        officer: &Principal,
        ticket_id: TicketId,
        comment: &str,
        version: u32,
    ) -> Result<Answer, Refusal> {
        let comment = checked("comment", comment, self.config.reason_chars_max)?;
        let mut tx = self.pool.begin().await?;
        let answer = of_unit(officer, storage::lock_answer(&mut tx, ticket_id).await?)?;
        let (by, at) = (&officer.subject, self.clock.now());
        let asked = answer.clone().ask_correction(version, by, comment.clone(), at);
        let Some(asked) = asked.map_err(refused)? else { return Ok(answer) };
        storage::save_answer(&mut tx, &asked).await?;
        traces::keep(&mut tx, &asked, &Trace { what: "correction_asked", by, note: &comment, at }).await?;
        tx.commit().await?;
        Ok(asked)
    }

    /// Refuses an approval that a policy does not let out: the question's own, and those of the members of
    /// its family, who get the same words. `source_ids` `None`: it is published without a citation.
    pub(crate) async fn check_release(
        &self,
        conn: &mut PgConnection,
        by: &str,
        answer: &Answer,
        text: &str,
        source_ids: Option<&[String]>,
    ) -> Result<(), Refusal> {
        let fields = families::fields(conn, answer.ticket_id).await?;
        let of_members = fields.iter().map(|field| self.replies.policy(&answer.custody.unit, field));
        let own = self.policy(answer);
        let policies: Vec<&Policy> = std::iter::once(own).chain(of_members).collect();
        for policy in &policies {
            let findings = findings(answer, text, source_ids, policy)?;
            let gates = check::gates(&findings, policy);
            if !gates.is_empty() {
                return Err(not_met(&gates));
            }
        }
        if policies.iter().any(|policy| policy.two_persons) {
            answer.reviewed(by, text, source_ids.unwrap_or_default()).map_err(refused)?;
        }
        Ok(())
    }

    /// Whether a draft may go out without a hand, as far as the policy goes.
    pub(crate) fn lets_out(&self, answer: &Answer) -> bool {
        let policy = self.policy(answer);
        let Ok(findings) = findings(answer, &answer.draft.text, Some(&[]), policy) else { return false };
        !policy.two_persons && check::gates(&findings, policy).is_empty()
    }
}

fn findings(
    answer: &Answer,
    text: &str,
    source_ids: Option<&[String]>,
    policy: &Policy,
) -> Result<Vec<Finding>, Refusal> {
    let cites = match source_ids {
        Some(named) => !answer.citations(named).map_err(refused)?.is_empty(),
        None => false,
    };
    let question = &answer.question;
    let asked: Vec<&str> =
        [&question.text].into_iter().chain(question.follow_ups.last()).map(String::as_str).collect();
    Ok(check::check(&Reply { asked: &asked, text, cites }, policy))
}

fn not_met(gates: &[&Finding]) -> Refusal {
    let said = gates.iter().map(|finding| {
        let words = if finding.words.is_empty() { String::new() } else { format!(" ({})", finding.words) };
        format!("{}{words}", api::answering::v1::FindingCode::from(finding.code).as_str_name())
    });
    let said = said.collect::<Vec<_>>().join("; ");
    Refusal::conflict("STYLE_NOT_MET", format!("the unit's policy does not let this out: {said}"))
}
