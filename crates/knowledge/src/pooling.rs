//! A second vector of a text, pooled from its words' vectors by learned attention: a few attentions each
//! weigh the words, what they see is narrowed, and all of it together is the vector (after Lin et al.
//! 2017, "A structured self-attentive sentence embedding"). Fitted by `motcua calibrate` to tell near
//! questions apart, so it looks where the sentence's own vector does not; a hundred thousand weights
//! and no second model.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    embed::DIMENSIONS,
    matrix::{dot, products, weighed},
    words::{WordVectors, rounded_rows, rows_from_bytes, rows_to_bytes},
};

/// Attentions of one pooling.
pub(crate) const ATTENTIONS: usize = 4;

/// Numbers that are kept of what one attention sees.
pub(crate) const NARROW: usize = 64;

/// Makes the softmax over the words sharp enough to be learned in few steps.
pub(crate) const SHARPNESS: f32 = 8.0;

/// Learned weights, rows of [`DIMENSIONS`], which its file keeps as signed bytes with a scale for each row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "File", into = "File")]
pub struct Pooling {
    /// A row for each attention.
    attention: Vec<f32>,
    /// [`NARROW`] rows for each attention.
    narrowing: Vec<f32>,
}

/// What the attentions make of a text.
#[derive(Debug)]
pub(crate) struct Seen {
    /// A row for each attention: a share for each word; they add up to 1.
    pub shares: Vec<f32>,
    /// A row for each attention: the words' vectors, so weighed.
    pub pooled: Vec<f32>,
}

impl Pooling {
    /// Of the weights, row by row, what its file can hold.
    pub(crate) fn new(attention: &[f32], narrowing: &[f32]) -> Self {
        Self { attention: rounded_rows(attention), narrowing: rounded_rows(narrowing) }
    }

    /// Sees nothing: all texts are equally far from each other.
    pub(crate) fn blind() -> Self {
        Self::new(&vec![0.0; ATTENTIONS * DIMENSIONS], &vec![0.0; ATTENTIONS * NARROW * DIMENSIONS])
    }

    /// Of each text a unit vector of [`ATTENTIONS`] × [`NARROW`] numbers; zeros when there is nothing to see. All at
    /// once: a product of large matrices costs less than many of small ones.
    pub fn pool(&self, texts: &[&WordVectors]) -> Vec<Vec<f32>> {
        let seen: Vec<Seen> = texts.iter().map(|words| see(&self.attention, words)).collect();
        let mut vectors = narrow(&self.narrowing, &seen);
        for vector in &mut vectors {
            scale_to_unit(vector);
        }
        vectors
    }
}

pub(crate) fn see(attention: &[f32], words: &WordVectors) -> Seen {
    let mut shares = products(attention, words.numbers(), DIMENSIONS);
    for shares in shares.chunks_exact_mut(words.len().max(1)) {
        let most = shares.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for score in &mut *shares {
            *score = (SHARPNESS * (*score - most)).exp();
        }
        let sum: f32 = shares.iter().sum();
        for share in shares {
            *share /= sum;
        }
    }
    let mut pooled = weighed(&shares, words.numbers(), DIMENSIONS);
    pooled.resize(attention.len(), 0.0);
    Seen { shares, pooled }
}

/// Of each text what was seen, narrowed, one attention after the other.
pub(crate) fn narrow(narrowing: &[f32], seen: &[Seen]) -> Vec<Vec<f32>> {
    let mut narrowed = vec![Vec::with_capacity(ATTENTIONS * NARROW); seen.len()];
    for (at, block) in narrowing.chunks_exact(NARROW * DIMENSIONS).enumerate() {
        let rows = products(&pooled_by(at, seen), block, DIMENSIONS);
        narrowed.iter_mut().zip(rows.chunks_exact(NARROW)).for_each(|(to, row)| to.extend_from_slice(row));
    }
    narrowed
}

/// Of each text a row: what this attention sees.
pub(crate) fn pooled_by(attention: usize, seen: &[Seen]) -> Vec<f32> {
    let own = attention * DIMENSIONS..(attention + 1) * DIMENSIONS;
    seen.iter().flat_map(|seen| &seen.pooled[own.clone()]).copied().collect()
}

/// The length that the vector had. One that has none, or more than can be counted, becomes zeros: were it not a
/// number, trees would take it for a great one.
pub(crate) fn scale_to_unit(vector: &mut [f32]) -> f32 {
    let length = dot(vector, vector).sqrt();
    if length.is_normal() {
        for x in vector {
            *x /= length;
        }
        return length;
    }
    vector.fill(0.0);
    0.0
}

/// Base64 of the rows.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    attention: String,
    narrowing: String,
}

impl From<Pooling> for File {
    fn from(pooling: Pooling) -> Self {
        let text = |rows: &[f32]| STANDARD.encode(rows_to_bytes(rows));
        Self { attention: text(&pooling.attention), narrowing: text(&pooling.narrowing) }
    }
}

impl TryFrom<File> for Pooling {
    type Error = String;

    fn try_from(file: File) -> Result<Self, String> {
        let rows = |text: &str, name: &str, count: usize| {
            let rows = STANDARD.decode(text).ok().and_then(|bytes| rows_from_bytes(&bytes));
            rows.filter(|rows| rows.len() == count * DIMENSIONS)
                .ok_or_else(|| format!("{name} must be the base64 of {count} rows"))
        };
        Ok(Self {
            attention: rows(&file.attention, "attention", ATTENTIONS)?,
            narrowing: rows(&file.narrowing, "narrowing", ATTENTIONS * NARROW)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize, of: f32) -> Vec<f32> {
        (0..count * DIMENSIONS)
            .zip((0..9_973_u16).cycle())
            .map(|(_, at)| (f32::from(at) * of).sin())
            .collect()
    }

    fn pooling() -> Pooling {
        Pooling::new(&rows(ATTENTIONS, 0.3), &rows(ATTENTIONS * NARROW, 0.7))
    }

    #[test]
    fn a_text_has_a_unit_vector_and_its_words_all_of_the_attention() {
        let (pooling, words) = (pooling(), WordVectors::new(rows(5, 1.1)));
        let vector = pooling.pool(&[&words]).remove(0);
        assert_eq!(vector.len(), ATTENTIONS * NARROW);
        assert!((dot(&vector, &vector) - 1.0).abs() < 1e-5);
        let seen = see(&pooling.attention, &words);
        assert_eq!((seen.shares.len(), seen.pooled.len()), (ATTENTIONS * 5, ATTENTIONS * DIMENSIONS));
        assert!(seen.shares.chunks_exact(5).all(|shares| (shares.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    }

    #[test]
    fn many_are_pooled_as_each_alone() {
        let (pooling, one, other) =
            (pooling(), WordVectors::new(rows(5, 1.1)), WordVectors::new(rows(3, 0.2)));
        let none = WordVectors::none();
        let all = pooling.pool(&[&one, &none, &other]);
        for (pooled, words) in all.iter().zip([&one, &none, &other]) {
            let alone = pooling.pool(&[words]).remove(0);
            assert!(pooled.iter().zip(alone).all(|(x, y)| (x - y).abs() < 1e-6));
        }
        assert!(dot(&all[0], &all[2]) < 0.999);
    }

    #[test]
    fn where_there_is_nothing_to_see_or_too_much_there_is_no_direction() {
        let words = WordVectors::new(rows(2, 1.1));
        let vast = vec![f32::MAX / 2.0; ATTENTIONS * NARROW * DIMENSIONS];
        let vast = Pooling::new(&vast[..ATTENTIONS * DIMENSIONS], &vast);
        let none = WordVectors::none();
        for vectors in [pooling().pool(&[&none]), Pooling::blind().pool(&[&words]), vast.pool(&[&words])] {
            assert_eq!(vectors, [[0.0; ATTENTIONS * NARROW]]);
        }
    }

    #[test]
    fn the_file_says_the_same() {
        let file = toml::to_string(&pooling()).unwrap();
        let (read, own): (Pooling, _) = (toml::from_str(&file).unwrap(), pooling());
        let numbers = |of: &Pooling| [of.attention.clone(), of.narrowing.clone()].concat();
        assert!(numbers(&read).iter().zip(numbers(&own)).all(|(read, own)| (read - own).abs() < 1e-6));
    }

    #[test]
    fn other_files_are_refused() {
        let of = |attention: &[f32], narrowing: &str| {
            let file = format!(
                "attention = {:?}\nnarrowing = {narrowing:?}",
                STANDARD.encode(rows_to_bytes(attention))
            );
            toml::from_str::<Pooling>(&file).err().map(|error| error.to_string()).unwrap()
        };
        assert!(of(&rows(1, 0.3), "").contains("attention must be the base64 of 4 rows"));
        assert!(of(&rows(ATTENTIONS, 0.3), "???").contains("narrowing must be the base64 of 256 rows"));
    }
}
