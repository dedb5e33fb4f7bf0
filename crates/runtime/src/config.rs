//! One TOML file, overridden by the environment; unknown keys are refused.

use std::{net::SocketAddr, path::Path};

use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::Secret;

/// What every process needs, whatever its roles.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub postgres: Postgres,
    pub nats: Nats,
    pub bus: bus::Config,
    pub grpc: Grpc,
    pub ops: Ops,
    pub peers: Peers,
    pub auth: Auth,
    pub telemetry: Telemetry,
    pub mail: Mail,
    pub notices: Notices,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Postgres {
    /// `postgres://user:password@host/database`
    pub url: Secret,
    /// Connections this process may open.
    pub connections_max: u32,
    /// How long a request waits for a free connection.
    pub acquire_timeout_ms: u64,
}

impl Default for Postgres {
    fn default() -> Self {
        Self { url: Secret::default(), connections_max: 32, acquire_timeout_ms: 5_000 }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nats {
    /// `nats://user:password@host:4222`
    pub url: Secret,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grpc {
    /// Where the roles of this process are served.
    pub listen: SocketAddr,
    /// Limit on the handling of one call, in milliseconds.
    pub timeout_ms: u64,
    /// Whether to serve reflection.
    pub reflection: bool,
    /// How long calls under way may take to finish at shutdown, in milliseconds.
    pub drain_ms: u64,
}

impl Default for Grpc {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            timeout_ms: 30_000,
            reflection: true,
            drain_ms: 18_000,
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ops {
    /// Where `/healthz`, `/readyz` and `/metrics` are served; not set: nowhere (the gateway has its own).
    pub listen: Option<SocketAddr>,
}

/// Where each service is, like `http://intake:50051`; empty: in this process.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Peers {
    pub intake: String,
    pub routing: String,
    pub answering: String,
    pub knowledge: String,
    pub analytics: String,
}

impl Peers {
    /// The peers by name.
    pub fn all(&self) -> [(&'static str, &str); 5] {
        [
            ("intake", &self.intake),
            ("routing", &self.routing),
            ("answering", &self.answering),
            ("knowledge", &self.knowledge),
            ("analytics", &self.analytics),
        ]
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The key that signs bearer tokens: 32 bytes in base64, the same for every role.
    pub token_key: Secret,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Which log lines appear: `tracing` directives, like `info,bus=debug`.
    pub log: String,
    pub log_format: LogFormat,
    /// An OTLP/gRPC receiver, like `http://collector:4317`; empty: no traces.
    pub otlp_endpoint: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            log: "info,sqlx::postgres::notice=warn,qdrant_edge=error".to_owned(),
            log_format: LogFormat::Text,
            otlp_endpoint: String::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// Where mail leaves; no host: none does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// The SMTP server; empty: no notices by mail.
    pub host: String,
    /// 0: the usual one.
    pub port: u16,
    pub tls: MailTls,
    /// Empty: without signing in.
    pub user: String,
    pub password: Secret,
    /// Who writes, like `Một Cửa <mot-cua@tinh.gov.vn>`.
    pub from: String,
    /// Where askers reach the site, like `https://hoi.tinh.gov.vn`.
    pub site_url: String,
    /// Limit on reaching the server, and on handing a mail over.
    pub timeout_ms: u64,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 0,
            tls: MailTls::Starttls,
            user: String::new(),
            password: Secret::default(),
            from: String::new(),
            site_url: String::new(),
            timeout_ms: 8_000,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// From the first greeting on; a server without it gets no mail.
    Starttls,
    /// From the first byte.
    Tls,
    /// Only to this machine.
    None,
}

/// How often notices are tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notices {
    /// Attempts before a notice has failed and waits for an operator.
    pub attempts_max: u32,
    /// The first pause; it doubles, to an hour.
    pub pause_ms: u64,
}

impl Default for Notices {
    fn default() -> Self {
        Self { attempts_max: 16, pause_ms: 5_000 }
    }
}

/// Reads `defaults`, then `file`, then `MOTCUA__SECTION__KEY` from the environment.
pub fn load<C: Serialize + DeserializeOwned>(defaults: &C, file: Option<&Path>) -> anyhow::Result<C> {
    let mut figment = Figment::from(Serialized::defaults(defaults));
    if let Some(file) = file {
        figment = figment.merge(Toml::file_exact(file));
    }
    figment
        .merge(Env::prefixed("MOTCUA__").split("__"))
        .extract()
        .map_err(|e| anyhow::anyhow!("configuration: {e}"))
}
