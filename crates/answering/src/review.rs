//! Approval by two persons: one submits a text, another approves it or asks for correction. Pure.

use api::answering::v1::{self, ReviewStage};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Refused, State};

/// A text that a second person is to approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    pub text: String,
    /// As they were named; sorted, each once.
    pub source_ids: Vec<String>,
    pub submitted_by: String,
    pub submitted_at: DateTime<Utc>,
    /// `None`: nobody has asked for one.
    pub correction: Option<Correction>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    pub by: String,
    pub at: DateTime<Utc>,
    pub comment: String,
}

impl Answer {
    /// Has a second person look at `text`. `None`: the same was submitted before.
    pub fn submit(
        mut self,
        seen: u32,
        by: &str,
        text: String,
        source_ids: &[String],
        at: DateTime<Utc>,
    ) -> Result<Option<Self>, Refused> {
        if self.state != State::Drafted {
            return Err(Refused::NotDrafted);
        }
        let source_ids = sorted(source_ids);
        let before = self.review.as_ref().filter(|review| review.correction.is_none());
        if before.is_some_and(|b| b.text == text && b.source_ids == source_ids && b.submitted_by == by) {
            return Ok(None);
        }
        if seen != self.version {
            return Err(Refused::Stale(self.version));
        }
        self.citations(&source_ids)?;
        self.version += 1;
        let submitted_by = by.to_owned();
        self.review = Some(Review { text, source_ids, submitted_by, submitted_at: at, correction: None });
        Ok(Some(self))
    }

    /// The second person wants it changed. `None`: the same was asked before.
    pub fn ask_correction(
        mut self,
        seen: u32,
        by: &str,
        comment: String,
        at: DateTime<Utc>,
    ) -> Result<Option<Self>, Refused> {
        if self.state != State::Drafted {
            return Err(Refused::NotDrafted);
        }
        let Some(review) = &mut self.review else { return Err(Refused::ReviewMissing) };
        match &review.correction {
            Some(before) if before.comment == comment && before.by == by => return Ok(None),
            Some(_) => return Err(Refused::ReviewMissing),
            None => {}
        }
        if review.submitted_by == by {
            return Err(Refused::ReviewerIsAuthor);
        }
        if seen != self.version {
            return Err(Refused::Stale(self.version));
        }
        review.correction = Some(Correction { by: by.to_owned(), at, comment });
        self.version += 1;
        Ok(Some(self))
    }

    /// Whether `by` is the second person to that very text.
    pub fn reviewed(&self, by: &str, text: &str, source_ids: &[String]) -> Result<(), Refused> {
        let review = self.review.as_ref().filter(|review| review.correction.is_none());
        let review = review.ok_or(Refused::ReviewMissing)?;
        if review.submitted_by == by {
            return Err(Refused::ReviewerIsAuthor);
        }
        if review.text != text || review.source_ids != sorted(source_ids) {
            return Err(Refused::ReviewTextChanged);
        }
        Ok(())
    }
}

impl Review {
    pub fn stage(&self) -> ReviewStage {
        if self.correction.is_some() { ReviewStage::Correction } else { ReviewStage::Submitted }
    }

    pub fn snapshot(self) -> v1::Review {
        let stage = self.stage().into();
        let (commented_at, correction) = (self.correction.as_ref().map(|said| said.at), self.correction);
        let (commented_by, comment) = correction.map(|said| (said.by, said.comment)).unwrap_or_default();
        v1::Review {
            stage,
            text: self.text,
            source_ids: self.source_ids,
            submitted_by: self.submitted_by,
            submitted_at: Some(api::timestamp(self.submitted_at)),
            comment,
            commented_by,
            commented_at: commented_at.map(api::timestamp),
        }
    }
}

fn sorted(source_ids: &[String]) -> Vec<String> {
    let mut sorted = source_ids.to_vec();
    sorted.sort();
    sorted.dedup();
    sorted
}

#[cfg(test)]
mod tests {
    use api::{TicketId, intake::v1::Question, knowledge::v1::Verdict, routing::v1::Binding};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::answer::{Custody, Draft};

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn custody() -> Custody {
        let (unit, unit_name, field) = ("a".into(), String::new(), String::new());
        Custody { unit, unit_name, field, due_at: AT, binding: Binding::Unspecified }
    }

    fn draft() -> Draft {
        Draft { text: String::new(), verdict: Verdict::default(), sources: Vec::new() }
    }

    fn drafted() -> Answer {
        Answer::draft(TicketId(Uuid::from_u128(1)), 2, Question::default(), custody(), draft())
    }

    fn submit(answer: Answer, by: &str, text: &str) -> Result<Option<Answer>, Refused> {
        let seen = answer.version;
        answer.submit(seen, by, text.into(), &[], AT)
    }

    #[test]
    fn another_person_approves_what_was_submitted() {
        assert_eq!(drafted().reviewed("binh", "đáp", &[]), Err(Refused::ReviewMissing));
        let submitted = submit(drafted(), "an", "đáp").unwrap().unwrap();
        assert_eq!(submitted.version, 4);
        assert_eq!(submit(submitted.clone(), "an", "đáp"), Ok(None));
        assert_eq!(submitted.reviewed("an", "đáp", &[]), Err(Refused::ReviewerIsAuthor));
        assert_eq!(submitted.reviewed("binh", "khác", &[]), Err(Refused::ReviewTextChanged));
        assert_eq!(submitted.reviewed("binh", "đáp", &["s1".into()]), Err(Refused::ReviewTextChanged));
        assert_eq!(submitted.reviewed("binh", "đáp", &[]), Ok(()));
        let moved = submitted.clone().reroute(9, Question::default(), custody(), draft()).unwrap();
        assert_eq!(moved.review, None);
        assert_eq!(submitted.submit(3, "an", "lại".into(), &[], AT), Err(Refused::Stale(4)));
    }

    #[test]
    fn a_correction_is_asked_for_once_by_another_person() {
        let ask = |answer: Answer, by: &str, comment: &str| {
            let seen = answer.version;
            answer.ask_correction(seen, by, comment.into(), AT)
        };
        assert_eq!(ask(drafted(), "binh", "ngắn"), Err(Refused::ReviewMissing));
        let submitted = submit(drafted(), "an", "đáp").unwrap().unwrap();
        assert_eq!(ask(submitted.clone(), "an", "ngắn"), Err(Refused::ReviewerIsAuthor));
        let asked = ask(submitted, "binh", "ngắn").unwrap().unwrap();
        assert_eq!(ask(asked.clone(), "binh", "ngắn"), Ok(None));
        assert_eq!(ask(asked.clone(), "chi", "ngắn"), Err(Refused::ReviewMissing));
        assert_eq!(asked.reviewed("binh", "đáp", &[]), Err(Refused::ReviewMissing));
        let again = submit(asked, "an", "đáp").unwrap().unwrap();
        assert_eq!(again.reviewed("binh", "đáp", &[]), Ok(()));
    }

    proptest! {
        /// Whoever does what in whatever order: nothing passes that its author alone has seen.
        #[test]
        fn nobody_approves_their_own_text(
            steps in prop::collection::vec((0u8..3, 0usize..3, 0usize..2, 0u32..2), 1..30),
        ) {
            let (persons, texts) = (["an", "binh", "chi"], ["đáp", "khác"]);
            let mut answer = drafted();
            for (what, person, text, behind) in steps {
                let (by, text, seen) = (persons[person], texts[text], answer.version - behind);
                let after = match what {
                    0 => answer.clone().submit(seen, by, text.into(), &[], AT),
                    1 => answer.clone().ask_correction(seen, by, text.into(), AT),
                    _ => Ok(None),
                };
                if let Ok(Some(after)) = after {
                    prop_assert_eq!((behind, after.version), (0, answer.version + 1));
                    answer = after;
                }
                if answer.reviewed(by, text, &[]).is_ok() {
                    let review = answer.review.as_ref().unwrap();
                    prop_assert!(review.submitted_by != by && review.text == text);
                    prop_assert_eq!(&review.correction, &None);
                }
            }
        }
    }
}
