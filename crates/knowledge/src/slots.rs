//! The slot guard: what must agree before a stored answer may be reused, however alike the two
//! sentences are. Numbers, dates, money, legal numbers, codes, negation, and words that exclude
//! each other (nhập/xuất, cấp mới/cấp lại, …; `data/polarity.toml`).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    sync::LazyLock,
};

use serde::Deserialize;

use crate::{
    reversal::{Reversal, reversal},
    text::{self, Text},
};

/// Something the two questions state differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// Its Vietnamese name, like "số".
    pub slot: &'static str,
    pub asked: String,
    pub stored: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Khác {}: {} ↔ {}", self.slot, self.asked, self.stored)
    }
}

/// Two questions, slot by slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// What both speak of and state differently.
    pub disagreements: Vec<Disagreement>,
    /// Of these, by kind.
    pub numbers: usize,
    pub negation: bool,
    pub alternatives: usize,
    /// How many numbers, dates and codes only one of the two states.
    pub one_sided: usize,
    /// How many groups of alternatives only one of the two speaks of.
    pub alternatives_one_sided: usize,
}

pub fn compare(asked: &Text, stored: &Text) -> Comparison {
    let mut compared = compare_slots(asked, stored);
    let words = |text| text::syllables(text).collect::<Vec<_>>();
    if let Some(Reversal { left, middle, right }) =
        reversal(&words(asked.facing(stored)), &words(stored.facing(asked)))
    {
        let (asked, stored) =
            (format!("{left} … {middle} … {right}"), format!("{right} … {middle} … {left}"));
        compared.disagreements.push(Disagreement { slot: "vai", asked, stored });
    }
    compared
}

fn compare_slots(asked: &Text, stored: &Text) -> Comparison {
    let folded = asked.undiacritised || stored.undiacritised;
    let guard = if folded { &*FOLDED } else { &*PLAIN };
    let (asked, stored) = (guard.read(asked.facing(stored)), guard.read(stored.facing(asked)));
    let mut compared = Comparison::default();
    compare_numbers(&asked, &stored, &mut compared);
    compared.numbers = compared.disagreements.len();
    compared.negation = asked.negated != stored.negated;
    let spoken_of = |of: &Slots| of.values.keys().copied().collect::<BTreeSet<_>>();
    compared.alternatives_one_sided = spoken_of(&asked).symmetric_difference(&spoken_of(&stored)).count();
    let found = &mut compared.disagreements;
    if compared.negation {
        let say = |negated| if negated { "phủ định" } else { "khẳng định" }.to_owned();
        found.push(Disagreement {
            slot: "phủ định", asked: say(asked.negated), stored: say(stored.negated)
        });
    }
    for (group, left) in &asked.values {
        let Some(right) = stored.values.get(group) else { continue };
        if left.is_disjoint(right) {
            let words = |chosen: &BTreeSet<usize>| {
                list(chosen.iter().map(|value| &guard.data.group[*group].values[*value][0]))
            };
            let slot = PLAIN.data.group[*group].slot.as_str();
            compared.alternatives += 1;
            found.push(Disagreement { slot, asked: words(left), stored: words(right) });
        }
    }
    compared
}

/// A normalised text with one alternative exchanged for another that excludes it; `choose` picks a
/// place below what it is given. `None` when the text has none.
pub(crate) fn exchanged(text: &str, mut choose: impl FnMut(usize) -> usize) -> Option<String> {
    let spaced = format!(" {text} ");
    let mut choices = Vec::new();
    for group in &PLAIN.data.group {
        for (at, value) in group.values.iter().enumerate() {
            let here = value.iter().filter(|words| spaced.contains(&format!(" {words} ")));
            for words in here {
                let others = group.values.iter().enumerate().filter(|(other, _)| *other != at);
                choices.extend(others.filter_map(|(_, other)| Some((words, other.first()?))));
            }
        }
    }
    let at = (!choices.is_empty()).then(|| choose(choices.len()))?;
    let (here, there) = choices.get(at)?;
    Some(spaced.replacen(&format!(" {here} "), &format!(" {there} "), 1).trim().to_owned())
}

fn compare_numbers(asked: &Slots, stored: &Slots, compared: &mut Comparison) {
    let none = BTreeSet::new();
    for (slot, name) in NUMBERS {
        let left = asked.numbers.get(&slot).unwrap_or(&none);
        let right = stored.numbers.get(&slot).unwrap_or(&none);
        compared.one_sided += left.symmetric_difference(right).count();
        let (only_left, only_right) = (list(left.difference(right)), list(right.difference(left)));
        if !only_left.is_empty() && !only_right.is_empty() {
            compared.disagreements.push(Disagreement { slot: name, asked: only_left, stored: only_right });
        }
    }
}

fn list<'a>(words: impl Iterator<Item = &'a String>) -> String {
    words.map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Number {
    Plain,
    Ordinal,
    Date,
    Percentage,
    Money,
    Legal,
    Code,
}

const NUMBERS: [(Number, &str); 7] = [
    (Number::Plain, "số"),
    (Number::Ordinal, "thứ tự"),
    (Number::Date, "ngày"),
    (Number::Percentage, "tỷ lệ"),
    (Number::Money, "số tiền"),
    (Number::Legal, "văn bản"),
    (Number::Code, "mã"),
];

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    negation: Negation,
    codes: Codes,
    ordinals: Ordinals,
    group: Vec<Group>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Negation {
    words: Vec<String>,
    asks: Vec<String>,
    asks_after: Vec<String>,
    asks_before: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Codes {
    ignored: HashSet<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordinals {
    heads: Vec<String>,
    values: HashMap<String, String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    slot: String,
    values: Vec<Vec<String>>,
}

/// The data, and its phrases by their first word.
struct Guard {
    data: Data,
    /// First word → (whole phrase, group, value), the longest phrases first.
    phrases: HashMap<String, Vec<(Vec<String>, usize, usize)>>,
}

static PLAIN: LazyLock<Guard> = LazyLock::new(|| {
    let data: Data = toml::from_str(include_str!("../data/polarity.toml"))
        .expect("data/polarity.toml is compiled in and covered by a test");
    Guard::new(data)
});

static FOLDED: LazyLock<Guard> = LazyLock::new(|| {
    let mut data = PLAIN.data.clone();
    let fold = |words: &mut Vec<String>| words.iter_mut().for_each(|w| *w = text::fold(w));
    fold(&mut data.negation.words);
    fold(&mut data.negation.asks);
    fold(&mut data.negation.asks_after);
    fold(&mut data.negation.asks_before);
    fold(&mut data.ordinals.heads);
    let values = data.ordinals.values.iter();
    // Folded, "tư" and "tự" and "năm" and "nằm" are one: only what follows a head is read.
    data.ordinals.values = values.map(|(word, value)| (text::fold(word), value.clone())).collect();
    data.group.iter_mut().for_each(|group| group.values.iter_mut().for_each(fold));
    Guard::new(data)
});

/// What one text states.
struct Slots {
    numbers: BTreeMap<Number, BTreeSet<String>>,
    negated: bool,
    /// Group → the values of it that are mentioned.
    values: BTreeMap<usize, BTreeSet<usize>>,
}

impl Guard {
    fn new(data: Data) -> Self {
        let mut phrases: HashMap<String, Vec<(Vec<String>, usize, usize)>> = HashMap::new();
        for (group, alternatives) in data.group.iter().enumerate() {
            for (value, spellings) in alternatives.values.iter().enumerate() {
                for spelling in spellings {
                    let words: Vec<String> = spelling.split(' ').map(str::to_owned).collect();
                    phrases.entry(words[0].clone()).or_default().push((words, group, value));
                }
            }
        }
        for all in phrases.values_mut() {
            all.sort_by_key(|(words, ..)| std::cmp::Reverse(words.len()));
        }
        Self { data, phrases }
    }

    fn read(&self, text: &str) -> Slots {
        let words: Vec<Token<'_>> = text.split(' ').filter_map(Token::read).collect();
        Slots { numbers: self.numbers(&words), negated: self.negated(&words), values: self.values(&words) }
    }

    fn numbers(&self, words: &[Token<'_>]) -> BTreeMap<Number, BTreeSet<String>> {
        let mut numbers: BTreeMap<Number, BTreeSet<String>> = BTreeMap::new();
        for (at, token) in words.iter().enumerate() {
            let previous = at.checked_sub(1).map_or("", |before| words[before].core);
            let next = words.get(at + 1).map_or("", |after| after.core);
            if let Some((kind, value)) = self.number(previous, token.core, next) {
                numbers.entry(kind).or_default().insert(value);
            }
        }
        numbers
    }

    fn number(&self, previous: &str, word: &str, next: &str) -> Option<(Number, String)> {
        let ordinal = self.data.ordinals.heads.iter().any(|head| head == previous);
        if ordinal && let Some(value) = self.data.ordinals.values.get(word) {
            return Some((Number::Ordinal, value.clone()));
        }
        if self.data.codes.ignored.contains(word) || !word.contains(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let digits_first = word.starts_with(|c: char| c.is_ascii_digit());
        if word.contains('/') {
            let legal = digits_first && word.contains(char::is_alphabetic);
            let date = word.chars().all(|c| c.is_ascii_digit() || c == '/');
            return match (legal, date) {
                (true, _) => Some((Number::Legal, text::fold(word))),
                (_, true) => Some((Number::Date, date_of(word))),
                _ => Some((Number::Code, word.to_owned())),
            };
        }
        if let Some(percentage) = word.strip_suffix('%') {
            return Some((Number::Percentage, plain_number(percentage)));
        }
        if let Some((amount, scale)) = money(word, next) {
            return Some((Number::Money, format!("{} {scale}", plain_number(amount))));
        }
        if word.contains(char::is_alphabetic) {
            return Some((Number::Code, word.to_owned()));
        }
        let kind = if ordinal { Number::Ordinal } else { Number::Plain };
        Some((kind, plain_number(word)))
    }

    fn negated(&self, words: &[Token<'_>]) -> bool {
        let data = &self.data.negation;
        let has = |list: &[String], word: &str| list.iter().any(|listed| listed == word);
        words.iter().enumerate().any(|(at, token)| {
            if !has(&data.words, token.core) {
                return false;
            }
            if !has(&data.asks, token.core) {
                return true;
            }
            let follower = words.get(at + 1).map(|next| next.core);
            let asks = token.ends_clause
                || follower.is_none_or(|next| has(&data.asks_before, next))
                || at.checked_sub(1).is_some_and(|before| has(&data.asks_after, words[before].core));
            !asks
        })
    }

    fn values(&self, words: &[Token<'_>]) -> BTreeMap<usize, BTreeSet<usize>> {
        let mut values: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let mut at = 0;
        while at < words.len() {
            let mut taken = 1;
            for (phrase, group, value) in self.phrases.get(words[at].core).into_iter().flatten() {
                let here = phrase.len() >= taken
                    && words.len() - at >= phrase.len()
                    && phrase.iter().zip(&words[at..]).all(|(listed, token)| listed == token.core);
                if here {
                    values.entry(*group).or_default().insert(*value);
                    taken = phrase.len();
                }
            }
            at += taken;
        }
        values
    }
}

/// A word without the punctuation round it.
struct Token<'a> {
    core: &'a str,
    /// Punctuation follows it.
    ends_clause: bool,
}

impl<'a> Token<'a> {
    fn read(word: &'a str) -> Option<Self> {
        let inner = |c: char| c.is_alphanumeric() || c == '%';
        let core = word.trim_matches(|c| !inner(c));
        let ends_clause = word.ends_with(|c| !inner(c));
        (!core.is_empty()).then_some(Self { core, ends_clause })
    }
}

/// `01/08/2021` and `1/8/2021` are one date.
fn date_of(word: &str) -> String {
    let parts = word.split('/').map(|part| part.trim_start_matches('0'));
    parts.collect::<Vec<_>>().join("/")
}

/// `1.000.000` is 1000000, `1,50` is 1.5, `05` is 5.
fn plain_number(written: &str) -> String {
    let thousands = |separator: char| {
        let mut groups = written.split(separator);
        let first = groups.next().is_some_and(|g| (1..=3).contains(&g.len()));
        let rest: Vec<&str> = groups.collect();
        first && !rest.is_empty() && rest.iter().all(|g| g.len() == 3)
    };
    let digits = if thousands('.') {
        written.replace('.', "")
    } else if thousands(',') {
        written.replace(',', "")
    } else {
        written.replace(',', ".")
    };
    let whole = digits.trim_start_matches('0');
    let whole = if whole.contains('.') { whole.trim_end_matches('0').trim_end_matches('.') } else { whole };
    if whole.is_empty() { "0".to_owned() } else { whole.to_owned() }
}

/// An amount of money and what it is counted in: `500k`, `2 triệu`, `300.000 đồng`.
fn money<'a>(word: &'a str, next: &str) -> Option<(&'a str, &'static str)> {
    let amount = word.trim_end_matches(char::is_alphabetic);
    let unit = if amount.len() == word.len() { next } else { &word[amount.len()..] };
    let scale = match text::fold(unit).as_str() {
        "k" | "nghin" | "ngan" => "nghìn",
        "tr" | "trieu" => "triệu",
        "ty" | "ti" => "tỷ",
        "dong" | "d" | "vnd" => "đồng",
        _ => return None,
    };
    amount.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',').then_some((amount, scale))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(asked: &str, stored: &str) -> Vec<String> {
        compare(&Text::read(asked), &Text::read(stored))
            .disagreements
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn what_differs_is_named() {
        let cases = [
            ("Tiêm mũi 2 ở đâu?", "Tiêm mũi 3 ở đâu?", "Khác thứ tự: 2 ↔ 3"),
            ("Tiêm mũi hai ở đâu?", "Tiêm mũi 3 ở đâu?", "Khác thứ tự: 2 ↔ 3"),
            ("tiem mui hai o dau", "Tiêm mũi 3 ở đâu?", "Khác thứ tự: 2 ↔ 3"),
            ("Phạt 500k vì sao?", "Phạt 2 triệu vì sao?", "Khác số tiền: 500 nghìn ↔ 2 triệu"),
            ("Giảm 10%", "Giảm 15%", "Khác tỷ lệ: 10 ↔ 15"),
            (
                "Nghị định 61/2018/NĐ-CP quy định gì?",
                "Nghị định 42/2022/NĐ-CP quy định gì?",
                "Khác văn bản: 61/2018/nd-cp ↔ 42/2022/nd-cp",
            ),
            ("F0 cách ly bao lâu", "F1 cách ly bao lâu", "Khác mã: f0 ↔ f1"),
            ("Thủ tục nhập khẩu gỗ", "Thủ tục xuất khẩu gỗ", "Khác chiều: nhập khẩu ↔ xuất khẩu"),
            ("thu tuc nhap khau go", "Thủ tục xuất khẩu gỗ", "Khác chiều: nhap khau ↔ xuat khau"),
            (
                "BHXH tự nguyện đóng ở đâu?",
                "BHXH bắt buộc đóng ở đâu?",
                "Khác tính bắt buộc: tự nguyện ↔ bắt buộc",
            ),
            ("Hồ sơ không có sai sót", "Hồ sơ có sai sót", "Khác phủ định: phủ định ↔ khẳng định"),
            ("Hạn 01/8/2021", "Hạn 20/08/2021", "Khác ngày: 1/8/2021 ↔ 20/8/2021"),
        ];
        for (asked, stored, sentence) in cases {
            assert_eq!(said(asked, stored), [sentence], "{asked} | {stored}");
        }
    }

    #[test]
    fn what_agrees_is_left_alone() {
        let cases = [
            ("Có được miễn phí không?", "Có được miễn phí hay không ạ?"),
            ("Tiêm vaccine Covid 19 được không", "tiêm vắc xin covid-19 được không ạ, xin cảm ơn"),
            ("Đóng 1.000.000 đồng", "Đóng 1000000 đồng"),
            ("Từ 01/08/2021", "từ 1/8/2021"),
            ("cap lai the bao hiem y te", "Cấp lại thẻ BHYT"),
        ];
        for (asked, stored) in cases {
            assert_eq!(said(asked, stored), Vec::<String>::new(), "{asked} | {stored}");
        }
    }

    #[test]
    fn a_number_that_only_one_side_states_is_counted() {
        let (asked, stored) = (Text::read("Mẹ tôi 62 tuổi tiêm được không"), Text::read("Tiêm được không"));
        let compared = compare(&asked, &stored);
        assert_eq!((compared.one_sided, compared.disagreements), (1, vec![]));
    }

    proptest! {
        #[test]
        fn any_two_texts_can_be_compared(
            a in "\\PC{0,40}|[0-9./,%k a-zđôơệ-]{0,40}",
            b in "\\PC{0,40}|[0-9./,%k a-zđôơệ-]{0,40}",
        ) {
            let (a, b) = (Text::read(&a), Text::read(&b));
            prop_assert_eq!(compare(&a, &a), Comparison::default());
            let (there, back) = (compare(&a, &b), compare(&b, &a));
            prop_assert_eq!(there.one_sided, back.one_sided);
            prop_assert_eq!(there.disagreements.len(), back.disagreements.len());
        }
    }
}
