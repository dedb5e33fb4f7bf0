//! `motcua backtest`: the reuse verdict on answered and asked questions.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use api::answering::v1::FileBackTestRequest;
use knowledge::{backtest, calibration::Calibration};

use crate::{
    client,
    output::{self, complain, say},
    settings::Settings,
};

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
    /// Puts each field's figures on file for this unit of a running platform, which may then switch
    /// automatic sending on.
    #[arg(long, value_name = "UNIT")]
    file_for: Option<String>,
    #[command(flatten)]
    server: client::Args,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(mut settings: Settings, args: &Args) -> anyhow::Result<()> {
    let client = args.file_for.as_ref().map(|_| args.server.connect(&settings)).transpose()?;
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
    if let Some(unit) = &args.file_for {
        file(unit, &report, &client.context("no platform to file for")?).await?;
    }
    if args.json {
        return say(&serde_json::to_string_pretty(&report)?);
    }
    say(report.to_string().trim_end())
}

/// Every field that something was drafted for.
async fn file(unit: &str, report: &backtest::Report, client: &client::Client) -> anyhow::Result<()> {
    for (field, figures) in report.fields.iter().filter(|(field, of)| !field.is_empty() && of.drafted > 0) {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (drafted, correct) = (count(figures.drafted), count(figures.correct));
        let (unit, calibration) = (unit.to_owned(), report.calibration.clone());
        let request = FileBackTestRequest { unit, field: field.clone(), drafted, correct, calibration };
        let filed = client.file_back_test(request).await.context("the back-test was not filed")?;
        complain(&format!(
            "{field}: {correct} of {drafted}, precision at least {:.3}",
            filed.precision_lower
        ));
    }
    Ok(())
}
