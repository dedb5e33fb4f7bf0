//! What the tests of this crate share: the real parts and a place to put servers in.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::OnceLock;

use local::{Parts, parts};
use tempfile::TempDir;

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
