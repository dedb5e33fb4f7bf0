//! What is wanting in a reply: whether it speaks of all that was asked, names its basis and a contact,
//! says more than that it was passed on, and holds nobody's own data. Words and patterns are data
//! (`data/check.toml`). Pure.

use std::{collections::HashSet, sync::LazyLock};

use regex::Regex;
use serde::Deserialize;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::replies::{Code, Policy};

/// Findings of one code that are told.
const TOLD_MAX: usize = 10;

/// Characters of a finding's words.
const WORDS_CHARS_MAX: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub code: Code,
    /// The words concerned; empty: the whole text.
    pub words: String,
}

/// A reply before it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// The question's own words and the last follow-up.
    pub asked: &'a [&'a str],
    pub text: &'a str,
    /// It cites a stored answer.
    pub cites: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    sub_question: SubQuestion,
    basis: Patterns,
    contact: Patterns,
    only_forwarded: OnlyForwarded,
    personal_data: Vec<Personal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubQuestion {
    asking: Vec<String>,
    joining: Vec<String>,
    empty: Vec<String>,
    share_min: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patterns {
    patterns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlyForwarded {
    phrases: Vec<String>,
    words_min: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Personal {
    pattern: String,
    unless: Option<String>,
}

/// The data, ready to be used.
struct Rules {
    asking: Regex,
    joining: Regex,
    empty: HashSet<String>,
    share_min: f64,
    basis: Vec<Regex>,
    contact: Vec<Regex>,
    forwarded: Regex,
    words_min: usize,
    personal: Vec<(Regex, Option<Regex>)>,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let data: Data = toml::from_str(include_str!("../data/check.toml"))
        .expect("data/check.toml is compiled in and covered by a test");
    let SubQuestion { asking, joining, empty, share_min } = data.sub_question;
    let OnlyForwarded { phrases, words_min } = data.only_forwarded;
    let personal = data.personal_data.iter();
    Rules {
        asking: any_of(&asking),
        joining: any_of(&joining),
        empty: empty.iter().flat_map(|word| [word.clone(), plain(word)]).collect(),
        share_min,
        basis: data.basis.patterns.iter().map(|text| pattern(text)).collect(),
        contact: data.contact.patterns.iter().map(|text| pattern(text)).collect(),
        forwarded: any_of(&phrases),
        words_min,
        personal: personal.map(|one| (pattern(&one.pattern), one.unless.as_deref().map(pattern))).collect(),
    }
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of data/check.toml, compiled by the tests")
}

/// Any of these as whole words, in any case.
fn any_of(phrases: &[String]) -> Regex {
    let phrases = phrases.iter().map(|phrase| regex::escape(phrase)).collect::<Vec<_>>();
    pattern(&format!(r"(?i)\b(?:{})\b", phrases.join("|")))
}

/// What is wanting in a reply, by what its unit asks of one.
pub fn check(reply: &Reply<'_>, policy: &Policy) -> Vec<Finding> {
    let rules = &*RULES;
    let text: String = reply.text.nfc().collect();
    let whole = |code| Finding { code, words: String::new() };
    let says = |patterns: &[Regex]| patterns.iter().any(|pattern| pattern.is_match(&text));
    let mut findings: Vec<Finding> = reply
        .asked
        .iter()
        .flat_map(|asked| asks(asked))
        .filter(|ask| !speaks_of(&text, ask))
        .take(TOLD_MAX)
        .map(|ask| Finding { code: Code::SubQuestion, words: cut(&ask) })
        .collect();
    if policy.basis && !reply.cites && !says(&rules.basis) {
        findings.push(whole(Code::Basis));
    }
    if policy.contact && !says(&rules.contact) {
        findings.push(whole(Code::Contact));
    }
    if is_only_forwarded(&text) {
        findings.push(whole(Code::OnlyForwarded));
    }
    let personal = personal_data(&text).into_iter().take(TOLD_MAX);
    findings.extend(personal.map(|words| Finding { code: Code::PersonalData, words: cut(&words) }));
    findings
}

/// The findings with which an approval is refused.
pub fn gates<'a>(findings: &'a [Finding], policy: &Policy) -> Vec<&'a Finding> {
    findings.iter().filter(|finding| policy.gate.contains(&finding.code)).collect()
}

/// What is asked, one by one: sentences and lines that ask, and what is joined in them if each asks.
fn asks(question: &str) -> Vec<String> {
    let question: String = question.nfc().collect();
    let sentences = question
        .split_inclusive(['?', '\n', ';'])
        .flat_map(|line| line.split_inclusive(". "))
        .map(str::trim)
        .filter(|sentence| !sentence.is_empty())
        .collect::<Vec<_>>();
    let asking = |sentence: &&str| sentence.ends_with('?') || RULES.asking.is_match(sentence);
    let mut asks: Vec<String> = sentences.iter().filter(|s| asking(s)).flat_map(|s| parts(s)).collect();
    if asks.is_empty() {
        // A recommendation or a report: it is spoken of as a whole.
        asks.push(question);
    }
    asks
}

/// A sentence, cut where it joins two asks; what does not ask stays with what does.
fn parts(sentence: &str) -> Vec<String> {
    let (mut parts, mut part, mut at) = (Vec::new(), String::new(), 0);
    for joint in RULES.joining.find_iter(sentence) {
        part += &sentence[at..joint.start()];
        at = joint.start();
        if RULES.asking.is_match(&part) {
            parts.push(std::mem::take(&mut part));
            at = joint.end();
        }
    }
    part += &sentence[at..];
    match parts.last_mut() {
        Some(last) if !RULES.asking.is_match(&part) => *last += &part,
        _ => parts.push(part),
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

/// Whether a reply speaks of what is asked: enough of its words are there.
fn speaks_of(text: &str, ask: &str) -> bool {
    let is_plain = plain(ask) == ask.to_lowercase();
    let read = |text: &str| if is_plain { plain(text) } else { text.to_lowercase() };
    let said: HashSet<String> = words(&read(text)).map(str::to_owned).collect();
    let ask = read(ask);
    let wanted: HashSet<&str> = words(&ask).filter(|word| !RULES.empty.contains(*word)).collect();
    let found = wanted.iter().filter(|word| said.contains(**word)).count();
    wanted.is_empty() || share(found, wanted.len()) >= RULES.share_min
}

fn is_only_forwarded(text: &str) -> bool {
    let sentences = text.split_inclusive(['.', '!', '?', ';', '\n']);
    let (passed_on, others): (Vec<&str>, Vec<&str>) =
        sentences.partition(|sentence| RULES.forwarded.is_match(sentence));
    let lower = others.concat().to_lowercase();
    let said = words(&lower).filter(|word| !RULES.empty.contains(*word)).count();
    !passed_on.is_empty() && said < RULES.words_min
}

fn personal_data(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (pattern, unless) in &RULES.personal {
        for one in pattern.find_iter(text).map(|one| one.as_str()) {
            let official = unless.as_ref().is_some_and(|unless| unless.is_match(one));
            if !official && !found.iter().any(|before| before.contains(one)) {
                found.push(one.trim().to_owned());
            }
        }
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Lower case without diacritics.
fn plain(text: &str) -> String {
    let bare = text.nfd().filter(|c| !is_combining_mark(*c)).collect::<String>().to_lowercase();
    bare.replace('đ', "d")
}

fn cut(words: &str) -> String {
    words.chars().take(WORDS_CHARS_MAX).collect()
}

#[expect(clippy::cast_precision_loss, reason = "words of one text")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests;
