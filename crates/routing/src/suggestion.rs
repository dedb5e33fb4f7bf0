//! What the store says of a question's owner, in units of today's registry. Pure.

use api::{knowledge::v1::RankedOwner, routing::v1::UnitSuggestion};
use serde::{Deserialize, Serialize};

use crate::organisation::Organisation;

/// A unit that may be the right one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    pub unit: String,
    /// Empty: which of its fields is not known.
    pub field: String,
    /// 0 to 1.
    pub probability: f64,
    /// From this probability on, the unit gets questions without the desk.
    pub confidence_min: f64,
}

impl Suggestion {
    /// The units behind the owners, the likeliest first. The registry says whose a field is now; an
    /// owner that it does not know counts for nobody.
    pub fn of_owners(owners: &[RankedOwner], organisation: &Organisation, confidence_min: f64) -> Vec<Self> {
        let mut suggestions: Vec<Self> = Vec::new();
        for owner in owners {
            let field = organisation.field(&owner.field);
            let unit = field.map_or(&owner.unit, |field| &field.unit);
            let Some(unit) = organisation.heir(unit, &owner.field) else { continue };
            match suggestions.iter_mut().find(|one| one.unit == unit.code) {
                Some(one) => {
                    one.probability += owner.probability;
                    if let Some(field) = field.filter(|_| one.field.is_empty()) {
                        one.field.clone_from(&field.code);
                    }
                }
                None => suggestions.push(Self {
                    unit: unit.code.clone(),
                    field: field.map(|field| field.code.clone()).unwrap_or_default(),
                    probability: owner.probability,
                    confidence_min: unit.confidence_min.unwrap_or(confidence_min),
                }),
            }
        }
        for one in suggestions.iter_mut().filter(|one| one.field.is_empty()) {
            one.field =
                organisation.only_field(&one.unit).map(|field| field.code.clone()).unwrap_or_default();
        }
        suggestions.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        suggestions
    }
}

impl From<Suggestion> for UnitSuggestion {
    fn from(suggestion: Suggestion) -> Self {
        let Suggestion { unit, field, probability, confidence_min } = suggestion;
        Self { unit, field, probability, confidence_min }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::tests::SMALL;

    fn owner(field: &str, unit: &str, probability: f64) -> RankedOwner {
        RankedOwner { field: field.into(), unit: unit.into(), probability }
    }

    #[test]
    fn owners_become_units_of_today() {
        let organisation = Organisation::parse(SMALL).unwrap();
        let owners = [
            owner("data", "a unit of old", 0.4),
            owner("unheard-of", "desk", 0.35),
            owner("", "law", 0.1),
            owner("unheard-of", "neither", 0.1),
            owner("policy", "law", 0.05),
        ];
        let suggestions = Suggestion::of_owners(&owners, &organisation, 0.7);
        let units: Vec<_> = suggestions.iter().map(|one| (one.unit.as_str(), one.field.as_str())).collect();
        assert_eq!(units, [("law", "data"), ("desk", "")], "the field of a unit is its likeliest");
        assert!((suggestions[0].probability - 0.55).abs() < 1e-9);
        assert!((suggestions[0].confidence_min - 0.7).abs() < 1e-9);
    }

    #[test]
    fn a_unit_may_ask_for_more_confidence_and_has_its_only_field() {
        let text = SMALL.replace("name = \"Law unit\"", "name = \"Law unit\"\nconfidence_min = 0.9");
        let text = text
            .replace("name = \"Data\"\n        unit = \"law\"", "name = \"Data\"\n        unit = \"desk\"");
        let organisation = Organisation::parse(&text).unwrap();
        let suggestions = Suggestion::of_owners(&[owner("", "law", 0.8)], &organisation, 0.7);
        assert_eq!(suggestions[0].field, "policy");
        assert!((suggestions[0].confidence_min - 0.9).abs() < 1e-9);
    }
}
