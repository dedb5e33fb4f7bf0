//! Qdrant's engine inside this process. It blocks, so every call leaves the async threads.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use qdrant_edge::{
    Condition, CountRequest, CreateIndex, Distance, EdgeConfig, EdgeShard, EdgeSparseVectorParams,
    EdgeVectorParams, FieldCondition, FieldIndexOperations, Filter, HasIdCondition, Match, Modifier,
    NamedQuery, OperationError, PayloadFieldSchema, PayloadSchemaType, PointId, PointInsertOperations,
    PointOperations, PointStruct, QueryEnum, QueryRequest, Range, ScoredPoint, ScoringQuery, SearchParams,
    SparseVector, UpdateOperation, Vector, VectorInternal, Vectors, WithPayloadInterface, WithVector,
};
use serde_json::json;

use super::{
    DENSE, Error, FIELD, Hit, LEXICAL, PASSAGE, Pending, Point, Query, Span, UNIT, VALID_FROM, VALID_UNTIL,
    VectorIndex, checked, point_id, seconds,
};
use crate::{embed::DIMENSIONS, lexical::Lexical};

/// As the server's default, so that both engines fuse alike: a point counts 1 / (2 + its place, from 0).
const RRF_K: usize = 2;

/// An index in a folder that no other process uses.
pub struct EdgeIndex(Arc<Shard>);

struct Shard {
    shard: EdgeShard,
    /// The engine's `flush` panics when it meets an update or an optimisation.
    writing: Mutex<()>,
}

impl EdgeIndex {
    /// Opens the index in `folder`, or makes it. Blocks.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(Error::Folder)?;
        let config = EdgeConfig::builder()
            .vector(DENSE, EdgeVectorParams::builder(DIMENSIONS, Distance::Cosine).build())
            .sparse_vector(LEXICAL, EdgeSparseVectorParams::builder().modifier(Modifier::Idf).build())
            .build();
        let known: PathBuf = folder.join("edge_config.json");
        let shard = if known.exists() {
            EdgeShard::load(folder, Some(config))?
        } else {
            EdgeShard::new(folder, config)?
        };
        Ok(Self(Arc::new(Shard { shard, writing: Mutex::new(()) })))
    }

    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shard) -> Result<T, Error> + Send + 'static,
    ) -> Pending<'_, T> {
        let shard = Arc::clone(&self.0);
        Box::pin(async move { tokio::task::spawn_blocking(move || work(&shard)).await? })
    }
}

impl VectorIndex for EdgeIndex {
    fn ensure(&self) -> Pending<'_, ()> {
        self.call(|shard| {
            let indexed = [
                (FIELD, PayloadSchemaType::Keyword),
                (VALID_FROM, PayloadSchemaType::Integer),
                (VALID_UNTIL, PayloadSchemaType::Integer),
            ];
            for (key, kind) in indexed {
                let field_name = key.try_into().map_err(|()| OperationError::service_error("payload key"))?;
                let field_schema = Some(PayloadFieldSchema::FieldType(kind));
                let index = CreateIndex { field_name, field_schema };
                shard
                    .write(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(index)))?;
            }
            Ok(())
        })
    }

    fn upsert(&self, points: Vec<Point>) -> Pending<'_, ()> {
        self.call(|shard| {
            let points = points.into_iter().map(|point| Ok(edge_point(point)?.into()));
            let points = points.collect::<Result<Vec<_>, Error>>()?;
            shard.write(UpdateOperation::PointOperation(PointOperations::UpsertPoints(
                PointInsertOperations::PointsList(points),
            )))
        })
    }

    fn delete(&self, ids: Vec<String>) -> Pending<'_, ()> {
        self.call(move |shard| {
            let ids = ids.iter().map(|id| PointId::Uuid(point_id(id))).collect();
            shard.write(UpdateOperation::PointOperation(PointOperations::DeletePoints { ids }))
        })
    }

    /// Both legs at once, since each takes a core; then each says what it thinks of what only the other brought.
    fn search(&self, query: Query) -> Pending<'_, Vec<Hit>> {
        Box::pin(async move {
            checked(&query.dense)?;
            let query = Arc::new(query);
            let brought = |leg: Leg| {
                let query = Arc::clone(&query);
                self.call(move |shard| shard.brought(leg, &query))
            };
            let (by_meaning, by_words) = tokio::try_join!(brought(Leg::Meaning), brought(Leg::Words))?;
            let fused = fuse(&by_meaning, &by_words, query.limit);
            let scores = |leg: Leg, known: fn(&Fused) -> Option<f32>| {
                let query = Arc::clone(&query);
                let others = fused.iter().filter(|point| known(point).is_none());
                let others: HashSet<PointId> = others.map(|point| point.id).collect();
                self.call(move |shard| shard.scores(leg, &query, others))
            };
            let cosines = scores(Leg::Meaning, |point| point.cosine);
            let lexicals = scores(Leg::Words, |point| point.lexical);
            let (cosines, lexicals) = tokio::try_join!(cosines, lexicals)?;
            let hit = |point: Fused| Hit {
                cosine: point.cosine.or_else(|| cosines.get(&point.id).copied()).unwrap_or(0.0),
                lexical: point.lexical.or_else(|| lexicals.get(&point.id).copied()).unwrap_or(0.0),
                id: point.passage,
                score: point.score,
            };
            Ok(fused.into_iter().map(hit).collect())
        })
    }

    fn count(&self) -> Pending<'_, u64> {
        self.call(|shard| Ok(shard.shard.count(CountRequest { filter: None, exact: true })? as u64))
    }

    fn clear(&self) -> Pending<'_, ()> {
        self.call(|shard| {
            let everything = PointOperations::DeletePointsByFilter(Filter::default());
            shard.write(UpdateOperation::PointOperation(everything))
        })
    }

    fn optimize(&self) -> Pending<'_, ()> {
        self.call(|shard| {
            let _writing = shard.writing();
            shard.shard.optimize()?;
            Ok(())
        })
    }
}

impl Shard {
    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, operation: UpdateOperation) -> Result<(), Error> {
        let _writing = self.writing();
        self.shard.update(operation)?;
        self.shard.flush();
        Ok(())
    }

    /// One leg's best points, best first.
    fn brought(&self, leg: Leg, query: &Query) -> Result<Vec<ScoredPoint>, Error> {
        let Some(sought) = leg.of(query) else { return Ok(Vec::new()) };
        Ok(self.shard.query(QueryRequest {
            query: Some(sought),
            filter: filter(query),
            params: Some(SearchParams { exact: query.exact, ..SearchParams::default() }),
            with_payload: WithPayloadInterface::Bool(true),
            ..request(query.limit)
        })?)
    }

    /// A leg's scores of `points`, which it did not bring itself.
    fn scores(
        &self,
        leg: Leg,
        query: &Query,
        points: HashSet<PointId>,
    ) -> Result<HashMap<PointId, f32>, Error> {
        let Some(sought) = leg.of(query).filter(|_| !points.is_empty()) else { return Ok(HashMap::new()) };
        let limit = points.len();
        let among = Condition::HasId(points.into_iter().collect::<HasIdCondition>());
        let found = self.shard.query(QueryRequest {
            query: Some(sought),
            filter: Some(Filter::new_must(among)),
            params: Some(SearchParams { exact: true, ..SearchParams::default() }),
            ..request(limit)
        })?;
        Ok(found.into_iter().map(|point| (point.id, point.score)).collect())
    }
}

/// A point of either leg, with the score of each leg that brought it.
struct Fused {
    id: PointId,
    passage: String,
    score: f32,
    cosine: Option<f32>,
    lexical: Option<f32>,
}

/// By reciprocal ranks, best first, at most `limit`; of equal ones, what the dense leg brought comes first.
fn fuse(by_meaning: &[ScoredPoint], by_words: &[ScoredPoint], limit: usize) -> Vec<Fused> {
    let (mut fused, mut places) = (Vec::new(), HashMap::new());
    for (rank, point) in by_meaning.iter().enumerate() {
        ranked(&mut fused, &mut places, rank, point).cosine = Some(point.score);
    }
    for (rank, point) in by_words.iter().enumerate() {
        ranked(&mut fused, &mut places, rank, point).lexical = Some(point.score);
    }
    fused.sort_by(|a, b| b.score.total_cmp(&a.score));
    fused.truncate(limit);
    fused
}

fn ranked<'a>(
    fused: &'a mut Vec<Fused>,
    places: &mut HashMap<PointId, usize>,
    rank: usize,
    point: &ScoredPoint,
) -> &'a mut Fused {
    let at = *places.entry(point.id).or_insert_with(|| {
        let passage = passage_id(point);
        fused.push(Fused { id: point.id, passage, score: 0.0, cosine: None, lexical: None });
        fused.len() - 1
    });
    fused[at].score += 1.0 / number(RRF_K + rank);
    &mut fused[at]
}

fn request(limit: usize) -> QueryRequest {
    QueryRequest {
        prefetches: Vec::new(),
        query: None,
        filter: None,
        score_threshold: None,
        limit,
        offset: 0,
        params: None,
        with_vector: WithVector::Bool(false),
        with_payload: WithPayloadInterface::Bool(false),
    }
}

/// What a point is sought by.
#[derive(Clone, Copy)]
enum Leg {
    Meaning,
    Words,
}

impl Leg {
    /// `None` when the text has nothing to seek by.
    fn of(self, query: &Query) -> Option<ScoringQuery> {
        match self {
            Self::Meaning => Some(nearest(VectorInternal::Dense(query.dense.clone()), DENSE)),
            Self::Words => {
                let Lexical { terms, weights } = query.lexical.clone();
                let sparse = SparseVector { indices: terms, values: weights };
                (!sparse.indices.is_empty()).then(|| nearest(VectorInternal::Sparse(sparse), LEXICAL))
            }
        }
    }
}

fn nearest(query: VectorInternal, using: &str) -> ScoringQuery {
    ScoringQuery::Vector(QueryEnum::Nearest(NamedQuery { query, using: Some(using.into()) }))
}

fn filter(query: &Query) -> Option<Filter> {
    let mut must = Vec::new();
    if let Some(field) = &query.field {
        must.push(FieldCondition::new_match(FIELD.try_into().ok()?, Match::from(field.clone())));
    }
    if let Some(at) = query.at {
        let at = || Some(seconds(at).into());
        let begun = Range { lte: at(), gte: None, lt: None, gt: None };
        let not_ended = Range { gt: at(), gte: None, lt: None, lte: None };
        must.push(FieldCondition::new_range(VALID_FROM.try_into().ok()?, begun));
        must.push(FieldCondition::new_range(VALID_UNTIL.try_into().ok()?, not_ended));
    }
    (!must.is_empty())
        .then(|| Filter { must: Some(must.into_iter().map(Condition::Field).collect()), ..Filter::default() })
}

fn edge_point(point: Point) -> Result<PointStruct, Error> {
    checked(&point.dense)?;
    let vectors = Vectors::new_named([
        (DENSE, Vector::from(point.dense)),
        (LEXICAL, Vector::new_sparse(point.lexical.terms, point.lexical.weights)?),
    ]);
    let Span { from, until } = point.valid;
    let payload = json!({
        PASSAGE: point.id, FIELD: point.field, UNIT: point.unit, VALID_FROM: from, VALID_UNTIL: until
    });
    Ok(PointStruct::new(PointId::Uuid(point_id(&point.id)), vectors, payload))
}

fn passage_id(point: &ScoredPoint) -> String {
    let id = point.payload.as_ref().and_then(|payload| payload.0.get(PASSAGE));
    id.and_then(|id| id.as_str()).unwrap_or_default().to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "ranks of a few dozen points")]
fn number(rank: usize) -> f32 {
    rank as f32
}
