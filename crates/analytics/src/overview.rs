//! The overview's figures out of what was counted. Pure.

mod bottleneck;

use std::collections::BTreeMap;

use api::{
    TicketId,
    analytics::v1::{
        ArrivalPoint, GetOverviewResponse, HotField, RatingFigures, ReportPoint, Standing, UnitFigures,
    },
    intake,
};
use chrono::{DateTime, TimeDelta, Utc};
use runtime::wilson;

use crate::{
    report::{Deadlines, Ratings},
    succession,
};

const FIELDS_MAX: usize = 50;
const UNITS_MAX: usize = 100;
const BOTTLENECKS_MAX: usize = 20;
/// Of the map.
pub const POINTS_MAX: u32 = 2_000;

const HOUR: u32 = 3_600;
const DAY: u32 = 24 * HOUR;

/// A unit's field; either may be empty: not known yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub unit: String,
    pub field: String,
}

/// What is counted of one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cell {
    pub asked: u32,
    pub deadlines: Deadlines,
    pub ratings: Ratings,
}

impl Cell {
    #[must_use]
    fn and(self, other: Self) -> Self {
        Self {
            asked: self.asked + other.asked,
            deadlines: self.deadlines.and(other.deadlines),
            ratings: self.ratings.and(other.ratings),
        }
    }
}

/// Questions sent in one step of the period.
pub struct Arrived {
    pub unit: String,
    pub field: String,
    pub step: usize,
    pub asked: u32,
}

/// A report from the field.
pub struct Point {
    pub ticket_id: TicketId,
    pub latitude: f64,
    pub longitude: f64,
    pub waits: bool,
    pub overdue: bool,
}

/// The period that is looked at, and how it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub since: DateTime<Utc>,
    pub now: DateTime<Utc>,
    pub days: u32,
}

impl Period {
    /// In seconds.
    pub fn step(self) -> u32 {
        if self.days == 1 { HOUR } else { DAY }
    }

    /// The period before: equally long, ending equally late in its day. Days in Viet Nam are equally long.
    pub fn before(self) -> (DateTime<Utc>, DateTime<Utc>) {
        let back = TimeDelta::days(self.days.into());
        (self.since - back, self.now - back)
    }

    fn steps(self) -> impl Iterator<Item = DateTime<Utc>> {
        let step = TimeDelta::seconds(self.step().into());
        std::iter::successors(Some(self.since), move |at| Some(*at + step))
            .take_while(move |at| *at < self.now)
    }
}

/// What was counted.
#[derive(Default)]
pub struct Counted {
    pub arrived: Vec<Arrived>,
    /// In the period before, by field.
    pub before: BTreeMap<String, u32>,
    pub deadlines: Vec<(Place, Deadlines)>,
    pub ratings: Vec<(Place, Ratings)>,
    pub reports: u32,
    pub points: Vec<Point>,
    pub heirs: BTreeMap<String, String>,
}

pub fn overview(period: Period, counted: &Counted) -> GetOverviewResponse {
    let cells = cells(counted);
    let whole = cells.values().fold(Cell::default(), |sum, cell| sum.and(*cell));
    let steps: Vec<_> = period.steps().collect();
    let mut asked = vec![0; steps.len()];
    for arrived in &counted.arrived {
        if let Some(sum) = asked.get_mut(arrived.step) {
            *sum += arrived.asked;
        }
    }
    let arrivals = steps.iter().zip(asked);
    let arrivals = arrivals.map(|(since, asked)| ArrivalPoint { since: Some(api::timestamp(*since)), asked });
    GetOverviewResponse {
        as_of: Some(api::timestamp(period.now)),
        since: Some(api::timestamp(period.since)),
        step_seconds: period.step(),
        asked: whole.asked,
        asked_before: counted.before.values().sum(),
        standing: Some(standing(whole.deadlines)),
        ratings: Some(rating_figures(whole.ratings)),
        arrivals: arrivals.collect(),
        fields: fields(counted, steps.len()),
        units: units(&cells),
        bottlenecks: bottleneck::worst(&cells, BOTTLENECKS_MAX),
        reports: counted.reports,
        points: counted.points.iter().map(point).collect(),
    }
}

/// Each unit's field, with those of units that it goes on with.
fn cells(counted: &Counted) -> BTreeMap<Place, Cell> {
    let mut cells = BTreeMap::<Place, Cell>::new();
    let mut add = |unit: &str, field: &str, more: Cell| {
        let unit = succession::last(unit, &counted.heirs).to_owned();
        let cell = cells.entry(Place { unit, field: field.to_owned() }).or_default();
        *cell = cell.and(more);
    };
    for one in &counted.arrived {
        add(&one.unit, &one.field, Cell { asked: one.asked, ..Cell::default() });
    }
    for (place, deadlines) in &counted.deadlines {
        add(&place.unit, &place.field, Cell { deadlines: *deadlines, ..Cell::default() });
    }
    for (place, ratings) in &counted.ratings {
        add(&place.unit, &place.field, Cell { ratings: *ratings, ..Cell::default() });
    }
    cells
}

fn standing(deadlines: Deadlines) -> Standing {
    Standing {
        on_time: deadlines.on_time,
        late: deadlines.late,
        extended_on_time: deadlines.extended_on_time,
        extended_late: deadlines.extended_late,
        open: deadlines.open,
        overdue: deadlines.open_overdue,
        on_time_share: deadlines.on_time_share(),
    }
}

fn rating_figures(ratings: Ratings) -> RatingFigures {
    let (satisfied_low, satisfied_high) = wilson(ratings.satisfied, ratings.count);
    RatingFigures {
        ratings: ratings.count,
        satisfied: ratings.satisfied,
        mean_score: ratings.mean_score(),
        satisfied_share: ratings.satisfied_share(),
        satisfied_low,
        satisfied_high,
    }
}

/// The hottest first; also those that were asked about before only.
fn fields(counted: &Counted, steps: usize) -> Vec<HotField> {
    let mut series = BTreeMap::<&str, Vec<u32>>::new();
    for field in counted.before.keys() {
        series.insert(field, vec![0; steps]);
    }
    for arrived in &counted.arrived {
        let series = series.entry(&arrived.field).or_insert_with(|| vec![0; steps]);
        if let Some(sum) = series.get_mut(arrived.step) {
            *sum += arrived.asked;
        }
    }
    let mut fields: Vec<_> = series
        .into_iter()
        .map(|(field, series)| {
            let (asked, before) =
                (series.iter().sum(), counted.before.get(field).copied().unwrap_or_default());
            let told = runtime::trend(asked, before);
            HotField {
                field: field.to_owned(),
                asked,
                before,
                trend: told.trend.into(),
                ratio_low: told.low,
                ratio_high: told.high,
                series,
            }
        })
        .collect();
    fields.sort_by(|a, b| b.asked.cmp(&a.asked).then_with(|| b.before.cmp(&a.before)));
    fields.truncate(FIELDS_MAX);
    fields
}

/// By what is overdue, then by what waits.
fn units(cells: &BTreeMap<Place, Cell>) -> Vec<UnitFigures> {
    let mut sums = BTreeMap::<&str, Cell>::new();
    for (place, cell) in cells {
        let sum = sums.entry(&place.unit).or_default();
        *sum = sum.and(*cell);
    }
    let mut units: Vec<_> = sums.into_iter().collect();
    units.sort_by_key(|(_, cell)| std::cmp::Reverse((cell.deadlines.open_overdue, cell.deadlines.open)));
    units.truncate(UNITS_MAX);
    let units = units.into_iter().map(|(unit, cell)| UnitFigures {
        unit: unit.to_owned(),
        asked: cell.asked,
        standing: Some(standing(cell.deadlines)),
        ratings: Some(rating_figures(cell.ratings)),
    });
    units.collect()
}

fn point(point: &Point) -> ReportPoint {
    ReportPoint {
        ticket_id: point.ticket_id.to_string(),
        place: Some(intake::v1::Place { latitude: point.latitude, longitude: point.longitude }),
        waits: point.waits,
        overdue: point.overdue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn arrived(unit: &str, field: &str, step: usize, asked: u32) -> Arrived {
        Arrived { unit: unit.into(), field: field.into(), step, asked }
    }

    #[test]
    fn a_day_is_cut_into_hours_and_compared_with_the_same_hours_before() {
        let period = Period { since: at("2026-11-27T17:00:00Z"), now: at("2026-11-28T02:30:00Z"), days: 1 };
        assert_eq!((period.step(), period.steps().count()), (3_600, 10));
        assert_eq!(period.before(), (at("2026-11-26T17:00:00Z"), at("2026-11-27T02:30:00Z")));
        let week = Period { since: at("2026-11-21T17:00:00Z"), days: 7, ..period };
        assert_eq!((week.step(), week.steps().count()), (86_400, 7));
    }

    #[test]
    fn figures_add_up_and_heirs_take_over() {
        let period = Period { since: at("2026-11-26T17:00:00Z"), now: at("2026-11-28T02:00:00Z"), days: 2 };
        let place = |unit: &str| Place { unit: unit.into(), field: "y-te".into() };
        let deadlines = Deadlines { on_time: 1, late: 1, open: 2, open_overdue: 1, ..Deadlines::default() };
        let found = overview(
            period,
            &Counted {
                arrived: vec![
                    arrived("cu", "y-te", 0, 2),
                    arrived("moi", "y-te", 1, 3),
                    arrived("", "", 1, 1),
                    // A clock that ran on while it was counted.
                    arrived("", "", 7, 1),
                ],
                before: BTreeMap::from([("y-te".into(), 20), ("cu-ky".into(), 4)]),
                deadlines: vec![(place("cu"), deadlines), (place("moi"), deadlines)],
                ratings: vec![(place("moi"), Ratings { count: 4, score_sum: 16, satisfied: 3 })],
                heirs: BTreeMap::from([("cu".into(), "moi".into())]),
                ..Counted::default()
            },
        );
        let series: Vec<_> = found.arrivals.iter().map(|point| point.asked).collect();
        assert_eq!((series, found.asked_before), (vec![2, 4], 24));
        let standing = found.standing.unwrap();
        assert_eq!((standing.on_time, standing.open, standing.overdue), (2, 4, 2));
        assert_eq!(standing.on_time_share, Some(2.0 / 6.0));
        let units: Vec<_> = found.units.iter().map(|one| (one.unit.as_str(), one.asked)).collect();
        assert_eq!(units, [("moi", 5), ("", 2)]);
        let hot: Vec<_> = found
            .fields
            .iter()
            .map(|one| (one.field.as_str(), one.asked, one.before, one.series.len()))
            .collect();
        assert_eq!(hot, [("y-te", 5, 20, 2), ("", 1, 0, 2), ("cu-ky", 0, 4, 2)]);
        assert!(found.ratings.unwrap().satisfied_low < 0.75);
    }

    #[test]
    fn nothing_counted_gives_no_figures_and_no_panic() {
        let period = Period { since: at("2026-11-27T17:00:00Z"), now: at("2026-11-27T17:00:00Z"), days: 1 };
        let found = overview(period, &Counted::default());
        assert_eq!((found.asked, found.arrivals.len(), found.units.len()), (0, 0, 0));
        assert_eq!(found.standing.unwrap().on_time_share, None);
    }
}
