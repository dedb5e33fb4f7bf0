//! A report as text for a terminal.

use std::fmt;

use super::Report;

/// A table to read.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} answered, {} asked", self.model, self.answered, self.all.asked)?;
        writeln!(
            f,
            "{:<30}{:>6}{:>8}{:>8}{:>7}{:>10}{:>8}{:>9}{:>7}{:>8}{:>7}{:>7}{:>7}",
            "kind",
            "asked",
            "drafted",
            "correct",
            "forbid",
            "precision",
            "lower95",
            "coverage",
            "false",
            "suggest",
            "top1",
            "top5",
            "mrr",
        )?;
        let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
        let all = std::iter::once(("all", &self.all));
        for (kind, one) in all.chain(self.kinds.iter().map(|(kind, figures)| (kind.as_str(), figures))) {
            writeln!(
                f,
                "{kind:<30}{:>6}{:>8}{:>8}{:>7}{:>10}{:>8}{:>9}{:>7}{:>8}{:>7}{:>7}{:>7}",
                one.asked,
                one.drafted,
                one.correct,
                one.forbidden,
                share(one.precision),
                share(one.precision_lower),
                share(one.coverage),
                one.false_drafts,
                one.suggested,
                share(one.top1),
                share(one.top5),
                share(one.mrr),
            )?;
        }
        for (name, curve) in std::iter::once((&"motcua", &self.curve)).chain(&self.baselines) {
            let at = curve.at_precision.iter().map(|at| format!("{:.3} at {:.2}", at.coverage, at.precision));
            writeln!(f, "coverage by {name}: {}", at.collect::<Vec<_>>().join(", "))?;
        }
        write!(f, "one question: p50 {:.1} ms, p99 {:.1} ms", self.p50_ms, self.p99_ms)
    }
}
