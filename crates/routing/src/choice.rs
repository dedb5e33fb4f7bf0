//! Which unit a new question goes to. Pure.

use api::{intake::v1::Question, routing::v1::RoutingReason};

use crate::{organisation::Organisation, suggestion::Suggestion};

/// Where a question goes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub unit: String,
    /// Empty: not known.
    pub field: String,
    pub reason: RoutingReason,
}

impl Choice {
    /// The asker's choice, if the registry has that field.
    pub fn of_asker(question: &Question, organisation: &Organisation) -> Option<Self> {
        let field = organisation.field(&question.field)?;
        Some(Self { unit: field.unit.clone(), field: field.code.clone(), reason: RoutingReason::AskerChoice })
    }

    /// The likeliest unit, if it is likely enough for it; else the desk, which sees the suggestions.
    pub fn of_evidence(suggestions: &[Suggestion], organisation: &Organisation) -> Self {
        let best = suggestions.first().filter(|best| best.probability >= best.confidence_min);
        match best.filter(|best| best.unit != organisation.desk().code) {
            Some(best) => {
                Self { unit: best.unit.clone(), field: best.field.clone(), reason: RoutingReason::Neighbours }
            }
            None => Self::desk(organisation, ""),
        }
    }

    /// The dispatcher decides.
    pub fn desk(organisation: &Organisation, field: &str) -> Self {
        Self { unit: organisation.desk().code.clone(), field: field.to_owned(), reason: RoutingReason::Desk }
    }

    /// Back from a unit: to the one it named, if there is such another one; else to the desk.
    pub fn after_return(from: &str, suggested: &str, field: &str, organisation: &Organisation) -> Self {
        match organisation.heir(suggested, field) {
            Some(unit) if unit.code != from => {
                Self { unit: unit.code.clone(), field: field.to_owned(), reason: RoutingReason::Returned }
            }
            _ => Self::desk(organisation, field),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organisation::tests::SMALL;

    fn small() -> Organisation {
        Organisation::parse(SMALL).unwrap()
    }

    fn check(suggestions: &[(&str, f64)], expected: (&str, RoutingReason)) {
        let suggestion = |(unit, probability): &(&str, f64)| Suggestion {
            unit: (*unit).to_owned(),
            field: String::new(),
            probability: *probability,
            confidence_min: 0.6,
        };
        let suggestions: Vec<_> = suggestions.iter().map(suggestion).collect();
        let choice = Choice::of_evidence(&suggestions, &small());
        assert_eq!((choice.unit.as_str(), choice.reason), expected);
    }

    #[test]
    fn a_unit_that_is_likely_enough_gets_it_and_the_desk_what_is_unsure() {
        check(&[("law", 0.7), ("desk", 0.2)], ("law", RoutingReason::Neighbours));
        check(&[("law", 0.6)], ("law", RoutingReason::Neighbours));
        check(&[("law", 0.59)], ("desk", RoutingReason::Desk));
        check(&[("desk", 0.9), ("law", 0.1)], ("desk", RoutingReason::Desk));
        check(&[], ("desk", RoutingReason::Desk));
    }

    #[test]
    fn the_asker_may_choose_a_field_that_exists() {
        let ask = |field: &str| Question { field: field.into(), ..Question::default() };
        assert_eq!(Choice::of_asker(&ask("policy"), &small()).unwrap().unit, "law");
        assert_eq!(Choice::of_asker(&ask("none"), &small()), None);
        assert_eq!(Choice::of_asker(&ask(""), &small()), None);
    }

    #[test]
    fn a_return_goes_to_the_unit_it_names_or_to_the_desk() {
        let after = |from, suggested| Choice::after_return(from, suggested, "data", &small()).unit;
        assert_eq!(after("desk", "law"), "law");
        for suggested in ["law", "", "none"] {
            assert_eq!(after("law", suggested), "desk");
        }
    }
}
