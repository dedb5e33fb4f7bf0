//! From features to a probability and a band: fitted elsewhere, kept as data, one file per model.

use std::path::{Path, PathBuf};

use api::knowledge::v1::Band;
use serde::Deserialize;

use crate::reuse::Features;

/// A calibration file that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read calibration file {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("calibration file is malformed")]
    Malformed(#[from] toml::de::Error),
    #[error("calibration is for model {0}, not for {1}")]
    OtherModel(String, String),
    #[error("calibration's bands must keep 0 < suggest <= reuse <= 1")]
    Bands,
}

/// How much each feature says, and where the bands begin.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The embedding model whose cosines it was fitted on.
    model: String,
    /// Both questions with diacritics.
    diacritised: Curve,
    /// Either without: cosine says little then.
    undiacritised: Curve,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Curve {
    /// Least probability of the band `reuse`.
    reuse: f64,
    /// Least probability of the band `suggest`.
    suggest: f64,
    intercept: f64,
    weights: Features,
}

impl Calibration {
    /// The file at `path`, or the one that is compiled in; refused when it is not for `model`.
    pub fn load(path: Option<&Path>, model: &str) -> Result<Self, Error> {
        let text = match path {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|source| Error::Read { path: path.to_owned(), source })?,
            None => include_str!("../calibration/multilingual-e5-small-int4.toml").to_owned(),
        };
        let calibration: Self = toml::from_str(&text)?;
        if calibration.model != model {
            return Err(Error::OtherModel(calibration.model, model.to_owned()));
        }
        let sane = |c: &Curve| 0.0 < c.suggest && c.suggest <= c.reuse && c.reuse <= 1.0;
        if !sane(&calibration.diacritised) || !sane(&calibration.undiacritised) {
            return Err(Error::Bands);
        }
        Ok(calibration)
    }

    /// The probability, 0 to 1, that the two are the same question.
    pub fn probability(&self, features: &Features, undiacritised: bool) -> f64 {
        let curve = self.curve(undiacritised);
        let pairs = curve.weights.values().into_iter().zip(features.values());
        let logit = curve.intercept + pairs.map(|(weight, value)| weight * value).sum::<f64>();
        1.0 / (1.0 + (-logit).exp())
    }

    pub fn band(&self, probability: f64, undiacritised: bool) -> Band {
        let curve = self.curve(undiacritised);
        if probability >= curve.reuse {
            Band::Reuse
        } else if probability >= curve.suggest {
            Band::Suggest
        } else {
            Band::None
        }
    }

    fn curve(&self, undiacritised: bool) -> &Curve {
        if undiacritised { &self.undiacritised } else { &self.diacritised }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_file_is_for_its_model_only() {
        assert!(Calibration::load(None, "multilingual-e5-small-int4").is_ok());
        assert!(matches!(Calibration::load(None, "another"), Err(Error::OtherModel(..))));
    }
}
