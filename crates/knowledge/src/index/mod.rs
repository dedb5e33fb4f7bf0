//! The vector index: embedded (one process, a folder) or a Qdrant cluster. Both hold one dense
//! vector, one sparse lexical vector with IDF by the engine, and the same payload. PostgreSQL is
//! the truth: an index may be lost and is then built again.

mod edge;
mod qdrant;

use std::{future::Future, pin::Pin};

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use self::{edge::EdgeIndex, qdrant::QdrantIndex};
use crate::{embed::DIMENSIONS, lexical::Lexical};

/// Names of the two vectors and of the payload's keys, the same in both engines.
const DENSE: &str = "question";
const LEXICAL: &str = "lexical";
const PASSAGE: &str = "id";
const FIELD: &str = "field";
const UNIT: &str = "unit";
/// Seconds since 1970; every point has both.
const VALID_FROM: &str = "valid_from";
const VALID_UNTIL: &str = "valid_until";

/// Makes point ids of passage ids; may never change while an index lives.
const POINTS: Uuid = Uuid::from_u128(0x6d6f_7463_7561_5f6b_6e6f_776c_6564_6765);

/// Why the index did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the embedded index failed")]
    Edge(#[from] qdrant_edge::OperationError),
    #[error("Qdrant failed")]
    Qdrant(#[from] Box<qdrant_client::QdrantError>),
    #[error("the index folder cannot be made")]
    Folder(#[source] std::io::Error),
    #[error("the index stopped in the middle of a call")]
    Stopped(#[from] tokio::task::JoinError),
    #[error("a vector of {0} numbers, or one that is not finite, was refused")]
    Vector(usize),
}

/// A passage as the index has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The passage's id.
    pub id: String,
    /// A unit vector of [`DIMENSIONS`] numbers.
    pub dense: Vec<f32>,
    pub lexical: Lexical,
    pub field: String,
    pub unit: String,
    pub valid: Span,
}

/// From one second to another that is not part of it, since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: i64,
    pub until: i64,
}

impl Span {
    /// Numbers that both engines compare exactly.
    pub const ALWAYS: Self = Self { from: -(1 << 50), until: 1 << 50 };

    /// Never narrower than what it is made of: the store has the last word.
    pub fn of(from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> Self {
        Self {
            from: from.map_or(Self::ALWAYS.from, |from| from.timestamp()),
            until: until.map_or(Self::ALWAYS.until, |until| until.timestamp().saturating_add(1)),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Query {
    /// A unit vector of [`DIMENSIONS`] numbers.
    pub dense: Vec<f32>,
    pub lexical: Lexical,
    /// Only passages of this field.
    pub field: Option<String>,
    /// Only passages that are valid at this second; none: whenever they are.
    pub at: Option<i64>,
    /// At least 1.
    pub limit: usize,
    /// Compare with every point instead of walking the graph.
    pub exact: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The passage's id.
    pub id: String,
    /// Of both legs, fused by the engine; only its order means something.
    pub score: f32,
    /// Cosine similarity, -1 to 1.
    pub cosine: f32,
    /// BM25, 0 or more.
    pub lexical: f32,
}

/// A call under way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// What an engine must do; one contract suite (`tests/index.rs`) holds both to it.
pub trait VectorIndex: Send + Sync {
    /// Makes the collection where it is missing.
    fn ensure(&self) -> Pending<'_, ()>;
    /// Stores points, replacing those with the same id; when it returns they are found and kept.
    fn upsert(&self, points: Vec<Point>) -> Pending<'_, ()>;
    /// Forgets passages; unknown ids are no error.
    fn delete(&self, ids: Vec<String>) -> Pending<'_, ()>;
    /// The nearest by meaning and by words, best first.
    fn search(&self, query: Query) -> Pending<'_, Vec<Hit>>;
    fn count(&self) -> Pending<'_, u64>;
    /// Forgets everything.
    fn clear(&self) -> Pending<'_, ()>;
    /// Builds the graph that makes large indexes fast; long, meant for the background.
    fn optimize(&self) -> Pending<'_, ()>;
}

/// Both engines compare numbers as floating point.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
fn seconds(at: i64) -> f64 {
    at as f64
}

fn point_id(passage: &str) -> Uuid {
    Uuid::new_v5(&POINTS, passage.as_bytes())
}

/// The engines take a NaN silently and then find nothing.
fn checked(dense: &[f32]) -> Result<(), Error> {
    let fine = dense.len() == DIMENSIONS && dense.iter().all(|x| x.is_finite());
    if fine { Ok(()) } else { Err(Error::Vector(dense.len())) }
}

/// A collection's name: letters, digits and hyphens; another model is another collection.
pub fn collection(model: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("motcua-{}", model.chars().map(plain).collect::<String>())
}
