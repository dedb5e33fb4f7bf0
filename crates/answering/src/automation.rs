//! Sending a draft without a hand, and what officers make of drafts. Pure: no async, no SQL, no clock.

use api::{
    answering::v1::{AutomationMode, DraftOutcome, DraftUse},
    intake::v1::{Kind, Question},
};
use chrono::{DateTime, Utc};

use crate::answer::Draft;

/// What a unit lets happen to drafts of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Off,
    /// Nothing is sent, but it is noted what would have been.
    Shadow,
    On,
}

impl Mode {
    /// As it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Shadow => "shadow",
            Self::On => "on",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Off, Self::Shadow, Self::On].into_iter().find(|mode| mode.name() == name)
    }
}

impl From<Mode> for AutomationMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Off => Self::Off,
            Mode::Shadow => Self::Shadow,
            Mode::On => Self::On,
        }
    }
}

/// A back-test on file.
#[derive(Debug, Clone, PartialEq)]
pub struct BackTest {
    pub drafted: u32,
    pub correct: u32,
    /// The calibration that was tested.
    pub calibration: String,
    pub filed_by: String,
    pub filed_at: DateTime<Utc>,
}

impl BackTest {
    /// Wilson's lower bound of the precision, 95 %.
    pub fn precision_lower(&self) -> f64 {
        runtime::wilson(self.correct, self.drafted).0
    }
}

/// A unit's field.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub mode: Mode,
    /// The least lower bound of the back-test's precision.
    pub target: f64,
    /// The newest on file.
    pub back_test: Option<BackTest>,
}

/// Why a policy can't be on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NotProven {
    Missing,
    /// The bound that the back-test reaches.
    Below(f64),
}

impl Policy {
    /// Whether it may be on.
    pub fn proof(&self) -> Result<&BackTest, NotProven> {
        let back_test = self.back_test.as_ref().ok_or(NotProven::Missing)?;
        let reached = back_test.precision_lower();
        if reached < self.target { Err(NotProven::Below(reached)) } else { Ok(back_test) }
    }

    /// What may happen to a new draft. A question that was asked before, a verdict of another
    /// calibration than the tested one, or a newer back-test that proves less, all need a person. So does
    /// a report: what was done about the last one does not answer it.
    pub fn decide(&self, question: &Question, draft: &Draft) -> Mode {
        let asks = question.kind() != Kind::Report && question.follow_ups.is_empty();
        let drafted = !draft.text.is_empty() && asks;
        let proven = || self.proof().is_ok_and(|test| test.calibration == draft.verdict.calibration);
        match self.mode {
            Mode::On if drafted && proven() => Mode::On,
            // Also where proof is lacking: what would have been sent stays visible.
            Mode::On | Mode::Shadow if drafted => Mode::Shadow,
            Mode::Off | Mode::Shadow | Mode::On => Mode::Off,
        }
    }
}

/// More words changed than this: another answer was written. Of our own choosing.
const EDIT_SHARE_MAX: f64 = 0.5;

/// What an officer's answer makes of the draft; `None`: there was no draft. `rejected`: the officer
/// says that it answers another question.
pub fn judge(draft: &Draft, answer: &str, rejected: bool) -> Option<DraftUse> {
    let source = draft.sources.first().filter(|_| !draft.text.is_empty())?;
    let edit_share = edit_share(&draft.text, answer);
    let outcome = if rejected || edit_share > EDIT_SHARE_MAX {
        DraftOutcome::Rejected
    } else if edit_share > 0.0 {
        DraftOutcome::Edited
    } else {
        DraftOutcome::Accepted
    };
    let probability = draft.verdict.probability;
    Some(DraftUse { outcome: outcome.into(), edit_share, probability, source_id: source.id.clone() })
}

/// What the asker of an automatic answer says of it by asking again.
pub fn rejected_by_asker(draft: &Draft) -> Option<DraftUse> {
    judge(draft, &draft.text, true)
}

/// Words to insert, delete or replace (Levenshtein 1966), of the longer text's words: 0 to 1.
fn edit_share(draft: &str, answer: &str) -> f64 {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (draft, answer) = (words(draft), words(answer));
    let share = |edits: usize, of: usize| {
        let [edits, of] = [edits, of].map(|n| f64::from(u32::try_from(n).unwrap_or(u32::MAX)));
        edits / of.max(1.0)
    };
    share(strsim::generic_levenshtein(&draft, &answer), draft.len().max(answer.len()))
}

#[cfg(test)]
mod tests {
    use api::knowledge::v1::{Band, Neighbour, Verdict};
    use proptest::prelude::*;

    use super::*;

    fn draft(text: &str) -> Draft {
        let verdict = Verdict { band: Band::Reuse.into(), calibration: "c".into(), ..Verdict::default() };
        Draft {
            text: text.into(),
            verdict,
            sources: vec![Neighbour { id: "s".into(), ..Neighbour::default() }],
        }
    }

    fn policy(mode: Mode, correct: u32) -> Policy {
        let back_test = BackTest {
            drafted: 200,
            correct,
            calibration: "c".into(),
            filed_by: "an".into(),
            filed_at: DateTime::UNIX_EPOCH,
        };
        Policy { mode, target: 0.95, back_test: Some(back_test) }
    }

    fn decided(policy: &Policy, draft: &Draft, follow_ups: usize) -> Mode {
        let question = Question { follow_ups: vec![String::new(); follow_ups], ..Question::default() };
        policy.decide(&question, draft)
    }

    #[test]
    fn a_report_waits_for_a_person() {
        let report = Question { kind: Kind::Report.into(), ..Question::default() };
        assert_eq!(policy(Mode::On, 199).decide(&report, &draft("đã sửa")), Mode::Off);
    }

    #[test]
    fn only_a_proven_draft_of_the_tested_calibration_is_sent() {
        assert_eq!(decided(&policy(Mode::On, 199), &draft("đáp"), 0), Mode::On);
        assert_eq!(decided(&policy(Mode::On, 199), &draft("đáp"), 1), Mode::Off);
        assert_eq!(decided(&policy(Mode::On, 199), &draft(""), 0), Mode::Off);
        assert_eq!(decided(&policy(Mode::On, 190), &draft("đáp"), 0), Mode::Shadow);
        let mut other = draft("đáp");
        other.verdict.calibration = "d".into();
        assert_eq!(decided(&policy(Mode::On, 199), &other, 0), Mode::Shadow);
        assert_eq!(
            decided(&Policy { back_test: None, ..policy(Mode::On, 0) }, &draft("đáp"), 0),
            Mode::Shadow
        );
        assert_eq!(decided(&policy(Mode::Shadow, 0), &draft("đáp"), 0), Mode::Shadow);
        assert_eq!(decided(&policy(Mode::Off, 200), &draft("đáp"), 0), Mode::Off);
    }

    #[test]
    fn a_precision_alone_is_no_proof() {
        // 190 of 200 are 0.95, but may be luck.
        assert!(matches!(policy(Mode::Off, 190).proof(), Err(NotProven::Below(reached)) if reached < 0.95));
        assert_eq!(Policy { back_test: None, ..policy(Mode::Off, 0) }.proof(), Err(NotProven::Missing));
    }

    #[test]
    fn drafts_are_judged_by_what_was_published() {
        let outcome =
            |answer: &str, rejected| judge(&draft("một hai ba bốn"), answer, rejected).unwrap().outcome();
        assert_eq!(outcome("một  hai ba\nbốn", false), DraftOutcome::Accepted);
        assert_eq!(outcome("một hai ba năm", false), DraftOutcome::Edited);
        assert_eq!(outcome("bốn ba hai một sáu bảy", false), DraftOutcome::Rejected);
        assert_eq!(outcome("một hai ba bốn", true), DraftOutcome::Rejected);
        assert_eq!(judge(&draft(""), "đáp", false), None);
    }

    proptest! {
        #[test]
        fn an_edit_share_is_a_share(a in "[a-c ]{0,30}", b in "[a-c ]{0,30}") {
            let share = edit_share(&a, &b);
            prop_assert!((0.0..=1.0).contains(&share));
            prop_assert_eq!(share == 0.0, a.split_whitespace().eq(b.split_whitespace()));
            prop_assert!((share - edit_share(&b, &a)).abs() < 1e-12);
        }
    }
}
