//! The life of a published answer, on the real platform: corrected, withdrawn, superseded, expired, and
//! contradicted; everyone who received it is told, once.

use chrono::{Duration, SubsecRound as _};
use e2e::{
    platform::{Platform, data_dir},
    rest::Rest,
    until,
};
use serde_json::{Value, json};

/// Imports answered questions as an editor would; waits until they are indexed.
async fn publish(platform: &Platform, answers: &[(&str, &str, &str)]) {
    use api::knowledge::v1::{
        AnsweredQuestion, ImportAnswersRequest, knowledge_service_client::KnowledgeServiceClient,
    };
    let answers = answers.iter().map(|&(id, question, answer)| AnsweredQuestion {
        id: id.into(),
        question: question.into(),
        answer: answer.into(),
        unit: "vu-phap-che".into(),
        field: "chinh-sach-phap-luat".into(),
        ..AnsweredQuestion::default()
    });
    let token = platform.token("editor", None).await;
    let mut request = tonic::Request::new(ImportAnswersRequest { answers: answers.collect() });
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut client = KnowledgeServiceClient::connect(platform.endpoints.grpc.clone()).await.unwrap();
    let response = client.import_answers(request).await.unwrap().into_inner();
    assert!(response.refused.is_empty(), "{response:?}");
    platform.settle().await;
}

/// The ids that a search finds now.
async fn found(rest: &Rest, text: &str) -> Vec<String> {
    let results = rest.get(&format!("/api/v1/search?q={}&limit=10", text.replace(' ', "%20"))).await.ok();
    let ids = results["results"].as_array().unwrap().iter().map(|result| result["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

async fn version(editor: &Rest, id: &str) -> u64 {
    editor.get(&format!("/api/v1/answers/{id}")).await.ok()["passage"]["version"].as_u64().unwrap()
}

/// Does something to an answer in the version it has.
async fn edit(editor: &Rest, id: &str, what: &str, mut body: Value) -> Value {
    body["version"] = version(editor, id).await.into();
    editor.post(&format!("/api/v1/answers/{id}/{what}"), &body).await.ok()
}

/// Asks, and has the draft approved as it is; returns the tracking code.
async fn answered_from_store(asker: &Rest, officer: &Rest, text: &str) -> String {
    let (ticket_id, code) = asker.ask(text).await;
    officer.approve(&ticket_id, None).await;
    asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    code
}

/// The ticket once it was told `times` times.
async fn told(asker: &Rest, code: &str, what: &str, times: usize) -> Value {
    until("a notice", || async {
        let ticket = asker.get(&format!("/api/v1/questions/{code}")).await.ok();
        (milestones(&ticket, what) == times).then_some(ticket)
    })
    .await
}

fn milestones(ticket: &Value, what: &str) -> usize {
    ticket["timeline"].as_array().unwrap().iter().filter(|entry| entry["what"] == what).count()
}

const FEE: &str = "Phí cấp lại thẻ bảo hiểm y tế bị mất là bao nhiêu?";
const BIRTH: &str = "Hồ sơ đăng ký khai sinh cho con gồm những giấy tờ gì?";

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_answer_is_not_reused_from_that_moment_and_askers_are_told() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let editor = platform.rest_as("editor", None).await;
    publish(&platform, &[("phi", FEE, "Không thu phí.")]).await;
    let code = answered_from_store(&asker, &officer, FEE).await;
    platform.settle().await;

    // One who asked and whose draft waits.
    let (waiting, waiting_code) = asker.ask(FEE).await;
    let draft = officer.drafted(&waiting).await;
    assert_eq!(draft["draft"]["text"], "Không thu phí.", "{draft}");
    // The answer that repeats it is one with it, and is found once.
    assert_eq!(found(&asker, FEE).await, ["phi"]);

    let seen = version(&editor, "phi").await;
    let body = json!({"version": seen, "reason": "Căn cứ đã đổi"});
    officer.post("/api/v1/answers/phi/withdraw", &body).await.refused(403, "ROLE_NOT_ALLOWED");
    let withdrawn = editor.post("/api/v1/answers/phi/withdraw", &body).await.ok();
    assert_eq!(withdrawn["state"], "PASSAGE_STATE_WITHDRAWN");
    // At once, also through the answer that repeats it.
    assert!(found(&asker, FEE).await.is_empty());
    assert_eq!(editor.post("/api/v1/answers/phi/withdraw", &body).await.ok(), withdrawn, "a repeat");
    let late = json!({"version": seen, "text": "Khác", "reason": "x"});
    editor.post("/api/v1/answers/phi/correct", &late).await.refused(409, "PASSAGE_ENDED");

    let ticket = told(&asker, &code, "MILESTONE_WITHDRAWN", 1).await;
    let notice = &ticket["answer"]["notices"][0];
    assert_eq!((&notice["whole"], &notice["reason"]), (&json!(true), &json!("Căn cứ đã đổi")), "{ticket}");
    let page = asker.get(&format!("/theo-doi/{code}")).await;
    assert!(page.text.contains("đã bị thu hồi") && page.text.contains("Căn cứ đã đổi"), "{page:?}");

    // The draft that was made from it is gone: what the officer saw cannot be approved.
    until("a new draft", || async {
        let now = officer.get(&format!("/api/v1/tickets/{waiting}")).await.ok();
        (now["draft"]["version"] != draft["draft"]["version"]).then_some(())
    })
    .await;
    let dead = json!({"text": "Không thu phí.", "version": draft["draft"]["version"]});
    officer.post(&format!("/api/v1/tickets/{waiting}/approve"), &dead).await.refused(409, "STALE_VERSION");
    assert_eq!(officer.drafted(&waiting).await["draft"]["text"], "");

    // An officer's own answer to the same question lives on its own.
    officer.approve(&waiting, Some("Thu 20.000 đồng.")).await;
    asker.followed(&waiting_code, "TICKET_STATE_ANSWERED").await;
    platform.settle().await;
    assert_eq!(found(&asker, FEE).await, [format!("ticket:{waiting}")]);
    let trace = editor.get("/api/v1/answers/phi").await.ok();
    assert_eq!(trace["versions"][0]["change"], "CHANGE_WITHDRAWN");
    assert_eq!(trace["versions"][0]["by"], "script");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_reaches_everyone_who_received_the_answer_once() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let editor = platform.rest_as("editor", None).await;
    publish(&platform, &[("phi", FEE, "Không thu phí.")]).await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(answered_from_store(&asker, &officer, FEE).await);
    }
    // One who got words of an officer's own, with the answer as their source.
    let (edited, edited_code) = asker.ask(FEE).await;
    let draft = officer.drafted(&edited).await;
    let body = json!({"text": "Theo quy định thì không thu.", "version": draft["draft"]["version"],
        "sourceIds": ["phi"]});
    officer.post(&format!("/api/v1/tickets/{edited}/approve"), &body).await.ok();
    asker.followed(&edited_code, "TICKET_STATE_ANSWERED").await;
    platform.settle().await;

    edit(&editor, "phi", "correct", json!({"text": "Thu 20.000 đồng.", "reason": "Nhầm mức phí"})).await;
    let stale = json!({"version": 1, "text": "Thu 30.000 đồng.", "reason": "x"});
    editor.post("/api/v1/answers/phi/correct", &stale).await.refused(409, "STALE_VERSION");
    for code in &codes {
        let ticket = told(&asker, code, "MILESTONE_CORRECTED", 1).await;
        assert_eq!(ticket["answer"]["text"], "Thu 20.000 đồng.");
        assert_eq!(ticket["answer"]["notices"][0]["whole"], true, "{ticket}");
    }
    let ticket = told(&asker, &edited_code, "MILESTONE_CORRECTED", 1).await;
    assert_eq!(ticket["answer"]["text"], "Theo quy định thì không thu.");
    assert_eq!(ticket["answer"]["notices"][0]["text"], "Thu 20.000 đồng.", "{ticket}");
    let recall = editor.get("/api/v1/answers/phi/recall").await.ok();
    assert_eq!((&recall["received"], &recall["told"], &recall["waiting"]), (&json!(4), &json!(4), &json!(0)));

    // The officer's own words say something else now: while both stand, neither is a draft.
    let (own, by) = (format!("ticket:{edited}"), json!({"byId": "phi", "reason": "Theo bản đính chính"}));
    edit(&editor, &own, "supersede", by).await;

    // The next asker gets what is right, and is not told of a correction that was before.
    let code = answered_from_store(&asker, &officer, FEE).await;
    platform.settle().await;
    let ticket = asker.get(&format!("/api/v1/questions/{code}")).await.ok();
    assert_eq!(
        (&ticket["answer"]["text"], milestones(&ticket, "MILESTONE_CORRECTED")),
        (&json!("Thu 20.000 đồng."), 0)
    );

    // The same file again does not undo it; another text in the file is a correction, too.
    publish(&platform, &[("phi", FEE, "Không thu phí.")]).await;
    assert_eq!(editor.get("/api/v1/answers/phi").await.ok()["passage"]["answer"], "Thu 20.000 đồng.");
    publish(&platform, &[("phi", FEE, "Thu 25.000 đồng.")]).await;
    for code in codes.iter().chain([&edited_code]) {
        told(&asker, code, "MILESTONE_CORRECTED", 2).await;
    }
    told(&asker, &code, "MILESTONE_CORRECTED", 1).await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_its_time_or_its_basis_ends_reuse_stops_and_a_review_opens() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let asker = platform.rest();
    let editor = platform.rest_as("editor", None).await;
    publish(&platform, &[("phi", FEE, "Không thu phí."), ("ks", BIRTH, "Tờ khai theo mẫu.")]).await;
    let in_force = json!({"items": [{"id": "nd-61", "kind": "CATALOGUE_KIND_LAW", "number": "61/2018/NĐ-CP",
        "title": "Cơ chế một cửa", "validFrom": "2018-06-21T00:00:00Z"}]});
    assert_eq!(editor.post("/api/v1/catalogue", &in_force).await.ok()["stored"], 1);
    assert_eq!(editor.post("/api/v1/catalogue", &in_force).await.ok()["unchanged"], 1);
    let listed = asker.get("/api/v1/catalogue?q=61/2018").await.ok();
    assert_eq!(listed["items"][0]["id"], "nd-61");
    let unknown = json!({"version": version(&editor, "phi").await, "basis": ["nd-62"]});
    editor.post("/api/v1/answers/phi/validity", &unknown).await.refused(400, "BASIS_UNKNOWN");
    edit(&editor, "phi", "validity", json!({"basis": ["nd-61"]})).await;
    platform.settle().await;
    assert_eq!(found(&asker, FEE).await[0], "phi");

    // Its basis ends: at once.
    let mut ended = in_force.clone();
    ended["items"][0]["validUntil"] = "2025-01-01T00:00:00Z".into();
    editor.post("/api/v1/catalogue", &ended).await.ok();
    assert!(!found(&asker, FEE).await.contains(&"phi".to_owned()));
    let review = |reason: &'static str, id: &'static str| {
        let editor = editor.clone();
        async move {
            until("a review", || async {
                let tasks = editor.get("/api/v1/reviews").await.ok()["tasks"].clone();
                let task = tasks.as_array()?.iter().find(|task| task["passageId"] == id)?.clone();
                (task["reason"] == reason).then_some(task)
            })
            .await
        }
    };
    assert_eq!(review("REVIEW_REASON_BASIS_NOT_VALID", "phi").await["unit"], "vu-phap-che");
    let theirs = platform.rest_as("officer", Some("vu-phap-che")).await;
    assert_eq!(theirs.get("/api/v1/reviews").await.ok()["tasks"].as_array().unwrap().len(), 1);
    let others = platform.rest_as("officer", Some("vu-ke-hoach")).await;
    assert_eq!(others.get("/api/v1/reviews").await.ok()["tasks"], json!([]));

    // It is in force again: reused again, and the review closes.
    editor.post("/api/v1/catalogue", &in_force).await.ok();
    until("no review", || async {
        (editor.get("/api/v1/reviews").await.ok()["tasks"] == json!([])).then_some(())
    })
    .await;
    platform.settle().await;
    assert_eq!(found(&asker, FEE).await[0], "phi");

    // An answer's own time ends by the clock; nobody has to do anything.
    let soon = (platform_now() + Duration::seconds(2)).to_rfc3339();
    edit(&editor, "ks", "validity", json!({"validUntil": soon})).await;
    until("its end", || async { (!found(&asker, BIRTH).await.contains(&"ks".to_owned())).then_some(()) })
        .await;
    review("REVIEW_REASON_EXPIRED", "ks").await;
    edit(&editor, "ks", "withdraw", json!({"reason": "Hết hiệu lực"})).await;
    until("no review", || async {
        (editor.get("/api/v1/reviews").await.ok()["tasks"] == json!([])).then_some(())
    })
    .await;
    platform.stop().await;
}

/// The platform has the machine's clock.
fn platform_now() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).trunc_subsecs(3)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_contradict_each_other_are_shown_until_one_of_them_gives_way() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, editor) = (platform.rest(), platform.rest_as("editor", None).await);
    let undiacritised = "phi cap lai the bao hiem y te bi mat la bao nhieu";
    publish(
        &platform,
        &[
            ("a", FEE, "Không thu phí."),
            ("b", undiacritised, "Thu 20.000 đồng."),
            ("c", FEE, "không thu phí. "),
        ],
    )
    .await;
    let pairs = async || {
        let listed = editor.get("/api/v1/contradictions").await.ok();
        let pairs = listed["contradictions"].as_array().unwrap().iter();
        pairs
            .map(|pair| format!("{}-{}", pair["left"]["id"], pair["right"]["id"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    until("two contradictions", || async { (pairs().await == ["a-b", "b-c"]).then_some(()) }).await;

    // Nearly the same words, which the verdict takes for the same question, answered otherwise.
    let wordy = format!("xin hỏi: {}", BIRTH.to_lowercase());
    publish(&platform, &[("e", BIRTH, "Tờ khai theo mẫu."), ("f", &wordy, "Giấy chứng sinh.")]).await;
    until("one more contradiction", || async { pairs().await.contains(&"e-f".to_owned()).then_some(()) })
        .await;
    edit(&editor, "f", "withdraw", json!({"reason": "Chưa duyệt"})).await;
    assert_eq!(pairs().await, ["a-b", "b-c"]);

    let both = json!({"leftId": "c", "rightId": "b", "reason": "Hai trường hợp khác nhau"});
    editor.post("/api/v1/contradictions/compatible", &both).await.ok();
    assert_eq!(pairs().await, ["a-b"]);
    let none = json!({"leftId": "a", "rightId": "c", "reason": "x"});
    editor.post("/api/v1/contradictions/compatible", &none).await.refused(404, "CONTRADICTION_NOT_FOUND");

    let superseded = edit(&editor, "b", "supersede", json!({"byId": "a", "reason": "Quy định mới"})).await;
    assert_eq!(
        (&superseded["state"], &superseded["supersededBy"]),
        (&json!("PASSAGE_STATE_SUPERSEDED"), &json!("a"))
    );
    assert!(pairs().await.is_empty());
    assert!(!found(&asker, FEE).await.contains(&"b".to_owned()));
    let itself = json!({"version": 1, "byId": "b", "reason": "x"});
    editor.post("/api/v1/answers/c/supersede", &itself).await.refused(400, "SUCCESSOR_NOT_PUBLISHED");
    pages(&platform).await;
    platform.stop().await;
}

/// The editor's pages are there, and only for editors.
async fn pages(platform: &Platform) {
    let editor = platform.browser_as("editor").await;
    let desk = editor.get("/bien-tap").await;
    assert!(desk.status.is_success() && desk.text.contains("Biên tập kho tri thức"), "{desk:?}");
    let passage = editor.get("/bien-tap/tra-loi/b").await;
    assert!(passage.text.contains("Đã được thay thế") && passage.text.contains("Lưu vết"), "{passage:?}");
    let officer = platform.browser_as("officer").await.get("/bien-tap").await;
    assert!(officer.text.contains("Cần rà soát") && !officer.text.contains("mâu thuẫn"), "{officer:?}");
    assert_eq!(platform.browser_as("analyst").await.get("/bien-tap").await.status.as_u16(), 403);
}
