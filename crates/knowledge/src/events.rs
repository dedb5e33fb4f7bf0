//! What knowledge does when it hears a fact.

use api::answering::v1::AnswerApproved;
use bus::{Failure, Received};

use crate::{
    passage::{Passage, QUESTION_MAX},
    service::{Knowledge, first},
};

impl Knowledge {
    /// An approved answer becomes a passage that the next asker can find.
    #[tracing::instrument(skip_all, fields(ticket.id = %received.event.ticket_id))]
    pub async fn on_answer_approved(&self, received: Received<AnswerApproved>) -> Result<(), Failure> {
        let event = &received.event;
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
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        self.publish(&mut tx, &passage, version, &event.citations).await?;
        tx.commit().await?;
        self.wake.notify_one();
        self.upkeep.notify_one();
        Ok(())
    }
}
