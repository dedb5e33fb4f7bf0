//! The back-test, and the platform against it. On the sample corpus always; on real questions
//! where the folder with them is beside the project (it is not ours to ship).

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use e2e::{
    binary,
    platform::{Platform, data_dir},
    rest::Rest,
    root, until,
};
use serde_json::Value;
use tokio::process::Command;

/// Questions that are also asked end to end.
const SAMPLE: usize = 40;

async fn backtest(answered: &Path, asked: &Path) -> Value {
    let output = Command::new(binary())
        .args(["backtest", "--json", "--answered"])
        .arg(answered)
        .arg("--asked")
        .arg(asked)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_corpus_is_matched() {
    let sample = root().join("deploy/sample");
    let report = backtest(&sample.join("answered.jsonl"), &sample.join("asked.jsonl")).await;
    let all = &report["all"];
    assert!(all["top1"].as_f64().unwrap() >= 0.85, "{report}");
    assert!(all["precision"].as_f64().unwrap() >= 0.85, "{report}");
    assert_eq!(report["kinds"]["exact"]["coverage"].as_f64().map(|c| c >= 0.9), Some(true), "{report}");
}

/// Imports the real store, asks some of its questions end to end, and finds the same drafts as
/// the back-test's own matcher.
#[tokio::test(flavor = "multi_thread")]
async fn the_platform_drafts_what_the_backtest_says() {
    let data = root().join("../shared/data/dev/backtest");
    if !data.exists() {
        writeln!(std::io::stderr(), "not run: the real questions are not beside this project").unwrap();
        return;
    }
    let folder = data_dir();
    let answered = data.join("answered.jsonl");
    let (asked, questions) = pick(&data.join("asked.jsonl"), folder.path());
    let dir = folder.path().join("up");
    std::fs::create_dir(&dir).unwrap();
    let platform = Platform::up(&dir, &[], &[]).await;
    let output = Command::new(binary())
        .args(["import", "answered"])
        .arg(&answered)
        .arg("--data")
        .arg(&dir)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    indexed(&platform.rest()).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let (mut drafted, mut correct) = (0, 0);
    for question in &questions {
        let (ticket_id, _) = asker.ask(question["text"].as_str().unwrap()).await;
        let ticket = officer.drafted(&ticket_id).await;
        if ticket["draft"]["verdict"]["band"] == "BAND_REUSE" {
            drafted += 1;
            let source = &ticket["draft"]["sources"][0]["id"];
            correct += usize::from(question["expect"].as_array().unwrap().contains(source));
        }
    }
    platform.stop().await;
    let report = backtest(&answered, &asked).await;
    let says = |key: &str| usize::try_from(report["all"][key].as_u64().unwrap()).unwrap();
    // The index is approximate and redaction may change a text: one question may differ.
    assert!(says("drafted").abs_diff(drafted) <= 1, "drafted {drafted}: {report}");
    assert!(says("correct").abs_diff(correct) <= 1, "correct {correct}: {report}");
    assert!(drafted > 0, "{report}");
}

/// Waits until the index is up to date, for as long as it comes nearer.
async fn indexed(rest: &Rest) {
    let mut behind = u64::MAX;
    while behind > 0 {
        behind = until("the index to come nearer", || async {
            let now = rest.get("/api/v1/lag").await.ok()["index"].as_u64()?;
            (now < behind).then_some(now)
        })
        .await;
    }
}

/// Every so-manieth question with a duplicate, in a file of its own.
fn pick(asked: &Path, folder: &Path) -> (PathBuf, Vec<Value>) {
    let with_duplicate = lines(asked).into_iter().filter(|q| !q["expect"].as_array().unwrap().is_empty());
    let all: Vec<Value> = with_duplicate.filter(|q| q["kind"] != "same_answer:other_condition").collect();
    let questions: Vec<Value> = all.iter().step_by(all.len() / SAMPLE).cloned().collect();
    let file = folder.join("asked.jsonl");
    let mut out = std::fs::File::create(&file).unwrap();
    for question in &questions {
        writeln!(out, "{question}").unwrap();
    }
    (file, questions)
}
