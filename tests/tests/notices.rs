//! Mails to askers and facts to webhooks: each once, also when servers refuse and processes die.

use std::{collections::BTreeSet, time::Duration};

use e2e::{
    mail::{MailServer, PASSWORD},
    platform::{Platform, data_dir},
    receiver::Receiver,
    repeat::say_again,
    rest::{Rest, question},
    tls::Authority,
    until,
};
use serde_json::{Value, json};

const ADDRESS: &str = "chim.hoang.yen@thu.example";

fn refs(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// Asks and leaves an address; returns (ticket id, tracking code).
async fn ask(rest: &Rest, text: &str) -> (String, String) {
    let mut body = question(text);
    body["asker"] = json!({"name": "Người Thử Nghiệm", "email": ADDRESS});
    let reply = rest.post("/api/v1/questions", &body).await.ok();
    let get = |key: &str| reply[key].as_str().unwrap().to_owned();
    (get("ticketId"), get("trackingCode"))
}

async fn notices(operator: &Rest, query: &str) -> Vec<Value> {
    operator.get(&format!("/api/v1/notices{query}")).await.ok()["notices"].as_array().unwrap().clone()
}

/// Waits until no notice is waiting or under way.
async fn all_told(operator: &Rest) {
    // Of all at once: one that failed goes from sending back to waiting, and two looks could both miss it.
    let is_on_its_way = |notice: &Value| {
        ["NOTICE_STATE_WAITING", "NOTICE_STATE_SENDING"].iter().any(|state| notice["state"] == *state)
    };
    until("the notices", || async {
        (!notices(operator, "?limit=200").await.iter().any(is_on_its_way)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_asker_is_written_at_each_step_once() {
    let (dir, server) = (data_dir(), MailServer::start());
    let mut environment = server.environment();
    environment.push(("MOTCUA__TELEMETRY__LOG".into(), "debug".into()));
    let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    let (asker, desk) = (platform.rest(), platform.rest_as("dispatcher", None).await);
    let operator = platform.rest_as("operator", None).await;
    // Who leaves no address is written nothing.
    let (silent, _) = asker.ask("Không để lại thư điện tử thì sao?").await;
    let (ticket_id, code) = ask(&asker, "Bao giờ sửa đèn đường?").await;
    let received = server.mail(1).await;
    assert_eq!(received.to, [ADDRESS]);
    let link = format!("https://hoi.example/theo-doi/{code}");
    assert!(received.text().contains(&link) && received.part("text/html").contains(&link), "{received:?}");
    assert!(!received.raw.contains("đèn đường"), "a letter repeats nothing that the asker wrote");
    let message_id = received.header("Message-ID").trim().to_owned();
    let sent = notices(&operator, "?queue=intake").await;
    assert_eq!(message_id, format!("<{}@hoi.example>", sent[0]["noticeId"].as_str().unwrap()));

    desk.drafted(&ticket_id).await;
    let path = format!("/api/v1/tickets/{ticket_id}/deadline");
    let pause = json!({"version": 1, "waitsFor": "WAITS_FOR_ASKER", "reason": "Số nhà của cột đèn"});
    desk.post(&format!("{path}/pause"), &pause).await.ok();
    assert!(server.mail(2).await.text().contains("cần bạn bổ sung: Số nhà của cột đèn"));
    desk.post(&format!("{path}/resume"), &json!({"version": 2})).await.ok();
    let extend = json!({"version": 3, "number": 1, "reason": "Chờ vật tư", "approver": "Trưởng phòng"});
    desk.post(&format!("{path}/extend"), &extend).await.ok();
    assert!(server.mail(3).await.text().contains("Lý do: Chờ vật tư"));
    desk.approve(&ticket_id, Some("Tuần sau sửa.")).await;
    desk.approve(&silent, Some("Thì tra cứu bằng mã.")).await;
    assert!(server.mail(4).await.text().contains("Tuần sau sửa."));
    platform.settle().await;
    let editor = platform.rest_as("editor", None).await;
    let passage = format!("/api/v1/answers/ticket:{ticket_id}");
    let version = editor.get(&passage).await.ok()["passage"]["version"].clone();
    let correct = json!({"version": version, "text": "Tháng sau sửa.", "reason": "Nhầm lịch"});
    editor.post(&format!("{passage}/correct"), &correct).await.ok();
    let corrected = server.mail(5).await.text();
    assert!(corrected.contains("Nhầm lịch") && corrected.contains("Tháng sau sửa."), "{corrected}");

    // Heard again, also by an inbox that has forgotten: nobody is written twice.
    say_again(&platform, "twice").await;
    sqlx::query("delete from bus.inbox").execute(&platform.pool().await).await.unwrap();
    say_again(&platform, "thrice").await;
    all_told(&operator).await;
    assert_eq!(server.taken().len(), 5);
    let told = notices(&operator, "?state=NOTICE_STATE_SENT").await;
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(!format!("{told:?}").contains(ADDRESS));
    platform.rest_as("officer", None).await.get("/api/v1/notices").await.refused(403, "ROLE_NOT_ALLOWED");
    let log = platform.log();
    platform.stop().await;
    for private in [ADDRESS, "Tuần sau sửa", code.as_str()] {
        assert!(!log.contains(private), "{private} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_is_tried_again_and_what_it_refuses_waits_for_the_operator() {
    let (dir, server) = (data_dir(), MailServer::start());
    let environment = server.environment();
    let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    let (asker, operator) = (platform.rest(), platform.rest_as("operator", None).await);
    server.be_busy(2);
    let (busy, _) = ask(&asker, "Máy chủ thư bận thì sao?").await;
    server.mail(1).await;
    all_told(&operator).await;
    let told = notices(&operator, "?state=NOTICE_STATE_SENT").await;
    assert_eq!((told.len(), &told[0]["about"], &told[0]["attempts"]), (1, &json!(busy), &json!(3)));

    server.forget(Some(ADDRESS));
    let (refused, _) = ask(&asker, "Hộp thư không có thì sao?").await;
    let failed = until("a failure", || async {
        notices(&operator, "?state=NOTICE_STATE_FAILED").await.first().cloned()
    })
    .await;
    assert_eq!((&failed["about"], &failed["error"]), (&json!(refused), &json!("SMTP_550")), "{failed}");
    server.forget(None);
    let replay = |body: Value| {
        let operator = operator.clone();
        async move { operator.post("/api/v1/notices/replay", &body).await }
    };
    assert_eq!(replay(json!({"noticeId": failed["noticeId"]})).await.ok()["replayed"], 1);
    server.mail(2).await;
    all_told(&operator).await;
    // What was sent is never sent again, whoever asks.
    assert_eq!(replay(json!({"noticeId": failed["noticeId"]})).await.ok()["replayed"], 0);
    assert_eq!(replay(json!({"queue": "intake", "since": "2020-01-01T00:00:00Z"})).await.ok()["replayed"], 0);
    replay(json!({})).await.refused(400, "NOTICE_NOT_NAMED");
    replay(json!({"noticeId": "7"})).await.refused(400, "NOTICE_ID_NOT_VALID");
    assert_eq!(server.taken().len(), 2);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_nothing_leaves_and_without_a_server_nothing_is_queued() {
    let (dir, server) = (data_dir(), MailServer::start());
    let mut environment = server.environment();
    environment.push(("MOTCUA__MAIL__TLS".into(), "starttls".into()));
    environment.push(("MOTCUA__NOTICES__ATTEMPTS_MAX".into(), "2".into()));
    let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    let operator = platform.rest_as("operator", None).await;
    ask(&platform.rest(), "Máy chủ thư không mã hoá thì sao?").await;
    let failed = until("a failure", || async {
        notices(&operator, "?state=NOTICE_STATE_FAILED").await.first().cloned()
    })
    .await;
    assert_eq!((&failed["error"], server.taken().len()), (&json!("MAIL_SERVER_AWAY"), 0), "{failed}");
    platform.stop().await;

    let platform = Platform::up(dir.path(), &[], &[]).await;
    ask(&platform.rest(), "Chưa cấu hình thư thì sao?").await;
    platform.settle().await;
    assert_eq!(notices(&platform.rest_as("operator", None).await, "").await.len(), 1);
    platform.stop().await;
}

/// Before the mail leaves, or after it has left and before that is noted: it goes out at most once, and
/// what is not known is shown and sent again only when an operator says so.
#[tokio::test(flavor = "multi_thread")]
async fn killed_around_the_sending_a_mail_goes_out_at_most_once() {
    for (gap, sent) in [("before-send received", 0), ("after-send received", 1)] {
        let (dir, server) = (data_dir(), MailServer::start());
        let mut environment = server.environment();
        environment.push(("MOTCUA_KILL_AT".into(), gap.into()));
        let mut platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
        // The answer to the request may come too late for the process that dies.
        let mut body = question("Bị dừng lúc gửi thư thì sao?");
        body["asker"] = json!({"name": "Người Thử Nghiệm", "email": ADDRESS});
        let body = body.to_string().into_bytes();
        platform.rest().send(reqwest::Method::POST, "/api/v1/questions", Some(body)).await;
        let died = tokio::time::timeout(Duration::from_secs(90), platform.wait()).await;
        assert_eq!(died.unwrap_or_else(|_| panic!("{gap} was not reached")).code(), None, "{gap}");
        assert_eq!(server.taken().len(), sent, "{gap}");

        environment.pop();
        let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
        let operator = platform.rest_as("operator", None).await;
        let unsure = until("what is unsure", || async {
            notices(&operator, "?state=NOTICE_STATE_UNSURE").await.first().cloned()
        })
        .await;
        assert_eq!(unsure["error"], "PROCESS_ENDED", "{unsure}");
        // Another one is sent meanwhile: the queue goes on, and leaves this one alone.
        ask(&platform.rest(), "Thư sau vẫn đi chứ?").await;
        server.mail(sent + 1).await;
        all_told(&operator).await;
        assert_eq!(server.taken().len(), sent + 1, "{gap}");
        let replay = json!({"queue": "intake"});
        assert_eq!(operator.post("/api/v1/notices/replay", &replay).await.ok()["replayed"], 1);
        let again = server.mail(sent + 2).await;
        let id = format!("<{}@hoi.example>", unsure["noticeId"].as_str().unwrap());
        assert_eq!(again.header("Message-ID").trim(), id, "a reader's mail program may know it");
        platform.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_hears_every_fact_signed_and_may_have_them_again() {
    let (dir, receiver) = (data_dir(), Receiver::start(3).await);
    let environment = [receiver.environment(&[]), ("MOTCUA__NOTICES__PAUSE_MS".to_owned(), "100".to_owned())];
    let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    let operator = platform.rest_as("operator", None).await;
    let (ticket_id, code) = ask(&platform.rest(), "Hệ thống khác nghe được gì?").await;
    platform.rest_as("officer", None).await.approve(&ticket_id, Some("Mã và mốc thời gian.")).await;
    platform.rest().followed(&code, "TICKET_STATE_ANSWERED").await;
    platform.settle().await;
    all_told(&operator).await;
    let calls = receiver.calls();
    let kinds: BTreeSet<_> =
        calls.iter().map(|call| call.body["type"].as_str().unwrap().to_owned()).collect();
    for fact in ["intake.v1.QuestionSubmitted", "routing.v1.QuestionRouted", "answering.v1.AnswerApproved"] {
        assert!(kinds.contains(fact), "{kinds:?}");
    }
    let facts: i64 = sqlx::query_scalar("select count(*) from analytics.fact")
        .fetch_one(&platform.pool().await)
        .await
        .unwrap();
    let ids = |calls: &[e2e::receiver::Call]| -> BTreeSet<String> {
        calls.iter().map(|call| call.id.clone()).collect()
    };
    assert_eq!((calls.len(), ids(&calls).len()), (usize::try_from(facts).unwrap(), calls.len()));
    // The first start states its organisation, which is of no ticket.
    let of_tickets = calls.iter().filter(|call| call.body["type"] != "routing.v1.OrganisationChanged");
    assert!(of_tickets.clone().count() >= 3);
    assert!(
        of_tickets.into_iter().all(|call| call.body["data"]["ticketId"] == json!(ticket_id)),
        "{calls:?}"
    );
    let said = format!("{calls:?}");
    for private in ["nghe được gì", "mốc thời gian", ADDRESS, "Người Thử", &code] {
        assert!(!said.contains(private), "{private} was told");
    }

    // The receiver lost its data: it has everything again, under the same ids.
    let replay = json!({"queue": "analytics:thu", "since": "2020-01-01T00:00:00Z"});
    assert_eq!(operator.post("/api/v1/notices/replay", &replay).await.ok()["replayed"], json!(facts));
    until("everything again", || async { (receiver.calls().len() == 2 * calls.len()).then_some(()) }).await;
    assert_eq!(ids(&receiver.calls()), ids(&calls));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_stays_away_is_a_dead_letter_and_a_kill_repeats_under_the_same_id() {
    let (dir, receiver) = (data_dir(), Receiver::start(usize::MAX).await);
    let mut environment = vec![
        receiver.environment(&["intake.v1.QuestionSubmitted"]),
        ("MOTCUA__NOTICES__PAUSE_MS".to_owned(), "50".to_owned()),
        ("MOTCUA__NOTICES__ATTEMPTS_MAX".to_owned(), "3".to_owned()),
    ];
    let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    let operator = platform.rest_as("operator", None).await;
    platform.rest().ask("Nơi nhận không trả lời thì sao?").await;
    let failed = until("a dead letter", || async {
        notices(&operator, "?state=NOTICE_STATE_FAILED&queue=analytics:thu").await.first().cloned()
    })
    .await;
    assert_eq!((&failed["error"], &failed["attempts"]), (&json!("HTTP_503"), &json!(3)), "{failed}");
    assert_eq!(receiver.calls().len(), 0);
    platform.stop().await;

    receiver.fail(0);
    environment.push(("MOTCUA_KILL_AT".into(), "after-send intake.v1.QuestionSubmitted".into()));
    let mut platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    let operator = platform.rest_as("operator", None).await;
    let replay = json!({"queue": "analytics:thu"}).to_string().into_bytes();
    operator.send(reqwest::Method::POST, "/api/v1/notices/replay", Some(replay)).await;
    let died = tokio::time::timeout(Duration::from_secs(90), platform.wait()).await;
    assert_eq!(died.expect("the gap was reached").code(), None);
    assert_eq!(receiver.calls().len(), 1);
    environment.pop();
    // A webhook's attempt lasts longer than a test should: what was under way is as old as need be.
    let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    sqlx::query("update bus.notice set claimed_at = now() - interval '1 hour' where state = 'sending'")
        .execute(&platform.pool().await)
        .await
        .unwrap();
    until("the call again", || async { (receiver.calls().len() == 2).then_some(()) }).await;
    let calls = receiver.calls();
    assert_eq!((&calls[0].id, calls[0].body.clone()), (&calls[1].id, calls[1].body.clone()));
    platform.stop().await;
}

/// A notice that waits for its server, with why.
async fn waits_for_its_server(platform: &Platform, code: &str) {
    let operator = platform.rest_as("operator", None).await;
    until(code, || async {
        let waiting = notices(&operator, "?state=NOTICE_STATE_WAITING").await;
        (waiting.first()?["error"] == code).then_some(())
    })
    .await;
}

/// The server's certificate must be trusted and the password right before anything is handed over; then what
/// waited goes out once.
#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_out_encrypted_to_a_server_that_is_trusted_and_signed_in_to() {
    let dir = data_dir();
    let elsewhere = data_dir();
    let (authority, stranger) = (Authority::new(dir.path()), Authority::new(elsewhere.path()));
    let servers = [MailServer::with_starttls(&authority), MailServer::with_tls(&authority)];
    for (n, server) in servers.iter().enumerate() {
        let lives = [(&stranger, PASSWORD, false), (&authority, "khác", false), (&authority, PASSWORD, true)];
        for (life, (trusted, password, goes)) in lives.into_iter().enumerate() {
            let mut environment = server.environment();
            environment.push(trusted.trusted());
            environment.push(("MOTCUA__MAIL__USER".to_owned(), "mot-cua".to_owned()));
            environment.push(("MOTCUA__MAIL__PASSWORD".to_owned(), password.to_owned()));
            let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
            if life == 0 {
                ask(&platform.rest(), &format!("Thư có được mã hóa không, lần {n}?")).await;
            }
            if goes {
                assert_eq!(server.mail(1).await.by.as_deref(), Some("mot-cua"));
                all_told(&platform.rest_as("operator", None).await).await;
            } else {
                waits_for_its_server(&platform, "MAIL_SERVER_AWAY").await;
                assert!(server.taken().is_empty());
            }
            platform.stop().await;
        }
        assert_eq!(server.taken().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_called_by_tls_if_its_certificate_is_trusted() {
    let (dir, elsewhere) = (data_dir(), data_dir());
    let (authority, stranger) = (Authority::new(dir.path()), Authority::new(elsewhere.path()));
    let receiver = Receiver::with_tls(&authority).await;
    let environment = |authority: &Authority| {
        let pause = ("MOTCUA__NOTICES__PAUSE_MS".to_owned(), "100".to_owned());
        [receiver.environment(&["intake.v1.QuestionSubmitted"]), pause, authority.trusted()]
    };
    let platform = Platform::up(dir.path(), &[], &refs(&environment(&stranger))).await;
    let (ticket_id, _) = ask(&platform.rest(), "Ai nghe được?").await;
    waits_for_its_server(&platform, "RECEIVER_AWAY").await;
    assert!(receiver.calls().is_empty());
    platform.stop().await;
    let platform = Platform::up(dir.path(), &[], &refs(&environment(&authority))).await;
    until("the call", || async { (!receiver.calls().is_empty()).then_some(()) }).await;
    assert_eq!(receiver.calls()[0].body["data"]["ticketId"], json!(ticket_id));
    platform.stop().await;
}
