//! What knowledge does when it hears a fact.

use api::answering::v1::AnswerApproved;
use bus::{Failure, Received};

use crate::{
    passage::{Passage, QUESTION_MAX},
    service::{Knowledge, first},
    storage,
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
        let cited: Vec<String> = event.citations.iter().map(|citation| citation.id.clone()).collect();
        let now = self.clock.now();
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        let (id, text) = (&passage.id, &passage.answer);
        storage::life::lock(&mut tx, std::slice::from_ref(id)).await?;
        // What is cited word for word is one answer with its source, so that it ends with it.
        let copy_of = storage::life::origin(&mut tx, id, text, &cited).await?;
        storage::life::release(&mut tx, id, version, now).await?;
        if storage::publish(&mut tx, &passage, version, copy_of.as_deref(), now).await? {
            storage::life::inherit_basis(&mut tx, id, &cited).await?;
            storage::contradiction::forget(&mut tx, id).await?;
        }
        tx.commit().await?;
        self.wake.notify_one();
        self.upkeep.notify_one();
        Ok(())
    }
}
