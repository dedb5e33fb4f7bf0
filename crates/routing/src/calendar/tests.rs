use proptest::prelude::*;

use super::*;

/// Two shifts, Monday to Friday.
pub fn office(time_zone: Tz, exceptions: &[(NaiveDate, Exception)]) -> Calendar {
    let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
    let file = CalendarFile {
        time_zone,
        weekend: vec![Weekday::Sat, Weekday::Sun],
        shifts: vec![(time(7, 30), time(11, 30)), (time(13, 30), time(17, 0))],
        holidays: Vec::new(),
    };
    Calendar::try_new(&file, exceptions.iter().copied()).unwrap()
}

fn viet_nam_2025() -> Calendar {
    let days = crate::holidays::read(include_str!("../../../../deploy/sample/vn-2025.ics")).unwrap();
    office(Tz::Asia__Ho_Chi_Minh, &days)
}

/// A local time of Việt Nam.
fn at(local: &str) -> DateTime<Utc> {
    format!("{}:00+07:00", local.replace(' ', "T")).parse().unwrap()
}

fn check(from: &str, span: Span, expected: &str) {
    let due = viet_nam_2025().due(at(from), span, &[]);
    assert_eq!(due, at(expected), "{span:?} from {from}");
}

#[test]
fn working_days_end_with_the_last_shift() {
    check("2025-11-24 09:00", Span::WorkingDays(1), "2025-11-25 17:00"); // Monday
    check("2025-11-28 09:00", Span::WorkingDays(1), "2025-12-01 17:00"); // Friday
    check("2025-11-29 09:00", Span::WorkingDays(1), "2025-12-01 17:00"); // Saturday
    check("2025-11-24 09:00", Span::WorkingDays(5), "2025-12-01 17:00");
    // Just after midnight is the new day, whatever day it is in London.
    check("2025-11-28 01:00", Span::WorkingDays(1), "2025-12-01 17:00");
}

#[test]
fn tet_is_not_worked_and_a_swapped_saturday_is() {
    check("2025-01-24 09:00", Span::WorkingDays(1), "2025-02-03 17:00");
    // 2 May was not worked; Saturday 26 April was, for it.
    check("2025-04-25 09:00", Span::WorkingDays(1), "2025-04-26 17:00");
    check("2025-04-25 09:00", Span::WorkingDays(4), "2025-05-05 17:00");
}

#[test]
fn hours_run_over_breaks_nights_and_weekends() {
    check("2025-11-24 11:00", Span::WorkingHours(1), "2025-11-24 14:00");
    check("2025-11-24 13:30", Span::WorkingHours(4), "2025-11-25 08:00");
    check("2025-11-28 16:30", Span::WorkingHours(1), "2025-12-01 08:00");
    // At the end of a shift, not at the beginning of the next.
    check("2025-11-24 07:30", Span::WorkingHours(4), "2025-11-24 11:30");
    check("2025-11-29 09:00", Span::WorkingHours(4), "2025-12-01 11:30");
}

#[test]
fn calendar_days_end_on_a_worked_day() {
    check("2025-11-24 09:00", Span::CalendarDays(3), "2025-11-27 17:00");
    check("2025-11-26 09:00", Span::CalendarDays(3), "2025-12-01 17:00"); // Saturday: Monday
    check("2025-01-20 09:00", Span::CalendarDays(10), "2025-02-03 17:00"); // Tết
}

#[test]
fn a_stop_within_a_day_costs_hours_but_no_day() {
    let calendar = viet_nam_2025();
    let stop = |since, until| Stop { since: at(since), until: at(until) };
    let lunch = [stop("2025-11-24 10:00", "2025-11-24 14:00")];
    let from = at("2025-11-24 09:00");
    assert_eq!(calendar.due(from, Span::WorkingHours(2), &lunch), at("2025-11-24 15:00"));
    assert_eq!(calendar.due(from, Span::WorkingDays(1), &lunch), at("2025-11-25 17:00"));
    let nights = [stop("2025-11-25 10:00", "2025-11-27 10:00")];
    assert_eq!(calendar.due(from, Span::WorkingDays(2), &nights), at("2025-11-28 17:00"));
    assert_eq!(calendar.due(from, Span::WorkingHours(9), &nights), at("2025-11-27 10:30"));
}

#[test]
fn a_wrong_calendar_is_refused_with_what_is_wrong() {
    let wrong = |change: &dyn Fn(&mut CalendarFile), days: &[(NaiveDate, Exception)], says: &str| {
        let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        let mut file = CalendarFile {
            time_zone: Tz::UTC,
            weekend: vec![Weekday::Sun],
            shifts: vec![(time(8), time(12)), (time(13), time(17))],
            holidays: Vec::new(),
        };
        change(&mut file);
        let error = Calendar::try_new(&file, days.iter().copied()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    };
    let monday: NaiveDate = "2025-11-24".parse().unwrap();
    let week = std::iter::successors(Some(Weekday::Mon), |day| Some(day.succ())).take(7);
    let week: Vec<Weekday> = week.collect();
    wrong(&|file| file.weekend.clone_from(&week), &[], "no working day");
    wrong(&|file| file.shifts.clear(), &[], "shifts is empty");
    wrong(&|file| file.shifts.reverse(), &[], "begins before");
    wrong(&|file| file.shifts[0].1 = file.shifts[0].0, &[], "begins before");
    wrong(&|_| {}, &[(monday, Exception::Holiday), (monday, Exception::Workday)], "at once");
    wrong(&|_| {}, &[(monday, Exception::Workday)], "no weekend");
}

/// The slow, obvious reading of the same words: minute by minute.
mod reference {
    use chrono::Timelike as _;

    use super::*;

    pub struct Slow<'a> {
        pub calendar: &'a Calendar,
        pub stops: &'a [Stop],
    }

    impl Slow<'_> {
        fn local(&self, at: DateTime<Utc>) -> DateTime<Tz> {
            at.with_timezone(&self.calendar.time_zone)
        }

        fn day_is_worked(&self, day: NaiveDate) -> bool {
            let named = self.calendar.exceptions.iter().find(|(named, _)| **named == day);
            match named {
                Some((_, Exception::Holiday)) => false,
                Some((_, Exception::Workday)) => true,
                None => day.weekday() != Weekday::Sat && day.weekday() != Weekday::Sun,
            }
        }

        /// Whether the minute that begins at `at` is worked.
        pub fn is_worked(&self, at: DateTime<Utc>) -> bool {
            let local = self.local(at);
            let minute = local.hour() * 60 + local.minute();
            let in_shift =
                (7 * 60 + 30..11 * 60 + 30).contains(&minute) || (13 * 60 + 30..17 * 60).contains(&minute);
            in_shift && self.day_is_worked(local.date_naive())
        }

        fn stands(&self, at: DateTime<Utc>) -> bool {
            self.stops.iter().any(|stop| stop.since <= at && at < stop.until)
        }

        /// Whether the day of `at` ends now.
        fn is_day_end(&self, at: DateTime<Utc>) -> bool {
            let local = self.local(at);
            local.hour() == 17 && local.minute() == 0
        }

        pub fn due(&self, start: DateTime<Utc>, span: Span) -> DateTime<Utc> {
            let first_day = self.local(start).date_naive();
            let mut at = start;
            let mut counted = 0;
            loop {
                let day = self.local(at).date_naive();
                let day_over = self.is_day_end(at) && day > first_day && !self.stands(at);
                match span {
                    Span::WorkingHours(hours) => {
                        if counted == hours * 60 {
                            return at;
                        }
                        counted += u32::from(self.is_worked(at) && !self.stands(at));
                    }
                    Span::WorkingDays(days) => {
                        counted += u32::from(day_over && self.day_is_worked(day));
                        if counted == days {
                            return at;
                        }
                    }
                    Span::CalendarDays(days) => {
                        counted += u32::from(day_over);
                        if counted >= days && day_over && self.day_is_worked(day) {
                            return at;
                        }
                    }
                }
                at += Duration::minutes(1);
            }
        }
    }
}

fn zones() -> impl Strategy<Value = Tz> {
    // The last two change their clocks within the time that is tried.
    prop_oneof![
        Just(Tz::Asia__Ho_Chi_Minh),
        Just(Tz::Pacific__Kiritimati),
        Just(Tz::Europe__Berlin),
        Just(Tz::America__New_York)
    ]
}

fn spans() -> impl Strategy<Value = Span> {
    prop_oneof![
        (1..40u32).prop_map(Span::WorkingHours),
        (1..8u32).prop_map(Span::WorkingDays),
        (1..15u32).prop_map(Span::CalendarDays),
    ]
}

/// A minute of 2025.
fn minutes() -> impl Strategy<Value = DateTime<Utc>> {
    (0..365 * 24 * 60i64).prop_map(|minute| at("2025-01-01 00:00") + Duration::minutes(minute))
}

/// Days from two weeks before, that are holidays or, at weekends, worked.
fn exceptions(start: DateTime<Utc>, days: &[u64]) -> Vec<(NaiveDate, Exception)> {
    let from = start.date_naive() - Days::new(3);
    let day = |offset: &u64| {
        let day = from + Days::new(*offset);
        let is_weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        (day, if is_weekend { Exception::Workday } else { Exception::Holiday })
    };
    days.iter().map(day).collect()
}

fn stops(start: DateTime<Utc>, lengths: &[(i64, i64)]) -> Vec<Stop> {
    let mut from = start;
    let stop = |(gap, length): &(i64, i64)| {
        let since = from + Duration::minutes(*gap);
        from = since + Duration::minutes(*length);
        Stop { since, until: from }
    };
    lengths.iter().map(stop).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn due_is_what_counting_minutes_finds(
        zone in zones(), start in minutes(), span in spans(),
        days in prop::collection::vec(0..30u64, 0..6),
        lengths in prop::collection::vec((0..3000i64, 0..6000i64), 0..4),
    ) {
        let calendar = office(zone, &exceptions(start, &days));
        let stops = stops(start, &lengths);
        let slow = reference::Slow { calendar: &calendar, stops: &stops };
        prop_assert_eq!(calendar.due(start, span, &stops), slow.due(start, span));
    }

    #[test]
    fn worked_time_is_what_counting_minutes_finds(
        zone in zones(), start in minutes(), length in 0..20_000i64,
        days in prop::collection::vec(0..16u64, 0..4),
    ) {
        let calendar = office(zone, &exceptions(start, &days));
        let slow = reference::Slow { calendar: &calendar, stops: &[] };
        let worked = (0..length).filter(|n| slow.is_worked(start + Duration::minutes(*n))).count();
        let until = start + Duration::minutes(length);
        prop_assert_eq!(calendar.worked(start, until).num_minutes(), i64::try_from(worked).unwrap());
    }

    /// `before` undoes what `after` and `worked` measure.
    #[test]
    fn the_time_before_has_so_much_work_in_it(until in minutes(), hours in 1..40u32) {
        let calendar = viet_nam_2025();
        let at = calendar.before(until, hours, DateTime::UNIX_EPOCH);
        prop_assert!(at <= until);
        prop_assert_eq!(calendar.worked(at, until), Duration::hours(hours.into()));
        let later = at + Duration::minutes(1);
        prop_assert!(calendar.worked(later, until) < Duration::hours(hours.into()));
        prop_assert_eq!(calendar.before(until, hours, until - Duration::minutes(5)), at.max(until - Duration::minutes(5)));
    }

    #[test]
    fn a_longer_term_or_a_longer_stop_is_never_due_sooner(
        start in minutes(), span in spans(), gap in 0..3000i64, length in 0..6000i64, more in 0..3000i64,
    ) {
        let calendar = viet_nam_2025();
        let due = |span: Span, length: i64| calendar.due(start, span, &stops(start, &[(gap, length)]));
        prop_assert!(due(span, length) <= due(span.of(span.number() + 1), length));
        prop_assert!(due(span, length) <= due(span, length + more));
    }
}
