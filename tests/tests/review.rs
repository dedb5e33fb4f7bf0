//! How a reply reads and who approves it, on the whole platform.

use e2e::{
    platform::{Platform, data_dir},
    rest::Rest,
};
use serde_json::{Value, json};

const DESK: &str = "mot-cua";

/// A platform whose desk has this policy.
async fn up(dir: &std::path::Path, policy: &str) -> Platform {
    let text = format!(
        "[co_answer]\nunits_max = 3\n[[policy]]\ncode = \"chung\"\nsource = \"thử nghiệm\"\n
         [[policy]]\ncode = \"ban-mot-cua\"\nunit = \"{DESK}\"\nsource = \"Quy chế thử nghiệm\"\n{policy}"
    );
    let file = dir.join("quy-tac.toml");
    std::fs::write(&file, text).unwrap();
    Platform::up(dir, &[], &[("MOTCUA__ANSWERING__REPLIES", file.to_str().unwrap())]).await
}

fn codes(checked: &Value) -> Vec<(String, bool)> {
    let findings = checked["findings"].as_array().unwrap().iter();
    findings.map(|one| (one["code"].as_str().unwrap().to_owned(), one["gate"].as_bool().unwrap())).collect()
}

async fn version(officer: &Rest, ticket_id: &str) -> Value {
    officer.drafted(ticket_id).await["draft"]["version"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_advised_upon_and_held_back_where_the_unit_says_so() {
    let dir = data_dir();
    let policy = "basis = true\ncontact = true\ngate = [\"personal_data\", \"only_forwarded\"]\n";
    let platform = up(dir.path(), policy).await;
    let officer = platform.rest_of("an", DESK).await;
    let (ticket_id, code) = platform.rest().ask("Lệ phí cấp thẻ bao nhiêu và nộp hồ sơ ở đâu?").await;
    officer.drafted(&ticket_id).await;
    let path = format!("/api/v1/tickets/{ticket_id}");
    let check = async |text: &str| officer.post(&format!("{path}/check"), &json!({"text": text})).await.ok();

    let checked = check("Lệ phí cấp thẻ là 50.000 đồng.").await;
    let expected = [("SUB_QUESTION", false), ("BASIS", false), ("CONTACT", false)];
    assert_eq!(
        codes(&checked),
        expected.map(|(code, gate)| (format!("FINDING_CODE_{code}"), gate)),
        "{checked}"
    );
    assert_eq!(checked["findings"][0]["words"], "nộp hồ sơ ở đâu?");
    officer.post(&format!("{path}/check"), &json!({"text": " "})).await.refused(400, "TEXT_EMPTY");
    let others = platform.rest_of("binh", "vu-phap-che").await;
    others.post(&format!("{path}/check"), &json!({"text": "x"})).await.refused(404, "TICKET_NOT_FOUND");

    // What gates is named in the refusal; on the page with all the advice, and nothing typed is lost.
    let own = "Đã chuyển anh Nam, gọi 0912 345 678.";
    let approve = json!({"text": own, "version": version(&officer, &ticket_id).await});
    let refused = officer.post(&format!("{path}/approve"), &approve).await;
    refused.refused(409, "STYLE_NOT_MET");
    assert!(refused.text.contains("FINDING_CODE_PERSONAL_DATA (0912 345 678)"), "{refused:?}");
    assert!(refused.text.contains("FINDING_CODE_ONLY_FORWARDED"), "{refused:?}");
    let page = format!("/can-bo/phieu/{ticket_id}");
    let form = format!("version={}&text=%C4%90%C3%A3+chuy%E1%BB%83n+anh+Nam", approve["version"]);
    let shown = officer.page(&format!("{page}/duyet"), Some(form.clone())).await;
    assert!(shown.status == 409 && shown.text.contains("chưa đạt yêu cầu"), "{shown:?}");
    for words in [
        "Chỉ báo đã chuyển",
        "chưa được gửi",
        "Chưa nêu căn cứ",
        ">Đã chuyển anh Nam</textarea>",
        "Quy chế thử nghiệm",
    ] {
        assert!(shown.text.contains(words), "{words}: {shown:?}");
    }
    let shown = officer.page(&format!("{page}/kiem-tra?lang=en"), Some(form)).await;
    assert!(shown.status == 200 && shown.text.contains("No basis is named"), "{shown:?}");

    // Advice holds nothing back.
    officer.approve(&ticket_id, Some("Lệ phí cấp thẻ là 50.000 đồng.")).await;
    platform.rest().followed(&code, "TICKET_STATE_ANSWERED").await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_two_persons_are_asked_for_nothing_is_released_by_one() {
    let dir = data_dir();
    let platform = up(dir.path(), "two_persons = true\n").await;
    let (an, binh) = (platform.rest_of("an", DESK).await, platform.rest_of("binh", DESK).await);
    let (ticket_id, code) = platform.rest().ask("Phí gửi xe bao nhiêu?").await;
    let seen = version(&an, &ticket_id).await;
    let path = format!("/api/v1/tickets/{ticket_id}");
    let text = |text: &str, version: &Value| json!({"text": text, "version": version});
    let (submit, approve) = (format!("{path}/submit"), format!("{path}/approve"));

    an.post(&approve, &text("Phí là 5.000 đồng.", &seen)).await.refused(409, "REVIEW_MISSING");
    let submitted = an.post(&submit, &text("Phí là 5.000 đồng.", &seen)).await.ok();
    assert_eq!(submitted["review"]["submittedBy"], "an", "{submitted}");
    // A repeat is harmless; who saw less is told.
    assert_eq!(an.post(&submit, &text("Phí là 5.000 đồng.", &seen)).await.ok(), submitted);
    binh.post(&submit, &text("Phí là 6.000 đồng.", &seen)).await.refused(409, "STALE_VERSION");
    let seen = &submitted["version"];
    an.post(&approve, &text("Phí là 5.000 đồng.", seen)).await.refused(403, "REVIEWER_IS_AUTHOR");
    binh.post(&approve, &text("Phí là 6.000 đồng.", seen)).await.refused(409, "REVIEW_TEXT_CHANGED");
    let own = json!({"comment": "x", "version": seen});
    an.post(&format!("{path}/correction"), &own).await.refused(403, "REVIEWER_IS_AUTHOR");
    let inbox = binh.get("/api/v1/inbox").await.ok();
    assert_eq!(inbox["items"][0]["reviewStage"], "REVIEW_STAGE_SUBMITTED", "{inbox}");

    // The second person asks for correction, on the page; the first sees it and submits again.
    let page = format!("/can-bo/phieu/{ticket_id}");
    let shown = binh.page(&page, None).await.text;
    assert!(shown.contains("Đang chờ người thứ hai duyệt") && shown.contains("Yêu cầu sửa"), "{shown}");
    let shown = an.page(&page, None).await.text;
    assert!(shown.contains("Bạn đã trình nội dung này") && !shown.contains("yeu-cau-sua"), "{shown}");
    let form = format!("version={seen}&comment=N%C3%AAu+c%C4%83n+c%E1%BB%A9");
    binh.page(&format!("{page}/yeu-cau-sua"), Some(form)).await;
    let shown = an.page(&format!("{page}?lang=en"), None).await.text;
    assert!(shown.contains("The reviewer asks for correction") && shown.contains("Nêu căn cứ"), "{shown}");
    let seen = version(&an, &ticket_id).await;
    let form = format!("version={seen}&text=Ph%C3%AD+5.000+%C4%91%E1%BB%93ng");
    let shown = an.page(&format!("{page}/trinh-duyet"), Some(form)).await.text;
    assert!(shown.contains("Đã trình người thứ hai duyệt") && shown.contains("Chờ duyệt"), "{shown}");

    // The second person releases it; only then does the asker see it.
    let asker = platform.rest();
    let waiting = asker.get(&format!("/api/v1/questions/{code}")).await.ok();
    assert_eq!(waiting["state"], "TICKET_STATE_ROUTED", "{waiting}");
    let seen = version(&binh, &ticket_id).await;
    let form = format!("version={seen}&text=Ph%C3%AD+5.000+%C4%91%E1%BB%93ng");
    let shown = binh.page(&format!("{page}/duyet"), Some(form)).await.text;
    assert!(shown.contains("Đã duyệt và gửi"), "{shown}");
    let answered = asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    assert_eq!(answered["answer"]["text"], "Phí 5.000 đồng");
    let trace: Vec<(String, String)> =
        sqlx::query_as("select what, done_by from answering.answer_trace where done_by <> '' order by seq")
            .fetch_all(&platform.pool().await)
            .await
            .unwrap();
    let expected =
        [("submitted", "an"), ("correction_asked", "binh"), ("submitted", "an"), ("approved", "binh")];
    assert_eq!(trace, expected.map(|(what, by)| (what.to_owned(), by.to_owned())));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_of_rules_is_told_at_the_start() {
    let dir = data_dir();
    let file = dir.path().join("quy-tac.toml");
    std::fs::write(&file, "[co_answer]\nunits_max = 0\n").unwrap();
    let output = tokio::process::Command::new(e2e::binary())
        .args(["up", "--listen", "127.0.0.1:0", "--data"])
        .arg(dir.path())
        .env("MOTCUA__ANSWERING__REPLIES", &file)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("quy-tac.toml"), "{said}");
}
