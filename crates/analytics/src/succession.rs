//! Whose figures belong together: units that were merged, and the ones that go on with them. Pure.

use std::collections::BTreeMap;

use api::routing::v1::{OrganisationChange, OrganisationChanged, OrganisationThing};
use chrono::{DateTime, Utc};

use crate::report::Deadlines;

/// From when a unit's questions are another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    pub unit: String,
    pub since: DateTime<Utc>,
    /// Empty: no unit alone goes on with them.
    pub heir: String,
    /// The registry's.
    pub version: u32,
}

/// What a change of the registry tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What was planned for later than this is dropped.
    pub dropped_after: Option<DateTime<Utc>>,
    pub successions: Vec<Succession>,
}

impl Told {
    pub fn of(event: &OrganisationChanged, stated_at: DateTime<Utc>) -> Self {
        let since = api::time(event.valid_from.as_ref()).unwrap_or(stated_at);
        let mut told = Self::default();
        for step in &event.steps {
            let heir = match (step.thing(), step.change()) {
                (_, OrganisationChange::Dropped) => {
                    told.dropped_after = Some(since);
                    continue;
                }
                (OrganisationThing::Unit, OrganisationChange::Merged) => step.into.first().cloned(),
                (
                    OrganisationThing::Unit,
                    OrganisationChange::Added | OrganisationChange::Split | OrganisationChange::Closed,
                ) => None,
                _ => continue,
            };
            told.successions.push(Succession {
                unit: step.code.clone(),
                since,
                heir: heir.unwrap_or_default(),
                version: event.version,
            });
        }
        told
    }
}

/// The codes whose figures are those of `unit`: its own, and those of units that it goes on with.
pub fn codes(unit: &str, heirs: &BTreeMap<String, String>) -> Vec<String> {
    let former = heirs.keys().filter(|code| *code != unit && last(code, heirs) == unit);
    former.cloned().chain([unit.to_owned()]).collect()
}

/// Counts each unit's questions with those of the unit that goes on with it.
pub fn joined(
    units: Vec<(String, Deadlines)>,
    heirs: &BTreeMap<String, String>,
) -> BTreeMap<String, Deadlines> {
    let mut sums = BTreeMap::<String, Deadlines>::new();
    for (unit, deadlines) in units {
        let sum = sums.entry(last(&unit, heirs).to_owned()).or_default();
        *sum = sum.and(deadlines);
    }
    sums
}

/// The unit at the end of the way; a circle, which nobody can apply, ends somewhere in it.
pub fn last<'a>(unit: &'a str, heirs: &'a BTreeMap<String, String>) -> &'a str {
    let next = |unit: &&'a str| heirs.get(*unit).map(String::as_str).filter(|heir| !heir.is_empty());
    std::iter::successors(Some(unit), next).take(heirs.len() + 1).last().unwrap_or(unit)
}

#[cfg(test)]
mod tests {
    use api::routing::v1::OrganisationStep;

    use super::*;

    #[test]
    fn mergers_add_up_and_splits_do_not() {
        let step = |change: OrganisationChange, code: &str, into: &[&str]| OrganisationStep {
            change: change.into(),
            thing: OrganisationThing::Unit.into(),
            code: code.into(),
            into: into.iter().map(|&unit| unit.into()).collect(),
            detail: String::new(),
        };
        let steps = vec![
            step(OrganisationChange::Merged, "a", &["b"]),
            step(OrganisationChange::Merged, "b", &["c"]),
            step(OrganisationChange::Split, "x", &["a", "c"]),
            step(OrganisationChange::Renamed, "c", &[]),
        ];
        let event = OrganisationChanged { version: 2, steps, ..OrganisationChanged::default() };
        let told = Told::of(&event, DateTime::UNIX_EPOCH);
        assert_eq!(told.dropped_after, None);
        let heirs = told.successions.into_iter().map(|one| (one.unit, one.heir)).collect();
        let late = |late| Deadlines { late, open: 1, ..Deadlines::default() };
        let units = ["a", "b", "c", "x"].map(|unit| (unit.to_owned(), late(10)));
        let sums = joined(units.to_vec(), &heirs);
        let figures = sums.iter().map(|(unit, sum)| (unit.as_str(), sum.late, sum.open));
        assert_eq!(figures.collect::<Vec<_>>(), [("c", 30, 3), ("x", 10, 1)]);
        assert_eq!(
            (codes("c", &heirs), codes("x", &heirs)),
            (vec!["a".into(), "b".into(), "c".into()], vec!["x".into()])
        );

        let dropped = vec![step(OrganisationChange::Dropped, "a", &[])];
        let event = OrganisationChanged { steps: dropped, ..OrganisationChanged::default() };
        let expected = Told { dropped_after: Some(DateTime::UNIX_EPOCH), successions: Vec::new() };
        assert_eq!(Told::of(&event, DateTime::UNIX_EPOCH), expected);
    }

    #[test]
    fn a_circle_of_heirs_ends() {
        let heirs = BTreeMap::from([("a".to_owned(), "b".to_owned()), ("b".to_owned(), "a".to_owned())]);
        assert!(["a", "b"].contains(&last("a", &heirs)));
    }
}
