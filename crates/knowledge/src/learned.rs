//! What was learned of words: read by both, a question can be compared by both.

use rayon::{current_num_threads, iter::ParallelIterator as _, slice::ParallelSlice as _};
use serde::{Deserialize, Serialize};

use crate::{
    comparer::{Comparer, Narrowed},
    pooling::Pooling,
    words::WordVectors,
};

/// The learned weights of a calibration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learned {
    pub pooling: Pooling,
    pub comparer: Comparer,
}

/// What both make of one text.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    pub(crate) pooled: Vec<f32>,
    pub(crate) narrowed: Narrowed,
}

impl Learned {
    /// Of each text, side by side on all cores.
    pub fn read(&self, texts: &[&WordVectors]) -> Vec<Reading> {
        let read = |texts: &[&WordVectors]| {
            let both = self.pooling.pool(texts).into_iter().zip(self.comparer.narrow(texts));
            both.map(|(pooled, narrowed)| Reading { pooled, narrowed }).collect::<Vec<_>>()
        };
        texts.par_chunks(texts.len().div_ceil(current_num_threads()).max(1)).flat_map_iter(read).collect()
    }

    /// Tells nothing apart.
    pub(crate) fn blind() -> Self {
        Self { pooling: Pooling::blind(), comparer: Comparer::blind() }
    }
}
