//! The reuse verdict: may the best neighbour's answer be the draft? Pure: texts and scores in,
//! probability, band and reasons out.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use api::knowledge::v1::Band;
use serde::Deserialize;

use crate::{
    calibration::Calibration,
    lexical,
    slots::{self, Comparison},
    text::{self, Text},
};

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

/// A pair of questions in numbers; also the shape of a calibration's weights.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Features {
    pub cosine: f64,
    /// Cosine above the best neighbour with another answer; negative when that one is nearer.
    pub margin: f64,
    /// Dice of accent-folded syllables and bigrams, 0 to 1.
    pub overlap: f64,
    /// Jaccard of syllables weighed by how few of the neighbours have them, 0 to 1.
    pub rarity_overlap: f64,
    /// ln(1 + syllables that only the asked question has and that are no function words).
    pub asked_only: f64,
    pub stored_only: f64,
    pub disagreements: f64,
    /// ln(1 + numbers that only one of the two states).
    pub one_sided: f64,
    /// Lexical score by the best neighbour's, 0 to 1.
    pub lexical_share: f64,
}

impl Features {
    /// All of them, in one fixed order.
    pub fn values(&self) -> [f64; 9] {
        [
            self.cosine,
            self.margin,
            self.overlap,
            self.rarity_overlap,
            self.asked_only,
            self.stored_only,
            self.disagreements,
            self.one_sided,
            self.lexical_share,
        ]
    }
}

/// What is said of the best neighbour.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub band: Band,
    /// That the best neighbour's answer answers the question, 0 to 1.
    pub probability: f64,
    /// In words an officer can read (Vietnamese).
    pub reasons: Vec<String>,
}

/// The same words can still be asked in another situation.
const EXACT: f64 = 0.99;

/// A neighbour with another answer this near makes the best one doubtful.
const CLOSE: f64 = 0.01;

/// The most disagreements that are told.
const REASONS_MAX: usize = 5;

/// The candidates' places in order of probability, best first, and the verdict on the best one.
pub fn judge(
    asked: &Text,
    candidates: &[Candidate<'_>],
    calibration: &Calibration,
) -> (Vec<(usize, f64)>, Verdict) {
    let described = features(asked, candidates);
    let mut ranked: Vec<(usize, f64)> = described
        .iter()
        .zip(candidates)
        .map(|((features, _), candidate)| {
            let stored = candidate.question;
            let fitted = calibration.probability(features, asked.undiacritised || stored.undiacritised);
            if same(asked, stored) { EXACT } else { fitted.min(EXACT) }
        })
        .enumerate()
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let Some(&(best, probability)) = ranked.first() else {
        let reasons = vec!["Kho chưa có câu nào gần với câu hỏi này".to_owned()];
        return (ranked, Verdict { band: Band::None, probability: 0.0, reasons });
    };
    let (features, compared) = &described[best];
    let candidate = &candidates[best];
    let exact = same(asked, candidate.question);
    let twin = exact && candidates.iter().any(|c| same(asked, c.question) && c.answer != candidate.answer);
    let mut band = calibration.band(probability, asked.undiacritised || candidate.question.undiacritised);
    if band == Band::Reuse && (twin || (!exact && !compared.disagreements.is_empty())) {
        band = Band::Suggest;
    }
    let mut reasons = vec![likeness(asked, features, band, exact)];
    reasons.extend(compared.disagreements.iter().take(REASONS_MAX).map(ToString::to_string));
    if twin {
        reasons.push("Kho có hai câu trả lời khác nhau cho cùng câu hỏi này".to_owned());
    } else if !exact && band != Band::None && features.margin < CLOSE {
        reasons.push("Có câu khác, câu trả lời khác, cũng gần như vậy".to_owned());
    }
    (ranked, Verdict { band, probability, reasons })
}

fn likeness(asked: &Text, features: &Features, band: Band, exact: bool) -> String {
    if exact {
        "Trùng với câu đã trả lời".to_owned()
    } else if band == Band::None {
        "Không có câu đã trả lời nào đủ gần".to_owned()
    } else if asked.undiacritised {
        format!("Gõ không dấu; trùng {:.0} % từ ngữ với câu đã trả lời", features.overlap * 100.0)
    } else {
        format!("Giống câu đã trả lời đến {:.0} %", features.cosine * 100.0)
    }
}

/// Equal as far as both can be compared.
fn same(asked: &Text, stored: &Text) -> bool {
    asked.facing(stored) == stored.facing(asked)
}

static FUNCTION_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let words = include_str!("../data/function_words.txt").split_whitespace();
    words.flat_map(|word| [word.to_owned(), text::fold(word)]).collect()
});

/// Each candidate's features, in their order.
fn features(asked: &Text, candidates: &[Candidate<'_>]) -> Vec<(Features, Comparison)> {
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
        let features = Features {
            cosine: candidate.cosine.into(),
            margin: margin(candidate, candidates),
            overlap: dice(&asked_terms, &stored_terms),
            rarity_overlap: rarity.overlap(&asked.folded, &candidate.question.folded),
            asked_only: asked_only.ln_1p(),
            stored_only: stored_only.ln_1p(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(asked: &str, stored: &[(&str, &str, f32)]) -> Verdict {
        let texts: Vec<Text> = stored.iter().map(|(question, ..)| Text::read(question)).collect();
        let candidates: Vec<Candidate<'_>> = stored
            .iter()
            .zip(&texts)
            .map(|((_, answer, cosine), question)| Candidate {
                question,
                answer,
                cosine: *cosine,
                lexical: 9.0,
            })
            .collect();
        let calibration = Calibration::load(None, "multilingual-e5-small-int4").unwrap();
        judge(&Text::read(asked), &candidates, &calibration).1
    }

    #[test]
    fn the_same_words_are_reused() {
        let stored = [("Cấp lại thẻ BHYT ở đâu?", "Ở BHXH.", 1.0)];
        let said = verdict("cấp lại thẻ bảo hiểm y tế ở đâu", &stored);
        assert_eq!(said.band, Band::Reuse);
        assert_eq!(said.reasons, ["Trùng với câu đã trả lời"]);
        assert_eq!(verdict("cap lai the bao hiem y te o dau", &stored).band, Band::Reuse);
    }

    #[test]
    fn two_answers_to_the_same_words_are_for_the_officer() {
        let said = verdict(
            "Mở cửa lúc mấy giờ?",
            &[("mở cửa lúc mấy giờ", "7 giờ", 1.0), ("Mở cửa lúc mấy giờ", "8 giờ", 1.0)],
        );
        assert_eq!(said.band, Band::Suggest);
    }

    #[test]
    fn a_disagreement_is_never_more_than_a_suggestion() {
        let said =
            verdict("Tiêm mũi 2 vắc xin ở đâu?", &[("Tiêm mũi 3 vắc xin ở đâu?", "Ở trạm y tế.", 0.999)]);
        assert_eq!(said.band, Band::Suggest);
        assert!(said.reasons.contains(&"Khác thứ tự: 2 ↔ 3".to_owned()), "{:?}", said.reasons);
    }

    #[test]
    fn nothing_stored_gives_nothing() {
        assert_eq!(verdict("Mở cửa lúc mấy giờ?", &[]).band, Band::None);
    }

    #[test]
    fn a_lone_stranger_is_no_match() {
        let said =
            verdict("Mở cửa lúc mấy giờ?", &[("Thủ tục nhập khẩu gỗ tròn thế nào?", "Theo quy định.", 0.82)]);
        assert_eq!(said.band, Band::None);
    }
}
