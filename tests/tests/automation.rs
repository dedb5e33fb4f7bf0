//! Sending without a hand, on the real platform: off, in shadow, on, stopped; what askers and officers
//! make of it comes back as judgements and drift.

use e2e::{
    platform::{Platform, data_dir},
    repeat::say_again,
    rest::{Rest, question},
};
use serde_json::{Value, json};

const FEE: &str = "Phí cấp lại thẻ bảo hiểm y tế bị mất là bao nhiêu?";
const FIELD: &str = "chinh-sach-phap-luat";
const ANSWER: &str = "Không thu phí khi cấp lại thẻ bảo hiểm y tế bị mất.";

struct Desk {
    asker: Rest,
    officer: Rest,
    operator: Rest,
    unit: String,
    field: String,
    calibration: String,
}

impl Desk {
    /// A first question, answered by hand, tells where the others will go.
    async fn open(platform: &Platform) -> Self {
        let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
        let operator = platform.rest_as("operator", None).await;
        let line =
            json!({"id": "phi", "question": FEE, "answer": ANSWER, "field": FIELD, "unit": "vu-phap-che"});
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), line.to_string()).unwrap();
        motcua(platform, &["import", "answered"], file.path()).await;
        platform.settle().await;
        let (ticket_id, code) = ask(&asker).await;
        let ticket = officer.drafted(&ticket_id).await;
        assert_eq!(ticket["draft"]["text"], ANSWER, "{ticket}");
        officer.approve(&ticket_id, None).await;
        asker.followed(&code, "TICKET_STATE_ANSWERED").await;
        platform.settle().await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let calibration = text(&ticket["draft"]["verdict"]["calibration"]);
        let (unit, field) = (text(&ticket["unit"]), text(&ticket["field"]));
        Self { asker, officer, operator, unit, field, calibration }
    }

    async fn set(&self, mode: &str) -> e2e::rest::Reply {
        let body = json!({"unit": self.unit, "field": self.field, "mode": mode});
        self.operator.post("/api/v1/automation", &body).await
    }

    async fn file(&self, drafted: u32, correct: u32, calibration: &str) {
        let body = json!({"unit": self.unit, "field": self.field, "drafted": drafted, "correct": correct,
                          "calibration": calibration});
        self.operator.post("/api/v1/automation/back-tests", &body).await.ok();
    }

    async fn automation(&self) -> Value {
        self.officer.get("/api/v1/automation").await.ok()["automations"][0].clone()
    }

    /// The newest judgements' outcomes and modes.
    async fn judged(&self) -> Vec<(String, String)> {
        let found = self.officer.get("/api/v1/judgements").await.ok();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let judgements = found["judgements"].as_array().unwrap().iter();
        judgements.map(|one| (text(&one["use"]["outcome"]), text(&one["mode"]))).collect()
    }

    /// Asks; the ticket as its officers see it once every fact had its effects.
    async fn ask(&self, platform: &Platform) -> (String, String, Value) {
        let (ticket_id, code) = ask(&self.asker).await;
        platform.settle().await;
        let ticket = self.officer.get(&format!("/api/v1/tickets/{ticket_id}")).await.ok();
        (ticket_id, code, ticket)
    }
}

/// Asks in the field that the asker chooses: the store knows too few owners to find one.
async fn ask(asker: &Rest) -> (String, String) {
    let mut body = question(FEE);
    body["field"] = FIELD.into();
    let asked = asker.post("/api/v1/questions", &body).await.json();
    let text = |key: &str| asked[key].as_str().unwrap().to_owned();
    (text("ticketId"), text("trackingCode"))
}

/// Runs the binary against the platform.
async fn motcua(platform: &Platform, arguments: &[&str], file: &std::path::Path) {
    let mut command = tokio::process::Command::new(e2e::binary());
    command.args(arguments).arg(file).arg("--data").arg(&platform.dir);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
}

const DRAFTED: &str = "ANSWER_STATE_DRAFTED";
const APPROVED: &str = "ANSWER_STATE_APPROVED";

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_proven_is_sent_and_one_switch_stops_it() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let desk = Desk::open(&platform).await;
    assert_eq!(
        desk.judged().await,
        [("DRAFT_OUTCOME_ACCEPTED".to_owned(), "AUTOMATION_MODE_OFF".to_owned())]
    );

    // Not without proof, nor with too little of it, nor by just anybody.
    desk.set("AUTOMATION_MODE_ON").await.refused(409, "BACK_TEST_MISSING");
    desk.file(100, 95, &desk.calibration).await;
    desk.set("AUTOMATION_MODE_ON").await.refused(409, "BACK_TEST_BELOW_TARGET");
    let body = json!({"unit": desk.unit, "field": desk.field, "mode": "AUTOMATION_MODE_SHADOW"});
    desk.officer.post("/api/v1/automation", &body).await.refused(403, "ROLE_NOT_ALLOWED");
    let other = platform.rest_as("editor", Some("khac")).await;
    other.post("/api/v1/automation", &body).await.refused(403, "OTHER_UNIT");

    // On, but by another calibration than the tested one: still a person's.
    desk.file(400, 400, &"0".repeat(64)).await;
    desk.set("AUTOMATION_MODE_ON").await.ok();
    let (ticket_id, _, ticket) = desk.ask(&platform).await;
    assert_eq!(ticket["state"], DRAFTED, "{ticket}");
    desk.officer.approve(&ticket_id, None).await;

    desk.file(400, 400, &desk.calibration).await;
    let (sent_id, code, ticket) = desk.ask(&platform).await;
    assert_eq!((&ticket["state"], &ticket["answer"]), (&json!(APPROVED), &json!(ANSWER)), "{ticket}");
    let told = desk.asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    assert_eq!(told["answer"]["automatic"], true, "{told}");
    assert_eq!(told["answer"]["citations"].as_array().unwrap().len(), 1, "{told}");
    let passage = format!("/api/v1/answers/ticket:{sent_id}");
    let editor = platform.rest_as("editor", None).await;
    editor.get(&passage).await.refused(404, "PASSAGE_NOT_FOUND");

    // The kill switch: anyone at a desk stops, only an operator lets go.
    let stop = |stopped| json!({"stopped": stopped, "reason": "Nghi có sai sót"});
    desk.officer.post("/api/v1/automation/stop", &stop(true)).await.ok();
    let (waits, _, ticket) = desk.ask(&platform).await;
    assert_eq!(ticket["state"], DRAFTED, "{ticket}");
    desk.officer.approve(&waits, None).await;
    desk.officer.post("/api/v1/automation/stop", &stop(false)).await.refused(403, "OPERATOR_ONLY");
    desk.operator.post("/api/v1/automation/stop", &stop(false)).await.ok();
    let (_, _, ticket) = desk.ask(&platform).await;
    assert_eq!(ticket["state"], APPROVED, "{ticket}");

    // In shadow nothing is sent, and what the officer changed is told; so it was where proof was lacking.
    desk.set("AUTOMATION_MODE_SHADOW").await.ok();
    let (ticket_id, _, ticket) = desk.ask(&platform).await;
    assert_eq!(ticket["state"], DRAFTED, "{ticket}");
    let edited = "Không thu phí khi cấp lại thẻ bảo hiểm y tế đã mất.";
    desk.officer.approve(&ticket_id, Some(edited)).await;
    let now = desk.automation().await;
    let counts =
        ["shadowAccepted", "shadowEdited", "shadowRejected", "sent"].map(|key| now[key].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 0, 2], "{now}");
    let judgement = desk.officer.get("/api/v1/judgements?automation=true&limit=1").await.ok();
    let newest = &judgement["judgements"][0];
    assert_eq!((&newest["draft"], &newest["answer"]), (&json!(ANSWER), &json!(edited)), "{judgement}");
    assert!(!judgement["nextPageToken"].as_str().unwrap().is_empty());
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_automatic_answer_that_did_not_answer_goes_to_a_person_and_teaches() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let desk = Desk::open(&platform).await;
    desk.file(400, 400, &desk.calibration).await;
    desk.set("AUTOMATION_MODE_ON").await.ok();
    let (ticket_id, code, _) = desk.ask(&platform).await;
    desk.asker.followed(&code, "TICKET_STATE_ANSWERED").await;

    let reject = json!({"answerNumber": 1});
    let path = format!("/api/v1/questions/{code}/not-answered");
    assert_eq!(desk.asker.post(&path, &reject).await.ok()["state"], "TICKET_STATE_RECEIVED");
    platform.settle().await;
    // A person's now, with no draft to approve by mistake; saying it again changes nothing.
    desk.asker.post(&path, &reject).await.ok();
    say_again(&platform, "once-more").await;
    let ticket = desk.officer.drafted(&ticket_id).await;
    assert_eq!(
        (&ticket["draft"]["text"], ticket["question"]["followUps"].as_array().unwrap().len()),
        (&json!(""), 1)
    );
    let now = desk.automation().await;
    assert_eq!((&now["sent"], &now["sentRejected"]), (&json!(1), &json!(1)), "{now}");
    let outcomes = desk.judged().await;
    assert_eq!(
        outcomes[0],
        ("DRAFT_OUTCOME_REJECTED".to_owned(), "AUTOMATION_MODE_ON".to_owned()),
        "{outcomes:?}"
    );
    assert_eq!(outcomes.len(), 2, "{outcomes:?}");

    // The person's answer is not automatic and can only be rated.
    desk.officer.approve(&ticket_id, Some("Trả lời riêng cho trường hợp này.")).await;
    let told = desk.asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    assert_eq!(told["answer"]["automatic"], false, "{told}");
    desk.asker.post(&path, &json!({"answerNumber": 2})).await.refused(409, "ANSWER_NOT_AUTOMATIC");

    platform.settle().await;
    let analyst = platform.rest_as("analyst", None).await;
    analyst.get("/api/v1/judgements").await.refused(403, "ROLE_NOT_ALLOWED");
    let drift = analyst.get("/api/v1/reports/drift").await.ok();
    let point = &drift["points"][0];
    let counts =
        ["accepted", "edited", "rejected", "sent", "sentRejected"].map(|key| point[key].as_u64().unwrap());
    assert_eq!(counts, [1, 0, 0, 1, 1], "{drift}");

    // What was learned is what the back-test and the calibration read.
    let file = tempfile::NamedTempFile::new().unwrap();
    motcua(&platform, &["export", "judgements"], file.path()).await;
    let lines: Vec<Value> = std::fs::read_to_string(file.path())
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let known: Vec<_> = lines.iter().map(|line| (&line["expect"], &line["forbid"])).collect();
    assert_eq!(known, [(&json!([]), &json!(["phi"])), (&json!(["phi"]), &json!([]))], "{lines:?}");
    platform.stop().await;
}
