//! The use cases of `OverviewService`. They only read.

use std::collections::BTreeMap;

use api::analytics::v1::{GetOverviewResponse, ListTicketsRequest, ListTicketsResponse};
use chrono::{DateTime, Utc};
use runtime::Refusal;
use sqlx::PgConnection;

use crate::{
    listing::{self, After, Among, Kind, Span},
    overview::{self, Counted, POINTS_MAX, Period, Place},
    service::Analytics,
    storage::{self, overview::Only},
    succession,
};

const DAYS: u32 = 7;
const DAYS_MAX: u32 = 31;
const ROWS: u32 = 100;
const ROWS_MAX: u32 = 1_000;
const CODE_CHARS_MAX: usize = 64;
/// Instead of a code: those that have none yet.
const NONE_YET: &str = "-";

/// Whose figures are asked for: the codes of a unit, and a field; empty: all.
struct Chosen {
    units: Option<Vec<String>>,
    field: Option<String>,
}

impl Chosen {
    fn new(unit: &str, field: &str, heirs: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        for (name, code) in [("unit", unit), ("field", field)] {
            if code.chars().count() > CODE_CHARS_MAX {
                let message = format!("{name} is a code of at most {CODE_CHARS_MAX} characters");
                return Err(Refusal::invalid(name, "NOT_A_CODE", message));
            }
        }
        let units = match unit {
            "" => None,
            NONE_YET => Some(vec![String::new()]),
            unit => Some(succession::codes(unit, heirs)),
        };
        let field = match field {
            "" => None,
            NONE_YET => Some(String::new()),
            field => Some(field.to_owned()),
        };
        Ok(Self { units, field })
    }

    fn only(&self) -> Only<'_> {
        Only { units: self.units.as_deref(), field: self.field.as_deref() }
    }
}

impl Analytics {
    pub async fn get_overview(
        &self,
        days: u32,
        unit: &str,
        field: &str,
    ) -> Result<GetOverviewResponse, Refusal> {
        let now = self.now();
        let mut conn = self.pool().acquire().await?;
        let period = period(&mut conn, now, days).await?;
        let heirs = storage::heirs(&mut conn, now).await?;
        let chosen = Chosen::new(unit, field, &heirs)?;
        Ok(overview::overview(period, &count(&mut conn, period, &chosen, heirs).await?))
    }

    pub async fn list_tickets(&self, request: ListTicketsRequest) -> Result<ListTicketsResponse, Refusal> {
        let kind = listing::kind(request.of())?;
        let bounds = listing::bounds(request.of(), request.r#box)?;
        let after = After::of_token(&request.page_token)?;
        let span = Span::asked(request.since.as_ref(), request.until.as_ref())?;
        let limit = match request.limit {
            0 => ROWS,
            1..=ROWS_MAX => request.limit,
            _ => {
                let message = format!("limit is at most {ROWS_MAX}");
                return Err(Refusal::invalid("limit", "LIMIT_OUT_OF_RANGE", message));
            }
        };
        let now = self.now();
        let mut conn = self.pool().acquire().await?;
        let span = match span {
            Some(span) => span,
            None => Span { since: period(&mut conn, now, request.days).await?.since, until: now },
        };
        let heirs = storage::heirs(&mut conn, now).await?;
        let chosen = Chosen::new(&request.unit, &request.field, &heirs)?;
        let only = chosen.only();
        let among = Among { now, only, bounds, after, limit: i64::from(limit) + 1 };
        let (total, mut found) = match kind {
            Kind::Asked { reports, outcomes } => {
                let outcomes = outcomes.as_deref();
                storage::overview::list_asked(&mut conn, span, reports, outcomes, &among).await?
            }
            Kind::Promised { outcomes, in_period } => {
                // Nobody answers within no time: all that is left is what waits.
                let span = if in_period { span } else { Span { since: now, until: now } };
                storage::overview::list_promised(&mut conn, span, &outcomes, &among).await?
            }
            Kind::Rated(low, high) => {
                storage::overview::list_rated(&mut conn, span, (low, high), &among).await?
            }
        };
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next_page_token = match found.last() {
            Some(last) if more => last.place_in_list.token(),
            _ => String::new(),
        };
        let tickets = found.into_iter().map(|listed| {
            let unit = succession::last(&listed.unit, &heirs).to_owned();
            listed.counted(unit)
        });
        Ok(ListTicketsResponse { tickets: tickets.collect(), total, next_page_token })
    }
}

async fn period(conn: &mut PgConnection, now: DateTime<Utc>, days: u32) -> Result<Period, Refusal> {
    let days = match days {
        0 => DAYS,
        1..=DAYS_MAX => days,
        _ => {
            let message = format!("days is at most {DAYS_MAX}");
            return Err(Refusal::invalid("days", "DAYS_OUT_OF_RANGE", message));
        }
    };
    Ok(Period { since: storage::start_of_days(conn, now, days).await?, now, days })
}

/// One connection, one query after the other: a leader's page must not take the pool from the events.
async fn count(
    conn: &mut PgConnection,
    period: Period,
    chosen: &Chosen,
    heirs: BTreeMap<String, String>,
) -> Result<Counted, sqlx::Error> {
    let Period { since, now, .. } = period;
    let only = chosen.only();
    let arrived = storage::overview::arrived(conn, since, now, period.step(), only).await?;
    let (before_since, before_until) = period.before();
    let mut before = BTreeMap::<String, u32>::new();
    // In one step: only the sums count.
    let whole = period.days * 86_400;
    for one in storage::overview::arrived(conn, before_since, before_until, whole, only).await? {
        *before.entry(one.field).or_default() += one.asked;
    }
    let deadlines = storage::overview::deadlines(conn, since, now, only).await?;
    let ratings = storage::satisfaction(conn, since, only).await?.into_iter();
    let ratings = ratings.map(|one| (Place { unit: one.unit, field: one.field }, one.ratings));
    let (reports, points) = storage::overview::points(conn, since, now, only, POINTS_MAX).await?;
    Ok(Counted { arrived, before, deadlines, ratings: ratings.collect(), reports, points, heirs })
}
