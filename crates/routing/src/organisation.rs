//! Agencies, units and the fields they answer for: as a declarative file says it, or as the registry
//! has it at a time. Pure but for the reading.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, bail, ensure};
use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, Serialize};

use crate::rule::Rule;

/// Bytes of a file, at most.
const FILE_BYTES_MAX: usize = 512 * 1024;

/// Things of a kind, at most.
const AGENCIES_MAX: usize = 200;
const UNITS_MAX: usize = 2_000;
const FIELDS_MAX: usize = 2_000;
const RULES_MAX: usize = 1_000;

/// Units that one unit becomes, and units above one another, at most.
const INTO_MAX: usize = 20;
const DEPTH_MAX: usize = 10;

/// Characters of a code, and of a name, at most.
const CODE_CHARS_MAX: usize = 64;
const NAME_CHARS_MAX: usize = 200;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// The file of calendars and deadlines, beside this one; only the configured file names it.
    #[serde(default)]
    pub deadlines: String,
    /// From when it is so; none: from when it is applied.
    #[serde(default, deserialize_with = "day")]
    pub valid_from: Option<NaiveDate>,
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
    /// What became of units that are no more.
    #[serde(rename = "former", default)]
    pub formers: Vec<Former>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desk {
    pub unit: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agency {
    pub code: String,
    pub name: String,
    /// Told of what is long overdue where the unit names nobody.
    #[serde(default)]
    pub leader: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    pub code: String,
    pub agency: String,
    /// The unit that it is a part of; empty: none.
    #[serde(default)]
    pub parent: String,
    pub name: String,
    /// Told of what is long overdue.
    #[serde(default)]
    pub leader: String,
    /// The least probability, 0 to 1, with which a question comes to it without the desk; none: that
    /// of the configuration.
    pub confidence_min: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    pub code: String,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    pub unit: String,
}

/// A unit that is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Former {
    pub unit: String,
    /// The units that go on with its questions: one, it was merged into it; several, it was split; none,
    /// it was closed.
    #[serde(default)]
    pub into: Vec<String>,
}

/// A date of TOML, without a time.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveDate>, D::Error> {
    use serde::de::Error as _;
    let read = toml::value::Datetime::deserialize(deserializer)?;
    let date = read.date.filter(|_| read.time.is_none() && read.offset.is_none());
    let date = date.and_then(|d| NaiveDate::from_ymd_opt(d.year.into(), d.month.into(), d.day.into()));
    date.map(Some).ok_or_else(|| D::Error::custom("a day is meant, like 2026-12-01"))
}

impl Organisation {
    /// The configured file, and its text.
    pub fn read(path: &Path) -> anyhow::Result<(Self, String)> {
        ensure!(!path.as_os_str().is_empty(), "routing.organisation is not set");
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        let organisation = Self::parse(&text).with_context(|| format!("{}", path.display()))?;
        ensure!(!organisation.deadlines.is_empty(), "{}: deadlines names no file", path.display());
        Ok((organisation, text))
    }

    pub fn parse(text: &str) -> anyhow::Result<Self> {
        ensure!(text.len() <= FILE_BYTES_MAX, "it has more than {FILE_BYTES_MAX} bytes");
        let organisation: Self = toml::from_str(text)?;
        organisation.check()?;
        Ok(organisation)
    }

    fn check(&self) -> anyhow::Result<()> {
        codes("agencies", self.agencies.iter().map(|a| a.code.as_str()), AGENCIES_MAX)?;
        codes("units", self.units.iter().map(|u| u.code.as_str()), UNITS_MAX)?;
        self.one_unit_a_field()?;
        codes("fields", self.fields.iter().map(|f| f.code.as_str()), FIELDS_MAX)?;
        codes("rules", self.rules.iter().map(|r| r.code.as_str()), RULES_MAX)?;
        codes("former units", self.formers.iter().map(|f| f.unit.as_str()), UNITS_MAX)?;
        for Agency { code, name, leader } in &self.agencies {
            named(name, leader).with_context(|| format!("agency {code}"))?;
        }
        self.check_units()?;
        for Field { code, name, name_en, unit } in &self.fields {
            named(name, name_en).with_context(|| format!("field {code}"))?;
            ensure!(self.unit(unit).is_some(), "field {code}: no unit {unit}");
        }
        for rule in &self.rules {
            let fault = rule.fault(self);
            ensure!(fault.is_none(), "rule {}: {}", rule.code, fault.unwrap_or_default());
        }
        for Former { unit, into } in &self.formers {
            ensure!(self.unit(unit).is_none(), "former unit {unit}: it is among the units, too");
            ensure!(into.len() <= INTO_MAX, "former unit {unit}: into names more than {INTO_MAX}");
        }
        ensure!(self.unit(&self.desk.unit).is_some(), "desk: no unit {}", self.desk.unit);
        let file = Path::new(&self.deadlines).file_name();
        ensure!(
            self.deadlines.is_empty() || file.is_some_and(|file| file == self.deadlines.as_str()),
            "deadlines: '{}' is not the name of a file beside this one",
            self.deadlines
        );
        Ok(())
    }

    fn one_unit_a_field(&self) -> anyhow::Result<()> {
        let mut owners = BTreeMap::new();
        for Field { code, unit, .. } in &self.fields {
            match owners.insert(code, unit) {
                Some(other) if other != unit => {
                    bail!("field {code}: two units, {other} and {unit}, would answer for it at a time")
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_units(&self) -> anyhow::Result<()> {
        for unit in &self.units {
            let Unit { code, agency, name, leader, confidence_min, .. } = unit;
            named(name, leader).with_context(|| format!("unit {code}"))?;
            let known = self.agencies.iter().any(|known| known.code == *agency);
            ensure!(known, "unit {code}: no agency {agency}");
            let likely = confidence_min.is_none_or(|least| (0.0..=1.0).contains(&least));
            ensure!(likely, "unit {code}: confidence_min is 0 to 1");
            let mut below = unit;
            for depth in 0.. {
                ensure!(depth < DEPTH_MAX, "unit {code}: more than {DEPTH_MAX} parents, or a cycle of them");
                if below.parent.is_empty() {
                    break;
                }
                let parent = self.unit(&below.parent);
                let Some(parent) = parent else {
                    bail!("unit {}: no parent unit {}", below.code, below.parent)
                };
                ensure!(
                    parent.agency == *agency,
                    "unit {code}: the parent {} is another agency's",
                    parent.code
                );
                below = parent;
            }
        }
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

    /// Who has a unit's questions of a field: the unit itself, or of a former one its successor, best the
    /// one that answers for the field; where there is none, whoever answers for it, or the desk. `None`:
    /// the unit was never heard of.
    pub fn heir(&self, unit: &str, field: &str) -> Option<&Unit> {
        if let Some(unit) = self.unit(unit) {
            return Some(unit);
        }
        let mut heirs = Vec::new();
        self.formers.iter().find(|former| former.unit == unit)?;
        self.collect_heirs(unit, &mut Vec::new(), &mut heirs);
        let owner = self.field(field).and_then(|field| self.unit(&field.unit));
        let among =
            owner.filter(|owner| heirs.is_empty() || heirs.iter().any(|heir| heir.code == owner.code));
        Some(among.or(heirs.first().copied()).unwrap_or(self.desk()))
    }

    /// The unit that goes on for one: itself, or the only one that it became. `None`: it was closed or split,
    /// or never heard of; who was in it has to be asked.
    pub fn successor(&self, unit: &str) -> Option<&Unit> {
        let mut heirs = Vec::new();
        self.collect_heirs(unit, &mut Vec::new(), &mut heirs);
        match heirs[..] {
            [heir] => Some(heir),
            _ => None,
        }
    }

    fn collect_heirs<'a>(&'a self, unit: &str, seen: &mut Vec<String>, heirs: &mut Vec<&'a Unit>) {
        if seen.iter().any(|code| code == unit) {
            return;
        }
        seen.push(unit.to_owned());
        if let Some(unit) = self.unit(unit) {
            heirs.push(unit);
            return;
        }
        let former = self.formers.iter().find(|former| former.unit == unit);
        for next in former.map(|former| former.into.as_slice()).unwrap_or_default() {
            self.collect_heirs(next, seen, heirs);
        }
    }

    /// The former units whose questions come, in the end, to this one, as [`Self::heir`] has it for no
    /// particular field or for some.
    pub fn predecessors(&self, unit: &str) -> Vec<&str> {
        let goes_to = |former: &&Former| {
            let mut heirs = Vec::new();
            self.collect_heirs(&former.unit, &mut Vec::new(), &mut heirs);
            heirs.iter().any(|heir| heir.code == unit)
        };
        self.formers.iter().filter(goes_to).map(|former| former.unit.as_str()).collect()
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

/// Codes of one kind of thing: few enough, well-formed, each once.
fn codes<'a>(what: &str, codes: impl Iterator<Item = &'a str>, max: usize) -> anyhow::Result<()> {
    let mut sorted: Vec<&str> = codes.collect();
    ensure!(sorted.len() <= max, "more than {max} {what}");
    let is_code = |code: &str| {
        (1..=CODE_CHARS_MAX).contains(&code.len())
            && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let bad = sorted.iter().find(|code| !is_code(code));
    ensure!(
        bad.is_none(),
        "{what} code {bad:?}: lower-case letters, digits and dashes only, {CODE_CHARS_MAX} at most"
    );
    sorted.sort_unstable();
    let twice = sorted.windows(2).find(|two| two[0] == two[1]);
    ensure!(twice.is_none(), "two {what} have the same code {}", twice.map_or("", |two| two[0]));
    Ok(())
}

/// A name, and another that may be empty.
fn named(name: &str, other: &str) -> anyhow::Result<()> {
    ensure!(!name.trim().is_empty(), "name is empty");
    for text in [name, other] {
        let short = text.chars().count() <= NAME_CHARS_MAX;
        ensure!(short, "a name has more than {NAME_CHARS_MAX} characters");
        ensure!(!text.chars().any(char::is_control), "a name has a control character");
    }
    Ok(())
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
