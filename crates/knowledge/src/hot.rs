//! What is asked most. An answer's number is how many askers were answered with it in the last days (it is
//! the cited source, or else the answer itself) and how many visitors said that it answered them; of the
//! latter only so many of a day, since anybody can press that button.

use api::answering::v1::AnswerApproved;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use runtime::Refusal;

use crate::{
    editing::{page_of, text_of},
    passage::{ID_MAX, Passage},
    service::Knowledge,
    storage::{self, life::Shown},
};

const DAYS: i64 = 30;
const VISITORS_MAX: i32 = 50;

/// Less often than this is nothing to tell of.
const LEAST: i64 = 2;

impl Knowledge {
    pub async fn list_hot(&self, limit: u32) -> Result<Vec<(Shown, i64)>, Refusal> {
        let (limit, now) = (page_of(limit)?, self.clock.now());
        let since = day(now - Duration::days(DAYS - 1));
        let mut conn = self.pool.acquire().await?;
        let hot = storage::hot::list(&mut conn, since, now, (VISITORS_MAX, LEAST), limit).await?;
        let ids: Vec<String> = hot.iter().map(|(id, _)| id.clone()).collect();
        let mut shown = storage::life::shown(&mut conn, &ids, now).await?;
        shown.sort_by_cached_key(|shown| ids.iter().position(|id| *id == shown.kept.passage.id));
        let with_times = shown.into_iter().map(|shown| {
            let times =
                hot.iter().find(|(id, _)| *id == shown.kept.passage.id).map_or(0, |(_, times)| *times);
            (shown, times)
        });
        Ok(with_times.collect())
    }

    pub async fn note_answered(&self, id: &str) -> Result<(), Refusal> {
        let id = text_of("id", id, ID_MAX, true)?;
        let today = day(self.clock.now());
        Ok(storage::hot::note_answered_me(&mut *self.pool.acquire().await?, &id, today).await?)
    }
}

/// The day in Viet Nam, which is seven hours ahead and has had no summer time since 1975.
pub fn day(at: DateTime<Utc>) -> NaiveDate {
    (at + Duration::hours(7)).date_naive()
}

/// The answers that an asker was answered with.
pub fn answered_with(event: &AnswerApproved) -> Vec<String> {
    if event.citations.is_empty() {
        let own = if event.centre_ticket_id.is_empty() { &event.ticket_id } else { &event.centre_ticket_id };
        return vec![Passage::id_of_ticket(own)];
    }
    event.citations.iter().map(|citation| citation.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use api::intake::v1::Citation;

    use super::*;

    #[test]
    fn an_answer_counts_for_its_source_or_for_itself() {
        let own = AnswerApproved { ticket_id: "a".into(), ..Default::default() };
        assert_eq!(answered_with(&own), ["ticket:a"]);
        assert_eq!(
            answered_with(&AnswerApproved { centre_ticket_id: "b".into(), ..own.clone() }),
            ["ticket:b"]
        );
        let citations = vec![Citation { id: "mau-1".into(), ..Default::default() }];
        assert_eq!(answered_with(&AnswerApproved { citations, ..own }), ["mau-1"]);
    }

    #[test]
    fn a_day_is_viet_nams() {
        let late = "2026-11-27T18:00:00Z".parse().unwrap();
        assert_eq!(day(late).to_string(), "2026-11-28");
    }
}
