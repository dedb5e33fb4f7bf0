//! Which unit has a question. Pure. Facts may come twice and out of order: within an edition of the
//! question (asked, amended, reopened) an answer ends the matter, and other facts count only if newer.

use api::{
    TicketId,
    intake::v1::Question,
    routing::v1::{self, DeadlineChange, DeadlineChanged, DeadlineReached, QuestionRouted, RoutingReason},
};
use chrono::{DateTime, Utc};

use crate::{
    choice::Choice,
    deadline::Deadline,
    moves::{Binding, Moves},
    organisation::Organisation,
    policy::{Case, Rules, Urgency},
    suggestion::Suggestion,
};

#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    pub ticket_id: TicketId,
    pub version: u32,
    pub question: Question,
    pub agency: String,
    pub unit: String,
    pub field: String,
    pub reason: RoutingReason,
    pub deadline: Deadline,
    pub routed_at: DateTime<Utc>,
    /// It has its answer, or needs none: then it is `withdrawn`.
    pub answered: bool,
    pub withdrawn: bool,
    /// How often units have handed it on in this round.
    pub moves: u32,
    pub binding: Binding,
    /// The units that routing thought of when the question came, the likeliest first.
    pub suggestions: Vec<Suggestion>,
}

/// A question's deadline, and who has the question: what a change of its deadline tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Clocked {
    pub ticket_id: TicketId,
    pub agency: String,
    pub unit: String,
    pub field: String,
    pub deadline: Deadline,
}

impl Clocked {
    /// That a person, or another calendar, changed its deadline.
    pub fn changed(
        &self,
        change: DeadlineChange,
        organisation: &Organisation,
        at: DateTime<Utc>,
    ) -> DeadlineChanged {
        DeadlineChanged {
            ticket_id: self.ticket_id.to_string(),
            version: self.deadline.version,
            change: change.into(),
            deadline: Some(self.deadline.snapshot(organisation.leader(&self.unit))),
            agency: self.agency.clone(),
            unit: self.unit.clone(),
            unit_name: organisation.unit(&self.unit).map(|unit| unit.name.clone()).unwrap_or_default(),
            field: self.field.clone(),
            changed_at: Some(api::timestamp(at)),
        }
    }
}

impl From<&Assignment> for Clocked {
    fn from(assignment: &Assignment) -> Self {
        Self {
            ticket_id: assignment.ticket_id,
            agency: assignment.agency.clone(),
            unit: assignment.unit.clone(),
            field: assignment.field.clone(),
            deadline: assignment.deadline.clone(),
        }
    }
}

/// Why a unit could not be assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAssigned {
    /// Another unit has it by now.
    Moved,
    Answered,
    /// The arbiter has decided.
    Bound,
}

/// What the unit that had it said.
pub struct GivenBack<'a> {
    pub from: &'a str,
    /// Empty: it knows no owner.
    pub suggested: &'a str,
    /// It had it rightly.
    pub forwarded: bool,
}

impl Assignment {
    /// The first routing of a question whose newest fact has `version`.
    pub fn first(
        ticket_id: TicketId,
        version: u32,
        question: Question,
        choice: &Choice,
        organisation: &Organisation,
        rules: &Rules,
        at: DateTime<Utc>,
    ) -> Self {
        // The law counts from the asking, however long it took to get here.
        let asked_at = api::time(question.submitted_at.as_ref()).unwrap_or(at);
        let assignment = Self {
            ticket_id,
            version,
            agency: String::new(),
            unit: String::new(),
            field: String::new(),
            reason: RoutingReason::Unspecified,
            deadline: clock(&question, choice, organisation, rules, asked_at, 1),
            question,
            routed_at: at,
            answered: false,
            withdrawn: false,
            moves: 0,
            binding: Binding::Free,
            suggestions: Vec::new(),
        };
        assignment.moved(choice, organisation, at)
    }

    /// A person who saw it with the unit `from` (empty: whichever) assigns one. `None`: it has it already. The
    /// deadline stays: the asker was told. Where the arbiter is to decide, that is its decision; what it has decided
    /// only an operator undoes.
    pub fn assign(
        mut self,
        from: &str,
        unit: &str,
        by_operator: bool,
        organisation: &Organisation,
        at: DateTime<Utc>,
    ) -> Result<Option<Self>, NotAssigned> {
        if self.answered {
            return Err(NotAssigned::Answered);
        }
        if self.unit == unit {
            return Ok(None);
        }
        if !from.is_empty() && from != self.unit {
            return Err(NotAssigned::Moved);
        }
        let reason = match self.binding {
            Binding::Bound if !by_operator => return Err(NotAssigned::Bound),
            Binding::Bound | Binding::Free => RoutingReason::Assigned,
            Binding::Arbiter => RoutingReason::Arbitrated,
        };
        self.binding = if reason == RoutingReason::Arbitrated { Binding::Bound } else { Binding::Free };
        // A unit of one field is asked about that field.
        let field =
            organisation.only_field(unit).map_or_else(|| self.field.clone(), |only| only.code.clone());
        let choice = Choice { unit: unit.to_owned(), field, reason };
        Ok(Some(self.moved(&choice, organisation, at)))
    }

    /// A unit gave it back or handed it on. `None`: the fact is of the past.
    pub fn after_return(
        mut self,
        question: &Question,
        version: u32,
        given: &GivenBack<'_>,
        moves: &Moves,
        organisation: &Organisation,
        at: DateTime<Utc>,
    ) -> Option<Self> {
        if self.answered || question.edition() != self.question.edition() {
            return None;
        }
        if given.from != self.unit {
            // It was moved on meanwhile: it stays, and that is said again, newer than the return.
            self.version = self.version.max(version);
            let stays = self.stays();
            return Some(self.moved(&stays, organisation, at));
        }
        if version <= self.version {
            return None;
        }
        self.version = version;
        let choice = self.decide(given, moves, organisation);
        Some(self.moved(&choice, organisation, at))
    }

    /// Where it goes from the unit that has it: to the unit that this names or to the desk; after too many
    /// moves to the arbiter, whose word binds.
    fn decide(&mut self, given: &GivenBack<'_>, moves: &Moves, organisation: &Organisation) -> Choice {
        let named = organisation.unit(given.suggested).filter(|unit| unit.code != self.unit);
        let arbiter = moves.arbiter(&self.agency, organisation);
        match self.binding {
            Binding::Bound => return self.stays(),
            // The desk hands on what comes to it: that is no move.
            Binding::Free if self.unit == organisation.desk().code => {}
            Binding::Free if self.moves < moves.max => self.moves += 1,
            Binding::Free if arbiter != self.unit => {
                self.binding = Binding::Arbiter;
                let (unit, field) = (arbiter.to_owned(), self.field.clone());
                return Choice { unit, field, reason: RoutingReason::Arbiter };
            }
            // The arbiter itself had it.
            Binding::Free | Binding::Arbiter => {
                let Some(unit) = named else {
                    self.binding = Binding::Arbiter;
                    return Choice { reason: RoutingReason::Arbiter, ..self.stays() };
                };
                self.binding = Binding::Bound;
                let (unit, field) = (unit.code.clone(), self.field.clone());
                return Choice { unit, field, reason: RoutingReason::Arbitrated };
            }
        }
        let choice = Choice::after_return(&self.unit, given.suggested, &self.field, organisation);
        let reason = match choice.reason {
            // What the desk hands on it assigns, in whichever way.
            RoutingReason::Returned if self.unit == organisation.desk().code => RoutingReason::Assigned,
            RoutingReason::Returned if given.forwarded => RoutingReason::Forwarded,
            other => other,
        };
        Choice { reason, ..choice }
    }

    fn stays(&self) -> Choice {
        Choice { unit: self.unit.clone(), field: self.field.clone(), reason: self.reason }
    }

    /// The asker reopened it: back to the unit that answered, with a new deadline. `None`: the fact is
    /// of the past.
    pub fn reopen(
        mut self,
        question: Question,
        version: u32,
        answered_by: &str,
        organisation: &Organisation,
        rules: &Rules,
        at: DateTime<Utc>,
    ) -> Option<Self> {
        if question.follow_ups.len() <= self.round() {
            return None;
        }
        self.version = self.version.max(version);
        self.question = question;
        self.answered = false;
        self.withdrawn = false;
        let heir = organisation.heir(answered_by, &self.field);
        let unit = heir.map_or_else(|| self.unit.clone(), |unit| unit.code.clone());
        self.moves = 0;
        // A decision outlives the round, while its unit has the question.
        let bound = self.binding == Binding::Bound && unit == self.unit;
        self.binding = if bound { Binding::Bound } else { Binding::Free };
        let choice = Choice { unit, field: self.field.clone(), reason: RoutingReason::Reopened };
        let (version, begins) = (self.deadline.version + 1, self.after_its_end(at));
        self.deadline = clock(&self.question, &choice, organisation, rules, at, version);
        Some(self.moved(&choice, organisation, begins))
    }

    /// When custody begins again: what was ended is not held twice, in whichever order facts are heard.
    fn after_its_end(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        self.deadline.ended_at.map_or(at, |ended| at.max(ended))
    }

    /// Its unit is no more: a successor goes on with it, by the same deadline. `None`: there is nothing
    /// to follow.
    pub fn follow(self, organisation: &Organisation, at: DateTime<Utc>) -> Option<Self> {
        let heir = organisation.heir(&self.unit, &self.field)?;
        if self.answered || heir.code == self.unit {
            return None;
        }
        let choice =
            Choice { unit: heir.code.clone(), field: self.field.clone(), reason: RoutingReason::Reorganised };
        Some(self.moved(&choice, organisation, at))
    }

    /// The asker amended it: its unit goes on with it, by the same deadline, also if it has just answered
    /// what it asked before. `None`: the fact is of the past.
    pub fn amend(
        mut self,
        question: Question,
        version: u32,
        organisation: &Organisation,
        at: DateTime<Utc>,
    ) -> Option<Self> {
        if question.edition() <= self.question.edition() {
            return None;
        }
        self.version = self.version.max(version);
        self.question = question;
        self.answered = false;
        let begins = self.after_its_end(at);
        self.deadline.ended_at = None;
        let stays = self.stays();
        Some(self.moved(&stays, organisation, begins))
    }

    /// The asker withdrew it. `None`: it is answered, or the fact is of the past.
    pub fn withdraw(mut self, question: Question, version: u32, at: DateTime<Utc>) -> Option<Self> {
        let (edition, before) = (question.edition(), self.question.edition());
        if edition < before || (edition == before && self.answered) {
            return None;
        }
        self.question = question;
        self.answered = true;
        self.withdrawn = true;
        self.deadline.ended_at = Some(at);
        self.version = self.version.max(version);
        Some(self)
    }

    /// It has its answer, also if the asker withdrew it at the same moment. `None`: the fact is of the past.
    pub fn answer(mut self, question: &Question, version: u32, at: DateTime<Utc>) -> Option<Self> {
        let answered = self.answered && !self.withdrawn;
        if answered || question.edition() != self.question.edition() {
            return None;
        }
        if self.withdrawn {
            self.withdrawn = false;
            self.deadline.ended_at = None;
        }
        self.answered = true;
        self.deadline = self.deadline.end(at);
        self.version = self.version.max(version);
        Some(self)
    }

    pub fn routed(&self, organisation: &Organisation, moves: &Moves) -> QuestionRouted {
        QuestionRouted {
            ticket_id: self.ticket_id.to_string(),
            version: self.version,
            question: Some(self.question.clone()),
            agency: self.agency.clone(),
            unit: self.unit.clone(),
            unit_name: organisation.unit(&self.unit).map(|unit| unit.name.clone()).unwrap_or_default(),
            field: self.field.clone(),
            reason: self.reason.into(),
            due_at: Some(api::timestamp(self.deadline.due_at)),
            routed_at: Some(api::timestamp(self.routed_at)),
            deadline: Some(self.deadline.snapshot(organisation.leader(&self.unit))),
            binding: v1::Binding::from(self.binding).into(),
            moves: self.moves,
            moves_max: moves.max,
        }
    }

    /// That the last step of its deadline was reached.
    pub fn deadline_reached(&self, organisation: &Organisation, at: DateTime<Utc>) -> DeadlineReached {
        let deadline = self.deadline.snapshot(organisation.leader(&self.unit));
        DeadlineReached {
            ticket_id: self.ticket_id.to_string(),
            version: self.deadline.version,
            step: deadline.step,
            deadline: Some(deadline),
            agency: self.agency.clone(),
            unit: self.unit.clone(),
            unit_name: organisation.unit(&self.unit).map(|unit| unit.name.clone()).unwrap_or_default(),
            field: self.field.clone(),
            reached_at: Some(api::timestamp(at)),
        }
    }

    fn round(&self) -> usize {
        self.question.follow_ups.len()
    }

    fn moved(mut self, choice: &Choice, organisation: &Organisation, at: DateTime<Utc>) -> Self {
        self.version += 1;
        self.agency = organisation.unit(&choice.unit).map(|unit| unit.agency.clone()).unwrap_or_default();
        self.unit.clone_from(&choice.unit);
        self.field.clone_from(&choice.field);
        self.reason = choice.reason;
        // Clocks of machines differ a little; custody never overlaps.
        self.routed_at = at.max(self.routed_at);
        self
    }
}

/// The clock that begins where a question goes.
fn clock(
    question: &Question,
    choice: &Choice,
    organisation: &Organisation,
    rules: &Rules,
    at: DateTime<Utc>,
    version: u32,
) -> Deadline {
    let agency = organisation.unit(&choice.unit).map_or("", |unit| unit.agency.as_str());
    let case = Case { kind: question.kind(), urgency: Urgency::Normal, field: &choice.field, agency };
    Deadline::start(rules, &case, question, at, version)
}

#[cfg(test)]
mod tests;
