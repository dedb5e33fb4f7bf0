//! What the other services' facts do to a ticket. Each is guarded by the inbox, and a fact of the
//! past changes nothing but the timeline.

use api::{
    Event, TicketId,
    answering::v1::{AnswerApproved, QuestionReturned},
    intake::v1::{Milestone, Question},
    routing::v1::{DeadlineChange, DeadlineChanged, QuestionRouted},
};
use bus::{Failure, Received};
use chrono::{DateTime, Utc};

use crate::{
    letter::Letter,
    recall::Receipt,
    service::Intake,
    storage::{self, Entry},
    ticket::{Answer, Custody, Ticket},
};

impl Intake {
    pub async fn on_question_routed(&self, received: Received<QuestionRouted>) -> Result<(), Failure> {
        let event = &received.event;
        let custody = Custody {
            field: event.field.clone(),
            unit: event.unit.clone(),
            unit_name: event.unit_name.clone(),
            due_at: api::time(event.due_at.as_ref()),
        };
        let at = api::time(event.routed_at.as_ref()).unwrap_or(received.occurred_at);
        let seen = Seen { what: Milestone::Routed, at, unit_name: &event.unit_name };
        let question = question(event.question.as_ref())?;
        self.apply(&received, &seen, |ticket| {
            let ticket = ticket.route(question, event.version, custody)?;
            let ticket = ticket.with_deadline(event.deadline.as_ref());
            Some((ticket, None))
        })
        .await
    }

    pub async fn on_deadline_changed(&self, received: Received<DeadlineChanged>) -> Result<(), Failure> {
        let event = &received.event;
        let what = match event.change() {
            DeadlineChange::Unspecified => {
                return Err(Failure::Reject(anyhow::anyhow!("the event does not say what changed")));
            }
            DeadlineChange::Paused => Milestone::Paused,
            DeadlineChange::Resumed => Milestone::Resumed,
            DeadlineChange::Extended => Milestone::Extended,
            DeadlineChange::Hastened => Milestone::Hastened,
            DeadlineChange::Recomputed => Milestone::Recomputed,
        };
        let at = api::time(event.changed_at.as_ref()).unwrap_or(received.occurred_at);
        let seen = Seen { what, at, unit_name: &event.unit_name };
        self.apply(&received, &seen, |ticket| {
            let ticket = ticket.with_deadline(event.deadline.as_ref());
            let letter = Letter::of_deadline(&ticket, what, event.version);
            Some((ticket, letter))
        })
        .await
    }

    pub async fn on_question_returned(&self, received: Received<QuestionReturned>) -> Result<(), Failure> {
        let event = &received.event;
        let at = api::time(event.returned_at.as_ref()).unwrap_or(received.occurred_at);
        let what = if event.forwarded { Milestone::Forwarded } else { Milestone::Returned };
        let seen = Seen { what, at, unit_name: &event.unit_name };
        let question = question(event.question.as_ref())?;
        let step = |ticket: Ticket| Some((ticket.return_to_routing(question, event.version)?, None));
        self.apply(&received, &seen, step).await
    }

    pub async fn on_answer_approved(&self, received: Received<AnswerApproved>) -> Result<(), Failure> {
        let event = &received.event;
        let custody = Custody {
            field: event.field.clone(),
            unit: event.unit.clone(),
            unit_name: event.unit_name.clone(),
            due_at: api::time(event.due_at.as_ref()),
        };
        let at = api::time(event.approved_at.as_ref()).unwrap_or(received.occurred_at);
        let answer = Answer {
            text: event.text.clone(),
            citations: event.citations.clone(),
            answered_at: at,
            automatic: event.automatic,
        };
        let ticket_id: TicketId = event.ticket_id.parse().map_err(Failure::reject)?;
        let centre = Some(&event.centre_ticket_id).filter(|id| !id.is_empty());
        let answered_with = centre.map(|id| id.parse()).transpose().map_err(Failure::reject)?;
        let receipts = Receipt::of(ticket_id, answered_with, &answer);
        let seen = Seen { what: Milestone::Answered, at, unit_name: &event.unit_name };
        let question = question(event.question.as_ref())?;
        let step = |ticket: Ticket| {
            let ticket = ticket.answer(question, event.version, custody, answer)?;
            let letter = Letter::answered(&ticket);
            Some((ticket, letter))
        };
        self.apply_with(&received, &seen, step, &receipts).await?;
        self.wake.notify_one();
        Ok(())
    }

    async fn apply<E: Event>(
        &self,
        received: &Received<E>,
        seen: &Seen<'_>,
        step: impl FnOnce(Ticket) -> Option<(Ticket, Option<Letter>)>,
    ) -> Result<(), Failure> {
        self.apply_with(received, seen, step, &[]).await
    }

    /// If the fact counts, `receipts` are kept, and the asker is written the step's letter.
    async fn apply_with<E: Event>(
        &self,
        received: &Received<E>,
        seen: &Seen<'_>,
        step: impl FnOnce(Ticket) -> Option<(Ticket, Option<Letter>)>,
        receipts: &[Receipt],
    ) -> Result<(), Failure> {
        let ticket_id: TicketId = received.event.ticket_id().parse().map_err(Failure::reject)?;
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        // Before the ticket: recalls lock in the same order.
        self.expect_receipts(&mut tx, receipts).await?;
        let Some(ticket) = storage::lock_ticket(&mut tx, ticket_id).await? else {
            return Err(Failure::Reject(anyhow::anyhow!("no ticket {ticket_id}")));
        };
        let entry = Entry {
            version: received.event.version(),
            what: seen.what,
            at: seen.at,
            unit_name: seen.unit_name.to_owned(),
        };
        storage::add_entry(&mut tx, ticket_id, &entry).await?;
        if let Some((ticket, letter)) = step(ticket) {
            storage::save_ticket(&mut tx, &ticket).await?;
            if let Some(letter) = letter {
                self.write_to_asker(&mut tx, ticket_id, &letter).await?;
            }
            for receipt in receipts {
                storage::recall::keep_receipt(&mut tx, receipt).await?;
            }
        }
        Ok(tx.commit().await?)
    }
}

/// What the asker's timeline shows of a fact.
struct Seen<'a> {
    what: Milestone,
    at: DateTime<Utc>,
    unit_name: &'a str,
}

fn question(question: Option<&Question>) -> Result<&Question, Failure> {
    question.ok_or_else(|| Failure::Reject(anyhow::anyhow!("the event has no question")))
}
