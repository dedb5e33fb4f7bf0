//! Which unit has a question. Pure. Facts may come twice and out of order: within a round (the
//! number of follow-ups) an answer ends the matter, and other facts count only if newer.

use api::{
    TicketId,
    intake::v1::Question,
    routing::v1::{DeadlineChange, DeadlineChanged, DeadlineReached, QuestionRouted, RoutingReason},
};
use chrono::{DateTime, Utc};

use crate::{
    choice::Choice,
    deadline::Deadline,
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
    pub answered: bool,
    /// The units that routing thought of when the question came, the likeliest first.
    pub suggestions: Vec<Suggestion>,
}

/// Why a unit could not be assigned.
#[derive(Debug, PartialEq, Eq)]
pub struct AlreadyAnswered;

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
            suggestions: Vec::new(),
        };
        assignment.moved(choice, organisation, at)
    }

    /// A person assigns a unit. `None`: it has it already. The deadline stays: the asker was told.
    pub fn assign(
        self,
        unit: &str,
        organisation: &Organisation,
        at: DateTime<Utc>,
    ) -> Result<Option<Self>, AlreadyAnswered> {
        if self.answered {
            return Err(AlreadyAnswered);
        }
        if self.unit == unit {
            return Ok(None);
        }
        // A unit of one field is asked about that field.
        let field =
            organisation.only_field(unit).map_or_else(|| self.field.clone(), |only| only.code.clone());
        let choice = Choice { unit: unit.to_owned(), field, reason: RoutingReason::Assigned };
        Ok(Some(self.moved(&choice, organisation, at)))
    }

    /// The unit `from` gave it back. `None`: the fact is of the past.
    pub fn after_return(
        mut self,
        question: &Question,
        version: u32,
        from: &str,
        suggested: &str,
        organisation: &Organisation,
        at: DateTime<Utc>,
    ) -> Option<Self> {
        if self.answered || question.follow_ups.len() != self.round() {
            return None;
        }
        if from != self.unit {
            // It was moved on meanwhile: it stays, and that is said again, newer than the return.
            self.version = self.version.max(version);
            let stays = Choice { unit: self.unit.clone(), field: self.field.clone(), reason: self.reason };
            return Some(self.moved(&stays, organisation, at));
        }
        if version <= self.version {
            return None;
        }
        self.version = version;
        let choice = Choice::after_return(&self.unit, suggested, &self.field, organisation);
        Some(self.moved(&choice, organisation, at))
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
        let heir = organisation.heir(answered_by, &self.field);
        let unit = heir.map_or_else(|| self.unit.clone(), |unit| unit.code.clone());
        let choice = Choice { unit, field: self.field.clone(), reason: RoutingReason::Reopened };
        let version = self.deadline.version + 1;
        self.deadline = clock(&self.question, &choice, organisation, rules, at, version);
        Some(self.moved(&choice, organisation, at))
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

    /// It has its answer. `None`: the fact is of the past.
    pub fn answer(mut self, question: &Question, version: u32, at: DateTime<Utc>) -> Option<Self> {
        if self.answered || question.follow_ups.len() != self.round() {
            return None;
        }
        self.answered = true;
        self.deadline = self.deadline.end(at);
        self.version = self.version.max(version);
        Some(self)
    }

    pub fn routed(&self, organisation: &Organisation) -> QuestionRouted {
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
        }
    }

    /// That a person changed its deadline.
    pub fn deadline_changed(
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
        self.routed_at = at;
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
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{organisation::tests::SMALL, policy::tests::small as rules};

    fn small() -> Organisation {
        Organisation::parse(SMALL).unwrap()
    }

    fn at_desk() -> Assignment {
        let id = TicketId(Uuid::from_u128(1));
        let choice = Choice::desk(&small(), "");
        Assignment::first(id, 1, Question::default(), &choice, &small(), &rules(), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn assigning_moves_it_once_and_keeps_the_deadline() {
        let desk = at_desk();
        assert_eq!(desk.version, 2);
        let law = desk.clone().assign("law", &small(), DateTime::UNIX_EPOCH).unwrap().unwrap();
        assert_eq!((law.unit.as_str(), law.version, &law.deadline), ("law", 3, &desk.deadline));
        assert_eq!(law.clone().assign("law", &small(), DateTime::UNIX_EPOCH), Ok(None));
        let answered = law.answer(&Question::default(), 4, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(answered.assign("desk", &small(), DateTime::UNIX_EPOCH), Err(AlreadyAnswered));
    }

    #[test]
    fn reopening_counts_once_and_past_rounds_are_over() {
        let start = DateTime::UNIX_EPOCH;
        let answered = at_desk().answer(&Question::default(), 3, start).unwrap();
        let question = Question { follow_ups: vec!["chưa rõ".into()], ..Question::default() };
        let again = answered.reopen(question.clone(), 5, "law", &small(), &rules(), start).unwrap();
        assert_eq!((again.version, again.answered, again.unit.as_str()), (6, false, "law"));
        assert_eq!((again.deadline.version, again.deadline.round, again.deadline.ended_at), (2, 1, None));
        assert_eq!(again.clone().reopen(question, 5, "law", &small(), &rules(), start), None);
        assert_eq!(again.clone().answer(&Question::default(), 99, start), None);
        assert_eq!(
            again.after_return(&Question::default(), 99, "law", "desk", &small(), DateTime::UNIX_EPOCH),
            None
        );
    }

    #[test]
    fn a_return_by_a_unit_that_lost_it_meanwhile_leaves_it_where_it_is() {
        let at = DateTime::UNIX_EPOCH;
        let law = at_desk().assign("law", &small(), at).unwrap().unwrap();
        let stays = law.clone().after_return(&Question::default(), 4, "desk", "", &small(), at).unwrap();
        assert_eq!((stays.unit.as_str(), stays.version), ("law", 5));
        let back = law.after_return(&Question::default(), 4, "law", "", &small(), at).unwrap();
        assert_eq!((back.unit.as_str(), back.version), ("desk", 5));
    }
}
