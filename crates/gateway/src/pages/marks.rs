//! Marked words: what was searched for, and where two texts differ. Pure.

use std::collections::HashSet;

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub text: String,
    pub marked: bool,
}

/// The marks of Vietnamese tones: a syllable has one, on this vowel or, by the older spelling, on that.
const TONES: [char; 5] = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];

/// What is searched for.
pub(super) struct Wanted {
    /// Without case and diacritics.
    folded: HashSet<String>,
    /// As they were typed, but for case and the place of the tone.
    typed: HashSet<String>,
}

impl Wanted {
    pub fn new(text: &str) -> Self {
        let typed = words(text).filter(|(_, is_word)| *is_word).map(|(word, _)| toned(word));
        Self { folded: folded(text), typed: typed.collect() }
    }

    /// Who types no diacritics means any; who types them means these.
    fn has(&self, word: &str) -> bool {
        self.typed.contains(&fold(word)) || self.typed.contains(&toned(word))
    }
}

/// The words of a text without case and diacritics.
fn folded(text: &str) -> HashSet<String> {
    words(text).filter(|(_, is_word)| *is_word).map(|(word, _)| fold(word)).collect()
}

/// Marks the words that are wanted.
pub(super) fn found(text: &str, wanted: &Wanted) -> Vec<Run> {
    mark(text, |word| wanted.has(word))
}

/// Marks the words that `other` does not have. Diacritics count: they make another word.
pub(super) fn differing(text: &str, other: &str) -> Vec<Run> {
    let lower = |text: &str| text.nfc().collect::<String>().to_lowercase();
    let theirs: HashSet<String> =
        words(other).filter(|(_, is_word)| *is_word).map(|(word, _)| lower(word)).collect();
    mark(text, |word| !theirs.contains(&lower(word)))
}

/// The share of `wanted` that the texts have in whatever spelling, 0 to 1.
pub(super) fn share(wanted: &Wanted, question: &str, answer: &str) -> f64 {
    let wanted = &wanted.folded;
    let (question, answer) = (folded(question), folded(answer));
    let there = wanted.iter().filter(|word| question.contains(*word) || answer.contains(*word)).count();
    let count = |n: usize| u32::try_from(n).map_or(f64::MAX, f64::from);
    if wanted.is_empty() { 0.0 } else { count(there) / count(wanted.len()) }
}

fn mark(text: &str, is_marked: impl Fn(&str) -> bool) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (piece, is_word) in words(text) {
        let marked = is_word && is_marked(piece);
        match runs.last_mut() {
            Some(last) if last.marked == marked => last.text.push_str(piece),
            _ => runs.push(Run { text: piece.to_owned(), marked }),
        }
    }
    runs
}

/// Words and what is between them, in their order.
fn words(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let is_word = |c: char| c.is_alphanumeric() || is_combining_mark(c);
    let mut rest = text;
    std::iter::from_fn(move || {
        let kind = is_word(rest.chars().next()?);
        let end = rest.find(|c| is_word(c) != kind).unwrap_or(rest.len());
        let (piece, tail) = rest.split_at(end);
        rest = tail;
        Some((piece, kind))
    })
}

fn fold(word: &str) -> String {
    let bare = word.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    bare.map(|c| if c == 'đ' { 'd' } else { c }).collect()
}

/// Without case, the tone's mark after all letters.
fn toned(word: &str) -> String {
    let (tones, letters): (String, String) =
        word.nfd().flat_map(char::to_lowercase).partition(|c| TONES.contains(c));
    letters + &tones
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(runs: &[Run]) -> String {
        runs.iter().map(|r| if r.marked { format!("[{}]", r.text) } else { r.text.clone() }).collect()
    }

    #[test]
    fn what_is_searched_for_is_marked_however_it_is_written() {
        let wanted = Wanted::new("cot den");
        assert_eq!(shown(&found("Cột đèn, đường hỏng", &wanted)), "[Cột] [đèn], đường hỏng");
        // Decomposed, as some systems write it.
        assert_eq!(shown(&found("co\u{302}\u{323}t", &wanted)), "[co\u{302}\u{323}t]");
    }

    #[test]
    fn who_types_diacritics_means_these() {
        let marked = |typed: &str, text: &str| shown(&found(text, &Wanted::new(typed)));
        assert_eq!(marked("một cửa", "MỘT cửa của mọi nhà"), "[MỘT] [cửa] của mọi nhà");
        assert_eq!(marked("một cua", "một cửa của mốt"), "[một] [cửa] [của] mốt");
        assert_eq!(marked("đường", "duong đuong đường"), "duong đuong [đường]");
        assert_eq!(marked("hòa", "hoà hòa hoa hóa"), "[hoà] [hòa] hoa hóa");
    }

    #[test]
    fn words_that_only_one_text_has_are_marked() {
        let (asked, stored) = ("Thuế năm 2026?", "thuế năm 2025");
        assert_eq!(shown(&differing(asked, stored)), "Thuế năm [2026]?");
        assert_eq!(shown(&differing("má", "mà")), "[má]");
        assert_eq!(shown(&differing("", "x")), "");
    }

    #[test]
    fn the_share_is_of_what_was_searched_for() {
        let share = |wanted: &str| share(&Wanted::new(wanted), "Cột đèn", "sửa");
        assert!((share("den sua mua duong") - 0.5).abs() < 1e-9);
        assert!(share("") < 1e-9);
    }
}
