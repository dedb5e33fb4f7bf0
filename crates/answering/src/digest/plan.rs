//! Which questions are gathered when, and for whom: a declarative file. Pure but for the reading.

use std::path::Path;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Days, Duration, NaiveTime, TimeZone as _, Utc, Weekday};
use chrono_tz::Tz;
use serde::Deserialize;

const ITEMS_MAX: u32 = 500;
const DAYS_MAX: u32 = 90;
const REMINDERS_MAX: usize = 5;
const ADDRESSES_MAX: usize = 20;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plans {
    /// Where the times below are meant.
    #[serde(default = "usual_zone")]
    time_zone: Tz,
    #[serde(rename = "digest", default)]
    pub plans: Vec<Plan>,
}

impl Default for Plans {
    fn default() -> Self {
        Self { time_zone: usual_zone(), plans: Vec::new() }
    }
}

fn usual_zone() -> Tz {
    chrono_tz::Asia::Ho_Chi_Minh
}

/// One kind of digest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub code: String,
    /// The working group outside: a focal point's token names it as its unit.
    pub group: String,
    pub group_name: String,
    /// The group's mailboxes; none: it comes and gets its digests.
    #[serde(default)]
    pub to: Vec<String>,
    /// Whose questions, and of which fields.
    pub unit: String,
    pub fields: Vec<String>,
    pub weekdays: Vec<Weekday>,
    pub at: NaiveTime,
    /// Questions of one digest; the others wait for the next one.
    pub items_max: u32,
    /// Calendar days that the group has.
    pub answer_within_days: u32,
    /// Calendar days after the gathering on which the group is reminded of what still waits.
    #[serde(default)]
    pub remind_days: Vec<u32>,
    /// Whom the group may ask: the end of its mails.
    #[serde(default)]
    pub contact: String,
}

impl Plans {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        if path.as_os_str().is_empty() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{}", path.display()))
    }

    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let plans: Self = toml::from_str(text)?;
        for (n, plan) in plans.plans.iter().enumerate() {
            plan.check().with_context(|| format!("digest {}", plan.code))?;
            let taken = plans.plans[..n].iter().any(|other| other.code == plan.code);
            ensure!(!taken, "two digests have the code {}", plan.code);
        }
        Ok(plans)
    }

    pub fn plan(&self, code: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.code == code)
    }

    /// Every plan's, with its number among them.
    pub fn reminders(&self) -> Vec<Reminder<'_>> {
        let numbered = self.plans.iter().flat_map(|plan| {
            (1..).zip(&plan.remind_days).map(|(number, days)| Reminder {
                code: &plan.code,
                number,
                days: i32::try_from(*days).unwrap_or(i32::MAX),
            })
        });
        numbered.collect()
    }

    /// The newest time of the plan that has come.
    pub fn slot(&self, plan: &Plan, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = now.with_timezone(&self.time_zone).date_naive();
        (0..=7).find_map(|back| {
            use chrono::Datelike as _;
            let day = today.checked_sub_days(Days::new(back))?;
            let slot = self.time_zone.from_local_datetime(&day.and_time(plan.at)).earliest()?.to_utc();
            (plan.weekdays.contains(&day.weekday()) && slot <= now).then_some(slot)
        })
    }

    pub fn time_zone(&self) -> Tz {
        self.time_zone
    }
}

/// A reminder of a plan: its number, and how many days after the gathering it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reminder<'a> {
    pub code: &'a str,
    pub number: i32,
    pub days: i32,
}

impl Plan {
    fn check(&self) -> anyhow::Result<()> {
        let is_code = |code: &str| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            !code.is_empty() && code.len() <= 64 && code.chars().all(plain)
        };
        ensure!(is_code(&self.code), "code: lower-case letters, digits and dashes");
        ensure!(is_code(&self.group) && is_code(&self.unit), "group and unit are codes");
        ensure!(!self.group_name.trim().is_empty(), "group_name is empty");
        ensure!(
            !self.fields.is_empty() && self.fields.iter().all(|f| is_code(f)),
            "fields are codes, one or more"
        );
        ensure!(!self.weekdays.is_empty(), "weekdays: none is named");
        ensure!((1..=ITEMS_MAX).contains(&self.items_max), "items_max is 1 to {ITEMS_MAX}");
        let within = self.answer_within_days;
        ensure!((1..=DAYS_MAX).contains(&within), "answer_within_days is 1 to {DAYS_MAX}");
        let days = &self.remind_days;
        let rising = days.windows(2).all(|pair| pair[0] < pair[1]);
        let fits = days.len() <= REMINDERS_MAX && days.iter().all(|day| (1..=DAYS_MAX).contains(day));
        ensure!(rising && fits, "remind_days rise, are 1 to {DAYS_MAX}, and at most {REMINDERS_MAX}");
        let mailbox = |to: &String| to.contains('@') && !to.contains(char::is_control);
        ensure!(
            self.to.len() <= ADDRESSES_MAX && self.to.iter().all(mailbox),
            "to: mailboxes, at most {ADDRESSES_MAX}"
        );
        Ok(())
    }

    pub fn due_at(&self, gathered_at: DateTime<Utc>) -> DateTime<Utc> {
        gathered_at + Duration::days(self.answer_within_days.into())
    }

    /// The reminder that has come since `reminded` were sent; after a long absence only the last one.
    pub fn reminder(&self, gathered_at: DateTime<Utc>, reminded: u32, now: DateTime<Utc>) -> Option<u32> {
        let come =
            self.remind_days.iter().filter(|days| gathered_at + Duration::days((**days).into()) <= now);
        let come = u32::try_from(come.count()).unwrap_or(u32::MAX);
        (come > reminded).then_some(come)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = r#"
        [[digest]]
        code = "covid-19"
        group = "to-cong-tac"
        group_name = "Tổ công tác"
        to = ["dau-moi@nhom.example"]
        unit = "mot-cua"
        fields = ["y-te-cong-dong"]
        weekdays = ["monday", "thursday"]
        at = "08:00:00"
        items_max = 200
        answer_within_days = 5
        remind_days = [3, 5]
    "#;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn the_newest_time_that_has_come() {
        let plans = Plans::parse(PLAN).unwrap();
        let slot = |now| plans.slot(&plans.plans[0], at(now)).unwrap();
        // 2026-11-23 is a Monday; 08:00 in Việt Nam is 01:00 in UTC.
        assert_eq!(slot("2026-11-23T00:59:59Z"), at("2026-11-19T01:00:00Z"));
        assert_eq!(slot("2026-11-23T01:00:00Z"), at("2026-11-23T01:00:00Z"));
        assert_eq!(slot("2026-11-26T00:00:00Z"), at("2026-11-23T01:00:00Z"));
    }

    #[test]
    fn reminders_come_once_each_and_only_the_last_after_an_absence() {
        let plans = Plans::parse(PLAN).unwrap();
        let plan = &plans.plans[0];
        let (first, second) = (plans.reminders()[0], plans.reminders()[1]);
        assert_eq!(((first.number, first.days), (second.number, second.days)), ((1, 3), (2, 5)));
        let gathered = at("2026-11-23T01:00:00Z");
        let reminder =
            |days: i64, reminded| plan.reminder(gathered, reminded, gathered + Duration::days(days));
        assert_eq!((reminder(2, 0), reminder(3, 0), reminder(4, 1)), (None, Some(1), None));
        assert_eq!((reminder(9, 0), reminder(9, 2)), (Some(2), None));
    }

    proptest::proptest! {
        /// The machine's clock jumps, both ways, and then runs rightly for a week: no time of the plan is
        /// taken twice, and each that comes from then on has been taken.
        #[test]
        fn a_clock_that_jumps_neither_loses_nor_doubles_a_digest(
            jumps in proptest::collection::vec(-1_000..1_000i64, 0..40),
        ) {
            let plans = Plans::parse(PLAN).unwrap();
            let begin = at("2026-11-23T01:00:00Z");
            let right = (0..=7 * 24).map(|hour| begin + Duration::hours(hour));
            let now = jumps.into_iter().map(|hours| begin + Duration::hours(hours)).chain(right);
            let mut taken = std::collections::BTreeSet::new();
            for now in now {
                let slot = plans.slot(&plans.plans[0], now).unwrap();
                proptest::prop_assert!(slot <= now && now - slot < Duration::days(7));
                // As the loop does: what is there already is not taken again.
                taken.insert(slot);
            }
            for slot in [begin, at("2026-11-26T01:00:00Z"), at("2026-11-30T01:00:00Z")] {
                proptest::prop_assert!(taken.contains(&slot), "{slot} is lost");
            }
        }

        /// The same for reminders: each once, none after it, whatever the clock does.
        #[test]
        fn a_clock_that_jumps_doubles_no_reminder(hours in proptest::collection::vec(-300..300i64, 1..40)) {
            let plans = Plans::parse(PLAN).unwrap();
            let gathered = at("2026-11-23T01:00:00Z");
            let (mut reminded, mut latest) = (0, gathered);
            for hours in hours {
                let now = gathered + Duration::hours(hours);
                latest = latest.max(now);
                if let Some(step) = plans.plans[0].reminder(gathered, reminded, now) {
                    proptest::prop_assert!(step > reminded);
                    reminded = step;
                }
            }
            let due = u32::from(latest >= gathered + Duration::days(3))
                + u32::from(latest >= gathered + Duration::days(5));
            proptest::prop_assert_eq!(reminded, due);
        }
    }

    #[test]
    fn a_wrong_plan_is_refused_with_its_code() {
        for (wrong, by) in [
            ("weekdays = [\"monday\", \"thursday\"]", "weekdays = []"),
            ("weekdays = [\"monday\", \"thursday\"]", "weekdays = [\"thứ hai\"]"),
            ("fields = [\"y-te-cong-dong\"]", "fields = []"),
            ("items_max = 200", "items_max = 0"),
            ("remind_days = [3, 5]", "remind_days = [5, 3]"),
            ("answer_within_days = 5", "answer_within_days = 0"),
            ("at = \"08:00:00\"", "at = \"25:00:00\""),
            ("to = [\"dau-moi@nhom.example\"]", "to = [\"dau-moi\"]"),
            ("unit = \"mot-cua\"", "unit = \"Một cửa\""),
            ("unit = \"mot-cua\"", "unit = \"mot-cua\"\ncolour = \"red\""),
        ] {
            assert!(PLAN.contains(wrong));
            assert!(Plans::parse(&PLAN.replace(wrong, by)).is_err(), "{by}");
        }
        assert!(Plans::parse(&PLAN.repeat(2)).is_err(), "the same code twice");
    }

    #[test]
    fn the_sample_is_right() {
        let plans = Plans::parse(include_str!("../../../../deploy/sample/digests.toml")).unwrap();
        assert_eq!(plans.plans.len(), 1);
    }
}
