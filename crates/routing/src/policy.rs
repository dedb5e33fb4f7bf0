//! How long an answer may take, by which law; when to warn. Read from a declarative file. Pure but
//! for the reading.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use api::intake::v1::Kind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    calendar::{Calendar, CalendarFile, Span},
    deadline::Step,
    holidays,
    moves::Moves,
    organisation::Organisation,
};

/// Addresses of a mailbox, at most.
const ADDRESSES_MAX: usize = 20;

/// Files of holidays, at most.
const FILES_MAX: usize = 50;

/// Longest working time that a warning looks ahead or an escalation waits, in hours.
const NOTICE_HOURS_MAX: u32 = 240;

/// The rules file: the calendar, the policies, the warnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub calendar: Calendar,
    pub warning: Warning,
    pub moves: Moves,
    policies: Vec<Policy>,
    mailboxes: Vec<Mailbox>,
}

/// Where a unit's steps are mailed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mailbox {
    /// Its code.
    pub unit: String,
    /// Of what is near, due, or has had no first response.
    #[serde(default)]
    to: Vec<String>,
    /// Of what is long overdue.
    #[serde(default)]
    leader: Vec<String>,
}

impl Mailbox {
    pub fn of(&self, step: Step) -> &[String] {
        match step {
            Step::Near | Step::FirstResponseMissed | Step::Due => &self.to,
            Step::Escalated => &self.leader,
        }
    }
}

/// When somebody is told of a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    /// Worked hours before the deadline.
    pub hours_before: u32,
    /// Worked hours after the deadline until the leader is told.
    pub escalate_hours_after: u32,
}

/// What a question may be waited for with the clock stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    Asker,
    OtherBody,
}

/// What binds the questions that it names; a key left out binds them all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub code: String,
    pub kind: Option<KindName>,
    pub urgency: Option<Urgency>,
    pub field: Option<String>,
    pub agency: Option<String>,
    pub answer: Span,
    /// Until a person first lets the asker know: an answer, a question back, an extension.
    pub first_response: Option<Span>,
    /// All extensions together; left out: none is allowed.
    pub extension_max: Option<Span>,
    /// What the clock may be stopped for.
    #[serde(default)]
    pub pause: Vec<WaitsFor>,
    /// The law or decision it comes from.
    pub basis: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindName {
    Question,
    Recommendation,
    Report,
    Opinion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    #[default]
    Normal,
    Urgent,
}

/// What a policy is chosen by.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub kind: Kind,
    pub urgency: Urgency,
    pub field: &'a str,
    pub agency: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    calendar: CalendarFile,
    warning: Warning,
    #[serde(default = "Moves::usual")]
    moves: Moves,
    #[serde(rename = "policy")]
    policies: Vec<Policy>,
    #[serde(rename = "mailbox", default)]
    mailboxes: Vec<Mailbox>,
}

impl Rules {
    /// Reads the file and the files of holidays beside it.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("{}", path.display()));
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&read(path)?, |name| read(&folder.join(name)))
            .with_context(|| format!("{}", path.display()))
    }

    /// `open` gives the text of a file of holidays.
    pub fn parse(text: &str, open: impl Fn(&str) -> anyhow::Result<String>) -> anyhow::Result<Self> {
        let file: RulesFile = toml::from_str(text)?;
        ensure!(file.calendar.holidays.len() <= FILES_MAX, "calendar.holidays names more than {FILES_MAX}");
        let mut days = Vec::new();
        for name in &file.calendar.holidays {
            let bare = Path::new(name).file_name().is_some_and(|bare| bare == name.as_str());
            ensure!(bare, "calendar.holidays: '{name}' is not the name of a file beside this one");
            let read = holidays::read(&open(name)?).with_context(|| name.clone())?;
            days.extend(read);
        }
        let calendar = Calendar::try_new(&file.calendar, days)?;
        let notice = 1..=NOTICE_HOURS_MAX;
        let Warning { hours_before, escalate_hours_after } = file.warning;
        ensure!(
            notice.contains(&hours_before) && notice.contains(&escalate_hours_after),
            "warning: hours are from 1 to {NOTICE_HOURS_MAX}"
        );
        file.moves.check()?;
        check(&file.policies)?;
        check_mailboxes(&file.mailboxes)?;
        let RulesFile { warning, moves, policies, mailboxes, .. } = file;
        Ok(Self { calendar, warning, moves, policies, mailboxes })
    }

    /// The same, with the version that the database counts its calendar by.
    #[must_use]
    pub fn of_version(&self, version: u32) -> Self {
        Self { calendar: self.calendar.clone().of_version(version), ..self.clone() }
    }

    /// What the times of an open question are computed from beside its own policy, to be kept and compared.
    pub fn reckoning(&self) -> serde_json::Value {
        serde_json::json!({ "calendar": self.calendar.content(), "warning": self.warning })
    }

    /// Policies for fields and agencies that an organisation has not; they bind nothing.
    pub fn names_unknown_to(&self, organisation: &Organisation) -> Vec<String> {
        let mut notes = Vec::new();
        for Policy { code, field, agency, .. } in &self.policies {
            if let Some(field) = field.as_ref().filter(|field| organisation.field(field).is_none()) {
                notes.push(format!("policy {code}: no field {field}"));
            }
            let known = |agency: &String| organisation.agencies.iter().any(|known| known.code == *agency);
            if let Some(agency) = agency.as_ref().filter(|agency| !known(agency)) {
                notes.push(format!("policy {code}: no agency {agency}"));
            }
        }
        notes.extend(self.moves.names_unknown_to(organisation));
        for Mailbox { unit, .. } in &self.mailboxes {
            if organisation.unit(unit).is_none() {
                notes.push(format!("mailbox: no unit {unit}"));
            }
        }
        notes
    }

    /// Where a unit's steps are mailed; `None`: nowhere.
    pub fn mailbox(&self, unit: &str) -> Option<&Mailbox> {
        self.mailboxes.iter().find(|mailbox| mailbox.unit == unit)
    }

    /// Without its holidays a year's deadlines are too early.
    pub fn warn_of_a_year_without_holidays(&self, now: DateTime<Utc>) {
        let this_year = self.calendar.year_of(now);
        for year in [this_year, this_year + 1] {
            if !self.calendar.knows_year(year) {
                tracing::warn!(year, "the calendar names no holiday of this year");
            }
        }
    }

    /// The most specific policy that binds the case: the one with most keys; of as many, the one with
    /// the key that comes first of urgency, field, agency, kind.
    pub fn policy(&self, case: &Case<'_>) -> &Policy {
        let binding = self.policies.iter().filter(|policy| policy.binds(case));
        binding
            .max_by_key(|policy| policy.weight())
            .expect("one without keys: checked when the file was read")
    }
}

fn check_mailboxes(mailboxes: &[Mailbox]) -> anyhow::Result<()> {
    for (at, mailbox) in mailboxes.iter().enumerate() {
        let Mailbox { unit, to, leader } = mailbox;
        ensure!(mailboxes[..at].iter().all(|other| other.unit != *unit), "two mailboxes of the unit {unit}");
        for addresses in [to, leader] {
            ensure!(addresses.len() <= ADDRESSES_MAX, "mailbox {unit}: more than {ADDRESSES_MAX} addresses");
            let wrong =
                addresses.iter().find(|text| !text.contains('@') || text.contains(char::is_whitespace));
            if let Some(wrong) = wrong {
                bail!("mailbox {unit}: '{wrong}' is no e-mail address");
            }
        }
    }
    Ok(())
}

fn check(policies: &[Policy]) -> anyhow::Result<()> {
    let default = policies.iter().filter(|policy| policy.weight().0 == 0).count();
    ensure!(default == 1, "{default} policies have no key; exactly one is for all the others");
    for (n, policy) in policies.iter().enumerate() {
        policy.check().with_context(|| format!("policy {}", policy.code))?;
        for other in &policies[..n] {
            ensure!(other.code != policy.code, "two policies have the code {}", policy.code);
            if other.keys() == policy.keys() {
                bail!("policies {} and {} bind the same questions", other.code, policy.code);
            }
        }
    }
    Ok(())
}

impl Policy {
    fn check(&self) -> anyhow::Result<()> {
        let is_code = |code: &str| {
            !code.is_empty() && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        ensure!(is_code(&self.code), "code: lower-case letters, digits and dashes only");
        ensure!(!self.basis.trim().is_empty(), "basis is empty: name the law or decision");
        let spans = [Some(self.answer), self.first_response, self.extension_max];
        ensure!(spans.into_iter().flatten().all(Span::is_sensible), "a term is zero, or longer than years");
        ensure!(
            self.extension_max.is_none_or(|max| max.same_unit(self.answer)),
            "extension_max has another unit than answer"
        );
        Ok(())
    }

    fn keys(&self) -> (Option<Urgency>, Option<&str>, Option<&str>, Option<KindName>) {
        (self.urgency, self.field.as_deref(), self.agency.as_deref(), self.kind)
    }

    fn binds(&self, case: &Case<'_>) -> bool {
        self.urgency.is_none_or(|urgency| urgency == case.urgency)
            && self.field.as_ref().is_none_or(|field| field == case.field)
            && self.agency.as_ref().is_none_or(|agency| agency == case.agency)
            && self.kind.is_none_or(|kind| kind.is(case.kind))
    }

    fn weight(&self) -> (usize, [bool; 4]) {
        let (urgency, field, agency, kind) = self.keys();
        let has = [urgency.is_some(), field.is_some(), agency.is_some(), kind.is_some()];
        (has.into_iter().filter(|has| *has).count(), has)
    }
}

impl KindName {
    fn is(self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Self::Question, Kind::Question)
                | (Self::Recommendation, Kind::Recommendation)
                | (Self::Report, Kind::Report)
                | (Self::Opinion, Kind::Opinion)
        )
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const SMALL: &str = r#"
        [calendar]
        weekend = ["saturday", "sunday"]
        shifts = [["07:30:00", "11:30:00"], ["13:30:00", "17:00:00"]]
        [warning]
        hours_before = 4
        escalate_hours_after = 2
        [[policy]]
        code = "default"
        answer = { working_days = 5 }
        first_response = { working_hours = 8 }
        extension_max = { working_days = 5 }
        pause = ["asker"]
        basis = "for tests"
        [[policy]]
        code = "reports"
        kind = "report"
        answer = { working_days = 10 }
        basis = "for tests"
        [[policy]]
        code = "law"
        field = "policy"
        answer = { calendar_days = 7 }
        basis = "for tests"
        [[policy]]
        code = "law-a"
        field = "policy"
        agency = "a"
        answer = { working_days = 7 }
        basis = "for tests"
        [[policy]]
        code = "urgent"
        urgency = "urgent"
        answer = { working_hours = 4 }
        basis = "for tests"
    "#;

    pub fn small() -> Rules {
        Rules::parse(SMALL, |_| unreachable!("no files")).unwrap()
    }

    fn check(kind: Kind, urgency: Urgency, field: &str, agency: &str, expected: &str) {
        let case = Case { kind, urgency, field, agency };
        assert_eq!(small().policy(&case).code, expected);
    }

    #[test]
    fn the_most_specific_policy_binds() {
        use Urgency::{Normal, Urgent};
        check(Kind::Question, Normal, "", "", "default");
        check(Kind::Report, Normal, "data", "a", "reports");
        // One key each: the field comes before the kind, urgency before both.
        check(Kind::Report, Normal, "policy", "b", "law");
        check(Kind::Report, Urgent, "policy", "b", "urgent");
        check(Kind::Report, Urgent, "policy", "a", "law-a");
    }

    #[test]
    fn the_sample_is_right_and_so_are_its_holidays() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sample");
        let rules = Rules::read(&folder.join("deadlines.toml")).unwrap();
        for (year, named) in [(2024, false), (2025, true), (2026, true), (2027, true), (2028, false)] {
            assert_eq!(rules.calendar.knows_year(year), named, "{year}");
        }
        let worked_days = |from: &str, until: &str| {
            let at = |day: &str| format!("{day}T00:00:00+07:00").parse().unwrap();
            rules.calendar.worked(at(from), at(until)).num_minutes() / (7 * 60 + 30)
        };
        // Weekdays less holidays, as announced; swapped days even out.
        assert_eq!(worked_days("2025-01-01", "2026-01-01"), 261 - 11);
        assert_eq!(worked_days("2026-01-01", "2027-01-01"), 261 - 11);
        assert_eq!(worked_days("2026-02-14", "2026-02-23"), 0);
        assert_eq!(worked_days("2027-01-01", "2028-01-01"), 261 - 11);
    }

    #[test]
    fn a_policy_for_what_is_not_there_is_told() {
        let organisation = Organisation::parse(crate::organisation::tests::SMALL).unwrap();
        assert!(small().names_unknown_to(&organisation).is_empty());
        for (right, wrong, says) in [
            ("field = \"policy\"", "field = \"none\"", "policy law: no field none"),
            ("agency = \"a\"", "agency = \"b\"", "policy law-a: no agency b"),
        ] {
            let rules = Rules::parse(&SMALL.replacen(right, wrong, 1), |_| unreachable!("no files")).unwrap();
            assert_eq!(rules.names_unknown_to(&organisation), [says]);
        }
    }

    #[test]
    fn a_wrong_file_is_refused_with_what_is_wrong() {
        let days = "holidays = [\"vn.ics\"]\n        [warning]";
        for (right, wrong, says) in [
            ("[\"saturday\", \"sunday\"]", "[\"noday\"]", "noday"),
            ("weekend =", "time_zone = \"Asia/Hanoi\"\n weekend =", "Asia/Hanoi"),
            ("hours_before = 4", "hours_before = 0", "from 1 to 240"),
            ("code = \"reports\"\n        kind = \"report\"", "code = \"reports\"", "2 policies have no key"),
            ("code = \"reports\"", "code = \"default\"", "code default"),
            ("code = \"reports\"", "code = \"Reports\"", "lower-case"),
            ("agency = \"a\"", "", "bind the same"),
            ("basis = \"for tests\"", "basis = \" \"", "name the law"),
            ("{ working_days = 5 }", "{ working_days = 0 }", "zero"),
            ("{ working_days = 5 }", "{ fortnights = 1 }", "fortnights"),
            ("extension_max = { working_days = 5 }", "extension_max = { calendar_days = 5 }", "another unit"),
            ("pause = [\"asker\"]", "pause = [\"weather\"]", "weather"),
            ("[warning]", days, "vn.ics: it is no iCalendar file"),
            ("[warning]", "holidays = [\"../vn.ics\"]\n        [warning]", "beside this one"),
        ] {
            let text = SMALL.replacen(right, wrong, 1);
            let error = Rules::parse(&text, |_| Ok("garbage".into())).expect_err(wrong);
            assert!(format!("{error:#}").contains(says), "{wrong}: {error:#}");
        }
    }
}
