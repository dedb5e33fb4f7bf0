//! The contract of `VectorIndex`, held against both engines: the embedded one always, Qdrant where
//! `MOTCUA_TEST_QDRANT_URL` names one.

#![expect(clippy::print_stderr, reason = "tells what was not tried")]

use knowledge::{
    embed::DIMENSIONS,
    index::{EdgeIndex, Error, Point, QdrantIndex, Query, Span, VectorIndex},
    lexical,
    text::fold,
};

/// A unit vector at `degrees` from the first axis, in the plane of the first two.
fn vector(degrees: f32) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSIONS];
    (vector[1], vector[0]) = degrees.to_radians().sin_cos();
    vector
}

fn point(id: &str, degrees: f32, text: &str, field: &str) -> Point {
    let lexical = lexical::stored(&fold(text));
    Point {
        id: id.to_owned(),
        dense: vector(degrees),
        lexical,
        field: field.to_owned(),
        unit: "u".to_owned(),
        valid: Span::ALWAYS,
    }
}

fn query(degrees: f32, text: &str) -> Query {
    Query {
        dense: vector(degrees),
        lexical: lexical::asked(&fold(text)),
        field: None,
        at: None,
        limit: 10,
        exact: true,
    }
}

fn points() -> Vec<Point> {
    vec![
        point("the", 0.0, "cấp lại thẻ bảo hiểm", "y-te"),
        point("so", 20.0, "cấp lại sổ hộ khẩu", "cu-tru"),
        point("xe", 60.0, "đăng ký xe máy", "giao-thong"),
        point("nha", 90.0, "giấy phép xây nhà", "cu-tru"),
    ]
}

async fn ids(index: &dyn VectorIndex, query: Query) -> Vec<String> {
    index.search(query).await.unwrap().into_iter().map(|hit| hit.id).collect()
}

async fn contract(index: &dyn VectorIndex) {
    index.ensure().await.unwrap();
    index.ensure().await.unwrap();
    index.clear().await.unwrap();
    assert_eq!(index.count().await.unwrap(), 0);
    assert!(ids(index, query(0.0, "cấp lại thẻ")).await.is_empty());

    index.upsert(points()).await.unwrap();
    index.upsert(points()).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 4, "the same ids are the same points");
    scores(index).await;
    filters_and_limits(index).await;
    only_what_is_valid(index).await;

    index.upsert(vec![point("xe", 0.0, "cấp lại thẻ căn cước", "cu-tru")]).await.unwrap();
    let replaced = index.search(query(0.0, "căn cước")).await.unwrap();
    assert_eq!(replaced[0].id, "xe");
    assert!((replaced[0].cosine - 1.0).abs() < 1e-3, "{replaced:?}");

    index.delete(vec!["xe".to_owned(), "unknown".to_owned()]).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 3);
    assert!(!ids(index, query(0.0, "căn cước")).await.contains(&"xe".to_owned()));

    let mut broken = point("nan", 0.0, "a", "");
    broken.dense[7] = f32::NAN;
    assert!(matches!(index.upsert(vec![broken]).await, Err(Error::Vector(_))));
    let short = Query { dense: vec![1.0], ..query(0.0, "a") };
    assert!(matches!(index.search(short).await, Err(Error::Vector(1))));

    index.optimize().await.unwrap();
    assert_eq!(ids(index, query(0.0, "cấp lại thẻ bảo hiểm")).await[0], "the");
    index.clear().await.unwrap();
    assert_eq!(index.count().await.unwrap(), 0);
}

async fn scores(index: &dyn VectorIndex) {
    let hits = index.search(query(0.0, "cap lai the")).await.unwrap();
    assert_eq!(hits[0].id, "the");
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score), "{hits:?}");
    for (id, degrees) in [("the", 0.0_f32), ("so", 20.0), ("xe", 60.0), ("nha", 90.0)] {
        let hit = hits.iter().find(|hit| hit.id == id).unwrap();
        assert!((hit.cosine - degrees.to_radians().cos()).abs() < 1e-3, "{hit:?}");
    }
    let lexical = |id: &str| hits.iter().find(|hit| hit.id == id).unwrap().lexical;
    assert!(lexical("the") > lexical("so") && lexical("so") > 0.0, "rarer words weigh more: {hits:?}");
    assert!(lexical("nha").abs() < f32::EPSILON);

    let by_words = index.search(query(60.0, "sổ hộ khẩu")).await.unwrap();
    assert!(by_words[..2].iter().any(|hit| hit.id == "so"), "the lexical leg counts: {by_words:?}");
    assert_eq!(ids(index, query(90.0, "")).await[0], "nha", "a text without words is searched by meaning");

    // Two of each leg, and none in both: what only one brought has the other's score all the same.
    let apart = index.search(Query { limit: 2, ..query(90.0, "cấp lại sổ, giấy") }).await.unwrap();
    let hit = |id: &str| apart.iter().find(|hit| hit.id == id).unwrap_or_else(|| panic!("{id}: {apart:?}"));
    assert_eq!(apart.len(), 2);
    assert!(hit("nha").lexical > 0.0, "brought by meaning: {apart:?}");
    assert!((hit("so").cosine - 70_f32.to_radians().cos()).abs() < 1e-3, "brought by words: {apart:?}");
}

async fn filters_and_limits(index: &dyn VectorIndex) {
    let mut of_field = ids(index, Query { field: Some("cu-tru".to_owned()), ..query(0.0, "cấp lại") }).await;
    of_field.sort();
    assert_eq!(of_field, ["nha", "so"]);
    let nobody = Query { field: Some("khac".to_owned()), ..query(0.0, "cấp lại") };
    assert!(ids(index, nobody).await.is_empty());
    assert_eq!(ids(index, Query { limit: 1, ..query(0.0, "cấp lại thẻ") }).await, ["the"]);
    let near = ids(index, Query { exact: false, ..query(88.0, "xây nhà") }).await;
    assert_eq!(near[0], "nha");
}

/// Passages that are not valid take no place among the nearest, however near they are.
async fn only_what_is_valid(index: &dyn VectorIndex) {
    let span = |from, until| Span { from, until };
    let near = |id: &str, valid| Point { valid, ..point(id, 1.0, "cấp lại thẻ bảo hiểm", "y-te") };
    index.upsert(vec![near("cu", span(0, 100)), near("moi", span(100, 200))]).await.unwrap();
    let at = |at| Query { at: Some(at), limit: 2, ..query(1.0, "cấp lại thẻ bảo hiểm") };
    let found = async |second| {
        let mut ids = ids(index, at(second)).await;
        ids.sort();
        ids
    };
    assert_eq!(found(99).await, ["cu", "the"]);
    assert_eq!(found(100).await, ["moi", "the"]);
    assert_eq!(found(1_900_000_000).await, ["so", "the"]);
    let of_field = Query { field: Some("y-te".to_owned()), ..at(200) };
    assert_eq!(ids(index, of_field).await, ["the"]);
    index.delete(vec!["cu".to_owned(), "moi".to_owned()]).await.unwrap();
}

#[tokio::test]
async fn the_embedded_engine_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract(&EdgeIndex::open(folder.path()).unwrap()).await;
}

#[tokio::test]
async fn the_embedded_engine_keeps_its_points_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let index = EdgeIndex::open(folder.path()).unwrap();
    index.ensure().await.unwrap();
    index.upsert(points()).await.unwrap();
    drop(index);
    let again = EdgeIndex::open(folder.path()).unwrap();
    assert_eq!(again.count().await.unwrap(), 4);
    assert_eq!(ids(&again, query(60.0, "xe máy")).await[0], "xe");
}

#[tokio::test]
async fn searching_goes_on_while_points_come_and_the_graph_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let index = EdgeIndex::open(folder.path()).unwrap();
    index.ensure().await.unwrap();
    index.upsert(points()).await.unwrap();
    let writing = async {
        for round in 0..20_u8 {
            let more = point(&format!("p{round}"), 120.0 + f32::from(round), "thủ tục khác", "khac");
            index.upsert(vec![more]).await.unwrap();
        }
    };
    let searching = async {
        for _ in 0..20 {
            assert_eq!(ids(&index, query(0.0, "cấp lại thẻ bảo hiểm")).await[0], "the");
        }
    };
    let ((), (), optimized) = tokio::join!(writing, searching, index.optimize());
    optimized.unwrap();
    assert_eq!(index.count().await.unwrap(), 24);
}

#[tokio::test]
async fn a_cluster_keeps_the_contract() {
    let Ok(url) = std::env::var("MOTCUA_TEST_QDRANT_URL") else {
        eprintln!(
            "MOTCUA_TEST_QDRANT_URL is not set: the contract was held against the embedded engine only"
        );
        return;
    };
    let collection = format!("motcua-test-{}", uuid::Uuid::new_v4());
    contract(&QdrantIndex::open(&url, collection).unwrap()).await;
}
