//! What the store's own words teach: how rare each is, and where diacritics go. Learned from what is
//! indexed; every process learns for itself, and a little difference between two does no harm.

use crate::{rarity::Rarity, restore::Restorer, text::Text};

#[derive(Debug, Default)]
pub struct Vocabulary {
    pub rarity: Rarity,
    pub restorer: Restorer,
}

impl Vocabulary {
    /// Learns from a stored question and its answer.
    pub fn learn(&mut self, question: &Text, answer: &str) {
        self.rarity.learn(&question.folded);
        self.restorer.learn(&question.normal);
        self.restorer.learn(&crate::text::normalise(answer));
    }
}
