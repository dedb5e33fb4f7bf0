//! The folder that `up` keeps everything in: secrets, the organisation, where it serves, and the
//! data of PostgreSQL, NATS and the index.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use base64::Engine as _;
use rand::RngCore as _;
use runtime::Secret;
use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// The sample organisation, and the files that it names.
const SAMPLE_ORGANISATION: [(&str, &str); 5] = [
    ("deadlines.toml", include_str!("../../../deploy/sample/deadlines.toml")),
    ("vn-2025.ics", include_str!("../../../deploy/sample/vn-2025.ics")),
    ("vn-2026.ics", include_str!("../../../deploy/sample/vn-2026.ics")),
    ("vn-2027.ics", include_str!("../../../deploy/sample/vn-2027.ics")),
    // Last: it is there only when the others are.
    ("organisation.toml", include_str!("../../../deploy/sample/organisation.toml")),
];

/// Which fields of the sample organisation take reports.
const SAMPLE_REPORTS: &str = include_str!("../../../deploy/sample/reports.toml");
/// How replies should read, by the sample.
const SAMPLE_REPLIES: &str = include_str!("../../../deploy/sample/replies.toml");

/// The keys of this installation, made once.
#[derive(Serialize, Deserialize)]
struct Secrets {
    token_key: String,
    sealing_key: String,
}

/// Where a running `up` serves, for the other commands and for scripts.
#[derive(Serialize, Deserialize)]
pub struct Endpoints {
    pub http: String,
    pub grpc: String,
    pub nats: String,
    pub postgres: String,
}

/// A folder of the user's, or the system's for root (whose home other users cannot enter).
pub fn default_dir() -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_else(|| PathBuf::from("."));
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/motcua");
    }
    let data_home = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    data_home.unwrap_or_else(|| home().join(".local/share")).join("motcua")
}

/// Fills in what the configuration leaves to the data folder: keys and the organisation.
pub fn fill(dir: &Path, settings: &mut Settings) -> anyhow::Result<()> {
    let secrets = secrets(dir)?;
    if settings.auth.token_key.is_empty() {
        settings.auth.token_key = Secret::new(secrets.token_key);
    }
    if settings.intake.sealing_key.is_empty() {
        settings.intake.sealing_key = Secret::new(secrets.sealing_key);
    }
    if settings.routing.organisation.as_os_str().is_empty() {
        let file = dir.join("organisation.toml");
        if !file.exists() {
            for (name, text) in SAMPLE_ORGANISATION {
                let file = dir.join(name);
                fs::write(&file, text).with_context(|| format!("{}", file.display()))?;
            }
        }
        settings.routing.organisation = file;
    }
    let reports = &mut settings.intake.reports;
    if reports.fields.as_os_str().is_empty() {
        let file = dir.join("reports.toml");
        if !file.exists() {
            fs::write(&file, SAMPLE_REPORTS).with_context(|| format!("{}", file.display()))?;
        }
        reports.fields = file;
    }
    if reports.photos.is_empty() {
        dir.join("photos")
            .to_str()
            .context("the data folder's name is no text")?
            .clone_into(&mut reports.photos);
    }
    if settings.answering.replies.as_os_str().is_empty() {
        let file = dir.join("replies.toml");
        if !file.exists() {
            fs::write(&file, SAMPLE_REPLIES).with_context(|| format!("{}", file.display()))?;
        }
        settings.answering.replies = file;
    }
    if settings.knowledge.index_dir.as_os_str().is_empty() {
        settings.knowledge.index_dir = dir.join("index");
    }
    Ok(())
}

/// The key that signs tokens: the data folder's, else the configured one.
pub fn token_key(dir: Option<&Path>, settings: &Settings) -> anyhow::Result<Secret> {
    let Some(dir) = dir else {
        anyhow::ensure!(!settings.auth.token_key.is_empty(), "name --data DIR, or set auth.token_key");
        return Ok(settings.auth.token_key.clone());
    };
    if !settings.auth.token_key.is_empty() {
        return Ok(settings.auth.token_key.clone());
    }
    Ok(Secret::new(secrets(dir)?.token_key))
}

fn secrets(dir: &Path) -> anyhow::Result<Secrets> {
    let file = dir.join("secrets.toml");
    if !file.exists() {
        let key = || {
            let mut bytes = [0; 32];
            rand::rng().fill_bytes(&mut bytes);
            base64::prelude::BASE64_STANDARD.encode(bytes)
        };
        let made = Secrets { token_key: key(), sealing_key: key() };
        write_private(&file, &toml::to_string(&made)?)?;
    }
    let text = fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
    toml::from_str(&text).with_context(|| format!("{}", file.display()))
}

pub fn write_endpoints(dir: &Path, endpoints: &Endpoints) -> anyhow::Result<()> {
    write_private(&dir.join("endpoints.toml"), &toml::to_string(endpoints)?)
}

/// Where the platform of `dir` serves, if it has ever been up.
pub fn endpoints(dir: &Path) -> anyhow::Result<Endpoints> {
    let file = dir.join("endpoints.toml");
    let text = fs::read_to_string(&file)
        .with_context(|| format!("{}: is `motcua up` running on this folder?", file.display()))?;
    toml::from_str(&text).with_context(|| format!("{}", file.display()))
}

/// Written whole or not at all, for the owner only.
fn write_private(file: &Path, text: &str) -> anyhow::Result<()> {
    let partial = file.with_extension("partial");
    let write = || {
        let mut out =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        fs::rename(&partial, file)
    };
    write().with_context(|| format!("{}", file.display()))
}
