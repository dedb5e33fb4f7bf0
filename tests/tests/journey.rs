//! One question from the asker to the reports, on the real platform with the sample corpus.

use e2e::{
    platform::{Platform, data_dir},
    rest::question,
};
use serde_json::{Value, json};

/// Nearly the words of a stored question, which the sample corpus answers.
fn stored_question() -> Value {
    let corpus = include_str!("../../deploy/sample/answered.jsonl");
    serde_json::from_str(corpus.lines().next().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_goes_its_whole_way() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let stored = stored_question();
    let text = format!("xin hỏi: {}", stored["question"].as_str().unwrap().to_lowercase());

    let found = asker.get(&format!("/api/v1/search?q={}&limit=3", text.replace(' ', "%20"))).await.ok();
    assert_eq!(found["results"][0]["id"], stored["id"], "{found}");

    let (ticket_id, code) = asker.ask(&text).await;
    let draft = officer.drafted(&ticket_id).await;
    assert_eq!(draft["draft"]["verdict"]["band"], "BAND_REUSE", "{draft}");
    assert_eq!(draft["draft"]["text"], stored["answer"]);
    assert_eq!(draft["draft"]["sources"][0]["id"], stored["id"]);
    assert!(!draft["draft"]["verdict"]["reasons"].as_array().unwrap().is_empty());
    assert_eq!(draft["field"], stored["field"], "{draft}");
    let inbox = officer.get("/api/v1/inbox").await.ok();
    assert!(inbox["items"].as_array().unwrap().iter().any(|item| item["ticketId"] == ticket_id.as_str()));

    officer.approve(&ticket_id, None).await;
    let answered = asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    assert_eq!(answered["answer"]["text"], stored["answer"]);
    assert_eq!(answered["answer"]["citations"][0]["id"], stored["id"]);
    let what: Vec<_> = answered["timeline"].as_array().unwrap().iter().map(|entry| &entry["what"]).collect();
    assert_eq!(what, ["MILESTONE_RECEIVED", "MILESTONE_ROUTED", "MILESTONE_ANSWERED"]);

    let rated = asker.post(&format!("/api/v1/questions/{code}/rating"), &json!({"score": 5})).await.ok();
    assert_eq!(rated["state"], "TICKET_STATE_CLOSED");
    platform.settle().await;
    reports_count_it(&platform, &draft).await;
    platform.stop().await;
}

async fn reports_count_it(platform: &Platform, draft: &Value) {
    let analyst = platform.rest_as("analyst", None).await;
    let hotness = analyst.get("/api/v1/reports/hotness").await.ok();
    assert_eq!(hotness["points"][0]["field"], draft["field"], "{hotness}");
    assert_eq!(hotness["points"][0]["asked"], 1);
    let deadlines = analyst.get("/api/v1/reports/deadlines").await.ok();
    assert_eq!(deadlines["units"][0]["unit"], draft["unit"], "{deadlines}");
    assert_eq!(deadlines["units"][0]["onTime"], 1);
    let satisfaction = analyst.get("/api/v1/reports/satisfaction").await.ok();
    assert_eq!(satisfaction["groups"][0]["ratings"], 1, "{satisfaction}");
    assert_eq!(satisfaction["groups"][0]["meanScore"], 5.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn officers_and_dispatchers_move_it_and_askers_reopen_it() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    let asker = platform.rest();
    let (officer, dispatcher) =
        (platform.rest_as("officer", None).await, platform.rest_as("dispatcher", None).await);

    // Nothing like it is stored: the desk has it.
    let (ticket_id, code) = asker.ask("Vì sao con mèo nhà bên cứ sủa vào lúc nửa đêm trăng tròn?").await;
    let draft = officer.drafted(&ticket_id).await;
    assert_eq!(draft["unit"], "mot-cua", "{draft}");
    assert_eq!(draft["draft"]["text"], "");

    // The dispatcher assigns it; the unit sees it, and other units do not.
    let path = format!("/api/v1/tickets/{ticket_id}");
    let assigned = dispatcher.post(&format!("{path}/assign"), &json!({"unit": "vu-phap-che"})).await.ok();
    assert_eq!(assigned["unit"], "vu-phap-che");
    platform.settle().await;
    let theirs = platform.rest_as("officer", Some("vu-phap-che")).await;
    let others = platform.rest_as("officer", Some("vu-ke-hoach")).await;
    let moved = theirs.drafted(&ticket_id).await;
    others.get(&path).await.refused(404, "TICKET_NOT_FOUND");
    officer
        .post(&format!("{path}/assign"), &json!({"unit": "mot-cua"}))
        .await
        .refused(403, "ROLE_NOT_ALLOWED");
    platform
        .rest_as("dispatcher", Some("vu-ke-hoach"))
        .await
        .post(&format!("{path}/assign"), &json!({"unit": "vu-ke-hoach"}))
        .await
        .refused(404, "TICKET_NOT_FOUND");

    // The officer who looked before the move may not approve what changed since.
    let stale = json!({"text": "Trả lời", "version": draft["draft"]["version"]});
    theirs.post(&format!("{path}/approve"), &stale).await.refused(409, "STALE_VERSION");

    // The unit returns it and names another one.
    let no_code = json!({"reason": "Không thuộc đơn vị", "suggestedUnit": "v".repeat(65)});
    theirs.post(&format!("{path}/return"), &no_code).await.refused(400, "UNIT_NOT_A_CODE");
    let (seen, text) = (&moved["draft"]["version"], "Không thuộc đơn vị");
    let late = json!({"reason": text, "version": draft["draft"]["version"]});
    theirs.post(&format!("{path}/return"), &late).await.refused(409, "STALE_VERSION");
    let reason = json!({"reason": text, "suggestedUnit": "vu-ke-hoach", "version": seen});
    theirs.post(&format!("{path}/return"), &reason).await.ok();
    platform.settle().await;
    assert_eq!(others.drafted(&ticket_id).await["unit"], "vu-ke-hoach");

    // It is answered; a low rating with words reopens it, at the same unit.
    others.approve(&ticket_id, Some("Xin hỏi người nuôi mèo.")).await;
    asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    let rating = json!({"score": 1, "comment": "Chưa đúng ý tôi hỏi", "answerNumber": 1});
    let rate = format!("/api/v1/questions/{code}/rating");
    assert_eq!(asker.post(&rate, &rating).await.ok()["state"], "TICKET_STATE_RECEIVED");
    assert_eq!(asker.post(&rate, &rating).await.ok()["state"], "TICKET_STATE_RECEIVED");
    platform.settle().await;
    let again = others.drafted(&ticket_id).await;
    assert_eq!(again["question"]["followUps"], json!(["Chưa đúng ý tôi hỏi"]));
    assert_ne!(
        again["draft"]["verdict"]["band"], "BAND_REUSE",
        "the answer that did not help is not drafted again"
    );
    assert!(again["draft"]["version"].as_u64() > moved["draft"]["version"].as_u64());
    others.approve(&ticket_id, Some("Mèo không sủa; có lẽ là chó.")).await;
    let answered = asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    assert_eq!(answered["answer"]["text"], "Mèo không sủa; có lẽ là chó.");
    assert_eq!(answered["answer"]["number"], 2);
    asker.post(&rate, &rating).await.refused(409, "ANSWER_NOT_NEWEST");
    asker.post(&rate, &json!({"score": 4})).await.ok();
    asker.post(&rate, &json!({"score": 5})).await.refused(409, "ALREADY_RATED");
    platform.settle().await;
    platform.stop().await;
}

/// What is as long as can be still goes its way: a question that redaction lengthens, and an
/// approval that names one source as often as a request can.
#[tokio::test(flavor = "multi_thread")]
async fn the_longest_texts_and_lists_stop_nothing() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let stored = stored_question();
    let start = format!("{} ", stored["question"].as_str().unwrap());
    let address = "ngõ 1 ";
    let times = (5_000 - start.chars().count()) / address.chars().count();
    let (ticket_id, code) = asker.ask(&format!("{start}{}", address.repeat(times))).await;
    let draft = officer.drafted(&ticket_id).await;
    let text = draft["question"]["text"].as_str().unwrap();
    assert!(text.chars().count() > 5_000, "redaction has lengthened it");

    let sources = draft["draft"]["sources"].as_array().unwrap();
    let ids = vec![sources[0]["id"].clone(); 4_000];
    let approval = json!({"text": "Đã rõ.", "version": draft["draft"]["version"], "sourceIds": ids});
    officer.post(&format!("/api/v1/tickets/{ticket_id}/approve"), &approval).await.ok();
    let answered = asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    assert_eq!(answered["answer"]["citations"].as_array().unwrap().len(), 1);
    platform.settle().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_and_nothing_is_stored() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let asker = platform.rest();
    let with = |key: &str, value: Value| {
        let mut body = question("Câu hỏi");
        body[key] = value;
        body
    };
    let ask = "/api/v1/questions";
    let long = "x".repeat(5_001);
    for (text, reason) in [
        ("", "TEXT_EMPTY"),
        (" \n\t ", "TEXT_EMPTY"),
        (long.as_str(), "TEXT_TOO_LONG"),
        ("a\u{0}b", "TEXT_CHARACTER_NOT_ALLOWED"),
        ("a\u{1b}[31mb", "TEXT_CHARACTER_NOT_ALLOWED"),
        ("a\u{202e}b", "TEXT_CHARACTER_NOT_ALLOWED"),
    ] {
        asker.post(ask, &with("text", json!(text))).await.refused(400, reason);
    }
    asker.post(ask, &with("kind", json!("KIND_UNSPECIFIED"))).await.refused(400, "KIND_UNKNOWN");
    asker.post(ask, &with("requestId", json!("7"))).await.refused(400, "REQUEST_ID_NOT_VALID");
    asker.post(ask, &with("asker", json!({}))).await.refused(400, "TEXT_EMPTY");
    asker.post(ask, &with("field", json!("Lĩnh vực!"))).await.refused(400, "FIELD_NOT_A_CODE");
    for (status, body) in [
        (400, with("kind", json!("KIND_POEM")).to_string().into_bytes()),
        (400, with("surprise", json!(1)).to_string().into_bytes()),
        (400, b"{".to_vec()),
        (400, b"{\"text\": \"\xff\xfe\"}".to_vec()),
        (413, with("text", json!("x".repeat(1 << 20))).to_string().into_bytes()),
    ] {
        let reply = asker.send(reqwest::Method::POST, ask, Some(body)).await.unwrap();
        assert_eq!(reply.status.as_u16(), status, "{reply:?}");
        assert_eq!(reply.content_type, "application/problem+json");
    }
    asker.get("/api/v1/questions/2222-2222-2222-2223").await.refused(400, "TRACKING_CODE_NOT_VALID");
    asker.get("/api/v1/questions/2222-2222-2222-2222").await.refused(404, "TICKET_NOT_FOUND");
    asker.get("/api/v1/inbox").await.refused(401, "TOKEN_MISSING");
    asker.clone().with_token("v4.local.nonsense").get("/api/v1/inbox").await.refused(401, "TOKEN_INVALID");
    let pool = platform.pool().await;
    // The first start states its organisation.
    let stated = "bus.outbox where name <> 'routing.v1.OrganisationChanged'";
    for table in ["intake.ticket", "intake.sealed", stated] {
        let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_submission_is_one_ticket() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let asker = platform.rest();
    let body = question("Gửi hai lần thì sao?");
    let replies = futures::future::join_all((0..8).map(|_| asker.post("/api/v1/questions", &body))).await;
    let first = replies[0].json();
    for reply in replies {
        assert_eq!(reply.ok(), first);
    }
    let mut other = body.clone();
    other["text"] = json!("Một câu khác");
    asker.post("/api/v1/questions", &other).await.refused(409, "REQUEST_ID_REUSED");
    platform.settle().await;
    let pool = platform.pool().await;
    let tickets: i64 =
        sqlx::query_scalar("select count(*) from intake.ticket").fetch_one(&pool).await.unwrap();
    let facts: i64 =
        sqlx::query_scalar("select count(*) from bus.outbox where name = 'intake.v1.QuestionSubmitted'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!((tickets, facts), (1, 1));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_grpc_and_operations_are_there() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let rest = platform.rest();
    for (path, shows) in
        [("/", "<form"), ("/tra-cuu", "<form"), ("/theo-doi", "<form"), ("/dang-nhap", "<form")]
    {
        let reply = rest.get(path).await;
        assert!(reply.status.is_success() && reply.text.contains(shows), "{path}: {reply:?}");
        assert!(reply.text.contains("lang=\"vi\""), "{path}");
    }
    let openapi = rest.get("/api/openapi.json").await.ok();
    assert!(openapi["openapi"].as_str().unwrap().starts_with("3.1"));
    for path in ["/healthz", "/readyz"] {
        assert!(rest.get(path).await.status.is_success(), "{path}");
    }
    assert!(rest.get("/metrics").await.text.contains("motcua_"));
    reflection_lists_every_service(&platform.endpoints.grpc).await;
    platform.stop().await;
}

async fn reflection_lists_every_service(grpc: &str) {
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let channel = tonic::transport::Endpoint::from_shared(grpc.to_owned()).unwrap().connect().await.unwrap();
    let mut client = ServerReflectionClient::new(channel.clone());
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut replies = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let reply = replies.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = reply else { panic!("{reply:?}") };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    for service in ["intake", "routing", "answering", "knowledge", "analytics"] {
        assert!(names.iter().any(|name| name.starts_with(&format!("motcua.{service}.v1."))), "{names:?}");
    }
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let service = "motcua.intake.v1.IntakeService".to_owned();
    let status =
        health.check(tonic_health::pb::HealthCheckRequest { service }).await.unwrap().into_inner().status;
    assert_eq!(status, 1, "SERVING");
}
