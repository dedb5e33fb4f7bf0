//! Reads the `E5S1` container: the 4-bit weights and the vocabulary of multilingual-e5-small.
//!
//! Little endian throughout. Every length is compared with what the file still holds before it is
//! believed, so that a truncated or foreign file is refused and never makes us panic or allocate.

use std::collections::HashMap;
use std::ops::Range;

/// Weights of one block of a 4-bit tensor; they share one scale.
pub(super) const BLOCK: usize = 32;
/// Bytes of one block: an f16 scale and 32 nibbles.
const BLOCK_BYTES: usize = 18;
const MAGIC: &[u8] = b"E5S1";
const VERSION: u32 = 1;

/// The sizes the network is built from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub feed_forward: usize,
    /// Rows of the embedding table; more than there are pieces.
    pub vocabulary: usize,
    /// Longest input in tokens.
    pub positions: usize,
    pub token_types: usize,
    /// Of every layer normalisation.
    pub epsilon: f32,
}

/// Ids of the pieces that mean something to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Special {
    pub bos: usize,
    pub eos: usize,
    pub pad: usize,
    pub unk: usize,
}

/// What one code point becomes before it is split into pieces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    pub from: char,
    pub to: Vec<char>,
}

enum Kind {
    F32,
    Q4,
}

struct Entry {
    kind: Kind,
    weights: usize,
    bytes: Range<usize>,
}

/// A parsed file; tensors are read out of it one at a time.
pub(super) struct E5s1<'a> {
    pub shape: Shape,
    pub special: Special,
    /// Text and log probability; the position is the token id.
    pub pieces: Vec<(&'a str, f32)>,
    pub mappings: Vec<Mapping>,
    file: &'a [u8],
    directory: HashMap<&'a str, Entry>,
}

/// A 4-bit tensor in the two arrays ONNX Runtime wants.
pub(super) struct Quantised {
    /// One per block, row by row.
    pub scales: Vec<f32>,
    /// Two weights a byte, the earlier one in the low half.
    pub nibbles: Vec<u8>,
}

/// Why a file is refused, in words.
type Refusal = String;

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Refusal> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or("the file is truncated")?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or("the file is truncated")?;
        self.rest = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8, Refusal> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16, Refusal> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, Refusal> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn f32(&mut self) -> Result<f32, Refusal> {
        Ok(f32::from_le_bytes(self.array()?))
    }

    /// A count or an id, written as i32.
    fn count(&mut self) -> Result<usize, Refusal> {
        let n = i32::from_le_bytes(self.array()?);
        usize::try_from(n).map_err(|_| format!("a count is negative: {n}"))
    }

    /// A count or an offset, written as u64.
    fn long(&mut self) -> Result<usize, Refusal> {
        let n = u64::from_le_bytes(self.array()?);
        usize::try_from(n).map_err(|_| format!("a length is too large: {n}"))
    }

    /// Refuses a count of things of at least `each` bytes that the rest of the file cannot hold.
    fn bounded(&self, count: usize, each: usize) -> Result<usize, Refusal> {
        match count.checked_mul(each) {
            Some(bytes) if bytes <= self.rest.len() => Ok(count),
            _ => Err(format!("the file is too short for {count} entries")),
        }
    }
}

impl<'a> E5s1<'a> {
    pub fn parse(file: &'a [u8]) -> Result<Self, Refusal> {
        let mut r = Reader { rest: file };
        if r.take(MAGIC.len())? != MAGIC {
            return Err("this is not an E5S1 file".into());
        }
        let version = r.u32()?;
        if version != VERSION {
            return Err(format!("E5S1 version {version} is not known"));
        }
        let shape = shape(&mut r)?;
        let count = r.count()?;
        let special = Special { bos: r.count()?, eos: r.count()?, pad: r.count()?, unk: r.count()? };
        let pieces = pieces(&mut r, count)?;
        // The converter names these by id, and the last piece is the mask.
        let named = [special.bos, special.eos, special.pad, special.unk];
        if pieces.len() > shape.vocabulary || named.iter().any(|id| *id >= pieces.len()) {
            return Err("the vocabulary does not fit the embedding table".into());
        }
        let mappings = mappings(&mut r)?;
        let directory = directory(&mut r, file.len())?;
        Ok(Self { shape, special, pieces, mappings, file, directory })
    }

    fn entry(&self, name: &str, weights: usize) -> Result<&Entry, Refusal> {
        let entry = self.directory.get(name).ok_or_else(|| format!("tensor {name} is missing"))?;
        if entry.weights == weights {
            Ok(entry)
        } else {
            let found = entry.weights;
            Err(format!("tensor {name} has {found} weights, not {weights}"))
        }
    }

    /// A plain tensor of exactly `weights` numbers.
    pub fn floats(&self, name: &str, weights: usize) -> Result<Vec<f32>, Refusal> {
        let entry = self.entry(name, weights)?;
        let Kind::F32 = entry.kind else {
            return Err(format!("tensor {name} is not made of plain numbers"));
        };
        let (numbers, _) = self.file[entry.bytes.clone()].as_chunks::<4>();
        Ok(numbers.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    /// A 4-bit tensor of exactly `rows` × `columns` weights.
    pub fn quantised(&self, name: &str, rows: usize, columns: usize) -> Result<Quantised, Refusal> {
        let entry = self.entry(name, rows * columns)?;
        let Kind::Q4 = entry.kind else {
            return Err(format!("tensor {name} is not 4 bit"));
        };
        let (blocks, _) = self.file[entry.bytes.clone()].as_chunks::<BLOCK_BYTES>();
        let mut scales = Vec::with_capacity(blocks.len());
        let mut nibbles = Vec::with_capacity(blocks.len() * BLOCK / 2);
        for block in blocks {
            let (scale, packed) = block.split_first_chunk::<2>().ok_or("a block is short")?;
            scales.push(half(u16::from_le_bytes(*scale)));
            repack(packed, &mut nibbles);
        }
        Ok(Quantised { scales, nibbles })
    }
}

fn shape(r: &mut Reader) -> Result<Shape, Refusal> {
    let shape = Shape {
        hidden: r.count()?,
        layers: r.count()?,
        heads: r.count()?,
        feed_forward: r.count()?,
        vocabulary: r.count()?,
        positions: r.count()?,
        token_types: r.count()?,
        epsilon: r.f32()?,
    };
    let block = r.count()?;
    // Upper bounds keep every later product far from overflow.
    let sane = block == BLOCK
        && (1..=8192).contains(&shape.hidden)
        && shape.hidden.is_multiple_of(BLOCK)
        && (1..=96).contains(&shape.layers)
        && shape.heads > 0
        && shape.hidden.is_multiple_of(shape.heads)
        && (1..=65_536).contains(&shape.feed_forward)
        && shape.feed_forward.is_multiple_of(BLOCK)
        && (1..=4_000_000).contains(&shape.vocabulary)
        && (1..=65_536).contains(&shape.positions)
        && (1..=16).contains(&shape.token_types)
        && shape.epsilon.is_finite();
    if sane { Ok(shape) } else { Err(format!("sizes make no sense: {shape:?}, block {block}")) }
}

fn pieces<'a>(r: &mut Reader<'a>, count: usize) -> Result<Vec<(&'a str, f32)>, Refusal> {
    let blob_len = r.long()?;
    let offsets: Vec<usize> =
        (0..=r.bounded(count, 8)?).map(|_| r.u32().map(|n| n as usize)).collect::<Result<_, _>>()?;
    let scores: Vec<f32> = (0..count).map(|_| r.f32()).collect::<Result<_, _>>()?;
    let blob = r.take(blob_len)?;
    let texts = offsets.windows(2).map(|ends| {
        let bytes = blob.get(ends[0]..ends[1]).ok_or("a piece lies outside the vocabulary")?;
        std::str::from_utf8(bytes).map_err(|_| Refusal::from("a piece is not UTF-8"))
    });
    texts.zip(scores).map(|(text, score)| Ok((text?, score))).collect()
}

fn mappings(r: &mut Reader) -> Result<Vec<Mapping>, Refusal> {
    let count = r.count()?;
    let _bytes = r.u32()?;
    let character = |n: u32| char::from_u32(n).ok_or_else(|| format!("{n:#x} is no code point"));
    (0..r.bounded(count, 5)?)
        .map(|_| {
            let from = character(r.u32()?)?;
            let len = usize::from(r.u8()?);
            let to = (0..len).map(|_| character(r.u32()?)).collect::<Result<_, Refusal>>()?;
            Ok(Mapping { from, to })
        })
        .collect()
}

fn directory<'a>(r: &mut Reader<'a>, file_len: usize) -> Result<HashMap<&'a str, Entry>, Refusal> {
    let count = r.count()?;
    (0..r.bounded(count, 23)?)
        .map(|_| {
            let name_len = usize::from(r.u16()?);
            let name = std::str::from_utf8(r.take(name_len)?)
                .map_err(|_| Refusal::from("a tensor's name is not UTF-8"))?;
            let dtype = r.u8()?;
            let weights = r.u32()? as usize;
            let start = r.long()?;
            let len = r.long()?;
            let (kind, expected) = match dtype {
                0 => (Kind::F32, weights.checked_mul(4)),
                1 if weights.is_multiple_of(BLOCK) => (Kind::Q4, (weights / BLOCK).checked_mul(BLOCK_BYTES)),
                _ => return Err(format!("tensor {name} has unknown type {dtype}")),
            };
            let end = start.checked_add(len).filter(|end| *end <= file_len);
            match (end, expected == Some(len)) {
                (Some(end), true) => {
                    let bytes = start..end;
                    Ok((name, Entry { kind, weights, bytes }))
                }
                _ => Err(format!("tensor {name} lies outside the file")),
            }
        })
        .collect()
}

/// The file pairs weight j with weight j + 16 in a byte; ONNX Runtime pairs neighbours.
fn repack(packed: &[u8], out: &mut Vec<u8>) {
    let pair = |two: &[u8; 2], high: bool| {
        let shift = if high { 4 } else { 0 };
        (two[0] >> shift & 0x0F) | ((two[1] >> shift & 0x0F) << 4)
    };
    let (neighbours, _) = packed.as_chunks::<2>();
    out.extend(neighbours.iter().map(|two| pair(two, false)));
    out.extend(neighbours.iter().map(|two| pair(two, true)));
}

/// IEEE 754 half precision to single; exact.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1F);
    let fraction = bits & 0x3FF;
    let exact = f32::from(fraction);
    sign * match exponent {
        0 => exact * 2f32.powi(-24),
        31 if fraction == 0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + exact) * 2f32.powi(exponent - 25),
    }
}

#[cfg(test)]
#[path = "e5s1_tests.rs"]
mod tests;
