//! Which unit a new question goes to. Pure.

use api::{intake::v1::Question, knowledge::v1::Neighbour, routing::v1::RoutingReason};

use crate::{Config, organisation::Organisation};

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

    /// The field that most of the near neighbours have, the nearer ones counting more; the desk,
    /// if they are too few, too far, or of two minds.
    pub fn of_neighbours(neighbours: &[Neighbour], organisation: &Organisation, config: &Config) -> Self {
        let near = |neighbour: &&Neighbour| {
            neighbour.score >= config.neighbour_score_min
                || neighbour.probability >= config.neighbour_probability_min
        };
        let mut votes: Vec<(&str, f64)> = Vec::new();
        for (rank, neighbour) in (1u32..).zip(neighbours.iter().filter(near)) {
            let Some(field) = organisation.field(&neighbour.field) else { continue };
            let weight = 1.0 / f64::from(rank);
            match votes.iter_mut().find(|(code, _)| *code == field.code) {
                Some((_, sum)) => *sum += weight,
                None => votes.push((&field.code, weight)),
            }
        }
        let total: f64 = votes.iter().map(|(_, weight)| weight).sum();
        let best = votes.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        match best.filter(|(_, weight)| *weight >= config.share_min * total) {
            Some((code, _)) => {
                let unit = organisation.field(code).map(|field| field.unit.clone()).unwrap_or_default();
                Self { unit, field: code.to_owned(), reason: RoutingReason::Neighbours }
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
        match organisation.unit(suggested) {
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

    fn neighbour(field: &str, score: f64) -> Neighbour {
        Neighbour { field: field.into(), score, ..Neighbour::default() }
    }

    fn check(neighbours: &[(&str, f64)], expected: (&str, RoutingReason)) {
        let neighbours: Vec<_> = neighbours.iter().map(|(field, score)| neighbour(field, *score)).collect();
        let choice = Choice::of_neighbours(&neighbours, &small(), &Config::default());
        assert_eq!((choice.field.as_str(), choice.reason), expected);
    }

    #[test]
    fn near_neighbours_that_agree_decide() {
        check(&[("policy", 0.95), ("policy", 0.93), ("data", 0.92)], ("policy", RoutingReason::Neighbours));
        check(&[("unheard-of", 0.99), ("data", 0.92)], ("data", RoutingReason::Neighbours));
    }

    #[test]
    fn the_desk_decides_what_is_unsure() {
        check(&[], ("", RoutingReason::Desk));
        check(&[("policy", 0.70)], ("", RoutingReason::Desk));
        check(&[("policy", 0.95), ("data", 0.94), ("data", 0.94)], ("", RoutingReason::Desk));
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
