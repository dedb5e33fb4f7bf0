//! The objects of `k8s/`, as written and as rendered.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::ErrorKind,
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        batch::v1::Job,
        core::v1::{ConfigMap, Namespace, PodTemplateSpec, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{read, repository, yaml};

#[derive(Default)]
pub struct Objects {
    pub namespaces: Vec<Namespace>,
    pub accounts: Vec<ServiceAccount>,
    pub config_maps: Vec<ConfigMap>,
    pub deployments: Vec<Deployment>,
    pub services: Vec<Service>,
    pub budgets: Vec<PodDisruptionBudget>,
    pub jobs: Vec<Job>,
    pub policies: Vec<NetworkPolicy>,
}

impl Objects {
    fn add_all(&mut self, text: &str) -> anyhow::Result<()> {
        for document in yaml::<Value>(text)? {
            let kind = document["kind"].as_str().context("a document without a kind")?;
            let name = document["metadata"]["name"].as_str().unwrap_or_default();
            self.add(kind, &document).with_context(|| format!("{kind} {name}"))?;
        }
        Ok(())
    }

    fn add(&mut self, kind: &str, document: &Value) -> anyhow::Result<()> {
        match kind {
            "Namespace" => self.namespaces.push(decode(document)?),
            "ServiceAccount" => self.accounts.push(decode(document)?),
            "ConfigMap" => self.config_maps.push(decode(document)?),
            "Deployment" => self.deployments.push(decode(document)?),
            "Service" => self.services.push(decode(document)?),
            "PodDisruptionBudget" => self.budgets.push(decode(document)?),
            "Job" => self.jobs.push(decode(document)?),
            "NetworkPolicy" => self.policies.push(decode(document)?),
            _ => bail!("this kind is not expected; a Secret is never kept in the repository"),
        }
        Ok(())
    }

    /// Of every Deployment and Job, by name.
    pub fn pods(&self) -> impl Iterator<Item = (&str, &PodTemplateSpec)> {
        let deployments =
            self.deployments.iter().map(|d| (name(&d.metadata), &d.spec.as_ref().unwrap().template));
        let jobs = self.jobs.iter().map(|j| (name(&j.metadata), &j.spec.as_ref().unwrap().template));
        deployments.chain(jobs)
    }
}

pub fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// The typed schemas pass over keys they don't know: such a key is missing when encoded again.
pub fn decode<T: DeserializeOwned + Serialize>(document: &Value) -> anyhow::Result<T> {
    let object = T::deserialize(document)?;
    let mut lost = Vec::new();
    compare(document, &serde_json::to_value(&object)?, "", &mut lost);
    ensure!(lost.is_empty(), "not known to the schema: {}", lost.join(", "));
    Ok(object)
}

fn compare(written: &Value, understood: &Value, path: &str, lost: &mut Vec<String>) {
    match (written, understood) {
        (Value::Object(written), Value::Object(understood)) => {
            for (key, value) in written {
                compare(value, understood.get(key).unwrap_or(&Value::Null), &format!("{path}.{key}"), lost);
            }
        }
        (Value::Array(written), Value::Array(understood)) if written.len() == understood.len() => {
            for (index, (written, understood)) in written.iter().zip(understood).enumerate() {
                compare(written, understood, &format!("{path}[{index}]"), lost);
            }
        }
        _ if written == understood => {}
        _ => lost.push(path.to_owned()),
    }
}

// ---- Kustomizations

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "named so that any other key is refused")]
pub struct Kustomization {
    pub api_version: String,
    pub kind: String,
    #[serde(default)]
    pub namespace: String,
    pub resources: Vec<String>,
    #[serde(default)]
    pub images: Vec<Image>,
    #[serde(default)]
    pub replicas: Vec<Replicas>,
    #[serde(default)]
    pub config_map_generator: Vec<Generator>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "named so that any other key is refused")]
pub struct Image {
    pub name: String,
    pub new_name: String,
    pub new_tag: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replicas {
    pub name: String,
    pub count: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "named so that any other key is refused")]
pub struct Generator {
    pub name: String,
    #[serde(default)]
    pub options: Value,
    #[serde(default)]
    pub literals: Vec<String>,
    #[serde(default)]
    pub files: Vec<String>,
}

impl Kustomization {
    pub fn of(folder: &str) -> anyhow::Result<Self> {
        let text = read(&format!("{folder}/kustomization.yaml"))?;
        yaml(&text)?.pop().context("an empty kustomization")
    }
}

/// The files of `k8s/` as they stand, without kubectl.
pub fn written() -> anyhow::Result<Objects> {
    let mut objects = Objects::default();
    for folder in ["k8s/base", "k8s/overlays/pilot"] {
        let kustomization = Kustomization::of(folder)?;
        let listed: BTreeSet<&str> =
            kustomization.resources.iter().map(String::as_str).filter(|r| !r.starts_with("..")).collect();
        for entry in fs::read_dir(repository().join(folder))? {
            let path = entry?.path();
            let file = path.file_name().and_then(|n| n.to_str()).context("a file name")?;
            let apart = ["kustomization.yaml", "secret.example.yaml"].contains(&file);
            let object = path.extension().is_some_and(|e| e == "yaml") && !apart;
            ensure!(!object || listed.contains(file), "{folder}/{file} is not listed");
        }
        for file in listed {
            let file = format!("{folder}/{file}");
            objects.add_all(&read(&file)?).context(file)?;
        }
        for generator in kustomization.config_map_generator {
            let mut data = BTreeMap::new();
            for literal in &generator.literals {
                let (key, value) = literal.split_once('=').context("a literal without a value")?;
                data.insert(key.to_owned(), value.to_owned());
            }
            for file in &generator.files {
                data.insert(file.clone(), read(&format!("{folder}/{file}"))?);
            }
            let mut made = ConfigMap { data: Some(data), ..ConfigMap::default() };
            made.metadata.name = Some(generator.name);
            objects.config_maps.push(made);
        }
    }
    Ok(objects)
}

/// The pilot as kubectl would apply it, where kubectl is present.
#[expect(clippy::print_stderr, reason = "a check that was left out must not go unnoticed")]
pub fn rendered() -> anyhow::Result<Option<Objects>> {
    let folder = repository().join("k8s/overlays/pilot");
    let output = match Command::new("kubectl").arg("kustomize").arg(folder).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("note: kubectl is not on PATH; the overlay was checked as written, not as rendered");
            return Ok(None);
        }
        output => output?,
    };
    ensure!(output.status.success(), "kubectl kustomize: {}", String::from_utf8_lossy(&output.stderr));
    let mut objects = Objects::default();
    objects.add_all(&String::from_utf8(output.stdout)?)?;
    Ok(Some(objects))
}

/// `check` holds for the files as written, and as rendered.
pub fn both(check: impl Fn(&Objects) -> anyhow::Result<()>) -> anyhow::Result<()> {
    check(&written()?).context("as written")?;
    rendered()?.map_or(Ok(()), |objects| check(&objects).context("as rendered"))
}
