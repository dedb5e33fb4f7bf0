//! How often units may hand a question on among themselves, and who decides then. Pure.

use anyhow::ensure;
use api::routing::v1;
use serde::{Deserialize, Serialize};

use crate::organisation::Organisation;

/// Moves that a site may allow.
const MAX: u32 = 20;

/// The section `moves` of the rules file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moves {
    /// Hand-offs by units in one round; of the next one the arbiter decides.
    pub max: u32,
    /// The unit that decides; left out: the desk.
    pub arbiter: Option<String>,
    /// Agencies with an arbiter of their own.
    #[serde(default, rename = "agency")]
    agencies: Vec<OfAgency>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfAgency {
    code: String,
    arbiter: String,
}

/// Whether the unit that has a question may hand it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    #[default]
    Free,
    /// The unit decides who answers.
    Arbiter,
    /// The arbiter decided for the unit.
    Bound,
}

impl Moves {
    /// Where a site's file names none.
    pub fn usual() -> Self {
        toml::from_str(include_str!("../data/moves.toml"))
            .expect("data/moves.toml is compiled in and covered by a test")
    }

    pub fn check(&self) -> anyhow::Result<()> {
        ensure!((1..=MAX).contains(&self.max), "moves.max is from 1 to {MAX}");
        for (n, agency) in self.agencies.iter().enumerate() {
            let twice = self.agencies[..n].iter().any(|other| other.code == agency.code);
            ensure!(!twice, "moves: agency {} has two arbiters", agency.code);
        }
        Ok(())
    }

    /// Arbiters and agencies that an organisation has not; they bind nothing.
    pub fn names_unknown_to(&self, organisation: &Organisation) -> Vec<String> {
        let agencies = self.agencies.iter().map(|agency| &agency.code);
        let unknown =
            agencies.filter(|code| !organisation.agencies.iter().any(|agency| agency.code == **code));
        let agencies = unknown.map(|code| format!("moves: no agency {code}"));
        let arbiters = self.agencies.iter().map(|agency| &agency.arbiter).chain(&self.arbiter);
        let unknown = arbiters.filter(|arbiter| organisation.unit(arbiter).is_none());
        agencies.chain(unknown.map(|arbiter| format!("moves: no unit {arbiter}"))).collect()
    }

    /// Who decides for a question that is in that agency.
    pub fn arbiter<'a>(&'a self, agency: &str, organisation: &'a Organisation) -> &'a str {
        let own = self.agencies.iter().find(|own| own.code == agency).map(|own| own.arbiter.as_str());
        let named = own.or(self.arbiter.as_deref()).filter(|unit| organisation.unit(unit).is_some());
        named.unwrap_or(&organisation.desk().code)
    }
}

impl From<Binding> for v1::Binding {
    fn from(binding: Binding) -> Self {
        match binding {
            Binding::Free => Self::Unspecified,
            Binding::Arbiter => Self::Arbiter,
            Binding::Bound => Self::Bound,
        }
    }
}

impl Binding {
    pub fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Arbiter => "arbiter",
            Self::Bound => "bound",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Free, Self::Arbiter, Self::Bound].into_iter().find(|binding| binding.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::tests::SMALL;

    fn check(text: &str) -> Result<Moves, String> {
        let moves: Moves = toml::from_str(text).map_err(|error| error.to_string())?;
        moves.check().map_err(|error| error.to_string())?;
        let small = Organisation::parse(SMALL).unwrap();
        let unknown = moves.names_unknown_to(&small);
        if unknown.is_empty() { Ok(moves) } else { Err(unknown.join(", ")) }
    }

    #[test]
    fn an_agency_has_its_own_arbiter_or_the_sites_or_the_desk() {
        let small = Organisation::parse(SMALL).unwrap();
        let own = check("max = 2\n[[agency]]\ncode = \"a\"\narbiter = \"law\"").unwrap();
        assert_eq!((own.arbiter("a", &small), own.arbiter("b", &small)), ("law", "desk"));
        let all = check("max = 2\narbiter = \"law\"").unwrap();
        assert_eq!(all.arbiter("b", &small), "law");
        assert_eq!(Moves::usual().arbiter("a", &small), "desk");
        assert!(Moves::usual().check().is_ok());
    }

    #[test]
    fn a_wrong_section_is_refused_with_what_is_wrong() {
        for (text, says) in [
            ("max = 0", "1 to 20"),
            ("max = 21", "1 to 20"),
            ("max = 2\narbiter = \"none\"", "no unit none"),
            ("max = 2\n[[agency]]\ncode = \"b\"\narbiter = \"law\"", "no agency b"),
            (
                "max = 2\n[[agency]]\ncode = \"a\"\narbiter = \"law\"\n[[agency]]\ncode = \"a\"\narbiter = \"law\"",
                "two arbiters",
            ),
            ("max = 2\nboss = \"law\"", "boss"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
