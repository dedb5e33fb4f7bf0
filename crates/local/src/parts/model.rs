//! The model folder: converted once from the weights' part, and made again when damaged.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::SystemTime;

use prost::Message;
use serde::{Deserialize, Serialize};

use super::e5s1::E5s1;
use super::{onnx, tokenizer, wheel};
use crate::Error;
use crate::error::At;
use crate::fs::{create_open_dir, remove_dir_if_any, set_mode, write_whole};

/// Raise it when the conversion writes something else: folders of earlier ones are made again.
const CONVERSION: u32 = 1;
const STAMP: &str = "stamp.toml";

/// What the folder held when it was made.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Stamp {
    conversion: u32,
    /// Of the wheel which the weights came in.
    source_sha256: String,
    file: Vec<StampedFile>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct StampedFile {
    name: String,
    size: u64,
    sha256: String,
}

/// Makes sure that `folder` holds the model converted from the wheel with this digest.
pub(super) fn ensure(
    folder: &Path,
    weights: &Path,
    source_sha256: &str,
    progress: &dyn Fn(&str),
) -> Result<(), Error> {
    if is_whole(folder, source_sha256) {
        return Ok(());
    }
    progress("đang chuyển mô hình sang ONNX…");
    let partial = folder.with_added_extension("partial");
    remove_dir_if_any(&partial)?;
    create_open_dir(&partial)?;
    convert(weights, &partial)?;
    stamp(&partial, source_sha256)?;
    remove_dir_if_any(folder)?;
    fs::rename(&partial, folder).at("rename", &partial)
}

/// Sizes always; digests only of what was written after the stamp, so that a start costs a few
/// file look-ups and yet a file that was changed or copied over is noticed.
pub(super) fn is_whole(folder: &Path, source_sha256: &str) -> bool {
    let stamp_path = folder.join(STAMP);
    let Ok(text) = fs::read_to_string(&stamp_path) else {
        return false;
    };
    let Ok(stamp) = toml::from_str::<Stamp>(&text) else {
        return false;
    };
    let stamped_at = modified(&stamp_path);
    stamp.conversion == CONVERSION
        && stamp.source_sha256 == source_sha256
        && stamp.file.iter().all(|file| {
            let path = folder.join(&file.name);
            let same_size = fs::metadata(&path).is_ok_and(|m| m.len() == file.size);
            let older = modified(&path).is_some_and(|at| Some(at) <= stamped_at);
            same_size && (older || wheel::sha256(&path).is_ok_and(|d| d == file.sha256))
        })
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|m| m.modified()).ok()
}

fn convert(weights: &Path, folder: &Path) -> Result<(), Error> {
    let refused = |reason| Error::Model { path: weights.to_path_buf(), reason };
    let bytes = fs::read(weights).at("read", weights)?;
    let source = E5s1::parse(&bytes).map_err(refused)?;
    let write_json = |name: &str, value: &serde_json::Value| {
        let path = folder.join(name);
        let file = File::create(&path).at("create", &path)?;
        let mut file = BufWriter::new(file);
        serde_json::to_writer(&mut file, value).at("write", &path)?;
        file.flush().at("write", &path)?;
        set_mode(&path, 0o644)
    };
    write_json("tokenizer.json", &tokenizer::tokenizer_json(&source))?;
    for (name, value) in tokenizer::settings(&source) {
        write_json(name, &value)?;
    }
    let model = onnx::model(&source).map_err(refused)?.encode_to_vec();
    write_whole(&folder.join("model.onnx"), &model, 0o644)
}

fn stamp(folder: &Path, source_sha256: &str) -> Result<(), Error> {
    let mut file = Vec::new();
    for entry in fs::read_dir(folder).at("read", folder)? {
        let path = entry.at("read", folder)?.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else {
            continue;
        };
        file.push(StampedFile {
            name: name.into(),
            size: fs::metadata(&path).at("read", &path)?.len(),
            sha256: wheel::sha256(&path)?,
        });
    }
    file.sort_by(|a, b| a.name.cmp(&b.name));
    let stamp = Stamp { conversion: CONVERSION, source_sha256: source_sha256.into(), file };
    let text = toml::to_string(&stamp).map_err(std::io::Error::other);
    let path = folder.join(STAMP);
    write_whole(&path, text.at("write", &path)?.as_bytes(), 0o644)
}
