//! A private PostgreSQL: one cluster in a folder, reachable through a unix socket only.

mod cluster;
mod user;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::sleep;

use crate::Error;
use crate::child::{self, Launch, Server};
use crate::error::At;
use crate::fs::create_open_dir;
use cluster::Cluster;
use user::RunAs;

const NAME: &str = "PostgreSQL";
/// The superuser of the private cluster, and the database.
const MOTCUA: &str = "motcua";
/// Only names the socket's file: nothing listens on a network.
const PORT: u16 = 5432;
/// After a crash the log is replayed before connections are accepted.
const START_LIMIT: Duration = Duration::from_mins(3);
/// "Fast": running transactions are rolled back and everything is flushed.
const FAST: (Signal, Duration) = (Signal::INT, Duration::from_secs(30));
/// "Immediate": no flush; the next start replays the log. Nothing committed is lost.
const IMMEDIATE: (Signal, Duration) = (Signal::QUIT, Duration::from_secs(5));
const KILL: (Signal, Duration) = (Signal::KILL, Duration::from_secs(5));

/// Where a private PostgreSQL is and lives.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// The folder with `initdb`, `postgres` and `psql`; version 15 or later.
    pub bin: PathBuf,
    /// Kept between runs; made when missing.
    pub data: PathBuf,
}

/// A running private PostgreSQL. Dropping it stops it at once, which loses nothing committed but
/// blocks for up to two seconds and costs a replay of the log at the next start.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    socket: PathBuf,
}

impl Postgres {
    /// Starts the server, after dealing with one that an earlier run left behind, and returns when
    /// the database accepts connections. Makes the cluster and the database on first use.
    ///
    /// When we are root the server runs as `nobody`, because PostgreSQL refuses to run as root.
    pub async fn start(options: PostgresOptions) -> Result<Self, Error> {
        create_open_dir(&options.data)?;
        let absolute = |path: &Path| fs::canonicalize(path).at("find", path);
        let (data, bin) = (absolute(&options.data)?, absolute(&options.bin)?);
        let run_as = RunAs::unless_unprivileged()?;
        if let Some(user) = &run_as {
            user.check_can_enter(&data)?;
            user.check_can_enter(&bin)?;
        }
        let cluster = Cluster::at(data.join("cluster"));
        let socket = cluster::socket_dir(&data, run_as.as_ref())?;
        cluster.end_left_over(&socket).await?;
        cluster.init(&bin, run_as.as_ref()).await?;

        let launch = Launch {
            name: NAME,
            program: &bin.join("postgres"),
            death_signal: "INT",
            last_signal: IMMEDIATE.0,
            log: data.join("postgres.log"),
        };
        let server = launch
            .spawn(|command| {
                prepare(command, run_as.as_ref());
                command.arg("-D").arg(&cluster.dir);
                for setting in settings(&socket) {
                    command.arg("-c").arg(setting);
                }
            })
            .await?;
        let mut postgres = Self { server, socket };
        postgres.wait_until_ready(&cluster).await?;
        postgres.create_database(&bin).await?;
        Ok(postgres)
    }

    /// `postgres://motcua@localhost/motcua?host=<socket folder>`; there is no password, since only
    /// this user (and root) can enter the socket's folder.
    pub fn url(&self) -> String {
        let host = percent_encoded(&self.socket);
        format!("postgres://{MOTCUA}@localhost/{MOTCUA}?host={host}")
    }

    /// The server's process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.server.id()
    }

    /// Waits until the server ends by itself, and says how. Safe to cancel.
    pub async fn exited(&mut self) -> String {
        self.server.exited().await
    }

    /// Stops the server: flushed and closed, or (`hard`) at once and replayed at the next start.
    pub async fn stop(mut self, hard: bool) {
        let steps: &[_] = if hard { &[IMMEDIATE] } else { &[FAST, IMMEDIATE] };
        self.server.stop(steps).await;
    }

    async fn wait_until_ready(&mut self, cluster: &Cluster) -> Result<(), Error> {
        let start = Instant::now();
        while !cluster.is_ready(self.server.id()) {
            if self.server.try_exited().is_some() {
                return Err(Error::Command {
                    what: format!("starting {NAME}"),
                    output: self.server.log_tail(),
                });
            }
            if start.elapsed() > START_LIMIT {
                return Err(Error::NotReady {
                    server: NAME,
                    seconds: START_LIMIT.as_secs(),
                    output: self.server.log_tail(),
                });
            }
            sleep(child::POLL).await;
        }
        Ok(())
    }

    async fn create_database(&self, bin: &Path) -> Result<(), Error> {
        let program = bin.join("psql");
        let mut psql = Command::new(&program);
        prepare(&mut psql, None);
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"])
            .args(["-U", MOTCUA, "-d", "postgres", "-p", &PORT.to_string()])
            .arg("-h")
            .arg(&self.socket);
        let create = format!(
            "SELECT 'CREATE DATABASE {MOTCUA}' \
             WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{MOTCUA}')\\gexec\n"
        );
        run(psql, &program, &create).await
    }
}

/// Runs a client or a tool to its end; its complaint becomes the error.
async fn run(mut command: Command, program: &Path, input: &str) -> Result<(), Error> {
    let spawned = |source| Error::Spawn { program: program.to_path_buf(), source };
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(spawned)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ended early says why by its status.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await.map_err(spawned)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Command {
        what: program.display().to_string(),
        output: String::from_utf8_lossy(&output.stderr).trim().into(),
    })
}

/// Settings a user has for other servers must not reach this one.
fn prepare(command: &mut Command, run_as: Option<&RunAs>) {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(&name);
        }
    }
    // A folder this user cannot enter as working folder makes initdb complain.
    command.env("LC_MESSAGES", "C").current_dir("/");
    if let Some(user) = run_as {
        command.uid(user.uid).gid(user.gid);
    }
}

fn settings(socket: &Path) -> [String; 10] {
    // A list, whose items may be quoted.
    let socket = socket.display().to_string().replace('"', "\"\"");
    [
        "listen_addresses=".into(),
        format!("port={PORT}"),
        format!("unix_socket_directories=\"{socket}\""),
        "unix_socket_permissions=0700".into(),
        "shared_buffers=128MB".into(),
        "max_connections=200".into(),
        "fsync=on".into(),
        "synchronous_commit=on".into(),
        "timezone=UTC".into(),
        "log_timezone=UTC".into(),
    ]
}

fn percent_encoded(path: &Path) -> String {
    let mut encoded = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            encoded.push(char::from(*byte));
        } else {
            let _infallible = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_folder_is_encoded_whole() {
        let encoded = percent_encoded(Path::new("/dữ liệu/a?b"));
        assert_eq!(encoded, "%2Fd%E1%BB%AF%20li%E1%BB%87u%2Fa%3Fb");
    }

    #[test]
    fn a_quote_in_the_socket_folder_does_not_end_it() {
        let quoted = "unix_socket_directories=\"/a\"\"b\"".to_string();
        assert!(settings(Path::new("/a\"b")).contains(&quoted));
    }
}
