//! Reads iCalendar files of days that are not worked, or worked although they are weekend. Pure.
//! Strict: what it does not understand is refused, for a day read wrong is a promise broken.

use anyhow::{Context as _, bail, ensure};
use chrono::{Days, NaiveDate};
use icalendar::parser::{Component, Property, read_components, unfold};
use serde::Serialize;

const BYTES_MAX: usize = 1 << 20;
const EVENTS_MAX: usize = 5_000;
/// Days of one event.
const DAYS_MAX: usize = 60;

/// What a file says of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exception {
    /// Not worked.
    Holiday,
    /// Worked, to make up for another day.
    Workday,
}

/// The days that a file names, in its order.
pub fn read(text: &str) -> anyhow::Result<Vec<(NaiveDate, Exception)>> {
    ensure!(text.len() <= BYTES_MAX, "it is larger than {BYTES_MAX} bytes");
    let unfolded = unfold(text);
    let roots =
        read_components(&unfolded).map_err(|error| anyhow::anyhow!("it is no iCalendar file: {error}"))?;
    let [calendar] = roots.as_slice() else { bail!("it has {} calendars, not one", roots.len()) };
    ensure!(calendar.name == "VCALENDAR", "it begins with {}, not VCALENDAR", calendar.name);
    ensure!(value(calendar, "VERSION")? == Some("2.0"), "VERSION is not 2.0");
    let mut days = Vec::new();
    let mut events = 0;
    for component in &calendar.components {
        if component.name != "VEVENT" {
            // Zones and the like say nothing of whole days.
            continue;
        }
        events += 1;
        ensure!(events <= EVENTS_MAX, "it has more than {EVENTS_MAX} events");
        let summary = value(component, "SUMMARY")?.unwrap_or_default();
        let read = event(component).with_context(|| format!("event {events} ({summary})"))?;
        days.extend(read);
    }
    ensure!(!days.is_empty(), "it names no day");
    Ok(days)
}

fn event(event: &Component<'_>) -> anyhow::Result<Vec<(NaiveDate, Exception)>> {
    for name in ["RRULE", "RDATE", "EXDATE", "DURATION", "RECURRENCE-ID"] {
        ensure!(value(event, name)?.is_none(), "{name} is not understood here: name each day");
    }
    match value(event, "STATUS")? {
        Some("CANCELLED") => return Ok(Vec::new()),
        // A projection is better than nothing until the day is announced.
        None | Some("CONFIRMED" | "TENTATIVE") => {}
        Some(other) => bail!("STATUS {other}: CONFIRMED, TENTATIVE or CANCELLED"),
    }
    let exception = match value(event, "CATEGORIES")? {
        None | Some("HOLIDAY") => Exception::Holiday,
        Some("WORKDAY") => Exception::Workday,
        Some(other) => bail!("CATEGORIES {other}: HOLIDAY or WORKDAY"),
    };
    let first = day(event, "DTSTART")?.context("DTSTART is missing")?;
    let end = match day(event, "DTEND")? {
        Some(end) => end,
        None => next(first)?,
    };
    ensure!(first < end, "DTEND is the day after the last one; here it is not after DTSTART");
    let mut days = Vec::new();
    let mut at = first;
    while at < end {
        ensure!(days.len() < DAYS_MAX, "it is longer than {DAYS_MAX} days");
        days.push((at, exception));
        at = next(at)?;
    }
    Ok(days)
}

fn next(day: NaiveDate) -> anyhow::Result<NaiveDate> {
    day.checked_add_days(Days::new(1)).context("a day beyond the calendar")
}

/// A whole day; a point in time is refused.
fn day(event: &Component<'_>, name: &str) -> anyhow::Result<Option<NaiveDate>> {
    let Some(property) = single(event, name)? else { return Ok(None) };
    let text = property.val.as_str();
    let is_digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    ensure!(is_digits, "{name} {text} is no whole day like 20270206 (VALUE=DATE)");
    let day = NaiveDate::parse_from_str(text, "%Y%m%d").with_context(|| format!("{name} {text}"))?;
    Ok(Some(day))
}

fn value<'a>(component: &'a Component<'_>, name: &str) -> anyhow::Result<Option<&'a str>> {
    Ok(single(component, name)?.map(|property| property.val.as_str().trim()))
}

fn single<'a, 'b>(component: &'a Component<'b>, name: &str) -> anyhow::Result<Option<&'a Property<'b>>> {
    let mut found = component.properties.iter().filter(|property| property.name == name);
    let first = found.next();
    ensure!(found.next().is_none(), "{name} is there twice");
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//\r\n\
        BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20250127\r\nDTEND;VALUE=DATE:20250201\r\n\
        SUMMARY:Tết Nguyên\r\n  đán\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:2\r\nDTSTART;VALUE=DATE:20250426\r\nCATEGORIES:WORKDAY\r\n\
        STATUS:CONFIRMED\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_read_with_the_end_left_out() {
        let days = read(TWO).unwrap();
        assert_eq!(days.len(), 6);
        assert_eq!(days[0], (date("2025-01-27"), Exception::Holiday));
        assert_eq!(days[4], (date("2025-01-31"), Exception::Holiday));
        assert_eq!(days[5], (date("2025-04-26"), Exception::Workday));
        assert_eq!(read(&TWO.replace("\r\n", "\n")).unwrap(), days);
        assert_eq!(read(&TWO.replace("CONFIRMED", "CANCELLED")).unwrap().len(), 5);
    }

    #[test]
    fn a_wrong_file_is_refused_with_what_is_wrong() {
        for (right, wrong, says) in [
            (TWO, "", "no iCalendar file"),
            (TWO, "Tết là ngày 29/1", "no iCalendar file"),
            ("END:VEVENT\r\nEND:VCALENDAR", "END:VCALENDAR", "no iCalendar file"),
            ("VERSION:2.0", "VERSION:1.0", "VERSION"),
            ("DTSTART;VALUE=DATE:20250127\r\n", "", "DTSTART is missing"),
            ("DTSTART;VALUE=DATE:20250127", "DTSTART:20250127T080000Z", "no whole day"),
            ("DTSTART;VALUE=DATE:20250127", "DTSTART;VALUE=DATE:20250229", "20250229"),
            ("DTEND;VALUE=DATE:20250201", "DTEND;VALUE=DATE:20250127", "not after DTSTART"),
            ("DTEND;VALUE=DATE:20250201", "DTEND;VALUE=DATE:20260201", "longer than 60 days"),
            ("DTEND;VALUE=DATE:20250201", "DURATION:P5D", "DURATION is not understood"),
            ("UID:2", "UID:2\r\nRRULE:FREQ=YEARLY", "RRULE is not understood"),
            ("UID:2", "UID:2\r\nDTSTART;VALUE=DATE:20250427", "twice"),
            ("CATEGORIES:WORKDAY", "CATEGORIES:PARTY", "HOLIDAY or WORKDAY"),
            ("STATUS:CONFIRMED", "STATUS:MAYBE", "CONFIRMED, TENTATIVE or CANCELLED"),
            ("BEGIN:VCALENDAR", "BEGIN:VTODO", "no iCalendar file"),
        ] {
            let text = TWO.replacen(right, wrong, 1);
            let error = read(&text).expect_err(wrong);
            assert!(format!("{error:#}").contains(says), "{wrong}: {error:#}");
        }
        let empty = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n";
        assert!(format!("{:#}", read(empty).unwrap_err()).contains("names no day"));
        assert!(read(&TWO.repeat(10_000)).unwrap_err().to_string().contains("larger than"));
    }
}
