//! What `FindReusable` costs beside the bare embedding of the same text, over a large store on the real
//! platform. The figure is a ratio of two medians taken in turn in one run: machines differ.
//!
//! `make bench`, or `PASSAGES=10000 make bench` for a quick look.

#![allow(clippy::print_stdout, reason = "its figures are what it is for")]

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use api::knowledge::v1::{
    FindReusableRequest, GetIndexStatusRequest, knowledge_service_client::KnowledgeServiceClient,
};
use e2e::{
    measure::{is_bench, number, percentile, ratio, timed},
    platform::{Platform, data_dir},
    servers::parts_dir,
};
use knowledge::embed::{Embedded, Embedder, Options};
use sqlx::PgPool;
use tonic::transport::Channel;

/// Rows of one statement.
const BATCH: usize = 500;

/// Questions that are asked, and before them some that warm up.
const ASKED: usize = 200;
const WARM_UP: usize = 20;

/// How long the graph may take.
const GIVE_UP: Duration = Duration::from_mins(30);

/// From so many points on the graph is built.
const OUTSIDE_GRAPH_MAX: u32 = 5_000;

#[tokio::main]
async fn main() {
    if !is_bench() {
        return;
    }
    let passages = usize::try_from(number("PASSAGES", 100_000)).expect("not negative");
    let embedder = embedder();
    let answered: Vec<String> = texts("answered.jsonl", "question");
    let embedded = embedder.embed(answered.clone()).await.expect("embedded");
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let started = Instant::now();
    fill(&platform.pool().await, passages, &answered, &embedded, embedder.id()).await;
    println!("{passages} passages stored in {:.0?}", started.elapsed());
    indexed(&platform).await;
    println!("indexed after {:.0?}", started.elapsed());

    let token = platform.token("operator", None).await;
    let mut client =
        KnowledgeServiceClient::connect(platform.endpoints.grpc.clone()).await.expect("connected");
    let asked = texts("asked.jsonl", "text");
    graph_built(&mut client, &token).await;
    println!("its graph built after {:.0?}", started.elapsed());
    for text in asked.iter().take(WARM_UP) {
        find(&mut client, text, &token).await;
    }
    let (mut bare, mut whole) = (Vec::new(), Vec::new());
    for text in asked.iter().cycle().take(ASKED) {
        let normal = knowledge::text::normalise(text);
        let embedding = timed(embedder.embed(vec![normal])).await;
        assert!(embedding.1.is_ok());
        bare.push(embedding.0);
        whole.push(timed(find(&mut client, text, &token)).await.0);
    }
    for percent in [50, 95] {
        let (bare, whole) = (percentile(&mut bare, percent), percentile(&mut whole, percent));
        let ratio = ratio(whole, bare);
        println!("p{percent}: FindReusable / bare embedding = {ratio:.2} ({whole:.1?} / {bare:.1?})");
    }
    platform.stop().await;
}

async fn find(client: &mut KnowledgeServiceClient<Channel>, text: &str, token: &str) {
    let request = FindReusableRequest { text: text.to_owned(), limit: 5 };
    let found = client.find_reusable(signed(request, token)).await.expect("an answer").into_inner();
    assert!(!found.neighbours.is_empty(), "{text}");
}

/// Set as the platform's is.
fn embedder() -> Embedder {
    let parts = local::parts::install(&parts_dir(), &|_| {}).expect("the parts");
    let (model_dir, onnxruntime) = (parts.model, parts.onnxruntime);
    Embedder::open(&Options { model_dir, onnxruntime, threads: 2, queue_max: 256, batch_max: 16 })
        .expect("the model")
}

/// One member of each line of a sample file.
fn texts(file: &str, member: &str) -> Vec<String> {
    let file = std::fs::read_to_string(e2e::root().join("deploy/sample").join(file)).expect("the sample");
    let line = |line: &str| serde_json::from_str::<HashMap<String, serde_json::Value>>(line).expect("JSON");
    file.lines().map(|text| line(text)[member].as_str().expect("a text").to_owned()).collect()
}

/// Passages as a large store has them: of each two questions the beginning and the end, and a vector
/// between theirs.
async fn fill(pool: &PgPool, passages: usize, questions: &[String], embedded: &[Embedded], model: &str) {
    let places: Vec<usize> = (0..passages).collect();
    for batch in places.chunks(BATCH) {
        let mut rows = sqlx::QueryBuilder::new(
            "insert into knowledge.passage (passage_id, question, answer, field, unit, source, content_hash,
                 embedding, embedded_by, word_vectors, created_at, updated_at, compared_at) ",
        );
        rows.push_values(batch, |mut row, n| {
            let (left, right) = (n % questions.len(), (n / questions.len() * 7 + n) % questions.len());
            let share = 0.3 + 0.4 * f32::from(u16::try_from(n % 1_000).unwrap_or_default()) / 1_000.0;
            let mixed = embedded[left].dense.iter().zip(&embedded[right].dense);
            let mixed: Vec<f32> = mixed.map(|(l, r)| l * share + r * (1.0 - share)).collect();
            let length = mixed.iter().map(|x| x * x).sum::<f32>().sqrt();
            let dense: Vec<f32> = mixed.iter().map(|x| x / length).collect();
            row.push_bind(format!("p{n}"))
                .push_bind(spliced(&questions[left], &questions[right]))
                .push_bind(format!("Câu trả lời {n}."))
                .push_bind("")
                .push_bind("")
                .push_bind("")
                .push_bind(n.to_le_bytes().to_vec())
                .push_bind(dense)
                .push_bind(model)
                .push_bind(embedded[left].words.to_bytes())
                .push("now()")
                .push("now()")
                .push("now()");
        });
        rows.build().execute(pool).await.expect("stored");
    }
}

fn spliced(left: &str, right: &str) -> String {
    let half = |text: &str| text.split_whitespace().count() / 2;
    let words = left.split_whitespace().take(half(left)).chain(right.split_whitespace().skip(half(right)));
    words.collect::<Vec<_>>().join(" ")
}

/// Waits for as long as the index comes nearer.
async fn indexed(platform: &Platform) {
    let mut behind = u64::MAX;
    while behind > 0 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let now = platform.rest().get("/api/v1/lag").await.ok()["index"].as_u64().expect("a number");
        assert!(now < behind, "the index does not come nearer: {now} passages behind");
        behind = now;
    }
}

/// The graph is built once all points are in; until then every one is looked at.
async fn graph_built(client: &mut KnowledgeServiceClient<Channel>, token: &str) {
    let started = Instant::now();
    loop {
        let request = signed(GetIndexStatusRequest {}, token);
        let status = client.get_index_status(request).await.expect("an answer").into_inner();
        if status.outside_graph < OUTSIDE_GRAPH_MAX {
            return;
        }
        assert!(started.elapsed() < GIVE_UP, "the graph is not built: {status:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn signed<T>(message: T, token: &str) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("ASCII"));
    request
}
