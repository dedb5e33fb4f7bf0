//! Worked time: shifts, weekends, holidays and made-up days, in a place's own time. Pure.

use std::collections::BTreeMap;

use anyhow::ensure;
use chrono::{
    DateTime, Datelike as _, Days, Duration, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _,
    Utc, Weekday,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::holidays::Exception;

/// The longest term, in its own unit: five years of days, or of hours in them.
const SPAN_MAX: u32 = 1_830;

/// How long something may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Hours of worked time, to the second.
    WorkingHours(u32),
    /// To the end of the so-many-th worked day after the day it begins.
    WorkingDays(u32),
    /// To the end of the so-many-th day after the day it begins; if that one is not worked, of the
    /// next that is (Bộ luật Dân sự 2015, Điều 147 and 148).
    CalendarDays(u32),
}

impl Span {
    pub fn number(self) -> u32 {
        match self {
            Self::WorkingHours(number) | Self::WorkingDays(number) | Self::CalendarDays(number) => number,
        }
    }

    /// So many of the same unit.
    #[must_use]
    pub fn of(self, number: u32) -> Self {
        match self {
            Self::WorkingHours(_) => Self::WorkingHours(number),
            Self::WorkingDays(_) => Self::WorkingDays(number),
            Self::CalendarDays(_) => Self::CalendarDays(number),
        }
    }

    pub fn same_unit(self, other: Self) -> bool {
        self.of(0) == other.of(0)
    }

    pub fn is_sensible(self) -> bool {
        (1..=SPAN_MAX).contains(&self.number())
    }
}

/// A time in which a clock stands: from `since` until just before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

impl Stop {
    fn covers(&self, at: DateTime<Utc>) -> bool {
        self.since <= at && at < self.until
    }
}

/// The part of the rules file that says when work is done.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarFile {
    #[serde(default = "viet_nam")]
    pub time_zone: Tz,
    pub weekend: Vec<Weekday>,
    /// Each from … to, in order: `[["07:30:00", "11:30:00"], ["13:30:00", "17:00:00"]]`.
    pub shifts: Vec<(NaiveTime, NaiveTime)>,
    /// iCalendar files, beside this one.
    #[serde(default)]
    pub holidays: Vec<String>,
}

fn viet_nam() -> Tz {
    Tz::Asia__Ho_Chi_Minh
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// As the database counts them; 0: not told yet.
    version: u32,
    time_zone: Tz,
    weekend: Vec<Weekday>,
    shifts: Vec<(NaiveTime, NaiveTime)>,
    exceptions: BTreeMap<NaiveDate, Exception>,
}

impl Calendar {
    pub fn try_new(
        file: &CalendarFile,
        exceptions: impl IntoIterator<Item = (NaiveDate, Exception)>,
    ) -> anyhow::Result<Self> {
        let mut week = std::iter::successors(Some(Weekday::Mon), |day| Some(day.succ())).take(7);
        ensure!(week.any(|day| !file.weekend.contains(&day)), "calendar.weekend leaves no working day");
        ensure!(!file.shifts.is_empty(), "calendar.shifts is empty");
        let times = file.shifts.iter().flat_map(|(start, end)| [start, end]).collect::<Vec<_>>();
        ensure!(
            times.is_sorted_by(|a, b| a <= b) && file.shifts.iter().all(|(start, end)| start < end),
            "calendar.shifts: each begins before it ends, and after the one before"
        );
        let mut days = BTreeMap::new();
        for (day, exception) in exceptions {
            let before = days.insert(day, exception);
            ensure!(
                before.is_none_or(|before| before == exception),
                "{day} is a holiday and a working day at once"
            );
            let is_weekend = file.weekend.contains(&day.weekday());
            ensure!(
                exception == Exception::Holiday || is_weekend,
                "{day} is named as a working day, but it is no weekend"
            );
        }
        let weekend = std::iter::successors(Some(Weekday::Mon), |day| Some(day.succ())).take(7);
        Ok(Self {
            version: 0,
            time_zone: file.time_zone,
            weekend: weekend.filter(|day| file.weekend.contains(day)).collect(),
            shifts: file.shifts.clone(),
            exceptions: days,
        })
    }

    pub fn version(&self) -> u32 {
        self.version
    }

    #[must_use]
    pub fn of_version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    /// All that a due time is computed from; the same for files that say the same in another way.
    pub fn content(&self) -> serde_json::Value {
        serde_json::json!({
            "time_zone": self.time_zone,
            "weekend": self.weekend,
            "shifts": self.shifts,
            "exceptions": self.exceptions,
        })
    }

    /// Whether any day of that year is named: a year without holidays has not been filled in.
    pub fn knows_year(&self, year: i32) -> bool {
        self.exceptions.keys().any(|day| day.year() == year)
    }

    pub fn year_of(&self, at: DateTime<Utc>) -> i32 {
        self.local_day(at).year()
    }

    /// When `span` from `start` is over, with the clock standing in `stops` (in order, apart).
    pub fn due(&self, start: DateTime<Utc>, span: Span, stops: &[Stop]) -> DateTime<Utc> {
        let runs = |day: NaiveDate| {
            let end = self.day_end(day);
            !stops.iter().any(|stop| stop.covers(end))
        };
        let mut later = self.days_from(start).skip(1);
        match span {
            Span::WorkingHours(hours) => self.after(start, Duration::hours(hours.into()), stops),
            Span::WorkingDays(days) => {
                let mut worked = later.filter(|day| self.is_worked(*day) && runs(*day));
                worked.nth(index(days)).map_or(start, |day| self.day_end(day))
            }
            Span::CalendarDays(days) => {
                let last = later.by_ref().filter(|day| runs(*day)).nth(index(days));
                let mut from_last = last.into_iter().chain(later);
                from_last
                    .find(|day| self.is_worked(*day) && runs(*day))
                    .map_or(start, |day| self.day_end(day))
            }
        }
    }

    /// Worked time from `from` until `until`.
    pub fn worked(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Duration {
        let pieces = self.pieces_from(from).take_while(|(start, _)| *start < until);
        pieces.fold(Duration::zero(), |sum, (start, end)| sum + (end.min(until) - start))
    }

    /// The latest moment that has `hours` of worked time between it and `until`, not before `earliest`.
    pub fn before(&self, until: DateTime<Utc>, hours: u32, earliest: DateTime<Utc>) -> DateTime<Utc> {
        let mut left = Duration::hours(hours.into());
        let mut day = Some(self.local_day(until));
        while let Some(date) = day {
            for (start, end) in self.shifts_of(date).into_iter().rev() {
                let end = end.min(until);
                if start < end && left <= end - start {
                    return (end - left).max(earliest);
                }
                left -= (end - start).max(Duration::zero());
            }
            if self.day_start(date) <= earliest {
                break;
            }
            day = date.pred_opt();
        }
        earliest
    }

    /// `left` of worked time after `from`.
    pub fn after(&self, from: DateTime<Utc>, mut left: Duration, stops: &[Stop]) -> DateTime<Utc> {
        for (mut start, end) in self.pieces_from(from) {
            for stop in stops {
                if stop.until <= start || end <= stop.since {
                    continue;
                }
                let runs = (stop.since - start).max(Duration::zero());
                if left <= runs {
                    return start + left;
                }
                left -= runs;
                start = stop.until.min(end);
            }
            if left <= end - start {
                return start + left;
            }
            left -= end - start;
        }
        from
    }

    fn is_worked(&self, day: NaiveDate) -> bool {
        match self.exceptions.get(&day) {
            Some(exception) => *exception == Exception::Workday,
            None => !self.weekend.contains(&day.weekday()),
        }
    }

    /// The worked pieces of time after `from`.
    fn pieces_from(&self, from: DateTime<Utc>) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
        let pieces = self.days_from(from).flat_map(|day| self.shifts_of(day));
        pieces.filter_map(move |(start, end)| (from < end).then_some((start.max(from), end)))
    }

    fn shifts_of(&self, day: NaiveDate) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        if !self.is_worked(day) {
            return Vec::new();
        }
        let shift = |(start, end): &(NaiveTime, NaiveTime)| {
            (self.instant(day.and_time(*start)), self.instant(day.and_time(*end)))
        };
        self.shifts.iter().map(shift).collect()
    }

    fn days_from(&self, at: DateTime<Utc>) -> impl Iterator<Item = NaiveDate> {
        std::iter::successors(Some(self.local_day(at)), |day| day.checked_add_days(Days::new(1)))
    }

    /// As people where it is meant read it.
    pub fn local(&self, at: DateTime<Utc>) -> DateTime<Tz> {
        at.with_timezone(&self.time_zone)
    }

    pub fn local_day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.time_zone).date_naive()
    }

    pub fn day_start(&self, day: NaiveDate) -> DateTime<Utc> {
        self.instant(day.and_time(NaiveTime::MIN))
    }

    /// When the last shift of the day ends, or would.
    fn day_end(&self, day: NaiveDate) -> DateTime<Utc> {
        let end = self.shifts.last().map_or(NaiveTime::MIN, |(_, end)| *end);
        self.instant(day.and_time(end))
    }

    /// A local time that a clock change repeats is the later one; one that it skips is as long after
    /// the change as it would have been.
    fn instant(&self, local: NaiveDateTime) -> DateTime<Utc> {
        match self.time_zone.from_local_datetime(&local) {
            LocalResult::Single(at) | LocalResult::Ambiguous(_, at) => at.with_timezone(&Utc),
            LocalResult::None => {
                let day = Duration::days(1);
                let before = self.time_zone.from_local_datetime(&(local - day)).latest();
                before.map_or_else(|| local.and_utc(), |before| before.with_timezone(&Utc) + day)
            }
        }
    }
}

/// Of the last of so many.
fn index(days: u32) -> usize {
    usize::try_from(days.saturating_sub(1)).unwrap_or(usize::MAX)
}

#[cfg(test)]
pub mod tests;
