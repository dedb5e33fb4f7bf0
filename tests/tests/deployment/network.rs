//! Who may talk to whom.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use k8s_openapi::{
    api::networking::v1::{NetworkPolicy, NetworkPolicyPort},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use crate::{GRPC_PORT, container, labels, objects::both};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Direction {
    Ingress,
    Egress,
}

#[test]
fn network_policies_deny_and_let_through_what_is_needed() -> anyhow::Result<()> {
    use Direction::{Egress, Ingress};
    both(|objects| {
        for (role, pod) in objects.pods() {
            let of_role = || objects.policies.iter().filter(|p| chooses(p, labels(pod)));
            for direction in [Ingress, Egress] {
                ensure!(of_role().any(|p| denies(p, direction)), "{role}: no default for {direction:?}");
            }
            let lets = |direction, port| of_role().any(|policy| opens(policy, direction, port));
            let container = container(pod);
            for port in container.ports.iter().flatten() {
                ensure!(lets(Ingress, port.container_port), "{role}: port {} is closed", port.container_port);
            }
            let told: BTreeSet<&str> = container.env.iter().flatten().map(|v| &*v.name).collect();
            let servers = [("MOTCUA__POSTGRES__URL", 5432), ("MOTCUA__NATS__URL", 4222)];
            for (variable, port) in servers {
                ensure!(lets(Egress, port) == told.contains(variable), "{role}: egress to {port}");
            }
            ensure!(lets(Egress, 6334) == (role == "knowledge"), "{role}: egress to the vector index");
            ensure!(lets(Egress, 53), "{role}: no names");
            let calls = ["gateway", "routing", "answering"].contains(&role);
            ensure!(lets(Egress, GRPC_PORT) == calls, "{role}: egress to services");
        }
        Ok(())
    })
}

fn chooses(policy: &NetworkPolicy, labels: &BTreeMap<String, String>) -> bool {
    let every = LabelSelector::default();
    let selector = policy.spec.as_ref().and_then(|s| s.pod_selector.as_ref()).unwrap_or(&every);
    let equal = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    equal
        && selector.match_expressions.iter().flatten().all(|expression| {
            assert_eq!(expression.operator, "In", "only this operator is in use");
            let values = expression.values.as_deref().unwrap_or_default();
            labels.get(&expression.key).is_some_and(|value| values.contains(value))
        })
}

fn applies(policy: &NetworkPolicy, direction: Direction) -> bool {
    let types = policy.spec.as_ref().and_then(|s| s.policy_types.as_deref()).unwrap_or_default();
    types.contains(&format!("{direction:?}"))
}

/// Applies, and by itself lets nothing through.
fn denies(policy: &NetworkPolicy, direction: Direction) -> bool {
    let spec = policy.spec.as_ref().unwrap();
    applies(policy, direction) && spec.ingress.is_none() && spec.egress.is_none()
}

fn opens(policy: &NetworkPolicy, direction: Direction, port: i32) -> bool {
    let spec = policy.spec.as_ref().unwrap();
    let ports: Vec<&NetworkPolicyPort> = match direction {
        Direction::Ingress => spec.ingress.iter().flatten().flat_map(|r| r.ports.iter().flatten()).collect(),
        Direction::Egress => spec.egress.iter().flatten().flat_map(|r| r.ports.iter().flatten()).collect(),
    };
    applies(policy, direction) && ports.iter().any(|p| p.port == Some(IntOrString::Int(port)))
}
