//! What is shipped for Kubernetes and for compose: every document is decoded by its typed schema and
//! encoded again, so that a misspelt key is found, and says what the binary understands.

#[path = "deployment/configuration.rs"]
mod configuration;
#[path = "deployment/network.rs"]
mod network;
#[path = "deployment/objects.rs"]
mod objects;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{Container, PodSpec, PodTemplateSpec, Probe, Secret},
    },
    apimachinery::pkg::util::intstr::IntOrString,
};
use objects::{Kustomization, both, decode, name, rendered};
use serde::de::DeserializeOwned;
use serde_json::Value;

const ROLES: [&str; 6] = ["intake", "routing", "answering", "knowledge", "analytics", "gateway"];
const GRPC_PORT: i32 = 50051;
/// The default of `grpc.drain_ms`, in seconds.
const DRAIN_SECONDS: i64 = 18;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> anyhow::Result<String> {
    let path = repository().join(path);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

fn yaml<T: DeserializeOwned>(text: &str) -> anyhow::Result<Vec<T>> {
    Ok(serde_saphyr::from_multiple(text)?)
}

// ---- What a role must have

#[test]
fn every_role_has_its_deployment() -> anyhow::Result<()> {
    both(|objects| {
        let found: BTreeSet<&str> = objects.deployments.iter().map(|d| name(&d.metadata)).collect();
        ensure!(found == BTreeSet::from(ROLES), "deployments: {found:?}");
        for deployment in &objects.deployments {
            let role = name(&deployment.metadata);
            check_deployment(role, deployment).with_context(|| role.to_owned())?;
        }
        let images: BTreeSet<_> = objects.pods().map(|(_, pod)| &container(pod).image).collect();
        ensure!(images.len() == 1, "one image for all: {images:?}");
        Ok(())
    })
}

#[test]
fn migrations_are_a_job() -> anyhow::Result<()> {
    both(|objects| {
        let [job] = objects.jobs.as_slice() else { bail!("one job is expected") };
        let pod = &job.spec.as_ref().unwrap().template;
        ensure!(args(container(pod)) == ["migrate"]);
        ensure!(spec(pod).restart_policy.as_deref() == Some("Never"));
        check_pod(pod)
    })
}

fn check_deployment(role: &str, deployment: &Deployment) -> anyhow::Result<()> {
    let spec_of = deployment.spec.as_ref().context("spec")?;
    let pod = &spec_of.template;
    ensure!(spec_of.selector.match_labels.as_ref() == Some(labels(pod)), "selector and labels differ");
    ensure!(labels(pod)["app.kubernetes.io/component"] == role);
    check_pod(pod)?;
    let container = container(pod);
    ensure!(args(container) == ["serve", role], "{:?}", container.args);
    let probes = [
        ("startup", &container.startup_probe),
        ("readiness", &container.readiness_probe),
        ("liveness", &container.liveness_probe),
    ];
    for (kind, probe) in probes {
        let probe = probe.as_ref().with_context(|| format!("no {kind} probe"))?;
        check_probe(role, container, probe).with_context(|| format!("{kind} probe"))?;
    }
    if role != "gateway" {
        let asked = container.readiness_probe.as_ref().unwrap().grpc.as_ref().unwrap().service.as_deref();
        let service = format!("motcua.{role}.v1.{}{}Service", role[..1].to_uppercase(), &role[1..]);
        ensure!(asked == Some(&service), "readiness asks for {asked:?}");
        let proto = read(&format!("proto/motcua/{role}/v1/{role}_service.proto"))?;
        ensure!(proto.contains(&format!("service {} {{", service.rsplit('.').next().unwrap())), "{service}");
    }
    let pause = container.lifecycle.as_ref().and_then(|l| l.pre_stop.as_ref()?.sleep.as_ref());
    let grace = spec(pod).termination_grace_period_seconds.unwrap_or(0);
    ensure!(
        grace > DRAIN_SECONDS + pause.map_or(0, |p| p.seconds),
        "killed after {grace} s, before it has drained"
    );
    Ok(())
}

fn check_probe(role: &str, container: &Container, probe: &Probe) -> anyhow::Result<()> {
    let port = match (&probe.grpc, &probe.http_get) {
        (Some(grpc), None) if role != "gateway" => IntOrString::Int(grpc.port),
        (None, Some(http)) if role == "gateway" => {
            ensure!(matches!(http.path.as_deref(), Some("/healthz" | "/readyz")), "{:?}", http.path);
            http.port.clone()
        }
        _ => bail!("gRPC for services, HTTP for the gateway"),
    };
    container_port(container, &port).map(drop)
}

/// What holds for every pod, the migrations' too.
fn check_pod(pod: &PodTemplateSpec) -> anyhow::Result<()> {
    let (spec, container) = (spec(pod), container(pod));
    ensure!(spec.automount_service_account_token == Some(false), "a token is mounted");
    let context = spec.security_context.as_ref().context("securityContext")?;
    ensure!(context.run_as_non_root == Some(true) && context.run_as_user == Some(10001), "may run as root");
    ensure!(context.seccomp_profile.as_ref().is_some_and(|p| p.type_ == "RuntimeDefault"), "seccomp");
    let context = container.security_context.as_ref().context("the container's securityContext")?;
    ensure!(context.read_only_root_filesystem == Some(true), "the root is writable");
    ensure!(context.allow_privilege_escalation == Some(false), "privileges may grow");
    let dropped = context.capabilities.as_ref().and_then(|c| c.drop.as_deref());
    ensure!(dropped == Some(&["ALL".to_owned()]), "capabilities");
    let resources = container.resources.as_ref().context("resources")?;
    for (kind, amounts) in [("requests", &resources.requests), ("limits", &resources.limits)] {
        let amounts = amounts.as_ref().with_context(|| format!("no {kind}"))?;
        ensure!(amounts.keys().eq(["cpu", "memory"]), "{kind}: {amounts:?}");
    }
    Ok(())
}

fn spec(pod: &PodTemplateSpec) -> &PodSpec {
    pod.spec.as_ref().expect("a pod has a spec")
}

fn container(pod: &PodTemplateSpec) -> &Container {
    let [container] = spec(pod).containers.as_slice() else { panic!("one container a pod") };
    container
}

fn args(container: &Container) -> Vec<&str> {
    container.args.iter().flatten().map(String::as_str).collect()
}

fn labels(pod: &PodTemplateSpec) -> &BTreeMap<String, String> {
    pod.metadata.as_ref().and_then(|m| m.labels.as_ref()).expect("a pod has labels")
}

/// The number of a port the container declares.
fn container_port(container: &Container, wanted: &IntOrString) -> anyhow::Result<i32> {
    let port = container.ports.iter().flatten().find(|port| match wanted {
        IntOrString::Int(number) => port.container_port == *number,
        IntOrString::String(name) => port.name.as_ref() == Some(name),
    });
    Ok(port.with_context(|| format!("no container port {wanted:?}"))?.container_port)
}

// ---- What points at something else

#[test]
fn services_and_budgets_choose_their_pods() -> anyhow::Result<()> {
    both(|objects| {
        for role in ROLES {
            let deployment = objects.deployments.iter().find(|d| name(&d.metadata) == role).context(role)?;
            let pod = &deployment.spec.as_ref().unwrap().template;
            let service = objects.services.iter().find(|s| name(&s.metadata) == role).context(role)?;
            let service = service.spec.as_ref().context("spec")?;
            ensure!(service.selector.as_ref() == Some(labels(pod)), "{role}: the Service chooses other pods");
            for port in service.ports.iter().flatten() {
                let target = port.target_port.clone().unwrap_or(IntOrString::Int(port.port));
                container_port(container(pod), &target).context(role)?;
            }
            let budget = objects.budgets.iter().find(|b| name(&b.metadata) == role).context(role)?;
            let selector = budget.spec.as_ref().and_then(|s| s.selector.as_ref()).context("selector")?;
            ensure!(
                selector.match_labels.as_ref() == Some(labels(pod)),
                "{role}: the budget is for other pods"
            );
        }
        Ok(())
    })
}

#[test]
fn peers_are_services() -> anyhow::Result<()> {
    both(|objects| {
        for role in ROLES.into_iter().filter(|role| *role != "gateway") {
            let key = format!("MOTCUA__PEERS__{}", role.to_uppercase());
            let url = objects.config_maps.iter().find_map(|c| c.data.as_ref()?.get(&key)).context(key)?;
            ensure!(*url == format!("http://{role}:{GRPC_PORT}"), "{url}");
            let service = objects.services.iter().find(|s| name(&s.metadata) == role).context(role)?;
            let mut ports = service.spec.iter().flat_map(|s| s.ports.iter().flatten());
            ensure!(ports.any(|port| port.port == GRPC_PORT), "{role} is not reached at {GRPC_PORT}");
        }
        Ok(())
    })
}

#[test]
fn references_resolve() -> anyhow::Result<()> {
    let example = read("k8s/base/secret.example.yaml")?;
    ensure!(example.lines().all(|line| line.starts_with('#')), "the example must stay a comment");
    let body = &example[example.find("# apiVersion").context("the example")?..];
    let body: Vec<&str> = body.lines().map(|line| line.strip_prefix("# ").unwrap_or("")).collect();
    let secret: Secret = decode(&yaml::<Value>(&body.join("\n"))?[0])?;
    let keys = secret.string_data.context("stringData")?;
    both(|objects| {
        let config: BTreeSet<&str> = objects.config_maps.iter().map(|c| name(&c.metadata)).collect();
        let accounts: BTreeSet<&str> = objects.accounts.iter().map(|a| name(&a.metadata)).collect();
        ensure!(objects.accounts.iter().all(|a| a.automount_service_account_token == Some(false)), "a token");
        for (role, pod) in objects.pods() {
            let container = container(pod);
            for source in container.env_from.iter().flatten() {
                let map =
                    &source.config_map_ref.as_ref().with_context(|| format!("{role}: not a ConfigMap"))?.name;
                ensure!(config.contains(&**map), "{role}: ConfigMap {map}");
            }
            for variable in container.env.iter().flatten() {
                let source = variable.value_from.as_ref().and_then(|v| v.secret_key_ref.as_ref());
                let source =
                    source.with_context(|| format!("{role}: {} is not from a Secret", variable.name))?;
                ensure!(
                    Some(&source.name) == secret.metadata.name.as_ref(),
                    "{role}: Secret {}",
                    source.name
                );
                ensure!(keys.contains_key(&source.key), "{role}: Secret key {}", source.key);
            }
            let volumes: BTreeSet<&str> = spec(pod).volumes.iter().flatten().map(|v| &*v.name).collect();
            let mounted: BTreeSet<&str> =
                container.volume_mounts.iter().flatten().map(|v| &*v.name).collect();
            ensure!(volumes == mounted, "{role}: volumes {volumes:?}, mounted {mounted:?}");
            for map in spec(pod).volumes.iter().flatten().filter_map(|v| v.config_map.as_ref()) {
                ensure!(config.contains(&*map.name), "{role}: ConfigMap {}", map.name);
            }
            let account = spec(pod).service_account_name.as_deref().context("an account")?;
            ensure!(accounts.contains(account), "{role}: ServiceAccount {account}");
        }
        Ok(())
    })
}

#[test]
fn the_pilot_is_whole() -> anyhow::Result<()> {
    let pilot = Kustomization::of("k8s/overlays/pilot")?;
    let replicas: BTreeMap<&str, u32> = pilot.replicas.iter().map(|r| (&*r.name, r.count)).collect();
    ensure!(replicas.keys().copied().eq(BTreeSet::from(ROLES)), "replicas: {replicas:?}");
    for file in ["organisation.toml", "deadlines.toml", "vn-2025.ics", "vn-2026.ics", "vn-2027.ics"] {
        let sample = read(&format!("deploy/sample/{file}"))?;
        both(|objects| {
            let own = objects.config_maps.iter().find_map(|c| c.data.as_ref()?.get(file));
            ensure!(own == Some(&sample), "the pilot's {file} is not the sample");
            Ok(())
        })?;
    }
    let Some(objects) = rendered()? else { return Ok(()) };
    ensure!(objects.namespaces.iter().any(|n| name(&n.metadata) == pilot.namespace), "{}", pilot.namespace);
    for deployment in &objects.deployments {
        ensure!(deployment.metadata.namespace.as_deref() == Some(&pilot.namespace), "namespace");
        let count = deployment.spec.as_ref().unwrap().replicas.map(i32::cast_unsigned);
        ensure!(count == replicas.get(name(&deployment.metadata)).copied(), "replicas");
    }
    Ok(())
}
