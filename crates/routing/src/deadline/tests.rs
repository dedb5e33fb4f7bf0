use api::intake::v1::Kind;
use proptest::prelude::*;

use super::*;
use crate::policy::tests::{SMALL, small};

/// A local time of Việt Nam.
fn at(local: &str) -> DateTime<Utc> {
    format!("{}:00+07:00", local.replace(' ', "T")).parse().unwrap()
}

/// Monday morning: five working days, to the next Monday.
fn started() -> Deadline {
    let case = Case { kind: Kind::Question, urgency: Urgency::Normal, field: "", agency: "" };
    Deadline::start(&small(), &case, &Question::default(), at("2025-11-24 09:00"), 1)
}

fn pause(waits_for: WaitsFor, since: DateTime<Utc>) -> Pause {
    Pause { since, until: None, waits_for, reason: "thiếu số hồ sơ".into(), by: "an".into() }
}

fn extension(number: u32, at: DateTime<Utc>) -> Extension {
    Extension {
        at,
        number,
        due_before: at,
        reason: "vụ việc phức tạp".into(),
        approver: "Vụ trưởng".into(),
        by: "an".into(),
    }
}

fn pause_at(deadline: Deadline, since: &str) -> Deadline {
    deadline.pause(pause(WaitsFor::Asker, at(since))).unwrap().unwrap()
}

fn resume_at(deadline: Deadline, when: &str) -> Deadline {
    deadline.resume(&small().calendar, at(when)).unwrap().unwrap()
}

#[test]
fn waiting_for_the_asker_costs_the_unit_nothing() {
    assert_eq!(started().due_at, at("2025-12-01 17:00"));
    let paused = pause_at(started(), "2025-11-25 10:00");
    assert_eq!((paused.version, paused.due_at), (2, at("2025-12-01 17:00")));
    assert_eq!(paused.next_step(&small()), None);
    let left = paused.left(&small().calendar, at("2030-01-01 00:00"));
    assert_eq!(left, small().calendar.worked(at("2025-11-25 10:00"), at("2025-12-01 17:00")));
    let again = resume_at(paused, "2025-11-27 14:00");
    assert_eq!((again.version, again.due_at), (3, at("2025-12-03 17:00")));
    assert_eq!(again.resume(&small().calendar, at("2025-11-28 08:00")), Ok(None));
}

#[test]
fn a_pause_needs_a_policy_that_allows_it_and_repeats_harmlessly() {
    let since = at("2025-11-25 10:00");
    assert_eq!(started().pause(pause(WaitsFor::OtherBody, since)), Err(Refused::PauseNotAllowed));
    let paused = pause_at(started(), "2025-11-25 10:00");
    assert_eq!(paused.clone().pause(pause(WaitsFor::Asker, at("2025-11-26 10:00"))), Ok(None));
    let other = Pause { reason: "khác".into(), ..pause(WaitsFor::Asker, since) };
    assert_eq!(paused.pause(other), Err(Refused::AlreadyPaused));
}

#[test]
fn extensions_add_up_to_what_the_policy_allows_and_only_before_the_end() {
    let calendar = &small().calendar;
    let early = at("2025-11-26 10:00");
    let once = started().extend(calendar, extension(3, early)).unwrap();
    assert_eq!((once.due_at, once.extensions[0].due_before), (at("2025-12-04 17:00"), started().due_at));
    assert_eq!(once.clone().extend(calendar, extension(3, early)), Err(Refused::ExtensionTooLong(2)));
    assert_eq!(once.clone().extend(calendar, extension(2, early)).unwrap().due_at, at("2025-12-08 17:00"));
    assert_eq!(started().extend(calendar, extension(1, at("2025-12-01 17:01"))), Err(Refused::Passed));
    let mut strict = started();
    strict.policy.extension_max = None;
    assert_eq!(strict.extend(calendar, extension(1, early)), Err(Refused::ExtensionNotAllowed));
    assert_eq!(started().seen(7), Err(Refused::Stale(1)));
    let ended = started().end(early);
    assert_eq!(ended.clone().extend(calendar, extension(1, early)), Err(Refused::Ended));
    assert_eq!(ended.pause(pause(WaitsFor::Asker, early)), Err(Refused::Ended));
}

#[test]
fn there_are_four_ends() {
    let (in_time, too_late) = (at("2025-12-01 16:59"), at("2025-12-05 09:00"));
    let extended = started().extend(&small().calendar, extension(3, at("2025-11-26 10:00"))).unwrap();
    for (deadline, ended_at, expected) in [
        (started(), started().due_at, Ending::OnTime),
        (started(), at("2025-12-01 17:01"), Ending::Late),
        (extended.clone(), at("2025-12-04 17:00"), Ending::ExtendedOnTime),
        (extended, too_late, Ending::ExtendedLate),
        // The clock stood: it stopped in time, or too late already.
        (pause_at(started(), "2025-11-25 10:00"), too_late, Ending::OnTime),
        (pause_at(started(), "2025-12-02 10:00"), too_late, Ending::Late),
    ] {
        assert_eq!(deadline.clone().ending(), None);
        assert_eq!(deadline.clone().end(ended_at).ending(), Some(expected), "{deadline:?}");
    }
    assert_eq!(started().end(in_time).end(too_late).ended_at, Some(in_time));
}

#[test]
fn each_step_is_taken_once_and_anew_for_a_new_deadline() {
    let rules = small();
    let mut deadline = started();
    let mut taken = Vec::new();
    while let Some((_, at)) = deadline.next_step(&rules) {
        assert_eq!(deadline.clone().step(&rules, at - Duration::seconds(1)), None);
        let (next, step) = deadline.step(&rules, at).unwrap();
        taken.push((step, at));
        deadline = next;
    }
    let expected = [
        (Step::FirstResponseMissed, at("2025-11-25 09:30")),
        (Step::Near, at("2025-12-01 11:00")),
        (Step::Due, at("2025-12-01 17:00")),
        (Step::Escalated, at("2025-12-02 09:30")),
    ];
    assert_eq!(taken, expected);
    assert_eq!(deadline.version, 5);
    // All at once after a long sleep, in the same order.
    let mut slept = started();
    let mut steps = Vec::new();
    while let Some((next, step)) = slept.clone().step(&rules, at("2026-01-05 00:00")) {
        slept = next;
        steps.push(step);
    }
    assert_eq!(steps, expected.map(|(step, _)| step));
    // A longer term is warned of anew; a stop within a day changes no day and says nothing again.
    let near = started().step(&rules, at("2025-12-01 11:30")).unwrap().0;
    let near = near.step(&rules, at("2025-12-01 11:30")).unwrap().0;
    assert_eq!(near.steps, [Step::FirstResponseMissed, Step::Near]);
    let same = resume_at(pause_at(near.clone(), "2025-12-01 13:30"), "2025-12-01 14:00");
    assert_eq!(same.steps, near.steps);
    let longer = near.extend(&rules.calendar, extension(2, at("2025-12-01 14:00"))).unwrap();
    assert_eq!(longer.next_step(&rules), Some((Step::Near, at("2025-12-03 11:00"))));
}

#[test]
fn an_urgent_question_is_due_sooner_and_never_later() {
    let rules = small();
    let case = Case { kind: Kind::Question, urgency: Urgency::Urgent, field: "", agency: "" };
    let hasten = |deadline: Deadline| deadline.hasten(&rules.calendar, rules.policy(&case));
    let urgent = hasten(started()).unwrap().unwrap();
    assert_eq!((urgent.due_at, urgent.version), (at("2025-11-24 14:30") + Duration::minutes(30), 2));
    assert_eq!(hasten(urgent), Ok(None));
    let mut soon = started();
    soon.due_at = at("2025-11-24 10:00");
    let still = hasten(soon.clone()).unwrap().unwrap();
    assert_eq!((still.due_at, &still.policy), (soon.due_at, &soon.policy));
    let extended = started().extend(&rules.calendar, extension(1, at("2025-11-24 10:00"))).unwrap();
    assert_eq!(hasten(extended), Err(Refused::Extended));
}

#[test]
fn the_first_response_is_whatever_the_asker_first_hears() {
    let heard = |deadline: &Deadline| deadline.first_response_at;
    let first = at("2025-11-24 10:00");
    assert_eq!(heard(&started()), None);
    assert_eq!(heard(&pause_at(started(), "2025-11-24 10:00")), Some(first));
    let extended = started().extend(&small().calendar, extension(1, first)).unwrap();
    assert_eq!(heard(&extended.end(at("2025-11-28 10:00"))), Some(first));
}

#[test]
fn a_deadline_reads_back_from_json() {
    let paused = pause_at(started(), "2025-11-25 10:00");
    let json = serde_json::to_value(&paused).unwrap();
    assert_eq!(serde_json::from_value::<Deadline>(json).unwrap(), paused);
}

/// As `small`, with 25 and 26 November off: the second calendar.
fn with_holidays() -> Rules {
    let file = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//\r\nBEGIN:VEVENT\r\nUID:1\r\n\
        DTSTART;VALUE=DATE:20251125\r\nDTEND;VALUE=DATE:20251127\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let text = SMALL.replacen("[warning]", "holidays = [\"off.ics\"]\n[warning]", 1);
    Rules::parse(&text, |_| Ok(file.into())).unwrap().of_version(2)
}

#[test]
fn another_calendar_computes_what_is_promised_and_takes_no_step_back() {
    let (rules, other) = (small().of_version(1), with_holidays());
    assert_ne!(rules.reckoning(), other.reckoning());
    assert_eq!(rules.reckoning(), small().of_version(7).reckoning());
    let (moved, changed) = started().recalculate(&other.calendar);
    assert!(changed);
    assert_eq!((moved.due_at, moved.version, moved.calendar), (at("2025-12-03 17:00"), 2, 2));
    assert_eq!(moved.first_response_due_at, Some(at("2025-11-27 09:30")));
    assert_eq!(moved.clone().recalculate(&other.calendar), (moved.clone(), false));
    // As promised, and back: nobody can tell that it was ever otherwise, but for the version.
    let (back, _) = moved.clone().recalculate(&rules.calendar);
    assert_eq!(back, Deadline { version: 3, calendar: 1, ..started() });
    let told = Recomputation::between(&started(), &moved, at("2025-11-24 10:00")).unwrap();
    assert_eq!((told.due_before, told.due_at, told.to_calendar), (started().due_at, moved.due_at, 2));
    assert_eq!(Recomputation::between(&moved, &moved, at("2025-11-24 10:00")), None);

    // Told of the first deadline: not told again, though the second is later; what is left comes in its time.
    let mut late = started();
    while let Some((next, _)) = late.clone().step(&rules, started().due_at) {
        late = next;
    }
    let (moved, _) = late.clone().recalculate(&other.calendar);
    assert_eq!(moved.steps, late.steps);
    assert_eq!(moved.next_step(&other), Some((Step::Escalated, at("2025-12-04 09:30"))));
    // What the asker heard first is no promise any more; neither is what has ended, or has no policy.
    let (heard, _) = pause_at(started(), "2025-11-24 10:00").recalculate(&other.calendar);
    assert_eq!(heard.first_response_due_at, started().first_response_due_at);
    assert_eq!(heard.due_at, at("2025-12-03 17:00"));
    let ended = started().end(at("2025-11-28 10:00"));
    assert_eq!(ended.clone().recalculate(&other.calendar), (Deadline { calendar: 2, ..ended }, false));
    let old = Deadline::of_old(&Question::default(), at("2025-11-24 09:00"), at("2025-12-01 17:00"), false);
    assert_eq!(old.clone().recalculate(&other.calendar), (Deadline { calendar: 2, ..old }, false));
}

proptest! {
    /// The machine's clock jumps by weeks, both ways: what was told is what the latest time ever seen asks
    /// for, each step once, in the order of their times.
    #[test]
    fn a_clock_that_jumps_neither_loses_nor_doubles_a_step(hours in prop::collection::vec(-400..400i64, 1..30)) {
        let rules = small();
        let (mut deadline, mut told, mut latest) = (started(), Vec::new(), started().started_at);
        for jump in hours {
            let now = started().started_at + Duration::hours(jump);
            latest = latest.max(now);
            while let Some((next, step)) = deadline.clone().step(&rules, now) {
                deadline = next;
                told.push(step);
            }
        }
        let mut expected = Vec::new();
        let mut steady = started();
        while let Some((next, step)) = steady.clone().step(&rules, latest) {
            steady = next;
            expected.push(step);
        }
        prop_assert_eq!(told, expected);
        prop_assert_eq!(deadline, steady);
    }

    /// Whatever was done to it, another calendar makes of it what it would have been by that calendar.
    #[test]
    fn another_calendar_keeps_all_stops_and_extensions(
        steps in prop::collection::vec((1..3000i64, 1..3000i64, 0..2u32), 0..5),
        open in any::<bool>(),
    ) {
        let (rules, other) = (small(), with_holidays());
        let (mut deadline, mut now) = (started(), started().started_at);
        let (mut stops, mut extra) = (Vec::new(), 0);
        for (gap, length, number) in steps {
            now += Duration::minutes(gap);
            if number > 0 && let Ok(longer) = deadline.clone().extend(&rules.calendar, extension(number, now)) {
                deadline = longer;
                extra += number;
            }
            deadline = deadline.pause(pause(WaitsFor::Asker, now)).unwrap().unwrap();
            let since = now;
            now += Duration::minutes(length);
            stops.push(Stop { since, until: now });
            deadline = deadline.resume(&rules.calendar, now).unwrap().unwrap();
        }
        if open {
            deadline = deadline.pause(pause(WaitsFor::Asker, now)).unwrap().unwrap();
        }
        let (moved, changed) = deadline.clone().recalculate(&other.calendar);
        let expected = other.calendar.due(deadline.started_at, Span::WorkingDays(5 + extra), &stops);
        prop_assert_eq!(moved.due_at, expected);
        prop_assert_eq!((&moved.pauses, &moved.extensions), (&deadline.pauses, &deadline.extensions));
        prop_assert_eq!(moved.version, deadline.version + u32::from(changed));
        prop_assert_eq!(moved.recalculate(&rules.calendar).0.due_at, deadline.due_at);
    }

    /// However it is cut up, it is due when the whole term, less all stops, is over.
    #[test]
    fn stops_and_extensions_in_any_number_end_at_one_computed_time(
        steps in prop::collection::vec((1..3000i64, 1..3000i64, 0..2u32), 0..5),
    ) {
        let rules = small();
        let (mut deadline, mut now, mut stops, mut extra) = (started(), started().started_at, Vec::new(), 0);
        for (gap, length, number) in steps {
            now += Duration::minutes(gap);
            if number > 0 && let Ok(longer) = deadline.clone().extend(&rules.calendar, extension(number, now)) {
                deadline = longer;
                extra += number;
            }
            let since = now;
            deadline = deadline.pause(pause(WaitsFor::Asker, now)).unwrap().unwrap();
            now += Duration::minutes(length);
            stops.push(Stop { since, until: now });
            deadline = deadline.resume(&rules.calendar, now).unwrap().unwrap();
        }
        let expected = rules.calendar.due(deadline.started_at, Span::WorkingDays(5 + extra), &stops);
        prop_assert_eq!(deadline.due_at, expected);
        prop_assert!(deadline.due_at >= started().due_at);
    }
}
