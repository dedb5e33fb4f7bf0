//! `motcua up` as a child process on a folder of its own.

use std::{
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use sqlx::PgPool;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{binary, rest::Rest, until};

/// A folder for `up`; it may be entered by the user that PostgreSQL runs as.
pub fn data_dir() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    dir
}

/// Where a platform serves.
#[derive(Debug, Clone, Deserialize)]
pub struct Endpoints {
    pub http: String,
    pub grpc: String,
    pub nats: String,
    pub postgres: String,
}

/// One life of `motcua up`; dropped, it is stopped.
pub struct Platform {
    pub dir: PathBuf,
    pub endpoints: Endpoints,
    child: Child,
}

impl Platform {
    /// Starts on `dir` and waits until it serves.
    pub async fn up(dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        match Self::up_unless_killed(dir, arguments, environment).await {
            Some(platform) => platform,
            None => panic!("killed before it served:\n{}", log_of(dir)),
        }
    }

    /// As [`Self::up`]; `None`: a signal ended it first, as one may that it was asked to send itself.
    pub async fn up_unless_killed(
        dir: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Option<Self> {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(dir.join("up.log")).expect("a log");
        let mut child = Command::new(binary())
            .args(["up", "--listen", "127.0.0.1:0", "--data"])
            .arg(dir)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("motcua starts");
        let stdout = child.stdout.take().expect("piped");
        let mut lines = BufReader::new(stdout).lines();
        let ready = lines.next_line().await.expect("stdout is read").unwrap_or_default();
        if ready.is_empty() && child.wait().await.expect("it is ours").signal().is_some() {
            return None;
        }
        assert!(ready.starts_with("ready http://"), "no ready line but '{ready}':\n{}", log_of(dir));
        Some(Self { dir: dir.to_owned(), endpoints: endpoints(dir), child })
    }

    /// With the sample organisation and corpus.
    pub async fn up_with_sample(dir: &Path) -> Self {
        Self::up(dir, &["--sample"], &[]).await
    }

    /// REST as nobody.
    pub fn rest(&self) -> Rest {
        Rest::new(&self.endpoints.http)
    }

    /// REST with a token of that role.
    pub async fn rest_as(&self, role: &str, unit: Option<&str>) -> Rest {
        self.rest().with_token(&self.token(role, unit).await)
    }

    /// REST as that officer of a unit.
    pub async fn rest_of(&self, subject: &str, unit: &str) -> Rest {
        let mut command = Command::new(binary());
        command.arg("token").arg("--data").arg(&self.dir);
        command.args(["--role", "officer", "--unit", unit, "--subject", subject]);
        let output = command.output().await.expect("motcua token");
        assert!(output.status.success(), "{output:?}");
        self.rest().with_token(String::from_utf8_lossy(&output.stdout).trim())
    }

    /// Pages, signed in with that role.
    pub async fn browser_as(&self, role: &str) -> Rest {
        self.rest().with_session(&self.token(role, None).await)
    }

    pub async fn token(&self, role: &str, unit: Option<&str>) -> String {
        let mut command = Command::new(binary());
        command.arg("token").arg("--data").arg(&self.dir).args(["--role", role]);
        if let Some(unit) = unit {
            command.args(["--unit", unit]);
        }
        let output = command.output().await.expect("motcua token");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub async fn pool(&self) -> PgPool {
        PgPool::connect(&self.endpoints.postgres).await.expect("the private PostgreSQL")
    }

    pub async fn nats(&self) -> async_nats::jetstream::Context {
        bus::connect(&self.endpoints.nats, "tests").await.expect("the private NATS")
    }

    /// Waits until every fact so far has had its effects.
    pub async fn settle(&self) {
        self.rest().settle().await;
    }

    /// # Panics
    /// If it has ended.
    pub fn process_id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub fn signal(&self, signal: Signal) {
        let id = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        kill_process(id.expect("it runs"), signal).expect("it is ours");
    }

    pub async fn wait(&mut self) -> ExitStatus {
        self.child.wait().await.expect("it is ours")
    }

    /// As kill -9 does.
    pub async fn kill(mut self) {
        self.signal(Signal::KILL);
        assert_eq!(self.wait().await.signal(), Some(9));
    }

    /// As Ctrl-C does.
    pub async fn stop(mut self) {
        self.signal(Signal::INT);
        assert!(self.wait().await.success(), "{}", self.log());
    }

    /// Whether it has ended by itself, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is ours")
    }

    pub fn log(&self) -> String {
        log_of(&self.dir)
    }

    /// The ids of the private servers that this folder's `up` started.
    pub async fn server_ids(&self) -> Vec<i32> {
        let pool = self.pool().await;
        let file: String =
            sqlx::query_scalar("select setting from pg_settings where name = 'data_directory'")
                .fetch_one(&pool)
                .await
                .expect("it answers");
        let pid = std::fs::read_to_string(Path::new(&file).join("postmaster.pid")).expect("it runs");
        vec![pid.lines().next().and_then(|id| id.parse().ok()).expect("an id")]
    }
}

fn log_of(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("up.log")).unwrap_or_default()
}

fn endpoints(dir: &Path) -> Endpoints {
    let text = std::fs::read_to_string(dir.join("endpoints.toml")).expect("written before it is ready");
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
        line.expect("an endpoint").trim_matches('"').to_owned()
    };
    Endpoints { http: value("http"), grpc: value("grpc"), nats: value("nats"), postgres: value("postgres") }
}

/// Waits until no process has that id.
pub async fn gone(id: i32) {
    until("a process to end", || async move { (!Path::new(&format!("/proc/{id}")).exists()).then_some(()) })
        .await;
}
