//! Declared rules: an organisation says which words lead to which unit. They come first, in their
//! order. Pure.

use api::routing::v1::RoutingReason;
use runtime::phrase::Typed;
use serde::{Deserialize, Serialize};

use crate::{choice::Choice, organisation::Organisation};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub code: String,
    /// One of these phrases is in the text …
    pub words: Vec<String>,
    /// … and none of these.
    #[serde(default)]
    pub unless: Vec<String>,
    /// Whose the question then is: a field's unit …
    #[serde(default)]
    pub field: String,
    /// … or a unit, where no field fits.
    #[serde(default)]
    pub unit: String,
    /// Why: the decision or the paper behind it.
    pub source: String,
}

impl Rule {
    /// The first rule that a text meets.
    pub fn of<'a>(text: &str, organisation: &'a Organisation) -> Option<&'a Self> {
        let typed = Typed::read(text);
        organisation.rules.iter().find(|rule| typed.says(&rule.words, &rule.unless))
    }

    pub fn choice(&self, organisation: &Organisation) -> Choice {
        let unit = organisation.field(&self.field).map_or(&self.unit, |field| &field.unit);
        Choice { unit: unit.clone(), field: self.field.clone(), reason: RoutingReason::Rule }
    }

    /// What is wrong with it; none: nothing.
    pub fn fault(&self, organisation: &Organisation) -> Option<&'static str> {
        let led = match (self.field.is_empty(), self.unit.is_empty()) {
            (false, true) => organisation.field(&self.field).is_some(),
            (true, false) => organisation.unit(&self.unit).is_some(),
            _ => false,
        };
        let said = |phrases: &[String]| phrases.iter().all(|phrase| !phrase.trim().is_empty());
        if !led {
            Some("name one field or one unit that there is")
        } else if self.words.is_empty() || !said(&self.words) || !said(&self.unless) {
            Some("words and unless hold phrases, and words at least one")
        } else if self.source.trim().is_empty() {
            Some("source is empty: name what it follows from")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::tests::SMALL;

    const RULES: &str = r#"
        [[rule]]
        code = "open-data"
        words = ["dữ liệu mở"]
        unless = ["khiếu nại"]
        field = "data"
        source = "for tests"
        [[rule]]
        code = "data"
        words = ["dữ liệu", "kho số liệu"]
        unit = "desk"
        source = "for tests"
    "#;

    #[test]
    fn the_first_rule_that_fits_decides() {
        let organisation = Organisation::parse(&format!("{SMALL}{RULES}")).unwrap();
        for (text, expected) in [
            ("Xin hỏi về Dữ liệu mở?", Some(("open-data", "law", "data"))),
            ("xin hoi ve du lieu mo", Some(("open-data", "law", "data"))),
            ("khiếu nại về dữ liệu mở", Some(("data", "desk", ""))),
            ("dữ kiện mở", None),
        ] {
            let rule = Rule::of(text, &organisation);
            let choice = rule.map(|rule| rule.choice(&organisation));
            let got = rule.zip(choice.as_ref());
            let got = got.map(|(rule, choice)| (&*rule.code, &*choice.unit, &*choice.field));
            assert_eq!(got, expected, "{text}");
        }
    }

    #[test]
    fn a_rule_that_leads_nowhere_is_refused() {
        for (right, wrong) in [
            ("field = \"data\"", "field = \"none\""),
            ("field = \"data\"", "field = \"data\"\nunit = \"law\""),
            ("unit = \"desk\"", ""),
            ("words = [\"dữ liệu mở\"]", "words = []"),
            ("source = \"for tests\"", "source = \"\""),
            ("code = \"data\"", "code = \"open-data\""),
        ] {
            let text = format!("{SMALL}{}", RULES.replacen(right, wrong, 1));
            assert!(Organisation::parse(&text).is_err(), "{wrong}");
        }
    }
}
