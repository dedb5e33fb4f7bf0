//! What has to be done so that from a time on the registry says what a file says. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{Kind, Registry, Thing};
use crate::{
    organisation::{Former, Organisation, Unit},
    rule::Rule,
};

/// Steps of one plan: more would not fit into one fact.
const STEPS_MAX: usize = 4_000;

/// Characters of what is said of one step, at most.
const DETAIL_CHARS_MAX: usize = 500;

#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// From when it holds.
    pub at: DateTime<Utc>,
    /// For people and for the fact; empty: there is nothing to do.
    pub steps: Vec<Step>,
    /// What was planned for later is dropped.
    pub replaces: bool,
    pub(super) ends: BTreeSet<(Kind, String)>,
    pub(super) begins: Vec<Thing>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub change: Change,
    pub kind: Kind,
    pub code: String,
    /// Of a unit that ends: who goes on with its questions.
    pub into: Vec<String>,
    /// For people.
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Added,
    Changed,
    Renamed,
    Merged,
    Split,
    Closed,
    /// It was planned for later, and is not any more.
    Dropped,
}

/// Why a file cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("unit {0} is in the registry but not in the file: say under [[former]] what becomes of it")]
    Missing(String),
    #[error("former unit {0}: the registry never had it")]
    NeverThere(String),
    #[error("former unit {0}: no unit {1} to go on with its questions")]
    SuccessorUnknown(String, String),
    #[error("former unit {0}: its successors lead back to it")]
    SuccessorCycle(String),
    #[error("valid_from has passed, and the registry differs: what was is not changed")]
    Passed,
    #[error("changes are planned for {0}, later than this: apply a file of then, or have them dropped")]
    Planned(DateTime<Utc>),
    #[error("more than {STEPS_MAX} changes at once: apply them in parts")]
    TooMany,
}

/// When a file is to hold.
#[derive(Debug, Clone, Copy)]
pub struct When {
    pub now: DateTime<Utc>,
    /// The beginning of today, where the organisation is.
    pub today: DateTime<Utc>,
    /// The beginning of the file's day; none: as soon as it is applied.
    pub from: Option<DateTime<Utc>>,
    /// What is planned for later goes.
    pub replaces: bool,
}

impl Registry {
    /// What a file changes; `Plan::steps` is empty if it changes nothing.
    pub fn plan(&self, file: &Organisation, when: When) -> Result<Plan, Fault> {
        let When { now, today, from, replaces } = when;
        let from_or_now = from.unwrap_or(now);
        // The first is in force at once: there is nothing before it.
        let at = match self.first() {
            Some(first) => from_or_now.max(now).max(first),
            None => from_or_now.min(now),
        };
        let before = self.at(at);
        check_formers(file, before.as_ref())?;
        let mut plan = Plan { at, steps: Vec::new(), replaces, ends: BTreeSet::new(), begins: Vec::new() };
        let mut held: BTreeMap<(Kind, String), &Thing> =
            self.in_force(at).into_iter().map(|entry| (owned_key(&entry.thing), &entry.thing)).collect();
        for thing in things(file) {
            match held.remove(&owned_key(&thing)) {
                Some(old) if *old == thing => {}
                Some(old) => plan.change(old, thing),
                None => plan.add(thing),
            }
        }
        for thing in held.values() {
            plan.end(thing, file);
        }
        self.drop_planned(&mut plan)?;
        plan.check(today, from)?;
        Ok(plan)
    }

    /// What is planned for later than the plan is dropped by it, or forbids it.
    fn drop_planned(&self, plan: &mut Plan) -> Result<(), Fault> {
        let Some(next) = self.next_change(plan.at) else { return Ok(()) };
        if !plan.replaces {
            return if plan.steps.is_empty() { Ok(()) } else { Err(Fault::Planned(next)) };
        }
        for entry in self.entries.iter().filter(|entry| entry.counts() && entry.from > plan.at) {
            let (kind, code) = owned_key(&entry.thing);
            let detail = format!("was planned for {}", entry.from);
            plan.steps.push(Step { change: Change::Dropped, kind, code, into: Vec::new(), detail });
        }
        let lasts = |entry: &&super::Entry| entry.holds(plan.at) && entry.until.is_some();
        for entry in self.entries.iter().filter(lasts) {
            let (kind, code) = owned_key(&entry.thing);
            let known = plan.steps.iter().any(|step| step.kind == kind && step.code == code);
            if !known {
                let detail = "does not end as was planned".to_owned();
                plan.steps.push(Step { change: Change::Dropped, kind, code, into: Vec::new(), detail });
            }
        }
        Ok(())
    }
}

impl Plan {
    fn check(&self, today: DateTime<Utc>, from: Option<DateTime<Utc>>) -> Result<(), Fault> {
        if self.steps.is_empty() {
            return Ok(());
        }
        if self.steps.len() > STEPS_MAX {
            return Err(Fault::TooMany);
        }
        if from.is_some_and(|from| from < today && from < self.at) {
            return Err(Fault::Passed);
        }
        Ok(())
    }

    fn step(&mut self, change: Change, thing: &Thing, detail: &str) {
        let (kind, code) = owned_key(thing);
        let detail = detail.chars().take(DETAIL_CHARS_MAX).collect();
        self.steps.push(Step { change, kind, code, into: Vec::new(), detail });
    }

    fn add(&mut self, thing: Thing) {
        // That a unit ends is said of the unit.
        if !matches!(thing, Thing::Former(_)) {
            self.step(Change::Added, &thing, &described(&thing));
        }
        self.begins.push(thing);
    }

    fn change(&mut self, old: &Thing, new: Thing) {
        let (renamed, detail) = difference(old, &new);
        self.step(if renamed { Change::Renamed } else { Change::Changed }, &new, &detail);
        self.ends.insert(owned_key(old));
        self.begins.push(new);
    }

    fn end(&mut self, thing: &Thing, file: &Organisation) {
        match thing {
            // It is a unit again, which is said of the unit, or the file no longer speaks of it.
            Thing::Former(former) => {
                if file.unit(&former.unit).is_some() {
                    self.ends.insert(owned_key(thing));
                }
            }
            Thing::Unit(unit) => {
                let into = file.formers.iter().find(|former| former.unit == unit.code);
                let into = into.map(|former| former.into.clone()).unwrap_or_default();
                let change = match into.len() {
                    0 => Change::Closed,
                    1 => Change::Merged,
                    _ => Change::Split,
                };
                let (kind, code) = owned_key(thing);
                self.ends.insert((kind, code.clone()));
                self.steps.push(Step { change, kind, code, into, detail: unit.name.clone() });
            }
            other => {
                self.step(Change::Closed, other, "");
                self.ends.insert(owned_key(other));
            }
        }
    }
}

/// Every unit that ends says what becomes of it, and successors exist and come to an end.
fn check_formers(file: &Organisation, before: Option<&Organisation>) -> Result<(), Fault> {
    let known = before.map(|before| before.formers.as_slice()).unwrap_or_default();
    let units = before.map(|before| before.units.as_slice()).unwrap_or_default();
    let is_former = |code: &str| file.formers.iter().any(|former| former.unit == code);
    let missing = units.iter().find(|unit| file.unit(&unit.code).is_none() && !is_former(&unit.code));
    if let Some(Unit { code, .. }) = missing {
        return Err(Fault::Missing(code.clone()));
    }
    let mut all: BTreeMap<&str, &Former> = known.iter().map(|former| (&*former.unit, former)).collect();
    for former in &file.formers {
        let heard_of = units.iter().any(|unit| unit.code == former.unit) || all.contains_key(&*former.unit);
        if before.is_some() && !heard_of {
            return Err(Fault::NeverThere(former.unit.clone()));
        }
    }
    all.retain(|code, _| file.unit(code).is_none());
    all.extend(file.formers.iter().map(|former| (&*former.unit, former)));
    for Former { unit, into } in all.values() {
        let unknown = into.iter().find(|code| file.unit(code).is_none() && !all.contains_key(code.as_str()));
        if let Some(unknown) = unknown {
            return Err(Fault::SuccessorUnknown(unit.clone(), unknown.clone()));
        }
    }
    match cycle(&all) {
        Some(unit) => Err(Fault::SuccessorCycle(unit.to_owned())),
        None => Ok(()),
    }
}

/// Everything that a file says.
fn things(file: &Organisation) -> Vec<Thing> {
    let mut things = vec![Thing::Desk(file.desk.clone())];
    things.extend(file.agencies.iter().cloned().map(Thing::Agency));
    things.extend(file.units.iter().cloned().map(Thing::Unit));
    things.extend(file.fields.iter().cloned().map(Thing::Field));
    things.extend(file.formers.iter().cloned().map(Thing::Former));
    things.push(Thing::Rules(file.rules.clone()));
    things
}

fn owned_key(thing: &Thing) -> (Kind, String) {
    let (kind, code) = thing.key();
    (kind, code.to_owned())
}

/// A former unit whose successors lead back to it.
fn cycle<'a>(all: &BTreeMap<&'a str, &'a Former>) -> Option<&'a str> {
    // Those whose successors all end are taken away, until none is left that does.
    let mut left: BTreeMap<&str, &Former> = all.clone();
    loop {
        let ends = |former: &Former| !former.into.iter().any(|code| left.contains_key(code.as_str()));
        let ended: Vec<&str> =
            left.iter().filter(|(_, former)| ends(former)).map(|(code, _)| *code).collect();
        if ended.is_empty() {
            return left.keys().next().copied();
        }
        for code in ended {
            left.remove(code);
        }
    }
}

fn described(thing: &Thing) -> String {
    match thing {
        Thing::Agency(agency) => agency.name.clone(),
        Thing::Unit(unit) => format!("{} (agency {})", unit.name, unit.agency),
        Thing::Field(field) => format!("{} (unit {})", field.name, field.unit),
        Thing::Rules(rules) => format!("{} rules", rules.len()),
        Thing::Desk(desk) => format!("unit {}", desk.unit),
        Thing::Former(former) => former.into.join(", "),
    }
}

/// Whether nothing but the name differs, and what does, for people.
fn difference(old: &Thing, new: &Thing) -> (bool, String) {
    let mut said = Vec::new();
    let mut renamed = false;
    let mut differs = |what: &str, old: &str, new: &str| {
        if old != new {
            said.push(format!("{what} \"{old}\" → \"{new}\""));
            renamed |= what == "name";
        }
    };
    match (old, new) {
        (Thing::Agency(old), Thing::Agency(new)) => {
            differs("name", &old.name, &new.name);
            differs("leader", &old.leader, &new.leader);
        }
        (Thing::Unit(old), Thing::Unit(new)) => {
            let least = |unit: &Unit| unit.confidence_min.map(|least| least.to_string()).unwrap_or_default();
            differs("name", &old.name, &new.name);
            differs("agency", &old.agency, &new.agency);
            differs("parent", &old.parent, &new.parent);
            differs("leader", &old.leader, &new.leader);
            differs("confidence_min", &least(old), &least(new));
        }
        (Thing::Field(old), Thing::Field(new)) => {
            differs("name", &old.name, &new.name);
            differs("name_en", &old.name_en, &new.name_en);
            differs("unit", &old.unit, &new.unit);
        }
        (Thing::Desk(old), Thing::Desk(new)) => differs("unit", &old.unit, &new.unit),
        (Thing::Former(old), Thing::Former(new)) => {
            differs("into", &old.into.join(", "), &new.into.join(", "));
        }
        (Thing::Rules(old), Thing::Rules(new)) => {
            let differing = |these: &[Rule], those: &[Rule]| -> Vec<String> {
                these.iter().filter(|rule| !those.contains(rule)).map(|rule| rule.code.clone()).collect()
            };
            let mut codes = differing(old, new);
            codes.extend(differing(new, old));
            codes.sort_unstable();
            codes.dedup();
            said.push(if codes.is_empty() { "their order".to_owned() } else { codes.join(", ") });
        }
        _ => {}
    }
    (renamed && said.len() == 1, said.join("; "))
}
