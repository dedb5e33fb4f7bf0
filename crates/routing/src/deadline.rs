//! The clock of one question: when its answer is due, what stops and what lengthens it, who is told
//! that it runs out, and how it ended. Pure.
//!
//! The due time is never moved: it is computed from the beginning, the whole term and all stops, so
//! that no order of small stops can gain or lose time, and a changed calendar can be applied.

use api::{intake::v1::Question, routing::v1};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    calendar::{Calendar, Span, Stop},
    policy::{Case, Policy, Rules, Urgency, WaitsFor},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// Grows with each change; hearers keep the greatest.
    pub version: u32,
    /// How often the question had been reopened.
    pub round: u32,
    /// As it was when the clock began: a later change of the law binds later questions.
    pub policy: Policy,
    pub urgency: Urgency,
    pub started_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub first_response_due_at: Option<DateTime<Utc>>,
    pub first_response_at: Option<DateTime<Utc>>,
    /// In order, apart; only the last may be open.
    pub pauses: Vec<Pause>,
    pub extensions: Vec<Extension>,
    /// Reached since the due time was last changed.
    pub steps: Vec<Step>,
    pub ended_at: Option<DateTime<Utc>>,
    /// The version of the calendar that it was computed with; 0: before it was kept.
    #[serde(default)]
    pub calendar: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub since: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
    pub waits_for: WaitsFor,
    /// Shown to the asker.
    pub reason: String,
    pub by: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    pub at: DateTime<Utc>,
    /// In the unit of the policy's term.
    pub number: u32,
    pub due_before: DateTime<Utc>,
    /// Shown to the asker.
    pub reason: String,
    /// Who allowed it.
    pub approver: String,
    /// Who entered it.
    pub by: String,
}

/// A change of calendar that changed the due time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recomputation {
    pub round: u32,
    pub from_calendar: u32,
    pub to_calendar: u32,
    pub due_before: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub at: DateTime<Utc>,
}

impl Recomputation {
    /// `None`: it is due when it was.
    pub fn between(before: &Deadline, after: &Deadline, at: DateTime<Utc>) -> Option<Self> {
        (before.due_at != after.due_at).then_some(Self {
            round: after.round,
            from_calendar: before.calendar,
            to_calendar: after.calendar,
            due_before: before.due_at,
            due_at: after.due_at,
            at,
        })
    }
}

/// Of what somebody is told, in the order in which it usually comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The deadline is near.
    Near,
    /// The asker has heard nothing yet, and should have.
    FirstResponseMissed,
    /// The deadline is here.
    Due,
    /// Well past the deadline: the leader is told.
    Escalated,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    OnTime,
    Late,
    ExtendedOnTime,
    ExtendedLate,
}

/// Why a change was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    Ended,
    /// The officer saw another version; this is the present one.
    Stale(u32),
    PauseNotAllowed,
    AlreadyPaused,
    ExtensionNotAllowed,
    /// So many are left.
    ExtensionTooLong(u32),
    /// What is overdue stays so.
    Passed,
    /// What was extended is not hastened.
    Extended,
}

impl Deadline {
    /// The clock of a question's round begins.
    pub fn start(
        rules: &Rules,
        case: &Case<'_>,
        question: &Question,
        at: DateTime<Utc>,
        version: u32,
    ) -> Self {
        let policy = rules.policy(case).clone();
        let due = |span| rules.calendar.due(at, span, &[]);
        Self {
            version,
            round: u32::try_from(question.follow_ups.len()).unwrap_or(u32::MAX),
            urgency: case.urgency,
            started_at: at,
            due_at: due(policy.answer),
            first_response_due_at: policy.first_response.map(due),
            first_response_at: None,
            pauses: Vec::new(),
            extensions: Vec::new(),
            steps: Vec::new(),
            ended_at: None,
            calendar: rules.calendar.version(),
            policy,
        }
    }

    /// Promised before there were policies: nothing stops it and nothing lengthens it.
    pub fn of_old(question: &Question, at: DateTime<Utc>, due_at: DateTime<Utc>, answered: bool) -> Self {
        let policy = Policy {
            code: String::new(),
            kind: None,
            urgency: None,
            field: None,
            agency: None,
            answer: Span::WorkingDays(1),
            first_response: None,
            extension_max: None,
            pause: Vec::new(),
            basis: String::new(),
        };
        Self {
            version: 1,
            round: u32::try_from(question.follow_ups.len()).unwrap_or(u32::MAX),
            policy,
            urgency: Urgency::Normal,
            started_at: at,
            due_at,
            first_response_due_at: None,
            first_response_at: None,
            pauses: Vec::new(),
            extensions: Vec::new(),
            steps: Vec::new(),
            ended_at: answered.then_some(at),
            calendar: 0,
        }
    }

    /// The open pause.
    pub fn paused(&self) -> Option<&Pause> {
        self.pauses.last().filter(|pause| pause.until.is_none())
    }

    /// 0: the officer does not say which version was seen.
    pub fn seen(self, version: u32) -> Result<Self, Refused> {
        if version == 0 || version == self.version { Ok(self) } else { Err(Refused::Stale(self.version)) }
    }

    /// Stops the clock. `None`: it stands for that very reason.
    pub fn pause(mut self, pause: Pause) -> Result<Option<Self>, Refused> {
        self.runs()?;
        if let Some(open) = self.paused() {
            let same = open.waits_for == pause.waits_for && open.reason == pause.reason;
            return if same { Ok(None) } else { Err(Refused::AlreadyPaused) };
        }
        if !self.policy.pause.contains(&pause.waits_for) {
            return Err(Refused::PauseNotAllowed);
        }
        self.responded(pause.since);
        // Clocks of machines differ a little; stops never overlap.
        let earliest = self.pauses.last().and_then(|last| last.until).unwrap_or(self.started_at);
        self.pauses.push(Pause { since: pause.since.max(earliest), until: None, ..pause });
        self.version += 1;
        Ok(Some(self))
    }

    /// Lets the clock run on. `None`: it runs.
    pub fn resume(mut self, calendar: &Calendar, at: DateTime<Utc>) -> Result<Option<Self>, Refused> {
        self.runs()?;
        let Some(open) = self.pauses.last_mut().filter(|pause| pause.until.is_none()) else {
            return Ok(None);
        };
        open.until = Some(at.max(open.since));
        self.recompute(calendar);
        self.version += 1;
        Ok(Some(self))
    }

    /// Lengthens the term by so many of its unit, before it is over.
    pub fn extend(mut self, calendar: &Calendar, extension: Extension) -> Result<Self, Refused> {
        self.runs()?;
        self.policy.extension_max.ok_or(Refused::ExtensionNotAllowed)?;
        let left = self.extension_left();
        if extension.number > left {
            return Err(Refused::ExtensionTooLong(left));
        }
        if self.is_over(extension.at) {
            return Err(Refused::Passed);
        }
        self.responded(extension.at);
        self.extensions.push(Extension { due_before: self.due_at, ..extension });
        self.recompute(calendar);
        self.version += 1;
        Ok(self)
    }

    /// The question is urgent: `policy` binds it from its beginning on, if it is due sooner so. `None`:
    /// it was urgent.
    pub fn hasten(mut self, calendar: &Calendar, policy: &Policy) -> Result<Option<Self>, Refused> {
        self.runs()?;
        if self.urgency == Urgency::Urgent {
            return Ok(None);
        }
        if !self.extensions.is_empty() {
            return Err(Refused::Extended);
        }
        let mut sooner = Self { policy: policy.clone(), ..self.clone() };
        sooner.recompute(calendar);
        if sooner.due_at < self.due_at {
            let first = policy.first_response.map(|span| calendar.due(self.started_at, span, &[]));
            sooner.first_response_due_at = first.into_iter().chain(self.first_response_due_at).min();
            self = sooner;
        }
        self.urgency = Urgency::Urgent;
        self.version += 1;
        Ok(Some(self))
    }

    /// Another calendar is in force: what is promised still is computed with it, from the beginning. Steps
    /// that were taken stay, and are not taken again. Says whether a time has changed.
    #[must_use]
    pub fn recalculate(mut self, calendar: &Calendar) -> (Self, bool) {
        self.calendar = calendar.version();
        // What was promised before there were policies has no term.
        if self.ended_at.is_some() || self.policy.code.is_empty() {
            return (self, false);
        }
        let due_at = self.computed(calendar);
        let unheard = self.policy.first_response.filter(|_| self.first_response_at.is_none());
        let first =
            unheard.map(|span| calendar.due(self.started_at, span, &[])).or(self.first_response_due_at);
        let changed = (due_at, first) != (self.due_at, self.first_response_due_at);
        if changed {
            (self.due_at, self.first_response_due_at) = (due_at, first);
            self.version += 1;
        }
        (self, changed)
    }

    /// It has its answer.
    #[must_use]
    pub fn end(mut self, at: DateTime<Utc>) -> Self {
        self.responded(at);
        self.ended_at.get_or_insert(at);
        self
    }

    /// The next step, and when it is reached; `None`: the clock stands or has ended, or all are.
    pub fn next_step(&self, rules: &Rules) -> Option<(Step, DateTime<Utc>)> {
        if self.ended_at.is_some() || self.paused().is_some() {
            return None;
        }
        let calendar = &rules.calendar;
        let escalate = Duration::hours(rules.warning.escalate_hours_after.into());
        let near = calendar.before(self.due_at, rules.warning.hours_before, self.started_at);
        let unheard = self.first_response_due_at.filter(|_| self.first_response_at.is_none());
        let steps = [
            Some((Step::Near, near)),
            unheard.map(|at| (Step::FirstResponseMissed, at)),
            Some((Step::Due, self.due_at)),
            Some((Step::Escalated, calendar.after(self.due_at, escalate, &[]))),
        ];
        let open = steps.into_iter().flatten().filter(|(step, _)| !self.steps.contains(step));
        open.min_by_key(|(_, at)| *at)
    }

    /// Takes the next step, if its time has come.
    pub fn step(mut self, rules: &Rules, now: DateTime<Utc>) -> Option<(Self, Step)> {
        let (step, _) = self.next_step(rules).filter(|(_, at)| *at <= now)?;
        self.steps.push(step);
        self.version += 1;
        Some((self, step))
    }

    /// How much more it may be extended, in the unit of its term.
    pub fn extension_left(&self) -> u32 {
        let max = self.policy.extension_max.map_or(0, Span::number);
        max.saturating_sub(self.extended_by())
    }

    /// `None`: it has not ended.
    pub fn ending(&self) -> Option<Ending> {
        let over = self.is_over(self.ended_at?);
        Some(match (self.extensions.is_empty(), over) {
            (true, false) => Ending::OnTime,
            (true, true) => Ending::Late,
            (false, false) => Ending::ExtendedOnTime,
            (false, true) => Ending::ExtendedLate,
        })
    }

    /// Worked time until the deadline; while the clock stands, from when it stopped.
    pub fn left(&self, calendar: &Calendar, now: DateTime<Utc>) -> Duration {
        let from = self.paused().map_or(now, |pause| pause.since);
        calendar.worked(from, self.due_at)
    }

    /// The public snapshot.
    pub fn snapshot(&self, leader: &str) -> v1::Deadline {
        let paused = self.paused();
        let escalated = self.steps.contains(&Step::Escalated);
        let step = self.steps.last().copied().map_or(v1::DeadlineStep::Unspecified, Into::into);
        v1::Deadline {
            version: self.version,
            round: self.round,
            due_at: Some(api::timestamp(self.due_at)),
            first_response_due_at: self.first_response_due_at.map(api::timestamp),
            first_response_at: self.first_response_at.map(api::timestamp),
            paused_at: paused.map(|pause| api::timestamp(pause.since)),
            waits_for: paused.map_or(v1::WaitsFor::Unspecified, |pause| pause.waits_for.into()).into(),
            pause_reason: paused.map(|pause| pause.reason.clone()).unwrap_or_default(),
            extensions: u32::try_from(self.extensions.len()).unwrap_or(u32::MAX),
            extension_reason: self.extensions.last().map(|last| last.reason.clone()).unwrap_or_default(),
            step: step.into(),
            leader: if escalated { leader.to_owned() } else { String::new() },
            policy: self.policy.code.clone(),
            basis: self.policy.basis.clone(),
        }
    }

    /// Whether the term was over then; while the clock stands, when it stopped.
    fn is_over(&self, at: DateTime<Utc>) -> bool {
        self.paused().map_or(at, |pause| pause.since.min(at)) > self.due_at
    }

    fn runs(&self) -> Result<(), Refused> {
        if self.ended_at.is_some() { Err(Refused::Ended) } else { Ok(()) }
    }

    fn responded(&mut self, at: DateTime<Utc>) {
        self.first_response_at.get_or_insert(at);
    }

    fn extended_by(&self) -> u32 {
        self.extensions.iter().map(|extension| extension.number).sum()
    }

    fn computed(&self, calendar: &Calendar) -> DateTime<Utc> {
        let stop = |pause: &Pause| Some(Stop { since: pause.since, until: pause.until? });
        let stops: Vec<Stop> = self.pauses.iter().filter_map(stop).collect();
        let term = self.policy.answer;
        calendar.due(self.started_at, term.of(term.number() + self.extended_by()), &stops)
    }

    fn recompute(&mut self, calendar: &Calendar) {
        self.calendar = calendar.version();
        let due_at = self.computed(calendar);
        if due_at != self.due_at {
            self.due_at = due_at;
            // What was said of the old deadline is said anew of the new one.
            self.steps.retain(|step| *step == Step::FirstResponseMissed);
        }
    }
}

impl Step {
    /// For metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::FirstResponseMissed => "first_response_missed",
            Self::Due => "due",
            Self::Escalated => "escalated",
        }
    }
}

impl From<WaitsFor> for v1::WaitsFor {
    fn from(waits_for: WaitsFor) -> Self {
        match waits_for {
            WaitsFor::Asker => Self::Asker,
            WaitsFor::OtherBody => Self::OtherBody,
        }
    }
}

impl From<Step> for v1::DeadlineStep {
    fn from(step: Step) -> Self {
        match step {
            Step::Near => Self::Near,
            Step::FirstResponseMissed => Self::FirstResponseMissed,
            Step::Due => Self::Due,
            Step::Escalated => Self::Escalated,
        }
    }
}

impl From<Ending> for v1::DeadlineEnding {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::OnTime => Self::OnTime,
            Ending::Late => Self::Late,
            Ending::ExtendedOnTime => Self::ExtendedOnTime,
            Ending::ExtendedLate => Self::ExtendedLate,
        }
    }
}

#[cfg(test)]
mod tests;
