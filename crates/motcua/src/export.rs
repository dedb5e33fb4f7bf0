//! `motcua export answered`, `motcua export judgements`: what `calibrate` and `backtest` read, from a
//! running platform.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::Context as _;
use api::answering::v1::{DraftOutcome, Judgement};
use serde_json::{Value, json};

use crate::{client::Client, output::say};

/// The published answers, as `import answered` takes them.
pub async fn answered(file: &Path, client: &Client) -> anyhow::Result<()> {
    let mut lines = Lines::create(file)?;
    let mut page_token = String::new();
    loop {
        let page = client.passages(page_token).await.context("the export stopped")?;
        for passage in page.passages {
            lines.write(&json!({
                "id": passage.id, "question": passage.question, "answer": passage.answer,
                "field": passage.field, "unit": passage.unit, "source": passage.source,
            }))?;
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return lines.finish();
        }
    }
}

/// What officers and askers made of drafts, as questions whose right answer is known.
pub async fn judgements(file: &Path, client: &Client) -> anyhow::Result<()> {
    let mut lines = Lines::create(file)?;
    let mut page_token = String::new();
    loop {
        let page = client.judgements(page_token).await.context("the export stopped")?;
        for judgement in &page.judgements {
            lines.write(&asked(judgement))?;
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return lines.finish();
        }
    }
}

/// A line of what is asked: accepted and edited drafts came from the right answer, rejected ones from
/// another question's.
fn asked(judgement: &Judgement) -> Value {
    let draft_use = judgement.r#use.as_ref();
    let source: Vec<&str> = draft_use.map(|used| used.source_id.as_str()).into_iter().collect();
    let rejected = draft_use.is_some_and(|used| used.outcome() == DraftOutcome::Rejected);
    let (expect, forbid) = if rejected { (Vec::new(), source) } else { (source, Vec::new()) };
    json!({
        "id": judgement.ticket_id, "kind": if rejected { "officer:rejected" } else { "officer:used" },
        "text": judgement.question, "expect": expect, "forbid": forbid,
    })
}

struct Lines {
    file: BufWriter<File>,
    written: usize,
}

impl Lines {
    fn create(file: &Path) -> anyhow::Result<Self> {
        let file = File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self { file: BufWriter::new(file), written: 0 })
    }

    fn write(&mut self, line: &Value) -> anyhow::Result<()> {
        writeln!(self.file, "{line}")?;
        self.written += 1;
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.file.flush()?;
        say(&format!("{} lines", self.written))
    }
}
