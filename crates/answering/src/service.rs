//! The use cases, named as the RPCs. Transactions begin here and in `events.rs` only.

use api::{
    TicketId,
    intake::v1::Question,
    knowledge::v1::{FindReusableRequest, knowledge_service_client::KnowledgeServiceClient},
};
use chrono::{DateTime, Utc};
use runtime::{Clock, Context, Peer, Principal, Refusal};
use sqlx::PgPool;

use crate::{
    Config,
    answer::{Answer, Draft, Refused},
    storage::{self, Waiting},
};

/// Largest and usual page of the inbox.
const PAGE_MAX: u32 = 200;
const PAGE_USUAL: u32 = 50;

/// Longest code of a unit, in characters.
const UNIT_CHARS_MAX: usize = 64;

#[derive(Clone)]
pub struct Answering {
    pub pool: PgPool,
    pub clock: Clock,
    config: Config,
    knowledge: KnowledgeServiceClient<Peer>,
}

/// What an officer approves.
pub struct ApproveAnswer {
    pub ticket_id: TicketId,
    pub text: String,
    pub version: u32,
    pub source_ids: Vec<String>,
}

/// What an officer returns.
pub struct ReturnQuestion {
    pub ticket_id: TicketId,
    pub reason: String,
    pub suggested_unit: String,
    /// The version the officer saw; 0: not compared.
    pub version: u32,
}

impl Answering {
    pub fn new(ctx: &Context, config: Config) -> Self {
        let knowledge = KnowledgeServiceClient::new(ctx.peer("knowledge"));
        Self { pool: ctx.pool.clone(), clock: ctx.clock.clone(), config, knowledge }
    }

    /// Asks knowledge what may be reused.
    pub async fn draft(&self, question: &Question) -> Result<Draft, tonic::Status> {
        let request = FindReusableRequest { text: question.text.clone(), limit: self.config.sources_max };
        let found = self.knowledge.clone().find_reusable(request).await?.into_inner();
        Ok(Draft::from_verdict(question, found.verdict.unwrap_or_default(), found.neighbours))
    }

    /// A page of what waits in the caller's unit, and where the next one begins.
    pub async fn list_inbox(
        &self,
        officer: &Principal,
        limit: u32,
        after: Option<(DateTime<Utc>, TicketId)>,
    ) -> Result<(Vec<Waiting>, bool), Refusal> {
        if limit > PAGE_MAX {
            return Err(Refusal::invalid("limit", "LIMIT_TOO_LARGE", format!("limit is at most {PAGE_MAX}")));
        }
        let limit = if limit == 0 { PAGE_USUAL } else { limit };
        let mut conn = self.pool.acquire().await?;
        // One more than asked for tells whether there is a next page.
        let mut waiting =
            storage::list_waiting(&mut conn, officer.unit.as_deref(), after, i64::from(limit) + 1).await?;
        let more = waiting.len() > limit as usize;
        waiting.truncate(limit as usize);
        Ok((waiting, more))
    }

    pub async fn get_draft(&self, officer: &Principal, ticket_id: TicketId) -> Result<Answer, Refusal> {
        let mut conn = self.pool.acquire().await?;
        let answer = storage::find_answer(&mut conn, ticket_id).await?;
        of_unit(officer, answer)
    }

    /// Publishes the answer; the fact leaves only if the state stays.
    pub async fn approve_answer(&self, officer: &Principal, step: ApproveAnswer) -> Result<Answer, Refusal> {
        let text = checked("text", &step.text, self.config.text_chars_max)?;
        let mut tx = self.pool.begin().await?;
        let answer = of_unit(officer, storage::lock_answer(&mut tx, step.ticket_id).await?)?;
        let approved = answer
            .clone()
            .approve(step.version, &officer.subject, text, &step.source_ids, self.clock.now())
            .map_err(refused)?;
        let Some(approved) = approved else { return Ok(answer) };
        storage::save_answer(&mut tx, &approved).await?;
        if let Some(fact) = approved.approved() {
            bus::outbox::put(&mut tx, &fact).await?;
        }
        tx.commit().await?;
        tracing::info!(ticket.id = %approved.ticket_id, "an answer was approved");
        Ok(approved)
    }

    /// Gives the question back to routing.
    pub async fn return_question(
        &self,
        officer: &Principal,
        step: ReturnQuestion,
    ) -> Result<Answer, Refusal> {
        let reason = checked("reason", &step.reason, self.config.reason_chars_max)?;
        if step.suggested_unit.chars().count() > UNIT_CHARS_MAX {
            let message = format!("suggestedUnit is a code of at most {UNIT_CHARS_MAX} characters");
            return Err(Refusal::invalid("suggestedUnit", "UNIT_NOT_A_CODE", message));
        }
        let mut tx = self.pool.begin().await?;
        let answer = of_unit(officer, storage::lock_answer(&mut tx, step.ticket_id).await?)?;
        if step.suggested_unit == answer.custody.unit {
            let message = "suggestedUnit is the unit that returns it";
            return Err(Refusal::invalid("suggestedUnit", "UNIT_IS_ITS_OWN", message));
        }
        let returned = answer
            .clone()
            .return_to_routing(step.version, &officer.subject, reason, self.clock.now())
            .map_err(refused)?;
        let Some(returned) = returned else { return Ok(answer) };
        storage::save_answer(&mut tx, &returned).await?;
        if let Some(fact) = returned.returned(&step.suggested_unit) {
            bus::outbox::put(&mut tx, &fact).await?;
        }
        tx.commit().await?;
        Ok(returned)
    }
}

/// Another unit's question is, to an officer of a unit, not there.
fn of_unit(officer: &Principal, answer: Option<Answer>) -> Result<Answer, Refusal> {
    answer
        .filter(|answer| officer.unit.as_ref().is_none_or(|unit| *unit == answer.custody.unit))
        .ok_or_else(|| Refusal::not_found("TICKET_NOT_FOUND", "there is no such question in your inbox"))
}

fn refused(why: Refused) -> Refusal {
    match why {
        Refused::NotDrafted => Refusal::conflict("NOT_WAITING", "the question is not waiting for an answer"),
        Refused::Stale(version) => {
            Refusal::stale("STALE_VERSION", format!("the question has changed; its version is {version} now"))
        }
        Refused::UnknownSource(id) => Refusal::invalid(
            "sourceIds",
            "SOURCE_UNKNOWN",
            format!("'{id}' is not one of the draft's sources"),
        ),
    }
}

fn checked(field: &'static str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    if text.is_empty() {
        return Err(Refusal::invalid(field, "TEXT_EMPTY", format!("{field} is empty")));
    }
    if text.chars().count() > chars_max {
        let message = format!("{field} has more than {chars_max} characters");
        return Err(Refusal::invalid(field, "TEXT_TOO_LONG", message));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        let message = format!("{field} holds a control character");
        return Err(Refusal::invalid(field, "TEXT_CHARACTER_NOT_ALLOWED", message));
    }
    Ok(text)
}
