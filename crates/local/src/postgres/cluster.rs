//! The folder of one database cluster: made once, freed of what an earlier run left.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::process::Pid;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::user::RunAs;
use super::{FAST, IMMEDIATE, KILL, MOTCUA, NAME, PORT};
use crate::Error;
use crate::child::{self, end_strangers, pid_in};
use crate::error::At;
use crate::fs::{remove_dir_if_any, set_mode};

/// Longest path of a unix socket, without the closing NUL.
const SOCKET_PATH_LIMIT: usize = 107;
/// The line of the pid file, from 0, on which the server says that it accepts connections.
const STATUS_LINE: usize = 7;

pub(super) struct Cluster {
    pub dir: PathBuf,
}

impl Cluster {
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    fn pid_file(&self) -> PathBuf {
        self.dir.join("postmaster.pid")
    }

    /// Made beside its place and renamed, so that a kill leaves no half cluster.
    pub async fn init(&self, bin: &Path, run_as: Option<&RunAs>) -> Result<(), Error> {
        if self.dir.join("PG_VERSION").exists() {
            return run_as.map_or(Ok(()), |user| user.own(&self.dir));
        }
        let partial = self.dir.with_added_extension("partial");
        remove_dir_if_any(&partial)?;
        make_private(&partial, run_as)?;
        let program = bin.join("initdb");
        let mut initdb = Command::new(&program);
        super::prepare(&mut initdb, run_as);
        initdb
            .args(["--locale=C.UTF-8", "-E", "UTF8", "--auth=trust", "-U", MOTCUA])
            .arg("--no-instructions")
            .arg("-D")
            .arg(&partial);
        super::run(initdb, &program, "").await?;
        fs::rename(&partial, &self.dir).at("rename", &partial)
    }

    /// Whether the server with this process id accepts connections.
    pub fn is_ready(&self, server: Option<u32>) -> bool {
        let pid = pid_in(&self.pid_file());
        let text = fs::read_to_string(self.pid_file()).unwrap_or_default();
        let status = text.lines().nth(STATUS_LINE).map(str::trim);
        pid.is_some() && pid == server.and_then(child::pid) && status == Some("ready")
    }

    /// Stops a server which an earlier run left on this cluster, with its helpers, and removes the
    /// files by which it would keep us from starting.
    pub async fn end_left_over(&self, socket: &Path) -> Result<(), Error> {
        let Some(first) = pid_in(&self.pid_file()) else {
            return remove_if_any(&self.pid_file());
        };
        let present = self.processes();
        if present.contains(&first) {
            tracing::warn!(pid = first.as_raw_nonzero(), "stopping a left-over PostgreSQL");
            end_strangers(&[first], &[FAST]).await;
        }
        // Helpers outlive a killed server for a moment, and one that hangs holds the shared memory.
        let present = self.processes();
        if !end_strangers(&present, &[IMMEDIATE, KILL]).await {
            return Err(Error::LeftOver { server: NAME, pid: first.as_raw_nonzero().get() });
        }
        let socket_file = socket.join(format!(".s.PGSQL.{PORT}"));
        remove_if_any(&socket_file.with_added_extension("lock"))?;
        remove_if_any(&socket_file)?;
        remove_if_any(&self.pid_file())
    }

    /// Every process of PostgreSQL that works in this folder: all of them have it as their working
    /// folder, while a process id in a file may belong to another program by now.
    fn processes(&self) -> Vec<Pid> {
        let Ok(all) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        all.filter_map(|entry| {
            let entry = entry.ok()?;
            let pid = child::pid(entry.file_name().to_str()?.parse().ok()?)?;
            let proc = entry.path();
            let here = fs::read_link(proc.join("cwd")).ok()? == self.dir;
            let program = fs::read_to_string(proc.join("comm")).ok()?;
            (here && program.trim_end() == "postgres").then_some(pid)
        })
        .collect()
    }
}

/// The folder of the socket: beside the cluster, or, where that path is too long for a socket, in
/// the system's temporary folder under a name that is always the same for this data folder.
pub(super) fn socket_dir(data: &Path, run_as: Option<&RunAs>) -> Result<PathBuf, Error> {
    let file_len = format!("/.s.PGSQL.{PORT}").len();
    let beside = data.join("socket");
    let dir = if beside.as_os_str().len() + file_len <= SOCKET_PATH_LIMIT {
        beside
    } else {
        let digest = Sha256::digest(data.as_os_str().as_encoded_bytes());
        std::env::temp_dir().join(format!("motcua-{}", &format!("{digest:x}")[..16]))
    };
    make_private(&dir, run_as)?;
    Ok(dir)
}

/// Makes a folder that only the server's user can enter. One that is there already must be that
/// user's: in a shared temporary folder anyone could have made it.
fn make_private(dir: &Path, run_as: Option<&RunAs>) -> Result<(), Error> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        made => made.at("create", dir)?,
    }
    let found = fs::symlink_metadata(dir).at("read", dir)?;
    let us = rustix::process::geteuid().as_raw();
    let owners = [us, run_as.map_or(us, |user| user.uid)];
    if !found.is_dir() || !owners.contains(&found.uid()) {
        return Err(io::Error::other("it belongs to another user")).at("use", dir);
    }
    set_mode(dir, 0o700)?;
    run_as.map_or(Ok(()), |user| user.own(dir))
}

fn remove_if_any(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done.at("remove", path),
    }
}
