//! "Within n working days", by a calendar that is data.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeZone as _, Utc, Weekday};
use serde::Deserialize;

/// Which days are worked, and when a day ends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    pub time_zone: chrono_tz::Tz,
    pub weekend: Vec<Weekday>,
    /// A deadline falls at this hour of its last day.
    pub day_ends: NaiveTime,
}

impl Calendar {
    /// The end of the `working_days`-th working day after the day of `from`.
    pub fn due_at(&self, from: DateTime<Utc>, working_days: u32) -> DateTime<Utc> {
        let mut day = from.with_timezone(&self.time_zone).date_naive();
        let mut left = working_days;
        while left > 0 {
            day = day + Days::new(1);
            if self.is_worked(day) {
                left -= 1;
            }
        }
        let end = day.and_time(self.day_ends);
        // An hour that a clock change skips is taken as the next one that exists.
        let local = self.time_zone.from_local_datetime(&end).latest();
        local.map_or_else(|| end.and_utc(), |local| local.with_timezone(&Utc))
    }

    /// At least one day of the week is worked: checked when the file is read.
    pub fn is_endless_weekend(&self) -> bool {
        let mut day = Weekday::Mon;
        (0..7).all(|_| {
            day = day.succ();
            self.weekend.contains(&day)
        })
    }

    fn is_worked(&self, day: NaiveDate) -> bool {
        !self.weekend.contains(&day.weekday())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, working_days: u32, expected: &str) {
        let calendar = Calendar {
            time_zone: chrono_tz::Asia::Ho_Chi_Minh,
            weekend: vec![Weekday::Sat, Weekday::Sun],
            day_ends: NaiveTime::from_hms_opt(17, 0, 0).unwrap(),
        };
        let from: DateTime<Utc> = from.parse().unwrap();
        assert_eq!(calendar.due_at(from, working_days), expected.parse::<DateTime<Utc>>().unwrap());
    }

    #[test]
    fn working_days_skip_the_weekend() {
        check("2026-11-23T02:00:00Z", 1, "2026-11-24T10:00:00Z"); // Monday
        check("2026-11-27T02:00:00Z", 1, "2026-11-30T10:00:00Z"); // Friday
        check("2026-11-28T02:00:00Z", 1, "2026-11-30T10:00:00Z"); // Saturday
        check("2026-11-23T02:00:00Z", 5, "2026-11-30T10:00:00Z");
    }

    #[test]
    fn the_day_is_the_local_one() {
        // 18:00 UTC on Thursday is Friday in Việt Nam.
        check("2026-11-26T18:00:00Z", 1, "2026-11-30T10:00:00Z");
    }
}
