//! What the reports need of a ticket. Pure.
//!
//! Facts come twice, late, and in any order, from services that do not wait for each other. So
//! what they tell is merged by a maximum: commutative, associative, idempotent.

use api::{intake, routing::v1};
use chrono::{DateTime, Utc};

#[derive(Debug, Clone, PartialEq)]
pub struct Ticket {
    pub asked_at: DateTime<Utc>,
    pub standing: Standing,
    pub deadline: Deadline,
    /// Of a report from the field; it never changes.
    pub place: Option<Place>,
}

/// In degrees (WGS 84), as rounded at the door.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    pub latitude: f64,
    pub longitude: f64,
}

impl Place {
    /// `None`: it is not on the earth.
    pub fn told(place: &intake::v1::Place) -> Option<Self> {
        let intake::v1::Place { latitude, longitude } = *place;
        let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        on_earth.then_some(Self { latitude, longitude })
    }
}

/// What the newest fact of its deadline tells: the greatest version. The default is less than what any fact
/// tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Deadline {
    pub version: u32,
    /// The round that it is of.
    pub round: u32,
    pub due_at: Option<DateTime<Utc>>,
    /// `None`: the clock runs.
    pub paused_at: Option<DateTime<Utc>>,
    pub extended: bool,
}

impl Deadline {
    pub fn told(deadline: Option<&v1::Deadline>) -> Self {
        let Some(deadline) = deadline else { return Self::default() };
        Self {
            version: deadline.version,
            round: deadline.round,
            due_at: api::time(deadline.due_at.as_ref()),
            paused_at: api::time(deadline.paused_at.as_ref()),
            extended: deadline.extensions > 0,
        }
    }
}

/// Where a ticket stands. The greater one wins, compared in the order of the fields: a later round
/// over an earlier one; within a round the answer, which ends it whatever its version; then the
/// newer version. The default is less than what any fact tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Standing {
    /// How often it was reopened.
    pub round: u32,
    /// In this round; `None`: open.
    pub answered_at: Option<DateTime<Utc>>,
    /// Of the fact that says so; 0: nothing but the asking is known.
    pub version: u32,
    /// Empty: not known yet.
    pub unit: String,
    /// Empty: not known yet.
    pub field: String,
    /// `None`: not promised yet.
    pub due_at: Option<DateTime<Utc>>,
}

impl Ticket {
    /// A ticket of which only the asking is known.
    pub fn asked(at: DateTime<Utc>) -> Self {
        Self { asked_at: at, standing: Standing::default(), deadline: Deadline::default(), place: None }
    }

    /// What both tell, together.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            asked_at: self.asked_at.min(other.asked_at),
            standing: self.standing.max(other.standing),
            deadline: self.deadline.max(other.deadline),
            place: self.place.or(other.place),
        }
    }
}

#[cfg(test)]
mod tests {
    use api::{
        answering::v1::{AnswerApproved, QuestionReturned},
        intake::v1::{Question, QuestionReopened, QuestionSubmitted},
        routing::v1::{DeadlineChanged, QuestionRouted},
    };
    use chrono::Duration;

    use super::*;
    use crate::fact::Readable;

    const TICKET: &str = "01900000-0000-7000-8000-000000000001";

    fn day(n: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(20_000 + n)
    }

    fn question(round: usize) -> Question {
        Question {
            submitted_at: Some(api::timestamp(day(0))),
            follow_ups: vec!["chưa rõ".into(); round],
            ..Default::default()
        }
    }

    fn told(event: &impl Readable) -> Ticket {
        assert_eq!(event.ticket_id(), TICKET);
        event.read(day(99)).unwrap().ticket.unwrap()
    }

    fn submitted() -> Ticket {
        told(&QuestionSubmitted { ticket_id: TICKET.into(), version: 1, question: Some(question(0)) })
    }

    fn routed(round: usize, version: u32, unit: &str, field: &str, due: i64) -> Ticket {
        told(&QuestionRouted {
            ticket_id: TICKET.into(),
            version,
            question: Some(question(round)),
            unit: unit.into(),
            field: field.into(),
            due_at: Some(api::timestamp(day(due))),
            ..Default::default()
        })
    }

    fn returned(round: usize, version: u32, unit: &str) -> Ticket {
        told(&QuestionReturned {
            ticket_id: TICKET.into(),
            version,
            question: Some(question(round)),
            unit: unit.into(),
            ..Default::default()
        })
    }

    fn approved(round: usize, version: u32, unit: &str, due: i64, at: i64) -> Ticket {
        told(&AnswerApproved {
            ticket_id: TICKET.into(),
            version,
            question: Some(question(round)),
            unit: unit.into(),
            field: "y-te".into(),
            due_at: Some(api::timestamp(day(due))),
            approved_at: Some(api::timestamp(day(at))),
            ..Default::default()
        })
    }

    fn reopened(round: usize, version: u32, unit: &str) -> Ticket {
        told(&QuestionReopened {
            ticket_id: TICKET.into(),
            version,
            question: Some(question(round)),
            unit: unit.into(),
            field: "y-te".into(),
            ..Default::default()
        })
    }

    /// Every order of `facts`, each fact coming a second time right after the next one.
    fn in_every_order(facts: &[Ticket], expected: &Ticket) {
        let mut order: Vec<usize> = (0..facts.len()).collect();
        let mut orders = 0;
        permute(&mut order, 0, &mut |order| {
            let again = order.iter().skip(1).zip(order).flat_map(|(this, before)| [this, before]);
            let heard = order.first().into_iter().chain(again).map(|i| facts[*i].clone());
            assert_eq!(heard.reduce(Ticket::merge).as_ref(), Some(expected), "{order:?}");
            orders += 1;
        });
        assert_eq!(orders, (1..=facts.len()).product::<usize>());
    }

    fn permute(order: &mut [usize], from: usize, visit: &mut impl FnMut(&[usize])) {
        if from == order.len() {
            return visit(order);
        }
        for i in from..order.len() {
            order.swap(from, i);
            permute(order, from + 1, visit);
            order.swap(from, i);
        }
    }

    #[test]
    fn a_journey_ends_the_same_in_every_order() {
        let journey = [
            submitted(),
            routed(0, 2, "mot-cua", "", 5),
            returned(0, 3, "mot-cua"),
            routed(0, 4, "vu-y-te", "y-te", 7),
            approved(0, 6, "vu-y-te", 7, 4),
            reopened(1, 8, "vu-y-te"),
            routed(1, 9, "vu-y-te", "y-te", 12),
        ];
        let open = Ticket {
            asked_at: day(0),
            standing: Standing {
                round: 1,
                answered_at: None,
                version: 9,
                unit: "vu-y-te".into(),
                field: "y-te".into(),
                due_at: Some(day(12)),
            },
            deadline: Deadline::default(),
            place: None,
        };
        in_every_order(&journey, &open);
        let answered = approved(1, 11, "vu-y-te", 12, 10);
        assert_eq!(open.merge(answered.clone()), answered);
    }

    #[test]
    fn an_answer_stands_against_an_assignment_made_meanwhile() {
        let answer = approved(0, 3, "vu-y-te", 7, 4);
        in_every_order(
            &[submitted(), routed(0, 2, "vu-y-te", "y-te", 7), routed(0, 5, "khac", "", 9), answer.clone()],
            &answer,
        );
    }

    #[test]
    fn a_reopened_ticket_is_open_and_has_no_deadline_yet() {
        let facts =
            [routed(0, 2, "vu-y-te", "y-te", 7), approved(0, 3, "vu-y-te", 7, 4), reopened(1, 5, "vu-y-te")];
        let ticket = facts.into_iter().reduce(Ticket::merge).unwrap();
        assert_eq!((ticket.standing.answered_at, ticket.standing.due_at), (None, None));
        assert_eq!(ticket.standing.unit, "vu-y-te");
    }

    #[test]
    fn a_returned_ticket_keeps_its_unit_and_deadline_until_it_is_routed_anew() {
        let before = routed(0, 2, "vu-y-te", "y-te", 7);
        assert_eq!(before.clone().merge(returned(0, 3, "vu-y-te")), before);
    }

    #[test]
    fn an_extension_counts_in_every_order() {
        let deadline = |version, extensions, due| v1::Deadline {
            version,
            extensions,
            due_at: Some(api::timestamp(day(due))),
            ..Default::default()
        };
        let extended = told(&DeadlineChanged {
            ticket_id: TICKET.into(),
            version: 2,
            deadline: Some(deadline(2, 1, 9)),
            ..Default::default()
        });
        let first = Ticket { deadline: Deadline::told(Some(&deadline(1, 0, 5))), ..routed(0, 2, "a", "", 5) };
        let ticket = Ticket { deadline: extended.deadline.clone(), ..first.clone() };
        in_every_order(&[submitted(), first, extended], &ticket);
        assert!(ticket.deadline.extended && ticket.deadline.due_at == Some(day(9)));
    }
}
