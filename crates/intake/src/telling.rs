//! Tells everyone who received a published answer that it was corrected or withdrawn: in batches,
//! each ticket once for each version, and going on after a crash where it was.

use std::time::Duration;

use api::knowledge::v1::{AnswerCorrected, AnswerWithdrawn};
use bus::{Failure, Received};
use runtime::Refusal;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    letter::Letter,
    recall::{Recall, Receipt},
    service::Intake,
    storage::{
        self,
        recall::{Counts, Recipient},
    },
};

/// How often to look when nobody called.
const POLL: Duration = Duration::from_secs(5);

const PASSAGE_ID_CHARS_MAX: usize = 200;
const PAGE_USUAL: u32 = 50;
const PAGE_MAX: u32 = 200;

/// Who received a passage and was told of its newest recall.
pub struct Told {
    pub recall: Option<Recall>,
    pub counts: Counts,
    pub recipients: Vec<Recipient>,
    pub more: bool,
}

impl Intake {
    pub async fn on_answer_corrected(&self, received: Received<AnswerCorrected>) -> Result<(), Failure> {
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        take_up(&mut tx, &received.event.clone().into()).await?;
        self.mail_correction(&mut tx, &received.event).await?;
        tx.commit().await?;
        self.wake.notify_one();
        Ok(())
    }

    pub async fn on_answer_withdrawn(&self, received: Received<AnswerWithdrawn>) -> Result<(), Failure> {
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        take_up(&mut tx, &received.event.clone().into()).await?;
        self.mail_withdrawal(&mut tx, &received.event).await?;
        tx.commit().await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Before receipts are written: an answer approved by someone who had not heard of a recall is
    /// told of it, too.
    pub async fn expect_receipts(
        &self,
        conn: &mut PgConnection,
        receipts: &[Receipt],
    ) -> Result<(), sqlx::Error> {
        let ids: Vec<String> = receipts.iter().map(|receipt| receipt.passage_id.clone()).collect();
        storage::recall::before_recalls(conn, &ids).await?;
        for receipt in receipts {
            let recall = storage::recall::find(conn, &receipt.passage_id).await?;
            if recall.is_some_and(|recall| recall.concerns(receipt)) {
                storage::recall::reopen(conn, &receipt.passage_id).await?;
            }
        }
        Ok(())
    }

    /// Tells who is to be told until `shutdown`. A failure is tried again.
    pub async fn run_recalls(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        while !shutdown.is_cancelled() {
            match shutdown.run_until_cancelled(self.tell_batch()).await {
                Some(Ok(true)) => continue,
                Some(Ok(false)) | None => {}
                Some(Err(error)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "telling again after a pause");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        Ok(())
    }

    /// Tells some tickets of one recall; says whether there may be more to do.
    async fn tell_batch(&self) -> Result<bool, sqlx::Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let Some(recall) = storage::recall::take_open(&mut tx).await? else { return Ok(false) };
        let limit = self.config.recall_batch.into();
        let untold = storage::recall::untold(&mut tx, &recall, limit).await?;
        for ticket_id in &untold {
            let Some(ticket) = storage::lock_ticket(&mut tx, *ticket_id).await? else { continue };
            let (notice, changed) = recall.tell(ticket);
            let first = storage::recall::keep_notice(&mut tx, *ticket_id, &notice, now).await?;
            if let Some(ticket) = changed.filter(|_| first) {
                storage::save_ticket(&mut tx, &ticket).await?;
            }
            if first {
                self.write_to_asker(&mut tx, *ticket_id, &Letter::of_recall(&recall, &notice)).await?;
            }
        }
        if untold.is_empty() {
            storage::recall::mark_done(&mut tx, &recall.passage_id, now).await?;
        }
        bus::faults::reach("before-told", &recall.version.to_string());
        tx.commit().await?;
        bus::faults::reach("after-told", &recall.version.to_string());
        metrics::counter!("motcua_tickets_told_total").increment(untold.len() as u64);
        Ok(true)
    }

    pub async fn get_recall(&self, passage_id: &str, after: Uuid, limit: u32) -> Result<Told, Refusal> {
        if limit > PAGE_MAX {
            return Err(Refusal::invalid("limit", "LIMIT_TOO_LARGE", format!("limit is at most {PAGE_MAX}")));
        }
        let limit = if limit == 0 { PAGE_USUAL } else { limit };
        let fits = passage_id.chars().count() <= PASSAGE_ID_CHARS_MAX && !passage_id.contains('\0');
        if !fits || passage_id.is_empty() {
            let message = format!("passageId has 1 to {PASSAGE_ID_CHARS_MAX} characters");
            return Err(Refusal::invalid("passageId", "PASSAGE_ID_NOT_VALID", message));
        }
        let mut conn = self.pool.acquire().await?;
        let recall = storage::recall::find(&mut conn, passage_id).await?;
        let counts = storage::recall::counts(&mut conn, passage_id, recall.as_ref()).await?;
        let told = recall.as_ref().map_or(0, |recall| recall.version);
        let mut recipients =
            storage::recall::recipients(&mut conn, passage_id, told, after, i64::from(limit) + 1).await?;
        let more = recipients.len() > limit as usize;
        recipients.truncate(limit as usize);
        Ok(Told { recall, counts, recipients, more })
    }
}

/// Takes a recall up; an older one than that of the passage which is known changes nothing.
async fn take_up(conn: &mut PgConnection, recall: &Recall) -> Result<(), sqlx::Error> {
    storage::recall::after_receipts(conn, &recall.passage_id).await?;
    storage::recall::keep_recall(conn, recall).await?;
    Ok(())
}

/// Who received a passage is told what becomes of the one that took its place, from its newest recall on.
pub async fn follow_receipts(
    conn: &mut PgConnection,
    passage_id: &str,
    by_id: &str,
) -> Result<(), sqlx::Error> {
    storage::recall::before_recalls(conn, &[by_id.to_owned()]).await?;
    storage::recall::follow(conn, passage_id, by_id).await?;
    if storage::recall::find(conn, by_id).await?.is_some() {
        storage::recall::reopen(conn, by_id).await?;
    }
    Ok(())
}
