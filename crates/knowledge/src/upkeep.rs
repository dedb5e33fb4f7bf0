//! What time and other answers do to passages: reviews open and close, contradictions are found.

use std::time::Duration;

use api::knowledge::v1::{Band, ReviewOpened, ReviewReason};
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::{
    embed::Embedded,
    matching,
    service::{self, Knowledge},
    storage::{
        self,
        contradiction::{Same, Uncompared},
    },
    text::Text,
};

/// How often to look at the clock when nobody called.
const POLL: Duration = Duration::from_secs(10);

/// Reviews opened in one transaction.
const BATCH: i64 = 200;

/// Passages compared in one transaction, and with how many neighbours each.
const COMPARED: i64 = 16;
const NEAREST: usize = 10;

/// Passages with one and the same question that are compared with each other.
const SAME_MAX: i64 = 50;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the nearest passages could not be found")]
    Matching(#[from] matching::Error),
}

impl Knowledge {
    /// Goes on until `shutdown`. Each step is safe to do again, and a failure is tried again.
    pub(crate) async fn run_upkeep(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        while !shutdown.is_cancelled() {
            let step = async { Ok::<_, Error>(self.review().await? || self.compare().await?) };
            match shutdown.run_until_cancelled(step).await {
                Some(Ok(true)) => continue,
                Some(Ok(false)) | None => {}
                Some(Err(error)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "looking again after a pause");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.upkeep.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        Ok(())
    }

    /// Opens and closes reviews as the clock has it; says whether there may be more.
    async fn review(&self) -> Result<bool, sqlx::Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        storage::life::close_reviews(&mut tx, now).await?;
        let opened = storage::life::open_reviews(&mut tx, now, BATCH).await?;
        let ids: Vec<String> = opened.iter().map(|(id, _)| id.clone()).collect();
        for shown in storage::life::shown(&mut tx, &ids, now).await? {
            let kept = shown.kept;
            let reason = opened.iter().find(|(id, _)| *id == kept.passage.id).map(|(_, reason)| *reason);
            let fact = ReviewOpened {
                ticket_id: kept.ticket_id(),
                version: kept.version,
                passage_id: kept.passage.id,
                reason: reason.unwrap_or(ReviewReason::Unspecified).into(),
                unit: kept.passage.unit,
                field: kept.passage.field,
                opened_at: Some(api::timestamp(now)),
            };
            bus::outbox::put(&mut tx, &fact).await?;
        }
        tx.commit().await?;
        Ok(i64::try_from(ids.len()) == Ok(BATCH))
    }

    /// Compares passages that are new or have changed with those that answer the same question; says
    /// whether there may be more.
    async fn compare(&self) -> Result<bool, Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let model = self.matcher.embedder.id();
        let taken = storage::contradiction::take_uncompared(&mut tx, model, COMPARED).await?;
        let mut keys = Vec::new();
        for passage in &taken {
            let key = question_key(&passage.question);
            storage::contradiction::mark_compared(&mut tx, &passage.passage_id, &key, now).await?;
            keys.push(key);
            if let Some(other) = self.likely(&mut tx, passage, now).await? {
                keep(&mut tx, &passage.origin_id, &other, now).await?;
            }
        }
        // When all keys of the batch are there: its passages may be each other's.
        keys.sort();
        keys.dedup();
        for key in keys {
            compare_all(&mut tx, &key, now).await?;
        }
        tx.commit().await?;
        Ok(i64::try_from(taken.len()) == Ok(COMPARED))
    }

    /// The passage that asks the same in other words, by the reuse verdict, and answers otherwise.
    async fn likely(
        &self,
        conn: &mut PgConnection,
        passage: &Uncompared,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, Error> {
        let Some(dense) = passage.embedding.clone().filter(|_| passage.published) else { return Ok(None) };
        let model = self.matcher.embedder.id();
        let own = std::slice::from_ref(&passage.passage_id);
        let words =
            storage::word_vectors(conn, own, model).await?.remove(&passage.passage_id).unwrap_or_default();
        let asked = self.matcher.read(&passage.question);
        let embedded = Embedded { dense, words };
        let nearest = self.matcher.nearest_to(asked, embedded, None, NEAREST, Some(now)).await?;
        let others = service::stored(conn, &nearest, Some(&passage.origin_id), model, now).await?;
        let found = self.matcher.judge(&nearest, &others, 1);
        let best = found.neighbours.into_iter().next().map(|neighbour| neighbour.passage);
        let reusable = found.verdict.band == Band::Reuse;
        let best = best.filter(|best| reusable && differ(&best.answer, &passage.answer));
        Ok(best.map(|best| best.id))
    }
}

async fn compare_all(conn: &mut PgConnection, key: &[u8], now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let same = storage::contradiction::of_key(conn, key, SAME_MAX).await?;
    for (at, left) in same.iter().enumerate() {
        for right in same[at + 1..].iter().filter(|right| contradicts(left, right)) {
            keep(conn, &left.origin_id, &right.origin_id, now).await?;
        }
    }
    Ok(())
}

async fn keep(conn: &mut PgConnection, a: &str, b: &str, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let (left_id, right_id) = if a < b { (a, b) } else { (b, a) };
    storage::contradiction::keep(conn, left_id, right_id, now).await
}

/// Different answers to one question. Spaces, case and the placing of tone marks make no difference.
fn contradicts(left: &Same, right: &Same) -> bool {
    let (one, other) = (Text::read(&left.question), Text::read(&right.question));
    left.origin_id != right.origin_id
        && one.facing(&other) == other.facing(&one)
        && differ(&left.answer, &right.answer)
}

fn differ(one: &str, other: &str) -> bool {
    Text::read(one).normal != Text::read(other).normal
}

/// Equal for all questions that could be the same, however they are typed.
fn question_key(question: &str) -> Vec<u8> {
    Sha256::digest(Text::read(question).folded.as_bytes())[..16].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(id: &str, question: &str, answer: &str) -> Same {
        Same { origin_id: id.into(), question: question.into(), answer: answer.into() }
    }

    #[test]
    fn only_different_answers_to_one_question_contradict_each_other() {
        let left = same("a", "Phí cấp lại thẻ là bao nhiêu?", "Không thu phí.");
        for (right, expected) in [
            (same("b", "phi cap lai the la bao nhieu", "Thu 20.000 đồng."), true),
            (same("b", "Phí cấp lại thẻ là bao nhiêu?", " không  thu phí. "), false),
            (same("b", "Phí cấp lại thé là bao nhiêu?", "Thu 20.000 đồng."), false),
            (same("a", "Phí cấp lại thẻ là bao nhiêu?", "Thu 20.000 đồng."), false),
        ] {
            assert_eq!(contradicts(&left, &right), expected, "{}", right.question);
        }
        assert_eq!(question_key("Phí thẻ?"), question_key("phi the"));
    }
}
