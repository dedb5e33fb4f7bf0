//! The registry of agencies, units and fields, read from a declarative file.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::rule::Rule;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// The file of calendars and deadlines, beside this one.
    pub deadlines: String,
    pub desk: Desk,
    #[serde(rename = "agency")]
    pub agencies: Vec<Agency>,
    #[serde(rename = "unit")]
    pub units: Vec<Unit>,
    #[serde(rename = "field")]
    pub fields: Vec<Field>,
    /// In order: the first that fits a question decides.
    #[serde(rename = "rule", default)]
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desk {
    pub unit: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agency {
    pub code: String,
    pub name: String,
    /// Told of what is long overdue where the unit names nobody.
    #[serde(default)]
    pub leader: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    pub code: String,
    pub agency: String,
    pub name: String,
    /// Told of what is long overdue.
    #[serde(default)]
    pub leader: String,
    /// The least probability, 0 to 1, with which a question comes to it without the desk; none: that
    /// of the configuration.
    pub confidence_min: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    pub code: String,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    pub unit: String,
}

impl Organisation {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        ensure!(!path.as_os_str().is_empty(), "routing.organisation is not set");
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{}", path.display()))
    }

    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let organisation: Self = toml::from_str(text)?;
        organisation.check()?;
        Ok(organisation)
    }

    fn check(&self) -> anyhow::Result<()> {
        let codes = |codes: Vec<&str>, what: &str| {
            let mut sorted = codes.clone();
            sorted.sort_unstable();
            sorted.dedup();
            ensure!(sorted.len() == codes.len(), "two {what} have the same code");
            let bad = codes.iter().find(|code| {
                code.is_empty()
                    || !code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            });
            ensure!(bad.is_none(), "{what} code {bad:?}: lower-case letters, digits and dashes only");
            Ok(())
        };
        codes(self.agencies.iter().map(|a| a.code.as_str()).collect(), "agencies")?;
        codes(self.units.iter().map(|u| u.code.as_str()).collect(), "units")?;
        codes(self.fields.iter().map(|f| f.code.as_str()).collect(), "fields")?;
        codes(self.rules.iter().map(|r| r.code.as_str()).collect(), "rules")?;
        for rule in &self.rules {
            let fault = rule.fault(self);
            ensure!(fault.is_none(), "rule {}: {}", rule.code, fault.unwrap_or_default());
        }
        for unit in &self.units {
            let known = self.agencies.iter().any(|agency| agency.code == unit.agency);
            ensure!(known, "unit {}: no agency {}", unit.code, unit.agency);
            let likely = unit.confidence_min.is_none_or(|least| (0.0..=1.0).contains(&least));
            ensure!(likely, "unit {}: confidence_min is 0 to 1", unit.code);
        }
        for field in &self.fields {
            ensure!(self.unit(&field.unit).is_some(), "field {}: no unit {}", field.code, field.unit);
        }
        ensure!(self.unit(&self.desk.unit).is_some(), "desk: no unit {}", self.desk.unit);
        let file = Path::new(&self.deadlines).file_name();
        ensure!(
            file.is_some_and(|file| file == self.deadlines.as_str()),
            "deadlines: '{}' is not the name of a file beside this one",
            self.deadlines
        );
        Ok(())
    }

    pub fn unit(&self, code: &str) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.code == code)
    }

    pub fn field(&self, code: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.code == code)
    }

    /// The field of a unit that answers for one only.
    pub fn only_field(&self, unit: &str) -> Option<&Field> {
        let mut fields = self.fields.iter().filter(|field| field.unit == unit);
        fields.next().filter(|_| fields.next().is_none())
    }

    /// The dispatcher's desk.
    pub fn desk(&self) -> &Unit {
        self.unit(&self.desk.unit).expect("checked when the file was read")
    }

    /// Who is told of what a unit has left overdue; empty: nobody is named.
    pub fn leader(&self, unit: &str) -> &str {
        let Some(unit) = self.unit(unit) else { return "" };
        let agency = self.agencies.iter().find(|agency| agency.code == unit.agency);
        match (unit.leader.as_str(), agency) {
            ("", Some(agency)) => &agency.leader,
            (leader, _) => leader,
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const SMALL: &str = r#"
        deadlines = "deadlines.toml"
        [desk]
        unit = "desk"
        [[agency]]
        code = "a"
        name = "A"
        leader = "Head of A"
        [[unit]]
        code = "desk"
        agency = "a"
        name = "Desk"
        [[unit]]
        code = "law"
        agency = "a"
        name = "Law unit"
        leader = "Head of law"
        [[field]]
        code = "policy"
        name = "Policy"
        unit = "law"
        [[field]]
        code = "data"
        name = "Data"
        unit = "law"
    "#;

    #[test]
    fn the_sample_and_the_small_one_are_right() {
        let sample = Organisation::parse(include_str!("../../../deploy/sample/organisation.toml")).unwrap();
        assert!(sample.fields.len() >= 9);
        let small = Organisation::parse(SMALL).unwrap();
        let leaders = ["law", "desk", "none"].map(|unit| small.leader(unit));
        assert_eq!(leaders, ["Head of law", "Head of A", ""]);
    }

    #[test]
    fn a_wrong_file_is_refused_with_what_is_wrong() {
        for (right, wrong, says) in [
            ("unit = \"law\"", "unit = \"none\"", "no unit none"),
            ("code = \"law\"", "code = \"Law\"", "lower-case"),
            ("code = \"law\"", "code = \"desk\"", "same code"),
            ("leader", "boss", "boss"),
            ("\"deadlines.toml\"", "\"../deadlines.toml\"", "beside this one"),
            ("name = \"Law unit\"", "name = \"Law unit\"\nconfidence_min = 1.1", "0 to 1"),
        ] {
            let error = Organisation::parse(&SMALL.replace(right, wrong)).unwrap_err();
            assert!(format!("{error:#}").contains(says), "{error:#}");
        }
    }
}
