//! Puts diacritics back on a question typed without them, as the store writes: each syllable has a
//! few diacritised forms, and the likeliest sequence of forms wins (a bigram model, Viterbi's
//! algorithm). Wrong now and then, so whoever compares words compares them folded.

use std::collections::HashMap;

use crate::text;

/// Characters of one text that are learned from, at most: long answers repeat themselves.
const LEARNED_CHARS_MAX: usize = 3_000;

/// Share of the bigram in a form's probability; the rest is the unigram's.
const BIGRAM_SHARE: f64 = 0.8;

/// So that an unseen form is unlikely and not impossible.
const FLOOR: f64 = 1e-12;

type Form = u32;

/// The beginning of a text, as the form before its first.
const START: Form = 0;

/// What the store's texts say of diacritics.
#[derive(Debug)]
pub struct Restorer {
    forms: Vec<String>,
    ids: HashMap<String, Form>,
    /// Folded syllable → its forms.
    variants: HashMap<String, Vec<Form>>,
    counts: Vec<u32>,
    pairs: HashMap<(Form, Form), u32>,
    total: u64,
}

impl Default for Restorer {
    fn default() -> Self {
        Self {
            forms: vec![String::new()],
            ids: HashMap::new(),
            variants: HashMap::new(),
            counts: vec![0],
            pairs: HashMap::new(),
            total: 0,
        }
    }
}

impl Restorer {
    /// Learns from a normalised text; one without diacritics has nothing to teach.
    pub fn learn(&mut self, normal: &str) {
        if !text::has_diacritics(normal) {
            return;
        }
        let end = normal.char_indices().nth(LEARNED_CHARS_MAX).map_or(normal.len(), |(at, _)| at);
        let mut before = START;
        self.counts[START as usize] += 1;
        for syllable in text::syllables(&normal[..end]) {
            let form = self.form(syllable);
            self.counts[form as usize] += 1;
            self.total += 1;
            *self.pairs.entry((before, form)).or_insert(0) += 1;
            before = form;
        }
    }

    /// The text with the likeliest diacritics; syllables that the store never had stay as they are.
    pub fn restore(&self, normal: &str) -> String {
        let spans: Vec<&str> = text::syllables(normal).collect();
        let mut restored = String::with_capacity(normal.len() + normal.len() / 4);
        let mut done = 0;
        for (span, form) in spans.iter().zip(self.likeliest(&spans)) {
            let at = text::place(normal, span);
            restored.push_str(&normal[done..at]);
            restored.push_str(form.unwrap_or(span));
            done = at + span.len();
        }
        restored.push_str(&normal[done..]);
        restored
    }

    fn form(&mut self, syllable: &str) -> Form {
        if let Some(&form) = self.ids.get(syllable) {
            return form;
        }
        let form = Form::try_from(self.forms.len()).unwrap_or(START);
        self.forms.push(syllable.to_owned());
        self.counts.push(0);
        self.ids.insert(syllable.to_owned(), form);
        self.variants.entry(text::fold(syllable)).or_default().push(form);
        form
    }

    /// For each syllable its form; none where the store has none.
    fn likeliest(&self, syllables: &[&str]) -> Vec<Option<&str>> {
        let mut steps: Vec<Vec<(Option<Form>, f64, usize)>> = Vec::with_capacity(syllables.len());
        for syllable in syllables {
            let known = self.variants.get(*syllable).map_or(&[][..], Vec::as_slice);
            let digits = syllable.contains(|c: char| c.is_ascii_digit());
            let options: Vec<Option<Form>> = if known.is_empty() || digits {
                vec![None]
            } else {
                known.iter().copied().map(Some).collect()
            };
            let step = options.into_iter().map(|form| {
                let (from, score) = match steps.last() {
                    None => (0, self.likelihood(Some(START), form)),
                    Some(before) => {
                        best(before.iter().map(|(b, score, _)| score + self.likelihood(*b, form)))
                    }
                };
                (form, score, from)
            });
            steps.push(step.collect());
        }
        let mut at = steps.last().map_or(0, |last| best(last.iter().map(|(_, score, _)| *score)).0);
        let mut chosen = Vec::with_capacity(steps.len());
        for step in steps.iter().rev() {
            let (form, _, from) = step[at];
            chosen.push(form.map(|form| self.forms[form as usize].as_str()));
            at = from;
        }
        chosen.reverse();
        chosen
    }

    /// The logarithm of a form's probability after another.
    fn likelihood(&self, before: Option<Form>, form: Option<Form>) -> f64 {
        let Some(form) = form else { return 0.0 };
        let count = |form: Form| f64::from(self.counts[form as usize]);
        #[expect(clippy::cast_precision_loss, reason = "counts of syllables, far below 2^52")]
        let unigram = count(form) / self.total.max(1) as f64;
        let bigram = before.map_or(0.0, |before| {
            let together = self.pairs.get(&(before, form)).copied().unwrap_or(0);
            f64::from(together) / count(before).max(1.0)
        });
        (BIGRAM_SHARE * bigram + (1.0 - BIGRAM_SHARE) * unigram + FLOOR).ln()
    }
}

/// The place of the greatest, and it.
fn best(scores: impl Iterator<Item = f64>) -> (usize, f64) {
    scores.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn learned() -> Restorer {
        let mut restorer = Restorer::default();
        for text in
            ["thủ tục cấp lại thẻ bảo hiểm y tế", "bán đất cho bạn", "bạn đã đặt lịch", "giấy bán nhà đất"]
        {
            restorer.learn(text);
        }
        restorer
    }

    #[test]
    fn neighbours_decide_between_forms() {
        let restorer = learned();
        assert_eq!(restorer.restore("ban dat cho ban"), "bán đất cho bạn");
        assert_eq!(
            restorer.restore("(cap lai) the bao hiem, y te xyz 12"),
            "(cấp lại) thẻ bảo hiểm, y tế xyz 12"
        );
        assert_eq!(restorer.restore(""), "");
    }

    #[test]
    fn a_text_without_diacritics_teaches_nothing() {
        let mut restorer = learned();
        restorer.learn("ban dat cho ban ban dat");
        assert_eq!(restorer.restore("ban dat"), "bán đất");
    }

    proptest! {
        #[test]
        fn only_diacritics_change(text in "[a-z0-9 .,()-]{0,60}") {
            prop_assert_eq!(text::fold(&learned().restore(&text)), text);
        }
    }
}
