//! Events as flat facts: codes, times and numbers, never a text that a person wrote. Pure.

use api::{
    Event, TicketId,
    answering::v1::{
        AnswerApproved, AnswerDrafted, CoAnswerChanged, DraftUse, FamilyJoined, FamilyLeft, QuestionReturned,
    },
    intake::v1::{AnswerRated, Question, QuestionReopened, QuestionSubmitted},
    knowledge::v1::QuestionsAlike,
    routing::v1::{DeadlineChanged, DeadlineReached, OrganisationChanged, QuestionRouted},
};
use chrono::{DateTime, Utc};

use crate::ticket::{Deadline, Place, Standing, Ticket};

/// One event, flat.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub name: String,
    pub ticket_id: TicketId,
    pub version: u32,
    pub at: DateTime<Utc>,
    /// As of the event; empty: not known. Neither here nor in `unit` does the asker's own choice
    /// count: routing decides.
    pub field: String,
    pub unit: String,
    /// `KIND_…`, where the event carries the question.
    pub kind: Option<&'static str>,
    /// `ROUTING_REASON_…`, `REVIEW_REASON_…`, `FAMILY_REASON_…`, `DEADLINE_CHANGE_…`, `DEADLINE_STEP_…`,
    /// `CO_ANSWER_STATE_…`.
    pub reason: Option<&'static str>,
    /// `BAND_…`.
    pub band: Option<&'static str>,
    pub due_at: Option<DateTime<Utc>>,
    /// 1 to 5.
    pub score: Option<u32>,
    /// What an officer made of the draft.
    pub draft: Option<Judged>,
    /// Sent without a hand; of a reopening: what did not help was.
    pub automatic: bool,
}

/// A draft that was judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// `DRAFT_OUTCOME_…`.
    pub outcome: &'static str,
    /// Words changed, 0 to 1.
    pub edit_share: f64,
    /// The verdict's.
    pub probability: f64,
}

/// An event, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub fact: Fact,
    /// What it tells of its ticket; `None`: nothing that the reports need.
    pub ticket: Option<Ticket>,
}

/// Why an event cannot be a fact. It never will.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the ticket's id is not a UUID")]
    TicketId(#[source] uuid::Error),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("the score {0} is not from 1 to 5")]
    Score(u32),
}

/// An event that analytics can read.
pub trait Readable: Event {
    /// `stated_at` stands in where the event does not say when it happened.
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed>;
}

impl Readable for QuestionSubmitted {
    fn read(&self, _: DateTime<Utc>) -> Result<Reading, Malformed> {
        let asked = Asked::read(self.question.as_ref())?;
        let fact = Fact { kind: Some(asked.kind), ..fact(self, asked.at, "", "")? };
        Ok(Reading { fact, ticket: Some(asked.ticket()) })
    }
}

impl Readable for QuestionRouted {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let asked = Asked::read(self.question.as_ref())?;
        let at = api::time(self.routed_at.as_ref()).unwrap_or(stated_at);
        let due_at = api::time(self.due_at.as_ref());
        let fact = Fact {
            kind: Some(asked.kind),
            reason: Some(self.reason().as_str_name()),
            due_at,
            ..fact(self, at, &self.field, &self.unit)?
        };
        let standing = Standing {
            round: asked.round,
            revision: asked.revision,
            answered_at: None,
            withdrawn_at: None,
            version: self.version,
            unit: self.unit.clone(),
            field: self.field.clone(),
            due_at,
        };
        let deadline = Deadline::told(self.deadline.as_ref());
        Ok(Reading { fact, ticket: Some(Ticket { standing, deadline, ..asked.ticket() }) })
    }
}

impl Readable for AnswerDrafted {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let at = api::time(self.drafted_at.as_ref()).unwrap_or(stated_at);
        let fact = Fact { band: Some(self.band().as_str_name()), ..fact(self, at, &self.field, &self.unit)? };
        Ok(Reading { fact, ticket: None })
    }
}

impl Readable for AnswerApproved {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let asked = Asked::read(self.question.as_ref())?;
        let at = api::time(self.approved_at.as_ref()).unwrap_or(stated_at);
        let due_at = api::time(self.due_at.as_ref());
        let judged = |used: &DraftUse| Judged {
            outcome: used.outcome().as_str_name(),
            edit_share: used.edit_share,
            probability: used.probability,
        };
        let fact = Fact {
            kind: Some(asked.kind),
            due_at,
            draft: self.draft_use.as_ref().map(judged),
            automatic: self.automatic,
            ..fact(self, at, &self.field, &self.unit)?
        };
        let standing = Standing {
            round: asked.round,
            revision: asked.revision,
            answered_at: Some(at),
            withdrawn_at: None,
            version: self.version,
            unit: self.unit.clone(),
            field: self.field.clone(),
            due_at,
        };
        Ok(Reading { fact, ticket: Some(Ticket { standing, ..asked.ticket() }) })
    }
}

impl Readable for QuestionReturned {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let asked = Asked::read(self.question.as_ref())?;
        let at = api::time(self.returned_at.as_ref()).unwrap_or(stated_at);
        let fact = Fact { kind: Some(asked.kind), ..fact(self, at, &self.field, &self.unit)? };
        // It stays with the returning unit, and its deadline runs on, until routing finds another.
        Ok(Reading { fact, ticket: Some(asked.ticket()) })
    }
}

impl Readable for AnswerRated {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        if !(1..=5).contains(&self.score) {
            return Err(Malformed::Score(self.score));
        }
        let at = api::time(self.rated_at.as_ref()).unwrap_or(stated_at);
        let fact = Fact { score: Some(self.score), ..fact(self, at, &self.field, &self.unit)? };
        Ok(Reading { fact, ticket: None })
    }
}

impl Readable for QuestionReopened {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let asked = Asked::read(self.question.as_ref())?;
        let at = api::time(self.reopened_at.as_ref()).unwrap_or(stated_at);
        let automatic = self.automatic;
        let fact = Fact { kind: Some(asked.kind), automatic, ..fact(self, at, &self.field, &self.unit)? };
        let standing = Standing {
            round: asked.round,
            revision: asked.revision,
            answered_at: None,
            withdrawn_at: None,
            version: self.version,
            unit: self.unit.clone(),
            field: self.field.clone(),
            // The old promise was for the old answer; routing makes a new one.
            due_at: None,
        };
        Ok(Reading { fact, ticket: Some(Ticket { standing, ..asked.ticket() }) })
    }
}

impl Readable for DeadlineChanged {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let at = api::time(self.changed_at.as_ref()).unwrap_or(stated_at);
        let reason = Some(self.change().as_str_name());
        let deadline = Deadline::told(self.deadline.as_ref());
        let due_at = deadline.due_at;
        let fact = Fact { reason, due_at, ..fact(self, at, &self.field, &self.unit)? };
        Ok(Reading { fact, ticket: Some(Ticket { deadline, ..Ticket::asked(at) }) })
    }
}

impl Readable for DeadlineReached {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let at = api::time(self.reached_at.as_ref()).unwrap_or(stated_at);
        let reason = Some(self.step().as_str_name());
        let deadline = Deadline::told(self.deadline.as_ref());
        let due_at = deadline.due_at;
        let fact = Fact { reason, due_at, ..fact(self, at, &self.field, &self.unit)? };
        Ok(Reading { fact, ticket: Some(Ticket { deadline, ..Ticket::asked(at) }) })
    }
}

/// Of no question: the registry keeps what changed, and what it means for figures.
impl Readable for OrganisationChanged {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let at = api::time(self.changed_at.as_ref()).unwrap_or(stated_at);
        Ok(Reading { fact: fact(self, at, "", "")?, ticket: None })
    }
}

/// What askers did to questions that wait.
mod asker;
/// What became of a published answer, in codes; nothing of it counts for a ticket's standing.
mod passage;
impl Readable for QuestionsAlike {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let at = api::time(self.found_at.as_ref()).unwrap_or(stated_at);
        Ok(Reading { fact: fact(self, at, &self.field, &self.unit)?, ticket: None })
    }
}

impl Readable for FamilyJoined {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let at = api::time(self.joined_at.as_ref()).unwrap_or(stated_at);
        let reason = Some(self.reason().as_str_name());
        Ok(Reading { fact: Fact { reason, ..fact(self, at, &self.field, &self.unit)? }, ticket: None })
    }
}

impl Readable for FamilyLeft {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let at = api::time(self.left_at.as_ref()).unwrap_or(stated_at);
        let reason = Some(self.reason().as_str_name());
        Ok(Reading { fact: Fact { reason, ..fact(self, at, &self.field, &self.unit)? }, ticket: None })
    }
}

impl Readable for CoAnswerChanged {
    fn read(&self, stated_at: DateTime<Utc>) -> Result<Reading, Malformed> {
        let at = api::time(self.changed_at.as_ref()).unwrap_or(stated_at);
        let reason = Some(self.state().as_str_name());
        let due_at = api::time(self.due_at.as_ref());
        let fact = Fact { reason, due_at, ..fact(self, at, &self.field, &self.unit)? };
        Ok(Reading { fact, ticket: None })
    }
}

/// What every event has.
fn fact<E: Event>(event: &E, at: DateTime<Utc>, field: &str, unit: &str) -> Result<Fact, Malformed> {
    Ok(Fact {
        name: E::event_name(),
        ticket_id: event.ticket_id().parse().map_err(Malformed::TicketId)?,
        version: event.version(),
        at,
        field: field.to_owned(),
        unit: unit.to_owned(),
        kind: None,
        reason: None,
        band: None,
        due_at: None,
        score: None,
        draft: None,
        automatic: false,
    })
}

/// What a question's snapshot tells.
struct Asked {
    at: DateTime<Utc>,
    kind: &'static str,
    /// How often it was reopened: each time adds a follow-up.
    round: u32,
    place: Option<Place>,
    revision: u32,
}

impl Asked {
    /// A ticket of which only the asking is known.
    fn ticket(&self) -> Ticket {
        Ticket { place: self.place, ..Ticket::asked(self.at) }
    }

    fn read(question: Option<&Question>) -> Result<Self, Malformed> {
        let question = question.ok_or(Malformed::Missing("question"))?;
        Ok(Self {
            at: api::time(question.submitted_at.as_ref())
                .ok_or(Malformed::Missing("question.submittedAt"))?,
            kind: question.kind().as_str_name(),
            round: u32::try_from(question.follow_ups.len()).unwrap_or(u32::MAX),
            place: question.place.as_ref().and_then(Place::told),
            revision: question.revision,
        })
    }
}

#[cfg(test)]
mod tests {
    use api::{
        intake::v1::{self as intake, Kind},
        knowledge::v1::Band,
        routing::v1::RoutingReason,
    };
    use chrono::Duration;

    use super::*;

    const TICKET: &str = "01900000-0000-7000-8000-000000000001";

    fn day(n: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(20_000 + n)
    }

    fn question() -> Question {
        Question {
            kind: Kind::Report.into(),
            text: "cột đèn hỏng".into(),
            field: "ha-tang".into(),
            submitted_at: Some(api::timestamp(day(0))),
            follow_ups: vec!["vẫn hỏng".into()],
            ..Question::default()
        }
    }

    #[test]
    fn a_fact_keeps_codes_and_no_words() {
        let routed = QuestionRouted {
            ticket_id: TICKET.into(),
            version: 2,
            question: Some(question()),
            unit: "so-xay-dung".into(),
            unit_name: "Sở Xây dựng".into(),
            field: "chieu-sang".into(),
            reason: RoutingReason::Desk.into(),
            due_at: Some(api::timestamp(day(5))),
            routed_at: Some(api::timestamp(day(1))),
            ..Default::default()
        };
        let reading = routed.read(day(9)).unwrap();
        assert_eq!(
            reading.fact,
            Fact {
                name: "routing.v1.QuestionRouted".into(),
                ticket_id: TICKET.parse().unwrap(),
                version: 2,
                at: day(1),
                field: "chieu-sang".into(),
                unit: "so-xay-dung".into(),
                kind: Some("KIND_REPORT"),
                reason: Some("ROUTING_REASON_DESK"),
                band: None,
                due_at: Some(day(5)),
                score: None,
                draft: None,
                automatic: false,
            }
        );
        let told = format!("{reading:?}");
        assert!(!told.contains("hỏng") && !told.contains("Sở"), "{told}");
    }

    #[test]
    fn the_askers_choice_of_a_field_does_not_count() {
        let submitted =
            QuestionSubmitted { ticket_id: TICKET.into(), version: 1, question: Some(question()) };
        let reading = submitted.read(day(9)).unwrap();
        assert_eq!((reading.fact.field.as_str(), reading.fact.at), ("", day(0)));
        assert_eq!(reading.ticket, Some(Ticket::asked(day(0))));
    }

    #[test]
    fn a_place_is_kept_if_it_is_on_the_earth() {
        let at = |latitude, longitude| {
            let place = Some(intake::Place { latitude, longitude });
            let question = Some(Question { place, ..question() });
            let submitted = QuestionSubmitted { ticket_id: TICKET.into(), version: 1, question };
            submitted.read(day(9)).unwrap().ticket.unwrap().place
        };
        assert_eq!(at(21.0285, 105.8542), Some(Place { latitude: 21.0285, longitude: 105.8542 }));
        assert_eq!((at(91.0, 0.0), at(f64::NAN, 0.0)), (None, None));
    }

    #[test]
    fn an_event_that_does_not_say_when_happened_when_it_was_stated() {
        let drafted =
            AnswerDrafted { ticket_id: TICKET.into(), band: Band::Suggest.into(), ..Default::default() };
        let fact = drafted.read(day(3)).unwrap().fact;
        assert_eq!((fact.at, fact.band), (day(3), Some("BAND_SUGGEST")));
    }

    #[test]
    fn a_malformed_event_is_told_what_it_lacks() {
        let rated = |ticket_id: &str, score| {
            AnswerRated { ticket_id: ticket_id.into(), score, ..Default::default() }
                .read(day(0))
                .map(|r| r.fact.score)
        };
        assert_eq!(rated(TICKET, 5), Ok(Some(5)));
        assert_eq!(rated(TICKET, 0), Err(Malformed::Score(0)));
        assert_eq!(rated(TICKET, 6), Err(Malformed::Score(6)));
        assert!(matches!(rated("7", 5), Err(Malformed::TicketId(_))));
        let approved = AnswerApproved { ticket_id: TICKET.into(), ..Default::default() };
        assert_eq!(approved.read(day(0)), Err(Malformed::Missing("question")));
        let undated = QuestionReopened {
            ticket_id: TICKET.into(),
            question: Some(Question { submitted_at: None, ..question() }),
            ..Default::default()
        };
        assert_eq!(undated.read(day(0)), Err(Malformed::Missing("question.submittedAt")));
    }
}
