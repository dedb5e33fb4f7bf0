//! What is asked most. An answer's number is how many askers were answered with it in the last days (it is
//! the cited source, or else the answer itself) and how many visitors said that it answered them; of the
//! latter only so many of a day, since anybody can press that button.

use std::collections::HashMap;

use api::answering::v1::AnswerApproved;
use chrono::{DateTime, Days, Duration, NaiveDate, Utc};
use runtime::Refusal;

use crate::{
    editing::{page_of, text_of},
    passage::{ID_MAX, Passage},
    service::Knowledge,
    storage::{self, life::Shown},
};

const DAYS_USUAL: u32 = 30;
const DAYS_MAX: u32 = 90;
const VISITORS_MAX: i32 = 50;

/// Less often than this is nothing to tell of.
const LEAST: i64 = 2;

/// The days that count, and as many before them as there are whole ones among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub before: NaiveDate,
    pub since: NaiveDate,
    pub today: NaiveDate,
}

impl Period {
    fn of(today: NaiveDate, days: u32) -> Self {
        let whole = Days::new(u64::from(days.saturating_sub(1)));
        Self { before: today - whole - whole, since: today - whole, today }
    }
}

/// How often an answer answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    pub all: i64,
    /// Without today, which is not over.
    pub on_whole_days: i64,
    pub before: i64,
}

impl Knowledge {
    /// `days` of them, today among them; 0: as many as usual.
    pub async fn list_hot(&self, limit: u32, days: u32) -> Result<Vec<(Shown, Times)>, Refusal> {
        if days > DAYS_MAX {
            return Err(Refusal::invalid("days", "DAYS_OUT_OF_RANGE", format!("days is at most {DAYS_MAX}")));
        }
        let (limit, now) = (page_of(limit)?, self.clock.now());
        let days = if days == 0 { DAYS_USUAL } else { days };
        let period = Period::of(day(now), days);
        let mut conn = self.pool.acquire().await?;
        let hot = storage::hot::list(&mut conn, period, now, (VISITORS_MAX, LEAST), limit).await?;
        let ids: Vec<String> = hot.iter().map(|(id, _)| id.clone()).collect();
        let mut times: HashMap<String, Times> = hot.into_iter().collect();
        let mut shown = storage::life::shown(&mut conn, &ids, now).await?;
        shown.sort_by_cached_key(|shown| ids.iter().position(|id| *id == shown.kept.passage.id));
        let with_times = shown.into_iter().map(|shown| {
            let times = times.remove(&shown.kept.passage.id).unwrap_or_default();
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
    fn whole_days_have_as_many_before_them() {
        let today = "2026-11-29".parse().unwrap();
        let of = |days: u32| {
            let Period { before, since, today } = Period::of(today, days);
            ((today - since).num_days(), (since - before).num_days())
        };
        assert_eq!((of(1), of(7), of(30)), ((0, 0), (6, 6), (29, 29)));
    }

    #[test]
    fn a_day_is_viet_nams() {
        let late = "2026-11-27T18:00:00Z".parse().unwrap();
        assert_eq!(day(late).to_string(), "2026-11-28");
    }
}
