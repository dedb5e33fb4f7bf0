//! The use cases, named as the RPCs. Transactions begin here and in `events.rs` only.

use std::sync::Arc;

use api::{
    TicketId,
    intake::v1::Question,
    knowledge::v1::{RankOwnersRequest, knowledge_service_client::KnowledgeServiceClient},
};
use runtime::{Clock, Context, Peer, Principal, Refusal, RoleName, notify::Mailer};
use sqlx::{PgConnection, PgPool};

use crate::{
    Config,
    assignment::{Assignment, NotAssigned},
    choice::Choice,
    custody::{self, HandOff, Period, Words},
    organisation::Organisation,
    policy::Rules,
    rule::Rule,
    storage,
    suggestion::Suggestion,
};

/// Characters of a text to explain.
const TEXT_MAX: usize = 5_000;

/// Hand-offs that are shown of one question, the newest.
const HAND_OFFS_MAX: i64 = 500;

#[derive(Clone)]
pub struct Routing {
    pub pool: PgPool,
    pub clock: Clock,
    /// The one in force when the use case began.
    pub organisation: Arc<Organisation>,
    pub rules: Arc<Rules>,
    /// `None`: mail is off.
    pub mailer: Option<Mailer>,
    config: Config,
    knowledge: KnowledgeServiceClient<Peer>,
}

impl Routing {
    /// `organisation` is the configured file's.
    pub fn open(ctx: &Context, config: Config, organisation: Organisation) -> anyhow::Result<Self> {
        let rules = Rules::read(&config.organisation.with_file_name(&organisation.deadlines))?;
        rules.warn_of_a_year_without_holidays(ctx.clock.now());
        Ok(Self {
            pool: ctx.pool.clone(),
            clock: ctx.clock.clone(),
            organisation: Arc::new(organisation),
            rules: Arc::new(rules),
            mailer: ctx.mailer.clone(),
            config,
            knowledge: KnowledgeServiceClient::new(ctx.peer("knowledge")),
        })
    }

    /// The same, with what is in force.
    #[must_use]
    pub fn within(self, organisation: Arc<Organisation>, rules: Arc<Rules>) -> Self {
        Self { organisation, rules, ..self }
    }

    /// A declared rule, else the asker's choice, else the likeliest unit, else the desk; and the units
    /// that were thought of.
    pub async fn choose(&self, question: &Question) -> Result<(Choice, Vec<Suggestion>), tonic::Status> {
        if let Some(rule) = Rule::of(&question.text, &self.organisation) {
            return Ok((rule.choice(&self.organisation), Vec::new()));
        }
        if let Some(choice) = Choice::of_asker(question, &self.organisation) {
            return Ok((choice, Vec::new()));
        }
        let request = RankOwnersRequest { text: question.text.clone() };
        let owners = self.knowledge.clone().rank_owners(request).await?.into_inner().owners;
        let mut suggestions = Suggestion::of_owners(&owners, &self.organisation, self.config.confidence_min);
        let choice = Choice::of_evidence(&suggestions, &self.organisation);
        suggestions.retain(|one| one.unit != self.organisation.desk().code);
        suggestions.truncate(self.config.suggestions_max);
        Ok((choice, suggestions))
    }

    /// Where a text would go, and the code of the rule that decides, if one does.
    pub async fn explain_routing(
        &self,
        text: String,
        field: String,
    ) -> Result<(Choice, Vec<Suggestion>, String), tonic::Status> {
        if text.trim().is_empty() || text.chars().count() > TEXT_MAX {
            let message = format!("the text has 1 to {TEXT_MAX} characters");
            return Err(Refusal::invalid("text", "TEXT_LENGTH", message).into());
        }
        let rule = Rule::of(&text, &self.organisation).map(|rule| rule.code.clone()).unwrap_or_default();
        let (choice, suggestions) = self.choose(&Question { text, field, ..Question::default() }).await?;
        Ok((choice, suggestions, rule))
    }

    /// Where a question is.
    pub async fn get_routing(
        &self,
        dispatcher: &Principal,
        ticket_id: TicketId,
    ) -> Result<Assignment, Refusal> {
        let found = storage::find_assignment(&mut *self.pool.acquire().await?, ticket_id).await?;
        found.filter(|assignment| may_see(dispatcher, assignment)).ok_or_else(no_such_question)
    }

    /// Moves a question that is not answered to `unit`, if the unit `from` (empty: any) has it.
    pub async fn assign_unit(
        &self,
        dispatcher: &Principal,
        ticket_id: TicketId,
        from: &str,
        unit: &str,
    ) -> Result<Assignment, Refusal> {
        if self.organisation.unit(unit).is_none() {
            return Err(Refusal::invalid("unit", "UNIT_UNKNOWN", format!("there is no unit '{unit}'")));
        }
        let mut tx = self.pool.begin().await?;
        let assignment = storage::lock_assignment(&mut tx, ticket_id)
            .await?
            .filter(|assignment| may_see(dispatcher, assignment))
            .ok_or_else(no_such_question)?;
        let by_operator = dispatcher.role == RoleName::Operator;
        let moved = assignment
            .clone()
            .assign(from, unit, by_operator, &self.organisation, self.clock.now())
            .map_err(not_assigned)?;
        let Some(moved) = moved else { return Ok(assignment) };
        let words = Words { by: dispatcher.subject.clone(), ..Words::default() };
        self.keep(&mut tx, Some(&assignment), &moved, words).await?;
        bus::outbox::put(&mut tx, &moved.routed(&self.organisation, &self.rules.moves)).await?;
        tx.commit().await?;
        Ok(moved)
    }

    /// Where a question is, and the periods of all that had it.
    pub async fn get_custody(
        &self,
        officer: &Principal,
        ticket_id: TicketId,
    ) -> Result<(Assignment, Vec<Period>), Refusal> {
        let mut conn = self.pool.acquire().await?;
        let found = storage::find_assignment(&mut conn, ticket_id).await?;
        let assignment =
            found.filter(|assignment| may_see(officer, assignment)).ok_or_else(no_such_question)?;
        let hand_offs = storage::custody::hand_offs(&mut conn, ticket_id, HAND_OFFS_MAX).await?;
        let (pauses, now) = (&assignment.deadline.pauses, self.clock.now());
        let periods = custody::periods(&hand_offs, pauses, &self.rules.calendar, now);
        Ok((assignment, periods))
    }

    /// Saves an assignment, and the hand-off if it is one.
    pub async fn keep(
        &self,
        conn: &mut PgConnection,
        before: Option<&Assignment>,
        after: &Assignment,
        words: Words,
    ) -> Result<(), sqlx::Error> {
        storage::save_assignment(conn, after, &self.rules).await?;
        match HandOff::between(before, after, words) {
            Some(hand_off) => storage::custody::keep_hand_off(conn, after.ticket_id, &hand_off).await,
            None => Ok(()),
        }
    }
}

fn not_assigned(why: NotAssigned) -> Refusal {
    match why {
        NotAssigned::Answered => Refusal::conflict("ALREADY_ANSWERED", "the question is answered"),
        NotAssigned::Moved => Refusal::conflict("MOVED_MEANWHILE", "another unit has the question by now"),
        NotAssigned::Bound => {
            Refusal::conflict("BOUND_BY_ARBITER", "the arbiter has decided which unit answers")
        }
    }
}

fn may_see(dispatcher: &Principal, assignment: &Assignment) -> bool {
    dispatcher.unit.as_ref().is_none_or(|own| *own == assignment.unit)
}

fn no_such_question() -> Refusal {
    Refusal::not_found("TICKET_NOT_FOUND", "there is no such question")
}
