//! A private PostgreSQL for `make prepare` and `make sqlx-check`: prints its address and the path
//! of `psql`, and serves until its standard input ends.

use std::{io::Write as _, path::PathBuf};

use local::{Postgres, PostgresOptions, parts};
use tokio::io::AsyncReadExt as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: database DIR")?);
    let dir = std::env::var_os("MOTCUA_PARTS").map_or_else(parts::default_dir, PathBuf::from);
    let parts = parts::install(&dir, &|_| ())?;
    let psql = parts.postgres_bin.join("psql");
    let postgres = Postgres::start(PostgresOptions { bin: parts.postgres_bin, data }).await?;
    writeln!(std::io::stdout(), "{}\n{}", postgres.url(), psql.display())?;
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    postgres.stop(false).await;
    Ok(())
}
