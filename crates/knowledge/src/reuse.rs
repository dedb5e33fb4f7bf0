//! The reuse verdict: may the best neighbour's answer be the draft? Pure: questions and scores in,
//! probability, band and reasons out.

use api::knowledge::v1::Band;
use rayon::iter::{IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _};

use crate::{
    calibration::Calibration,
    learned::Learned,
    pair::{self, FEATURES, OF_COMPANY, Question},
    rarity::Rarity,
    slots::{self, Comparison},
    text::{self, Text},
    words::{WORDS_MAX, WordVectors},
};

/// What the index and the store say of one neighbour.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    pub answer: &'a str,
    /// Cosine similarity of the two questions, -1 to 1.
    pub cosine: f32,
    /// The lexical leg's score, 0 or more.
    pub lexical: f32,
}

/// A neighbour's question, read.
#[derive(Debug, Clone)]
pub struct Read<'a> {
    pub question: &'a Text,
    pub words: &'a WordVectors,
}

/// What is said of the best neighbour.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub band: Band,
    /// That the best neighbour's answer answers the question, 0 to 1.
    pub probability: f64,
    /// Something disagrees, so that it is never above `suggest`.
    pub capped: bool,
    /// In words an officer can read (Vietnamese).
    pub reasons: Vec<String>,
}

/// One candidate as the calibration sees it, in the order of [`FEATURES`], and what disagrees.
#[derive(Debug)]
pub struct Described {
    pub inputs: [f32; FEATURES.len()],
    /// The comparer's score.
    pub comparer_score: f32,
    pub compared: Comparison,
}

/// Candidates that are looked at word by word, the first of those found; the others are company.
pub const SHORTLIST: usize = 16;

/// The same words can still be asked in another situation.
const EXACT: f64 = 0.99;

/// A neighbour with another answer this near makes the best one doubtful.
const CLOSE: f64 = 0.01;

/// The most disagreements that are told.
const REASONS_MAX: usize = 5;

/// Neighbours whose mean cosine is the density.
const DENSE: usize = 10;

/// The candidates' places in order of probability, best first, and the verdict on the best one.
/// Candidates come as the index found them, best first; `shortlist` has the questions of the first [`SHORTLIST`].
pub fn judge(
    asked: &Question<'_>,
    shortlist: &[Read<'_>],
    candidates: &[Candidate<'_>],
    rarity: &Rarity,
    calibration: &Calibration,
) -> (Vec<(usize, f64)>, Verdict) {
    let described = describe(asked, shortlist, candidates, rarity, &calibration.learned);
    let likely = described.iter().zip(shortlist).map(|(described, read)| {
        let fitted = calibration.probability(described);
        if same(asked.text, read.question) { EXACT } else { fitted.min(EXACT) }
    });
    let mut ranked: Vec<(usize, f64)> = likely.enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.extend((described.len()..candidates.len()).map(|at| (at, 0.0)));
    let Some(&(best, probability)) = ranked.first() else {
        let reasons = vec!["Kho chưa có câu nào gần với câu hỏi này".to_owned()];
        return (ranked, Verdict { band: Band::None, probability: 0.0, capped: false, reasons });
    };
    let (described, read) = (&described[best], &shortlist[best]);
    let exact = same(asked.text, read.question);
    let another = |c: &Candidate<'_>| c.answer != candidates[best].answer;
    let mut others = shortlist.iter().zip(candidates);
    let twin = exact && others.any(|(other, c)| same(asked.text, other.question) && another(c));
    let mut band = calibration.band(probability);
    let capped =
        twin || (!exact && (!described.compared.disagreements.is_empty() || !seen_whole(asked, read)));
    if band == Band::Reuse && capped {
        band = Band::Suggest;
    }
    let mut reasons = vec![likeness(asked.text, described, band, exact)];
    reasons.extend(described.compared.disagreements.iter().take(REASONS_MAX).map(ToString::to_string));
    if twin {
        reasons.push("Kho có hai câu trả lời khác nhau cho cùng câu hỏi này".to_owned());
    } else if !exact
        && ranked.iter().any(|(at, p)| another(&candidates[*at]) && probability - p < CLOSE && *p > 0.0)
    {
        reasons.push("Có câu khác, câu trả lời khác, cũng gần như vậy".to_owned());
    }
    (ranked, Verdict { band, probability, capped, reasons })
}

fn likeness(asked: &Text, described: &Described, band: Band, exact: bool) -> String {
    let cosine = described.inputs[0] * 100.0;
    if exact {
        "Trùng với câu đã trả lời".to_owned()
    } else if band == Band::None {
        "Không có câu đã trả lời nào đủ gần".to_owned()
    } else if asked.undiacritised {
        format!("Gõ không dấu; giống câu đã trả lời đến {cosine:.0} %")
    } else {
        format!("Giống câu đã trả lời đến {cosine:.0} %")
    }
}

/// Equal as far as both can be compared.
fn same(asked: &Text, stored: &Text) -> bool {
    asked.facing(stored) == stored.facing(asked)
}

/// Whether all words of both were compared: not when one is very long, or was not embedded.
fn seen_whole(asked: &Question<'_>, stored: &Read<'_>) -> bool {
    let short = |text: &Text| text::syllables(&text.folded).nth(WORDS_MAX).is_none();
    short(asked.text) && short(stored.question) && !stored.words.is_empty()
}

/// The candidates of the shortlist, each with the company of all. Side by side on all cores: somebody waits for it.
pub fn describe(
    asked: &Question<'_>,
    shortlist: &[Read<'_>],
    candidates: &[Candidate<'_>],
    rarity: &Rarity,
    learned: &Learned,
) -> Vec<Described> {
    let shortlist = &shortlist[..shortlist.len().min(SHORTLIST)];
    let readings = learned.read(&shortlist.iter().map(|read| read.words).collect::<Vec<_>>());
    let described = shortlist.par_iter().zip(readings).zip(candidates).enumerate();
    let described = described.map(|(at, ((read, reading), candidate))| {
        let compared = slots::compare(asked.text, read.question);
        let stored = Question::with(read.question, read.words, rarity, reading);
        let (own, comparer_score) =
            pair::describe(asked, &stored, candidate.cosine, &compared, &learned.comparer);
        let mut inputs = [0.0; FEATURES.len()];
        let (of_pair, of_company) = inputs.split_at_mut(own.len());
        of_pair.copy_from_slice(&own);
        of_company.copy_from_slice(&company(at, candidates));
        Described { inputs, comparer_score, compared }
    });
    described.collect()
}

/// A far neighbour says no more than one at this distance.
const MARGIN_MAX: f32 = 0.1;

/// What the other neighbours say of candidate `at`.
fn company(at: usize, candidates: &[Candidate<'_>]) -> [f32; OF_COMPANY] {
    let candidate = &candidates[at];
    let others = || candidates.iter().filter(|other| other.answer != candidate.answer);
    let best = |of: fn(&Candidate<'_>) -> f32, least: f32| others().map(of).fold(least, f32::max);
    let mut cosines: Vec<f32> = candidates.iter().map(|c| c.cosine).collect();
    cosines.sort_by(|a, b| b.total_cmp(a));
    let rank = |of: fn(&Candidate<'_>) -> f32| candidates.iter().filter(|c| of(c) > of(candidate)).count();
    let best_lexical = candidates.iter().map(|c| c.lexical).fold(f32::MIN_POSITIVE, f32::max);
    [
        (candidate.cosine - best(|c| c.cosine, -1.0)).clamp(-MARGIN_MAX, MARGIN_MAX),
        mean(cosines.iter().take(DENSE)),
        candidate.cosine - mean(cosines.iter().skip(1).take(2 * DENSE)),
        candidate.lexical / best_lexical,
        (candidate.lexical - best(|c| c.lexical, 0.0)) / best_lexical,
        number(rank(|c| c.cosine)).ln_1p(),
        number(rank(|c| c.lexical)).ln_1p(),
    ]
}

fn mean<'a>(values: impl Iterator<Item = &'a f32>) -> f32 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / number(count).max(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "counts of candidates")]
fn number(count: usize) -> f32 {
    count as f32
}
