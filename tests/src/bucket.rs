//! A server with buckets (S3), as a child process on a folder of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{platform::data_dir, servers::parts_dir};

const SERVER: &str = "s3rver-3.7.1/node_modules/s3rver/bin/s3rver.js";
const NAME: &str = "photos";
/// What that server takes as its only account.
const KEY: &str = "S3RVER";

pub struct Bucket {
    dir: TempDir,
    port: String,
    child: Child,
}

impl Bucket {
    /// # Panics
    /// If the server is not there: `deploy/browser.sh` fetches it.
    pub async fn start() -> Self {
        let dir = data_dir();
        let (child, port) = serve(dir.path(), "0").await;
        Self { dir, port, child }
    }

    /// Kills the server, does `meanwhile`, and starts it again on the same port and folder.
    ///
    /// # Panics
    /// If it can't be killed.
    pub async fn without(mut self, meanwhile: impl AsyncFnOnce()) -> Self {
        self.child.kill().await.expect("it is ours");
        meanwhile().await;
        self.child = serve(self.dir.path(), &self.port).await.0;
        self
    }

    pub fn environment(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let variables = [
            ("MOTCUA__INTAKE__REPORTS__PHOTOS", "s3://photos/motcua"),
            ("AWS_ENDPOINT", &endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", KEY),
        ];
        variables.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    /// Where the server keeps what the bucket has under that name, if it has.
    pub fn object(&self, path: &str) -> Option<PathBuf> {
        let file = self.dir.path().join(NAME).join(format!("{path}._S3rver_object"));
        file.exists().then_some(file)
    }
}

async fn serve(dir: &Path, port: &str) -> (Child, String) {
    let server = parts_dir().join(SERVER);
    assert!(server.exists(), "run deploy/browser.sh: there is no {}", server.display());
    let mut child = Command::new("node")
        .arg(server)
        .args([
            "--address",
            "127.0.0.1",
            "--port",
            port,
            "--no-vhost-buckets",
            "--configure-bucket",
            NAME,
            "-d",
        ])
        .arg(dir)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let port = loop {
        let line = lines.next_line().await.expect("stdout is read").expect("it says where it listens");
        if let Some((_, port)) = line.split_once("listening on 127.0.0.1:") {
            break port.trim().to_owned();
        }
    };
    // Whoever logs into a closed pipe dies.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, port)
}
