//! `motcua backtest`: the reuse verdict on answered and asked questions; and, as `motcua backtest
//! routing`, whose a question is.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, ensure};
use api::answering::v1::FileBackTestRequest;
use knowledge::{backtest, calibration::Calibration, embed::Embedder, owner};

use crate::{
    client,
    output::{self, complain, say},
    settings::Settings,
};

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    answers: Option<Answers>,
    /// Where `--file-for` files. Not among the answers': what holds flattened arguments cannot be optional.
    #[command(flatten)]
    server: client::Args,
}

#[derive(clap::Subcommand)]
enum What {
    /// Measures, cross-validated, how well questions find the one who answers them.
    Routing(Routing),
}

#[derive(clap::Args)]
struct Answers {
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
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Routing {
    /// Questions whose owner is known: one JSON object a line with text, label, and optional `label_2025`, kind.
    #[arg(long, value_name = "FILE")]
    labelled: PathBuf,
    /// Asks for the label as its source has it; else for `label_2025` where a line has one.
    #[arg(long)]
    old_labels: bool,
    /// The most, 0 to 1, that may go to the desk; each fold chooses its cut by it.
    #[arg(long, default_value_t = 0.2, value_name = "SHARE")]
    desk_max: f64,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(settings: Settings, args: &Args) -> anyhow::Result<()> {
    match (&args.what, &args.answers) {
        (Some(What::Routing(args)), _) => routing(settings, args).await,
        (None, Some(of)) => answers(settings, of, &args.server).await,
        (None, None) => unreachable!("clap asks for one of them"),
    }
}

async fn answers(settings: Settings, args: &Answers, server: &client::Args) -> anyhow::Result<()> {
    let client = args.file_for.as_ref().map(|_| server.connect(&settings)).transpose()?;
    let (embedder, configured) = open_embedder(settings).await?;
    let calibration = Calibration::load(configured.calibration.as_deref(), embedder.model())?;
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

async fn routing(settings: Settings, args: &Routing) -> anyhow::Result<()> {
    ensure!((0.0..=1.0).contains(&args.desk_max), "--desk-max is 0 to 1");
    let (embedder, _) = open_embedder(settings).await?;
    let labels =
        if args.old_labels { owner::backtest::Labels::Label } else { owner::backtest::Labels::Label2025 };
    let options = owner::backtest::Options { labels, desk_max: args.desk_max };
    let (bar, progress) = output::progress()?;
    let report = owner::backtest::run(&args.labelled, &embedder, options, &progress).await?;
    bar.finish_and_clear();
    if args.json { say(&serde_json::to_string_pretty(&report)?) } else { say(&report.to_string()) }
}

async fn open_embedder(mut settings: Settings) -> anyhow::Result<(Embedder, knowledge::Config)> {
    settings.fill_parts()?;
    let (configured, knowledge) = (settings.knowledge.clone(), settings.knowledge);
    let embedder = tokio::task::spawn_blocking(move || configured.open_embedder()).await??;
    Ok((embedder, knowledge))
}
