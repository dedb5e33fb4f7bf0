//! Private servers made of the real parts: they keep their data and never stay behind.

mod common;

use std::env;
use std::fs;
use std::future;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{installed, tempdir};
use local::{Error, Nats, NatsOptions, Postgres, PostgresOptions, lock_data_dir};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn postgres_in(dir: &Path) -> PostgresOptions {
    PostgresOptions { bin: installed().postgres_bin.clone(), data: dir.join("postgres") }
}

fn nats_in(dir: &Path) -> NatsOptions {
    NatsOptions { bin: installed().nats_server.clone(), data: dir.join("nats"), port: None }
}

fn password_of(nats: &Nats) -> String {
    let url = nats.url();
    let (_, rest) = url.split_once("nats://motcua:").expect("a user");
    rest.split_once('@').expect("a password").0.to_string()
}

#[tokio::test]
async fn postgres_keeps_its_data_over_stops_of_both_kinds() {
    let dir = tempdir();
    let postgres = Postgres::start(postgres_in(dir.path())).await.unwrap();
    let url = postgres.url();
    psql(&url, "CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent; CREATE EXTENSION vector").await;
    psql(&url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)").await;
    postgres.stop(false).await;

    let postgres = Postgres::start(postgres_in(dir.path())).await.unwrap();
    assert_eq!(postgres.url(), url);
    psql(&url, "INSERT INTO kept VALUES (2)").await;
    postgres.stop(true).await;

    let postgres = Postgres::start(postgres_in(dir.path())).await.unwrap();
    assert_eq!(psql(&url, "SELECT sum(n), current_database() FROM kept").await, "3|motcua");
    let encoding = psql(&url, "SHOW server_encoding").await;
    let collation = psql(&url, "SELECT datcollate FROM pg_database WHERE datname = 'motcua'").await;
    assert_eq!((encoding.as_str(), collation.as_str()), ("UTF8", "C.UTF-8"));
    assert_eq!(psql(&url, "SHOW listen_addresses").await, "");
    let pid = postgres.id().unwrap();
    drop(postgres);
    assert!(!is_running(pid), "dropping it stops it");
}

#[tokio::test]
async fn a_crash_of_postgres_is_noticed_and_mended() {
    let dir = tempdir();
    let mut postgres = Postgres::start(postgres_in(dir.path())).await.unwrap();
    let url = postgres.url();
    psql(&url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)").await;
    kill_hard(postgres.id().unwrap());
    let how = postgres.exited().await;
    assert!(how.contains("PostgreSQL ended (signal: 9"), "{how}");
    let _postgres = Postgres::start(postgres_in(dir.path())).await.unwrap();
    assert_eq!(psql(&url, "SELECT n FROM kept").await, "1");
}

#[tokio::test]
async fn a_deep_data_folder_has_its_socket_elsewhere() {
    let dir = tempdir();
    let deep = dir.path().join("a folder of the city".repeat(6));
    let postgres = Postgres::start(postgres_in(&deep)).await.unwrap();
    let url = postgres.url();
    assert!(!url.contains("city"), "{url}");
    assert_eq!(psql(&url, "SELECT 1").await, "1");
    postgres.stop(false).await;
    let encoded = url.split_once("host=").unwrap().1.replace("%2F", "/");
    fs::remove_dir_all(encoded).unwrap();
}

#[tokio::test]
async fn a_process_id_of_a_stranger_in_a_pid_file_is_left_alone() {
    let dir = tempdir();
    Postgres::start(postgres_in(dir.path())).await.unwrap().stop(false).await;
    Nats::start(nats_in(dir.path())).await.unwrap().stop(false).await;
    let mut stranger = Command::new("sleep").arg("1000").kill_on_drop(true).spawn().unwrap();
    let pid = format!("{}\n", stranger.id().unwrap());
    fs::write(dir.path().join("postgres/cluster/postmaster.pid"), &pid).unwrap();
    fs::write(dir.path().join("nats/nats.pid"), &pid).unwrap();
    let _postgres = Postgres::start(postgres_in(dir.path())).await.unwrap();
    let _nats = Nats::start(nats_in(dir.path())).await.unwrap();
    assert!(stranger.try_wait().unwrap().is_none());
}

#[tokio::test]
async fn nats_comes_back_on_its_port_with_its_password() {
    let dir = tempdir();
    let nats = Nats::start(nats_in(dir.path())).await.unwrap();
    let (url, port, password) = (nats.url(), nats.port(), password_of(&nats));
    assert_eq!(nats_says(port, &password).await, "PONG");
    assert!(nats_says(port, "guessed").await.contains("Authorization Violation"));
    nats.kill().await;

    let mut nats = Nats::start(nats_in(dir.path())).await.unwrap();
    assert_eq!(nats.url(), url);
    assert_eq!(nats_says(port, &password).await, "PONG");
    kill_hard(nats.id().unwrap());
    let how = nats.exited().await;
    assert!(how.contains("nats-server ended (signal: 9"), "{how}");

    let nats = Nats::start(nats_in(dir.path())).await.unwrap();
    assert_eq!(nats.url(), url);
    nats.stop(false).await;
}

#[tokio::test]
async fn a_taken_port_is_avoided_or_refused() {
    let dir = tempdir();
    let nats = Nats::start(nats_in(dir.path())).await.unwrap();
    let port = nats.port();
    nats.stop(false).await;
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let nats = Nats::start(nats_in(dir.path())).await.unwrap();
    assert_ne!(nats.port(), port);
    nats.stop(false).await;
    let asked = NatsOptions { port: Some(port), ..nats_in(dir.path()) };
    let error = Nats::start(asked).await.unwrap_err();
    assert!(error.to_string().contains("address already in use"), "{error}");
}

/// Plays the process which `motcua up` is, so that the tests below can kill it: started by them
/// again from this very program, with a data folder in the environment; else it does nothing.
#[tokio::test]
async fn owner() {
    let Some(dir) = env::var_os("MOTCUA_TEST_OWNED") else {
        return;
    };
    let dir = Path::new(&dir);
    let postgres = Postgres::start(postgres_in(dir)).await.unwrap();
    let nats = Nats::start(nats_in(dir)).await.unwrap();
    let pids = format!("owns {} {}\n", postgres.id().unwrap(), nats.id().unwrap());
    std::io::stdout().write_all(pids.as_bytes()).unwrap();
    future::pending::<()>().await;
}

/// Starts an owner, kills it without warning, and returns its servers' process ids.
async fn killed_owner(dir: &Path, path: Option<&str>) -> [u32; 2] {
    installed();
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "owner", "--nocapture"])
        .env("MOTCUA_TEST_OWNED", dir)
        .env("MOTCUA_PARTS", common::parts_dir())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let mut owner = command.spawn().unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let pids = loop {
        let line = lines.next_line().await.unwrap().expect("the owner starts its servers");
        // The test harness writes on the same line first.
        if let Some((_, pids)) = line.split_once("owns ") {
            break pids.to_string();
        }
    };
    owner.kill().await.unwrap();
    let pids: Vec<u32> = pids.split(' ').map(|pid| pid.parse().unwrap()).collect();
    [pids[0], pids[1]]
}

#[tokio::test]
async fn servers_do_not_outlive_a_killed_owner() {
    let dir = tempdir();
    let pids = killed_owner(dir.path(), None).await;
    until("the servers are gone", || !pids.iter().any(|pid| is_running(*pid))).await;
    Postgres::start(postgres_in(dir.path())).await.unwrap().stop(false).await;
    Nats::start(nats_in(dir.path())).await.unwrap().stop(false).await;
}

#[tokio::test]
async fn left_over_servers_are_dealt_with_at_the_next_start() {
    let dir = tempdir();
    // Without setpriv nobody tells the servers that their owner is gone.
    let pids = killed_owner(dir.path(), Some("/nonexistent")).await;
    assert!(pids.iter().all(|pid| is_running(*pid)));
    let postgres = Postgres::start(postgres_in(dir.path())).await.unwrap();
    let nats = Nats::start(nats_in(dir.path())).await.unwrap();
    assert!(!pids.iter().any(|pid| is_running(*pid)));
    assert_eq!(psql(&postgres.url(), "SELECT 1").await, "1");
    assert_eq!(nats_says(nats.port(), &password_of(&nats)).await, "PONG");
    nats.stop(true).await;
    postgres.stop(true).await;
}

#[test]
fn a_data_folder_has_one_user_at_a_time() {
    let dir = tempdir();
    let data = dir.path().join("data");
    let lock = lock_data_dir(&data).unwrap();
    let error = lock_data_dir(&data).unwrap_err();
    let us = std::process::id().to_string();
    assert!(matches!(&error, Error::InUse { pid, .. } if *pid == us), "{error}");
    drop(lock);
    lock_data_dir(&data).unwrap();
}

fn kill_hard(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Runs SQL through the address a service would use; fields are separated by `|`.
async fn psql(url: &str, sql: &str) -> String {
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
async fn nats_says(port: u16, password: &str) -> String {
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
fn is_running(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .is_ok_and(|status| !status.contains("State:\tZ") && !status.contains("State:\tX"))
}

/// Waits for a condition outside this process.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
