//! A real, certified OpenID provider (node-oidc-provider) on loopback: `tests/provider/provider.mjs`.

use std::{path::PathBuf, process::Stdio};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::root;

/// As `deploy/browser.sh` fetches it.
const FOLDER: &str = "oidc-provider-9.13.3";

/// Dropped, it is stopped.
pub struct Provider {
    pub issuer: String,
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Provider {
    /// One that has an address and serves nothing yet.
    ///
    /// # Panics
    /// If Node or the provider is not there: `deploy/browser.sh` fetches the provider.
    pub async fn start() -> Self {
        let folder: PathBuf = local::parts::default_dir().join(FOLDER);
        assert!(folder.exists(), "run deploy/browser.sh: there is no {}", folder.display());
        let mut child = Command::new("node")
            .arg(root().join("tests/provider/provider.mjs"))
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let stdin = child.stdin.take().expect("piped");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped")).lines();
        let issuer = stdout.next_line().await.expect("stdout is read").expect("the provider says its issuer");
        Self { issuer, child, stdin, stdout }
    }

    /// Serves one client, the site, and these accounts: their claims by their names.
    ///
    /// # Panics
    /// If it does not.
    pub async fn serve(&mut self, site: &str, accounts: &Value) {
        let line = format!("{}\n", json!({"site": site, "accounts": accounts}));
        self.stdin.write_all(line.as_bytes()).await.expect("stdin is written");
        let ready = self.stdout.next_line().await.expect("stdout is read");
        assert_eq!(ready.as_deref(), Some("ready"));
    }

    /// # Panics
    /// If it does not end.
    pub async fn stop(mut self) {
        self.child.kill().await.expect("it is ours");
    }
}
