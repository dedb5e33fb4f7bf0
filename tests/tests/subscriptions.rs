//! Being written by mail of what is published, or of a question: confirmed by a signed link, once for each fact, ended with
//! one click; addresses stay sealed.

use e2e::{
    mail::{Mail, MailServer},
    platform::{Platform, data_dir},
    repeat::say_again,
    rest::Rest,
    until,
};
use serde_json::json;

const ADDRESS: &str = "chim.hoang.yen@thu.example";
const FIELD: &str = "chinh-sach-phap-luat";

fn refs(environment: &[(String, String)]) -> Vec<(&str, &str)> {
    environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// The path of the link to that page in a mail.
fn link(mail: &Mail, page: &str) -> String {
    let text = mail.text();
    let at = text.find(&format!("https://hoi.example/nhan-tin/{page}/")).expect("a link");
    let link = text[at..].split_whitespace().next().expect("a link");
    link.trim_start_matches("https://hoi.example").to_owned()
}

fn token(path: &str) -> String {
    path.rsplit('/').next().expect("a token").to_owned()
}

/// Asks in the field, and has it answered; returns the ticket's id.
async fn answered(asker: &Rest, officer: &Rest, text: &str, answer: &str) -> String {
    let mut body = e2e::rest::question(text);
    body["field"] = FIELD.into();
    let asked = asker.post("/api/v1/questions", &body).await.ok();
    let ticket_id = asked["ticketId"].as_str().unwrap().to_owned();
    officer.approve(&ticket_id, Some(answer)).await;
    ticket_id
}

#[tokio::test(flavor = "multi_thread")]
async fn who_confirmed_is_written_once_for_each_fact_until_it_is_ended() {
    let (dir, server) = (data_dir(), MailServer::start());
    let environment = server.environment();
    let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    let (reader, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let editor = platform.rest_as("editor", None).await;
    let pool = platform.pool().await;

    let ask = |email: &str| json!({"field": FIELD, "email": email});
    reader.post("/api/v1/subscriptions", &ask("chim")).await.refused(400, "EMAIL_NOT_VALID");
    reader
        .post("/api/v1/subscriptions", &json!({"email": ADDRESS}))
        .await
        .refused(400, "SUBSCRIPTION_TARGET");
    reader.post("/api/v1/subscriptions", &ask(ADDRESS)).await.ok();
    // Asked again on the same day, also in other letters: one mail.
    reader.post("/api/v1/subscriptions", &ask(&ADDRESS.to_uppercase())).await.ok();
    let asked = server.mail(1).await;
    assert_eq!(asked.to, [ADDRESS]);

    // Before it is confirmed nothing is written.
    answered(&reader, &officer, "Ai ký văn bản hợp nhất?", "Người đứng đầu cơ quan.").await;
    platform.settle().await;
    let path = link(&asked, "xac-nhan");
    let page = reader.page(&path, None).await;
    assert!(page.status.is_success() && page.text.contains("<button>"), "{page:?}");
    let kept = "select count(*) from intake.subscription where confirmed_at is not null";
    let confirmed: i64 = sqlx::query_scalar(kept).fetch_one(&pool).await.unwrap();
    assert_eq!(confirmed, 0, "looking at the link confirms nothing");
    let wrong = json!({"token": format!("{}0", token(&path))});
    reader.post("/api/v1/subscriptions/confirm", &wrong).await.refused(404, "SUBSCRIPTION_NOT_FOUND");
    let page = reader.page(&path, Some(String::new())).await;
    assert!(page.text.contains("Đã xác nhận"), "{page:?}");

    // A new answer of the field, and its correction to who follows that answer.
    let question = "Văn bản hợp nhất gửi đăng công báo trong mấy ngày?";
    let ticket_id = answered(&reader, &officer, question, "Trong 3 ngày.").await;
    let new = server.mail(2).await;
    let text = new.text();
    assert!(text.contains("Trong 3 ngày.") && text.contains("/thu-vien/ticket%3A"), "{text}");
    let stop = link(&new, "dung");
    assert_eq!(new.header("List-Unsubscribe").trim(), format!("<https://hoi.example{stop}>"));
    assert_eq!(new.header("List-Unsubscribe-Post").trim(), "List-Unsubscribe=One-Click");
    platform.settle().await;
    let passage = format!("ticket:{ticket_id}");
    let of_answer = json!({"passageId": passage, "email": ADDRESS});
    reader.post("/api/v1/subscriptions", &of_answer).await.ok();
    let asked = server.mail(3).await;
    let confirm = json!({"token": token(&link(&asked, "xac-nhan"))});
    assert_eq!(
        reader.post("/api/v1/subscriptions/confirm", &confirm).await.ok()["passageId"],
        passage.as_str()
    );
    reader.post("/api/v1/subscriptions/confirm", &confirm).await.ok();
    let path = format!("/api/v1/answers/{passage}");
    let version = editor.get(&path).await.ok()["passage"]["version"].clone();
    let correct = json!({"version": version, "text": "Trong 5 ngày.", "reason": "Nhầm số ngày"});
    editor.post(&format!("{path}/correct"), &correct).await.ok();
    let corrected = server.mail(4).await;
    assert!(corrected.text().contains("Nhầm số ngày") && corrected.text().contains("Trong 5 ngày."));

    // Heard again by inboxes that have forgotten: nobody is written twice.
    platform.settle().await;
    sqlx::query("delete from bus.inbox").execute(&pool).await.unwrap();
    say_again(&platform, "twice").await;
    let open = "select count(*) from intake.mailing where done_at is null";
    until("the mailings", || async {
        let open: i64 = sqlx::query_scalar(open).fetch_one(&pool).await.unwrap();
        (open == 0).then_some(())
    })
    .await;
    assert_eq!(server.taken().len(), 4);

    // One click, as mail programs do it; the address is gone, and the other subscription stays.
    let ended = reader.page(&stop, Some("List-Unsubscribe=One-Click".into())).await;
    assert!(ended.status.is_success() && ended.text.contains("Đã thôi nhận tin"), "{ended:?}");
    reader.post("/api/v1/subscriptions/end", &json!({"token": token(&stop)})).await.ok();
    answered(&reader, &officer, "Công báo đăng mấy kỳ một tháng?", "Theo kế hoạch.").await;
    platform.settle().await;
    let kept: Vec<String> =
        sqlx::query_scalar("select target from intake.subscription").fetch_all(&pool).await.unwrap();
    assert_eq!(kept, [format!("answer:{passage}")]);
    let sealed: Vec<Vec<u8>> =
        sqlx::query_scalar("select sealed from intake.subscription").fetch_all(&pool).await.unwrap();
    assert!(!sealed[0].windows(4).any(|bytes| bytes == b"chim"));

    // Another answer takes its place: who followed the one follows the other.
    let other = answered(&reader, &officer, "Đăng công báo chậm nhất khi nào?", "Trong 7 ngày.").await;
    platform.settle().await;
    let version = editor.get(&path).await.ok()["passage"]["version"].clone();
    let by = format!("ticket:{other}");
    let supersede = json!({"version": version, "byId": by, "reason": "Trùng câu"});
    editor.post(&format!("{path}/supersede"), &supersede).await.ok();
    let replaced = server.mail(5).await;
    assert!(replaced.text().contains("Trùng câu") && replaced.text().contains(&other), "{}", replaced.text());
    let log = platform.log();
    platform.stop().await;
    assert!(!log.contains(ADDRESS), "an address is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_questions_code_follows_it_by_mail() {
    let (dir, server) = (data_dir(), MailServer::start());
    let environment = server.environment();
    let platform = Platform::up(dir.path(), &[], &refs(&environment)).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let mut body = e2e::rest::question("Ai ký văn bản hợp nhất?");
    body["asker"] = json!({"name": "Chim Hoàng Yến"});
    let asked = asker.post("/api/v1/questions", &body).await.ok();
    let (ticket_id, code) = (asked["ticketId"].as_str().unwrap(), asked["trackingCode"].as_str().unwrap());
    let unknown = json!({"trackingCode": "2222-2222-2222-2222", "email": ADDRESS});
    asker.post("/api/v1/subscriptions", &unknown).await.refused(404, "TICKET_NOT_FOUND");
    let two = json!({"trackingCode": code, "field": FIELD, "email": ADDRESS});
    asker.post("/api/v1/subscriptions", &two).await.refused(400, "SUBSCRIPTION_TARGET");

    let page = asker.page(&format!("/theo-doi/{code}"), None).await.text;
    assert!(page.contains("Nhận thư khi câu hỏi này có tin mới"), "{page}");
    let form = format!("code={code}&email={}", ADDRESS.replace('@', "%40"));
    let sent = asker.page("/nhan-tin", Some(form)).await;
    assert!(sent.text.contains("bấm liên kết trong thư"), "{sent:?}");
    let confirm = server.mail(1).await;
    assert!(!confirm.text().contains(code), "a stranger's address learns no code");
    let confirmed = asker.page(&link(&confirm, "xac-nhan"), Some(String::new())).await;
    assert!(confirmed.text.contains("Đã xác nhận"), "{confirmed:?}");

    officer.drafted(ticket_id).await;
    officer.approve(ticket_id, Some("Người đứng đầu cơ quan.")).await;
    let answered = server.mail(2).await;
    assert_eq!(answered.to, [ADDRESS]);
    let text = answered.text();
    assert!(
        text.contains("Người đứng đầu cơ quan.") && text.contains(&format!("/theo-doi/{code}")),
        "{text}"
    );
    let stop = link(&answered, "dung");
    assert_eq!(answered.header("List-Unsubscribe").trim(), format!("<https://hoi.example{stop}>"));

    // Ended: it is rated low and answered again, and nobody is written.
    let ended = asker.page(&stop, Some(String::new())).await;
    assert!(ended.text.contains("Đã thôi nhận tin"), "{ended:?}");
    asker.followed(code, "TICKET_STATE_ANSWERED").await;
    let rating = json!({"score": 1, "comment": "Chưa rõ"});
    asker.post(&format!("/api/v1/questions/{code}/rating"), &rating).await.ok();
    officer.drafted(ticket_id).await;
    officer.approve(ticket_id, Some("Người đứng đầu cơ quan ký.")).await;
    platform.settle().await;
    assert_eq!(server.taken().len(), 2);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_mail_nobody_subscribes() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let body = json!({"field": FIELD, "email": ADDRESS});
    platform.rest().post("/api/v1/subscriptions", &body).await.refused(409, "MAIL_OFF");
    platform.stop().await;
}
