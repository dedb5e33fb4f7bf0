//! What the other services' facts do to an assignment.

use api::{
    Event, TicketId,
    answering::v1::{AnswerApproved, QuestionReturned},
    intake::v1::{
        AskerReplied, Question, QuestionAmended, QuestionReopened, QuestionSubmitted, QuestionWithdrawn,
    },
    routing::v1::{DeadlineChange, WaitsFor},
};
use bus::{Failure, Received};

use crate::{
    assignment::{Assignment, Clocked, GivenBack},
    custody::Words,
    service::Routing,
    storage,
};

impl Routing {
    pub async fn on_question_submitted(&self, received: Received<QuestionSubmitted>) -> Result<(), Failure> {
        let event = &received.event;
        let question = question(event.question.as_ref())?;
        let ticket_id: TicketId = event.ticket_id.parse().map_err(Failure::reject)?;
        // Slow, so before the transaction.
        let (choice, suggestions) = self.choose(&question).await.map_err(Failure::retry)?;
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        if storage::lock_assignment(&mut tx, ticket_id).await?.is_some() {
            // Heard again after the inbox forgot it: the question is on its way, or at its end.
            return Ok(tx.commit().await?);
        }
        let now = self.clock.now();
        let (organisation, rules) = (&self.organisation, &self.rules);
        let assignment =
            Assignment::first(ticket_id, event.version, question, &choice, organisation, rules, now);
        let assignment = Assignment { suggestions, ..assignment };
        self.keep(&mut tx, None, &assignment, Words::default()).await?;
        bus::outbox::put(&mut tx, &assignment.routed(organisation, &rules.moves)).await?;
        Ok(tx.commit().await?)
    }

    pub async fn on_question_returned(&self, received: Received<QuestionReturned>) -> Result<(), Failure> {
        let event = &received.event;
        let question = question(event.question.as_ref())?;
        let words = Words {
            reason: event.reason.clone(),
            no_owner_reason: event.no_owner_reason.clone(),
            by: String::new(),
        };
        self.apply(&received, true, words, |assignment| {
            let (version, forwarded) = (event.version, event.forwarded);
            let given = GivenBack { from: &event.unit, suggested: &event.suggested_unit, forwarded };
            let (organisation, moves) = (&self.organisation, &self.rules.moves);
            assignment.after_return(&question, version, &given, moves, organisation, self.clock.now())
        })
        .await
    }

    pub async fn on_question_reopened(&self, received: Received<QuestionReopened>) -> Result<(), Failure> {
        let event = &received.event;
        let question = question(event.question.as_ref())?;
        self.apply(&received, true, Words::default(), |assignment| {
            let (organisation, rules) = (&self.organisation, &self.rules);
            assignment.reopen(question, event.version, &event.unit, organisation, rules, self.clock.now())
        })
        .await
    }

    pub async fn on_question_amended(&self, received: Received<QuestionAmended>) -> Result<(), Failure> {
        let event = &received.event;
        let question = question(event.question.as_ref())?;
        let at = api::time(event.amended_at.as_ref()).unwrap_or(received.occurred_at);
        self.apply(&received, true, Words::default(), |assignment| {
            assignment.amend(question, event.version, &self.organisation, at)
        })
        .await
    }

    pub async fn on_question_withdrawn(&self, received: Received<QuestionWithdrawn>) -> Result<(), Failure> {
        let event = &received.event;
        let question = question(event.question.as_ref())?;
        let at = api::time(event.withdrawn_at.as_ref()).unwrap_or(received.occurred_at);
        let withdraw = |assignment: Assignment| assignment.withdraw(question, event.version, at);
        self.apply(&received, false, Words::default(), withdraw).await
    }

    /// The clock that stood for this runs on.
    pub async fn on_asker_replied(&self, received: Received<AskerReplied>) -> Result<(), Failure> {
        let event = &received.event;
        let ticket_id: TicketId = event.ticket_id.parse().map_err(Failure::reject)?;
        let at = api::time(event.replied_at.as_ref()).unwrap_or(received.occurred_at);
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        let Some(mut assignment) = storage::lock_assignment(&mut tx, ticket_id).await? else {
            return Err(Failure::Reject(anyhow::anyhow!("ticket {ticket_id} was never routed")));
        };
        let deadline = &assignment.deadline;
        let stands =
            deadline.paused().is_some_and(|pause| WaitsFor::from(pause.waits_for) == WaitsFor::Asker);
        if stands && deadline.version == event.deadline_version {
            let resumed = deadline.clone().resume(&self.rules.calendar, at);
            if let Ok(Some(deadline)) = resumed {
                assignment.deadline = deadline;
                storage::save_assignment(&mut tx, &assignment, &self.rules).await?;
                let fact =
                    Clocked::from(&assignment).changed(DeadlineChange::Resumed, &self.organisation, at);
                bus::outbox::put(&mut tx, &fact).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    pub async fn on_answer_approved(&self, received: Received<AnswerApproved>) -> Result<(), Failure> {
        let event = &received.event;
        let question = question(event.question.as_ref())?;
        let at = api::time(event.approved_at.as_ref()).unwrap_or(received.occurred_at);
        let answer = |assignment: Assignment| assignment.answer(&question, event.version, at);
        self.apply(&received, false, Words::default(), answer).await
    }

    /// Applies a fact, with what was said in it, to its assignment and, if `tell`, states the new routing.
    async fn apply<E: Event>(
        &self,
        received: &Received<E>,
        tell: bool,
        words: Words,
        step: impl FnOnce(Assignment) -> Option<Assignment>,
    ) -> Result<(), Failure> {
        let ticket_id: TicketId = received.event.ticket_id().parse().map_err(Failure::reject)?;
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        let Some(assignment) = storage::lock_assignment(&mut tx, ticket_id).await? else {
            // What the asker did right after asking may be heard before the asking.
            return Err(Failure::Retry(anyhow::anyhow!("the routing of {ticket_id} is to come")));
        };
        if let Some(next) = step(assignment.clone()) {
            self.keep(&mut tx, Some(&assignment), &next, words).await?;
            if tell {
                bus::outbox::put(&mut tx, &next.routed(&self.organisation, &self.rules.moves)).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

fn question(question: Option<&Question>) -> Result<Question, Failure> {
    question.cloned().ok_or_else(|| Failure::Reject(anyhow::anyhow!("the event has no question")))
}
