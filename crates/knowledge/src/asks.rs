//! What a question asks for (how many, where, when, …) and about (papers, penalties, …), by the
//! phrases of `data/question_types.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    asks: Vec<Type>,
    topic: Vec<Type>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Type {
    /// For readers of the data.
    #[serde(rename = "name")]
    _name: String,
    words: Vec<String>,
}

static DATA: LazyLock<Data> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/question_types.toml"))
        .expect("data/question_types.toml is compiled in and covered by a test")
});

/// The types found in a question, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asks {
    asks: u32,
    topics: u32,
}

/// How two questions' types compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// Types of asking that only one of them has.
    pub differ: u32,
    /// Types of asking that both have.
    pub agree: u32,
    /// Topics that only one of them has.
    pub topics_differ: u32,
    /// Shared types by all types, 0 to 1; 0 when there are none.
    pub share: f32,
}

impl Asks {
    pub fn read(folded: &str) -> Self {
        let spaced = format!(" {} ", text::syllables(folded).collect::<Vec<_>>().join(" "));
        let bits = |types: &[Type]| {
            let found = types.iter().map(|t| t.words.iter().any(|words| has(&spaced, words)));
            found.enumerate().fold(0, |bits, (at, found)| bits | (u32::from(found) << at))
        };
        Self { asks: bits(&DATA.asks), topics: bits(&DATA.topic) }
    }

    pub fn compare(self, other: Self) -> Likeness {
        let shared = (self.asks & other.asks).count_ones() + (self.topics & other.topics).count_ones();
        let all = (self.asks | other.asks).count_ones() + (self.topics | other.topics).count_ones();
        #[expect(clippy::cast_precision_loss, reason = "at most 64")]
        let share = shared as f32 / all.max(1) as f32;
        Likeness {
            differ: (self.asks ^ other.asks).count_ones(),
            agree: (self.asks & other.asks).count_ones(),
            topics_differ: (self.topics ^ other.topics).count_ones(),
            share,
        }
    }
}

fn has(spaced: &str, words: &str) -> bool {
    spaced.match_indices(words).any(|(at, _)| {
        spaced.as_bytes().get(at.wrapping_sub(1)) == Some(&b' ')
            && spaced.as_bytes().get(at + words.len()) == Some(&b' ')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_whole_words_and_few_enough_for_a_bit_each() {
        assert!(DATA.asks.len() <= 32 && DATA.topic.len() <= 32);
        for words in DATA.asks.iter().chain(&DATA.topic).flat_map(|t| &t.words) {
            assert_eq!(&text::fold(words), words);
        }
        assert_eq!(Asks::read("cap giay"), Asks::read("cap giap"));
    }

    #[test]
    fn asking_for_something_else_is_seen() {
        let compare = |a: &str, b: &str| Asks::read(a).compare(Asks::read(b));
        let same = compare("lam the o dau", "lam the o cho nao");
        assert_eq!((same.differ, same.agree), (1, 1));
        assert!(compare("le phi bao nhieu", "lam the o dau").differ >= 2);
        assert!(compare("", "").share.abs() < f32::EPSILON);
    }
}
