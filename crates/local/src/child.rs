//! A server as our child process: it leaves with us, and what an earlier run left is found.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::Error;
use crate::error::At;

/// How often a condition outside this process is looked at again.
pub(crate) const POLL: Duration = Duration::from_millis(20);
/// Of a server's log, what an error message carries.
const TAIL_BYTES: u64 = 2000;
/// How long [`Drop`] blocks for a server that was asked to leave at once.
const DROP_LIMIT: Duration = Duration::from_secs(2);

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
    /// Sent by [`Drop`]: the fastest way to leave that harms no data.
    last_signal: Signal,
    /// Dropped last: ends the thread which spawned the child.
    _keeper: mpsc::Sender<Infallible>,
}

/// What distinguishes one server's process from another's.
pub(crate) struct Launch<'a> {
    pub name: &'static str,
    pub program: &'a Path,
    /// Sent by the kernel when we die, whatever the reason; a name without `SIG`.
    pub death_signal: &'static str,
    pub last_signal: Signal,
    /// Gets the server's output; that of the run before is kept as `<log>.1`.
    pub log: PathBuf,
}

impl Launch<'_> {
    /// Starts the server; `configure` adds its arguments.
    pub async fn spawn(self, configure: impl FnOnce(&mut Command)) -> Result<Server, Error> {
        let mut command = match death_signal_wrapper(self.death_signal).await {
            Some(mut wrapper) => {
                wrapper.arg("--").arg(self.program);
                wrapper
            }
            None => Command::new(self.program),
        };
        configure(&mut command);
        let previous = self.log.with_added_extension("1");
        match fs::rename(&self.log, &previous) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e).at("rename", &self.log)?,
            _ => {}
        }
        let log = File::create(&self.log).at("create", &self.log)?;
        let errors = log.try_clone().at("open", &self.log)?;
        command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            // Ctrl-C in a terminal goes to the whole group: it is us who drain and then stop it.
            .process_group(0)
            .kill_on_drop(true);
        let (child, keeper) = spawn_kept(command)
            .await
            .map_err(|source| Error::Spawn { program: self.program.to_path_buf(), source })?;
        Ok(Server { name: self.name, child, log: self.log, last_signal: self.last_signal, _keeper: keeper })
    }
}

/// A command that sets the death signal and then becomes what is appended; none where the machine
/// has no `setpriv` that can (then only the recovery at the next start deals with a left-over).
async fn death_signal_wrapper(signal: &str) -> Option<Command> {
    let wrapper = || {
        let mut setpriv = Command::new("setpriv");
        setpriv.arg(format!("--pdeathsig={signal}"));
        setpriv
    };
    let mut probe = wrapper();
    probe.args(["--", "true"]).stdin(Stdio::null());
    let works = probe.output().await.is_ok_and(|o| o.status.success());
    works.then(wrapper)
}

/// The death signal fires when the *thread* that spawned the child ends, and a caller's thread may
/// be a short-lived one; so each child has a thread that lives as long as its [`Server`].
async fn spawn_kept(mut command: Command) -> io::Result<(Child, mpsc::Sender<Infallible>)> {
    let runtime = tokio::runtime::Handle::current();
    let (keeper, kept) = mpsc::channel();
    let (tell, told) = oneshot::channel();
    thread::Builder::new().name("child-keeper".into()).spawn(move || {
        let spawned = {
            let _in_runtime = runtime.enter();
            command.spawn()
        };
        drop(runtime);
        // A caller that gave up has dropped the child, which is killed with that.
        let _ = tell.send(spawned);
        // Nothing is ever sent: this ends when the server is dropped.
        let _ = kept.recv();
    })?;
    let child = told.await.map_err(io::Error::other)??;
    Ok((child, keeper))
}

impl Server {
    /// The process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child.id().and_then(pid) {
            // It may have ended in the meantime, which is what a signal is for.
            let _ = kill_process(pid, signal);
        }
    }

    /// Sends one signal after the other, each with its time limit, until the server has ended.
    pub async fn stop(&mut self, steps: &[(Signal, Duration)]) {
        for (signal, limit) in steps {
            self.signal(*signal);
            if timeout(*limit, self.child.wait()).await.is_ok() {
                return;
            }
            tracing::warn!(server = self.name, ?signal, "server did not stop in time");
        }
        // SIGKILL can't be ignored; what fails here is only the bookkeeping.
        let _ = self.child.kill().await;
    }

    pub fn try_exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until the server ends by itself, and says how. Safe to cancel.
    pub async fn exited(&mut self) -> String {
        let how = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(e) => e.to_string(),
        };
        format!("{} ended ({how}): {}", self.name, self.log_tail())
    }

    /// The end of what the server wrote.
    pub fn log_tail(&self) -> String {
        tail(&self.log).unwrap_or_else(|e| format!("no log: {e}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal(self.last_signal);
        let start = Instant::now();
        while self.try_exited().is_none() && start.elapsed() < DROP_LIMIT {
            #[expect(
                clippy::disallowed_methods,
                reason = "drop is not async; the condition around it ends the wait"
            )]
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn tail(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_string())
}

pub(crate) fn pid(raw: u32) -> Option<Pid> {
    i32::try_from(raw).ok().and_then(Pid::from_raw)
}

/// The process id on the first line of a pid file.
pub(crate) fn pid_in(file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().next()?.trim().parse().ok().and_then(pid)
}

/// Ends processes that are not our children; false when one is still there after the last step.
pub(crate) async fn end_strangers(pids: &[Pid], steps: &[(Signal, Duration)]) -> bool {
    let any_alive = || pids.iter().any(|pid| is_running(*pid));
    for (signal, limit) in steps {
        for pid in pids {
            let _ = kill_process(*pid, *signal);
        }
        let start = Instant::now();
        while any_alive() && start.elapsed() < *limit {
            sleep(POLL).await;
        }
    }
    !any_alive()
}

/// A process that has ended but is not yet reaped by its parent does not count.
fn is_running(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    let zombie = stat.is_ok_and(|stat| {
        let after_name = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
        after_name.is_some_and(|rest| rest.starts_with(['Z', 'X']))
    });
    test_kill_process(pid).is_ok() && !zombie
}
