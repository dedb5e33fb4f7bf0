//! A private nats-server with JetStream: one folder, loopback only, one user with a password.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::Error;
use crate::child::{self, Launch, Server, end_strangers, pid_in};
use crate::error::At;
use crate::fs::{create_open_dir, set_mode, write_whole};

const NAME: &str = "nats-server";
const USER: &str = "motcua";
/// Largest message, in bytes.
const MAX_PAYLOAD: u32 = 1024 * 1024;
/// Streams are read from disk before clients are let in.
const START_LIMIT: Duration = Duration::from_mins(1);
/// For one look whether it answers.
const GREETING_LIMIT: Duration = Duration::from_secs(1);
/// Longest first line of a server, in bytes.
const GREETING_BYTES: u64 = 64 * 1024;
/// Another program may take a free port before the server does.
const PORT_ATTEMPTS: u32 = 5;
const SOFT: (Signal, Duration) = (Signal::TERM, Duration::from_secs(15));
const KILL: (Signal, Duration) = (Signal::KILL, Duration::from_secs(5));

/// Where a private nats-server is and lives.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// The program.
    pub bin: PathBuf,
    /// Kept between runs; made when missing, for this user alone.
    pub data: PathBuf,
    /// None: the last one used, if it is free, else any free one.
    pub port: Option<u16>,
}

/// A running private nats-server. Dropping it kills it; what a publisher was told is stored stays.
#[derive(Debug)]
pub struct Nats {
    server: Server,
    port: u16,
    password: String,
}

/// The files in the data folder.
struct Folder {
    config: PathBuf,
    password: PathBuf,
    port: PathBuf,
    pid: PathBuf,
    store: PathBuf,
    log: PathBuf,
}

impl Nats {
    /// Starts the server, after dealing with one that an earlier run left behind, and returns when
    /// it lets clients in.
    pub async fn start(options: NatsOptions) -> Result<Self, Error> {
        let folder = Folder::open(&options.data)?;
        let bin = fs::canonicalize(&options.bin).at("find", &options.bin)?;
        folder.end_left_over().await?;
        let password = folder.password()?;
        let mut attempt = 1;
        loop {
            let port = match options.port {
                Some(port) => port,
                None => folder.free_port()?,
            };
            let started = Self::start_on(&bin, &folder, port, password.clone()).await;
            let retry = options.port.is_none() && attempt < PORT_ATTEMPTS;
            match started {
                // The other reasons to end at once don't go away, and are told by the last attempt.
                Err(Error::Command { .. }) if retry => attempt += 1,
                other => return other,
            }
        }
    }

    async fn start_on(bin: &Path, folder: &Folder, port: u16, password: String) -> Result<Self, Error> {
        let server_name = server_name(&password);
        let config = folder.configuration(port, &server_name, &password);
        write_whole(&folder.config, config.as_bytes(), 0o600)?;
        let launch = Launch {
            name: NAME,
            program: bin,
            death_signal: "KILL",
            last_signal: KILL.0,
            log: folder.log.clone(),
        };
        let server = launch
            .spawn(|command| {
                command.arg("-c").arg(&folder.config);
            })
            .await?;
        let mut nats = Self { server, port, password };
        nats.wait_until_ready(&server_name).await?;
        write_whole(&folder.port, port.to_string().as_bytes(), 0o600)?;
        Ok(nats)
    }

    /// `nats://motcua:<password>@127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        // Hexadecimal: nothing in it needs encoding.
        let password = &self.password;
        format!("nats://{USER}:{password}@127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.server.id()
    }

    /// Waits until the server ends by itself, and says how. Safe to cancel.
    pub async fn exited(&mut self) -> String {
        self.server.exited().await
    }

    /// Stops the server: flushed and closed, or (`hard`) as by [`Nats::kill`].
    pub async fn stop(mut self, hard: bool) {
        let steps: &[_] = if hard { &[KILL] } else { &[SOFT, KILL] };
        self.server.stop(steps).await;
    }

    /// SIGKILL, as a crash would end it. The data stay, and a start without a given port takes the
    /// same one again.
    pub async fn kill(self) {
        self.stop(true).await;
    }

    async fn wait_until_ready(&mut self, server_name: &str) -> Result<(), Error> {
        let start = Instant::now();
        while !greets(self.port, server_name).await {
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
}

/// Always the same for one data folder: tells our server from a stranger on the same port.
fn server_name(password: &str) -> String {
    format!("motcua-{}", &format!("{:x}", Sha256::digest(password))[..12])
}

/// Whether the server of this name answers on the port: it speaks first, in one line.
async fn greets(port: u16, server_name: &str) -> bool {
    let greeting = async {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let mut line = String::new();
        let mut stream = BufReader::new(stream.take(GREETING_BYTES));
        stream.read_line(&mut line).await?;
        Ok::<_, std::io::Error>(line)
    };
    match timeout(GREETING_LIMIT, greeting).await {
        Ok(Ok(line)) => line.starts_with("INFO ") && line.contains(server_name),
        _ => false,
    }
}

impl Folder {
    /// Its secrets and messages are nobody else's business.
    fn open(data: &Path) -> Result<Self, Error> {
        if let Some(parent) = data.parent() {
            create_open_dir(parent)?;
        }
        if !data.is_dir() {
            fs::DirBuilder::new().mode(0o700).create(data).at("create", data)?;
        }
        set_mode(data, 0o700)?;
        let data = fs::canonicalize(data).at("find", data)?;
        Ok(Self {
            config: data.join("nats.conf"),
            password: data.join("nats.password"),
            port: data.join("nats.port"),
            pid: data.join("nats.pid"),
            store: data.join("store"),
            log: data.join("nats.log"),
        })
    }

    /// Made once per data folder.
    fn password(&self) -> Result<String, Error> {
        if self.password.exists() {
            let text = fs::read_to_string(&self.password).at("read", &self.password)?;
            return Ok(text.trim().into());
        }
        let password = format!("{:032x}", rand::random::<u128>());
        write_whole(&self.password, password.as_bytes(), 0o600)?;
        Ok(password)
    }

    fn free_port(&self) -> Result<u16, Error> {
        let last = fs::read_to_string(&self.port).ok();
        let last = last.and_then(|text| text.trim().parse().ok());
        let bound = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        // Zero: the system chooses.
        let listener = match last.map(bound) {
            Some(Ok(listener)) => listener,
            _ => bound(0).at("find a free port for", &self.config)?,
        };
        let address = listener.local_addr();
        Ok(address.at("find a free port for", &self.config)?.port())
    }

    fn configuration(&self, port: u16, server_name: &str, password: &str) -> String {
        let quoted = |path: &Path| serde_json::Value::from(path.display().to_string());
        let (store, pid) = (quoted(&self.store), quoted(&self.pid));
        format!(
            "# Written at every start.\n\
             listen: \"127.0.0.1:{port}\"\n\
             server_name: \"{server_name}\"\n\
             max_payload: {MAX_PAYLOAD}\n\
             pid_file: {pid}\n\
             jetstream {{ store_dir: {store} }}\n\
             authorization {{ user: \"{USER}\", password: \"{password}\" }}\n"
        )
    }

    /// Stops a server which an earlier run left on this folder.
    async fn end_left_over(&self) -> Result<(), Error> {
        let Some(pid) = pid_in(&self.pid).filter(|pid| self.is_served_by(*pid)) else {
            return Ok(());
        };
        let raw = pid.as_raw_nonzero().get();
        tracing::warn!(pid = raw, "stopping a left-over nats-server");
        if end_strangers(&[pid], &[SOFT, KILL]).await {
            return Ok(());
        }
        Err(Error::LeftOver { server: NAME, pid: raw })
    }

    /// A process id in a file may belong to another program by now: ours names our configuration.
    fn is_served_by(&self, pid: Pid) -> bool {
        let path = format!("/proc/{}/cmdline", pid.as_raw_nonzero());
        let arguments = fs::read(path).unwrap_or_default();
        let config = self.config.as_os_str().as_encoded_bytes();
        arguments.split(|b| *b == 0).any(|argument| argument == config)
    }
}
