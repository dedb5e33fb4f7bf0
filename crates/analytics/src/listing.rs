//! Which tickets a figure counts. Pure.

use api::{
    TicketId, Timestamp,
    analytics::v1::{CountedTicket, PlaceBox, TicketOutcome, TicketsOf},
    intake,
};
use chrono::{DateTime, TimeDelta, Utc};
use runtime::Refusal;
use uuid::Uuid;

use crate::storage::overview::Only;

/// Of a period that is given by its ends.
const SPAN_DAYS_MAX: i64 = 62;

/// What became of promises to those that are not answered.
const WAITING: [&str; 2] = ["open", "overdue"];

/// Half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

impl Span {
    /// `None`: neither end is given.
    pub fn asked(since: Option<&Timestamp>, until: Option<&Timestamp>) -> Result<Option<Self>, Refusal> {
        if since.is_none() && until.is_none() {
            return Ok(None);
        }
        let span = api::time(since).zip(api::time(until)).map(|(since, until)| Self { since, until });
        let fits = |span: &Self| {
            span.since <= span.until && span.until - span.since <= TimeDelta::days(SPAN_DAYS_MAX)
        };
        let message =
            format!("since and until are moments, in this order, at most {SPAN_DAYS_MAX} days apart");
        span.filter(fits).map(Some).ok_or_else(|| Refusal::invalid("until", "SPAN_NOT_VALID", message))
    }
}

/// Where a page begins: after the row with this moment and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    pub at: DateTime<Utc>,
    pub id: Uuid,
}

impl After {
    pub fn token(self) -> String {
        format!("{}~{}", self.at.timestamp_micros(), self.id)
    }

    pub fn of_token(token: &str) -> Result<Option<(DateTime<Utc>, Uuid)>, Refusal> {
        if token.is_empty() {
            return Ok(None);
        }
        let after = token.split_once('~').and_then(|(at, id)| {
            Some((DateTime::from_timestamp_micros(at.parse().ok()?)?, Uuid::parse_str(id).ok()?))
        });
        let message = "pageToken is not one that was given out";
        after.map(Some).ok_or_else(|| Refusal::invalid("pageToken", "PAGE_TOKEN_NOT_VALID", message))
    }
}

/// Which part of a list.
pub struct Among<'a> {
    pub now: DateTime<Utc>,
    pub only: Only<'a>,
    /// South, west, north, east.
    pub bounds: Option<[f64; 4]>,
    pub after: Option<(DateTime<Utc>, Uuid)>,
    pub limit: i64,
}

/// What is read for a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// By when they were sent; whether only reports with a place, and by what became of the promise, if it matters.
    Asked { reports: bool, outcomes: Option<Vec<String>> },
    /// By what became of the promise; whether the period matters.
    Promised { outcomes: Vec<String>, in_period: bool },
    /// From and to this score.
    Rated(i32, i32),
}

pub fn kind(of: TicketsOf) -> Result<Kind, Refusal> {
    let named = |outcomes: &[&str]| outcomes.iter().map(|&outcome| outcome.to_owned()).collect();
    let promised = |outcomes: &[&str], in_period| Kind::Promised { outcomes: named(outcomes), in_period };
    let reports = |outcomes: &[&str]| Kind::Asked { reports: true, outcomes: Some(named(outcomes)) };
    Ok(match of {
        TicketsOf::Unspecified => {
            return Err(Refusal::invalid("of", "TICKETS_OF_UNKNOWN", "of says what the figure counts"));
        }
        TicketsOf::Asked => Kind::Asked { reports: false, outcomes: None },
        TicketsOf::Reports => Kind::Asked { reports: true, outcomes: None },
        TicketsOf::ReportsWaiting => reports(&WAITING),
        TicketsOf::ReportsOverdue => reports(&["overdue"]),
        TicketsOf::Open => promised(&["open"], false),
        TicketsOf::Waiting => promised(&WAITING, false),
        TicketsOf::Overdue => promised(&["overdue"], false),
        TicketsOf::OnTime => promised(&["on_time"], true),
        TicketsOf::Late => promised(&["late"], true),
        TicketsOf::ExtendedOnTime => promised(&["extended_on_time"], true),
        TicketsOf::ExtendedLate => promised(&["extended_late"], true),
        TicketsOf::Decided => {
            promised(&["on_time", "late", "extended_on_time", "extended_late", "overdue"], true)
        }
        TicketsOf::Delayed => promised(&["late", "extended_late", "overdue"], true),
        TicketsOf::Rated => Kind::Rated(1, 5),
        TicketsOf::Satisfied => Kind::Rated(4, 5),
        TicketsOf::Unsatisfied => Kind::Rated(1, 3),
    })
}

/// South, west, north, east.
pub fn bounds(of: TicketsOf, wanted: Option<PlaceBox>) -> Result<Option<[f64; 4]>, Refusal> {
    let Some(PlaceBox { south, west, north, east }) = wanted else { return Ok(None) };
    let bounds = [south, west, north, east];
    let of_reports = matches!(of, TicketsOf::Reports | TicketsOf::ReportsWaiting | TicketsOf::ReportsOverdue);
    if !of_reports || !bounds.iter().all(|degrees| degrees.is_finite()) {
        return Err(Refusal::invalid("box", "BOX_NOT_VALID", "box is four degrees, and of reports only"));
    }
    Ok(Some(bounds))
}

/// One row of a list.
pub struct Listed {
    pub ticket_id: TicketId,
    pub asked_at: DateTime<Utc>,
    pub answered_at: Option<DateTime<Utc>>,
    pub due_at: Option<DateTime<Utc>>,
    pub unit: String,
    pub field: String,
    /// As `analytics.outcome` says.
    pub outcome: String,
    pub place: Option<(f64, f64)>,
    pub score: Option<u32>,
    pub place_in_list: After,
}

impl Listed {
    /// On the wire, with the unit that goes on with its own.
    pub fn counted(self, unit: String) -> CountedTicket {
        let outcome = match self.outcome.as_str() {
            "open" => TicketOutcome::Open,
            "overdue" => TicketOutcome::Overdue,
            "on_time" => TicketOutcome::OnTime,
            "late" => TicketOutcome::Late,
            "extended_on_time" => TicketOutcome::ExtendedOnTime,
            "extended_late" => TicketOutcome::ExtendedLate,
            _ => TicketOutcome::Unspecified,
        };
        CountedTicket {
            ticket_id: self.ticket_id.to_string(),
            asked_at: Some(api::timestamp(self.asked_at)),
            answered_at: self.answered_at.map(api::timestamp),
            due_at: self.due_at.map(api::timestamp),
            unit,
            field: self.field,
            outcome: outcome.into(),
            score: self.score.unwrap_or_default(),
            place: self.place.map(|(latitude, longitude)| intake::v1::Place { latitude, longitude }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_others_are_refused() {
        let after =
            After { at: DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap(), id: Uuid::max() };
        assert_eq!(After::of_token(&after.token()).unwrap(), Some((after.at, after.id)));
        assert_eq!(After::of_token("").unwrap(), None);
        for token in ["~", "1~x", "x~00000000-0000-0000-0000-000000000000", "99999999999999999999~"] {
            assert!(After::of_token(token).is_err(), "{token}");
        }
    }

    #[test]
    fn a_period_has_two_ends_in_their_order() {
        let day = |n| api::timestamp(DateTime::UNIX_EPOCH + TimeDelta::days(n));
        assert_eq!(Span::asked(None, None).unwrap(), None);
        assert!(Span::asked(Some(&day(0)), Some(&day(62))).unwrap().is_some());
        for (since, until) in
            [(Some(day(0)), None), (Some(day(1)), Some(day(0))), (Some(day(0)), Some(day(63)))]
        {
            assert!(Span::asked(since.as_ref(), until.as_ref()).is_err());
        }
    }

    #[test]
    fn every_figure_is_some_list() {
        let known = (1..).map_while(|n| TicketsOf::try_from(n).ok()).map(kind);
        let found: Vec<_> = known.collect::<Result<_, _>>().unwrap();
        assert_eq!(found.len(), 16);
        assert!(kind(TicketsOf::Unspecified).is_err());
        let box_ = Some(PlaceBox { south: f64::NAN, ..PlaceBox::default() });
        assert!(bounds(TicketsOf::Reports, box_).is_err());
        assert!(bounds(TicketsOf::Asked, Some(PlaceBox::default())).is_err());
    }
}
