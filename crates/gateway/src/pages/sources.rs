//! What a draft is made from, beside it on the officer's page.

use api::knowledge::v1 as knowledge;

use super::{
    marks::{self, Run},
    words,
};
use crate::language::Language;

/// Below this probability of being the same question nothing is compared word by word, and all but the first
/// are put aside: marks would be everywhere and say nothing.
const ALIKE_MIN: f64 = 0.01;

#[derive(Default)]
pub(super) struct Sources {
    pub near: Vec<Neighbour>,
    /// Far less alike: shown when they are asked for.
    pub aside: Vec<Neighbour>,
}

pub(super) struct Neighbour {
    pub id: String,
    /// What is asked, with the words marked that the other does not have; empty: they are not compared.
    pub asked: Vec<Run>,
    pub question: Vec<Run>,
    pub answer: String,
    pub about: String,
    pub cited: bool,
    /// Its answer is shown at once.
    pub open: bool,
}

impl Sources {
    pub fn new(
        language: Language,
        asked: &str,
        sources: Vec<knowledge::Neighbour>,
        cited: &[String],
    ) -> Self {
        let mut found = Self::default();
        for (at, source) in sources.into_iter().enumerate() {
            let is_alike = source.probability >= ALIKE_MIN;
            let mut neighbour = Neighbour::new(language, asked, source, is_alike);
            neighbour.open = at == 0;
            neighbour.cited = cited.contains(&neighbour.id);
            // What is cited is never out of sight.
            let to = if at == 0 || is_alike || neighbour.cited { &mut found.near } else { &mut found.aside };
            to.push(neighbour);
        }
        found
    }

    pub fn is_empty(&self) -> bool {
        self.near.is_empty()
    }

    pub fn aside_count(&self) -> u32 {
        u32::try_from(self.aside.len()).unwrap_or(u32::MAX)
    }

    /// Ids of those that are cited.
    pub fn cited(&self) -> Vec<String> {
        self.near.iter().filter(|source| source.cited).map(|source| source.id.clone()).collect()
    }
}

impl Neighbour {
    fn new(language: Language, asked: &str, source: knowledge::Neighbour, is_alike: bool) -> Self {
        let alike = format!("{} {}", language.say("reply-alike"), words::decimal(language, source.score));
        let same = format!("{} {}", language.say("reply-same"), words::percent(language, source.probability));
        let (asked, question) = if is_alike {
            (marks::differing(asked, &source.question), marks::differing(&source.question, asked))
        } else {
            (Vec::new(), vec![Run { text: source.question, marked: false }])
        };
        Self {
            id: source.id,
            asked,
            question,
            answer: source.answer,
            about: words::joined([alike.as_str(), &same, &source.source]),
            cited: false,
            open: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(probabilities: &[f64], cited: &[String]) -> Sources {
        let source = |(at, &probability): (usize, &f64)| knowledge::Neighbour {
            id: at.to_string(),
            question: "thuế năm 2025".into(),
            probability,
            ..knowledge::Neighbour::default()
        };
        let sources = probabilities.iter().enumerate().map(source).collect();
        Sources::new(Language::Vietnamese, "thuế năm 2026", sources, cited)
    }

    fn ids(neighbours: &[Neighbour]) -> Vec<&str> {
        neighbours.iter().map(|source| source.id.as_str()).collect()
    }

    #[test]
    fn what_is_far_less_alike_is_put_aside_unless_it_is_first_or_cited() {
        let sources = of(&[0.9, 0.2, 0.002, 0.001], &["3".to_owned()]);
        assert_eq!((ids(&sources.near), ids(&sources.aside)), (vec!["0", "1", "3"], vec!["2"]));
        assert_eq!(sources.cited(), ["3"]);
        assert!(sources.near[0].open && !sources.near[1].open);
        let sources = of(&[0.002], &[]);
        assert_eq!((ids(&sources.near), sources.aside_count()), (vec!["0"], 0));
    }

    #[test]
    fn only_what_is_alike_is_compared_word_by_word() {
        let marked = |source: &Neighbour| source.question.iter().any(|run| run.marked);
        let sources = of(&[0.9, 0.001], &[]);
        assert!(marked(&sources.near[0]) && !sources.near[0].asked.is_empty());
        assert!(!marked(&sources.aside[0]) && sources.aside[0].asked.is_empty());
    }
}
