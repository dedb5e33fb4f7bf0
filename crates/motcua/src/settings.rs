//! The whole configuration: one section per part.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::output;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub postgres: runtime::config::Postgres,
    pub nats: runtime::config::Nats,
    pub bus: bus::Config,
    pub grpc: runtime::config::Grpc,
    pub ops: runtime::config::Ops,
    pub peers: runtime::config::Peers,
    pub auth: runtime::config::Auth,
    pub telemetry: runtime::config::Telemetry,
    pub mail: runtime::config::Mail,
    pub notices: runtime::config::Notices,
    pub intake: intake::Config,
    pub routing: routing::Config,
    pub answering: answering::Config,
    pub knowledge: knowledge::Config,
    pub analytics: analytics::Config,
    pub gateway: gateway::Config,
    pub parts: Parts,
}

/// Where the programs and the model that `up` needs are; those not named are fetched.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parts {
    /// Where fetched parts are kept; empty: the user's cache folder.
    pub dir: PathBuf,
    /// The folder of an installed PostgreSQL's programs.
    pub postgres_bin: PathBuf,
    /// An installed nats-server, 2.14 or later.
    pub nats_server: PathBuf,
}

impl Parts {
    pub fn dir(&self) -> PathBuf {
        if self.dir.as_os_str().is_empty() { local::parts::default_dir() } else { self.dir.clone() }
    }
}

impl Settings {
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        runtime::load(&Self::default(), file)
    }

    /// What the runtime needs of it.
    pub fn runtime(&self) -> runtime::Config {
        runtime::Config {
            postgres: self.postgres.clone(),
            nats: self.nats.clone(),
            bus: self.bus.clone(),
            grpc: self.grpc.clone(),
            ops: self.ops.clone(),
            peers: self.peers.clone(),
            auth: self.auth.clone(),
            telemetry: self.telemetry.clone(),
            mail: self.mail.clone(),
            notices: self.notices.clone(),
        }
    }

    /// Fills in the parts that the configuration does not name, fetching them if need be.
    pub fn fill_parts(&mut self) -> anyhow::Result<()> {
        let named = [
            &self.parts.postgres_bin,
            &self.parts.nats_server,
            &self.knowledge.model_dir,
            &self.knowledge.onnxruntime,
        ];
        if named.iter().all(|path| !path.as_os_str().is_empty()) {
            return Ok(());
        }
        let parts = local::parts::install(&self.parts.dir(), &output::complain).context("parts")?;
        let fill = |path: &mut PathBuf, part: PathBuf| {
            if path.as_os_str().is_empty() {
                *path = part;
            }
        };
        fill(&mut self.parts.postgres_bin, parts.postgres_bin);
        fill(&mut self.parts.nats_server, parts.nats_server);
        fill(&mut self.knowledge.model_dir, parts.model);
        fill(&mut self.knowledge.onnxruntime, parts.onnxruntime);
        Ok(())
    }
}
