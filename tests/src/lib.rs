//! The whole platform as the tests see it: the real binary, real servers, REST from outside.

pub mod browser;
pub mod bucket;
pub mod collector;
pub mod drive;
pub mod mail;
pub mod measure;
pub mod platform;
pub mod provider;
pub mod receiver;
pub mod repeat;
pub mod rest;
pub mod servers;
pub mod tls;

use std::{future::Future, path::PathBuf, time::Duration};

/// Long enough for a busy machine; waiting ends as soon as the condition holds.
const PATIENCE: Duration = Duration::from_mins(2);

/// Looks until `look` finds something.
///
/// # Panics
/// If it does not within two minutes.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The `motcua` that was built beside this test.
///
/// # Panics
/// If it was not built.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let binary = test.ancestors().nth(2).expect("target/<profile>/deps").join("motcua");
    assert!(binary.exists(), "run `cargo build -p motcua` first: there is no {}", binary.display());
    binary
}

/// The workspace's root.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
