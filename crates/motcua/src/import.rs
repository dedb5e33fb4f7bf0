//! `motcua import answered FILE.jsonl`, `motcua import catalogue FILE.jsonl`, `motcua import digest FILE.csv|FILE.docx`.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use anyhow::Context as _;
use api::{
    answering::v1::{self as answering, ImportOutcome},
    knowledge::v1::{
        AnsweredQuestion, CatalogueItem, ImportAnswersRequest, ImportRefusal, PutCatalogueItemsRequest,
    },
};
use indicatif::{ProgressBar, ProgressStyle};
use serde::de::DeserializeOwned;

use crate::{
    client::Client,
    output::{complain, say},
};

/// Lines in one call, and bytes in one line.
const BATCH: usize = 100;
const LINE_BYTES_MAX: u64 = 1 << 20;

/// What a batch of lines led to.
struct Outcome {
    stored: u32,
    unchanged: u32,
    refused: Vec<ImportRefusal>,
}

/// One kind of line, and the call that takes it.
trait Line: DeserializeOwned {
    async fn send(client: &Client, batch: Vec<Self>) -> Result<Outcome, tonic::Status>;
}

impl Line for AnsweredQuestion {
    async fn send(client: &Client, answers: Vec<Self>) -> Result<Outcome, tonic::Status> {
        let response = client.import(ImportAnswersRequest { answers }).await?;
        Ok(Outcome { stored: response.stored, unchanged: response.unchanged, refused: response.refused })
    }
}

impl Line for CatalogueItem {
    async fn send(client: &Client, items: Vec<Self>) -> Result<Outcome, tonic::Status> {
        let response = client.put_catalogue_items(PutCatalogueItemsRequest { items }).await?;
        Ok(Outcome { stored: response.stored, unchanged: response.unchanged, refused: response.refused })
    }
}

/// Loads answered questions.
pub async fn answered(file: &Path, client: &Client) -> anyhow::Result<()> {
    load::<AnsweredQuestion>(file, client).await
}

/// Loads catalogue items.
pub async fn catalogue(file: &Path, client: &Client) -> anyhow::Result<()> {
    load::<CatalogueItem>(file, client).await
}

/// Hands a digest's sheet in, and says what became of each row.
pub async fn digest(file: &Path, digest_id: String, client: &Client) -> anyhow::Result<()> {
    let sheet = std::fs::read(file).with_context(|| format!("{}", file.display()))?;
    let request = answering::ImportAnswersRequest { digest_id, sheet, ..Default::default() };
    let imported = client.import_digest(request).await?;
    for item in &imported.items {
        say(&serde_json::to_string(item)?)?;
    }
    let refused = imported.items.iter().filter(|item| item.outcome() == ImportOutcome::Refused).count();
    anyhow::ensure!(refused == 0, "{refused} rows were refused");
    complain(&format!("{} items still wait", imported.waiting));
    Ok(())
}

/// Loads a file, line by line. Bad lines are reported and counted, and the rest goes on.
async fn load<L: Line>(file: &Path, client: &Client) -> anyhow::Result<()> {
    let opened = File::open(file).with_context(|| format!("{}", file.display()))?;
    let bar = ProgressBar::new(opened.metadata()?.len());
    bar.set_style(ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}")?);
    let mut import = Import::<L> { client, bar, batch: Vec::new(), stored: 0, unchanged: 0, refused: 0 };
    let mut lines = BufReader::new(opened);
    let mut number = 0;
    loop {
        number += 1;
        let mut line = Vec::new();
        let read = lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            break;
        }
        import.bar.inc(read);
        if read == LINE_BYTES_MAX && line.last() != Some(&b'\n') {
            lines.skip_until(b'\n')?;
            import.refuse(number, "the line is longer than 1 MiB");
        } else if !line.trim_ascii().is_empty() {
            import.line(number, &line).await?;
        }
    }
    import.send().await?;
    import.bar.finish_and_clear();
    say(&format!("{} stored, {} unchanged, {} refused", import.stored, import.unchanged, import.refused))
}

struct Import<'a, L> {
    client: &'a Client,
    bar: ProgressBar,
    batch: Vec<(usize, L)>,
    stored: u32,
    unchanged: u32,
    refused: u32,
}

impl<L: Line> Import<'_, L> {
    async fn line(&mut self, number: usize, line: &[u8]) -> anyhow::Result<()> {
        match serde_json::from_slice(line) {
            Ok(line) => self.batch.push((number, line)),
            Err(error) => self.refuse(number, &error.to_string()),
        }
        if self.batch.len() == BATCH { self.send().await } else { Ok(()) }
    }

    async fn send(&mut self) -> anyhow::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let (numbers, batch): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let response = L::send(self.client, batch).await.context("the import stopped")?;
        self.stored += response.stored;
        self.unchanged += response.unchanged;
        for refusal in response.refused {
            let number = numbers.get(refusal.index as usize).copied().unwrap_or_default();
            self.refuse(number, &refusal.reason);
        }
        Ok(())
    }

    fn refuse(&mut self, number: usize, reason: &str) {
        self.refused += 1;
        self.bar.suspend(|| complain(&format!("line {number}: {reason}")));
    }
}
