//! The registry of agencies, units and fields, read from a declarative file.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::{deadline::Calendar, rule::Rule};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    pub calendar: Calendar,
    pub deadline: Deadline,
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
pub struct Deadline {
    /// For fields that have no number of their own, and for the desk.
    pub default_working_days: u32,
    /// Which rule the numbers come from.
    pub source: String,
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
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    pub code: String,
    pub agency: String,
    pub name: String,
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
    pub working_days: Option<u32>,
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
        ensure!(
            !self.deadline.source.is_empty(),
            "deadline.source is empty: name the rule the numbers come from"
        );
        ensure!(!self.calendar.is_endless_weekend(), "calendar.weekend leaves no working day");
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

    /// Working days to answer a question of `field`.
    pub fn working_days(&self, field: &str) -> u32 {
        self.field(field).and_then(|field| field.working_days).unwrap_or(self.deadline.default_working_days)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const SMALL: &str = r#"
        [calendar]
        time_zone = "Asia/Ho_Chi_Minh"
        weekend = ["saturday", "sunday"]
        day_ends = "17:00:00"
        [deadline]
        default_working_days = 5
        source = "for tests"
        [desk]
        unit = "desk"
        [[agency]]
        code = "a"
        name = "A"
        [[unit]]
        code = "desk"
        agency = "a"
        name = "Desk"
        [[unit]]
        code = "law"
        agency = "a"
        name = "Law unit"
        [[field]]
        code = "policy"
        name = "Policy"
        unit = "law"
        working_days = 7
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
        assert_eq!((small.working_days("policy"), small.working_days("data")), (7, 5));
    }

    #[test]
    fn a_wrong_file_is_refused_with_what_is_wrong() {
        for (right, wrong, says) in [
            ("unit = \"law\"\n        working_days = 7", "unit = \"none\"", "no unit none"),
            ("code = \"law\"", "code = \"Law\"", "lower-case"),
            ("code = \"law\"", "code = \"desk\"", "same code"),
            (
                "[\"saturday\", \"sunday\"]",
                "[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\",\"sat\",\"sun\"]",
                "no working day",
            ),
            ("day_ends", "day_stops", "day_stops"),
            ("name = \"Law unit\"", "name = \"Law unit\"\nconfidence_min = 1.1", "0 to 1"),
        ] {
            let error = Organisation::parse(&SMALL.replace(right, wrong)).unwrap_err();
            assert!(format!("{error:#}").contains(says), "{error:#}");
        }
    }
}
