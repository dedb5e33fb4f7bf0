//! A correction or withdrawal of a published answer, and what a ticket is told of it. Pure.

use api::{
    TicketId,
    intake::v1::Milestone,
    knowledge::v1::{AnswerCorrected, AnswerWithdrawn},
};
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::ticket::{Answer, State, Ticket};

/// What is told to everyone who received a passage. Of one passage only the newest counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    pub passage_id: String,
    /// The passage's.
    pub version: u32,
    pub what: What,
    pub reason: String,
    /// Hashes of the texts it had before.
    pub earlier: Vec<String>,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Corrected { text: String },
    Withdrawn,
}

/// What a ticket is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub passage_id: String,
    pub version: u32,
    pub what: Milestone,
    /// Of the ticket's answer that it speaks of: the one it has, or had last.
    pub answer_number: u32,
    /// The ticket's answer is the passage's text, word for word.
    pub whole: bool,
    /// The source's corrected text; empty where the answer itself shows it.
    pub text: String,
    pub reason: String,
    pub at: DateTime<Utc>,
}

/// That a ticket's answer is a passage, or names it as a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub passage_id: String,
    pub ticket_id: TicketId,
    pub received_at: DateTime<Utc>,
    /// Of the whole answer.
    pub text_hash: String,
}

impl Recall {
    /// Whether what was received is what is recalled: it came before, or it repeats a former text,
    /// approved by someone who had not heard.
    pub fn concerns(&self, receipt: &Receipt) -> bool {
        receipt.received_at <= self.at || self.earlier.contains(&receipt.text_hash)
    }

    /// What the ticket is told, and the ticket if its answer shows the corrected text from now on.
    pub fn tell(&self, mut ticket: Ticket) -> (Notice, Option<Ticket>) {
        let number = ticket.answer_number();
        let answer = match &mut ticket.state {
            State::Answered { answer } | State::Closed { answer, .. } => Some(answer),
            State::Received { .. } | State::Routed { .. } | State::Withdrawn => None,
        };
        let answer_number = if answer.is_some() { number } else { number.saturating_sub(1) };
        let given = answer.filter(|answer| self.earlier.contains(&hash(&answer.text)));
        let whole = given.is_some();
        let (what, text, changed) = match (&self.what, given) {
            (What::Corrected { text }, Some(answer)) => {
                answer.text.clone_from(text);
                (Milestone::Corrected, String::new(), true)
            }
            (What::Corrected { text }, None) => (Milestone::Corrected, text.clone(), false),
            (What::Withdrawn, _) => (Milestone::Withdrawn, String::new(), false),
        };
        let notice = Notice {
            passage_id: self.passage_id.clone(),
            version: self.version,
            what,
            answer_number,
            whole,
            text,
            reason: self.reason.clone(),
            at: self.at,
        };
        (notice, changed.then_some(ticket))
    }
}

impl Receipt {
    /// The passages that an answer is or rests on: the ticket's own, or its family centre's whose
    /// `answered_with` it is, and its sources.
    pub fn of(ticket_id: TicketId, answered_with: Option<TicketId>, answer: &Answer) -> Vec<Self> {
        let own = own_passage(answered_with.unwrap_or(ticket_id));
        let mut ids: Vec<String> = answer.citations.iter().map(|citation| citation.id.clone()).collect();
        ids.push(own);
        ids.sort();
        ids.dedup();
        let text_hash = hash(&answer.text);
        let receipt = |passage_id| Self {
            passage_id,
            ticket_id,
            received_at: answer.answered_at,
            text_hash: text_hash.clone(),
        };
        ids.into_iter().map(receipt).collect()
    }
}

/// The id under which knowledge keeps a ticket's own answer.
fn own_passage(ticket_id: TicketId) -> String {
    format!("ticket:{ticket_id}")
}

/// SHA-256 in hexadecimal, as knowledge's facts have it.
pub fn hash(text: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl From<AnswerCorrected> for Recall {
    fn from(event: AnswerCorrected) -> Self {
        Self {
            passage_id: event.passage_id,
            version: event.version,
            what: What::Corrected { text: event.text },
            reason: event.reason,
            earlier: event.earlier,
            at: api::time(event.corrected_at.as_ref()).unwrap_or_default(),
        }
    }
}

impl From<AnswerWithdrawn> for Recall {
    fn from(event: AnswerWithdrawn) -> Self {
        Self {
            passage_id: event.passage_id,
            version: event.version,
            what: What::Withdrawn,
            reason: event.reason,
            earlier: event.earlier,
            at: api::time(event.withdrawn_at.as_ref()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use api::intake::v1::{Citation, Kind};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::ticket::{Custody, Rated, Rating, Reopening};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::Duration::seconds(seconds)
    }

    fn answer(text: &str) -> Answer {
        let citations = vec![Citation { id: "p".into(), ..Citation::default() }];
        Answer { text: text.into(), citations, answered_at: at(10), automatic: false }
    }

    fn answered(text: &str) -> Ticket {
        let id = TicketId(Uuid::from_u128(1));
        let asked = Ticket::receive(id, Kind::Question, "hỏi".into(), String::new(), at(0));
        let question = asked.question();
        asked.answer(&question, 4, Custody::default(), answer(text)).unwrap()
    }

    fn shown(ticket: &Ticket) -> &str {
        let State::Answered { answer } = &ticket.state else { panic!("{ticket:?}") };
        &answer.text
    }

    /// The passage's version `n`, whose text is `n`; the first one is "1".
    fn corrected(n: u32) -> Recall {
        Recall {
            passage_id: "p".into(),
            version: n,
            what: What::Corrected { text: n.to_string() },
            reason: "nhầm".into(),
            earlier: (1..n).rev().map(|n| hash(&n.to_string())).collect(),
            at: at(20 + i64::from(n)),
        }
    }

    #[test]
    fn an_answer_given_word_for_word_is_replaced() {
        let (notice, ticket) = corrected(2).tell(answered("1"));
        assert_eq!((notice.whole, notice.text.as_str()), (true, ""));
        assert_eq!(shown(&ticket.unwrap()), "2");
    }

    #[test]
    fn a_ticket_that_waits_again_is_told_of_the_answer_it_had() {
        let (notice, _) = corrected(2).tell(answered("1"));
        assert_eq!(notice.answer_number, 1);
        let low = Rating { score: 1, comment: "chưa rõ".into() };
        let reopening = Reopening { score_max: 2, times_max: 2 };
        let Ok(Rated::Reopened(waiting)) = answered("1").rate(0, low, &reopening) else { panic!() };
        let (notice, changed) = corrected(2).tell(waiting);
        assert_eq!((notice.answer_number, notice.whole, changed), (1, false, None));
    }

    #[test]
    fn of_a_source_the_ticket_gets_the_corrected_text_beside_its_own() {
        let (notice, ticket) = corrected(2).tell(answered("viết lại"));
        assert_eq!((notice.whole, notice.text.as_str(), ticket), (false, "2", None));
    }

    #[test]
    fn a_withdrawal_leaves_the_text_and_says_so() {
        let recall = Recall { what: What::Withdrawn, ..corrected(2) };
        let (notice, ticket) = recall.tell(answered("1"));
        assert_eq!((notice.what, notice.whole, ticket), (Milestone::Withdrawn, true, None));
    }

    #[test]
    fn only_what_was_received_before_or_repeats_a_former_text_is_recalled() {
        let receipt = |seconds, text: &str| Receipt {
            passage_id: "p".into(),
            ticket_id: TicketId(Uuid::nil()),
            received_at: at(seconds),
            text_hash: hash(text),
        };
        let recall = corrected(2);
        assert!(recall.concerns(&receipt(10, "khác")));
        assert!(recall.concerns(&receipt(99, "1")), "approved late, from an old draft");
        assert!(!recall.concerns(&receipt(99, "2")) && !recall.concerns(&receipt(99, "khác")));
    }

    #[test]
    fn an_answer_is_its_own_passage_and_has_its_sources() {
        let ids = |with| {
            let receipts = Receipt::of(TicketId(Uuid::nil()), with, &answer("1"));
            receipts.into_iter().map(|receipt| receipt.passage_id).collect::<Vec<_>>()
        };
        assert_eq!(ids(None), ["p", "ticket:00000000-0000-0000-0000-000000000000"]);
        let centre = Some(TicketId(Uuid::max()));
        assert_eq!(ids(centre), ["p", "ticket:ffffffff-ffff-ffff-ffff-ffffffffffff"]);
    }

    proptest! {
        /// Corrections in any order, some never told: the ticket ends with the newest that it was told.
        #[test]
        fn corrections_in_any_order(versions in prop::collection::vec(2u32..8, 1..8)) {
            let (mut ticket, mut newest) = (answered("1"), 0);
            for n in versions {
                if n > newest {
                    let (notice, changed) = corrected(n).tell(ticket.clone());
                    prop_assert!(notice.whole);
                    ticket = changed.unwrap();
                    newest = n;
                }
            }
            prop_assert_eq!(shown(&ticket), newest.to_string());
        }
    }
}
