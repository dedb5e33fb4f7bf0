//! What the commands print: results on stdout, everything else on stderr.

use std::io::Write as _;

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
