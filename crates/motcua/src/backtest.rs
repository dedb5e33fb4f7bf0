//! `motcua backtest`: the reuse verdict on answered and asked questions.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
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
    /// Corrections of the labels: one JSON object a line with asked, answered, verdict (right or wrong), why.
    #[arg(long, value_name = "FILE")]
    errata: Option<PathBuf>,
    /// Writes a page with curves and the worst drafts.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
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
    let setup = backtest::Setup {
        embedder: Arc::new(embedder),
        calibration: Arc::new(calibration),
        errata: args.errata.clone(),
    };
    let (bar, progress) = output::progress()?;
    let report = backtest::run(&args.answered, &args.asked, setup, &progress).await?;
    bar.finish_and_clear();
    if let Some(path) = &args.html {
        std::fs::write(path, report.to_html()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if args.json {
        return say(&serde_json::to_string_pretty(&report)?);
    }
    say(report.to_string().trim_end())
}
