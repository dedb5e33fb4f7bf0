//! The real model, as `make parts` installs it, and files for the back-test.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use knowledge::{
    backtest::Setup,
    calibration::Calibration,
    embed::{self, Embedder},
};

/// Where `make parts` puts the model: `MOTCUA_PARTS`, else the two usual folders.
fn parts() -> PathBuf {
    let usual = [
        std::env::var_os("MOTCUA_PARTS").map(PathBuf::from),
        Some(PathBuf::from("/var/cache/motcua/parts")),
        std::env::var_os("XDG_CACHE_HOME").map(|home| Path::new(&home).join("motcua/parts")),
        std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/motcua/parts")),
    ];
    let found = usual.into_iter().flatten().find(|dir| dir.join("multilingual-e5-small-int4").is_dir());
    found.expect("the embedding model is not installed: run `make parts`")
}

/// The first `libonnxruntime.so…` below `dir`.
fn onnxruntime(dir: &Path) -> Option<PathBuf> {
    std::fs::read_dir(dir).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        let is_it = entry.file_name().to_string_lossy().starts_with("libonnxruntime.so");
        if is_it { Some(path) } else { path.is_dir().then(|| onnxruntime(&path)).flatten() }
    })
}

pub fn setup() -> Setup {
    static EMBEDDER: OnceLock<Arc<Embedder>> = OnceLock::new();
    let embedder = EMBEDDER.get_or_init(|| {
        let parts = parts();
        let options = embed::Options {
            model_dir: parts.join("multilingual-e5-small-int4"),
            onnxruntime: onnxruntime(&parts).expect("ONNX Runtime is not installed: run `make parts`"),
            threads: 2,
            queue_max: 64,
            batch_max: 16,
        };
        Arc::new(Embedder::open(&options).unwrap())
    });
    let calibration = Calibration::load(None, embedder.model()).unwrap();
    Setup { embedder: Arc::clone(embedder), calibration: Arc::new(calibration), errata: None }
}

pub fn lines(values: &[serde_json::Value]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text: Vec<String> = values.iter().map(ToString::to_string).collect();
    std::fs::write(file.path(), text.join("\n")).unwrap();
    file
}
