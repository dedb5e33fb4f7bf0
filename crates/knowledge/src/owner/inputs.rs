//! What the model of owners sees of a text: its embedding, and its syllables and their pairs, with
//! and without diacritics, the rare ones counting more.

use std::collections::HashMap;

use super::{Example, linear::Inputs};
use crate::{lexical, text::Text};

/// Terms are counted in so many buckets. Two that meet cost a little, and memory has a limit.
pub const BUCKETS: usize = 1 << 17;

/// The embedding's weight beside the terms'.
const MEANING: f32 = 0.7;

/// What the examples say of texts in general.
#[derive(Debug, Clone)]
pub struct Reader {
    /// The mean embedding: what all of them share tells none apart.
    centre: Vec<f32>,
    /// How rare each bucket's terms are.
    rarity: Vec<f32>,
}

impl Reader {
    pub fn learn(examples: &[&Example]) -> Self {
        let mut centre = vec![0.0; examples.first().map_or(0, |example| example.dense.len())];
        let mut seen = vec![0_u32; BUCKETS];
        for example in examples {
            centre.iter_mut().zip(&example.dense).for_each(|(sum, x)| *sum += x);
            for bucket in counts(&example.text).into_keys() {
                seen[bucket as usize] += 1;
            }
        }
        let total = number(u32::try_from(examples.len()).unwrap_or(u32::MAX));
        for sum in &mut centre {
            *sum /= total.max(1.0);
        }
        let rarity = seen.into_iter().map(|seen| ((1.0 + total) / (1.0 + number(seen))).ln() + 1.0);
        Self { centre, rarity: rarity.collect() }
    }

    pub fn read(&self, text: &Text, dense: &[f32]) -> Inputs {
        let dense = dense.iter().zip(&self.centre).map(|(x, centre)| x - centre).collect();
        let mut terms: Vec<(u32, f32)> = counts(text).into_iter().collect();
        terms.sort_unstable_by_key(|(bucket, _)| *bucket); // sums must not depend on the map's order
        for (bucket, count) in &mut terms {
            *count = (1.0 + count.ln()) * self.rarity[*bucket as usize];
        }
        let length = terms.iter().map(|(_, x)| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        for (_, x) in &mut terms {
            *x /= length;
        }
        Inputs { dense: scaled(dense), terms }
    }
}

/// To the length [`MEANING`]; nothing stays nothing.
fn scaled(mut dense: Vec<f32>) -> Vec<f32> {
    let length = dense.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > f32::EPSILON {
        for x in &mut dense {
            *x *= MEANING / length;
        }
    }
    dense
}

/// Bucket → how often its terms occur.
fn counts(text: &Text) -> HashMap<u32, f32> {
    let mut counts = HashMap::new();
    let plain = lexical::terms(&text.folded).map(|term| format!("~{term}"));
    for term in lexical::terms(&text.normal).chain(plain) {
        let bucket = lexical::term_id(&term) % u32::try_from(BUCKETS).unwrap_or(u32::MAX);
        *counts.entry(bucket).or_insert(0.0) += 1.0;
    }
    counts
}

#[expect(clippy::cast_precision_loss, reason = "counts of texts, far below 2^24")]
fn number(count: u32) -> f32 {
    count as f32
}
