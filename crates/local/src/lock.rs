use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::Error;
use crate::error::At;
use crate::fs::create_open_dir;

const LOCK_FILE: &str = "motcua.lock";

/// Holds a data folder for this process; the system frees it when the process ends in any way.
#[derive(Debug)]
pub struct DataLock {
    file: File,
}

impl Drop for DataLock {
    fn drop(&mut self) {
        // Closing alone leaves it locked while a child that is being started has a copy open.
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "cannot unlock the data folder");
        }
    }
}

/// Takes the data folder (made if missing) for this process alone; the second gets
/// [`Error::InUse`] with the first one's process id.
pub fn lock_data_dir(dir: &Path) -> Result<DataLock, Error> {
    create_open_dir(dir)?;
    let path = dir.join(LOCK_FILE);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .at("open", &path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            file.read_to_string(&mut pid).at("read", &path)?;
            return Err(Error::InUse { path: dir.to_path_buf(), pid: pid.trim().into() });
        }
        Err(TryLockError::Error(e)) => return Err(e).at("lock", &path),
    }
    file.set_len(0).at("write", &path)?;
    writeln!(file, "{}", std::process::id()).at("write", &path)?;
    Ok(DataLock { file })
}
