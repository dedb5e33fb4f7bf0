//! The life of a passage. Pure: no async, no SQL, no clock.
//!
//! Published, it may be corrected and given a validity; withdrawn or superseded, it stays so until
//! the question itself is answered anew. Expiry needs no step: the store compares the validity with the clock.

use api::{TicketId, knowledge::v1::Change};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::passage::Passage;

/// Makes the ids that facts of imported answers travel under; may never change.
const IMPORTED: Uuid = Uuid::from_u128(0x6d6f_7463_7561_5f69_6d70_6f72_7465_6400);

/// A passage with what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    pub passage: Passage,
    pub version: u32,
    pub state: State,
    pub validity: Validity,
    /// Ids of the catalogue items it rests on, in order.
    pub basis: Vec<String>,
    /// The passage whose answer this one repeats.
    pub copy_of: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Published,
    Withdrawn { reason: String },
    Superseded { by_id: String, reason: String },
}

/// From a moment, until another that is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Validity {
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// What an editor does to a passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Correct { text: String },
    Withdraw { reason: String },
    Supersede { by_id: String, reason: String },
    SetValidity { validity: Validity, basis: Vec<String> },
}

/// Why a step was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It changed since the editor saw it; the version it has now.
    Stale(u32),
    /// It is withdrawn or superseded.
    NotPublished,
}

impl Validity {
    /// Whether there is a moment in it.
    pub fn is_possible(&self) -> bool {
        self.from.zip(self.until).is_none_or(|(from, until)| from < until)
    }
}

impl Step {
    pub fn change(&self) -> Change {
        match self {
            Self::Correct { .. } => Change::Corrected,
            Self::Withdraw { .. } => Change::Withdrawn,
            Self::Supersede { .. } => Change::Superseded,
            Self::SetValidity { .. } => Change::Validity,
        }
    }
}

impl Kept {
    /// Takes the step that was decided on `seen`. `None`: it was taken before.
    pub fn take(self, seen: u32, step: &Step) -> Result<Option<Self>, Refused> {
        let mut next = self.clone();
        match step {
            Step::Correct { text } => {
                next.passage.answer.clone_from(text);
                // It has a text of its own from now on.
                next.copy_of = None;
            }
            Step::Withdraw { reason } => next.state = State::Withdrawn { reason: reason.clone() },
            Step::Supersede { by_id, reason } => {
                next.state = State::Superseded { by_id: by_id.clone(), reason: reason.clone() };
            }
            Step::SetValidity { validity, basis } => {
                next.validity = *validity;
                next.basis.clone_from(basis);
                next.basis.sort();
                next.basis.dedup();
            }
        }
        let repeat = next.state == self.state
            && next.passage == self.passage
            && (next.validity, &next.basis) == (self.validity, &self.basis);
        let ended = self.state != State::Published;
        match (repeat, ended) {
            (true, false) => Ok(None),
            (true, true) if matches!(step, Step::Withdraw { .. } | Step::Supersede { .. }) => Ok(None),
            (_, true) => Err(Refused::NotPublished),
            (false, false) if seen != self.version => Err(Refused::Stale(self.version)),
            (false, false) => {
                next.version += 1;
                Ok(Some(next))
            }
        }
    }

    /// The ticket that facts of this passage travel under; of an imported one, a UUID made of its id.
    pub fn ticket_id(&self) -> String {
        match self.passage.ticket_id().and_then(|id| id.parse::<TicketId>().ok()) {
            Some(ticket_id) => ticket_id.to_string(),
            None => Uuid::new_v5(&IMPORTED, self.passage.id.as_bytes()).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept() -> Kept {
        let passage = Passage { id: "a".into(), answer: "đáp".into(), ..Passage::default() };
        Kept {
            passage,
            version: 1,
            state: State::Published,
            validity: Validity::default(),
            basis: Vec::new(),
            copy_of: None,
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::Duration::seconds(seconds)
    }

    fn correct(text: &str) -> Step {
        Step::Correct { text: text.into() }
    }

    fn withdraw(reason: &str) -> Step {
        Step::Withdraw { reason: reason.into() }
    }

    #[test]
    fn a_correction_counts_once_and_only_of_what_was_seen() {
        let corrected = kept().take(1, &correct("đúng")).unwrap().unwrap();
        assert_eq!((corrected.version, corrected.passage.answer.as_str()), (2, "đúng"));
        assert_eq!(corrected.clone().take(1, &correct("đúng")), Ok(None));
        assert_eq!(corrected.clone().take(1, &correct("khác")), Err(Refused::Stale(2)));
        assert_eq!(corrected.take(3, &correct("khác")), Err(Refused::Stale(2)));
    }

    #[test]
    fn a_correction_makes_a_copy_stand_for_itself() {
        let copy = Kept { copy_of: Some("b".into()), ..kept() };
        assert_eq!(copy.take(1, &correct("riêng")).unwrap().unwrap().copy_of, None);
    }

    #[test]
    fn what_is_withdrawn_stays_so() {
        let withdrawn = kept().take(1, &withdraw("sai")).unwrap().unwrap();
        assert_eq!(withdrawn.clone().take(1, &withdraw("sai")), Ok(None));
        for step in [withdraw("khác"), correct("khác"), correct("đáp")] {
            assert_eq!(withdrawn.clone().take(2, &step), Err(Refused::NotPublished), "{step:?}");
        }
    }

    #[test]
    fn a_validity_has_a_moment_in_it() {
        assert!(Validity::default().is_possible());
        assert!(Validity { from: Some(at(10)), until: Some(at(11)) }.is_possible());
        assert!(!Validity { from: Some(at(20)), until: Some(at(20)) }.is_possible());
    }

    #[test]
    fn facts_of_a_tickets_answer_travel_under_the_ticket() {
        let ticket = "01900000-0000-7000-8000-000000000001";
        let passage = Passage { id: Passage::id_of_ticket(ticket), ..kept().passage };
        assert_eq!(Kept { passage, ..kept() }.ticket_id(), ticket);
        assert!(Uuid::parse_str(&kept().ticket_id()).is_ok());
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            "[ab]".prop_map(|text| Step::Correct { text }),
            "[ab]".prop_map(|reason| Step::Withdraw { reason }),
            "[ab]".prop_map(|by_id| Step::Supersede { by_id, reason: String::new() }),
            (0i64..3).prop_map(|s| Step::SetValidity {
                validity: Validity { from: None, until: Some(at(s)) },
                basis: Vec::new()
            }),
        ]
    }

    proptest! {
        /// Whatever comes, twice, late or decided on something older: the version grows by one with
        /// each change, an end is final, and a step that was just taken is harmless again.
        #[test]
        fn any_steps(steps in prop::collection::vec((0u32..6, any_step()), 1..30)) {
            let mut now = kept();
            for (seen, step) in steps {
                match now.clone().take(seen, &step) {
                    Ok(Some(next)) => {
                        prop_assert_eq!(seen, now.version);
                        prop_assert_eq!(next.version, now.version + 1);
                        prop_assert_eq!(&now.state, &State::Published);
                        prop_assert_eq!(next.clone().take(seen, &step), Ok(None));
                        now = next;
                    }
                    Ok(None) => {}
                    Err(Refused::Stale(version)) => prop_assert!(version == now.version && seen != version),
                    Err(Refused::NotPublished) => prop_assert!(now.state != State::Published),
                }
            }
        }
    }
}
