//! `motcua`: one binary, many roles. It parses and calls; the logic is in the crates it names.

mod account;
mod apply;
mod backtest;
mod calibrate;
mod client;
mod data_dir;
mod export;
mod import;
mod output;
mod roles;
mod route;
mod serve;
mod settings;
mod up;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use runtime::RoleName;

use crate::{output::say, roles::Service, settings::Settings};

#[derive(Parser)]
#[command(name = "motcua", version, about = "Một Cửa: one-stop questions and answers for government")]
struct Cli {
    /// The configuration file (TOML); every key can be overridden by `MOTCUA__SECTION__KEY`.
    #[arg(long, global = true, env = "MOTCUA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs everything in one process, with a private PostgreSQL and nats-server.
    Up {
        /// Where the data is kept.
        #[arg(long, value_name = "DIR", default_value_os_t = data_dir::default_dir())]
        data: PathBuf,
        /// Where pages and REST are served; port 0: any free one.
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
        /// Loads the sample organisation and the sample corpus.
        #[arg(long)]
        sample: bool,
    },
    /// Serves some roles against the configured PostgreSQL, NATS and Qdrant.
    Serve {
        #[arg(required = true, value_name = "ROLE")]
        roles: Vec<Service>,
    },
    /// Brings the configured database's tables up to date.
    Migrate,
    /// Fetches, verifies and unpacks the parts that `up` needs.
    Parts {
        /// Where they are kept.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Loads data into a running platform.
    Import {
        #[command(subcommand)]
        what: Import,
    },
    /// Writes what a running platform knows, for `backtest` and `calibrate`.
    Export {
        #[command(subcommand)]
        what: Export,
    },
    /// Measures the reuse verdict, or (`routing`) who is found to answer; needs no running platform.
    Backtest(backtest::Args),
    /// Fits the reuse verdict on questions whose right answer is known; needs no running platform.
    Calibrate(calibrate::Args),
    /// Makes the organisation of a running platform what a file says: shows the plan, then does it.
    Apply(apply::Args),
    /// Local accounts of a running platform, for sites without an OpenID provider.
    Account {
        #[command(subcommand)]
        account: account::Account,
    },
    /// Says which unit of a running platform a text would go to, and why.
    Route {
        #[command(flatten)]
        server: client::Args,
        /// The question as an asker would write it; nothing of it is stored.
        #[arg(long, value_name = "TEXT")]
        explain: String,
        /// The field that the asker would choose.
        #[arg(long, default_value = "")]
        field: String,
    },
    /// Prints a bearer token, for scripts.
    Token {
        /// The data folder of `up`, whose key signs the token; else the configured key does.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        #[arg(long)]
        role: RoleName,
        /// Limits the token to one unit's questions.
        #[arg(long)]
        unit: Option<String>,
        /// Who it speaks for, in the trace.
        #[arg(long, default_value = "script")]
        subject: String,
        /// How long it is good.
        #[arg(long, default_value_t = 12, value_name = "HOURS")]
        hours: u16,
    },
    /// Shows events that a hearer gave up on.
    DeadLetters {
        #[command(flatten)]
        server: client::Args,
    },
    /// Hands dead letters to their hearers again.
    Redrive {
        #[command(flatten)]
        server: client::Args,
        /// Only this consumer's.
        #[arg(long)]
        consumer: Option<String>,
    },
    /// Shows what was told to somebody outside, and what became of it.
    Notices {
        #[command(flatten)]
        server: client::Args,
        /// Only of this state: waiting, sending, sent, failed, unsure.
        #[arg(long, value_parser = notice_state)]
        state: Option<api::analytics::v1::NoticeState>,
    },
    /// Has notices sent again: one, or those of a queue that failed or are unsure.
    Replay {
        #[command(flatten)]
        server: client::Args,
        #[arg(long, required_unless_present = "queue")]
        notice: Option<String>,
        /// intake, answering, analytics:NAME
        #[arg(long)]
        queue: Option<String>,
    },
    /// Builds the vector index again from PostgreSQL.
    Reindex {
        #[command(flatten)]
        server: client::Args,
    },
    /// Prints the effective configuration, secrets hidden.
    Config,
}

#[derive(Subcommand)]
enum Import {
    /// Answered questions: one JSON object a line with id, question, answer and optional field,
    /// unit, source.
    Answered {
        file: PathBuf,
        #[command(flatten)]
        server: client::Args,
    },
    /// Answers of a working group: the digest's sheet (CSV or DOCX), filled in. Again, it changes nothing.
    Digest {
        file: PathBuf,
        /// The digest's id.
        #[arg(long, value_name = "UUID")]
        digest: String,
        #[command(flatten)]
        server: client::Args,
    },
    /// The catalogue of laws, policies and guidance: one JSON object a line with id, kind, title and
    /// optional number, url, validFrom, validUntil, unit.
    Catalogue {
        file: PathBuf,
        #[command(flatten)]
        server: client::Args,
    },
}

#[derive(Subcommand)]
enum Export {
    /// The published answers, as `import answered` takes them.
    Answered {
        file: PathBuf,
        #[command(flatten)]
        server: client::Args,
    },
    /// What officers and askers made of drafts, as `--asked` of `backtest` and `calibrate`.
    Judgements {
        file: PathBuf,
        #[command(flatten)]
        server: client::Args,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    runtime::tls::install();
    match Box::pin(run(cli)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let settings = Settings::load(cli.config.as_deref())?;
    match cli.command {
        Command::Up { data, listen, sample } => Box::pin(up::run(settings, data, listen, sample)).await,
        Command::Serve { roles } => serve::run(settings, &roles).await,
        Command::Migrate => serve::migrate(&settings).await,
        Command::Parts { dir } => {
            let dir = dir.unwrap_or_else(|| settings.parts.dir());
            local::parts::install(&dir, &output::complain)?;
            say(&format!("parts are in {}", dir.display()))
        }
        Command::Import { what: Import::Answered { file, server } } => {
            import::answered(&file, &server.connect(&settings)?).await
        }
        Command::Import { what: Import::Digest { file, digest, server } } => {
            import::digest(&file, digest, &server.connect(&settings)?).await
        }
        Command::Import { what: Import::Catalogue { file, server } } => {
            import::catalogue(&file, &server.connect(&settings)?).await
        }
        Command::Export { what: Export::Answered { file, server } } => {
            export::answered(&file, &server.connect(&settings)?).await
        }
        Command::Export { what: Export::Judgements { file, server } } => {
            export::judgements(&file, &server.connect(&settings)?).await
        }
        Command::Backtest(args) => backtest::run(settings, &args).await,
        Command::Account { account } => account::run(&settings, account).await,
        Command::Apply(args) => apply::run(&settings, &args).await,
        Command::Route { server, explain, field } => {
            route::run(&server.connect(&settings)?, explain, field).await
        }
        Command::Calibrate(args) => calibrate::run(settings, args).await,
        Command::Token { data, role, unit, subject, hours } => {
            let key = data_dir::token_key(data.as_deref(), &settings)?;
            let principal = runtime::Principal { subject, role, unit };
            let ttl = chrono::Duration::hours(hours.into());
            say(&runtime::Tokens::try_new(&key)?.sign(&principal, ttl, runtime::Clock::system().now())?)
        }
        Command::DeadLetters { server } => server.connect(&settings)?.dead_letters().await,
        Command::Redrive { server, consumer } => server.connect(&settings)?.redrive(consumer).await,
        Command::Notices { server, state } => {
            server.connect(&settings)?.notices(state.unwrap_or_default()).await
        }
        Command::Replay { server, notice, queue } => {
            let (notice_id, queue) = (notice.unwrap_or_default(), queue.unwrap_or_default());
            let request = api::analytics::v1::ReplayNoticesRequest { notice_id, queue, since: None };
            server.connect(&settings)?.replay(request).await
        }
        Command::Reindex { server } => server.connect(&settings)?.reindex().await,
        Command::Config => say(toml::to_string(&settings)?.trim_end()),
    }
}

fn notice_state(name: &str) -> Result<api::analytics::v1::NoticeState, String> {
    let name = format!("NOTICE_STATE_{}", name.to_uppercase());
    api::analytics::v1::NoticeState::from_str_name(&name).ok_or_else(|| "no such state".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_of_all_commands_fit_together() {
        Cli::command().debug_assert();
    }
}
