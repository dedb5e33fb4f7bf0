//! The ticket and its states. Pure: no async, no SQL, no clock.
//!
//! Facts may arrive twice and out of order. Within a round (the time from asking, or reopening, to
//! the answer) an answer ends the matter whatever its version; other facts count only if newer.

use api::{
    TicketId,
    intake::v1::{Citation, Kind, Question},
    routing::v1::Deadline,
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
    /// Of a report only.
    pub place: Option<Place>,
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
            place: None,
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

    fn waits_in(&self, question: &Question) -> bool {
        let waiting = matches!(self.state, State::Received { .. } | State::Routed { .. });
        waiting && question.follow_ups.len() == self.round()
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
        let waits = matches!(self.state, State::Received { .. } | State::Routed { .. });
        let present = usize::try_from(self.deadline.round) == Ok(self.round()) && self.deadline.version > 0;
        (waits && present).then_some(&self.deadline)
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

    /// The answer is published. `None`: this round has its answer, or the round is of the past.
    pub fn answer(
        mut self,
        question: &Question,
        version: u32,
        custody: Custody,
        answer: Answer,
    ) -> Option<Self> {
        if !self.waits_in(question) {
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
            State::Received { .. } | State::Routed { .. } => Err(NotRated::NotAnswered),
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
            State::Received { .. } | State::Routed { .. } => {
                let same_answer = number == 0 || number.checked_add(1) == Some(self.answer_number());
                let said = self.follow_ups.last() == Some(&follow_up) && same_answer;
                if said { Ok(None) } else { Err(NotRejected::Unanswered) }
            }
        }
    }

    /// The answer that is published now.
    pub fn published(&self) -> Option<&Answer> {
        match &self.state {
            State::Answered { answer } | State::Closed { answer, .. } => Some(answer),
            State::Received { .. } | State::Routed { .. } => None,
        }
    }

    fn reopened_by(&self) -> Option<Rating> {
        match &self.state {
            State::Received { reopened_by } | State::Routed { reopened_by } => reopened_by.clone(),
            State::Answered { .. } | State::Closed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const REOPENING: Reopening = Reopening { score_max: 2, times_max: 2 };

    fn ticket() -> Ticket {
        let id = TicketId(Uuid::from_u128(1));
        Ticket::receive(id, Kind::Question, "hỏi".into(), String::new(), DateTime::UNIX_EPOCH)
    }

    fn answer(text: &str) -> Answer {
        Answer {
            text: text.into(),
            citations: Vec::new(),
            answered_at: DateTime::UNIX_EPOCH,
            automatic: false,
        }
    }

    fn custody(unit: &str) -> Custody {
        Custody { unit: unit.into(), ..Custody::default() }
    }

    fn answered() -> Ticket {
        let asked = ticket();
        let question = asked.question();
        asked.answer(&question, 4, custody("a"), answer("đáp")).unwrap()
    }

    fn rating(score: u32, comment: &str) -> Rating {
        Rating { score, comment: comment.into() }
    }

    #[test]
    fn a_low_rating_with_words_reopens() {
        let Ok(Rated::Reopened(again)) = answered().rate(0, rating(2, "chưa rõ"), &REOPENING) else {
            panic!()
        };
        assert_eq!(again.follow_ups, ["chưa rõ"]);
        assert_eq!(again.version, 6);
        assert_eq!(
            again.clone().rate(0, rating(2, "chưa rõ"), &REOPENING),
            Ok(Rated::Already(again.clone()))
        );
        assert_eq!(again.rate(0, rating(1, "khác"), &REOPENING), Err(NotRated::NotAnswered));
    }

    #[test]
    fn an_automatic_answer_is_rejected_once_and_a_persons_never() {
        let more = || "chưa đúng".to_owned();
        assert_eq!(answered().reject(1, more()), Err(NotRejected::Personal));
        assert_eq!(ticket().reject(0, more()), Err(NotRejected::Unanswered));
        let asked = ticket();
        let question = asked.question();
        let sent = Answer { automatic: true, ..answer("đáp") };
        let sent = asked.answer(&question, 4, custody("a"), sent).unwrap();
        assert_eq!(sent.clone().reject(2, more()), Err(NotRejected::Older));
        let again = sent.reject(1, more()).unwrap().unwrap();
        assert_eq!((again.follow_ups.len(), &again.state), (1, &State::Received { reopened_by: None }));
        assert_eq!(again.clone().reject(1, more()), Ok(None));
        assert_eq!(again.clone().reject(u32::MAX, more()), Err(NotRejected::Unanswered));
        assert_eq!(again.reject(1, "khác".into()), Err(NotRejected::Unanswered));
    }

    #[test]
    fn reopening_has_an_end() {
        let mut ticket = ticket();
        for n in 0..3 {
            let question = ticket.question();
            ticket = ticket.answer(&question, 4, custody("a"), answer("đáp")).unwrap();
            ticket = match ticket.rate(0, rating(1, "chưa rõ"), &REOPENING).unwrap() {
                Rated::Reopened(ticket) if n < 2 => ticket,
                Rated::Closed(ticket) if n == 2 => ticket,
                other => panic!("{n}: {other:?}"),
            };
        }
    }

    #[test]
    fn a_late_repeat_never_rates_the_next_answer() {
        let low = || rating(1, "chưa rõ");
        let Ok(Rated::Reopened(again)) = answered().rate(1, low(), &REOPENING) else { panic!() };
        assert_eq!(again.clone().rate(1, low(), &REOPENING), Ok(Rated::Already(again.clone())));
        let question = again.question();
        let next = again.answer(&question, 9, custody("a"), answer("mới")).unwrap();
        assert_eq!(next.clone().rate(1, low(), &REOPENING), Err(NotRated::NotNewest));
        assert!(matches!(next.rate(2, rating(5, ""), &REOPENING), Ok(Rated::Closed(_))));
    }

    #[test]
    fn a_rating_counts_once() {
        for (score, comment) in [(5, ""), (3, "tạm"), (1, "")] {
            let Ok(Rated::Closed(closed)) = answered().rate(0, rating(score, comment), &REOPENING) else {
                panic!()
            };
            assert_eq!(
                closed.clone().rate(0, rating(score, comment), &REOPENING),
                Ok(Rated::Already(closed.clone()))
            );
            assert_eq!(closed.rate(0, rating(4, "khác"), &REOPENING), Err(NotRated::RatedBefore));
        }
        assert_eq!(ticket().rate(0, rating(5, ""), &REOPENING), Err(NotRated::NotAnswered));
    }

    #[test]
    fn an_answer_of_an_earlier_round_is_of_the_past() {
        let before = ticket().question();
        let Ok(Rated::Reopened(again)) = answered().rate(0, rating(1, "chưa rõ"), &REOPENING) else {
            panic!()
        };
        assert_eq!(again.clone().answer(&before, 99, custody("a"), answer("cũ")), None);
        assert_eq!(again.route(&before, 99, custody("a")), None);
    }

    #[derive(Debug, Clone)]
    enum Fact {
        Routed(u32),
        Returned(u32),
        Approved(u32),
    }

    proptest! {
        /// Whatever comes first, twice or late: the answer of the round is published, once.
        #[test]
        fn an_answer_always_arrives(facts in prop::collection::vec(
            prop_oneof![(2u32..9).prop_map(Fact::Routed), (2u32..9).prop_map(Fact::Returned), (2u32..9).prop_map(Fact::Approved)], 1..20)
        ) {
            let mut ticket = ticket();
            let question = ticket.question();
            let first = facts.iter().find_map(|f| if let Fact::Approved(v) = f { Some(*v) } else { None });
            for fact in facts {
                let next = match fact {
                    Fact::Routed(v) => ticket.clone().route(&question, v, custody("a")),
                    Fact::Returned(v) => ticket.clone().return_to_routing(&question, v),
                    Fact::Approved(v) => ticket.clone().answer(&question, v, custody("a"), answer(&v.to_string())),
                };
                ticket = next.unwrap_or(ticket);
            }
            match (first, ticket.state) {
                (Some(v), State::Answered { answer }) => prop_assert_eq!(answer.text, v.to_string()),
                (None, State::Received { .. } | State::Routed { .. }) => {}
                (first, state) => prop_assert!(false, "{first:?} {state:?}"),
            }
        }
    }

    #[test]
    fn the_newest_deadline_counts_in_whichever_order_it_is_heard() {
        let deadline = |version, round, minute| Deadline {
            version,
            round,
            due_at: Some(api::timestamp(DateTime::UNIX_EPOCH + chrono::Duration::minutes(minute))),
            ..Deadline::default()
        };
        let (first, longer) = (deadline(1, 0, 5), deadline(2, 0, 9));
        let told = |facts: &[&Deadline]| {
            facts.iter().fold(ticket(), |ticket, deadline| ticket.with_deadline(Some(deadline)))
        };
        for ticket in [told(&[&first, &longer]), told(&[&longer, &first, &longer])] {
            assert_eq!(ticket.custody.due_at, api::time(longer.due_at.as_ref()));
            assert_eq!(ticket.present_deadline(), Some(&longer));
        }
        assert_eq!(told(&[&deadline(3, 1, 5)]).present_deadline(), None, "of another round");
        assert_eq!(ticket().with_deadline(None).present_deadline(), None);
    }
}
