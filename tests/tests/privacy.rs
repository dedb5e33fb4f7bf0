//! Personal data stays in intake, and one trace follows a question: seen from outside.

use e2e::{
    collector::Collector,
    platform::{Platform, data_dir},
    rest::question,
    until,
};
use futures::StreamExt as _;
use serde_json::json;

/// Invented persons' data, each in a form that people type.
const CANARIES: [&str; 8] = [
    "0987654321",
    "0987 654 321",
    "chim.hoang.yen@example.com",
    "001099123456",
    "Chim Hoàng Yến",
    "chim hoang yen",
    "0912 - 345 - 678",
    "CHIM HOÀNG YẾN",
];

#[tokio::test(flavor = "multi_thread")]
async fn canaries_stay_in_intake_and_one_trace_follows_the_question() {
    let (collector, otlp) = Collector::start().await;
    let dir = data_dir();
    let environment =
        [("MOTCUA__TELEMETRY__OTLP_ENDPOINT", otlp.as_str()), ("MOTCUA__TELEMETRY__LOG", "debug")];
    let platform = Platform::up(dir.path(), &[], &environment).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let mut body =
        question(&format!("Tôi là Chim Hoàng Yến, xin hỏi về thẻ. Liên hệ: {}", CANARIES.join(", ")));
    body["asker"] = json!({"name": "Chim Hoang Yen", "email": CANARIES[2], "phone": CANARIES[0]});
    let reply = asker.post("/api/v1/questions", &body).await.ok();
    let (ticket_id, code) = (reply["ticketId"].as_str().unwrap(), reply["trackingCode"].as_str().unwrap());
    officer.approve(ticket_id, Some("Đã rõ.")).await;
    asker.followed(code, "TICKET_STATE_ANSWERED").await;
    let comment = format!("Gọi tôi, {}: {} hoặc {}", CANARIES[7], CANARIES[0], CANARIES[6]);
    let rating = json!({"score": 1, "comment": comment});
    asker.post(&format!("/api/v1/questions/{code}/rating"), &rating).await.ok();
    officer.drafted(ticket_id).await;
    platform.settle().await;

    nowhere("the events", &events(&platform).await);
    nowhere("PostgreSQL", &every_row(&platform).await);
    let spans = until("the spans of the whole way", || async {
        let spans = collector.spans();
        let hearers = spans.iter().filter(|span| span.name.ends_with(" hear")).count();
        (hearers >= 8).then_some(spans)
    })
    .await;
    nowhere("the spans", &format!("{spans:?}"));
    one_trace(&spans);
    let log = platform.log();
    platform.stop().await;
    assert!(log.contains("a question was submitted"));
    nowhere("the log", &log);
    assert!(!log.contains(code), "a tracking code is a key: not in the log");
    nowhere("the index", &every_file(&dir.path().join("index")));
}

fn nowhere(place: &str, text: &str) {
    assert!(!text.is_empty(), "{place} was looked at");
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} is in {place}");
    }
}

/// From the HTTP request through gRPC and NATS to the last hearer before the officer's own step.
fn one_trace(spans: &[opentelemetry_proto::tonic::trace::v1::Span]) {
    let submit =
        spans.iter().find(|span| span.name.ends_with("IntakeService/SubmitQuestion")).expect("a span");
    for name in
        ["routing-QuestionSubmitted hear", "answering-QuestionRouted hear", "intake-QuestionRouted hear"]
    {
        let span = spans.iter().find(|span| span.name == name && span.trace_id == submit.trace_id);
        assert!(span.is_some(), "{name} is not in the trace of the submission");
    }
    let inside =
        |name: &str| spans.iter().any(|span| span.name.ends_with(name) && span.trace_id == submit.trace_id);
    assert!(inside("KnowledgeService/FindReusable"), "gRPC from a hearer is in the trace");
    assert!(spans.iter().any(|span| span.span_id == submit.parent_span_id), "the HTTP request is its parent");
}

async fn events(platform: &Platform) -> String {
    let mut stream = platform.nats().await.get_stream("EVENTS").await.unwrap();
    let count = stream.info().await.unwrap().state.messages;
    assert!(count >= 6);
    let consumer = stream
        .create_consumer(async_nats::jetstream::consumer::pull::OrderedConfig::default())
        .await
        .unwrap();
    let messages = consumer.messages().await.unwrap().take(usize::try_from(count).unwrap());
    let texts = messages.map(|message| {
        let message = message.unwrap();
        format!("{:?} {}\n", message.headers, String::from_utf8(message.payload.to_vec()).unwrap())
    });
    texts.collect().await
}

/// All tables as text, the sealed bytes included.
async fn every_row(platform: &Platform) -> String {
    let pool = platform.pool().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_schema || '.' || table_name from information_schema.tables
         where table_schema in ('bus', 'intake', 'routing', 'answering', 'knowledge', 'analytics')",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let mut text = String::new();
    for table in tables {
        let sql = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        let rows: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&pool).await.unwrap();
        text += &rows;
    }
    text
}

fn every_file(folder: &std::path::Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        text += &if entry.is_dir() {
            every_file(&entry)
        } else {
            String::from_utf8_lossy(&std::fs::read(&entry).unwrap()).into_owned()
        };
    }
    text
}
