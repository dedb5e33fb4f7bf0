//! One reading of a text, the same for what is stored and what is asked: only texts read alike can
//! be compared.

use std::{collections::HashMap, sync::LazyLock};

use serde::Deserialize;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::restore::Restorer;

/// Goes up with every change of [`normalise`] and its data, or of what is kept with an embedding:
/// stored questions are then embedded and indexed anew.
pub const REVISION: u32 = 2;

/// The most words one written abbreviation has.
const PHRASE_WORDS: usize = 3;

/// A text as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// As [`normalise`] gives it; with diacritics put back where it had none and the store could say.
    pub normal: String,
    /// `normal` without diacritics, đ as d.
    pub folded: String,
    /// Written without any diacritic: only `folded` texts can be compared with it.
    pub undiacritised: bool,
}

impl Text {
    pub fn read(raw: &str) -> Self {
        // Looked at before abbreviations are written out, which would bring diacritics in.
        let tidy = tidy(raw);
        let undiacritised = !has_diacritics(&tidy);
        let normal = normal(&tidy);
        let folded = fold(&normal);
        Self { normal, folded, undiacritised }
    }

    /// With the likeliest diacritics where it was typed without any.
    #[must_use]
    pub fn restored(mut self, restorer: &Restorer) -> Self {
        if self.undiacritised {
            self.normal = restorer.restore(&self.normal);
        }
        self
    }

    /// The form to compare with `other`: folded when either was typed without diacritics.
    pub fn facing<'a>(&'a self, other: &Self) -> &'a str {
        if self.undiacritised || other.undiacritised { &self.folded } else { &self.normal }
    }
}

/// NFC, lower case, one space between words, tone marks where the older spelling has them (hoà as
/// hòa), abbreviations written out, no politeness and no punctuation at the ends. Idempotent.
pub fn normalise(raw: &str) -> String {
    normal(&tidy(raw))
}

fn normal(tidy: &str) -> String {
    POLITENESS.taken_off(&written_out(tidy)).to_owned()
}

fn written_out(tidy: &str) -> String {
    let words: Vec<Word<'_>> = tidy.split(' ').map(Word::split).collect();
    let mut normal = String::with_capacity(tidy.len() + 16);
    let mut at = 0;
    while at < words.len() {
        if !normal.is_empty() {
            normal.push(' ');
        }
        if let Some((count, meaning)) = meaning(&words[at..]) {
            let last = &words[at + count - 1];
            normal.extend([words[at].before, meaning, last.after]);
            at += count;
        } else {
            normal.push_str(words[at].before);
            normal.push_str(&place_tones(words[at].core));
            normal.push_str(words[at].after);
            at += 1;
        }
    }
    trimmed(&normal).to_owned()
}

/// Takes the diacritics off: `đường` gives `duong`.
pub fn fold(text: &str) -> String {
    let bare = text.nfd().filter(|c| !is_combining_mark(*c));
    bare.map(|c| match c {
        'đ' => 'd',
        'Đ' => 'D',
        c => c,
    })
    .nfc()
    .collect()
}

/// The runs of letters and digits.
pub fn syllables(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty())
}

/// Where `part`, a slice of `text`, begins in it, in bytes.
pub fn place(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// Whether a letter is one that only Vietnamese spelling has.
pub fn has_diacritics(text: &str) -> bool {
    text.chars().any(is_vietnamese_letter)
}

fn tidy(raw: &str) -> String {
    let visible = raw.chars().filter(|c| !is_invisible(*c));
    let spaced = visible.map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c });
    let lower = spaced.nfc().collect::<String>().to_lowercase();
    // The Icelandic letter looks like đ and some keyboards type it.
    let lower: String = lower.nfc().map(|c| if c == 'ð' { 'đ' } else { c }).collect();
    let words: Vec<&str> = lower.split(' ').filter(|word| !word.is_empty()).collect();
    trimmed(&words.join(" ")).to_owned()
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| !(c.is_alphanumeric() || is_combining_mark(c) || c == '%'))
}

/// Zero-width and direction marks: they are not seen, so they must not tell texts apart.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn is_vietnamese_letter(c: char) -> bool {
    c == 'đ' || (c.is_alphabetic() && std::iter::once(c).nfd().any(is_combining_mark))
}

/// A word and the punctuation round it.
struct Word<'a> {
    before: &'a str,
    core: &'a str,
    after: &'a str,
}

impl<'a> Word<'a> {
    fn split(word: &'a str) -> Self {
        let inner = |c: char| c.is_alphanumeric() || is_combining_mark(c) || c == '%';
        let Some(start) = word.find(inner) else {
            return Self { before: word, core: "", after: "" };
        };
        let end =
            word.char_indices().rev().find(|(_, c)| inner(*c)).map_or(word.len(), |(i, c)| i + c.len_utf8());
        Self { before: &word[..start], core: &word[start..end], after: &word[end..] }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Abbreviations {
    abbreviation: Vec<Abbreviation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Abbreviation {
    written: Vec<String>,
    means: String,
}

static ABBREVIATIONS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let data: Abbreviations = toml::from_str(include_str!("../data/abbreviations.toml"))
        .expect("data/abbreviations.toml is compiled in and covered by a test");
    let pairs = data.abbreviation.into_iter();
    pairs.flat_map(|a| a.written.into_iter().map(move |written| (written, a.means.clone()))).collect()
});

/// What people say round their question.
struct Politeness {
    before: Vec<Phrase>,
    after: Vec<Phrase>,
}

/// A phrase's words, with and without diacritics.
struct Phrase {
    words: Vec<String>,
    folded: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolitenessData {
    before: Vec<String>,
    after: Vec<String>,
}

static POLITENESS: LazyLock<Politeness> = LazyLock::new(|| {
    let data: PolitenessData = toml::from_str(include_str!("../data/politeness.toml"))
        .expect("data/politeness.toml is compiled in and covered by a test");
    let phrases = |texts: Vec<String>| {
        let read = |words: &str| words.split(' ').map(str::to_owned).collect();
        let mut phrases: Vec<Phrase> =
            texts.iter().map(|text| Phrase { words: read(text), folded: read(&fold(text)) }).collect();
        phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.words.len()));
        phrases
    };
    Politeness { before: phrases(data.before), after: phrases(data.after) }
});

impl Politeness {
    /// `text` without what is said at its ends; all of it when nothing else would remain.
    fn taken_off<'a>(&self, text: &'a str) -> &'a str {
        let mut kept = text;
        loop {
            let plain = !has_diacritics(kept);
            if self.before.iter().chain(&self.after).any(|phrase| phrase.is(kept, plain)) {
                return kept;
            }
            let shorter = self.before.iter().find_map(|phrase| phrase.off_the_front(kept, plain));
            let shorter =
                shorter.or_else(|| self.after.iter().find_map(|phrase| phrase.off_the_end(kept, plain)));
            match shorter {
                Some(rest) => kept = rest,
                None => return kept,
            }
        }
    }
}

impl Phrase {
    /// In a text without diacritics a lone syllable could be any word.
    fn words(&self, plain: bool) -> Option<&[String]> {
        match (plain, self.words.len()) {
            (false, _) => Some(&self.words),
            (true, 1) => None,
            (true, _) => Some(&self.folded),
        }
    }

    fn is(&self, text: &str, plain: bool) -> bool {
        self.words(plain).is_some_and(|words| text.split(' ').map(|word| Word::split(word).core).eq(words))
    }

    fn off_the_front<'a>(&self, text: &'a str, plain: bool) -> Option<&'a str> {
        let mut rest = text;
        for word in self.words(plain)? {
            let (first, after) = rest.split_once(' ')?;
            if Word::split(first).core != word {
                return None;
            }
            rest = after;
        }
        Some(trimmed(rest)).filter(|rest| !rest.is_empty())
    }

    fn off_the_end<'a>(&self, text: &'a str, plain: bool) -> Option<&'a str> {
        let mut rest = text;
        for word in self.words(plain)?.iter().rev() {
            let (before, last) = rest.rsplit_once(' ')?;
            if Word::split(last).core != word {
                return None;
            }
            rest = before;
        }
        Some(trimmed(rest)).filter(|rest| !rest.is_empty())
    }
}

/// How many words make an abbreviation here, and what it means; the longest one wins.
fn meaning(words: &[Word<'_>]) -> Option<(usize, &'static str)> {
    (1..=PHRASE_WORDS.min(words.len())).rev().find_map(|count| {
        let phrase = &words[..count];
        let joined = phrase[..count - 1].iter().all(|w| w.after.is_empty())
            && phrase[1..].iter().all(|w| w.before.is_empty());
        if !joined {
            return None;
        }
        let written = phrase.iter().map(|w| w.core).collect::<Vec<_>>().join(" ");
        ABBREVIATIONS.get(&written).map(|means| (count, means.as_str()))
    })
}

/// Open syllables in oa, oe, uy carry the tone on either vowel, by taste: the first is kept.
fn place_tones(word: &str) -> String {
    let letters: Vec<char> = word.chars().collect();
    let mut placed = letters.clone();
    for at in 1..letters.len() {
        let open = letters.get(at + 1).is_none_or(|c| !c.is_alphabetic());
        let before = if at >= 2 { letters[at - 2] } else { ' ' };
        if !open || (letters[at - 1] == 'u' && before == 'q') {
            continue;
        }
        if let Some((tone, vowel)) = toned(letters[at])
            && matches!((letters[at - 1], vowel), ('o', 'a' | 'e') | ('u', 'y'))
        {
            let first: String = [letters[at - 1], tone].iter().collect::<String>().nfc().collect();
            placed[at - 1] = first.chars().next().unwrap_or(letters[at - 1]);
            placed[at] = vowel;
        }
    }
    // A tone that stood alone may have found its vowel.
    placed.into_iter().collect::<String>().nfc().collect()
}

/// A plain vowel's tone mark and the vowel.
fn toned(c: char) -> Option<(char, char)> {
    let mut parts = std::iter::once(c).nfd();
    let (vowel, tone) = (parts.next()?, parts.next()?);
    let only_tone = parts.next().is_none()
        && matches!(tone, '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}')
        && vowel.is_ascii_alphabetic();
    only_tone.then_some((tone, vowel))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_question_typed_differently_reads_the_same() {
        let cases = [
            ("  Cấp LẠI   thẻ?", "cấp lại thẻ"),
            ("hoà bình, khoẻ, thuỷ, quý, quy", "hòa bình, khỏe, thủy, quý, quy"),
            ("Thẻ BHYT (mới) dc cấp ko?", "thẻ bảo hiểm y tế (mới) được cấp không"),
            ("CCCD/CMND", "cccd/cmnd"),
            ("đi ra\u{300} soát", "đi rà soát"),
            ("vắc-xin\u{200b} Covid 19", "vắc xin covid-19"),
            ("hoàn thuế, toàn quyền, loại", "hoàn thuế, toàn quyền, loại"),
            ("giảm 50%.", "giảm 50%"),
            ("Ðà Nẵng", "đà nẵng"),
            ("???", ""),
        ];
        for (raw, normal) in cases {
            assert_eq!(normalise(raw), normal);
        }
    }

    #[test]
    fn politeness_is_no_part_of_the_question() {
        let cases = [
            (
                "Bác sĩ cho hỏi, viêm gan B có tiêm được vắc xin không ạ?",
                "viêm gan b có tiêm được vắc xin không",
            ),
            ("Cho em hỏi: cấp lại thẻ ở đâu ạ? Em xin cảm ơn!", "cấp lại thẻ ở đâu"),
            ("cho em hoi cap lai the o dau a", "cấp lại the o dau a"),
            ("Xin cảm ơn", "xin cảm ơn"),
            ("dạ", "dạ"),
        ];
        for (raw, normal) in cases {
            assert_eq!(fold(&normalise(raw)), fold(normal), "{raw}");
        }
        for phrase in POLITENESS.before.iter().chain(&POLITENESS.after) {
            let text = phrase.words.join(" ");
            assert_eq!(normalise(&text), text);
        }
    }

    #[test]
    fn folding_takes_off_every_diacritic() {
        assert_eq!(fold("đường về Thủ Đức, ưỡn ẹo"), "duong ve Thu Duc, uon eo");
    }

    #[test]
    fn a_text_without_diacritics_is_known_as_such() {
        assert!(Text::read("lam lai the BHYT o dau").undiacritised);
        assert!(!Text::read("lam lai thẻ BHYT").undiacritised);
    }

    #[test]
    fn an_abbreviation_means_itself_read_again() {
        for (written, means) in ABBREVIATIONS.iter() {
            assert_eq!(&normalise(means), means, "{written}");
            assert_eq!(&tidy(written), written, "{written}");
            assert!(written.split(' ').count() <= PHRASE_WORDS, "{written}");
        }
    }

    proptest! {
        #[test]
        fn reading_twice_changes_nothing(raw in "\\PC{0,60}|[a-zđàáảãạăâêôơưèéòóùúỳýỷ .,?()%0-9\u{300}\u{301}-]{0,60}") {
            let once = normalise(&raw);
            prop_assert_eq!(normalise(&once), once.clone());
            let folded = fold(&once);
            prop_assert_eq!(fold(&folded), folded);
        }

        #[test]
        fn any_text_can_be_read(raw in any::<String>()) {
            let text = Text::read(&raw);
            prop_assert!(!text.normal.contains("  "));
        }
    }
}
