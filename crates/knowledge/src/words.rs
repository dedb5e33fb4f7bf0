//! One vector per word, from the embedder's own token vectors: the word as it is meant in its
//! sentence. Kept with a passage as signed bytes, so that two questions can be aligned word by word
//! without a second model.

use crate::{
    embed::DIMENSIONS,
    matrix::{dot, products},
};

/// Words of one text that have a vector, at most; of a longer one the beginning.
pub const WORDS_MAX: usize = 96;

/// Bytes of one kept word: a scale and a signed byte per number.
const BYTES: usize = 4 + DIMENSIONS;

/// Unit vectors of a text's first words, in order, one after the other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WordVectors(Vec<f32>);

impl WordVectors {
    /// Makes unit vectors of [`DIMENSIONS`] numbers each; what has no length stays as it is.
    pub fn new(mut vectors: Vec<f32>) -> Self {
        vectors.truncate(WORDS_MAX * DIMENSIONS);
        for vector in vectors.chunks_exact_mut(DIMENSIONS) {
            let length = dot(vector, vector).sqrt();
            if length > 0.0 {
                for x in vector {
                    *x /= length;
                }
            }
        }
        Self(vectors)
    }

    /// Of a text that was not embedded.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    pub fn len(&self) -> usize {
        self.0.len() / DIMENSIONS
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Row by row, each word's cosines to the words of the other, -1 to 1.
    pub fn likeness(&self, other: &Self) -> Vec<f32> {
        products(&self.0, &other.0, DIMENSIONS)
    }

    /// One word after the other.
    pub(crate) fn numbers(&self) -> &[f32] {
        &self.0
    }

    /// Word by word.
    pub fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.0.chunks_exact(DIMENSIONS)
    }

    /// As kept: each number within 1/254 of its vector's greatest.
    pub fn to_bytes(&self) -> Vec<u8> {
        rows_to_bytes(&self.0)
    }

    /// `None` when the bytes are no such vectors.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > WORDS_MAX * BYTES { None } else { rows_from_bytes(bytes).map(Self) }
    }
}

/// Each row of [`DIMENSIONS`] numbers as a scale and signed bytes.
pub(crate) fn rows_to_bytes(rows: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rows.len() / DIMENSIONS * BYTES);
    for row in rows.chunks_exact(DIMENSIONS) {
        let scale = scale(row);
        bytes.extend(scale.to_le_bytes());
        bytes.extend(row.iter().map(|x| step(*x, scale).cast_unsigned()));
    }
    bytes
}

/// What is left of the rows when they are kept.
pub(crate) fn rounded_rows(rows: &[f32]) -> Vec<f32> {
    let rounded = |row| {
        let scale = scale(row);
        row.iter().map(move |x| f32::from(step(*x, scale)) * scale)
    };
    rows.chunks_exact(DIMENSIONS).flat_map(rounded).collect()
}

fn scale(row: &[f32]) -> f32 {
    row.iter().fold(0.0_f32, |most, x| most.max(x.abs())) / 127.0
}

#[expect(clippy::cast_possible_truncation, reason = "scaled to -127..=127")]
fn step(x: f32, scale: f32) -> i8 {
    (x / scale.max(f32::MIN_POSITIVE)).round() as i8
}

/// `None` when the bytes are no such rows.
pub(crate) fn rows_from_bytes(bytes: &[u8]) -> Option<Vec<f32>> {
    let (kept, rest) = bytes.as_chunks::<BYTES>();
    if !rest.is_empty() {
        return None;
    }
    let mut rows = Vec::with_capacity(kept.len() * DIMENSIONS);
    for row in kept {
        let (scale, numbers) = row.split_first_chunk::<4>()?;
        let scale = f32::from_le_bytes(*scale);
        if !(scale * 128.0).is_finite() {
            return None;
        }
        rows.extend(numbers.iter().map(|byte| f32::from(byte.cast_signed()) * scale));
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> WordVectors {
        let vector = |n: u16| (0..DIMENSIONS).zip(0_u16..).map(move |(_, i)| (f32::from(i * n) * 0.7).sin());
        WordVectors::new(vector(1).chain(vector(2)).chain([0.0; DIMENSIONS]).collect())
    }

    #[test]
    fn kept_vectors_are_nearly_the_same() {
        let (words, kept) = (vectors(), WordVectors::from_bytes(&vectors().to_bytes()).unwrap());
        let likeness = words.likeness(&kept);
        assert!(likeness[0] > 0.999 && likeness[4] > 0.999);
        assert!(likeness[1] < 0.5 && likeness[8].abs() < 1e-6);
    }

    #[test]
    fn other_bytes_are_refused() {
        assert_eq!(WordVectors::from_bytes(&[]), Some(WordVectors::default()));
        assert_eq!(WordVectors::from_bytes(&[1, 2, 3]), None);
        assert_eq!(WordVectors::from_bytes(&vec![0; BYTES * (WORDS_MAX + 1)]), None);
        let mut bytes = vectors().to_bytes();
        for scale in [f32::NAN, f32::MAX] {
            bytes[..4].copy_from_slice(&scale.to_le_bytes());
            assert_eq!(WordVectors::from_bytes(&bytes), None);
        }
    }

    #[test]
    fn a_long_text_keeps_its_beginning() {
        assert_eq!(WordVectors::new(vec![1.0; DIMENSIONS * (WORDS_MAX + 5)]).len(), WORDS_MAX);
    }
}
