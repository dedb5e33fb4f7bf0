//! What knowledge does when it hears a fact.

use api::{
    TicketId,
    answering::v1::{AnswerApproved, FamilyJoined, FamilyLeft, FamilyReason},
    intake::v1::{Question, QuestionWithdrawn},
    routing::v1::{QuestionRouted, RoutingReason},
};
use bus::{Failure, Received};

use crate::{
    alike, hot,
    open_question::Standing,
    passage::{Passage, QUESTION_MAX},
    service::{Knowledge, TEXT_MAX, first},
    storage::{self, open_question::OpenQuestion},
};

impl Knowledge {
    /// An approved answer becomes a passage that the next asker can find. A family has one: its
    /// centre's, so that correcting it corrects all.
    #[tracing::instrument(skip_all, fields(ticket.id = %received.event.ticket_id))]
    pub async fn on_answer_approved(&self, received: Received<AnswerApproved>) -> Result<(), Failure> {
        let event = &received.event;
        let ticket_id = ticket_id(&event.ticket_id)?;
        // Redaction may have made it longer than what an asker may send.
        let question =
            event.question.as_ref().map(|question| first(&question.text, QUESTION_MAX)).unwrap_or_default();
        let passage = Passage {
            id: Passage::id_of_ticket(&event.ticket_id),
            question,
            answer: event.text.clone(),
            field: event.field.clone(),
            unit: event.unit.clone(),
            source: event.unit_name.clone(),
        };
        let passage = passage.checked().map_err(Failure::reject)?;
        let version = i32::try_from(event.version).map_err(Failure::reject)?;
        let turn = self.open_questions_turn().await.map_err(Failure::retry)?;
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        // What nobody looked at must not breed: a wrong automatic answer would be reused as a right one.
        if event.centre_ticket_id.is_empty() && !event.automatic {
            self.publish(&mut tx, &passage, version, &event.citations).await?;
        }
        let at = api::time(event.approved_at.as_ref()).unwrap_or(received.occurred_at);
        storage::hot::note_answered(&mut tx, &hot::answered_with(event), hot::day(at)).await?;
        let edition = event.question.as_ref().map_or(0, edition);
        self.close(&mut tx, ticket_id, edition).await.map_err(Failure::retry)?;
        tx.commit().await?;
        drop(turn);
        self.wake.notify_one();
        self.upkeep.notify_one();
        Ok(())
    }

    /// A question that waits can be found by the next one that asks the same. A reopened one cannot:
    /// what it asks is more than its text. Nor can what has a place: the same words elsewhere are another report.
    #[tracing::instrument(skip_all, fields(ticket.id = %received.event.ticket_id))]
    pub async fn on_question_routed(&self, received: Received<QuestionRouted>) -> Result<(), Failure> {
        let event = &received.event;
        let Some(question) = &event.question else {
            return Err(Failure::Reject(anyhow::anyhow!("the event has no question")));
        };
        let text = self.matcher.read(&first(&question.text, TEXT_MAX));
        let has_place = question.place.is_some();
        let compared = question.follow_ups.is_empty() && !has_place && !text.normal.is_empty();
        // Slow, so before the turn.
        let embedded = if compared { Some(self.embed(&text).await.map_err(Failure::retry)?) } else { None };
        let open = OpenQuestion {
            ticket_id: ticket_id(&event.ticket_id)?,
            round: edition(question),
            version: i32::try_from(event.version).map_err(Failure::reject)?,
            open: compared,
            unit: event.unit.clone(),
            field: event.field.clone(),
            question: if compared { first(&question.text, TEXT_MAX) } else { String::new() },
            key: compared.then(|| alike::key(&text)),
            embedded,
        };
        let _turn = self.open_questions_turn().await.map_err(Failure::retry)?;
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        self.register(&mut tx, &open).await.map_err(Failure::retry)?;
        // What people assign or decide teaches; what a unit gives back without naming another no longer does.
        let taught = match event.reason() {
            RoutingReason::Assigned | RoutingReason::Arbitrated | RoutingReason::Returned => {
                Some(first(&question.text, TEXT_MAX))
            }
            RoutingReason::Desk => Some(String::new()),
            _ => None,
        };
        if let Some(taught) = &taught {
            let (id, said) = (open.ticket_id, (taught.as_str(), event.unit.as_str()));
            storage::owner::keep_correction(&mut tx, id, open.version, said, self.clock.now()).await?;
        }
        tx.commit().await?;
        if taught.is_some_and(|taught| !taught.is_empty()) {
            self.owners.told();
        }
        Ok(())
    }

    /// It waits no more: later ones do not find it.
    pub async fn on_question_withdrawn(&self, received: Received<QuestionWithdrawn>) -> Result<(), Failure> {
        let ticket_id = ticket_id(&received.event.ticket_id)?;
        let edition = received.event.question.as_ref().map_or(0, edition);
        let _turn = self.open_questions_turn().await.map_err(Failure::retry)?;
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        self.close(&mut tx, ticket_id, edition).await.map_err(Failure::retry)?;
        Ok(tx.commit().await?)
    }

    pub async fn on_family_joined(&self, received: Received<FamilyJoined>) -> Result<(), Failure> {
        let FamilyJoined { ticket_id, version, .. } = &received.event;
        self.on_family(&received, ticket_id, *version, Standing::Member).await
    }

    pub async fn on_family_left(&self, received: Received<FamilyLeft>) -> Result<(), Failure> {
        let event = &received.event;
        let stranded = event.reason() == FamilyReason::CentreLeft;
        let standing = if stranded { Standing::Stranded } else { Standing::Alone };
        self.on_family(&received, &event.ticket_id, event.version, standing).await
    }

    async fn on_family<E>(
        &self,
        received: &Received<E>,
        id: &str,
        version: u32,
        standing: Standing,
    ) -> Result<(), Failure> {
        let ticket_id = ticket_id(id)?;
        let version = i32::try_from(version).map_err(Failure::reject)?;
        let _turn = self.open_questions_turn().await.map_err(Failure::retry)?;
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        self.note_family(&mut tx, ticket_id, version, standing).await.map_err(Failure::retry)?;
        Ok(tx.commit().await?)
    }
}

fn ticket_id(text: &str) -> Result<TicketId, Failure> {
    text.parse().map_err(Failure::reject)
}

/// Which edition of the question a fact is of.
fn edition(question: &Question) -> i32 {
    i32::try_from(question.edition()).unwrap_or(i32::MAX)
}
