//! Fits a [`Calibration`] on questions whose right answer is known: asked ones with what they expect
//! and forbid, labelled pairs, and edits of the stored ones. What it says of itself was measured on
//! groups of questions that the fit had not seen (cross-validation); the file's own fit is on all.

mod examples;
mod outcome;

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::{
    examples::{Known, gather},
    outcome::{Outcome, platt},
};
pub use crate::backtest::{AtPrecision, Error, Progress};
use crate::{
    backtest::{self, Answered, Asked},
    calibration::{Bands, Calibration, Fitted},
    embed::Embedder,
    pair::FEATURES,
    trees::{Direction, Example, Growth, Trees},
};

/// Groups of questions are held back in so many turns.
const FOLDS: u64 = 5;

/// Trees of one fit. Slow and shallow: there are hundreds of telling examples, not millions.
const GROWTH: Growth = Growth {
    trees: 300,
    rate: 0.04,
    leaves: 8,
    leaf_weight: 5.0,
    ridge: 5.0,
    inputs_share: 0.4,
    examples_share: 0.8,
    seed: 1,
};

/// Share of the right best neighbours that must at least be suggested.
const SUGGESTED: f64 = 0.97;

/// What a calibration is fitted on.
pub struct Files {
    pub answered: PathBuf,
    pub asked: Vec<PathBuf>,
    /// `{a, b, label, domain?}` a line; 1: the same question.
    pub pairs: Vec<PathBuf>,
}

/// One line of a file of pairs.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LabelledPair {
    pub a: String,
    pub b: String,
    pub label: u8,
    #[serde(default)]
    pub domain: String,
}

/// A fit, and what held-back questions say of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    #[serde(skip)]
    pub calibration: Calibration,
    /// Coverage at several precisions: what a stricter target would cost.
    pub coverage_at: Vec<AtPrecision>,
    /// Area under the curve of the labelled pairs, by their domain.
    pub pair_auc: Vec<(String, f64)>,
    pub top1: f64,
    /// Of the questions with no stored answer, the share that would be drafted.
    pub false_drafts: f64,
    /// Of the labelled hard negatives, the share whose forbidden answer would be drafted.
    pub forbidden: f64,
}

/// Reads the files, asks every question of an index of the answered ones, and fits. `precision` is
/// that of `reuse`, above 0 and below 1.
pub async fn run(
    files: &Files,
    embedder: Arc<Embedder>,
    precision: f64,
    progress: Progress<'_>,
) -> Result<Report, Error> {
    let answered: Vec<Answered> = backtest::read(&files.answered)?;
    let mut asked: Vec<Asked> = Vec::new();
    for file in &files.asked {
        asked.extend(backtest::read::<Asked>(file)?.into_iter().filter(|one| one.kind != backtest::APART));
    }
    let mut pairs: Vec<LabelledPair> = Vec::new();
    for file in &files.pairs {
        pairs.extend(backtest::read::<LabelledPair>(file)?);
    }
    let data = fingerprint(std::iter::once(&files.answered).chain(&files.asked).chain(&files.pairs))?;
    let model = embedder.model().to_owned();
    let known = gather(answered, &asked, &pairs, embedder, progress).await?;
    progress("fitting", 0, 0);
    let scores = held_back_scores(&known);
    let outcome = Outcome::new(&known, &scores, asked.len());
    let curve = platt(&outcome.best_scores());
    let report = |calibration| Report {
        coverage_at: [0.85, 0.9, 0.95, 0.98, 0.99].map(|target| outcome.coverage_at(target, &curve)).to_vec(),
        pair_auc: outcome.pair_auc(),
        top1: outcome.top1(),
        false_drafts: outcome.false_drafts(precision),
        forbidden: outcome.forbidden(precision),
        calibration,
    };
    let reached = outcome.coverage_at(precision, &curve);
    let fitted = Fitted {
        data,
        asked: asked.len(),
        pairs: pairs.len(),
        edits: known.edits,
        target: precision,
        drafts: reached.drafts,
        precision: outcome.precision(reached.drafts),
        precision_lower: reached.precision_lower.unwrap_or(0.0),
        coverage: reached.coverage,
    };
    let reuse = reached.threshold.unwrap_or(1.0);
    let suggest = curve.probability(outcome.right_score_at(SUGGESTED)).min(reuse);
    Ok(report(Calibration {
        fingerprint: String::new(),
        model,
        fitted,
        bands: Bands { reuse, suggest },
        curve,
        inputs: FEATURES.iter().map(|(name, _)| (*name).to_owned()).collect(),
        trees: fit(known.rows.iter().map(|row| &row.example)),
    }))
}

fn fit<'a>(examples: impl Iterator<Item = &'a Example>) -> Trees {
    let directions: Vec<Direction> = FEATURES.iter().map(|(_, direction)| *direction).collect();
    let examples: Vec<Example> = examples.cloned().collect();
    Trees::fit(&examples, &directions, &GROWTH)
}

/// Every row's log-odds by a fit that saw nothing of its group.
fn held_back_scores(known: &Known) -> Vec<f64> {
    let mut scores = vec![0.0; known.rows.len()];
    for fold in 0..FOLDS {
        let held = |group: usize| mixed(group) % FOLDS == fold;
        let trees = fit(known.rows.iter().filter(|row| !held(row.group)).map(|row| &row.example));
        for (score, row) in scores.iter_mut().zip(&known.rows).filter(|(_, row)| held(row.group)) {
            *score = trees.score(&row.example.inputs);
        }
    }
    scores
}

/// Spreads neighbouring groups over the folds (the finaliser of SplitMix64).
fn mixed(group: usize) -> u64 {
    let mut x = (group as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn fingerprint<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Result<String, Error> {
    let mut hash = Sha256::new();
    for file in files {
        let read = |path: &Path| std::fs::read(path);
        hash.update(read(file).map_err(|source| Error::Read { path: file.clone(), source })?);
    }
    Ok(hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}
