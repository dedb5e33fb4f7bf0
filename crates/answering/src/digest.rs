//! A digest, and the ledger of who holds each of its questions. Pure: no async, no SQL, no clock.

mod document;
pub mod plan;
pub mod sheet;

use api::{TicketId, intake::v1::Question};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Questions that were gathered for a working group outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    pub digest_id: Uuid,
    /// Of its plan.
    pub code: String,
    pub number: u32,
    pub group_code: String,
    pub group_name: String,
    pub unit: String,
    pub gathered_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    /// What was sealed: JSON.
    pub manifest: String,
    /// SHA-256 of `manifest`, in hexadecimal.
    pub sha256: String,
    pub reminded: u32,
    pub closed_at: Option<DateTime<Utc>>,
}

/// One question of a digest.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub number: u32,
    pub ticket_id: TicketId,
    /// As it was gathered.
    pub question: Question,
    pub state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The group holds it.
    Gathered,
    Ended {
        how: Ending,
        by: String,
        at: DateTime<Utc>,
    },
}

/// How an item ends: there is no way back, and no second way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Answered {
        text: String,
    },
    /// The group gave it back.
    Returned {
        reason: String,
    },
    /// Taken out, or answered or moved in another way.
    Withdrawn {
        reason: String,
    },
}

/// It ended before, in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended;

impl Item {
    /// Ends it. `None`: it ended in this very way before.
    pub fn end(mut self, how: Ending, by: &str, at: DateTime<Utc>) -> Result<Option<Self>, Ended> {
        match &self.state {
            State::Gathered => {
                self.state = State::Ended { how, by: by.to_owned(), at };
                Ok(Some(self))
            }
            State::Ended { how: before, .. } if *before == how => Ok(None),
            State::Ended { .. } => Err(Ended),
        }
    }

    pub fn waits(&self) -> bool {
        self.state == State::Gathered
    }

    /// As the tables and the counters name it.
    pub fn state_name(&self) -> &'static str {
        match &self.state {
            State::Gathered => "gathered",
            State::Ended { how: Ending::Answered { .. }, .. } => "answered",
            State::Ended { how: Ending::Returned { .. }, .. } => "returned",
            State::Ended { how: Ending::Withdrawn { .. }, .. } => "withdrawn",
        }
    }
}

impl Digest {
    /// `covid-19/3`: what a sheet says of itself.
    pub fn label(&self) -> String {
        format!("{}/{}", self.code, self.number)
    }
}

/// What is sealed of a digest. Nothing in it tells who asked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    digest: &'a str,
    number: u32,
    group: &'a str,
    gathered_at: String,
    items: Vec<ManifestItem<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManifestItem<'a> {
    item: u32,
    kind: &'static str,
    question: &'a str,
    follow_ups: &'a [String],
}

/// Seals what is gathered: the manifest and its SHA-256.
pub fn seal(
    (code, number): (&str, u32),
    group: &str,
    gathered_at: DateTime<Utc>,
    items: &[Item],
) -> (String, String) {
    let items = items.iter().map(|item| ManifestItem {
        item: item.number,
        kind: item.question.kind().as_str_name(),
        question: &item.question.text,
        follow_ups: &item.question.follow_ups,
    });
    let gathered_at = gathered_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let manifest = Manifest { digest: code, number, group, gathered_at, items: items.collect() };
    let manifest = serde_json::to_string(&manifest).expect("strings and numbers serialise");
    let sha256 = hex(&Sha256::digest(manifest.as_bytes()));
    (manifest, sha256)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(number: u32) -> Item {
        let question = Question { text: format!("Câu {number}"), ..Question::default() };
        Item { number, ticket_id: TicketId(Uuid::nil()), question, state: State::Gathered }
    }

    #[test]
    fn the_seal_is_of_every_word_and_of_the_order() {
        let seal = |items: &[Item]| seal(("covid-19", 3), "to-cong-tac", DateTime::UNIX_EPOCH, items);
        let (manifest, sha256) = seal(&[item(1), item(2)]);
        assert_eq!(seal(&[item(1), item(2)]), (manifest.clone(), sha256.clone()));
        assert_eq!(sha256.len(), 64);
        assert!(manifest.contains("\"item\":2") && manifest.contains("Câu 2"), "{manifest}");
        let mut changed = item(2);
        changed.question.text.push('.');
        for other in [vec![item(1), changed], vec![item(2), item(1)], vec![item(1)]] {
            assert_ne!(seal(&other).1, sha256);
        }
    }

    fn ending() -> impl Strategy<Value = Ending> {
        let word = || prop::sample::select(vec!["a", "b"]).prop_map(str::to_owned);
        prop_oneof![
            word().prop_map(|text| Ending::Answered { text }),
            word().prop_map(|reason| Ending::Returned { reason }),
            word().prop_map(|reason| Ending::Withdrawn { reason }),
        ]
    }

    proptest! {
        /// However often and by whomever items are ended: each ends once, in the first way, and the
        /// digest has nothing that waits if, and only if, every item was ended.
        #[test]
        fn each_item_ends_once(steps in prop::collection::vec((0usize..4, ending()), 0..20)) {
            let mut items: Vec<Item> = (1..=4).map(item).collect();
            let mut first: [Option<Ending>; 4] = Default::default();
            for (n, how) in steps {
                match (items[n].clone().end(how.clone(), "an", DateTime::UNIX_EPOCH), &first[n]) {
                    (Ok(Some(ended)), None) => {
                        items[n] = ended;
                        first[n] = Some(how);
                    }
                    (Ok(None), Some(before)) => prop_assert_eq!(before, &how),
                    (Err(Ended), Some(before)) => prop_assert_ne!(before, &how),
                    (other, before) => prop_assert!(false, "{:?} after {:?}", other, before),
                }
            }
            for (item, first) in items.iter().zip(&first) {
                prop_assert_eq!(item.waits(), first.is_none());
            }
        }
    }
}
