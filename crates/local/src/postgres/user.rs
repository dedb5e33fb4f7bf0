//! As whom PostgreSQL runs when we are root.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, lchown};
use std::path::Path;

use crate::Error;
use crate::error::At;

const NAME: &str = "nobody";

#[derive(Debug, PartialEq, Eq)]
pub(super) struct RunAs {
    pub uid: u32,
    pub gid: u32,
}

impl RunAs {
    /// None when we are not root: then the server runs as we do.
    pub fn unless_unprivileged() -> Result<Option<Self>, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let path = Path::new("/etc/passwd");
        let users = fs::read_to_string(path).at("read", path)?;
        Self::find(&users).map(Some).ok_or(Error::NoUser(NAME))
    }

    fn find(users: &str) -> Option<Self> {
        let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let fields = fields.into_iter().find(|f| f[0] == NAME)?;
        Some(Self { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
    }

    /// Refuses a folder that the user cannot reach, naming the first closed one on the way.
    pub fn check_can_enter(&self, path: &Path) -> Result<(), Error> {
        let mut way: Vec<&Path> = path.ancestors().collect();
        way.reverse();
        for folder in way {
            let found = fs::metadata(folder).at("read", folder)?;
            let bit = if found.uid() == self.uid {
                0o100
            } else if found.gid() == self.gid {
                0o010
            } else {
                0o001
            };
            if found.mode() & bit == 0 {
                return Err(Error::NotTraversable { folder: folder.to_path_buf(), user: NAME.into() });
            }
        }
        Ok(())
    }

    /// Gives a folder, and all in it when it was another's, to the user.
    pub fn own(&self, dir: &Path) -> Result<(), Error> {
        if fs::metadata(dir).at("read", dir)?.uid() == self.uid {
            return Ok(());
        }
        for entry in fs::read_dir(dir).at("read", dir)? {
            let entry = entry.at("read", dir)?;
            let path = entry.path();
            if entry.file_type().at("read", &path)?.is_dir() {
                self.own(&path)?;
            } else {
                lchown(&path, Some(self.uid), Some(self.gid)).at("change the owner of", &path)?;
            }
        }
        // The folder itself last: a kill on the way leaves it to be done again.
        chown(dir, Some(self.uid), Some(self.gid)).at("change the owner of", dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_found_by_its_whole_name() {
        let users = "root:x:0:0::/root:/bin/sh\nnobody2:x:7:8::/:/x\nnobody:x:65534:65533:n:/:/x\n";
        let expected = RunAs { uid: 65534, gid: 65533 };
        assert_eq!(RunAs::find(users), Some(expected));
        assert_eq!(RunAs::find("root:x:0:0::/root:/bin/sh\n\nnobody:x\n"), None);
    }

    #[test]
    fn a_folder_closed_to_the_user_is_named() {
        use std::os::unix::fs::PermissionsExt;
        let closed = tempfile::TempDir::new().unwrap();
        let inside = closed.path().join("data");
        fs::create_dir(&inside).unwrap();
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let stranger = RunAs { uid: 65_533, gid: 65_533 };
        let error = stranger.check_can_enter(&inside).unwrap_err();
        let named = matches!(&error, Error::NotTraversable { folder, .. } if folder == closed.path());
        assert!(named, "{error}");
        fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o711)).unwrap();
        stranger.check_can_enter(&inside).unwrap();
    }
}
