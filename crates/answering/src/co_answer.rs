//! A second unit's part of an answer (phối hợp). The question stays with its holder. Pure.

use api::{TicketId, answering::v1::CoAnswerState};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::answer::{self, Answer, Refused};

#[derive(Debug, Clone, PartialEq)]
pub struct CoAnswer {
    pub id: Uuid,
    pub ticket_id: TicketId,
    /// How often the question had been reopened.
    pub round: u32,
    /// Who is asked.
    pub unit: String,
    /// Who asked.
    pub holder: String,
    pub request: String,
    pub asked_by: String,
    pub asked_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    pub state: State,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Asked,
    Ended {
        how: How,
        /// The officer; empty: by itself.
        by: String,
        at: DateTime<Utc>,
        /// What was given, or why it was not.
        text: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Given,
    /// The unit has no part in it.
    Declined,
    /// The holder does not need it any more.
    Withdrawn,
    /// The question was answered or withdrawn, or came to the unit itself.
    Lapsed,
}

/// What a holder asks for.
#[derive(Debug, Clone)]
pub struct Asking {
    pub id: Uuid,
    pub unit: String,
    pub request: String,
    /// `None`: the question's own.
    pub due_at: Option<DateTime<Utc>>,
    /// The question's version that the officer saw.
    pub seen: u32,
    pub by: String,
    pub at: DateTime<Utc>,
}

/// A unit was asked, now or before with the same words.
#[derive(Debug, PartialEq)]
pub enum Asked {
    Now(CoAnswer),
    Before(CoAnswer),
}

/// Why a unit was not asked.
#[derive(Debug, PartialEq, Eq)]
pub enum NotAsked {
    Refused(Refused),
    Itself,
    /// It is asked with other words.
    Already,
    /// So many are asked or have given their part.
    TooMany(u32),
    DueOutOfRange,
}

/// It has ended another way.
#[derive(Debug, PartialEq, Eq)]
pub struct NotEnded;

impl CoAnswer {
    /// `before`: all that were asked for about the question.
    pub fn ask(answer: &Answer, before: &[Self], asking: Asking, max: u32) -> Result<Asked, NotAsked> {
        if answer.state != answer::State::Drafted {
            return Err(NotAsked::Refused(Refused::NotDrafted));
        }
        let open = before.iter().find(|asked| asked.unit == asking.unit && asked.state == State::Asked);
        match open {
            Some(open) if open.request == asking.request => return Ok(Asked::Before(open.clone())),
            Some(_) => return Err(NotAsked::Already),
            None => {}
        }
        if asking.seen != answer.version {
            return Err(NotAsked::Refused(Refused::Stale(answer.version)));
        }
        if asking.unit == answer.custody.unit {
            return Err(NotAsked::Itself);
        }
        let round = u32::try_from(answer.question.follow_ups.len()).unwrap_or(u32::MAX);
        let counts = |asked: &&Self| asked.round == round && asked.takes_part();
        if before.iter().filter(counts).count() >= max as usize {
            return Err(NotAsked::TooMany(max));
        }
        let own = answer.custody.due_at;
        if asking.due_at.is_some_and(|due_at| due_at <= asking.at || due_at > own) {
            return Err(NotAsked::DueOutOfRange);
        }
        Ok(Asked::Now(Self {
            id: asking.id,
            ticket_id: answer.ticket_id,
            round,
            unit: asking.unit,
            holder: answer.custody.unit.clone(),
            request: asking.request,
            asked_by: asking.by,
            asked_at: asking.at,
            due_at: asking.due_at.unwrap_or(own),
            state: State::Asked,
        }))
    }

    /// `None`: it ended so before.
    pub fn end(
        mut self,
        how: How,
        by: &str,
        text: String,
        at: DateTime<Utc>,
    ) -> Result<Option<Self>, NotEnded> {
        match &self.state {
            State::Asked => {}
            State::Ended { how: before, text: said, .. } if *before == how && *said == text => {
                return Ok(None);
            }
            State::Ended { .. } => return Err(NotEnded),
        }
        self.state = State::Ended { how, by: by.to_owned(), at, text };
        Ok(Some(self))
    }

    /// Nobody needs it any more: the question is answered, or its unit has the question itself. `None`: it
    /// goes on, or has ended.
    pub fn lapse(self, answer: &Answer, at: DateTime<Utc>) -> Option<Self> {
        let over = matches!(answer.state, answer::State::Approved { .. } | answer::State::Withdrawn { .. });
        if !over && self.unit != answer.custody.unit {
            return None;
        }
        self.end(How::Lapsed, "", String::new(), at).ok().flatten()
    }

    fn takes_part(&self) -> bool {
        matches!(self.state, State::Asked | State::Ended { how: How::Given, .. })
    }

    pub fn wire_state(&self) -> CoAnswerState {
        match &self.state {
            State::Asked => CoAnswerState::Asked,
            State::Ended { how, .. } => (*how).into(),
        }
    }
}

impl From<How> for CoAnswerState {
    fn from(how: How) -> Self {
        match how {
            How::Given => Self::Given,
            How::Declined => Self::Declined,
            How::Withdrawn => Self::Withdrawn,
            How::Lapsed => Self::Lapsed,
        }
    }
}

#[cfg(test)]
mod tests;
