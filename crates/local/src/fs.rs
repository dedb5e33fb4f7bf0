//! Small file operations that survive a kill in the middle.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::error::{At, Error};

/// Makes `path` and its missing parents, and lets everyone enter what it made: PostgreSQL runs as
/// another user when we are root, whatever our umask says.
pub(crate) fn create_open_dir(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_open_dir(parent)?;
    }
    match fs::create_dir(path) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made.at("create", path),
    }?;
    set_mode(path, 0o755)
}

pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, Permissions::from_mode(mode)).at("set the mode of", path)
}

/// Writes a file so that it is there whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let partial = path.with_added_extension("partial");
    let mut file = File::create(&partial).at("create", &partial)?;
    // Before the content: a secret must at no time be readable by others.
    set_mode(&partial, mode)?;
    file.write_all(bytes).at("write", &partial)?;
    file.sync_all().at("write", &partial)?;
    fs::rename(&partial, path).at("rename", &partial)
}

/// Removes a folder if it is there.
pub(crate) fn remove_dir_if_any(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done.at("remove", path),
    }
}
