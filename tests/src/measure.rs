//! What the benches say of times. Machines differ: a figure is a ratio to something plain that was done in
//! turn in the same run.

use std::time::{Duration, Instant};

/// A number from the environment.
///
/// # Panics
/// If it is none.
pub fn number(name: &str, usual: i64) -> i64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// `cargo test --benches` runs benches too; they are no tests.
pub fn is_bench() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

pub async fn timed<F: Future>(future: F) -> (Duration, F::Output) {
    let started = Instant::now();
    let output = future.await;
    (started.elapsed(), output)
}

/// The nearest rank's.
///
/// # Panics
/// If there are no times.
pub fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[(times.len() * percent).div_ceil(100).max(1) - 1]
}

pub fn ratio(whole: Duration, plain: Duration) -> f64 {
    whole.as_secs_f64() / plain.as_secs_f64()
}
