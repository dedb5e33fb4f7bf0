//! The use cases, named as the RPCs. They only read; transactions begin in `events.rs`.

use std::collections::BTreeMap;

use api::analytics::v1::{
    DeadLetter, DriftPoint, GetDeadlinesResponse, GetDriftResponse, GetHotnessResponse, GetLagResponse,
    GetSatisfactionResponse, HotnessPoint, ListDeadLettersResponse, RedriveDeadLettersResponse,
    SatisfactionGroup, UnitDeadlines,
};
use chrono::{DateTime, Utc};
use runtime::{Context, Refusal, wilson};
use uuid::Uuid;

use crate::{
    Config,
    report::Ratings,
    storage::{self, overview::Only},
    succession,
};

const REPORT_DAYS: u32 = 30;
const DEAD_LETTERS: u32 = 50;
const DEAD_LETTERS_MAX: u32 = 200;

#[derive(Clone)]
pub struct Analytics {
    ctx: Context,
    config: Config,
}

impl Analytics {
    pub fn try_new(ctx: &Context, config: Config) -> anyhow::Result<Self> {
        let max = config.report_days_max;
        anyhow::ensure!(
            (REPORT_DAYS..=366).contains(&max),
            "analytics.report_days_max is {max}, not 30 to 366"
        );
        Ok(Self { ctx: ctx.clone(), config })
    }

    pub async fn get_hotness(&self, days: u32) -> Result<GetHotnessResponse, Refusal> {
        let days = self.days(days)?;
        let mut conn = self.ctx.pool.acquire().await?;
        let since = storage::start_of_days(&mut conn, self.ctx.clock.now(), days).await?;
        let found = storage::hotness(&mut conn, since).await?;
        let points = found.into_iter().map(|point| HotnessPoint {
            field: point.field,
            day: point.day.to_string(),
            asked: point.asked,
        });
        Ok(GetHotnessResponse { points: points.collect() })
    }

    /// `joined`: units that were merged count with the one that goes on with them.
    pub async fn get_deadlines(&self, days: u32, joined: bool) -> Result<GetDeadlinesResponse, Refusal> {
        let days = self.days(days)?;
        let now = self.ctx.clock.now();
        let mut conn = self.ctx.pool.acquire().await?;
        let since = storage::start_of_days(&mut conn, now, days).await?;
        let found = storage::overview::deadlines(&mut conn, since, now, Only::default()).await?;
        // A question that no unit has yet has no deadline either and is left out.
        let found = found.into_iter().map(|(place, deadlines)| (place.unit, deadlines));
        let found: Vec<_> = found.filter(|(unit, _)| !unit.is_empty()).collect();
        let heirs = if joined { storage::heirs(&mut conn, now).await? } else { BTreeMap::new() };
        let units = succession::joined(found, &heirs).into_iter().map(|(unit, deadlines)| UnitDeadlines {
            unit,
            on_time: deadlines.on_time,
            late: deadlines.late,
            extended_on_time: deadlines.extended_on_time,
            extended_late: deadlines.extended_late,
            open: deadlines.open,
            open_overdue: deadlines.open_overdue,
            on_time_share: deadlines.on_time_share(),
        });
        Ok(GetDeadlinesResponse { units: units.collect() })
    }

    /// `joined`: as for the deadlines.
    pub async fn get_satisfaction(
        &self,
        days: u32,
        joined: bool,
    ) -> Result<GetSatisfactionResponse, Refusal> {
        let days = self.days(days)?;
        let now = self.ctx.clock.now();
        let mut conn = self.ctx.pool.acquire().await?;
        let since = storage::start_of_days(&mut conn, now, days).await?;
        let found = storage::satisfaction(&mut conn, since, Only::default()).await?;
        let heirs = if joined { storage::heirs(&mut conn, now).await? } else { BTreeMap::new() };
        let mut sums = BTreeMap::<(String, String), Ratings>::new();
        for group in found {
            let unit = succession::last(&group.unit, &heirs).to_owned();
            let sum = sums.entry((group.field, unit)).or_default();
            *sum = sum.and(group.ratings);
        }
        let groups = sums.into_iter().map(|((field, unit), ratings)| {
            let (satisfied_low, satisfied_high) = wilson(ratings.satisfied, ratings.count);
            SatisfactionGroup {
                field,
                unit,
                ratings: ratings.count,
                mean_score: ratings.mean_score(),
                satisfied_share: ratings.satisfied_share(),
                satisfied_low,
                satisfied_high,
            }
        });
        Ok(GetSatisfactionResponse { groups: groups.collect() })
    }

    pub async fn get_drift(&self, days: u32) -> Result<GetDriftResponse, Refusal> {
        let days = self.days(days)?;
        let mut conn = self.ctx.pool.acquire().await?;
        let since = storage::start_of_days(&mut conn, self.ctx.clock.now(), days).await?;
        let points = storage::drift(&mut conn, since).await?.into_iter().map(|(week, field, drafts)| {
            let (right_low, right_high) = drafts.right_interval();
            DriftPoint {
                week: week.to_string(),
                field,
                accepted: drafts.accepted,
                edited: drafts.edited,
                rejected: drafts.rejected,
                mean_edit_share: drafts.mean_edit_share,
                expected_share: drafts.expected_share,
                right_share: drafts.right_share(),
                right_low,
                right_high,
                drifted: drafts.drifted(),
                sent: drafts.sent,
                sent_rejected: drafts.sent_rejected,
            }
        });
        Ok(GetDriftResponse { points: points.collect() })
    }

    pub async fn get_lag(&self) -> Result<GetLagResponse, Refusal> {
        let jetstream = self.ctx.jetstream().map_err(stream_away)?;
        // The outbox or the stream: either way the lag is not known now.
        let lag = bus::lag(&self.ctx.pool, jetstream).await.map_err(stream_away)?;
        Ok(GetLagResponse { outbox: lag.outbox, consumers: lag.consumers.into_iter().collect() })
    }

    /// The newest first; `limit` 0 means 50.
    pub async fn list_dead_letters(&self, limit: u32) -> Result<ListDeadLettersResponse, Refusal> {
        let limit = match limit {
            0 => DEAD_LETTERS,
            1..=DEAD_LETTERS_MAX => limit,
            _ => {
                let message = format!("limit is at most {DEAD_LETTERS_MAX}");
                return Err(Refusal::invalid("limit", "LIMIT_OUT_OF_RANGE", message));
            }
        };
        let mut conn = self.ctx.pool.acquire().await?;
        let found = bus::dead_letter::list(&mut conn, limit.into()).await?;
        let dead_letters = found.into_iter().map(|letter| DeadLetter {
            consumer: letter.consumer,
            event_id: letter.event_id.to_string(),
            name: letter.name,
            error: letter.error,
            failed_at: Some(api::timestamp(letter.failed_at)),
            ticket_id: letter.ticket_id,
        });
        Ok(ListDeadLettersResponse { dead_letters: dead_letters.collect() })
    }

    /// `None`: of every consumer, every event.
    pub async fn redrive_dead_letters(
        &self,
        consumer: Option<&str>,
        event_id: Option<Uuid>,
    ) -> Result<RedriveDeadLettersResponse, Refusal> {
        let jetstream = self.ctx.jetstream().map_err(stream_away)?;
        let redriven = bus::dead_letter::redrive(&self.ctx.pool, jetstream, consumer, event_id).await;
        let redriven = redriven.map_err(|error| match error {
            bus::dead_letter::Error::Database(error) => error.into(),
            error @ bus::dead_letter::Error::Publish(_) => stream_away(error),
        })?;
        Ok(RedriveDeadLettersResponse { redriven })
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.ctx.clock.now()
    }

    pub(crate) fn pool(&self) -> &sqlx::PgPool {
        &self.ctx.pool
    }

    fn days(&self, days: u32) -> Result<u32, Refusal> {
        let max = self.config.report_days_max;
        match days {
            0 => Ok(REPORT_DAYS),
            _ if days <= max => Ok(days),
            _ => Err(Refusal::invalid("days", "DAYS_OUT_OF_RANGE", format!("days is at most {max}"))),
        }
    }
}

fn stream_away(error: impl Into<anyhow::Error>) -> Refusal {
    tracing::warn!(error = format!("{:#}", error.into()), "the stream is away");
    Refusal::unavailable("STREAM_AWAY", "the event stream does not answer; try again later")
}
