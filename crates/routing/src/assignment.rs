//! Which unit has a question. Pure. Facts may come twice and out of order: within a round (the
//! number of follow-ups) an answer ends the matter, and other facts count only if newer.

use api::{
    TicketId,
    intake::v1::Question,
    routing::v1::{QuestionRouted, RoutingReason},
};
use chrono::{DateTime, Utc};

use crate::{choice::Choice, organisation::Organisation, suggestion::Suggestion};

#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    pub ticket_id: TicketId,
    pub version: u32,
    pub question: Question,
    pub agency: String,
    pub unit: String,
    pub field: String,
    pub reason: RoutingReason,
    pub due_at: DateTime<Utc>,
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
        at: DateTime<Utc>,
    ) -> Self {
        let assignment = Self {
            ticket_id,
            version,
            question,
            agency: String::new(),
            unit: String::new(),
            field: String::new(),
            reason: RoutingReason::Unspecified,
            due_at: at,
            routed_at: at,
            answered: false,
            suggestions: Vec::new(),
        };
        let due_at = organisation.calendar.due_at(at, organisation.working_days(&choice.field));
        assignment.moved(choice, organisation, at, due_at)
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
        let due_at = self.due_at;
        Ok(Some(self.moved(&choice, organisation, at, due_at)))
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
            let due_at = self.due_at;
            return Some(self.moved(&stays, organisation, at, due_at));
        }
        if version <= self.version {
            return None;
        }
        self.version = version;
        let choice = Choice::after_return(&self.unit, suggested, &self.field, organisation);
        let due_at = self.due_at;
        Some(self.moved(&choice, organisation, at, due_at))
    }

    /// The asker reopened it: back to the unit that answered, with a new deadline. `None`: the fact is
    /// of the past.
    pub fn reopen(
        mut self,
        question: Question,
        version: u32,
        answered_by: &str,
        organisation: &Organisation,
        at: DateTime<Utc>,
    ) -> Option<Self> {
        if question.follow_ups.len() <= self.round() {
            return None;
        }
        self.version = self.version.max(version);
        self.question = question;
        self.answered = false;
        let unit = organisation.unit(answered_by).map_or_else(|| self.unit.clone(), |unit| unit.code.clone());
        let choice = Choice { unit, field: self.field.clone(), reason: RoutingReason::Reopened };
        let due_at = organisation.calendar.due_at(at, organisation.working_days(&self.field));
        Some(self.moved(&choice, organisation, at, due_at))
    }

    /// It has its answer. `None`: the fact is of the past.
    pub fn answer(mut self, question: &Question, version: u32) -> Option<Self> {
        if self.answered || question.follow_ups.len() != self.round() {
            return None;
        }
        self.answered = true;
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
            due_at: Some(api::timestamp(self.due_at)),
            routed_at: Some(api::timestamp(self.routed_at)),
        }
    }

    fn round(&self) -> usize {
        self.question.follow_ups.len()
    }

    fn moved(
        mut self,
        choice: &Choice,
        organisation: &Organisation,
        at: DateTime<Utc>,
        due_at: DateTime<Utc>,
    ) -> Self {
        self.version += 1;
        self.agency = organisation.unit(&choice.unit).map(|unit| unit.agency.clone()).unwrap_or_default();
        self.unit.clone_from(&choice.unit);
        self.field.clone_from(&choice.field);
        self.reason = choice.reason;
        self.due_at = due_at;
        self.routed_at = at;
        self
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::organisation::tests::SMALL;

    fn small() -> Organisation {
        Organisation::parse(SMALL).unwrap()
    }

    fn at_desk() -> Assignment {
        let id = TicketId(Uuid::from_u128(1));
        let choice = Choice::desk(&small(), "");
        Assignment::first(id, 1, Question::default(), &choice, &small(), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn assigning_moves_it_once_and_keeps_the_deadline() {
        let desk = at_desk();
        assert_eq!(desk.version, 2);
        let law = desk.clone().assign("law", &small(), DateTime::UNIX_EPOCH).unwrap().unwrap();
        assert_eq!((law.unit.as_str(), law.version, law.due_at), ("law", 3, desk.due_at));
        assert_eq!(law.clone().assign("law", &small(), DateTime::UNIX_EPOCH), Ok(None));
        let answered = law.answer(&Question::default(), 4).unwrap();
        assert_eq!(answered.assign("desk", &small(), DateTime::UNIX_EPOCH), Err(AlreadyAnswered));
    }

    #[test]
    fn reopening_counts_once_and_past_rounds_are_over() {
        let answered = at_desk().answer(&Question::default(), 3).unwrap();
        let question = Question { follow_ups: vec!["chưa rõ".into()], ..Question::default() };
        let again = answered.reopen(question.clone(), 5, "law", &small(), DateTime::UNIX_EPOCH).unwrap();
        assert_eq!((again.version, again.answered, again.unit.as_str()), (6, false, "law"));
        assert_eq!(again.clone().reopen(question, 5, "law", &small(), DateTime::UNIX_EPOCH), None);
        assert_eq!(again.clone().answer(&Question::default(), 99), None);
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
