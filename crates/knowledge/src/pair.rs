//! A pair of questions in numbers: how near they are, and above all *which words differ* and how
//! telling those are. Pure. The names and directions below are also a calibration file's.

use std::{collections::HashSet, sync::LazyLock};

use crate::{
    asks::Asks,
    comparer::Comparer,
    learned::{Learned, Reading},
    matrix::dot,
    rarity::Rarity,
    slots::Comparison,
    text::{self, Text},
    trees::Direction::{self, Down, Free, Up},
    words::{WORDS_MAX, WordVectors},
};

/// What a pair is described by: the name in calibration files, and which way more of it points.
/// `asked` and `stored` are the two questions; a word counts by its rarity in the store.
pub const FEATURES: [(&str, Direction); 54] = [
    // Of the sentences.
    ("cosine", Up),
    ("pairs_overlap", Up),
    ("trigram_overlap", Up),
    ("order", Up),
    ("length_asked", Free),
    ("length_stored", Free),
    ("length_difference", Down),
    // Each word's best match among the other's words, by their vectors in the sentence.
    ("aligned_asked", Up),
    ("aligned_stored", Up),
    ("weakest_asked", Up),
    ("weakest_stored", Up),
    ("gap_asked", Down),
    ("gap_stored", Down),
    // The same of content words that only one has.
    ("content_gap_asked", Down),
    ("content_gap_stored", Down),
    ("content_gap_most_asked", Down),
    ("content_gap_most_stored", Down),
    ("exchange", Up),
    ("exchange_least", Up),
    // Words by themselves.
    ("shared", Up),
    ("shared_of_asked", Up),
    ("shared_of_stored", Up),
    ("only_asked", Down),
    ("only_stored", Down),
    ("only_asked_most", Down),
    ("only_stored_most", Down),
    ("content_only_asked", Down),
    ("content_only_stored", Down),
    ("content_both_words", Down),
    ("content_both", Down),
    ("content_words", Free),
    ("substitutions", Down),
    ("substituted", Down),
    ("substituted_most", Down),
    ("inserted_asked", Down),
    ("inserted_stored", Down),
    // What must agree.
    ("number_disagreements", Down),
    ("numbers_one_sided", Down),
    ("negation", Down),
    ("alternatives", Down),
    ("alternatives_one_sided", Down),
    // What is asked for.
    ("asks_differ", Down),
    ("asks_agree", Up),
    ("topics_differ", Down),
    ("asks_shared", Up),
    // Of the learned pooling; see `pooling`.
    ("pooled", Up),
    ("pooled_gain", Up),
    // Among the other neighbours; see `reuse`.
    ("margin", Up),
    ("density", Free),
    ("above_others", Up),
    ("lexical_share", Up),
    ("lexical_margin", Up),
    ("dense_rank", Down),
    ("lexical_rank", Down),
];

/// Where the features of the learned pooling begin, and how many they are.
pub const OF_POOLING: usize = FEATURES.len() - OF_COMPANY - POOLED;
pub const POOLED: usize = 2;

/// The features that need the other neighbours are the last ones.
pub const OF_COMPANY: usize = 7;

/// Of one pair, without its company.
pub type Described = [f32; FEATURES.len() - OF_COMPANY];

static FUNCTION_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let words = include_str!("../data/function_words.txt").split_whitespace();
    words.flat_map(|word| [word.to_owned(), text::fold(word)]).collect()
});

/// Whether a word says little of what a question is about.
pub(crate) fn is_function_word(word: &str) -> bool {
    FUNCTION_WORDS.contains(word)
}

/// A question, read once and compared often.
#[derive(Debug)]
pub struct Question<'a> {
    pub text: &'a Text,
    vectors: &'a WordVectors,
    words: Vec<Word<'a>>,
    folded_words: Vec<Word<'a>>,
    pairs: HashSet<(&'a str, &'a str)>,
    trigrams: HashSet<[char; 3]>,
    asks: Asks,
    reading: Reading,
}

#[derive(Debug, Clone, Copy)]
struct Word<'a> {
    letters: &'a str,
    weight: f32,
    content: bool,
}

impl<'a> Question<'a> {
    pub fn read(text: &'a Text, vectors: &'a WordVectors, rarity: &Rarity, learned: &Learned) -> Self {
        let reading = learned.read(&[vectors]).pop().unwrap_or_default();
        Self::with(text, vectors, rarity, reading)
    }

    /// When the learned weights have read its words already.
    pub fn with(text: &'a Text, vectors: &'a WordVectors, rarity: &Rarity, reading: Reading) -> Self {
        let folded: Vec<&str> = text::syllables(&text.folded).take(WORDS_MAX).collect();
        let normal = text::syllables(&text.normal).take(WORDS_MAX);
        let word = |(letters, folded): (&'a str, &&str)| Word {
            letters,
            weight: rarity.weight(folded),
            content: !is_function_word(letters),
        };
        let words = normal.zip(&folded).map(word).collect();
        let folded_words = folded.iter().map(|folded| word((folded, folded))).collect();
        let letters: Vec<char> = text.folded.chars().collect();
        Self {
            text,
            vectors,
            words,
            folded_words,
            pairs: folded.windows(2).map(|pair| (pair[0], pair[1])).collect(),
            trigrams: letters.windows(3).map(|three| [three[0], three[1], three[2]]).collect(),
            asks: Asks::read(&text.folded),
            reading,
        }
    }

    /// The words to compare with `other`: folded when either was typed without diacritics.
    fn facing(&self, other: &Self) -> &[Word<'a>] {
        if self.text.undiacritised || other.text.undiacritised { &self.folded_words } else { &self.words }
    }
}

/// Describes a pair, and has it read by `comparer`.
pub fn describe(
    asked: &Question<'_>,
    stored: &Question<'_>,
    cosine: f32,
    compared: &Comparison,
    comparer: &Comparer,
) -> (Described, f32) {
    let (left, right) = (asked.facing(stored), stored.facing(asked));
    let (of_left, of_right) = (Side::new(left, right), Side::new(right, left));
    let common = common_subsequence(left, right);
    let aligned = Aligned::new(asked.vectors, stored.vectors);
    let [words_left, words_right] = [left, right].map(|words| number(words.len()).ln_1p());
    let substituted = Substituted::new(left, right, &common);
    let likeness = asked.asks.compare(stored.asks);
    let (near_left, near_right) =
        (Near::new(&aligned.left, left, &of_left), Near::new(&aligned.right, right, &of_right));
    let (own, other) = (&asked.reading, &stored.reading);
    let [pooled, pooled_gain] = of_pooling(dot(&own.pooled, &other.pooled), cosine);
    let (exchange, exchange_least) = aligned.exchange(&of_left.content, &of_right.content);
    let described = [
        cosine,
        dice(&asked.pairs, &stored.pairs),
        dice(&asked.trigrams, &stored.trigrams),
        2.0 * number(common.len()) / number(left.len() + right.len()).max(1.0),
        words_left,
        words_right,
        (words_left - words_right).abs(),
        near_left.mean,
        near_right.mean,
        near_left.least,
        near_right.least,
        near_left.gap,
        near_right.gap,
        near_left.content_gap,
        near_right.content_gap,
        near_left.content_gap_most,
        near_right.content_gap_most,
        exchange,
        exchange_least,
        share(of_left.shared, of_left.only + of_right.only),
        share(of_left.shared, of_left.only),
        share(of_right.shared, of_right.only),
        of_left.only,
        of_right.only,
        of_left.only_most,
        of_right.only_most,
        of_left.content_only,
        of_right.content_only,
        number(of_left.content.len().min(of_right.content.len())),
        of_left.content_only.min(of_right.content_only),
        number(of_left.content_words.min(of_right.content_words)),
        number(substituted.places),
        substituted.weight,
        substituted.most,
        substituted.inserted_left,
        substituted.inserted_right,
        number(compared.numbers),
        number(compared.one_sided),
        number(usize::from(compared.negation)),
        number(compared.alternatives),
        number(compared.alternatives_one_sided),
        small(likeness.differ),
        small(likeness.agree),
        small(likeness.topics_differ),
        likeness.share,
        pooled,
        pooled_gain,
    ];
    (described, comparer.score(&own.narrowed, &other.narrowed, &aligned.all, cosine))
}

/// The cosine of the two pooled vectors, and by how much it is above the sentences'.
pub fn of_pooling(pooled: f32, cosine: f32) -> [f32; POOLED] {
    [pooled, pooled - cosine]
}

/// One question's words as the other has them or not.
struct Side {
    /// Weight of the distinct words that both have.
    shared: f32,
    /// Weight of the distinct words that only this one has, and the heaviest.
    only: f32,
    only_most: f32,
    /// Places of the content words that only this one has, and their weight.
    content: Vec<usize>,
    content_only: f32,
    content_words: usize,
}

impl Side {
    fn new(own: &[Word<'_>], other: &[Word<'_>]) -> Self {
        let theirs: HashSet<&str> = other.iter().map(|word| word.letters).collect();
        let mut side = Self {
            shared: 0.0,
            only: 0.0,
            only_most: 0.0,
            content: Vec::new(),
            content_only: 0.0,
            content_words: own.iter().filter(|word| word.content).count(),
        };
        let mut seen = HashSet::new();
        for (at, word) in own.iter().enumerate() {
            if theirs.contains(word.letters) {
                side.shared += if seen.insert(word.letters) { word.weight } else { 0.0 };
                continue;
            }
            if word.content {
                side.content.push(at);
                side.content_only += word.weight;
            }
            if seen.insert(word.letters) {
                side.only += word.weight;
                side.only_most = side.only_most.max(word.weight);
            }
        }
        side
    }
}

/// Every word's best match among the other's words.
struct Aligned {
    left: Vec<f32>,
    right: Vec<f32>,
    /// Left by left, right by right.
    all: Vec<f32>,
}

impl Aligned {
    fn new(left: &WordVectors, right: &WordVectors) -> Self {
        let mut aligned =
            Self { left: vec![0.0; left.len()], right: vec![0.0; right.len()], all: left.likeness(right) };
        for (row, best) in aligned.all.chunks_exact(right.len().max(1)).zip(&mut aligned.left) {
            for (likeness, best_of_right) in row.iter().zip(&mut aligned.right) {
                *best = best.max(*likeness);
                *best_of_right = best_of_right.max(*likeness);
            }
        }
        aligned
    }

    /// How near the words that only one side has are to those that only the other has: the best of
    /// all, and the worst word's best. 1 when a side has none.
    fn exchange(&self, left: &[usize], right: &[usize]) -> (f32, f32) {
        let similarity = |l: usize, r: usize| self.all.get(l * self.right.len() + r).copied();
        let row = |l: usize| right.iter().filter_map(|r| similarity(l, *r)).reduce(f32::max);
        let column = |r: usize| left.iter().filter_map(|l| similarity(*l, r)).reduce(f32::max);
        let in_sight = |l: &&usize| **l < self.left.len();
        let rows: Vec<f32> = left.iter().filter(in_sight).filter_map(|l| row(*l)).collect();
        let columns = right.iter().filter(|r| **r < self.right.len()).filter_map(|r| column(*r));
        let most = rows.iter().copied().reduce(f32::max);
        let least = rows.iter().copied().chain(columns).reduce(f32::min);
        (most.unwrap_or(1.0), least.unwrap_or(1.0))
    }
}

/// The matches of one side, weighed.
struct Near {
    mean: f32,
    least: f32,
    /// What the three worst words lack, by weight.
    gap: f32,
    content_gap: f32,
    content_gap_most: f32,
}

impl Near {
    fn new(best: &[f32], words: &[Word<'_>], side: &Side) -> Self {
        let lacks: Vec<f32> = best.iter().zip(words).map(|(best, word)| (1.0 - best) * word.weight).collect();
        let weight: f32 = best.iter().zip(words).map(|(_, word)| word.weight).sum();
        let lacked: f32 = lacks.iter().sum();
        let content = side.content.iter().filter_map(|at| lacks.get(*at)).copied();
        let mut worst = lacks.clone();
        worst.sort_by(|a, b| b.total_cmp(a));
        Self {
            mean: 1.0 - lacked / weight.max(f32::MIN_POSITIVE),
            least: best.iter().copied().reduce(f32::min).unwrap_or(0.0),
            gap: worst.iter().take(3).sum(),
            content_gap: content.clone().sum(),
            content_gap_most: content.fold(0.0, f32::max),
        }
    }
}

/// What stands where the other question has something else.
struct Substituted {
    /// Places where both have content words that the other lacks.
    places: usize,
    weight: f32,
    most: f32,
    /// Weight of content words where the other has nothing.
    inserted_left: f32,
    inserted_right: f32,
}

impl Substituted {
    fn new(left: &[Word<'_>], right: &[Word<'_>], common: &[(usize, usize)]) -> Self {
        let mut found = Self { places: 0, weight: 0.0, most: 0.0, inserted_left: 0.0, inserted_right: 0.0 };
        let letters =
            |words: &[Word<'_>]| words.iter().map(|w| w.letters.to_owned()).collect::<HashSet<String>>();
        let (in_left, in_right) = (letters(left), letters(right));
        let weigh = |words: &[Word<'_>], other: &HashSet<String>| -> f32 {
            words.iter().filter(|w| w.content && !other.contains(w.letters)).map(|w| w.weight).sum()
        };
        let (mut l, mut r) = (0, 0);
        for (to_l, to_r) in common.iter().copied().chain([(left.len(), right.len())]) {
            let (here, there) = (weigh(&left[l..to_l], &in_right), weigh(&right[r..to_r], &in_left));
            if here > 0.0 && there > 0.0 {
                found.places += 1;
                found.weight += here.min(there);
                found.most = found.most.max(here.min(there));
            } else {
                found.inserted_left += here;
                found.inserted_right += there;
            }
            (l, r) = (to_l + 1, to_r + 1);
        }
        found
    }
}

/// Places of the longest common subsequence of words.
fn common_subsequence(left: &[Word<'_>], right: &[Word<'_>]) -> Vec<(usize, usize)> {
    let width = right.len() + 1;
    let mut longest = vec![0_u16; (left.len() + 1) * width];
    for l in (0..left.len()).rev() {
        for r in (0..right.len()).rev() {
            longest[l * width + r] = if left[l].letters == right[r].letters {
                longest[(l + 1) * width + r + 1] + 1
            } else {
                longest[(l + 1) * width + r].max(longest[l * width + r + 1])
            };
        }
    }
    let (mut l, mut r, mut common) = (0, 0, Vec::new());
    while l < left.len() && r < right.len() {
        if left[l].letters == right[r].letters {
            common.push((l, r));
            (l, r) = (l + 1, r + 1);
        } else if longest[(l + 1) * width + r] >= longest[l * width + r + 1] {
            l += 1;
        } else {
            r += 1;
        }
    }
    common
}

fn dice<T: Eq + std::hash::Hash>(left: &HashSet<T>, right: &HashSet<T>) -> f32 {
    2.0 * number(left.intersection(right).count()) / number(left.len() + right.len()).max(1.0)
}

fn share(part: f32, rest: f32) -> f32 {
    part / (part + rest).max(f32::MIN_POSITIVE)
}

#[expect(clippy::cast_precision_loss, reason = "counts within one text")]
fn number(count: usize) -> f32 {
    count as f32
}

#[expect(clippy::cast_precision_loss, reason = "at most 32")]
fn small(count: u32) -> f32 {
    count as f32
}
