//! Text → sparse vector for the lexical leg: accent-folded syllables and their bigrams, so that a
//! question typed without diacritics finds the same passages. Together with the engine's IDF the
//! product of the two sides is BM25.

use std::collections::BTreeMap;

use crate::text;

const K1: f32 = 1.2;
const B: f32 = 0.75;

/// Terms (syllables and bigrams) of an average stored question. A constant, so that a passage's
/// vector does not change when others come and go.
const AVERAGE_TERMS: f32 = 50.0;

/// A sparse vector: term ids, ascending, each once, and their weights.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lexical {
    pub terms: Vec<u32>,
    pub weights: Vec<f32>,
}

/// A stored question: BM25's saturated term frequency.
pub fn stored(folded: &str) -> Lexical {
    let counts = counts(folded);
    let length: f32 = counts.values().sum();
    let norm = K1 * (1.0 - B + B * length / AVERAGE_TERMS);
    let weigh = |(term, count): (u32, f32)| (term, count * (K1 + 1.0) / (count + norm));
    let (terms, weights) = counts.into_iter().map(weigh).unzip();
    Lexical { terms, weights }
}

/// A question asked: every term once.
pub fn asked(folded: &str) -> Lexical {
    let (terms, weights) = counts(folded).into_keys().map(|term| (term, 1.0)).unzip();
    Lexical { terms, weights }
}

/// The terms themselves: syllables, and pairs of neighbours joined by `_`.
pub fn terms(folded: &str) -> impl Iterator<Item = String> {
    let syllables: Vec<&str> = text::syllables(folded).collect();
    let pairs: Vec<String> = syllables.windows(2).map(|pair| format!("{}_{}", pair[0], pair[1])).collect();
    syllables.into_iter().map(str::to_owned).chain(pairs).collect::<Vec<_>>().into_iter()
}

fn counts(folded: &str) -> BTreeMap<u32, f32> {
    let mut counts = BTreeMap::new();
    for term in terms(folded) {
        *counts.entry(term_id(&term)).or_insert(0.0) += 1.0;
    }
    counts
}

/// FNV-1a, 32 bits. Stored in the index, so it may never change; two of some 100,000 terms meeting
/// costs a little precision and nothing else.
pub(crate) fn term_id(term: &str) -> u32 {
    term.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn term_ids_never_change() {
        assert_eq!(term_id(""), 0x811c_9dc5);
        assert_eq!(term_id("a"), 0xe40c_292c);
        assert_eq!(term_id("foobar"), 0xbf9c_f968);
    }

    #[test]
    fn syllables_and_their_pairs_are_the_terms() {
        assert_eq!(terms("cap lai, the").collect::<Vec<_>>(), ["cap", "lai", "the", "cap_lai", "lai_the"]);
    }

    #[test]
    fn a_repeated_term_counts_once_when_asked_and_saturates_when_stored() {
        assert_eq!(asked("the the").weights, [1.0, 1.0]);
        let weights = |text| stored(text).weights.into_iter().fold(0.0, f32::max);
        assert!(weights("the the") > weights("the") && weights("the the the the") < 2.0 * weights("the the"));
    }
}
