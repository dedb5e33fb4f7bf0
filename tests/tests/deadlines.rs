//! Deadlines on the whole platform: stopped, extended, told of, ended; and what the sweep must survive.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use api::{Event as _, routing::v1 as routing};
use e2e::{
    mail::{Mail, MailServer},
    platform::{Platform, data_dir},
    repeat::say_again,
    rest::Rest,
    root, until,
};
use serde_json::{Value, json};
use sqlx::PgPool;

/// What a deadline long past has reached, in its order.
const STEPS: [&str; 4] = [
    "DEADLINE_STEP_DUE",
    "DEADLINE_STEP_ESCALATED",
    "DEADLINE_STEP_FIRST_RESPONSE_MISSED",
    "DEADLINE_STEP_NEAR",
];

fn milestones(ticket: &Value) -> Vec<&str> {
    let entries = ticket["timeline"].as_array().unwrap().iter();
    entries.map(|entry| entry["what"].as_str().unwrap()).collect()
}

async fn inbox_item(officer: &Rest, ticket_id: &str) -> Value {
    let inbox = officer.get("/api/v1/inbox").await.ok();
    let items = inbox["items"].as_array().unwrap().iter();
    items.into_iter().find(|item| item["ticketId"] == ticket_id).expect("it waits").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_is_stopped_extended_and_ended_and_everyone_sees_it() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let (ticket_id, code) = asker.ask("Bao giờ đường Lê Lợi được sửa xong?").await;
    officer.drafted(&ticket_id).await;
    let path = format!("/api/v1/tickets/{ticket_id}/deadline");
    let first = officer.get(&path).await.ok();
    assert_eq!(first["deadline"]["policy"], "mac-dinh", "{first}");
    assert_eq!((&first["unit"], &first["extensionLeft"]), (&json!("SPAN_UNIT_WORKING_DAYS"), &json!(5)));
    // Two shifts: five days of work and what is left of today.
    assert!(first["workingMinutesLeft"].as_u64().unwrap() >= 5 * 450, "{first}");

    // Waiting for the asker: the clock stands, and the asker is told why.
    let pause = json!({"waitsFor": "WAITS_FOR_ASKER", "reason": "Xin cho biết số nhà", "version": 1});
    let paused = officer.post(&format!("{path}/pause"), &pause).await.ok();
    assert_eq!(paused["deadline"]["version"], 2, "{paused}");
    officer.post(&format!("{path}/pause"), &pause).await.refused(409, "STALE_VERSION");
    let other = json!({"waitsFor": "WAITS_FOR_OTHER_BODY", "reason": "Chờ Sở"});
    officer.post(&format!("{path}/pause"), &other).await.refused(409, "ALREADY_PAUSED");
    officer.post(&format!("{path}/pause"), &json!({"reason": "x"})).await.refused(400, "WAITS_FOR_UNKNOWN");
    platform.settle().await;
    let seen = asker.get(&format!("/api/v1/questions/{code}")).await.ok();
    assert_eq!((&seen["waitsFor"], &seen["pauseReason"]), (&pause["waitsFor"], &pause["reason"]), "{seen}");
    assert_eq!(inbox_item(&officer, &ticket_id).await["deadline"]["waitsFor"], "WAITS_FOR_ASKER");
    let shown = asker.page(&format!("/theo-doi/{code}"), None).await.text;
    assert!(shown.contains("Đang chờ bạn bổ sung") && shown.contains("Xin cho biết số nhà"), "{shown}");

    // The clock runs on; then a longer term, approved by somebody else.
    let resumed = officer.post(&format!("{path}/resume"), &json!({"version": 2})).await.ok();
    let extend = |number: u32, approver: &str| json!({"number": number, "reason": "Phải đo đạc lại", "approver": approver, "version": 3});
    let to = format!("{path}/extend");
    officer.post(&to, &extend(6, "Vụ trưởng")).await.refused(409, "EXTENSION_TOO_LONG");
    officer.post(&to, &extend(3, "")).await.refused(400, "TEXT_EMPTY");
    officer.post(&to, &extend(0, "Vụ trưởng")).await.refused(400, "EXTENSION_EMPTY");
    let extended = officer.post(&to, &extend(3, "Vụ trưởng")).await.ok();
    officer.post(&to, &extend(3, "Vụ trưởng")).await.refused(409, "STALE_VERSION");
    let due = |response: &Value| response["deadline"]["dueAt"].as_str().unwrap().to_owned();
    assert!(due(&extended) > due(&resumed), "{extended}");
    assert_eq!(extended["extensions"][0]["approver"], "Vụ trưởng");
    platform.settle().await;
    let seen = asker.get(&format!("/api/v1/questions/{code}")).await.ok();
    assert_eq!((&seen["extended"], &seen["waitsFor"]), (&json!(true), &json!("WAITS_FOR_UNSPECIFIED")));
    assert_eq!(seen["dueAt"], extended["deadline"]["dueAt"]);
    assert_eq!(inbox_item(&officer, &ticket_id).await["dueAt"], seen["dueAt"]);
    let others = platform.rest_as("officer", Some("vu-phap-che")).await;
    others.get(&path).await.refused(404, "TICKET_NOT_FOUND");
    asker.get(&path).await.refused(401, "TOKEN_MISSING");

    officer.approve(&ticket_id, Some("Quý hai.")).await;
    let answered = asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    let what = ["RECEIVED", "ROUTED", "PAUSED", "RESUMED", "EXTENDED", "ANSWERED"];
    assert_eq!(milestones(&answered), what.map(|what| format!("MILESTONE_{what}")));
    platform.settle().await;
    assert_eq!(officer.get(&path).await.ok()["ending"], "DEADLINE_ENDING_EXTENDED_ON_TIME");
    officer.post(&format!("{path}/resume"), &json!({})).await.refused(409, "ALREADY_ANSWERED");
    let report = officer.get("/api/v1/reports/deadlines").await.ok();
    assert_eq!(
        (&report["units"][0]["extendedOnTime"], &report["units"][0]["onTime"]),
        (&json!(1), &json!(0))
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_officers_page_stops_extends_and_hastens() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let officer = platform.rest_as("dispatcher", None).await;
    let (ticket_id, _) = platform.rest().ask("Cột đèn số 9 không sáng?").await;
    officer.drafted(&ticket_id).await;
    let page = format!("/can-bo/phieu/{ticket_id}");
    let post =
        async |what: &str, form: &str| officer.page(&format!("{page}/{what}"), Some(form.into())).await;

    let shown = officer.page(&page, None).await.text;
    assert!(shown.contains("Tạm dừng tính hạn") && shown.contains("nhiều nhất 5"), "{shown}");
    // What was typed stays when it is refused.
    let refused = post("gia-han", "version=1&number=9&reason=Kh%C3%B3&approver=C%E1%BB%A5c").await;
    assert!(refused.status == 409 && refused.text.contains("Gia hạn quá mức"), "{refused:?}");
    assert!(
        refused.text.contains(">Khó</textarea>") && refused.text.contains("value=\"Cục\""),
        "{refused:?}"
    );
    let shown = post("tam-dung", "version=1&waits_for=WAITS_FOR_OTHER_BODY&reason=Ch%E1%BB%9D").await.text;
    assert!(shown.contains("Tạm dừng: chờ cơ quan khác"), "{shown}");
    let shown = post("tiep-tuc", "version=2").await.text;
    assert!(shown.contains("Lý do: Chờ"), "{shown}");
    let before = officer.get(&format!("/api/v1/tickets/{ticket_id}/deadline")).await.ok();
    assert!(post("khan", "").await.text.contains("Khẩn"));
    let after = officer.get(&format!("/api/v1/tickets/{ticket_id}/deadline")).await.ok();
    assert_eq!((&after["urgent"], &after["deadline"]["policy"]), (&json!(true), &json!("khan")), "{after}");
    assert!(after["deadline"]["dueAt"].as_str() < before["deadline"]["dueAt"].as_str(), "{after}");
    platform.stop().await;
}

/// Asks, and moves the deadline of what is asked far into the past.
/// The sweep takes it up after `pause` seconds.
async fn long_overdue(platform: &Platform, copies: i32, pause: f64) -> String {
    let (ticket_id, _) = platform.rest().ask("Khi nào có kết quả?").await;
    platform.rest_as("officer", None).await.drafted(&ticket_id).await;
    platform.settle().await;
    let pool = platform.pool().await;
    for table in ["answering.answer", "routing.assignment"] {
        let copy = format!(
            "insert into {table} select (jsonb_populate_record(original, jsonb_build_object('ticket_id',
                 md5('copy ' || n)::uuid))).* from {table} original, generate_series(1, $1) n"
        );
        sqlx::query(sqlx::AssertSqlSafe(copy)).bind(copies).execute(&pool).await.unwrap();
    }
    sqlx::query(
        "update routing.assignment set next_step_at = now() + make_interval(secs => $1), deadline = deadline || jsonb_build_object(
             'started_at', now() - interval '30 days', 'first_response_due_at', now() - interval '25 days',
             'due_at', now() - interval '20 days')",
    )
    .bind(pause)
    .execute(&pool)
    .await
    .unwrap();
    ticket_id
}

/// How many tickets reached each step, and how often any did.
async fn reached(pool: &PgPool) -> Vec<(String, i64, i64)> {
    sqlx::query_as(
        "select reason, count(distinct ticket_id), count(*) from analytics.fact
         where name = 'routing.v1.DeadlineReached' group by 1 order by 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

async fn nothing_is_left_to_tell(pool: &PgPool) {
    until("the sweep to end", || async {
        let waiting: i64 =
            sqlx::query_scalar("select count(*) from routing.assignment where next_step_at is not null")
                .fetch_one(pool)
                .await
                .unwrap();
        (waiting == 0).then_some(())
    })
    .await;
}

/// The sample's rules, with mailboxes of the desk.
fn rules_with_mailboxes(dir: &Path) -> PathBuf {
    let folder = dir.join("rules");
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(root().join("deploy/sample")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    let file = folder.join("deadlines.toml");
    let rules = std::fs::read_to_string(&file).unwrap();
    let mailbox = "[[mailbox]]\nunit = \"mot-cua\"\nto = [\"don.vi@hoi.example\"]\nleader = [\"lanh.dao@hoi.example\"]\n";
    std::fs::write(&file, format!("{rules}\n{mailbox}")).unwrap();
    folder.join("organisation.toml")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_told_once_and_the_leader_is_named() {
    let (dir, server) = (data_dir(), MailServer::start());
    let organisation = rules_with_mailboxes(dir.path());
    let environment = server.environment();
    let mut environment: Vec<_> =
        environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    environment.push(("MOTCUA__ROUTING__ORGANISATION", organisation.to_str().unwrap()));
    let platform = Platform::up(dir.path(), &[], &environment).await;
    let ticket_id = long_overdue(&platform, 0, 0.0).await;
    let pool = platform.pool().await;
    nothing_is_left_to_tell(&pool).await;
    platform.settle().await;
    let once = STEPS.map(|step| (step.to_owned(), 1, 1));
    assert_eq!(reached(&pool).await, once);
    let officer = platform.rest_as("officer", None).await;
    let item = inbox_item(&officer, &ticket_id).await;
    assert_eq!(item["deadline"]["step"], "DEADLINE_STEP_ESCALATED", "{item}");
    assert_eq!(item["deadline"]["leader"], "Trưởng Bộ phận một cửa");
    let shown = officer.page("/can-bo", None).await.text;
    assert!(shown.contains("Đã báo Trưởng Bộ phận một cửa"), "{shown}");
    // The unit has three letters, its leader one; no letter tells what was asked.
    let letters = until("the letters", || async {
        let letters: Vec<Mail> = server.taken();
        (letters.len() >= STEPS.len()).then_some(letters)
    })
    .await;
    let to = |mailbox: &str| letters.iter().filter(|letter| letter.to == [mailbox]).collect::<Vec<_>>();
    let (unit, leader) = (to("don.vi@hoi.example"), to("lanh.dao@hoi.example"));
    assert_eq!((unit.len(), leader.len()), (3, 1), "{letters:?}");
    assert!(leader[0].text().contains("Kính gửi Trưởng Bộ phận một cửa"), "{leader:?}");
    assert!(letters.iter().all(|letter| !letter.text().contains("Khi nào có kết quả")));
    // Heard again by everyone; the officer's view stays as it was, and nobody is written again.
    say_again(&platform, "twice").await;
    assert_eq!(inbox_item(&officer, &ticket_id).await, item);
    let queued: i64 = sqlx::query_scalar("select count(*) from bus.notice where queue = 'routing'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!((queued, server.taken().len()), (4, 4));
    // What is overdue is neither extended nor forgotten by a pause.
    let path = format!("/api/v1/tickets/{ticket_id}/deadline");
    let extend = json!({"number": 1, "reason": "Muộn", "approver": "Vụ trưởng"});
    officer.post(&format!("{path}/extend"), &extend).await.refused(409, "DEADLINE_PASSED");
    officer.approve(&ticket_id, Some("Ngày mai.")).await;
    platform.settle().await;
    assert_eq!(officer.get(&path).await.ok()["ending"], "DEADLINE_ENDING_LATE");
    let report = officer.get("/api/v1/reports/deadlines").await.ok();
    assert_eq!(report["units"][0]["late"], 1, "{report}");
    platform.stop().await;
}

/// Each life dies in another gap of the sweep or of its facts. In the end every ticket reached every
/// step, once.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_every_gap_of_the_sweep_each_step_is_told_once() {
    const COPIES: i32 = 249;
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    // Not before this life has ended: the next one has it all before it.
    long_overdue(&platform, COPIES, 8.0).await;
    platform.kill().await;
    let name = routing::DeadlineReached::event_name();
    let gaps = [
        "before-swept deadline".to_owned(),
        "between-swept deadline".to_owned(),
        format!("before-publish {name}"),
        format!("before-mark {name}"),
        format!("before-effect:answering-DeadlineReached {name}"),
        format!("before-ack:analytics-DeadlineReached {name}"),
    ];
    for gap in &gaps {
        let life = Platform::up_unless_killed(dir.path(), &[], &[("MOTCUA_KILL_AT", gap)]).await;
        let Some(mut platform) = life else { continue };
        let died = tokio::time::timeout(Duration::from_secs(90), platform.wait()).await;
        assert_eq!(died.unwrap_or_else(|_| panic!("{gap} was not reached")).code(), None, "{gap}");
    }
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let pool = platform.pool().await;
    nothing_is_left_to_tell(&pool).await;
    platform.settle().await;
    let tickets = i64::from(COPIES) + 1;
    assert_eq!(reached(&pool).await, STEPS.map(|step| (step.to_owned(), tickets, tickets)));
    let told: i64 = sqlx::query_scalar(
        "select count(*) from answering.answer where deadline ->> 'step' = 'DEADLINE_STEP_ESCALATED'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(told, tickets);
    platform.stop().await;
}
