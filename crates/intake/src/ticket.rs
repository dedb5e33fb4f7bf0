//! The ticket and its states. Pure: no async, no SQL, no clock.
//!
//! Facts may arrive twice and out of order. An answer is to one edition of the question, which the asker
//! makes by asking, amending or reopening: within it an answer ends the matter whatever its version,
//! also what was withdrawn meanwhile; other facts count only if newer.

use api::{
    TicketId,
    intake::v1::{Assurance, Citation, Kind, Question},
    routing::v1::{Deadline, WaitsFor},
};
use chrono::{DateTime, Utc};

use crate::place::Place;

#[derive(Debug, Clone, PartialEq)]
pub struct Ticket {
    pub ticket_id: TicketId,
    pub kind: Kind,
    pub text: String,
    /// The asker's choice, or empty.
    pub field: String,
    pub follow_ups: Vec<String>,
    /// How often the text was amended.
    pub revision: u32,
    /// Of a report only.
    pub place: Option<Place>,
    /// How sure it is who asked.
    pub assurance: Assurance,
    pub submitted_at: DateTime<Utc>,
    pub version: u32,
    /// Who has it, or had it last.
    pub custody: Custody,
    /// As last heard; version 0: promised before there were policies.
    pub deadline: Deadline,
    pub state: State,
}

/// The unit that has a ticket; empty before the first routing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Custody {
    pub field: String,
    pub unit: String,
    pub unit_name: String,
    pub due_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Waits for a unit; after a reopening it remembers the rating that reopened it.
    Received {
        reopened_by: Option<Rating>,
    },
    Routed {
        reopened_by: Option<Rating>,
    },
    Answered {
        answer: Answer,
    },
    Closed {
        answer: Answer,
        rating: Rating,
    },
    /// The asker withdrew it before it was answered.
    Withdrawn,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub text: String,
    pub citations: Vec<Citation>,
    pub answered_at: DateTime<Utc>,
    /// Sent without a hand.
    pub automatic: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rating {
    pub score: u32,
    /// Redacted.
    pub comment: String,
}

/// When a rating reopens the question.
#[derive(Debug, Clone, Copy)]
pub struct Reopening {
    /// Only a score at or below this does.
    pub score_max: u32,
    /// How often a question can be reopened: its follow-ups travel with every fact.
    pub times_max: usize,
}

/// What a rating did.
#[derive(Debug, PartialEq)]
pub enum Rated {
    Closed(Ticket),
    Reopened(Ticket),
    /// The same rating was given before.
    Already(Ticket),
}

/// Why a rating was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRated {
    NotAnswered,
    /// Another answer than the newest was meant.
    NotNewest,
    RatedBefore,
}

/// How often one question can be amended.
const REVISIONS_MAX: u32 = 20;

/// Why an asker's change was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotChanged {
    /// Or it was, and was reopened.
    Answered,
    Withdrawn,
    /// It changed since the asker saw it.
    Stale,
    TooOften,
    NothingAsked,
}

/// Why an answer could not be rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRejected {
    Unanswered,
    /// Another answer than the newest was meant.
    Older,
    /// A person wrote it: it is rated.
    Personal,
}

impl Ticket {
    pub fn receive(ticket_id: TicketId, kind: Kind, text: String, field: String, at: DateTime<Utc>) -> Self {
        Self {
            ticket_id,
            kind,
            text,
            field,
            follow_ups: Vec::new(),
            revision: 0,
            place: None,
            assurance: Assurance::Unspecified,
            submitted_at: at,
            version: 1,
            custody: Custody::default(),
            deadline: Deadline::default(),
            state: State::Received { reopened_by: None },
        }
    }

    /// The public snapshot.
    pub fn question(&self) -> Question {
        Question {
            kind: self.kind.into(),
            text: self.text.clone(),
            field: self.field.clone(),
            submitted_at: Some(api::timestamp(self.submitted_at)),
            follow_ups: self.follow_ups.clone(),
            place: self.place.map(Place::to_proto),
            revision: self.revision,
            assurance: self.assurance.into(),
        }
    }

    /// The number of the answer it has or waits for: 1, and one more after each reopening.
    pub fn answer_number(&self) -> u32 {
        u32::try_from(self.round()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// How often it was reopened.
    fn round(&self) -> usize {
        self.follow_ups.len()
    }

    /// Whether it waits for an answer.
    pub fn waits(&self) -> bool {
        matches!(self.state, State::Received { .. } | State::Routed { .. })
    }

    fn is(&self, question: &Question) -> bool {
        question.edition() == self.question().edition()
    }

    fn waits_in(&self, question: &Question) -> bool {
        self.waits() && self.is(question)
    }

    /// A unit has it. `None`: the fact is of the past.
    pub fn route(mut self, question: &Question, version: u32, custody: Custody) -> Option<Self> {
        if !self.waits_in(question) || version <= self.version {
            return None;
        }
        self.custody = custody;
        self.state = State::Routed { reopened_by: self.reopened_by() };
        self.version = version;
        Some(self)
    }

    /// The deadline as a fact tells it, or as a newer one told it before.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Option<&Deadline>) -> Self {
        if let Some(deadline) = deadline.filter(|deadline| deadline.version > self.deadline.version) {
            self.deadline = deadline.clone();
        }
        self.custody.due_at = api::time(self.deadline.due_at.as_ref()).or(self.custody.due_at);
        self
    }

    /// The deadline of the answer that it waits for.
    pub fn present_deadline(&self) -> Option<&Deadline> {
        let present = usize::try_from(self.deadline.round) == Ok(self.round()) && self.deadline.version > 0;
        (self.waits() && present).then_some(&self.deadline)
    }

    /// The unit gave it back. `None`: the fact is of the past.
    pub fn return_to_routing(mut self, question: &Question, version: u32) -> Option<Self> {
        if !self.waits_in(question) || version <= self.version {
            return None;
        }
        self.state = State::Received { reopened_by: self.reopened_by() };
        self.version = version;
        Some(self)
    }

    /// The answer is published, also of what the asker withdrew at the same moment. `None`: this edition
    /// has its answer, or the edition is of the past.
    pub fn answer(
        mut self,
        question: &Question,
        version: u32,
        custody: Custody,
        answer: Answer,
    ) -> Option<Self> {
        if !(self.waits() || self.state == State::Withdrawn) || !self.is(question) {
            return None;
        }
        self.custody = custody;
        self.version = self.version.max(version);
        self.state = State::Answered { answer };
        Some(self)
    }

    /// The asker's verdict on the answer with `number` (0: whichever is published); a low one with
    /// words reopens the question.
    pub fn rate(mut self, number: u32, rating: Rating, reopening: &Reopening) -> Result<Rated, NotRated> {
        let newest = number == 0 || number == self.answer_number();
        match self.state.clone() {
            State::Answered { .. } if !newest => Err(NotRated::NotNewest),
            State::Answered { answer } => {
                self.version += 1;
                let reopens = rating.score <= reopening.score_max && self.round() < reopening.times_max;
                if !reopens || rating.comment.is_empty() {
                    self.state = State::Closed { answer, rating };
                    return Ok(Rated::Closed(self));
                }
                self.version += 1;
                self.follow_ups.push(rating.comment.clone());
                self.state = State::Received { reopened_by: Some(rating) };
                Ok(Rated::Reopened(self))
            }
            State::Closed { rating: before, .. } if before == rating => Ok(Rated::Already(self)),
            State::Closed { .. } => Err(NotRated::RatedBefore),
            State::Received { reopened_by: Some(before) } | State::Routed { reopened_by: Some(before) }
                if before == rating =>
            {
                Ok(Rated::Already(self))
            }
            State::Received { .. } | State::Routed { .. } | State::Withdrawn => Err(NotRated::NotAnswered),
        }
    }

    /// The asker says that an automatic answer did not answer; `number` as for [`Self::rate`]. `None`:
    /// it was said before.
    pub fn reject(mut self, number: u32, follow_up: String) -> Result<Option<Self>, NotRejected> {
        match &self.state {
            State::Answered { answer } | State::Closed { answer, .. } => {
                if number != 0 && number != self.answer_number() {
                    return Err(NotRejected::Older);
                }
                if !answer.automatic {
                    return Err(NotRejected::Personal);
                }
                self.version += 1;
                self.follow_ups.push(follow_up);
                self.state = State::Received { reopened_by: None };
                Ok(Some(self))
            }
            State::Received { .. } | State::Routed { .. } | State::Withdrawn => {
                let same_answer = number == 0 || number.checked_add(1) == Some(self.answer_number());
                let said = self.follow_ups.last() == Some(&follow_up) && same_answer;
                if said { Ok(None) } else { Err(NotRejected::Unanswered) }
            }
        }
    }

    /// The asker amends the text; `seen`: the revision that was seen. Only before its first answer: later
    /// ones are asked for by rating.
    pub fn amend(mut self, seen: u32, text: String) -> Result<Self, NotChanged> {
        if !self.waits() || self.round() > 0 {
            return Err(self.not_waiting());
        }
        self.seen(seen)?;
        if self.revision >= REVISIONS_MAX {
            return Err(NotChanged::TooOften);
        }
        self.text = text;
        self.revision += 1;
        self.version += 1;
        self.state = State::Received { reopened_by: None };
        Ok(self)
    }

    /// The asker withdraws it. `None`: it was withdrawn before.
    pub fn withdraw(mut self, seen: u32) -> Result<Option<Self>, NotChanged> {
        if self.state == State::Withdrawn {
            return Ok(None);
        }
        if !self.waits() {
            return Err(NotChanged::Answered);
        }
        self.seen(seen)?;
        self.version += 1;
        self.state = State::Withdrawn;
        Ok(Some(self))
    }

    /// What an officer asks the asker for with the clock stopped, and by which version of the deadline.
    pub fn inquiry(&self) -> Option<(u32, &str)> {
        let deadline = self.present_deadline()?;
        let asks = deadline.paused_at.is_some() && deadline.waits_for() == WaitsFor::Asker;
        asks.then_some((deadline.version, deadline.pause_reason.as_str()))
    }

    /// The asker gives what was asked for; returns what that was.
    pub fn reply(mut self, inquiry: u32) -> Result<(Self, String), NotChanged> {
        let Some((version, asked)) = self.inquiry() else { return Err(NotChanged::NothingAsked) };
        if version != inquiry {
            return Err(NotChanged::Stale);
        }
        let asked = asked.to_owned();
        self.version += 1;
        Ok((self, asked))
    }

    fn seen(&self, revision: u32) -> Result<(), NotChanged> {
        if revision == self.revision { Ok(()) } else { Err(NotChanged::Stale) }
    }

    fn not_waiting(&self) -> NotChanged {
        if self.state == State::Withdrawn { NotChanged::Withdrawn } else { NotChanged::Answered }
    }

    /// The answer that is published now.
    pub fn published(&self) -> Option<&Answer> {
        match &self.state {
            State::Answered { answer } | State::Closed { answer, .. } => Some(answer),
            State::Received { .. } | State::Routed { .. } | State::Withdrawn => None,
        }
    }

    fn reopened_by(&self) -> Option<Rating> {
        match &self.state {
            State::Received { reopened_by } | State::Routed { reopened_by } => reopened_by.clone(),
            State::Answered { .. } | State::Closed { .. } | State::Withdrawn => None,
        }
    }
}

#[cfg(test)]
mod tests;
