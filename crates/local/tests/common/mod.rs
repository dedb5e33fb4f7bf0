//! What the tests of this crate share: the real parts, and looks at servers from outside.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use local::{Parts, parts};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn parts_dir() -> PathBuf {
    env::var_os("MOTCUA_PARTS").map_or_else(parts::default_dir, PathBuf::from)
}

/// The installed parts; installs what is missing.
pub fn installed() -> &'static Parts {
    static PARTS: OnceLock<Parts> = OnceLock::new();
    PARTS.get_or_init(|| parts::install(&parts_dir(), &|_| {}).expect("the parts are installed"))
}

/// A folder that the user whom PostgreSQL runs as can enter.
pub fn tempdir() -> TempDir {
    let dir = TempDir::new().expect("a temporary folder");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("its mode");
    dir
}

/// Runs SQL through the address a service would use; fields are separated by `|`.
pub async fn psql(url: &str, sql: &str) -> String {
    let output = Command::new(installed().postgres_bin.join("psql"))
        .args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql, url])
        .output()
        .await
        .expect("psql runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{sql}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

/// Signs in to a nats-server and returns what it says to the first ping.
pub async fn nats_says(port: u16, password: &str) -> String {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.expect("a greeting");
    assert!(line.starts_with("INFO {") && line.contains("\"jetstream\":true"), "{line}");
    let hello =
        format!("CONNECT {{\"user\":\"motcua\",\"pass\":\"{password}\",\"verbose\":false}}\r\nPING\r\n");
    stream.write_all(hello.as_bytes()).await.expect("a sign-in");
    line.clear();
    stream.read_line(&mut line).await.expect("an answer");
    line.trim().to_string()
}

/// Whether a process is there; one that has ended and waits for its parent is not.
pub fn is_running(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .is_ok_and(|status| !status.contains("State:\tZ") && !status.contains("State:\tX"))
}

/// Waits for a condition outside this process.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
