//! What was learned of words: read by both, a question can be compared by both.

use serde::{Deserialize, Serialize};

use crate::{comparer::Comparer, pooling::Pooling};

/// The learned weights of a calibration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learned {
    pub pooling: Pooling,
    pub comparer: Comparer,
}

impl Learned {
    /// Tells nothing apart.
    pub(crate) fn blind() -> Self {
        Self { pooling: Pooling::blind(), comparer: Comparer::blind() }
    }
}
