//! What a site asks of replies: read from a declarative file. Pure but for the reading.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use api::answering::v1::{self, FindingCode};
use serde::Deserialize;

/// Policies of one file.
const POLICIES_MAX: usize = 500;

/// Units that a site may have asked for their part of one answer.
const UNITS_MAX: u32 = 20;

const TEXT_CHARS_MAX: usize = 500;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replies {
    co_answer: CoAnswers,
    #[serde(rename = "policy")]
    policies: Vec<Policy>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct CoAnswers {
    /// Units that are asked or have given their part, in one round.
    units_max: u32,
}

/// What is asked of the replies that it names; a key left out: of all.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub code: String,
    pub unit: Option<String>,
    pub field: Option<String>,
    /// A law or decision is named, or a source cited.
    #[serde(default)]
    pub basis: bool,
    /// Somebody is named to turn to.
    #[serde(default)]
    pub contact: bool,
    /// A second person approves.
    #[serde(default)]
    pub two_persons: bool,
    /// With these findings an approval is refused; the others are advice.
    #[serde(default)]
    pub gate: Vec<Code>,
    /// The decision that asks for it.
    pub source: String,
}

/// What may be wanting in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    SubQuestion,
    Basis,
    Contact,
    OnlyForwarded,
    PersonalData,
}

impl Replies {
    /// The site's file; without one the usual.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        if path.as_os_str().is_empty() {
            return Self::parse(include_str!("../data/replies.toml"));
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{}", path.display()))
    }

    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let replies: Self = toml::from_str(text)?;
        let max = replies.co_answer.units_max;
        ensure!((1..=UNITS_MAX).contains(&max), "co_answer.units_max is from 1 to {UNITS_MAX}");
        let policies = &replies.policies;
        ensure!(policies.len() <= POLICIES_MAX, "more than {POLICIES_MAX} policies");
        let for_all = policies.iter().filter(|policy| policy.keys() == (None, None)).count();
        ensure!(for_all == 1, "{for_all} policies have no key; exactly one is for all the others");
        for (n, policy) in policies.iter().enumerate() {
            policy.check().with_context(|| format!("policy {}", policy.code))?;
            for other in &policies[..n] {
                ensure!(other.code != policy.code, "two policies have the code {}", policy.code);
                if other.keys() == policy.keys() {
                    bail!("policies {} and {} are for the same replies", other.code, policy.code);
                }
            }
        }
        Ok(replies)
    }

    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    pub fn co_answers_max(&self) -> u32 {
        self.co_answer.units_max
    }

    /// The most specific policy for a unit's field: with both keys, with the unit, with the field.
    pub fn policy(&self, unit: &str, field: &str) -> &Policy {
        let fits = |policy: &&Policy| {
            policy.unit.as_deref().is_none_or(|of| of == unit)
                && policy.field.as_deref().is_none_or(|of| of == field)
        };
        let weight = |policy: &&Policy| (policy.unit.is_some(), policy.field.is_some());
        let fitting = self.policies.iter().filter(fits);
        fitting.max_by_key(weight).expect("one without keys: checked when the file was read")
    }
}

impl Policy {
    fn keys(&self) -> (Option<&str>, Option<&str>) {
        (self.unit.as_deref(), self.field.as_deref())
    }

    fn check(&self) -> anyhow::Result<()> {
        let codes = [Some(&self.code), self.unit.as_ref(), self.field.as_ref()];
        let is_code = |code: &&String| {
            !code.is_empty()
                && code.len() <= 64
                && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let bad = codes.into_iter().flatten().find(|code| !is_code(code));
        ensure!(bad.is_none(), "{bad:?}: lower-case letters, digits and dashes only, at most 64");
        let said = self.source.trim().chars().count();
        ensure!(
            (1..=TEXT_CHARS_MAX).contains(&said),
            "source: name the decision, in {TEXT_CHARS_MAX} characters"
        );
        ensure!(self.basis || !self.gate.contains(&Code::Basis), "gate names basis, which is not asked for");
        ensure!(
            self.contact || !self.gate.contains(&Code::Contact),
            "gate names contact, which is not asked for"
        );
        Ok(())
    }

    pub fn snapshot(&self) -> v1::ReplyPolicy {
        v1::ReplyPolicy {
            code: self.code.clone(),
            basis: self.basis,
            contact: self.contact,
            two_persons: self.two_persons,
            gate: self.gate.iter().map(|code| FindingCode::from(*code).into()).collect(),
            source: self.source.clone(),
        }
    }
}

impl From<Code> for FindingCode {
    fn from(code: Code) -> Self {
        match code {
            Code::SubQuestion => Self::SubQuestion,
            Code::Basis => Self::Basis,
            Code::Contact => Self::Contact,
            Code::OnlyForwarded => Self::OnlyForwarded,
            Code::PersonalData => Self::PersonalData,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        [co_answer]
        units_max = 2
        [[policy]]
        code = "all"
        source = "for tests"
        [[policy]]
        code = "law"
        unit = "law"
        basis = true
        gate = ["basis", "personal_data"]
        source = "for tests"
        [[policy]]
        code = "health"
        field = "health"
        two_persons = true
        source = "for tests"
        [[policy]]
        code = "law-health"
        unit = "law"
        field = "health"
        source = "for tests"
    "#;

    #[test]
    fn the_most_specific_policy_counts() {
        let small = Replies::parse(SMALL).unwrap();
        let code = |unit, field| small.policy(unit, field).code.as_str();
        assert_eq!((code("a", "b"), code("law", "b")), ("all", "law"));
        assert_eq!((code("a", "health"), code("law", "health")), ("health", "law-health"));
    }

    #[test]
    fn the_usual_and_the_sample_file_only_advise() {
        let sample = Replies::parse(include_str!("../../../deploy/sample/replies.toml")).unwrap();
        for replies in [Replies::read(Path::new("")).unwrap(), sample] {
            assert!(replies.policies.iter().all(|policy| policy.gate.is_empty() && !policy.two_persons));
        }
    }

    #[test]
    fn a_wrong_file_is_refused_with_what_is_wrong() {
        for (right, wrong, says) in [
            ("units_max = 2", "units_max = 0", "1 to 20"),
            ("unit = \"law\"\n        basis", "basis", "2 policies have no key"),
            ("code = \"law\"", "code = \"all\"", "two policies"),
            ("code = \"law\"", "code = \"Law\"", "lower-case"),
            ("basis = true", "basis = false", "not asked for"),
            ("\"personal_data\"", "\"rudeness\"", "rudeness"),
            ("source = \"for tests\"", "source = \" \"", "name the decision"),
            ("two_persons", "three_persons", "three_persons"),
            ("unit = \"law\"\n        field", "field", "same replies"),
        ] {
            assert!(SMALL.contains(right), "{right}");
            let error = Replies::parse(&SMALL.replacen(right, wrong, 1)).unwrap_err();
            assert!(format!("{error:#}").contains(says), "{error:#}");
        }
    }
}
