//! From a described pair to a probability and a band: fitted by `motcua calibrate`, kept as data, one
//! file per model.

use std::path::{Path, PathBuf};

use api::knowledge::v1::Band;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{learned::Learned, pair::FEATURES, reuse::Described, trees::Trees};

/// A calibration file that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read calibration file {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("calibration file is malformed")]
    Malformed(#[from] toml::de::Error),
    #[error("calibration is for model {0}, not for {1}")]
    OtherModel(String, String),
    #[error("calibration is for other inputs than this program's; calibrate again")]
    OtherInputs,
    #[error("calibration's bands must keep 0 < suggest <= reuse <= 1, its slope and its blend be above 0")]
    Bands,
}

/// What pairs are worth, and where the bands begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// SHA-256 of the file, in hexadecimal; empty: not loaded from one.
    #[serde(skip)]
    pub fingerprint: String,
    /// The embedding model whose vectors it was fitted on.
    pub model: String,
    pub fitted: Fitted,
    pub bands: Bands,
    pub curve: Curve,
    pub blend: Blend,
    /// Names of the trees' inputs, in their order.
    pub inputs: Vec<String>,
    pub learned: Learned,
    pub trees: Trees,
}

/// What is looked at first: the rest of a file for other inputs may be otherwise too.
#[derive(Deserialize)]
struct Inputs {
    inputs: Vec<String>,
}

/// What it was fitted on, and what it then did on questions that it had not seen (cross-validated).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fitted {
    /// SHA-256 over the files, in their order.
    pub data: String,
    pub asked: usize,
    pub pairs: usize,
    pub edits: usize,
    /// How often a question was asked of a small store.
    pub in_small_stores: usize,
    /// Questions with near ones that a pooling learned to tell apart.
    pub near: usize,
    /// Questions that were asked of desks.
    pub at_desks: usize,
    /// The precision of `reuse` that was asked for.
    pub target: f64,
    pub drafts: usize,
    pub precision: f64,
    /// Wilson's lower bound, 95 %.
    pub precision_lower: f64,
    /// Share of the questions with a duplicate that get the right draft.
    pub coverage: f64,
}

/// Least probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bands {
    pub reuse: f64,
    pub suggest: f64,
}

/// How much the trees' log-odds and the comparer's count; both add up to the score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blend {
    pub trees: f64,
    pub comparer: f64,
}

impl Blend {
    pub fn score(&self, trees: f64, comparer: f32) -> f64 {
        self.trees * trees + self.comparer * f64::from(comparer)
    }
}

/// From the score, log-odds, to a probability: 1 / (1 + exp(-(slope x + intercept))) (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    pub slope: f64,
    pub intercept: f64,
}

impl Curve {
    pub fn probability(&self, score: f64) -> f64 {
        1.0 / (1.0 + (-(self.slope * score + self.intercept)).exp())
    }
}

impl Calibration {
    /// The file at `path`, or the one that is compiled in; refused when it is not for `model`.
    pub fn load(path: Option<&Path>, model: &str) -> Result<Self, Error> {
        let text = match path {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| Error::Read { path: path.to_owned(), source })?,
            None => include_str!("../calibration/multilingual-e5-small-int4.toml").to_owned(),
        };
        let known = FEATURES.iter().map(|(name, _)| *name);
        if !toml::from_str::<Inputs>(&text)?.inputs.iter().map(String::as_str).eq(known) {
            return Err(Error::OtherInputs);
        }
        let mut calibration: Self = toml::from_str(&text)?;
        calibration.fingerprint = format!("{:x}", Sha256::digest(&text));
        if calibration.model != model {
            return Err(Error::OtherModel(calibration.model, model.to_owned()));
        }
        if !calibration.trees.is_sound(FEATURES.len()) {
            return Err(Error::OtherInputs);
        }
        let Bands { reuse, suggest } = calibration.bands;
        let Blend { trees, comparer } = calibration.blend;
        let rising = calibration.curve.slope > 0.0
            && calibration.curve.intercept.is_finite()
            && [trees, comparer].iter().all(|share| (0.0..1e6).contains(share))
            && trees + comparer > 0.0;
        if !(0.0 < suggest && suggest <= reuse && reuse <= 1.0 && rising) {
            return Err(Error::Bands);
        }
        Ok(calibration)
    }

    /// The probability, 0 to 1, that the two are the same question.
    pub fn probability(&self, described: &Described) -> f64 {
        let Described { inputs, comparer_score, .. } = described;
        self.curve.probability(self.blend.score(self.trees.score(inputs), *comparer_score))
    }

    pub fn band(&self, probability: f64) -> Band {
        if probability >= self.bands.reuse {
            Band::Reuse
        } else if probability >= self.bands.suggest {
            Band::Suggest
        } else {
            Band::None
        }
    }
}
