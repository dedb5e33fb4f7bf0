use chrono::Duration;
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::Index,
};

use super::*;
use crate::organisation::tests::SMALL;

fn day(n: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(n)
}

fn parse(text: &str) -> Organisation {
    Organisation::parse(text).unwrap()
}

/// As soon as it is applied, on the n-th day.
fn at(n: i64) -> When {
    When { now: day(n), today: day(n), from: None, replaces: false }
}

fn seeded() -> Registry {
    let registry = Registry::default();
    registry.apply(&registry.plan(&parse(SMALL), at(0)).unwrap())
}

fn said(plan: &Plan) -> Vec<(Change, Kind, &str)> {
    plan.steps.iter().map(|step| (step.change, step.kind, step.code.as_str())).collect()
}

/// The law unit goes, the fields are two new units'.
const SPLIT: &str = r#"
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
    code = "policy"
    agency = "a"
    parent = "desk"
    name = "Policy unit"
    [[unit]]
    code = "data"
    agency = "a"
    name = "Data unit"
    [[field]]
    code = "policy"
    name = "Policy"
    unit = "policy"
    [[field]]
    code = "data"
    name = "Data"
    unit = "data"
    [[former]]
    unit = "law"
    into = ["policy", "data"]
"#;

#[test]
fn the_first_file_is_all_new_and_again_it_is_nothing() {
    let registry = seeded();
    let again = registry.plan(&parse(SMALL), at(3)).unwrap();
    assert!(said(&again).is_empty());
    assert_eq!(registry.at(day(3)).unwrap().units, parse(SMALL).units);
    // Also for a clock that went wrong.
    assert_eq!(registry.at(day(-9)).unwrap().units, parse(SMALL).units);
}

#[test]
fn a_name_is_renamed_and_the_old_one_stays_readable() {
    let renamed = SMALL.replace("\"Law unit\"", "\"Unit of law\"");
    let registry = seeded();
    let plan = registry.plan(&parse(&renamed), at(2)).unwrap();
    assert_eq!(said(&plan), [(Change::Renamed, Kind::Unit, "law")]);
    assert_eq!(plan.steps[0].detail, "name \"Law unit\" → \"Unit of law\"");
    let registry = registry.apply(&plan);
    let name = |at| registry.at(at).unwrap().unit("law").unwrap().name.clone();
    assert_eq!(
        (name(day(2) - Duration::seconds(1)), name(day(2))),
        ("Law unit".into(), "Unit of law".into())
    );
    // Its place among the units is the one it had.
    assert_eq!(registry.at(day(2)).unwrap().units[1].code, "law");
}

#[test]
fn a_unit_is_split_and_its_questions_go_by_field() {
    let registry = seeded();
    let plan = registry.plan(&parse(SPLIT), at(2)).unwrap();
    let steps = said(&plan);
    assert!(steps.contains(&(Change::Split, Kind::Unit, "law")), "{steps:?}");
    assert!(steps.contains(&(Change::Changed, Kind::Field, "data")), "{steps:?}");
    let registry = registry.apply(&plan);
    let now = registry.at(day(2)).unwrap();
    let heir = |unit, field| now.heir(unit, field).map(|unit| unit.code.as_str());
    assert_eq!(heir("law", "data"), Some("data"));
    assert_eq!(heir("law", "policy"), Some("policy"));
    assert_eq!(heir("law", "none"), Some("policy"), "the first");
    assert_eq!(heir("never-there", "data"), None);
    assert_eq!(now.predecessors("data"), ["law"]);
    assert_eq!(registry.at(day(1)).unwrap().predecessors("data"), Vec::<&str>::new());
    let former: Vec<&str> = registry.former_units(day(2)).iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(former, ["Law unit"]);
    assert!(registry.plan(&parse(SPLIT), at(9)).unwrap().steps.is_empty());

    // And back again.
    let back = format!("{SMALL}[[former]]\nunit=\"policy\"\ninto=[\"law\"]\n[[former]]\nunit=\"data\"\n");
    let plan = registry.plan(&parse(&back), at(4)).unwrap();
    let steps = said(&plan);
    for step in [
        (Change::Added, Kind::Unit, "law"),
        (Change::Merged, Kind::Unit, "policy"),
        (Change::Closed, Kind::Unit, "data"),
    ] {
        assert!(steps.contains(&step), "{steps:?}");
    }
    let back = registry.apply(&plan).at(day(4)).unwrap();
    assert_eq!(back.heir("data", "none").unwrap().code, "desk", "nobody goes on with it");
    assert_eq!(back.heir("data", "data").unwrap().code, "law", "the field's unit");
}

#[test]
fn what_is_planned_is_in_force_on_its_day() {
    let registry = seeded();
    let planned = When { from: Some(day(9)), ..at(2) };
    let registry = registry.apply(&registry.plan(&parse(SPLIT), planned).unwrap());
    assert!(registry.at(day(8)).unwrap().unit("law").is_some());
    assert_eq!(registry.next_change(day(2)), Some(day(9)));
    assert!(registry.at(day(9)).unwrap().unit("law").is_none());
    assert!(registry.plan(&parse(SPLIT), planned).unwrap().steps.is_empty());

    // Until then, nothing else may change but with the plan dropped.
    let renamed = parse(&SMALL.replace("\"Law unit\"", "\"Unit of law\""));
    assert_eq!(registry.plan(&renamed, at(3)), Err(Fault::Planned(day(9))));
    let replaces = When { replaces: true, ..at(3) };
    let plan = registry.plan(&renamed, replaces).unwrap();
    let dropped = plan.steps.iter().filter(|step| step.change == Change::Dropped).count();
    assert!(dropped > 2, "{:?}", plan.steps);
    let registry = registry.apply(&plan);
    assert_eq!(registry.at(day(10)).unwrap().unit("law").unwrap().name, "Unit of law");
    assert_eq!(registry.next_change(day(3)), None);
    assert!(registry.plan(&renamed, When { replaces: true, ..at(4) }).unwrap().steps.is_empty());
}

#[test]
fn what_cannot_be_applied_is_told_with_its_code() {
    let registry = seeded();
    let without_law = &SPLIT[..SPLIT.find("[[former]]").unwrap()];
    let into = |into: &str| SPLIT.replace("[\"policy\", \"data\"]", into);
    let more = |more: &str| format!("{SPLIT}{more}");
    for (file, fault) in [
        (without_law.to_owned(), Fault::Missing("law".into())),
        (into("[\"gone\"]"), Fault::SuccessorUnknown("law".into(), "gone".into())),
        (into("[\"law\"]"), Fault::SuccessorCycle("law".into())),
        (more("[[former]]\nunit = \"lav\""), Fault::NeverThere("lav".into())),
    ] {
        assert_eq!(registry.plan(&parse(&file), at(1)), Err(fault.clone()), "{fault}");
    }
    let passed = When { from: Some(day(3)), ..at(4) };
    assert_eq!(registry.plan(&parse(SPLIT), passed), Err(Fault::Passed));
    assert!(registry.plan(&parse(SMALL), passed).unwrap().steps.is_empty(), "it is so already");
}

/// Some organisation of at most eight units: who is whose parent and who answers for what by chance.
/// The desk is unit `u0`.
#[derive(Debug, Clone)]
struct Drawn {
    /// By number: its name, and perhaps its parent among those of a lower number.
    units: BTreeMap<u8, (u8, Option<Index>)>,
    fields: BTreeMap<u8, Index>,
    /// Into what those go that are not among the units.
    into: Vec<Vec<Index>>,
    days: u8,
    later: u8,
    replaces: bool,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    (
        btree_map(1_u8..8, (0_u8..3, option::of(any::<Index>())), 0..7),
        btree_map(0_u8..5, any::<Index>(), 0..5),
        vec(vec(any::<Index>(), 0..3), 8),
        1_u8..4,
        prop_oneof![3 => Just(0_u8), 1 => 1_u8..6],
        any::<bool>(),
    )
        .prop_map(|(units, fields, into, days, later, replaces)| Drawn {
            units,
            fields,
            into,
            days,
            later,
            replaces,
        })
}

/// The file; every unit that was ever there and is not now has successors.
fn file(drawn: &Drawn, ever: &[String]) -> Organisation {
    let mut file = parse(SMALL);
    let code = |n: &u8| format!("u{n}");
    let mut codes = vec![code(&0)];
    let mut units = vec![file.units[0].clone()];
    units[0].code = code(&0);
    for (n, (name, parent)) in &drawn.units {
        let parent = parent.map(|parent| parent.get(&codes).clone()).unwrap_or_default();
        let unit = Unit { code: code(n), name: format!("name {name}"), parent, ..units[0].clone() };
        units.push(unit);
        codes.push(code(n));
    }
    let field = |(n, unit): (&u8, &Index)| Field {
        code: format!("f{n}"),
        name: "field".to_owned(),
        name_en: String::new(),
        unit: unit.get(&codes).clone(),
    };
    file.fields = drawn.fields.iter().map(field).collect();
    file.desk.unit = code(&0);
    file.units = units;
    let gone = ever.iter().enumerate().filter(|(_, code)| !codes.contains(code));
    let former = |(n, unit): (usize, &String)| {
        let mut into: Vec<String> = drawn.into[n % 8].iter().map(|unit| unit.get(&codes).clone()).collect();
        into.dedup();
        Former { unit: unit.clone(), into }
    };
    file.formers = gone.map(former).collect();
    file
}

fn sorted(organisation: &Organisation) -> (Vec<Unit>, Vec<Field>, Vec<Former>) {
    let Organisation { mut units, mut fields, mut formers, .. } = organisation.clone();
    units.sort_by(|a, b| a.code.cmp(&b.code));
    fields.sort_by(|a, b| a.code.cmp(&b.code));
    formers.sort_by(|a, b| a.unit.cmp(&b.unit));
    (units, fields, formers)
}

/// Whatever holds of a registry at any time.
fn check_at(registry: &Registry, at: DateTime<Utc>, ever: &[String]) {
    let organisation = registry.at(at).unwrap();
    let held: Vec<_> = registry.in_force(at).iter().map(|entry| entry.thing.key()).collect();
    let mut once = held.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), held.len(), "two forms at a time, so perhaps two owners of a field");
    for field in &organisation.fields {
        assert!(organisation.unit(&field.unit).is_some(), "{} is nobody's", field.code);
    }
    let started: Vec<&str> = registry
        .entries
        .iter()
        .filter(|entry| entry.counts() && entry.from <= at && entry.thing.key().0 == Kind::Unit)
        .map(|entry| entry.thing.key().1)
        .collect();
    for code in ever.iter().filter(|code| started.contains(&code.as_str())) {
        for field in ["f0", "f1", "none"] {
            let heir = organisation.heir(code, field).unwrap_or_else(|| panic!("{code} leads nowhere"));
            assert!(organisation.unit(&heir.code).is_some());
        }
    }
}

proptest! {
    #[test]
    fn applying_gives_the_file_twice_is_nothing_and_what_was_stays(all in vec(drawn(), 1..8)) {
        let mut registry = Registry::default();
        let (mut today, mut ever, mut horizon) = (0, Vec::<String>::new(), 0);
        for drawn in &all {
            today += i64::from(drawn.days);
            let from = today + i64::from(drawn.later);
            // Those of a dropped plan were never there.
            let at_from = registry.at(day(from));
            let known = at_from.iter().flat_map(|at| {
                at.units.iter().map(|unit| &unit.code).chain(at.formers.iter().map(|former| &former.unit))
            });
            ever.extend(known.cloned());
            ever.sort_unstable();
            ever.dedup();
            let known_then: Vec<String> = ever
                .iter()
                .filter(|code| at_from.as_ref().is_some_and(|at| {
                    at.unit(code).is_some() || at.formers.iter().any(|former| former.unit == **code)
                }))
                .cloned()
                .collect();
            let file = file(drawn, &known_then);
            let when = When { from: Some(day(from)), replaces: drawn.replaces, ..at(today) };
            let plan = match registry.plan(&file, when) {
                Ok(plan) => plan,
                Err(Fault::Planned(next)) => {
                    prop_assert!(!drawn.replaces && next > day(from));
                    continue;
                }
                Err(fault) => panic!("{fault}"),
            };
            let before = registry.clone();
            if !plan.steps.is_empty() {
                registry = registry.apply(&plan);
            }
            ever.extend(file.units.iter().map(|unit| unit.code.clone()));
            horizon = horizon.max(from);
            let (units, fields, formers) = sorted(&registry.at(plan.at).unwrap());
            let (file_units, file_fields, file_formers) = sorted(&file);
            prop_assert_eq!((units, fields), (file_units, file_fields));
            prop_assert!(file_formers.iter().all(|former| formers.contains(former)));
            prop_assert!(registry.plan(&file, when).unwrap().steps.is_empty(), "twice is nothing");
            for n in 1..=horizon + 1 {
                let at = day(n);
                check_at(&registry, at, &ever);
                if at < plan.at && before.version > 0 {
                    prop_assert_eq!(registry.at(at), before.at(at), "what was stays");
                }
            }
        }
    }
}
