//! `motcua backtest`: the reuse verdict on answered and asked questions.

use std::{path::PathBuf, sync::Arc};

use knowledge::{backtest, calibration::Calibration};

use crate::{output, output::say, settings::Settings};

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
    let (bar, progress) = output::progress()?;
    let report = backtest::run(&args.answered, &args.asked, setup, &progress).await?;
    bar.finish_and_clear();
    if args.json {
        return say(&serde_json::to_string_pretty(&report)?);
    }
    say(report.to_string().trim_end())
}
