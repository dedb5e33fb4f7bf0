//! The registry: what the organisation was, is and, as planned, will be. Each entry holds from a time
//! until just before another; what was in force is never changed. Pure.

mod plan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::plan::{Change, Fault, Plan, Step, When};
use crate::{
    organisation::{Agency, Desk, Field, Former, Organisation, Unit},
    rule::Rule,
};

/// Everything that was ever applied.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Registry {
    /// Grows with each application; 0: nothing was applied yet.
    pub version: u32,
    /// In the order of their making.
    pub entries: Vec<Entry>,
}

/// A thing in one of its forms.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// In the database; 0: not there yet.
    pub id: i64,
    pub thing: Thing,
    pub from: DateTime<Utc>,
    /// Just before this; none: it lasts. As `from`: it was planned, and the plan was dropped.
    pub until: Option<DateTime<Utc>>,
    /// The registry's when it was entered.
    pub version: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    Agency(Agency),
    Unit(Unit),
    Field(Field),
    /// All of them, as their order counts.
    Rules(Vec<Rule>),
    Desk(Desk),
    Former(Former),
}

/// Of which kind a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Agency,
    Unit,
    Field,
    Rules,
    Desk,
    Former,
}

impl Thing {
    /// What there is one of at a time.
    pub fn key(&self) -> (Kind, &str) {
        match self {
            Self::Agency(agency) => (Kind::Agency, &agency.code),
            Self::Unit(unit) => (Kind::Unit, &unit.code),
            Self::Field(field) => (Kind::Field, &field.code),
            Self::Rules(_) => (Kind::Rules, ""),
            Self::Desk(_) => (Kind::Desk, ""),
            Self::Former(former) => (Kind::Former, &former.unit),
        }
    }
}

impl Entry {
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }

    /// Whether it was, or is to be, in force at all.
    pub fn counts(&self) -> bool {
        self.until != Some(self.from)
    }
}

impl Registry {
    /// The organisation at a time; none: nothing was applied yet. Before the first application it is as
    /// at the first.
    pub fn at(&self, at: DateTime<Utc>) -> Option<Organisation> {
        let at = at.max(self.first()?);
        let mut organisation = Organisation {
            deadlines: String::new(),
            valid_from: None,
            desk: Desk { unit: String::new() },
            agencies: Vec::new(),
            units: Vec::new(),
            fields: Vec::new(),
            rules: Vec::new(),
            formers: Vec::new(),
        };
        for entry in self.in_force(at) {
            match entry.thing.clone() {
                Thing::Agency(agency) => organisation.agencies.push(agency),
                Thing::Unit(unit) => organisation.units.push(unit),
                Thing::Field(field) => organisation.fields.push(field),
                Thing::Rules(rules) => organisation.rules = rules,
                Thing::Desk(desk) => organisation.desk = desk,
                Thing::Former(former) => organisation.formers.push(former),
            }
        }
        Some(organisation)
    }

    /// When it begins; none: nothing was applied yet.
    fn first(&self) -> Option<DateTime<Utc>> {
        self.entries.iter().filter(|entry| entry.counts()).map(|entry| entry.from).min()
    }

    /// What holds at a time, each thing where it first stood.
    fn in_force(&self, at: DateTime<Utc>) -> Vec<&Entry> {
        let mut first = BTreeMap::new();
        for (n, entry) in self.entries.iter().enumerate() {
            first.entry(entry.thing.key()).or_insert(n);
        }
        let mut held: Vec<&Entry> = self.entries.iter().filter(|entry| entry.holds(at)).collect();
        held.sort_by_key(|entry| first[&entry.thing.key()]);
        held
    }

    /// When, after a time, something next begins or ends.
    pub fn next_change(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let counting = self.entries.iter().filter(|entry| entry.counts());
        counting.flat_map(|entry| [Some(entry.from), entry.until]).flatten().filter(|at| *at > after).min()
    }

    /// The units that were once and are not in force at a time, as they last were.
    pub fn former_units(&self, at: DateTime<Utc>) -> Vec<&Unit> {
        fn unit(thing: &Thing) -> Option<(&str, &Unit)> {
            let Thing::Unit(unit) = thing else { return None };
            Some((&unit.code, unit))
        }
        self.former(at, unit)
    }

    /// As [`Self::former_units`].
    pub fn former_fields(&self, at: DateTime<Utc>) -> Vec<&Field> {
        fn field(thing: &Thing) -> Option<(&str, &Field)> {
            let Thing::Field(field) = thing else { return None };
            Some((&field.code, field))
        }
        self.former(at, field)
    }

    fn former<'a, T>(
        &'a self,
        at: DateTime<Utc>,
        of: fn(&'a Thing) -> Option<(&'a str, &'a T)>,
    ) -> Vec<&'a T> {
        let mut last: BTreeMap<&str, (DateTime<Utc>, &T, bool)> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| entry.counts() && entry.from <= at) {
            let Some((code, value)) = of(&entry.thing) else { continue };
            let known = last.get(code).is_none_or(|(from, _, _)| *from <= entry.from);
            if known {
                last.insert(code, (entry.from, value, entry.holds(at)));
            }
        }
        last.into_values().filter(|(_, _, holds)| !holds).map(|(_, value, _)| value).collect()
    }

    /// The registry with a plan applied.
    #[must_use]
    pub fn apply(&self, plan: &Plan) -> Self {
        let version = self.version + 1;
        let mut entries = self.entries.clone();
        for entry in &mut entries {
            if plan.replaces && entry.from > plan.at {
                entry.until = Some(entry.from);
            } else if plan.replaces && entry.counts() && entry.until.is_some_and(|until| until > plan.at) {
                entry.until = None;
            }
            let ends = plan.ends.iter().any(|(kind, code)| entry.thing.key() == (*kind, code));
            if ends && entry.holds(plan.at) {
                entry.until = Some(plan.at);
            }
        }
        let begun = plan.begins.iter().map(|thing| Entry {
            id: 0,
            thing: thing.clone(),
            from: plan.at,
            until: None,
            version,
        });
        entries.extend(begun);
        Self { version, entries }
    }
}
