//! Phrases in what people type: whole words one after another, in any case; a text without any
//! diacritics is compared without them.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// A text in the one form of those that look the same (Unicode NFC), whatever keyboard it was typed on.
pub fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// A text in which phrases are looked for.
#[derive(Debug)]
pub struct Typed {
    words: String,
    /// Without diacritics.
    plain: bool,
}

impl Typed {
    pub fn read(text: &str) -> Self {
        let words = spaced(text);
        let plain = !words.chars().any(|c| c == 'đ' || (!c.is_ascii() && c.nfd().count() > 1));
        Self { words, plain }
    }

    pub fn has(&self, phrase: &str) -> bool {
        let phrase = spaced(phrase);
        phrase != " " && self.words.contains(&if self.plain { folded(&phrase) } else { phrase })
    }

    /// One of `phrases`, and none of `unless`.
    pub fn says(&self, phrases: &[String], unless: &[String]) -> bool {
        let has = |phrase: &String| self.has(phrase);
        phrases.iter().any(has) && !unless.iter().any(has)
    }
}

/// Lower-case words with one space before, between and after.
fn spaced(text: &str) -> String {
    let lower: String = text.nfc().collect::<String>().to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c));
    words.filter(|word| !word.is_empty()).fold(" ".to_owned(), |spaced, word| spaced + word + " ")
}

fn folded(text: &str) -> String {
    let bare = text.nfd().filter(|c| !is_combining_mark(*c));
    bare.map(|c| if c == 'đ' { 'd' } else { c }).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_whole_words() {
        for (text, phrase, expected) in [
            ("Tôi xin,  TỐ CÁO ông A", "xin tố cáo", true),
            ("toi xin to cao", "xin tố cáo", true),
            ("tôi xin to cao", "xin tố cáo", false),
            ("xin tố cáotrạng", "tố cáo", false),
            ("đường dây nóng", "đường dây", true),
            ("duong day nong", "đường dây", true),
            ("", "tố cáo", false),
            ("tố cáo", "", false),
        ] {
            assert_eq!(Typed::read(text).has(phrase), expected, "{text} / {phrase}");
        }
    }
}
