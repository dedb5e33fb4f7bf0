//! A second vector of a text, pooled from its words' vectors by learned attention: a few attentions each
//! weigh the words, what they see is narrowed, and all of it together is the vector (after Lin et al.
//! 2017, "A structured self-attentive sentence embedding"). Fitted by `motcua calibrate` to tell near
//! questions apart, so it looks where the sentence's own vector does not; a hundred thousand weights
//! and no second model.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    embed::DIMENSIONS,
    words::{WordVectors, dot, rounded_rows, rows_from_bytes, rows_to_bytes},
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

/// What one attention makes of a text.
#[derive(Debug)]
pub(crate) struct Seen {
    /// A share for each word; they add up to 1.
    pub shares: Vec<f32>,
    /// The words' vectors, so weighed.
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

    /// A unit vector of [`ATTENTIONS`] × [`NARROW`] numbers; zeros when there is nothing to see.
    pub fn pool(&self, words: &WordVectors) -> Vec<f32> {
        let mut vector = narrow(&self.narrowing, &see(&self.attention, words));
        scale_to_unit(&mut vector);
        vector
    }
}

pub(crate) fn see(attention: &[f32], words: &WordVectors) -> Vec<Seen> {
    let see = |attention| {
        let scores: Vec<f32> = words.iter().map(|word| SHARPNESS * dot(attention, word)).collect();
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut shares: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
        let sum: f32 = shares.iter().sum();
        let mut pooled = vec![0.0; DIMENSIONS];
        for (share, word) in shares.iter_mut().zip(words.iter()) {
            *share /= sum;
            pooled.iter_mut().zip(word).for_each(|(pooled, x)| *pooled += *share * x);
        }
        Seen { shares, pooled }
    };
    attention.chunks_exact(DIMENSIONS).map(see).collect()
}

/// What was seen, narrowed, one attention after the other.
pub(crate) fn narrow(narrowing: &[f32], seen: &[Seen]) -> Vec<f32> {
    let blocks = narrowing.chunks_exact(NARROW * DIMENSIONS).zip(seen);
    let rows = blocks.flat_map(|(block, seen)| block.chunks_exact(DIMENSIONS).map(move |row| (row, seen)));
    rows.map(|(row, seen)| dot(row, &seen.pooled)).collect()
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
        let vector = pooling.pool(&words);
        assert_eq!(vector.len(), ATTENTIONS * NARROW);
        assert!((dot(&vector, &vector) - 1.0).abs() < 1e-5);
        let seen = see(&pooling.attention, &words);
        assert_eq!(seen.len(), ATTENTIONS);
        assert!(seen.iter().all(|seen| (seen.shares.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    }

    #[test]
    fn where_there_is_nothing_to_see_or_too_much_there_is_no_direction() {
        let words = WordVectors::new(rows(2, 1.1));
        let vast = vec![f32::MAX / 2.0; ATTENTIONS * NARROW * DIMENSIONS];
        let vast = Pooling::new(&vast[..ATTENTIONS * DIMENSIONS], &vast);
        for vector in [pooling().pool(&WordVectors::none()), Pooling::blind().pool(&words), vast.pool(&words)]
        {
            assert_eq!(vector, [0.0; ATTENTIONS * NARROW]);
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
