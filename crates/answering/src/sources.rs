//! A published answer has changed or may not be reused any more: drafts that wait and name it are made
//! anew, in a new version, so that no officer approves what is not so any more.

use api::{
    Event, TicketId,
    knowledge::v1::{
        AnswerCorrected, AnswerSuperseded, AnswerValidityChanged, AnswerWithdrawn, ReviewOpened,
    },
};
use bus::{Failure, Hearer, Received};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    answer::Draft,
    service::Answering,
    storage::{
        self,
        trace::{self as traces, Trace},
    },
};

/// Drafts read at once.
const BATCH: i64 = 100;

/// A fact of a published answer.
trait OfPassage: Event {
    fn passage_id(&self) -> &str;
}

macro_rules! of_passage {
    ($($event:ty),+) => {
        $(impl OfPassage for $event {
            fn passage_id(&self) -> &str {
                &self.passage_id
            }
        })+
    };
}

of_passage!(AnswerCorrected, AnswerSuperseded, AnswerValidityChanged, AnswerWithdrawn, ReviewOpened);

pub fn hearers(answering: &Answering) -> [Hearer; 5] {
    [
        hear::<AnswerCorrected>(answering),
        hear::<AnswerSuperseded>(answering),
        hear::<AnswerValidityChanged>(answering),
        hear::<AnswerWithdrawn>(answering),
        hear::<ReviewOpened>(answering),
    ]
}

fn hear<E: OfPassage>(answering: &Answering) -> Hearer {
    let answering = answering.clone();
    bus::hearer("answering", move |received: Received<E>| {
        let answering = answering.clone();
        async move { answering.on_source_changed(received).await }
    })
}

impl Answering {
    /// To be asked before a draft is made, and given to [`Self::check_sources`].
    pub async fn sources_heard(&self) -> Result<i64, sqlx::Error> {
        storage::newest_source_change(&mut *self.pool.acquire().await?).await
    }

    /// A draft is not saved if one of its sources changed while it was made. Until the transaction ends
    /// no change is heard, and the next one finds the draft.
    pub async fn check_sources(
        &self,
        conn: &mut PgConnection,
        heard: i64,
        draft: &Draft,
    ) -> Result<(), Failure> {
        let sources: Vec<String> = draft.sources.iter().map(|source| source.id.clone()).collect();
        if storage::changed_since(conn, heard, &sources).await? {
            return Err(Failure::Retry(anyhow::anyhow!("a source changed while the draft was made")));
        }
        Ok(())
    }

    /// Each draft has its own transaction, and one that is made anew already is the same: after a crash
    /// this begins again and changes nothing twice.
    async fn on_source_changed<E: OfPassage>(&self, received: Received<E>) -> Result<(), Failure> {
        let passage_id = received.event.passage_id();
        let mut tx = self.pool.begin().await?;
        storage::note_source_change(&mut tx, passage_id).await?;
        tx.commit().await?;
        let mut after = TicketId(Uuid::nil());
        loop {
            let mut conn = self.pool.acquire().await?;
            let waiting = storage::waiting_on(&mut conn, passage_id, after, BATCH).await?;
            drop(conn);
            let Some((last, _)) = waiting.last() else { break };
            after = *last;
            for (ticket_id, question) in waiting {
                let heard = self.sources_heard().await?;
                // Slow, so before the transaction.
                let draft = self.draft(&question).await.map_err(Failure::retry)?;
                let mut tx = self.pool.begin().await?;
                self.check_sources(&mut tx, heard, &draft).await?;
                let Some(answer) = storage::lock_answer(&mut tx, ticket_id).await? else { continue };
                // Routed or reopened meanwhile, it has a draft of after the change.
                if answer.question != question {
                    continue;
                }
                let Some(answer) = answer.redraft(draft) else { continue };
                storage::save_answer(&mut tx, &answer).await?;
                let at = self.clock.now();
                traces::keep(&mut tx, &answer, &Trace { what: "redrafted", by: "", note: "", at }).await?;
                bus::outbox::put(&mut tx, &answer.drafted(at)).await?;
                tx.commit().await?;
            }
        }
        if let Some(tx) = received.begin_once(&self.pool).await? {
            tx.commit().await?;
        }
        Ok(())
    }
}
