//! The use cases, named as the RPCs. Transactions begin here and in `events.rs` only.

use std::sync::Arc;

use api::{
    TicketId,
    intake::v1::Question,
    knowledge::v1::{FindReusableRequest, knowledge_service_client::KnowledgeServiceClient},
};
use runtime::{Clock, Context, Peer, Principal, Refusal};
use sqlx::PgPool;

use crate::{
    Config, assignment::Assignment, choice::Choice, organisation::Organisation, policy::Rules, storage,
};

#[derive(Clone)]
pub struct Routing {
    pub pool: PgPool,
    pub clock: Clock,
    pub organisation: Arc<Organisation>,
    pub rules: Arc<Rules>,
    config: Config,
    knowledge: KnowledgeServiceClient<Peer>,
}

impl Routing {
    pub fn open(ctx: &Context, config: Config) -> anyhow::Result<Self> {
        let organisation = Organisation::read(&config.organisation)?;
        let rules = Rules::read(&config.organisation.with_file_name(&organisation.deadlines))?;
        rules.check_names(&organisation)?;
        rules.warn_of_a_year_without_holidays(ctx.clock.now());
        Ok(Self {
            pool: ctx.pool.clone(),
            clock: ctx.clock.clone(),
            organisation: Arc::new(organisation),
            rules: Arc::new(rules),
            config,
            knowledge: KnowledgeServiceClient::new(ctx.peer("knowledge")),
        })
    }

    /// The asker's choice, else the neighbours' field, else the desk.
    pub async fn choose(&self, question: &Question) -> Result<Choice, tonic::Status> {
        if let Some(choice) = Choice::of_asker(question, &self.organisation) {
            return Ok(choice);
        }
        let request = FindReusableRequest { text: question.text.clone(), limit: self.config.neighbours };
        let found = self.knowledge.clone().find_reusable(request).await?.into_inner();
        Ok(Choice::of_neighbours(&found.neighbours, &self.organisation, &self.config))
    }

    /// Moves a question that is not answered to `unit`.
    pub async fn assign_unit(
        &self,
        dispatcher: &Principal,
        ticket_id: TicketId,
        unit: &str,
    ) -> Result<Assignment, Refusal> {
        if self.organisation.unit(unit).is_none() {
            return Err(Refusal::invalid("unit", "UNIT_UNKNOWN", format!("there is no unit '{unit}'")));
        }
        let mut tx = self.pool.begin().await?;
        let assignment = storage::lock_assignment(&mut tx, ticket_id)
            .await?
            .filter(|assignment| dispatcher.unit.as_ref().is_none_or(|own| *own == assignment.unit))
            .ok_or_else(|| Refusal::not_found("TICKET_NOT_FOUND", "there is no such question"))?;
        let moved = assignment
            .clone()
            .assign(unit, &self.organisation, self.clock.now())
            .map_err(|_| Refusal::conflict("ALREADY_ANSWERED", "the question is answered"))?;
        let Some(moved) = moved else { return Ok(assignment) };
        storage::save_assignment(&mut tx, &moved, &self.rules).await?;
        bus::outbox::put(&mut tx, &moved.routed(&self.organisation)).await?;
        tx.commit().await?;
        Ok(moved)
    }
}
