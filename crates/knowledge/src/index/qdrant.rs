//! A Qdrant cluster.

use std::{collections::HashMap, time::Duration};

use qdrant_client::{
    Qdrant, QdrantError,
    qdrant::{
        Condition, CountPointsBuilder, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder,
        DeletePointsBuilder, Distance, FieldType, Filter, Fusion, Modifier, NamedVectors, PointId,
        PointStruct, PointsIdsList, PrefetchQueryBuilder, QueryBatchPointsBuilder, QueryPoints,
        QueryPointsBuilder, Range, ScoredPoint, SearchParamsBuilder, SparseVectorParamsBuilder,
        SparseVectorsConfigBuilder, UpsertPointsBuilder, Vector, VectorInput, VectorParamsBuilder,
        VectorsConfigBuilder, point_id::PointIdOptions,
    },
};

use super::{
    DENSE, Error, FIELD, Hit, LEXICAL, PASSAGE, Pending, Point, Query, Span, UNIT, VALID_FROM, VALID_UNTIL,
    VectorIndex, checked, point_id, seconds,
};
use crate::embed::DIMENSIONS;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(15);

/// One collection of a cluster.
pub struct QdrantIndex {
    client: Qdrant,
    collection: String,
}

impl QdrantIndex {
    /// Connects when first used. `url` names the gRPC port, like `http://qdrant:6334`.
    pub fn open(url: &str, collection: String) -> Result<Self, Error> {
        let client = Qdrant::from_url(url)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .keep_alive_while_idle()
            .skip_compatibility_check()
            .build()
            .map_err(Box::new)?;
        Ok(Self { client, collection })
    }

    async fn make(&self) -> Result<(), Box<QdrantError>> {
        if self.client.collection_exists(&self.collection).await? {
            return Ok(());
        }
        let mut dense = VectorsConfigBuilder::default();
        dense.add_named_vector_params(DENSE, VectorParamsBuilder::new(DIMENSIONS as u64, Distance::Cosine));
        let mut sparse = SparseVectorsConfigBuilder::default();
        sparse.add_named_vector_params(LEXICAL, SparseVectorParamsBuilder::default().modifier(Modifier::Idf));
        let collection = CreateCollectionBuilder::new(&self.collection)
            .vectors_config(dense)
            .sparse_vectors_config(sparse);
        self.client.create_collection(collection).await?;
        let indexed = [
            (FIELD, FieldType::Keyword),
            (VALID_FROM, FieldType::Integer),
            (VALID_UNTIL, FieldType::Integer),
        ];
        for (key, kind) in indexed {
            let index = CreateFieldIndexCollectionBuilder::new(&self.collection, key, kind);
            self.client.create_field_index(index.wait(true)).await?;
        }
        Ok(())
    }

    /// As the embedded engine: the fused query gives the order, then each leg is asked about those
    /// points alone.
    async fn find(&self, query: Query) -> Result<Vec<Hit>, Error> {
        checked(&query.dense)?;
        let fused = self.client.query(self.fused(&query)).await.map_err(Box::new)?.result;
        if fused.is_empty() {
            return Ok(Vec::new());
        }
        let among = Filter::must([Condition::has_id(fused.iter().filter_map(|hit| hit.id.clone()))]);
        let legs: Vec<QueryPoints> = legs(&query)
            .into_iter()
            .map(|(leg, using)| {
                QueryPointsBuilder::new(&self.collection)
                    .query(leg)
                    .using(using)
                    .filter(among.clone())
                    .params(SearchParamsBuilder::default().exact(true))
                    .limit(fused.len() as u64)
                    .build()
            })
            .collect();
        let batch = QueryBatchPointsBuilder::new(&self.collection, legs);
        let mut answers = self.client.query_batch(batch).await.map_err(Box::new)?.result.into_iter();
        let mut scores = || -> HashMap<String, f32> {
            let points = answers.next().map(|answer| answer.result).unwrap_or_default();
            points.into_iter().map(|point| (uuid_of(&point), point.score)).collect()
        };
        let (cosines, lexicals) = (scores(), scores());
        let hit = |point: &ScoredPoint| Hit {
            id: passage_id(point),
            score: point.score,
            cosine: cosines.get(&uuid_of(point)).copied().unwrap_or(0.0),
            lexical: lexicals.get(&uuid_of(point)).copied().unwrap_or(0.0),
        };
        Ok(fused.iter().map(hit).collect())
    }

    fn fused(&self, query: &Query) -> QueryPointsBuilder {
        let limit = query.limit as u64;
        let mut request = QueryPointsBuilder::new(&self.collection)
            .query(qdrant_client::qdrant::Query::new_fusion(Fusion::Rrf))
            .limit(limit)
            .with_payload(true);
        for (leg, using) in legs(query) {
            let mut prefetch = PrefetchQueryBuilder::default()
                .query(leg)
                .using(using)
                .limit(limit)
                .params(SearchParamsBuilder::default().exact(query.exact));
            if let Some(filter) = filter(query) {
                prefetch = prefetch.filter(filter);
            }
            request = request.add_prefetch(prefetch);
        }
        request
    }
}

impl VectorIndex for QdrantIndex {
    fn ensure(&self) -> Pending<'_, ()> {
        Box::pin(async { Ok(self.make().await?) })
    }

    fn upsert(&self, points: Vec<Point>) -> Pending<'_, ()> {
        Box::pin(async move {
            points.iter().try_for_each(|point| checked(&point.dense))?;
            let points: Vec<PointStruct> = points.into_iter().map(qdrant_point).collect();
            let request = UpsertPointsBuilder::new(&self.collection, points).wait(true);
            self.client.upsert_points(request).await.map_err(Box::new)?;
            Ok(())
        })
    }

    fn delete(&self, ids: Vec<String>) -> Pending<'_, ()> {
        Box::pin(async move {
            let ids = ids.iter().map(|id| PointId::from(point_id(id).to_string())).collect();
            let request = DeletePointsBuilder::new(&self.collection).points(PointsIdsList { ids }).wait(true);
            self.client.delete_points(request).await.map_err(Box::new)?;
            Ok(())
        })
    }

    fn search(&self, query: Query) -> Pending<'_, Vec<Hit>> {
        Box::pin(self.find(query))
    }

    fn count(&self) -> Pending<'_, u64> {
        Box::pin(async {
            let request = CountPointsBuilder::new(&self.collection).exact(true);
            let counted = self.client.count(request).await.map_err(Box::new)?;
            Ok(counted.result.map_or(0, |result| result.count))
        })
    }

    fn clear(&self) -> Pending<'_, ()> {
        Box::pin(async {
            let everything = DeletePointsBuilder::new(&self.collection).points(Filter::default()).wait(true);
            self.client.delete_points(everything).await.map_err(Box::new)?;
            Ok(())
        })
    }

    /// The cluster does so by itself.
    fn optimize(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The dense leg, and the lexical one where the text has words.
fn legs(query: &Query) -> Vec<(VectorInput, &'static str)> {
    let mut legs = vec![(VectorInput::new_dense(query.dense.clone()), DENSE)];
    if !query.lexical.terms.is_empty() {
        let sparse = VectorInput::new_sparse(query.lexical.terms.clone(), query.lexical.weights.clone());
        legs.push((sparse, LEXICAL));
    }
    legs
}

fn filter(query: &Query) -> Option<Filter> {
    let mut must = Vec::new();
    must.extend(query.field.clone().map(|field| Condition::matches(FIELD, field)));
    if let Some(at) = query.at.map(seconds) {
        must.push(Condition::range(VALID_FROM, Range { lte: Some(at), ..Range::default() }));
        must.push(Condition::range(VALID_UNTIL, Range { gt: Some(at), ..Range::default() }));
    }
    (!must.is_empty()).then(|| Filter::must(must))
}

fn qdrant_point(point: Point) -> PointStruct {
    let vectors = NamedVectors::default()
        .add_vector(DENSE, Vector::new_dense(point.dense))
        .add_vector(LEXICAL, Vector::new_sparse(point.lexical.terms, point.lexical.weights));
    let Span { from, until } = point.valid;
    let payload: [(&str, qdrant_client::qdrant::Value); 5] = [
        (PASSAGE, point.id.clone().into()),
        (FIELD, point.field.into()),
        (UNIT, point.unit.into()),
        (VALID_FROM, from.into()),
        (VALID_UNTIL, until.into()),
    ];
    PointStruct::new(point_id(&point.id).to_string(), vectors, payload)
}

fn uuid_of(point: &ScoredPoint) -> String {
    match point.id.as_ref().and_then(|id| id.point_id_options.as_ref()) {
        Some(PointIdOptions::Uuid(uuid)) => uuid.clone(),
        _ => String::new(),
    }
}

fn passage_id(point: &ScoredPoint) -> String {
    let id = point.payload.get(PASSAGE).and_then(|id| id.as_str());
    id.cloned().unwrap_or_default()
}
