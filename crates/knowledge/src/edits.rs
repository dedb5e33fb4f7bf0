//! Edits of stored questions whose outcome is known by rule: most make another question of it, the
//! rest say the same in other words. They show a calibration which words matter, and are the traps
//! that a verdict must not fall into. What is exchanged for what is data (`data/edits.toml`).

use std::{collections::HashMap, sync::LazyLock};

use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde::Deserialize;

use crate::{pair, slots, text};

/// What was done to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A content word became another that the store has at such a place.
    Substitution,
    /// A "không" came or went.
    Negation,
    /// One of alternatives that exclude each other became another.
    Alternative,
    Number,
    /// What is asked of the matter: its fee instead of its conditions.
    Head,
    /// A condition was added.
    Insertion,
    /// A content word went.
    Deletion,
    /// Other words for the same.
    Paraphrase,
}

/// An edited question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub kind: Kind,
    pub text: String,
}

impl Edit {
    /// Whether it still is the same question.
    pub fn same(&self) -> bool {
        self.kind == Kind::Paraphrase
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    heads: Vec<String>,
    modifiers: Vec<String>,
    negated: Vec<String>,
    droppable: Vec<String>,
    same_words: Vec<SameWords>,
    same_form: Vec<SameForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SameWords {
    words: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SameForm {
    before: String,
    after: String,
    forms: Vec<String>,
}

static DATA: LazyLock<Data> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/edits.toml"))
        .expect("data/edits.toml is compiled in and covered by a test")
});

/// How often each kind is tried, of the edits that make another question.
const OTHERS: [(Kind, u32); 7] = [
    (Kind::Substitution, 6),
    (Kind::Negation, 2),
    (Kind::Alternative, 2),
    (Kind::Number, 1),
    (Kind::Head, 1),
    (Kind::Insertion, 2),
    (Kind::Deletion, 1),
];

/// Knows the store's words by the places they stand at.
pub struct Editor {
    /// Word → the two content words that follow it somewhere.
    after: HashMap<String, Vec<(String, String)>>,
}

impl Editor {
    /// Learns from normalised questions.
    pub fn new<'a>(questions: impl Iterator<Item = &'a str>) -> Self {
        let mut after: HashMap<String, Vec<(String, String)>> = HashMap::new();
        for question in questions {
            let words: Vec<&str> = question.split(' ').collect();
            for three in words.windows(3).filter(|three| is_content(three[1]) && is_content(three[2])) {
                after
                    .entry(three[0].to_owned())
                    .or_default()
                    .push((three[1].to_owned(), three[2].to_owned()));
            }
        }
        Self { after }
    }

    /// Another question, made of a normalised one; `None` where the chosen edit has no place in it.
    pub fn another(&self, question: &str, rng: &mut StdRng) -> Option<Edit> {
        let kind = OTHERS.choose_weighted(rng, |(_, weight)| *weight).ok()?.0;
        self.edit(question, kind, rng)
    }

    /// One edit of a kind; `None` where it has no place.
    pub fn edit(&self, question: &str, kind: Kind, rng: &mut StdRng) -> Option<Edit> {
        let edited = match kind {
            Kind::Substitution => self.substituted(question, rng),
            Kind::Negation => negated(question),
            Kind::Alternative => slots::exchanged(question, |all| rng.random_range(0..all)),
            Kind::Number => renumbered(question, rng),
            Kind::Head => {
                let here = DATA.heads.iter().find(|head| has_words(question, head))?;
                DATA.heads.choose(rng).map(|head| replaced(question, here, head))
            }
            Kind::Insertion => DATA.modifiers.choose(rng).map(|modifier| format!("{question} {modifier}")),
            Kind::Deletion => deleted(question, rng),
            Kind::Paraphrase => paraphrased(question, rng),
        };
        let text = text::normalise(&edited?);
        (text != question && !text.is_empty()).then_some(Edit { kind, text })
    }

    fn substituted(&self, question: &str, rng: &mut StdRng) -> Option<String> {
        let words: Vec<&str> = question.split(' ').collect();
        let places: Vec<usize> = (1..words.len().saturating_sub(1))
            .filter(|at| {
                is_content(words[*at]) && is_content(words[at + 1]) && self.after.contains_key(words[at - 1])
            })
            .collect();
        let at = *places.choose(rng)?;
        let (first, second) = self.after.get(words[at - 1])?.choose(rng)?;
        let before = words[..at].iter().copied();
        let changed: Vec<&str> =
            before.chain([first.as_str(), second]).chain(words[at + 2..].iter().copied()).collect();
        Some(changed.join(" "))
    }
}

fn is_content(word: &str) -> bool {
    word.chars().all(char::is_alphabetic) && !pair::is_function_word(word)
}

fn negated(question: &str) -> Option<String> {
    let verb = DATA.negated.iter().find(|verb| has_words(question, &format!("không {verb}")));
    if let Some(verb) = verb {
        return Some(replaced(question, &format!("không {verb}"), verb));
    }
    let verb =
        DATA.negated.iter().find(|verb| has_words(question, verb) && !question.starts_with(verb.as_str()))?;
    Some(replaced(question, verb, &format!("không {verb}")))
}

fn renumbered(question: &str, rng: &mut StdRng) -> Option<String> {
    let numbers: Vec<&str> = question.split(' ').filter(|word| word.parse::<u32>().is_ok()).collect();
    let number = numbers.choose(rng)?;
    let other = number.parse::<u32>().ok()?.checked_add(rng.random_range(1..5))?;
    Some(replaced(question, number, &other.to_string()))
}

fn deleted(question: &str, rng: &mut StdRng) -> Option<String> {
    let words: Vec<&str> = question.split(' ').collect();
    let places: Vec<usize> = (1..words.len().saturating_sub(1))
        .filter(|at| is_content(words[*at]) && is_content(words[at + 1]))
        .collect();
    let at = *places.choose(rng).filter(|_| words.len() > 6)?;
    Some([&words[..at], &words[at + 2..]].concat().join(" "))
}

fn paraphrased(question: &str, rng: &mut StdRng) -> Option<String> {
    let form = |form: &'static SameForm| {
        let middle = question.strip_prefix(&form.before)?.strip_suffix(&form.after)?.trim();
        (middle.split(' ').count() > 1).then(|| (form, middle.to_owned()))
    };
    let forms: Vec<(&'static SameForm, String)> = DATA.same_form.iter().filter_map(form).collect();
    let mut said = question.to_owned();
    if let Some((form, middle)) = forms.choose(rng).filter(|_| rng.random_bool(0.6)) {
        said = form.forms.choose(rng)?.replace("{}", middle);
    }
    let known = |same: &&SameWords| same.words.iter().any(|words| has_words(&said, words));
    let groups: Vec<&SameWords> = DATA.same_words.iter().filter(known).collect();
    if let Some(group) = groups.choose(rng).filter(|_| rng.random_bool(0.6)) {
        let here =
            group.words.iter().filter(|words| has_words(&said, words)).max_by_key(|words| words.len())?;
        said = replaced(&said, here, group.words.choose(rng)?);
    }
    if rng.random_bool(0.35) {
        let dropped: Vec<&String> = DATA.droppable.iter().filter(|word| has_words(&said, word)).collect();
        if let Some(word) = dropped.choose(rng) {
            said = replaced(&said, word, "");
        }
    }
    Some(said)
}

fn has_words(question: &str, words: &str) -> bool {
    format!(" {question} ").contains(&format!(" {words} "))
}

/// The first `here`, as whole words, becomes `there`.
fn replaced(question: &str, here: &str, there: &str) -> String {
    format!(" {question} ").replacen(&format!(" {here} "), &format!(" {there} "), 1).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn each_kind_does_what_its_name_says() {
        let questions = [
            "thủ tục cấp giấy phép lái xe",
            "thủ tục đăng ký khai sinh cho con",
            "xin giấy chứng nhận độc thân",
        ];
        let editor = Editor::new(questions.into_iter());
        let mut rng = StdRng::seed_from_u64(3);
        let mut said = |question: &str, kind| editor.edit(question, kind, &mut rng).map(|edit| edit.text);
        assert_eq!(
            said("người bệnh được tiêm mũi 2", Kind::Negation).unwrap(),
            "người bệnh không được tiêm mũi 2"
        );
        assert_eq!(
            said("bao nhiêu tuổi không được kết nạp", Kind::Negation).unwrap(),
            "bao nhiêu tuổi được kết nạp"
        );
        assert!(said("nghị định số 15 quy định gì", Kind::Number).unwrap().starts_with("nghị định số 1"));
        assert_eq!(said("hồ sơ xuất khẩu gỗ", Kind::Alternative).unwrap(), "hồ sơ nhập khẩu gỗ");
        assert_eq!(said("mèo có sủa", Kind::Number), None);
        assert!(said("điều kiện mở trường", Kind::Head).is_none_or(|text| text.ends_with("mở trường")));
        let other = said("thủ tục cấp giấy phép lái xe", Kind::Paraphrase);
        assert!(other.is_none_or(|text| text.contains("giấy phép lái xe")));
    }

    #[test]
    fn the_data_is_normalised() {
        let groups = DATA.same_words.iter().flat_map(|group| &group.words);
        for words in DATA.heads.iter().chain(&DATA.modifiers).chain(&DATA.negated).chain(groups) {
            assert_eq!(&text::normalise(words), words);
        }
        assert!(DATA.same_form.iter().flat_map(|form| &form.forms).all(|form| form.contains("{}")));
    }
}
