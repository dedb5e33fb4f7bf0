//! Which crate may import which: the edges of DESIGN and no others.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

const SERVICES: [&str; 5] = ["intake", "routing", "answering", "knowledge", "analytics"];

fn allowed(name: &str) -> Vec<&'static str> {
    match name {
        "api" | "local" => vec![],
        "bus" => vec!["api"],
        "runtime" => vec!["api", "bus"],
        "gateway" => vec!["api", "runtime"],
        "motcua" => {
            let shared = ["api", "bus", "runtime", "gateway", "local"];
            shared.into_iter().chain(SERVICES).collect()
        }
        "e2e" => vec!["api", "bus", "knowledge", "local"],
        service if SERVICES.contains(&service) => vec!["api", "bus", "runtime"],
        stranger => panic!("a crate without a place: {stranger}"),
    }
}

/// Not even by way of others' crates: what a part must not be able to do.
const FORBIDDEN: [(&str, &str); 5] = [
    ("api", "sqlx"),
    ("api", "async-nats"),
    ("gateway", "sqlx"),
    ("gateway", "async-nats"),
    ("analytics", "qdrant-edge"),
];

fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(e2e::root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages.map(|p| (name(p), p["dependencies"].as_array().unwrap().iter().map(name).collect())).collect()
}

#[test]
fn no_crate_imports_what_it_may_not() {
    let dependencies = dependencies();
    assert!(dependencies.len() >= 12, "{dependencies:?}");
    for (crate_name, imports) in &dependencies {
        let allowed = allowed(crate_name);
        for import in imports.iter().filter(|import| dependencies.contains_key(*import)) {
            assert!(allowed.contains(&import.as_str()), "{crate_name} must not import {import}");
        }
    }
    for (crate_name, library) in FORBIDDEN {
        assert!(
            !dependencies[crate_name].iter().any(|d| d == library),
            "{crate_name} must not use {library}"
        );
    }
}

/// All five services have the same files.
#[test]
fn a_service_is_where_one_looks_for_it() {
    for service in SERVICES {
        let folder = e2e::root().join("crates").join(service);
        for file in ["lib.rs", "service.rs", "grpc.rs", "events.rs", "storage.rs"] {
            assert!(folder.join("src").join(file).exists(), "{service} has no {file}");
        }
        assert!(std::fs::read_dir(folder.join("migrations")).unwrap().count() > 0, "{service}");
    }
}

/// A service's SQL names its own schema, and the bus's only through the bus.
#[test]
fn no_service_reads_anothers_tables() {
    for service in SERVICES {
        let folder = e2e::root().join("crates").join(service).join("src");
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            for other in SERVICES.iter().chain(&["bus"]).filter(|other| **other != service) {
                for verb in ["from", "into", "update", "join"] {
                    let reach = format!("{verb} {other}.");
                    assert!(!text.contains(&reach), "{}: {reach}", file.display());
                }
            }
        }
    }
}

#[test]
fn files_stay_readable() {
    let output = Command::new("git").args(["ls-files", "*.rs"]).current_dir(e2e::root()).output().unwrap();
    let files = String::from_utf8(output.stdout).unwrap();
    assert!(files.lines().count() > 50);
    for file in files.lines() {
        let Ok(text) = std::fs::read_to_string(e2e::root().join(file)) else { continue };
        assert!(text.lines().count() <= 500, "{file} has outgrown its room");
    }
}
