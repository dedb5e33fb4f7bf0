use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong while parts are installed or a private server is run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },

    #[error("parts exist for Linux on x86-64 only; name this machine's own servers in the configuration")]
    Platform,

    #[error("the compiled-in lock of parts is not valid")]
    Lock(#[source] toml::de::Error),

    #[error("the compiled-in lock of parts does not name {0}")]
    NotLocked(&'static str),

    #[error(
        "cannot fetch {part} with pip ({reason}); with a network install python3 and its pip, \
         without one put {file} into {}",
        wheels.display()
    )]
    Fetch { part: String, file: String, wheels: PathBuf, reason: String },

    #[error(
        "{} is not the file that is locked: {found}, expected {expected}; remove it and try again",
        path.display()
    )]
    Damaged { path: PathBuf, found: String, expected: String },

    #[error("cannot unpack {}", path.display())]
    Unpack {
        path: PathBuf,
        #[source]
        source: zip::result::ZipError,
    },

    #[error("{} does not contain {wanted}", path.display())]
    Missing { path: PathBuf, wanted: String },

    #[error("cannot convert the model {}: {reason}", path.display())]
    Model { path: PathBuf, reason: String },

    #[error("data folder {} is in use by process {pid}", path.display())]
    InUse { path: PathBuf, pid: String },

    #[error(
        "{} cannot be entered by user {user}, as whom PostgreSQL runs when we are root; \
         run `chmod o+x {}` or choose another data folder",
        folder.display(),
        folder.display()
    )]
    NotTraversable { folder: PathBuf, user: String },

    #[error("the user database has no {0}, as whom PostgreSQL could run when we are root")]
    NoUser(&'static str),

    #[error("cannot start {}", program.display())]
    Spawn {
        program: PathBuf,
        #[source]
        source: io::Error,
    },

    #[error("{what} failed: {output}")]
    Command { what: String, output: String },

    #[error("{server} did not become ready within {seconds} s: {output}")]
    NotReady { server: &'static str, seconds: u64, output: String },

    #[error("a {server} left over from an earlier run (process {pid}) does not stop")]
    LeftOver { server: &'static str, pid: i32 },
}

/// Says which file an I/O error is about; `io::Error` itself does not.
pub(crate) trait At<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action, path: path.to_path_buf(), source: source.into() })
    }
}
