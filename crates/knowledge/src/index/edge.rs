//! Qdrant's engine inside this process. It blocks, so every call leaves the async threads.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use qdrant_edge::{
    Condition, CountRequest, CreateIndex, Distance, EdgeConfig, EdgeShard, EdgeSparseVectorParams,
    EdgeVectorParams, FieldCondition, FieldIndexOperations, Filter, Fusion, HasIdCondition, Match, Modifier,
    NamedQuery, OperationError, PayloadFieldSchema, PayloadSchemaType, PointId, PointInsertOperations,
    PointOperations, PointStruct, Prefetch, QueryEnum, QueryRequest, Range, ScoredPoint, ScoringQuery,
    SearchParams, SparseVector, UpdateOperation, Vector, VectorInternal, Vectors, WithPayloadInterface,
    WithVector,
};
use serde_json::json;

use super::{
    DENSE, Error, FIELD, Hit, LEXICAL, PASSAGE, Pending, Point, Query, Span, UNIT, VALID_FROM, VALID_UNTIL,
    VectorIndex, checked, point_id, seconds,
};
use crate::{embed::DIMENSIONS, lexical::Lexical};

/// As the server's default, so that both engines fuse alike.
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

    fn search(&self, query: Query) -> Pending<'_, Vec<Hit>> {
        self.call(move |shard| shard.search(&query))
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

    /// The fused query gives the order; each leg is then asked about those points alone, because a
    /// fused score does not tell the legs' own.
    fn search(&self, query: &Query) -> Result<Vec<Hit>, Error> {
        checked(&query.dense)?;
        let params = SearchParams { exact: query.exact, ..SearchParams::default() };
        let prefetch = |leg| Prefetch {
            prefetches: Vec::new(),
            query: Some(leg),
            limit: query.limit,
            params: Some(params),
            filter: filter(query),
            score_threshold: None,
        };
        let legs = [Some(dense(query)), lexical(query)];
        let fused = self.shard.query(QueryRequest {
            prefetches: legs.into_iter().flatten().map(prefetch).collect(),
            query: Some(ScoringQuery::Fusion(Fusion::Rrf { k: RRF_K, weights: None })),
            with_payload: WithPayloadInterface::Bool(true),
            ..request(query.limit)
        })?;
        let among =
            Filter::new_must(Condition::HasId(fused.iter().map(|hit| hit.id).collect::<HasIdCondition>()));
        let scores = |leg| self.scores(leg, &among, fused.len());
        let cosines = scores(Some(dense(query)))?;
        let lexicals = scores(lexical(query))?;
        let hit = |point: &ScoredPoint| Hit {
            id: passage_id(point),
            score: point.score,
            cosine: cosines.get(&point.id).copied().unwrap_or(0.0),
            lexical: lexicals.get(&point.id).copied().unwrap_or(0.0),
        };
        Ok(fused.iter().map(hit).collect())
    }

    fn scores(
        &self,
        leg: Option<ScoringQuery>,
        among: &Filter,
        limit: usize,
    ) -> Result<HashMap<PointId, f32>, Error> {
        if leg.is_none() || limit == 0 {
            return Ok(HashMap::new());
        }
        let request = QueryRequest {
            query: leg,
            filter: Some(among.clone()),
            params: Some(SearchParams { exact: true, ..SearchParams::default() }),
            ..request(limit)
        };
        Ok(self.shard.query(request)?.into_iter().map(|point| (point.id, point.score)).collect())
    }
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

fn dense(query: &Query) -> ScoringQuery {
    nearest(VectorInternal::Dense(query.dense.clone()), DENSE)
}

/// `None` when the text has no words.
fn lexical(query: &Query) -> Option<ScoringQuery> {
    let Lexical { terms, weights } = query.lexical.clone();
    let sparse = SparseVector { indices: terms, values: weights };
    (!sparse.indices.is_empty()).then(|| nearest(VectorInternal::Sparse(sparse), LEXICAL))
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
