//! Compose, and the configuration that every way of deploying passes on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::{
    ROLES, container,
    objects::{both, written},
    read, yaml,
};

fn compose() -> anyhow::Result<Value> {
    yaml(&read("deploy/compose.yaml")?)?.pop().context("an empty compose file")
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

#[test]
fn compose_runs_every_role_and_server() -> anyhow::Result<()> {
    let compose = compose()?;
    let services = &compose["services"];
    let expected = ROLES.into_iter().chain(["migrate", "postgres", "nats", "qdrant"]).collect();
    ensure!(keys(services) == expected, "services: {:?}", keys(services));
    for role in ROLES {
        let service = &services[role];
        ensure!(service["command"] == serde_json::json!(["serve", role]), "{role}: {}", service["command"]);
        ensure!(service["read_only"] == true && service["cap_drop"][0] == "ALL", "{role} may do too much");
        ensure!(service["mem_limit"].is_string(), "{role} has no memory limit");
    }
    ensure!(services["migrate"]["command"] == serde_json::json!(["migrate"]));
    let images: BTreeSet<_> =
        ROLES.iter().chain(&["migrate"]).map(|s| services[*s]["image"].as_str()).collect();
    let shipped = written()?;
    let (_, pod) = shipped.pods().next().context("no pods")?;
    ensure!(images == BTreeSet::from([container(pod).image.as_deref()]), "images: {images:?}");
    for server in ["postgres", "nats", "qdrant"] {
        let volume =
            services[server]["volumes"][0].as_str().context(server)?.split(':').next().unwrap_or_default();
        ensure!(keys(&compose["volumes"]).contains(volume), "{server} keeps its data in {volume:?}");
    }
    let nats = services["nats"]["command"].as_array().context("the command of nats")?;
    ensure!(nats.contains(&"-js".into()), "NATS without JetStream");
    Ok(())
}

#[test]
fn compose_waits_for_what_exists_and_is_checked() -> anyhow::Result<()> {
    let compose = compose()?;
    let services = &compose["services"];
    for (name, service) in services.as_object().context("services")? {
        if name != "migrate" {
            ensure!(service["healthcheck"]["test"].is_array(), "{name} has no health check");
        }
        for (other, wait) in service["depends_on"].as_object().into_iter().flatten() {
            let condition = wait["condition"].as_str().context("a condition")?;
            ensure!(services.get(other).is_some(), "{name} waits for {other}");
            let ends = condition == "service_completed_successfully";
            ensure!(ends == (other == "migrate"), "{name} waits for {other} by {condition}");
        }
    }
    Ok(())
}

/// Every `${NAME…}` of the compose file is explained in `.env.example`, which holds no secret.
#[test]
fn compose_asks_only_for_what_the_example_names() -> anyhow::Result<()> {
    let example = read("deploy/.env.example")?;
    let example: BTreeMap<&str, &str> = example.lines().filter_map(|line| line.split_once('=')).collect();
    let compose = read("deploy/compose.yaml")?;
    let asked: BTreeSet<&str> = compose
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next())
        .collect();
    ensure!(asked.iter().eq(example.keys()), "asked for {asked:?}, named {:?}", example.keys());
    for (name, value) in example {
        ensure!(
            value.is_empty() || !(name.ends_with("PASSWORD") || name.ends_with("KEY")),
            "{name} is filled in"
        );
    }
    Ok(())
}

/// An unknown key stops the process at its start, so each must be one of `deploy/motcua.toml`.
#[test]
fn every_variable_is_a_configuration_key() -> anyhow::Result<()> {
    let known = configuration_keys(&read("deploy/motcua.toml")?);
    let mut told = BTreeSet::new();
    for service in compose()?["services"].as_object().context("services")?.values() {
        told.extend(keys(&service["environment"]).into_iter().map(str::to_owned));
    }
    let image = read("deploy/Dockerfile")?;
    told.extend(image.split_ascii_whitespace().filter_map(|word| Some(word.split_once('=')?.0.to_owned())));
    let told = std::cell::RefCell::new(told);
    both(|objects| {
        let config = objects.config_maps.iter().flat_map(|c| c.data.iter().flatten()).map(|(key, _)| key);
        let own = objects.pods().flat_map(|(_, pod)| container(pod).env.iter().flatten()).map(|v| &v.name);
        told.borrow_mut().extend(config.chain(own).cloned());
        Ok(())
    })?;
    let told = told.into_inner();
    let told: Vec<_> = told.iter().filter_map(|variable| variable.strip_prefix("MOTCUA__")).collect();
    ensure!(told.len() >= 15, "too few to be true: {told:?}");
    let unknown: Vec<_> =
        told.into_iter().filter(|key| !known.contains(&key.to_lowercase().replace("__", "."))).collect();
    ensure!(unknown.is_empty(), "not in deploy/motcua.toml: {unknown:?}");
    Ok(())
}

/// `section.key`, those that are commented out too.
fn configuration_keys(toml: &str) -> BTreeSet<String> {
    let word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || "_.0123456789".contains(c))
    };
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in toml.lines() {
        let line = line.trim_start_matches(['#', ':', ' ']).trim_end();
        if let Some(header) =
            line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).filter(|h| word(h))
        {
            header.clone_into(&mut section);
        } else if let Some((key, _)) = line.split_once('=').filter(|(key, _)| word(key.trim_end())) {
            keys.insert(format!("{section}.{}", key.trim_end()));
        }
    }
    keys
}

#[test]
fn commented_keys_are_keys() {
    let keys = configuration_keys(
        "# Prose, with a = sign.\n[grpc]\nlisten = 1\n# drain_ms = 2\n#[ops]\n#listen=3\n",
    );
    assert!(keys.iter().eq(["grpc.drain_ms", "grpc.listen", "ops.listen"]), "{keys:?}");
}
