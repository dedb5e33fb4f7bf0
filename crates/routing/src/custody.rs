//! Who has had a question, and for how long: computed from its hand-offs. Pure.

use api::routing::v1::RoutingReason;
use chrono::{DateTime, Duration, Utc};

use crate::{assignment::Assignment, calendar::Calendar, deadline::Pause};

/// A question came to a unit, or left the last one with its answer. Never changed once kept.
#[derive(Debug, Clone, PartialEq)]
pub struct HandOff {
    pub round: u32,
    /// Empty: it is answered, and nobody has it.
    pub to: String,
    pub reason: RoutingReason,
    pub words: Words,
    pub at: DateTime<Utc>,
    /// Of the round that ends with it: when its clock stood.
    pub pauses: Vec<Pause>,
}

/// What a person said with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    pub reason: String,
    /// Why no better owner is known.
    pub no_owner_reason: String,
    /// The dispatcher; empty: a unit, or nobody.
    pub by: String,
}

/// A unit's time with a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Period {
    pub hand_off: HandOff,
    /// `None`: it has it.
    pub until: Option<DateTime<Utc>>,
    /// Worked time, without that in which the clock stood.
    pub worked: Duration,
}

impl HandOff {
    /// `None`: it is where it was.
    pub fn between(before: Option<&Assignment>, after: &Assignment, words: Words) -> Option<Self> {
        let place = |of: &Assignment| (of.unit.clone(), of.answered, of.deadline.round);
        if before.is_some_and(|before| place(before) == place(after)) {
            return None;
        }
        let of_round = |of: &Assignment| of.deadline.round;
        let ended = after.deadline.ended_at.filter(|_| after.answered);
        let at = ended.unwrap_or(after.routed_at).max(after.routed_at);
        let (to, reason, pauses) = if after.answered {
            (String::new(), RoutingReason::Unspecified, after.deadline.pauses.clone())
        } else {
            // Reopened before the answer was heard of: the round ends with this.
            let past = before.filter(|before| !before.answered && of_round(before) < of_round(after));
            (
                after.unit.clone(),
                after.reason,
                past.map_or_else(Vec::new, |past| past.deadline.pauses.clone()),
            )
        };
        Some(Self { round: of_round(after), to, reason, words, at, pauses })
    }
}

/// The periods of all rounds, from the hand-offs in order; `pauses` are the present round's.
pub fn periods(
    hand_offs: &[HandOff],
    pauses: &[Pause],
    calendar: &Calendar,
    now: DateTime<Utc>,
) -> Vec<Period> {
    let mut periods = Vec::new();
    for (n, hand_off) in hand_offs.iter().enumerate().filter(|(_, hand_off)| !hand_off.to.is_empty()) {
        let until = hand_offs.get(n + 1).map(|next| next.at);
        let end = hand_offs[n + 1..].iter().find(|next| next.to.is_empty() || next.round > hand_off.round);
        let stood = end.map_or(pauses, |end| &end.pauses);
        let worked = running(calendar, hand_off.at, until.unwrap_or(now), stood);
        periods.push(Period { hand_off: hand_off.clone(), until, worked });
    }
    periods
}

/// Worked time from `since` to `until` without the pauses.
fn running(calendar: &Calendar, since: DateTime<Utc>, until: DateTime<Utc>, pauses: &[Pause]) -> Duration {
    let stood = pauses.iter().map(|pause| {
        let (from, to) = (pause.since.max(since), pause.until.unwrap_or(until).min(until));
        calendar.worked(from, to.max(from))
    });
    calendar.worked(since, until.max(since)) - stood.sum::<Duration>()
}

#[cfg(test)]
mod tests;
