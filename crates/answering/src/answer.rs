//! The answer and its states. Pure: no async, no SQL, no clock.
//!
//! Facts may come twice and out of order: within an edition of the question (asked, amended, reopened)
//! an approved answer ends the matter, as a withdrawal does, and a routing counts only if newer.

use api::{
    TicketId,
    answering::v1::{AnswerApproved, AnswerDrafted, QuestionReturned},
    intake::v1::{Citation, Question},
    knowledge::v1::{Band, Neighbour, Verdict},
    routing::v1::{Binding, Deadline},
};
use chrono::{DateTime, Utc};

use crate::{automation::Mode, review::Review};

#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub ticket_id: TicketId,
    pub version: u32,
    /// The newest routing's. Routing does not hear of drafts, so its facts are compared with its own.
    pub routed_version: u32,
    pub question: Question,
    pub custody: Custody,
    /// As last heard; version 0: promised before there were policies.
    pub deadline: Deadline,
    pub draft: Draft,
    /// What became of the draft without a hand.
    pub automation: Mode,
    /// What was submitted to a second person.
    pub review: Option<Review>,
    pub state: State,
}

/// Who is to answer, by when.
#[derive(Debug, Clone, PartialEq)]
pub struct Custody {
    pub unit: String,
    pub unit_name: String,
    pub field: String,
    pub due_at: DateTime<Utc>,
    /// Whether the unit may hand it on.
    pub binding: Binding,
}

/// What a unit says when it gives a question away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    pub reason: String,
    /// The unit that should have it; empty: none is known.
    pub unit: String,
    /// Why none is.
    pub no_owner_reason: String,
    /// The unit had it rightly and hands it on.
    pub forwarded: bool,
}

/// What the officer starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Empty unless the verdict is `reuse`.
    pub text: String,
    pub verdict: Verdict,
    pub sources: Vec<Neighbour>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Drafted,
    Approved {
        by: String,
        at: DateTime<Utc>,
        text: String,
        citations: Vec<Citation>,
        /// The family's centre whose answer it was given.
        with: Option<TicketId>,
    },
    Returned {
        by: String,
        at: DateTime<Utc>,
        hand_over: HandOver,
    },
    /// The asker needs no answer any more.
    Withdrawn {
        at: DateTime<Utc>,
    },
}

/// Who approves what is sent without a hand.
const SENT_BY: &str = "motcua";

/// Why an officer's step was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not waiting for an officer any more.
    NotDrafted,
    /// It changed since the officer saw it; the version it has now.
    Stale(u32),
    /// Not one of the draft's sources.
    UnknownSource(String),
    /// Given back without a better owner, or why none is known.
    OwnerNotNamed,
    /// To the unit that has it.
    ToItself,
    /// An arbiter names a unit, or answers.
    ArbiterDecides,
    /// The arbiter decided for the unit: it answers.
    Bound,
    /// Nothing was submitted that a second person may approve.
    ReviewMissing,
    /// Who submitted it is not the second person.
    ReviewerIsAuthor,
    /// It is not what was submitted.
    ReviewTextChanged,
}

impl Draft {
    /// From the verdict: the best source's answer if it may be reused.
    pub fn from_verdict(question: &Question, verdict: Verdict, sources: Vec<Neighbour>) -> Self {
        let verdict = if question.follow_ups.is_empty() { verdict } else { second_time(verdict) };
        let text = match (verdict.band(), sources.first()) {
            (Band::Reuse, Some(best)) => best.answer.clone(),
            _ => String::new(),
        };
        Self { text, verdict, sources }
    }
}

/// A reopened question is never answered from the store alone: what was stored did not help.
fn second_time(mut verdict: Verdict) -> Verdict {
    if verdict.band() == Band::Reuse {
        verdict.set_band(Band::Suggest);
    }
    verdict.reasons.push("Người hỏi chưa hài lòng với câu trả lời trước và đã hỏi lại".to_owned());
    verdict
}

impl Answer {
    /// A question that reached a unit for the first time; `version` is the routing's.
    pub fn draft(
        ticket_id: TicketId,
        version: u32,
        question: Question,
        custody: Custody,
        draft: Draft,
    ) -> Self {
        Self {
            ticket_id,
            version: version + 1,
            routed_version: version,
            question,
            custody,
            deadline: Deadline::default(),
            draft,
            automation: Mode::Off,
            review: None,
            state: State::Drafted,
        }
    }

    /// It was routed again, amended or reopened. `None`: the fact is of the past.
    pub fn reroute(
        mut self,
        version: u32,
        question: Question,
        custody: Custody,
        draft: Draft,
    ) -> Option<Self> {
        let (edition, before) = (question.edition(), self.question.edition());
        let over = matches!(self.state, State::Approved { .. } | State::Withdrawn { .. });
        if edition < before || (edition == before && (over || version <= self.routed_version)) {
            return None;
        }
        self.version = self.version.max(version) + 1;
        self.routed_version = version;
        self.question = question;
        self.custody = custody;
        self.draft = draft;
        self.automation = Mode::Off;
        self.review = None;
        self.state = State::Drafted;
        Some(self)
    }

    /// The asker withdrew it. `None`: an approval was first, or the fact is of the past.
    pub fn withdraw(mut self, question: Question, version: u32, at: DateTime<Utc>) -> Option<Self> {
        let (edition, before) = (question.edition(), self.question.edition());
        let over = matches!(self.state, State::Approved { .. } | State::Withdrawn { .. });
        if edition < before || (edition == before && over) {
            return None;
        }
        self.version = self.version.max(version) + 1;
        self.question = question;
        self.review = None;
        self.state = State::Withdrawn { at };
        Some(self)
    }

    /// The deadline as a fact tells it, or as a newer one told it before. What the officer has seen
    /// stays seen.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Option<&Deadline>) -> Self {
        if let Some(deadline) = deadline.filter(|deadline| deadline.version > self.deadline.version) {
            self.deadline = deadline.clone();
        }
        if let Some(due_at) = api::time(self.deadline.due_at.as_ref()) {
            self.custody.due_at = due_at;
        }
        self
    }

    /// A source of its draft has changed. `None`: nothing waits for an officer, or the draft is the same.
    pub fn redraft(mut self, draft: Draft) -> Option<Self> {
        if self.state != State::Drafted || self.draft == draft {
            return None;
        }
        self.version += 1;
        self.draft = draft;
        self.automation = Mode::Off;
        Some(self)
    }

    /// Something beside the draft has changed: an officer must see it before approving.
    #[must_use]
    pub fn seen_anew(mut self) -> Self {
        self.version += 1;
        self
    }

    /// Publishes the draft as it is, without a hand. Only of an answer that was just drafted.
    #[must_use]
    pub fn send(mut self, at: DateTime<Utc>) -> Self {
        let citations = self.draft.sources.first().map(citation).into_iter().collect();
        self.version += 1;
        self.automation = Mode::On;
        let text = self.draft.text.clone();
        self.state = State::Approved { by: SENT_BY.to_owned(), at, text, citations, with: None };
        self
    }

    /// Whether what is published was sent without a hand.
    pub fn is_automatic(&self) -> bool {
        self.automation == Mode::On && matches!(self.state, State::Approved { with: None, .. })
    }

    /// Publishes `text`. `None`: the same approval was made before.
    pub fn approve(
        mut self,
        seen: u32,
        by: &str,
        text: String,
        source_ids: &[String],
        at: DateTime<Utc>,
    ) -> Result<Option<Self>, Refused> {
        match &self.state {
            State::Drafted => {}
            State::Approved { text: before, .. } if *before == text && seen < self.version => {
                return Ok(None);
            }
            State::Approved { .. } | State::Returned { .. } | State::Withdrawn { .. } => {
                return Err(Refused::NotDrafted);
            }
        }
        if seen != self.version {
            return Err(Refused::Stale(self.version));
        }
        let citations = self.citations(source_ids)?;
        self.version += 1;
        self.state = State::Approved { by: by.to_owned(), at, text, citations, with: None };
        Ok(Some(self))
    }

    /// The family's centre was answered, and so is this member. `None`: it does not wait any more.
    pub fn answer_with(mut self, centre: &AnswerApproved, by: &str, at: DateTime<Utc>) -> Option<Self> {
        if self.state != State::Drafted {
            return None;
        }
        self.version += 1;
        self.state = State::Approved {
            by: by.to_owned(),
            at,
            text: centre.text.clone(),
            citations: centre.citations.clone(),
            with: centre.ticket_id.parse().ok(),
        };
        Some(self)
    }

    /// Publishes what a working group outside answered; it never saw the draft. `None`: it does not wait
    /// any more.
    pub fn relay(mut self, by: &str, text: String, at: DateTime<Utc>) -> Option<Self> {
        if self.state != State::Drafted {
            return None;
        }
        self.version += 1;
        self.state = State::Approved { by: by.to_owned(), at, text, citations: Vec::new(), with: None };
        Some(self)
    }

    /// Gives it back to routing, or hands it on. `None`: the same was done before. `seen` 0: not compared,
    /// unless it is handed on.
    pub fn hand_over(
        mut self,
        seen: u32,
        by: &str,
        hand_over: HandOver,
        at: DateTime<Utc>,
    ) -> Result<Option<Self>, Refused> {
        match &self.state {
            State::Drafted => {}
            State::Returned { hand_over: before, .. } if *before == hand_over => return Ok(None),
            State::Approved { .. } | State::Returned { .. } | State::Withdrawn { .. } => {
                return Err(Refused::NotDrafted);
            }
        }
        if (seen != 0 || hand_over.forwarded) && seen != self.version {
            return Err(Refused::Stale(self.version));
        }
        if hand_over.unit == self.custody.unit {
            return Err(Refused::ToItself);
        }
        match self.custody.binding {
            Binding::Bound => return Err(Refused::Bound),
            Binding::Arbiter if hand_over.unit.is_empty() => return Err(Refused::ArbiterDecides),
            Binding::Arbiter | Binding::Unspecified => {}
        }
        if hand_over.unit.is_empty() && hand_over.no_owner_reason.is_empty() {
            return Err(Refused::OwnerNotNamed);
        }
        self.version += 1;
        self.state = State::Returned { by: by.to_owned(), at, hand_over };
        Ok(Some(self))
    }

    /// The named sources; if none is named, the one the draft was made from.
    pub fn citations(&self, source_ids: &[String]) -> Result<Vec<Citation>, Refused> {
        if source_ids.is_empty() {
            let made_from = self.draft.sources.first().filter(|_| !self.draft.text.is_empty());
            return Ok(made_from.map(citation).into_iter().collect());
        }
        let stranger = source_ids.iter().find(|id| self.draft.sources.iter().all(|source| source.id != **id));
        if let Some(id) = stranger {
            return Err(Refused::UnknownSource(id.clone()));
        }
        // Each source once, however often it is named: a fact must stay small.
        Ok(self.draft.sources.iter().filter(|source| source_ids.contains(&source.id)).map(citation).collect())
    }

    pub fn drafted(&self, at: DateTime<Utc>) -> AnswerDrafted {
        AnswerDrafted {
            ticket_id: self.ticket_id.to_string(),
            version: self.version,
            unit: self.custody.unit.clone(),
            field: self.custody.field.clone(),
            band: self.draft.verdict.band,
            probability: self.draft.verdict.probability,
            sources: self.draft.sources.iter().map(citation).collect(),
            drafted_at: Some(api::timestamp(at)),
        }
    }

    /// The fact of the approval; `None` in any other state.
    pub fn approved(&self) -> Option<AnswerApproved> {
        let State::Approved { at, text, citations, with, .. } = &self.state else { return None };
        Some(AnswerApproved {
            ticket_id: self.ticket_id.to_string(),
            version: self.version,
            question: Some(self.question.clone()),
            text: text.clone(),
            citations: citations.clone(),
            unit: self.custody.unit.clone(),
            unit_name: self.custody.unit_name.clone(),
            field: self.custody.field.clone(),
            due_at: Some(api::timestamp(self.custody.due_at)),
            approved_at: Some(api::timestamp(*at)),
            centre_ticket_id: with.map(|centre_id| centre_id.to_string()).unwrap_or_default(),
            draft_use: None,
            automatic: self.is_automatic(),
        })
    }

    /// The fact of the return; `None` in any other state.
    pub fn returned(&self) -> Option<QuestionReturned> {
        let State::Returned { at, hand_over, .. } = &self.state else { return None };
        Some(QuestionReturned {
            ticket_id: self.ticket_id.to_string(),
            version: self.version,
            question: Some(self.question.clone()),
            unit: self.custody.unit.clone(),
            unit_name: self.custody.unit_name.clone(),
            field: self.custody.field.clone(),
            reason: hand_over.reason.clone(),
            suggested_unit: hand_over.unit.clone(),
            returned_at: Some(api::timestamp(*at)),
            forwarded: hand_over.forwarded,
            no_owner_reason: hand_over.no_owner_reason.clone(),
        })
    }
}

fn citation(source: &Neighbour) -> Citation {
    Citation { id: source.id.clone(), title: source.question.clone(), source: source.source.clone() }
}

#[cfg(test)]
mod tests;
