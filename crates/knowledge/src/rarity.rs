//! How telling a word is: one that most stored questions have says little, one that few have is what
//! a question is about.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use crate::text;

/// A store of fewer questions is filled up to so many with the language's own.
const QUESTIONS_MIN: u32 = 1_000;

/// Of questions in general, the share that has a syllable; of the rarer ones nothing is said.
static COMMON: LazyLock<HashMap<&str, f64>> = LazyLock::new(|| {
    let lines = include_str!("../data/syllables.tsv").lines().filter(|line| !line.starts_with('#'));
    let share = |line: &'static str| {
        let (syllable, in_10_000) = line.split_once('\t')?;
        Some((syllable, in_10_000.parse::<f64>().ok()? / 10_000.0))
    };
    lines.filter_map(share).collect()
});

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

    /// Inverse document frequency: ln((N + 1) / (n + 1/2)), with N questions of which n have it. What few
    /// questions have of a word says little, so below [`QUESTIONS_MIN`] the rest is thought to be as questions
    /// are in general: two of six that name a cat don't make cats common.
    pub fn weight(&self, folded_syllable: &str) -> f32 {
        let questions = self.questions.max(QUESTIONS_MIN);
        let filled = f64::from(questions - self.questions);
        let elsewhere = filled * COMMON.get(folded_syllable).copied().unwrap_or(0.0);
        let having = f64::from(self.having.get(folded_syllable).copied().unwrap_or(0)) + elsewhere;
        #[expect(clippy::cast_possible_truncation, reason = "a logarithm below 30")]
        let weight = ((f64::from(questions) + 1.0) / (having + 0.5)).ln() as f32;
        weight.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fewer_questions_have_weighs_more() {
        let mut rarity = Rarity::default();
        for question in ["aa bb", "aa bb bb", "aa cc"] {
            rarity.learn(question);
        }
        assert!(rarity.weight("cc") > rarity.weight("bb"));
        assert!(rarity.weight("bb") > rarity.weight("aa"));
        assert!(rarity.weight("dd") > rarity.weight("cc"));
    }

    #[test]
    fn a_small_store_does_not_make_words_common_or_rare() {
        let mut rarity = Rarity::default();
        for question in ["meo sua", "meo can", "cho sua"] {
            rarity.learn(question);
        }
        assert!(rarity.weight("meo") > 5.0, "{}", rarity.weight("meo"));
        assert!(rarity.weight("duoc") < 2.0, "{}", rarity.weight("duoc"));
        for _ in 0..1_000 {
            rarity.learn("cap giay");
        }
        assert!(rarity.weight("duoc") > 5.0, "a full store speaks for itself");
    }

    /// The shares are those of `docs/evaluation/near`: what a question in general is.
    #[test]
    fn the_common_syllables_are_counted_over_the_near_set() {
        let near = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/evaluation/near");
        let files = [("answered", "question"), ("asked-fit", "text"), ("asked-held", "text")];
        let mut all = Rarity::default();
        for (file, name) in files {
            let lines = std::fs::read_to_string(near.join(file).with_extension("jsonl")).unwrap();
            for line in lines.lines() {
                let one: serde_json::Value = serde_json::from_str(line).unwrap();
                all.learn(&text::Text::read(one[name].as_str().unwrap()).folded);
            }
        }
        let in_10_000 = |having: u32| (f64::from(having) * 10_000.0 / f64::from(all.questions)).round();
        let mut counted: Vec<(&str, f64)> =
            all.having.iter().map(|(syllable, having)| (syllable.as_str(), in_10_000(*having))).collect();
        counted.retain(|(_, share)| *share >= 10.0);
        counted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        let lines: Vec<String> = counted.iter().map(|(word, share)| format!("{word}\t{share}")).collect();
        let file = include_str!("../data/syllables.tsv");
        let kept: Vec<&str> = file.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(kept, lines);
    }
}
