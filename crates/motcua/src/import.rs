//! `motcua import answered FILE.jsonl`.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use anyhow::Context as _;
use api::knowledge::v1::{AnsweredQuestion, ImportAnswersRequest};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    client::Client,
    output::{complain, say},
};

/// Answers in one call, and bytes in one line.
const BATCH: usize = 100;
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Loads a file, line by line. Bad lines are reported and counted, and the rest goes on.
pub async fn answered(file: &Path, client: &Client) -> anyhow::Result<()> {
    let opened = File::open(file).with_context(|| format!("{}", file.display()))?;
    let bar = ProgressBar::new(opened.metadata()?.len());
    bar.set_style(ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}")?);
    let mut import = Import { client, bar, batch: Vec::new(), stored: 0, unchanged: 0, refused: 0 };
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

struct Import<'a> {
    client: &'a Client,
    bar: ProgressBar,
    batch: Vec<(usize, AnsweredQuestion)>,
    stored: u32,
    unchanged: u32,
    refused: u32,
}

impl Import<'_> {
    async fn line(&mut self, number: usize, line: &[u8]) -> anyhow::Result<()> {
        match serde_json::from_slice(line) {
            Ok(answer) => self.batch.push((number, answer)),
            Err(error) => self.refuse(number, &error.to_string()),
        }
        if self.batch.len() == BATCH { self.send().await } else { Ok(()) }
    }

    async fn send(&mut self) -> anyhow::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let (numbers, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let response =
            self.client.import(ImportAnswersRequest { answers }).await.context("the import stopped")?;
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
