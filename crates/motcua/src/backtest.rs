//! `motcua backtest`: the reuse verdict on answered and asked questions.

use std::{path::PathBuf, sync::Arc};

use indicatif::{ProgressBar, ProgressStyle};
use knowledge::{backtest, calibration::Calibration};

use crate::{output::say, settings::Settings};

#[derive(clap::Args)]
pub struct Args {
    /// The answered store: one JSON object a line with id, question, answer.
    #[arg(long, value_name = "FILE")]
    answered: PathBuf,
    /// What is asked of it: one JSON object a line with id, kind, text, expect, forbid.
    #[arg(long, value_name = "FILE")]
    asked: PathBuf,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(mut settings: Settings, args: &Args) -> anyhow::Result<()> {
    settings.fill_parts()?;
    let knowledge = settings.knowledge;
    let configured = knowledge.clone();
    let embedder = tokio::task::spawn_blocking(move || configured.open_embedder()).await??;
    let calibration = Calibration::load(knowledge.calibration.as_deref(), embedder.model())?;
    let setup = backtest::Setup { embedder: Arc::new(embedder), calibration: Arc::new(calibration) };
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")?);
    let progress = |what: &'static str, done: usize, total: usize| {
        bar.set_message(what);
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    };
    let report = backtest::run(&args.answered, &args.asked, setup, &progress).await?;
    bar.finish_and_clear();
    if args.json {
        return say(&serde_json::to_string_pretty(&report)?);
    }
    say(report.to_string().trim_end())
}
