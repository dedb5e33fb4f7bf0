//! How telling a word is: one that most stored questions have says little, one that few have is what
//! a question is about.

use std::collections::{HashMap, HashSet};

use crate::text;

/// Questions that shares are read as being of, at least.
const QUESTIONS_MIN: u32 = 1_000;

/// In how many stored questions each accent-folded syllable occurs.
#[derive(Debug, Default, Clone)]
pub struct Rarity {
    having: HashMap<String, u32>,
    questions: u32,
}

impl Rarity {
    /// Counts one stored question.
    pub fn learn(&mut self, folded: &str) {
        self.questions += 1;
        for syllable in text::syllables(folded).collect::<HashSet<_>>() {
            match self.having.get_mut(syllable) {
                Some(count) => *count += 1,
                None => drop(self.having.insert(syllable.to_owned(), 1)),
            }
        }
    }

    /// Inverse document frequency: ln((N + 1) / (n + 1/2)), with N questions of which n have it. A store
    /// of fewer than [`QUESTIONS_MIN`] counts as so many, with the same shares: what a small or unread
    /// store has not seen is rare, not common.
    pub fn weight(&self, folded_syllable: &str) -> f32 {
        let having = f64::from(self.having.get(folded_syllable).copied().unwrap_or(0));
        let questions = f64::from(self.questions.max(QUESTIONS_MIN));
        let having = having * questions / f64::from(self.questions.max(1));
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm below 30")]
        let weight = ((questions + 1.0) / (having + 0.5)).ln() as f32;
        weight.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fewer_questions_have_weighs_more() {
        let mut rarity = Rarity::default();
        for question in ["cap the", "cap the the", "cap giay"] {
            rarity.learn(question);
        }
        assert!(rarity.weight("giay") > rarity.weight("the"));
        assert!(rarity.weight("the") > rarity.weight("cap"));
        assert!(rarity.weight("xe") > rarity.weight("giay"));
        assert!(Rarity::default().weight("xe") >= rarity.weight("xe"), "nothing is known yet");
    }
}
