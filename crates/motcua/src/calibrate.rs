//! `motcua calibrate`: fits the reuse verdict on questions whose right answer is known.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use knowledge::calibrate::{self, Files, Report};

use crate::{output, output::say, settings::Settings};

/// What a reader of the file must know.
const HEADER: &str = "\
# Written by `motcua calibrate`. `fitted` says on what (SHA-256 over its files) and what held-back questions
# gave (cross-validated); `bands` are the least probabilities; `blend` says how much the trees' sum, log-odds, and the
# comparer's score count, and `curve` makes what they add up to a probability. In `learned`, `pooling` is rows of
# weights in base64: for each, a little-endian float, the scale, and 384 signed bytes; `comparer` is its weights as
# little-endian floats. A tree's node looks at an input: at most `at_most`, it goes left, else right; a negative child
# -n is leaf n, counted from 1.
";

#[derive(clap::Args)]
pub struct Args {
    /// The answered store: one JSON object a line with id, question, answer.
    #[arg(long, value_name = "FILE")]
    answered: PathBuf,
    /// What is asked of it: one JSON object a line with id, kind, text, expect, forbid. May be repeated.
    #[arg(long, value_name = "FILE", required = true)]
    asked: Vec<PathBuf>,
    /// Labelled pairs: one JSON object a line with a, b, label (1: the same question), domain. May be repeated.
    #[arg(long, value_name = "FILE")]
    pairs: Vec<PathBuf>,
    /// A store of which it is known which near questions are the same and which are not, as `--answered`; its questions
    /// are also asked of each other in small stores.
    #[arg(long, value_name = "FILE", requires = "near_asked")]
    near_answered: Option<PathBuf>,
    /// Those near questions, as `--asked`.
    #[arg(long, value_name = "FILE", requires = "near_answered")]
    near_asked: Option<PathBuf>,
    /// Stores of their own, each with siblings of one subject, as `--answered`: what has the same `unit` is one store.
    #[arg(long, value_name = "FILE", requires = "desks_asked")]
    desks_answered: Option<PathBuf>,
    /// What is asked of each of them, as `--asked`, with the store's `unit`.
    #[arg(long, value_name = "FILE", requires = "desks_answered")]
    desks_asked: Option<PathBuf>,
    /// The precision that drafts must have, above 0.5 and below 1.
    #[arg(long, default_value_t = 0.9)]
    precision: f64,
    /// Where the calibration is written; `knowledge.calibration` names it then.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(mut settings: Settings, args: Args) -> anyhow::Result<()> {
    anyhow::ensure!(0.5 < args.precision && args.precision < 1.0, "--precision is above 0.5 and below 1");
    settings.fill_parts()?;
    let knowledge = settings.knowledge;
    let embedder = tokio::task::spawn_blocking(move || knowledge.open_embedder()).await??;
    let files = Files {
        answered: args.answered,
        asked: args.asked,
        pairs: args.pairs,
        near: args.near_answered.zip(args.near_asked),
        desks: args.desks_answered.zip(args.desks_asked),
    };
    let (bar, progress) = output::progress()?;
    let report = calibrate::run(&files, Arc::new(embedder), args.precision, &progress).await?;
    bar.finish_and_clear();
    let file = format!("{HEADER}{}", toml::to_string(&report.calibration)?);
    std::fs::write(&args.out, file).with_context(|| format!("cannot write {}", args.out.display()))?;
    if args.json { say(&serde_json::to_string_pretty(&report)?) } else { say(&table(&report)) }
}

fn table(report: &Report) -> String {
    let at = report.coverage_at.iter().map(|at| {
        let lower = at.precision_lower.map_or_else(|| "-".to_owned(), |lower| format!("{lower:.3}"));
        let (precision, drafts, coverage) = (at.precision, at.drafts, at.coverage * 100.0);
        format!("precision {precision:.2} (lower bound {lower}): {drafts} drafts, coverage {coverage:.1} %")
    });
    let areas = report.pair_auc.iter().map(|(domain, auc)| format!("pairs {domain}: AUC {auc:.3}"));
    let rest = format!(
        "best neighbour right: {:.3}; drafts of strangers {:.4}, of forbidden answers {:.3}\n\
         without diacritics: {:.3} of the coverage\n\
         in small stores: {} drafts, {} of them wrong",
        report.top1,
        report.false_drafts,
        report.forbidden,
        report.undiacritised,
        report.small_store_drafts,
        report.small_store_wrong
    );
    let lines =
        std::iter::once("held back, cross-validated:".to_owned()).chain(at).chain(areas).chain([rest]);
    lines.collect::<Vec<_>>().join("\n")
}
