//! Fits a [`Calibration`] on questions whose right answer is known: asked ones with what they expect and forbid,
//! labelled pairs, edits of the stored ones, near questions and desks. What it says of itself was measured on groups
//! of questions that the fit had not seen (cross-validation); the file's own fit is on all.

mod adam;
mod comparing;
mod contrasts;
mod desks;
mod examples;
mod learning;
mod outcome;
mod small_stores;
mod stacking;

use std::{
    collections::HashSet,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::{
    contrasts::Near,
    desks::Desks,
    examples::{Known, gather},
    outcome::{Outcome, blend, platt},
    stacking::Stacked,
};
pub use crate::backtest::{AtPrecision, Error, Progress};
use crate::{
    backtest::{self, Answered, Asked},
    calibration::{Bands, Calibration, Fitted},
    embed::Embedder,
    learned::Learned,
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
    /// Questions of which it is known which near ones are the same and which are not: a store, and what is asked of it.
    pub near: Option<(PathBuf, PathBuf)>,
    /// Desks: stores of their own, told apart by the lines' `unit`, and what is asked of each.
    pub desks: Option<(PathBuf, PathBuf)>,
}

/// What people have labelled.
pub(crate) struct Labelled {
    pub asked: Vec<Asked>,
    pub pairs: Vec<LabelledPair>,
    pub near: Near,
    pub desks: Desks,
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

impl Files {
    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        let near = self.near.iter().chain(&self.desks).flat_map(|(answered, asked)| [answered, asked]);
        std::iter::once(&self.answered).chain(&self.asked).chain(&self.pairs).chain(near)
    }
}

impl Labelled {
    fn read(files: &Files) -> Result<Self, Error> {
        let read = |file: &PathBuf| -> Result<Vec<Asked>, Error> {
            let asked = backtest::read::<Asked>(file)?.into_iter();
            Ok(asked.filter(|one| one.kind != backtest::APART).collect())
        };
        let (mut asked, mut pairs, mut near, mut desks) =
            (Vec::new(), Vec::new(), Near::default(), Desks::default());
        for file in &files.asked {
            asked.extend(read(file)?);
        }
        for file in &files.pairs {
            pairs.extend(backtest::read::<LabelledPair>(file)?);
        }
        if let Some((of_answered, of_asked)) = &files.near {
            near = Near { answered: backtest::read(of_answered)?, asked: read(of_asked)? };
        }
        if let Some((of_answered, of_asked)) = &files.desks {
            desks = Desks { answered: backtest::read(of_answered)?, asked: read(of_asked)? };
        }
        Ok(Self { asked, pairs, near, desks })
    }
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
    /// What is left of the coverage at the threshold of `reuse` when all is asked without diacritics.
    pub undiacritised: f64,
    /// In small stores, by the threshold of `reuse`: drafts, and the wrong ones among them.
    pub small_store_drafts: usize,
    pub small_store_wrong: usize,
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
    let labelled = Labelled::read(files)?;
    let data = fingerprint(files.all())?;
    let model = embedder.model().to_owned();
    let known = gather(answered, &labelled, embedder, progress).await?;
    let stacked = Stacked::fit(&known, progress);
    let of_trees = held_back_scores(&known, &stacked);
    let (of_comparer, comparer) = comparing::cross_fit(&known, progress);
    let blend = blend(&known.rows, &of_trees, &of_comparer);
    let both = of_trees.iter().zip(&of_comparer);
    let scores: Vec<f64> = both.map(|(trees, comparer)| blend.score(*trees, *comparer)).collect();
    let outcome = Outcome::new(&known, &scores, labelled.asked.len());
    let curve = platt(&outcome.best_scores());
    let reached = outcome.coverage_at(precision, &curve);
    let reuse = reached.threshold.unwrap_or(1.0);
    let (small_store_drafts, small_store_wrong) = outcome.in_small_stores(reuse, &curve);
    let report = |calibration| Report {
        coverage_at: [0.85, 0.9, 0.95, 0.98, 0.99].map(|target| outcome.coverage_at(target, &curve)).to_vec(),
        pair_auc: outcome.pair_auc(),
        top1: outcome.top1(),
        false_drafts: outcome.false_drafts(precision),
        forbidden: outcome.forbidden(precision),
        undiacritised: outcome.undiacritised(reuse, &curve),
        small_store_drafts,
        small_store_wrong,
        calibration,
    };
    let fitted = Fitted {
        data,
        asked: labelled.asked.len(),
        pairs: labelled.pairs.len(),
        edits: known.edits,
        in_small_stores: known.in_small_stores,
        near: known.contrasts.len(),
        at_desks: known.couples.iter().map(|couple| couple.asked).collect::<HashSet<_>>().len(),
        target: precision,
        drafts: reached.drafts,
        precision: outcome.precision(reached.drafts),
        precision_lower: reached.precision_lower.unwrap_or(0.0),
        coverage: reached.coverage,
    };
    let suggest = curve.probability(outcome.right_score_at(SUGGESTED)).min(reuse);
    Ok(report(Calibration {
        fingerprint: String::new(),
        model,
        fitted,
        bands: Bands { reuse, suggest },
        curve,
        blend,
        inputs: FEATURES.iter().map(|(name, _)| (*name).to_owned()).collect(),
        trees: fit(&stacked.examples(&known, None)),
        learned: Learned { pooling: stacked.of_all, comparer },
    }))
}

fn fit(examples: &[Example]) -> Trees {
    let directions: Vec<Direction> = FEATURES.iter().map(|(_, direction)| *direction).collect();
    Trees::fit(examples, &directions, &GROWTH)
}

/// Every row's log-odds by a fit that saw nothing of its group.
fn held_back_scores(known: &Known, stacked: &Stacked) -> Vec<f64> {
    let mut scores = vec![0.0; known.rows.len()];
    for held in 0..FOLDS {
        let examples = stacked.examples(known, Some(held));
        let folds = known.rows.iter().map(|row| row.fold);
        let (of_held, seen): (Vec<_>, Vec<_>) =
            examples.into_iter().zip(folds).enumerate().partition(|(_, (_, fold))| *fold == held);
        let trees = fit(&seen.into_iter().map(|(_, (example, _))| example).collect::<Vec<_>>());
        for (at, (example, _)) in of_held {
            scores[at] = trees.score(&example.inputs);
        }
    }
    scores
}

/// The fold of a group: neighbouring ones are spread (the finaliser of SplitMix64).
fn fold(group: usize) -> u64 {
    let mut x = (group as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) % FOLDS
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
