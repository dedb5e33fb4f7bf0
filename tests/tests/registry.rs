//! The organisation changes on a running platform: a new subject, a merger, a wrong file; and whoever
//! dies in the middle of it, each open question follows its unit once.

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use e2e::{
    binary,
    platform::{Platform, data_dir},
    rest::{Rest, question},
    root, until,
};
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

const SUBJECT: &str = r#"
[[unit]]
code = "trung-tam-ai"
agency = "btttt"
parent = "cuc-chuyen-doi-so"
name = "Trung tâm Trí tuệ nhân tạo"

[[field]]
code = "tri-tue-nhan-tao"
name = "Trí tuệ nhân tạo"
unit = "trung-tam-ai"
"#;

const MERGER: &str = r#"
[[former]]
unit = "vu-ke-hoach"
into = ["vu-phap-che"]
"#;

fn sample() -> String {
    std::fs::read_to_string(root().join("deploy/sample/organisation.toml")).unwrap()
}

/// The sample with the new subject, and with one unit merged into another.
fn merged() -> String {
    let (before, unit) = (
        sample(),
        "[[unit]]\ncode = \"vu-ke-hoach\"\nagency = \"btttt\"\nname = \"Vụ Kế hoạch - Tài chính\"\n",
    );
    assert!(before.contains(unit));
    let after = before.replace(unit, "").replace("unit = \"vu-ke-hoach\"", "unit = \"vu-phap-che\"");
    format!("{after}{SUBJECT}{MERGER}")
}

fn write(dir: &Path, text: &str) -> PathBuf {
    let file = dir.join("org.toml");
    std::fs::write(&file, text).unwrap();
    file
}

async fn run_apply(dir: &Path, text: &str, arguments: &[&str]) -> Output {
    let file = write(dir, text);
    let mut command = Command::new(binary());
    command.args(["apply", "--data"]).arg(dir).arg("-f").arg(file).args(arguments);
    command.output().await.unwrap()
}

async fn apply(dir: &Path, text: &str, arguments: &[&str]) -> String {
    let output = run_apply(dir, text, arguments).await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn refused(dir: &Path, text: &str) -> String {
    let output = run_apply(dir, text, &[]).await;
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Asks about a field; returns the ticket, as an officer sees it.
async fn ask_about(asker: &Rest, officer: &Rest, field: &str, text: &str) -> (String, Value) {
    let mut body = question(text);
    body["field"] = json!(field);
    let asked = asker.post("/api/v1/questions", &body).await.ok();
    let ticket_id = asked["ticketId"].as_str().unwrap().to_owned();
    let ticket = officer.drafted(&ticket_id).await;
    (ticket_id, ticket)
}

async fn moved_to(officer: &Rest, ticket_id: &str, unit: &str) -> Value {
    until("the question to follow its unit", || async {
        let ticket = officer.drafted(ticket_id).await;
        (ticket["unit"] == unit).then_some(ticket)
    })
    .await
}

/// Why a question was routed, each time.
async fn reasons(platform: &Platform, ticket_id: &str) -> Vec<String> {
    sqlx::query_scalar(
        "select payload::json->>'reason' from bus.outbox
         where name = 'routing.v1.QuestionRouted' and ticket_id = $1 order by seq",
    )
    .bind(ticket_id.parse::<Uuid>().unwrap())
    .fetch_all(&platform.pool().await)
    .await
    .unwrap()
}

fn codes(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_subject_and_a_merger_need_one_file_and_no_restart() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let operator = platform.rest_as("operator", None).await;
    let said = apply(dir.path(), &sample(), &[]).await;
    assert_eq!(said.trim(), "there is nothing to do: version 1 says the same");

    let subject = format!("{}{SUBJECT}", sample());
    let said = apply(dir.path(), &subject, &["--dry-run"]).await;
    assert!(
        said.contains("  add    unit trung-tam-ai: Trung tâm Trí tuệ nhân tạo (agency btttt)\n"),
        "{said}"
    );
    assert!(said.ends_with("nothing was done\n"), "{said}");
    assert_eq!(operator.get("/api/v1/registry").await.ok()["version"], 1);
    assert!(apply(dir.path(), &subject, &[]).await.ends_with("applied: version 2\n"));
    assert!(apply(dir.path(), &subject, &[]).await.starts_with("there is nothing to do: version 2"));
    let (_, ticket) = ask_about(&asker, &officer, "tri-tue-nhan-tao", "Mô hình ngôn ngữ lớn là gì?").await;
    assert_eq!(ticket["unit"], "trung-tam-ai", "{ticket}");
    until("the new field on the page", || async {
        asker.page("/", None).await.text.contains("Trí tuệ nhân tạo").then_some(())
    })
    .await;

    let (ticket_id, before) = ask_about(&asker, &officer, "nguon-luc", "Kinh phí lấy ở đâu?").await;
    assert_eq!(before["unit"], "vu-ke-hoach", "{before}");
    let (foreign_id, foreign) =
        ask_about(&asker, &officer, "tri-tue-nhan-tao", "Ai cấp kinh phí cho AI?").await;
    let mut answered = question("Nhân lực thì sao?");
    answered["field"] = json!("nguon-luc");
    let answered = asker.post("/api/v1/questions", &answered).await.ok();
    officer.drafted(answered["ticketId"].as_str().unwrap()).await;
    officer.approve(answered["ticketId"].as_str().unwrap(), Some("Theo kế hoạch đã duyệt.")).await;
    let code = answered["trackingCode"].as_str().unwrap();
    asker.followed(code, "TICKET_STATE_ANSWERED").await;
    asker.post(&format!("/api/v1/questions/{code}/rating"), &json!({"score": 5})).await.ok();
    let part = json!({"unit": "vu-ke-hoach", "request": "Kinh phí năm nay?", "version": foreign["draft"]["version"]});
    officer.post(&format!("/api/v1/tickets/{foreign_id}/co-answers"), &part).await.ok();
    let then = operator.get("/api/v1/registry?history=true").await.ok()["versions"][0]["appliedAt"].clone();
    let said = apply(dir.path(), &merged(), &[]).await;
    assert!(said.contains("  merge  unit vu-ke-hoach into vu-phap-che: Vụ Kế hoạch - Tài chính\n"), "{said}");
    assert!(said.contains("  change field nguon-luc: unit \"vu-ke-hoach\" → \"vu-phap-che\"\n"), "{said}");
    let after = moved_to(&officer, &ticket_id, "vu-phap-che").await;
    assert_eq!(after["dueAt"], before["dueAt"], "the promise stands");
    platform.settle().await;
    let expected = ["ROUTING_REASON_ASKER_CHOICE", "ROUTING_REASON_REORGANISED"];
    assert_eq!(reasons(&platform, &ticket_id).await, expected);
    let heir = platform.rest_of("an", "vu-phap-che").await;
    let asked = heir.get("/api/v1/co-answers").await.ok()["coAnswers"][0].clone();
    assert_eq!((&asked["ticketId"], &asked["unit"]), (&json!(foreign_id), &json!("vu-ke-hoach")), "{asked}");
    let part = format!("/api/v1/co-answers/{}/give", asked["coAnswerId"].as_str().unwrap());
    heir.post(&part, &json!({"text": "Ngân sách nhà nước."})).await.ok();
    assert_eq!(heir.get("/api/v1/co-answers").await.ok()["coAnswers"], json!([]));

    // What was is readable, and whose figures belong together.
    let now = operator.get("/api/v1/registry").await.ok();
    assert!(!codes(&now["units"]).contains(&"vu-ke-hoach"), "{now}");
    let heir = now["units"].as_array().unwrap().iter().find(|unit| unit["code"] == "vu-phap-che").unwrap();
    assert_eq!(heir["predecessors"], json!(["vu-ke-hoach"]), "{now}");
    assert_eq!(now["formers"][0]["into"], json!(["vu-phap-che"]), "{now}");
    let at = then.as_str().unwrap().replace("+00:00", "Z");
    let earlier = operator.get(&format!("/api/v1/registry?at={at}")).await.ok();
    assert!(codes(&earlier["units"]).contains(&"vu-ke-hoach"), "{earlier}");
    until("its name for old pages", || async {
        let organisation = asker.get("/api/v1/organisation").await.ok();
        codes(&organisation["formerUnits"]).contains(&"vu-ke-hoach").then_some(())
    })
    .await;
    let on_time = async |query: &str, unit: &str| {
        let report = operator.get(&format!("/api/v1/reports/deadlines{query}")).await.ok();
        let units = report["units"].as_array().unwrap().clone();
        units.into_iter().find(|found| found["unit"] == unit).map(|found| found["onTime"].clone())
    };
    let rated = async |query: &str| {
        let report = operator.get(&format!("/api/v1/reports/satisfaction{query}")).await.ok();
        report["groups"].as_array().unwrap().iter().map(|group| group["unit"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(rated("").await, ["vu-ke-hoach"]);
    assert_eq!(rated("?joined=true").await, ["vu-phap-che"]);
    assert_eq!(on_time("", "vu-ke-hoach").await, Some(json!(1)));
    assert_eq!(on_time("?joined=true", "vu-ke-hoach").await, None);
    assert_eq!(on_time("?joined=true", "vu-phap-che").await, Some(json!(1)));
    let facts: i64 = sqlx::query_scalar(
        "select count(*) from analytics.fact where name = 'routing.v1.OrganisationChanged'",
    )
    .fetch_one(&platform.pool().await)
    .await
    .unwrap();
    assert_eq!(facts, 3);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_applied_is_refused_and_changes_nothing() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let operator = platform.rest_as("operator", None).await;
    for (right, wrong, says) in [
        ("unit = \"mot-cua\"", "unit = \"khong-co\"", "desk: no unit khong-co"),
        ("code = \"vu-ke-hoach\"", "code = \"vu-moi\"", "field chuong-trinh-ke-hoach: no unit vu-ke-hoach"),
        ("agency = \"btttt\"", "agency = btttt", "TOML parse error at line"),
        ("[desk]", "valid_from = 2020-01-01\n[desk]", "valid_from has passed"),
    ] {
        let text = sample().replacen(right, wrong, 1).replace("Vụ Khoa học", "Vụ khoa học");
        let said = refused(dir.path(), &text).await;
        assert!(said.contains(says), "{wrong}: {said}");
    }
    let without = merged().replace(MERGER, "");
    let said = refused(dir.path(), &without).await;
    assert!(said.contains("unit vu-ke-hoach is in the registry but not in the file"), "{said}");

    let request = json!({"requestId": Uuid::now_v7(), "file": merged(), "version": 7});
    operator.post("/api/v1/registry/apply", &request).await.refused(409, "STALE_VERSION");
    let officer = platform.rest_as("officer", None).await;
    officer.post("/api/v1/registry/apply", &request).await.refused(403, "ROLE_NOT_ALLOWED");
    assert_eq!(officer.get("/api/v1/registry").await.ok()["version"], 1);

    // Asked twice, done once; another file needs another request.
    let request = json!({"requestId": Uuid::now_v7(), "file": merged(), "version": 1});
    let first = operator.post("/api/v1/registry/apply", &request).await.ok();
    assert_eq!(first["version"], 2);
    assert_eq!(operator.post("/api/v1/registry/apply", &request).await.ok(), first);
    let mut other = request.clone();
    other["file"] = json!(sample());
    operator.post("/api/v1/registry/apply", &other).await.refused(409, "REGISTRY_REQUEST_REUSED");
    let plan = operator.post("/api/v1/registry/plan", &json!({"file": merged()})).await.ok();
    assert_eq!((&plan["version"], &plan["steps"]), (&json!(2), &json!([])));

    // The registry counts, also after a restart, and the log says that the file is another.
    platform.stop().await;
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let operator = platform.rest_as("operator", None).await;
    assert_eq!(operator.get("/api/v1/registry").await.ok()["version"], 2);
    assert!(
        platform.log().contains("the organisation's file differs from the registry"),
        "{}",
        platform.log()
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_they_follow_each_question_follows_once() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let mut tickets = Vec::new();
    for n in 0..3 {
        let asked = ask_about(&asker, &officer, "nguon-luc", &format!("Kinh phí lấy ở đâu, năm {n}?")).await;
        assert_eq!(asked.1["unit"], "vu-ke-hoach");
        tickets.push(asked);
    }
    platform.kill().await;

    // The file is applied whole or not at all …
    let mut life = Platform::up(dir.path(), &[], &[("MOTCUA_KILL_AT", "before-applied registry")]).await;
    let said = refused(dir.path(), &merged()).await;
    assert!(!said.is_empty());
    assert_eq!(life.wait().await.code(), None, "killed, not ended");
    let mut life = Platform::up(dir.path(), &[], &[("MOTCUA_KILL_AT", "before-followed registry")]).await;
    let registry = life.rest_as("operator", None).await.get("/api/v1/registry").await.ok();
    assert_eq!(registry["version"], 1, "{registry}");
    // … and the questions follow, whoever dies while they do. It may die before it says so.
    run_apply(dir.path(), &merged(), &[]).await;
    assert_eq!(life.wait().await.code(), None, "killed, not ended");
    let kill_at = [("MOTCUA_KILL_AT", "after-followed registry")];
    if let Some(mut life) = Platform::up_unless_killed(dir.path(), &[], &kill_at).await {
        assert_eq!(life.wait().await.code(), None, "killed, not ended");
    }

    let platform = Platform::up(dir.path(), &[], &[]).await;
    let officer = platform.rest_as("officer", None).await;
    for (ticket_id, before) in &tickets {
        let after = moved_to(&officer, ticket_id, "vu-phap-che").await;
        assert_eq!(after["dueAt"], before["dueAt"]);
    }
    platform.settle().await;
    for (ticket_id, _) in &tickets {
        let expected = ["ROUTING_REASON_ASKER_CHOICE", "ROUTING_REASON_REORGANISED"];
        assert_eq!(reasons(&platform, ticket_id).await, expected);
    }
    platform.stop().await;
}
