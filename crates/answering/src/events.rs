//! What routing's facts do to an answer.

use api::{TicketId, routing::v1::QuestionRouted};
use bus::{Failure, Received};

use crate::{
    answer::{Answer, Custody},
    service::Answering,
    storage,
};

impl Answering {
    pub async fn on_question_routed(&self, received: Received<QuestionRouted>) -> Result<(), Failure> {
        let event = received.event.clone();
        let ticket_id: TicketId = event.ticket_id.parse().map_err(Failure::reject)?;
        let (Some(question), Some(due_at)) = (event.question, api::time(event.due_at.as_ref())) else {
            return Err(Failure::Reject(anyhow::anyhow!("the event has no question or no deadline")));
        };
        let heard = self.sources_heard().await?;
        // Slow, so before the transaction.
        let draft = self.draft(&question).await.map_err(Failure::retry)?;
        let custody = Custody { unit: event.unit, unit_name: event.unit_name, field: event.field, due_at };
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        self.check_sources(&mut tx, heard, &draft).await?;
        let answer = match storage::lock_answer(&mut tx, ticket_id).await? {
            None => Some(Answer::draft(ticket_id, event.version, question, custody, draft)),
            Some(answer) => answer.reroute(event.version, question, custody, draft),
        };
        if let Some(answer) = answer {
            storage::save_answer(&mut tx, &answer).await?;
            bus::outbox::put(&mut tx, &answer.drafted(self.clock.now())).await?;
        }
        Ok(tx.commit().await?)
    }
}
