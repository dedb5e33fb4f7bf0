//! Servers of the tests' own, and roles as processes against them: the split mode.

use std::{net::TcpListener, process::Stdio};

use local::{Nats, NatsOptions, Postgres, PostgresOptions, parts};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{binary, platform::data_dir, rest::Rest, root};

/// 32 zero bytes: a key for tests.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// A PostgreSQL with the platform's tables, and a nats-server.
pub struct Servers {
    pub postgres: Postgres,
    pub nats: Nats,
    dir: TempDir,
    parts: local::Parts,
}

/// Processes that each serve some roles.
pub struct Roles {
    pub children: Vec<Child>,
    http: String,
}

impl Servers {
    /// # Panics
    /// If a server does not start.
    pub async fn start() -> Self {
        let dir = data_dir();
        let parts = parts::install(&parts_dir(), &|_| ()).expect("the parts");
        let postgres = Self::postgres(&dir, &parts).await;
        let nats = Self::nats(&dir, &parts, None).await;
        let servers = Self { postgres, nats, dir, parts };
        let migrated = servers.command().arg("migrate").status().await.expect("motcua migrate");
        assert!(migrated.success());
        servers
    }

    async fn nats(dir: &TempDir, parts: &local::Parts, port: Option<u16>) -> Nats {
        let options = NatsOptions { bin: parts.nats_server.clone(), data: dir.path().join("nats"), port };
        Nats::start(options).await.expect("nats-server")
    }

    /// Kills the nats-server, does `meanwhile`, and starts it again on the same port and data.
    pub async fn without_nats(mut self, meanwhile: impl AsyncFnOnce()) -> Self {
        let port = self.nats.port();
        self.nats.kill().await;
        meanwhile().await;
        self.nats = Self::nats(&self.dir, &self.parts, Some(port)).await;
        self
    }

    /// Stops PostgreSQL, does `meanwhile`, and starts it again on the same data, at the same address.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn without_postgres(mut self, meanwhile: impl AsyncFnOnce()) -> Self {
        self.postgres.stop(false).await;
        meanwhile().await;
        self.postgres = Self::postgres(&self.dir, &self.parts).await;
        self
    }

    async fn postgres(dir: &TempDir, parts: &local::Parts) -> Postgres {
        let options = PostgresOptions { bin: parts.postgres_bin.clone(), data: dir.path().join("postgres") };
        Postgres::start(options).await.expect("PostgreSQL")
    }

    /// Starts one process per group of roles; the last group has the gateway.
    ///
    /// # Panics
    /// If a process does not start.
    pub async fn serve(&self, groups: &[&[&str]]) -> Roles {
        let http = format!("127.0.0.1:{}", free_port());
        let addresses: Vec<String> = groups.iter().map(|_| format!("127.0.0.1:{}", free_port())).collect();
        let mut children = Vec::new();
        for (group, address) in groups.iter().zip(&addresses) {
            let mut command = self.command();
            command.arg("serve").args(*group).env("MOTCUA__GRPC__LISTEN", address);
            command.env("MOTCUA__GATEWAY__LISTEN", &http);
            for (peers, at) in groups.iter().zip(&addresses) {
                for peer in peers.iter().filter(|peer| **peer != "gateway") {
                    command.env(format!("MOTCUA__PEERS__{}", peer.to_uppercase()), format!("http://{at}"));
                }
            }
            children.push(serving(command.stdout(Stdio::piped()).kill_on_drop(true)).await);
        }
        Roles { children, http: format!("http://{http}") }
    }

    /// `motcua`, configured for these servers.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command
            .env("MOTCUA__POSTGRES__URL", self.postgres.url())
            .env("MOTCUA__NATS__URL", self.nats.url())
            .env("MOTCUA__AUTH__TOKEN_KEY", KEY)
            .env("MOTCUA__INTAKE__SEALING_KEY", KEY)
            .env("MOTCUA__ROUTING__ORGANISATION", root().join("deploy/sample/organisation.toml"))
            .env("MOTCUA__KNOWLEDGE__INDEX_DIR", self.dir.path().join("index"))
            .env("MOTCUA__KNOWLEDGE__MODEL_DIR", &self.parts.model)
            .env("MOTCUA__KNOWLEDGE__ONNXRUNTIME", &self.parts.onnxruntime);
        command
    }

    /// A token of that role, signed with the tests' key.
    pub async fn token(&self, role: &str) -> String {
        let output = self.command().args(["token", "--role", role]).output().await.expect("motcua token");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Roles {
    pub fn rest(&self) -> Rest {
        Rest::new(&self.http)
    }
}

/// Starts a `motcua serve …` and waits until it serves.
///
/// # Panics
/// If it does not.
pub async fn serving(command: &mut Command) -> Child {
    serving_at(command).await.0
}

/// As [`serving`]; says at which address its gRPC is.
///
/// # Panics
/// If it does not serve.
pub async fn serving_at(command: &mut Command) -> (Child, String) {
    let mut child = command.spawn().expect("motcua starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = lines.next_line().await.expect("stdout is read").unwrap_or_default();
    let at = line.strip_prefix("serving").and_then(|line| line.split_once("gRPC on "));
    let at = at.unwrap_or_else(|| panic!("it does not serve but says '{line}'")).1.to_owned();
    (child, at)
}

/// Where the tests' parts are: `MOTCUA_PARTS`, or the usual folder.
pub fn parts_dir() -> std::path::PathBuf {
    std::env::var_os("MOTCUA_PARTS").map_or_else(parts::default_dir, Into::into)
}

/// Free when asked, and below the ports that the system hands out by itself (RFC 6335 leaves those from 49152 on to it,
/// Linux takes them from 32768 on): a connection elsewhere does not take it meanwhile.
fn free_port() -> u16 {
    loop {
        let [high, low, ..] = *uuid::Uuid::new_v4().as_bytes();
        let port = 16_384 + u16::from_be_bytes([high, low]) % 16_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
