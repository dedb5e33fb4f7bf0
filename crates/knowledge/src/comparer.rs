//! Reads two questions word by word and says whether their differences tell: every word is set beside what the
//! other question has in its place, by the words' vectors, and a small network judges each such couple and then all
//! of them together (after Parikh et al. 2016, "A decomposable attention model"). Fitted by `motcua calibrate`; it
//! looks at the vectors themselves, where the trees look at what was counted. Thirty-one thousand weights.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    embed::DIMENSIONS,
    matrix::{dot, products, weighed},
    words::WordVectors,
};

/// Numbers that are kept of each word.
pub(crate) const NARROW: usize = 48;

/// What is said of one word and its counterpart: both, how far apart, their product, and the likeness twice.
pub(crate) const COUPLE: usize = 4 * NARROW + 2;

/// What the network makes of a couple.
pub(crate) const NOTED: usize = 32;

/// Of one side: the most and the mean of what was noted of its words.
pub(crate) const SIDE: usize = 2 * NOTED;

/// What is said of both questions: the sides' sum and difference, the sentences' cosine, the difference in length.
pub(crate) const WHOLE: usize = 2 * SIDE + 2;

/// What the network makes of the whole.
pub(crate) const GIST: usize = 48;

/// How sharply a word looks for its counterpart.
const SHARPNESS: f32 = 12.0;

/// No weight is greater, so that no score is endless: a sum of so many products stays far below a float's greatest.
const WEIGHT_MAX: f32 = 1e3;

/// Learned weights, row by row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "File", into = "File")]
pub struct Comparer {
    pub(crate) weights: Weights,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weights {
    /// [`NARROW`] rows of [`DIMENSIONS`].
    pub narrowing: Vec<f32>,
    /// [`NOTED`] rows of [`COUPLE`], and what is added to each.
    pub noting: Vec<f32>,
    pub noting_bias: Vec<f32>,
    /// [`GIST`] rows of [`WHOLE`], and what is added to each.
    pub gist: Vec<f32>,
    pub gist_bias: Vec<f32>,
    /// One row of [`GIST`], and what is added to it.
    pub score: Vec<f32>,
    pub score_bias: Vec<f32>,
}

/// The words of one question, narrowed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Narrowed(Vec<f32>);

/// How the words of two questions look for each other.
pub(crate) struct Looks {
    pub asked: Look,
    pub stored: Look,
}

/// How the words of one side look for their counterparts.
pub(crate) struct Look {
    /// For each word a row: the other's words' shares in its counterpart.
    pub shares: Vec<f32>,
    /// Each word's greatest likeness.
    best: Vec<f32>,
}

/// One side on its way through the weights.
pub(crate) struct Side {
    /// A row of [`COUPLE`] for each word.
    pub couples: Vec<f32>,
    /// A row of [`NOTED`] for each word.
    pub noted: Vec<f32>,
    /// [`SIDE`] numbers.
    pub told: Vec<f32>,
}

/// Two questions on their way through the weights.
pub(crate) struct Compared {
    pub asked: Side,
    pub stored: Side,
    /// [`WHOLE`] numbers.
    pub whole: Vec<f32>,
}

impl Comparer {
    /// Sees no difference: all pairs are worth the same.
    pub(crate) fn blind() -> Self {
        Self { weights: Weights::zeros() }
    }

    /// All at once: a product of large matrices costs less than many of small ones.
    pub(crate) fn narrow(&self, texts: &[&WordVectors]) -> Vec<Narrowed> {
        let words: Vec<f32> = texts.iter().flat_map(|text| text.numbers()).copied().collect();
        let all = self.weights.narrow(&words);
        let mut rest = all.as_slice();
        let mut own = |text: &&WordVectors| {
            let (own, after) = rest.split_at(text.len() * NARROW);
            rest = after;
            Narrowed(own.to_vec())
        };
        texts.iter().map(&mut own).collect()
    }

    /// The more, the likelier the same question; 0 when a text has no words. `likeness` has a row for each word of
    /// `asked`: the cosines to the words of `stored`.
    pub(crate) fn score(&self, asked: &Narrowed, stored: &Narrowed, likeness: &[f32], cosine: f32) -> f32 {
        if likeness.is_empty() {
            return 0.0;
        }
        let looks = Looks::new(likeness, asked.0.len() / NARROW);
        self.weights.judge(&self.weights.compare(&asked.0, &stored.0, &looks, cosine).whole).1
    }
}

impl Looks {
    /// Of the likeness of `words` words, row by row, to those of the other.
    pub fn new(likeness: &[f32], words: usize) -> Self {
        let others = likeness.len() / words;
        let turned: Vec<f32> =
            (0..others).flat_map(|other| likeness.iter().skip(other).step_by(others)).copied().collect();
        Self { asked: Look::new(likeness, others), stored: Look::new(&turned, words) }
    }
}

impl Look {
    /// Of rows of `others` numbers.
    fn new(likeness: &[f32], others: usize) -> Self {
        let mut look = Self { shares: Vec::with_capacity(likeness.len()), best: Vec::new() };
        for row in likeness.chunks_exact(others) {
            let best = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let shares: Vec<f32> = row.iter().map(|one| (SHARPNESS * (one - best)).exp()).collect();
            let sum: f32 = shares.iter().sum();
            look.shares.extend(shares.iter().map(|share| share / sum));
            look.best.push(best);
        }
        look
    }
}

impl Weights {
    pub fn zeros() -> Self {
        Self {
            narrowing: vec![0.0; NARROW * DIMENSIONS],
            noting: vec![0.0; NOTED * COUPLE],
            noting_bias: vec![0.0; NOTED],
            gist: vec![0.0; GIST * WHOLE],
            gist_bias: vec![0.0; GIST],
            score: vec![0.0; GIST],
            score_bias: vec![0.0; 1],
        }
    }

    pub fn parts(&self) -> [&Vec<f32>; 7] {
        [
            &self.narrowing,
            &self.noting,
            &self.noting_bias,
            &self.gist,
            &self.gist_bias,
            &self.score,
            &self.score_bias,
        ]
    }

    pub fn parts_mut(&mut self) -> [&mut Vec<f32>; 7] {
        let Self { narrowing, noting, noting_bias, gist, gist_bias, score, score_bias } = self;
        [narrowing, noting, noting_bias, gist, gist_bias, score, score_bias]
    }

    /// Row by row.
    pub fn narrow(&self, words: &[f32]) -> Vec<f32> {
        products(words, &self.narrowing, DIMENSIONS)
    }

    /// Of narrowed words, row by row.
    pub fn compare(&self, asked: &[f32], stored: &[f32], looks: &Looks, cosine: f32) -> Compared {
        let (of_asked, of_stored) =
            (self.side(asked, stored, &looks.asked), self.side(stored, asked, &looks.stored));
        let mut whole = Vec::with_capacity(WHOLE);
        let both = || of_asked.told.iter().zip(&of_stored.told);
        whole.extend(both().map(|(here, there)| here + there));
        whole.extend(both().map(|(here, there)| (here - there).abs()));
        let [long, other_long] = [asked, stored].map(|rows| number(rows.len() / NARROW).ln_1p());
        whole.extend([10.0 * cosine - 9.0, (long - other_long).abs()]);
        Compared { asked: of_asked, stored: of_stored, whole }
    }

    /// The gist of the whole, and the score.
    pub fn judge(&self, whole: &[f32]) -> (Vec<f32>, f32) {
        let gist = layer(&self.gist, &self.gist_bias, whole);
        let score = dot(&self.score, &gist) + self.score_bias[0];
        (gist, score)
    }

    fn side(&self, own: &[f32], other: &[f32], look: &Look) -> Side {
        let counterparts = weighed(&look.shares, other, NARROW);
        let mut couples = Vec::with_capacity(look.best.len() * COUPLE);
        let words = own.chunks_exact(NARROW).zip(counterparts.chunks_exact(NARROW));
        for ((word, counterpart), best) in words.zip(&look.best) {
            couples.extend_from_slice(word);
            couples.extend_from_slice(counterpart);
            couples.extend(word.iter().zip(counterpart).map(|(word, other)| (word - other).abs()));
            couples.extend(word.iter().zip(counterpart).map(|(word, other)| word * other));
            couples.extend([*best, best.powi(8)]);
        }
        let noted = layer(&self.noting, &self.noting_bias, &couples);
        let mut told = vec![0.0_f32; SIDE];
        let (most, mean) = told.split_at_mut(NOTED);
        for noted in noted.chunks_exact(NOTED) {
            most.iter_mut().zip(noted).for_each(|(most, x)| *most = most.max(*x));
            mean.iter_mut().zip(noted).for_each(|(mean, x)| *mean += x / number(look.best.len()));
        }
        Side { couples, noted, told }
    }
}

/// What is above zero of rows times each input, one input after the other.
fn layer(rows: &[f32], bias: &[f32], inputs: &[f32]) -> Vec<f32> {
    let mut outcomes = products(inputs, rows, rows.len() / bias.len());
    for outcomes in outcomes.chunks_exact_mut(bias.len()) {
        outcomes.iter_mut().zip(bias).for_each(|(x, bias)| *x = (*x + bias).max(0.0));
    }
    outcomes
}

#[expect(clippy::cast_precision_loss, reason = "words of one text")]
fn number(count: usize) -> f32 {
    count as f32
}

/// Little-endian floats in base64, part after part.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    weights: String,
}

impl From<Comparer> for File {
    fn from(comparer: Comparer) -> Self {
        let numbers = comparer.weights.parts().into_iter().flatten();
        let bytes: Vec<u8> = numbers.flat_map(|x| x.to_le_bytes()).collect();
        Self { weights: STANDARD.encode(bytes) }
    }
}

impl TryFrom<File> for Comparer {
    type Error = String;

    fn try_from(file: File) -> Result<Self, String> {
        let mut weights = Weights::zeros();
        let count: usize = weights.parts().iter().map(|part| part.len()).sum();
        let bytes = STANDARD.decode(file.weights).unwrap_or_default();
        let (numbers, rest) = bytes.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if numbers.len() != count
            || !rest.is_empty()
            || numbers.iter().any(|x| x.abs() > WEIGHT_MAX || x.is_nan())
        {
            return Err(format!("weights must be the base64 of {count} numbers of at most {WEIGHT_MAX}"));
        }
        weights.parts_mut().into_iter().flatten().zip(numbers).for_each(|(x, number)| *x = number);
        Ok(Self { weights })
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    fn numbers(count: usize, rng: &mut StdRng) -> Vec<f32> {
        (0..count).map(|_| rng.random_range(-0.2..0.2)).collect()
    }

    fn comparer() -> Comparer {
        let mut rng = StdRng::seed_from_u64(4);
        let mut weights = Weights::zeros();
        weights.parts_mut().into_iter().for_each(|part| *part = numbers(part.len(), &mut rng));
        Comparer { weights }
    }

    fn words(count: usize, seed: u64) -> WordVectors {
        WordVectors::new(numbers(count * DIMENSIONS, &mut StdRng::seed_from_u64(seed)))
    }

    fn score(comparer: &Comparer, asked: &WordVectors, stored: &WordVectors, cosine: f32) -> f32 {
        let narrowed = comparer.narrow(&[asked, stored]);
        comparer.score(&narrowed[0], &narrowed[1], &asked.likeness(stored), cosine)
    }

    #[test]
    fn both_sides_count_alike_and_every_word_does() {
        let (comparer, asked, stored) = (comparer(), words(3, 1), words(5, 2));
        let there = score(&comparer, &asked, &stored, 0.9);
        assert!((there - score(&comparer, &stored, &asked, 0.9)).abs() < 1e-5);
        assert!((there - score(&comparer, &asked, &words(5, 3), 0.9)).abs() > 1e-5);
        assert!((there - score(&comparer, &asked, &stored, 0.8)).abs() > 1e-5);
    }

    #[test]
    fn where_there_is_nothing_to_see_nothing_is_said() {
        let (some, none) = (words(3, 1), WordVectors::none());
        for (asked, stored) in [(&some, &none), (&none, &some), (&none, &none)] {
            assert_eq!(score(&comparer(), asked, stored, 0.9).to_bits(), 0);
        }
        assert_eq!(score(&Comparer::blind(), &some, &words(2, 7), 0.9).to_bits(), 0);
    }

    #[test]
    fn each_word_is_set_beside_its_counterpart() {
        let (comparer, words) = (comparer(), words(4, 1));
        let turned: Vec<f32> =
            words.iter().collect::<Vec<_>>().into_iter().rev().flatten().copied().collect();
        let turned = WordVectors::new(turned);
        let weights = &comparer.weights;
        let [here, there] = [&words, &turned].map(|words| weights.narrow(words.numbers()));
        let looks = Looks::new(&words.likeness(&turned), 4);
        let Compared { asked, whole, .. } = weights.compare(&here, &there, &looks, 1.0);
        assert_eq!((asked.couples.len(), asked.noted.len(), whole.len()), (4 * COUPLE, 4 * NOTED, WHOLE));
        for shares in looks.asked.shares.chunks_exact(4).chain(looks.stored.shares.chunks_exact(4)) {
            assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
        for couple in asked.couples.chunks_exact(COUPLE) {
            let (word, rest) = couple.split_at(NARROW);
            assert!(word.iter().zip(rest).all(|(word, counterpart)| (word - counterpart).abs() < 1e-3));
            assert!((couple[COUPLE - 2] - 1.0).abs() < 1e-5, "it is its own best match");
        }
        assert!(
            whole[SIDE..2 * SIDE].iter().all(|difference| difference.abs() < 1e-3),
            "order is nothing to it"
        );
    }

    #[test]
    fn the_file_says_the_same_and_others_are_refused() {
        let file = toml::to_string(&comparer()).unwrap();
        assert_eq!(toml::from_str::<Comparer>(&file).unwrap(), comparer());
        let refused = |weights: &[u8]| {
            let file = format!("weights = {:?}", STANDARD.encode(weights));
            toml::from_str::<Comparer>(&file).err().map(|error| error.to_string()).unwrap()
        };
        let count: usize = Weights::zeros().parts().iter().map(|part| part.len()).sum();
        for x in [f32::NAN, f32::INFINITY, 2.0 * WEIGHT_MAX] {
            assert!(refused(&x.to_le_bytes().repeat(count)).contains("numbers of at most 1000"));
        }
        assert!(refused(&vec![0; 4 * count - 4]).contains("the base64 of"));
        assert!(refused(&vec![0; 4 * count + 1]).contains("the base64 of"));
    }
}
