//! The reuse verdict: may the best neighbour's answer be the draft? Pure: texts and scores in,
//! probability, band and reasons out.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use crate::{
    calibration::Calibration,
    lexical,
    slots::{self, Comparison},
    text::{self, Text},
};

/// How many numbers describe a pair of questions.
pub const FEATURES: usize = 12;

/// Their names in the calibration file, in the order of [`Features::values`].
pub const NAMES: [&str; FEATURES] = [
    "cosine",
    "margin",
    "overlap",
    "content_overlap",
    "rarity_overlap",
    "asked_only",
    "stored_only",
    "length_ratio",
    "length",
    "disagreements",
    "one_sided",
    "lexical_share",
];

/// What the index and the store say of one neighbour.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    pub question: &'a Text,
    pub answer: &'a str,
    /// Cosine similarity of the two questions, -1 to 1.
    pub cosine: f32,
    /// The lexical leg's score, 0 or more.
    pub lexical: f32,
}

/// A pair of questions in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    pub cosine: f64,
    /// Cosine above the best neighbour with another answer; negative when that one is nearer.
    pub margin: f64,
    /// Dice of accent-folded syllables and bigrams, 0 to 1.
    pub overlap: f64,
    /// Dice of the syllables that are not function words, 0 to 1.
    pub content_overlap: f64,
    /// Jaccard of syllables weighed by how few of the neighbours have them, 0 to 1.
    pub rarity_overlap: f64,
    /// ln(1 + content syllables that only the asked question has).
    pub asked_only: f64,
    pub stored_only: f64,
    /// Syllables of the shorter by syllables of the longer, 0 to 1.
    pub length_ratio: f64,
    /// ln(1 + syllables of the asked question).
    pub length: f64,
    pub disagreements: f64,
    /// ln(1 + numbers that only one of the two states).
    pub one_sided: f64,
    /// Lexical score by the best neighbour's, 0 to 1.
    pub lexical_share: f64,
}

impl Features {
    pub fn values(&self) -> [f64; FEATURES] {
        [
            self.cosine,
            self.margin,
            self.overlap,
            self.content_overlap,
            self.rarity_overlap,
            self.asked_only,
            self.stored_only,
            self.length_ratio,
            self.length,
            self.disagreements,
            self.one_sided,
            self.lexical_share,
        ]
    }
}

static FUNCTION_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let words = include_str!("../data/function_words.txt").split_whitespace();
    words.flat_map(|word| [word.to_owned(), text::fold(word)]).collect()
});

/// Each candidate's features, in their order.
pub fn features(asked: &Text, candidates: &[Candidate<'_>]) -> Vec<(Features, Comparison)> {
    let asked_terms: HashSet<String> = lexical::terms(&asked.folded).collect();
    let rarity = Rarity::among(candidates);
    let best_lexical = candidates.iter().map(|c| c.lexical).fold(0.0, f32::max);
    let describe = |candidate: &Candidate<'_>| {
        let compared = slots::compare(asked, candidate.question);
        let stored_terms: HashSet<String> = lexical::terms(&candidate.question.folded).collect();
        let left: HashSet<&str> = text::syllables(asked.facing(candidate.question)).collect();
        let right: HashSet<&str> = text::syllables(candidate.question.facing(asked)).collect();
        let content = |words: &HashSet<&str>| -> f64 {
            count(words.iter().filter(|word| !FUNCTION_WORDS.contains(**word)).count())
        };
        let (asked_only, stored_only) = (content(&(&left - &right)), content(&(&right - &left)));
        let both = content(&(&left & &right));
        let lengths = [asked, candidate.question].map(|t| count(text::syllables(&t.folded).count()).max(1.0));
        let features = Features {
            cosine: candidate.cosine.into(),
            margin: margin(candidate, candidates),
            overlap: dice(&asked_terms, &stored_terms),
            content_overlap: 2.0 * both / (2.0 * both + asked_only + stored_only).max(1.0),
            rarity_overlap: rarity.overlap(&asked.folded, &candidate.question.folded),
            asked_only: asked_only.ln_1p(),
            stored_only: stored_only.ln_1p(),
            length_ratio: lengths[0].min(lengths[1]) / lengths[0].max(lengths[1]),
            length: lengths[0].ln_1p(),
            disagreements: count(compared.disagreements.len()),
            one_sided: count(compared.one_sided).ln_1p(),
            lexical_share: if best_lexical > 0.0 { (candidate.lexical / best_lexical).into() } else { 0.0 },
        };
        (features, compared)
    };
    candidates.iter().map(describe).collect()
}

/// Margins are bounded: far neighbours say nothing more.
const MARGIN_MAX: f64 = 0.1;

fn margin(candidate: &Candidate<'_>, all: &[Candidate<'_>]) -> f64 {
    let others = all.iter().filter(|other| other.answer != candidate.answer);
    let best = others.map(|other| other.cosine).fold(-1.0, f32::max);
    f64::from(candidate.cosine - best).clamp(-MARGIN_MAX, MARGIN_MAX)
}

fn dice(a: &HashSet<String>, b: &HashSet<String>) -> f64 {
    2.0 * count(a.intersection(b).count()) / count(a.len() + b.len()).max(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "counts of words in a text of 5,000 characters")]
fn count(n: usize) -> f64 {
    n as f64
}

/// How telling a syllable is here: one that most neighbours share is the template's, one that few
/// have is what the question is about.
struct Rarity<'a> {
    having: HashMap<&'a str, usize>,
    candidates: usize,
}

impl<'a> Rarity<'a> {
    fn among(candidates: &[Candidate<'a>]) -> Self {
        let mut having = HashMap::new();
        for candidate in candidates {
            for word in text::syllables(&candidate.question.folded).collect::<HashSet<_>>() {
                *having.entry(word).or_insert(0) += 1;
            }
        }
        Self { having, candidates: candidates.len() }
    }

    fn weight(&self, word: &str) -> f64 {
        let having = count(self.having.get(word).copied().unwrap_or(0));
        ((count(self.candidates) + 1.0) / (having + 0.5)).ln().max(0.1)
    }

    fn overlap(&self, asked: &str, stored: &str) -> f64 {
        let asked: HashSet<&str> = text::syllables(asked).collect();
        let stored: HashSet<&str> = text::syllables(stored).collect();
        let sum = |words: &mut dyn Iterator<Item = &&str>| words.map(|word| self.weight(word)).sum::<f64>();
        sum(&mut asked.intersection(&stored)) / sum(&mut asked.union(&stored)).max(f64::MIN_POSITIVE)
    }
}
