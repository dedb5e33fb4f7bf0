//! What the commands print: results on stdout, everything else on stderr.

use std::io::Write as _;

use indicatif::{ProgressBar, ProgressStyle};

/// A result.
pub fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Progress, or what went wrong. A closed stderr is no reason to stop.
pub fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A bar, and what moves it: what is done, how far, of how many.
pub fn progress() -> anyhow::Result<(ProgressBar, impl Fn(&'static str, usize, usize) + Sync)> {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")?);
    let moved = bar.clone();
    let progress = move |what: &'static str, done: usize, total: usize| {
        moved.set_message(what);
        moved.set_length(total as u64);
        moved.set_position(done as u64);
    };
    Ok((bar, progress))
}
