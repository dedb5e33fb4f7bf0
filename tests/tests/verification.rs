//! Askers who show who they are: by a code that was mailed, or at a provider of identities, where their kind of
//! question demands it.

use e2e::{
    browser::Browser,
    mail::{Mail, MailServer},
    platform::{Platform, data_dir},
    provider::Provider,
    rest::question,
    until,
};
use serde_json::{Value, json};
use uuid::Uuid;

const ADDRESS: &str = "chim.hoang.yen@thu.example";
const TEXT: &str = "Xin bổ sung ghế chờ tại bộ phận một cửa của phường.";

fn code(mail: &Mail) -> String {
    let text = mail.text();
    let (_, after) = text.split_once("là: ").expect("the code's sentence");
    after.chars().take_while(char::is_ascii_digit).collect()
}

/// Another six digits.
fn other_than(code: &str) -> String {
    let first = if code.starts_with('1') { '2' } else { '1' };
    format!("{first}{}", &code[1..])
}

fn recommendation(verification_id: &Value, code: &str) -> Value {
    let mut body = question(TEXT);
    body["kind"] = json!("KIND_RECOMMENDATION");
    body["asker"]["email"] = json!(ADDRESS);
    body["verificationId"] = verification_id.clone();
    body["emailCode"] = json!(code);
    body
}

/// A platform with these demands.
async fn platform_of(dir: &std::path::Path, server: &MailServer, file: &str) -> Platform {
    let path = dir.join("demands.toml");
    std::fs::write(&path, file).unwrap();
    let environment = server.environment();
    let environment: Vec<_> = environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    Platform::up(dir, &["--config", path.to_str().unwrap()], &environment).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_its_address_once_and_for_a_few_attempts() {
    let (dir, server) = (data_dir(), MailServer::start());
    let demands = r#"intake.demands = [{ kind = "recommendation", assurance = "email" }]"#;
    let platform = platform_of(dir.path(), &server, demands).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);

    let listed = asker.get("/api/v1/demands").await.ok();
    assert_eq!(
        listed,
        json!({"demands": [{"kind": "KIND_RECOMMENDATION", "assurance": "ASSURANCE_EMAIL"}], "mailsCodes": true})
    );
    let unverified = recommendation(&json!(""), "");
    asker.post("/api/v1/questions", &unverified).await.refused(400, "EMAIL_NOT_VERIFIED");
    asker.post("/api/v1/email-codes", &json!({"email": "chim"})).await.refused(400, "EMAIL_NOT_VALID");
    let sent = asker.post("/api/v1/email-codes", &json!({"email": ADDRESS})).await.ok();
    let mail = server.mail(1).await;
    assert_eq!(mail.to, [ADDRESS]);
    let (id, right) = (&sent["verificationId"], code(&mail));

    let refused = |body: Value, reason: &'static str| {
        let asker = asker.clone();
        async move { asker.post("/api/v1/questions", &body).await.refused(400, reason) }
    };
    refused(recommendation(id, &other_than(&right)), "EMAIL_CODE_WRONG").await;
    let mut elsewhere = recommendation(id, &right);
    elsewhere["asker"]["email"] = json!("nguoi.khac@thu.example");
    refused(elsewhere, "EMAIL_NOT_VERIFIED").await;
    // As people type it; and the repeat of what was taken is taken again.
    let body = recommendation(id, &format!(" {} {}", &right[..3], &right[3..]));
    let taken = asker.post("/api/v1/questions", &body).await.ok();
    assert_eq!(asker.post("/api/v1/questions", &body).await.ok(), taken);
    refused(recommendation(id, &right), "EMAIL_CODE_SPENT").await;
    let draft = officer.drafted(taken["ticketId"].as_str().unwrap()).await;
    assert_eq!(draft["question"]["assurance"], "ASSURANCE_EMAIL");

    // After five attempts the right code is no use any more.
    let sent = asker.post("/api/v1/email-codes", &json!({"email": ADDRESS.to_uppercase()})).await.ok();
    let found = until("the second code", || async {
        server.taken().into_iter().filter(|mail| mail.text().contains("Mã xác nhận")).nth(1)
    });
    let (id, right) = (&sent["verificationId"], code(&found.await));
    for _ in 0..5 {
        refused(recommendation(id, &other_than(&right)), "EMAIL_CODE_WRONG").await;
    }
    refused(recommendation(id, &right), "EMAIL_CODE_SPENT").await;
    refused(recommendation(&json!(Uuid::new_v4()), &right), "EMAIL_CODE_SPENT").await;
    for _ in 0..3 {
        asker.post("/api/v1/email-codes", &json!({"email": ADDRESS})).await.ok();
    }
    asker.post("/api/v1/email-codes", &json!({"email": ADDRESS})).await.refused(429, "TOO_MANY_CODES");

    // Nobody vouches for an identity but the platform's own processes.
    let mut claimed = question(TEXT);
    claimed["identity"] = json!({"issuer": "https://id.example", "subject": "1", "name": "Ai đó"});
    asker.post("/api/v1/questions", &claimed).await.refused(401, "TOKEN_MISSING");
    officer.post("/api/v1/questions", &claimed).await.refused(401, "TOKEN_MISSING");

    let log = platform.log();
    assert!(!log.contains(ADDRESS) && !log.contains(&right), "codes and addresses are not logged");
    let pool = platform.pool().await;
    let kept: i64 = sqlx::query_scalar(
        "select count(*) from bus.notice where content::text like '%' || $1 || '%' or about::text = $1",
    )
    .bind(&right)
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(kept, 0, "a code stands nowhere unsealed");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_leads_over_the_code_without_losing_a_word() {
    let (dir, server) = (data_dir(), MailServer::start());
    let demands = r#"intake.demands = [{ kind = "recommendation", assurance = "email" }]"#;
    let platform = platform_of(dir.path(), &server, demands).await;
    for (language, javascript) in [("vi", true), ("en", true), ("vi", false)] {
        let browser = Browser::start(&platform.endpoints.http).await;
        if !javascript {
            browser.without_javascript().await;
        }
        browser.go(&format!("/?lang={language}")).await;
        browser.click("input[value=KIND_RECOMMENDATION]").await;
        browser.fill("#text", TEXT).await;
        browser.fill("#name", "Trần Thị Mẫu").await;
        let address = format!("js-{language}-{javascript}@thu.example");
        browser.fill("#email", &address).await;
        browser.click("#send").await;
        browser.shows("#code-step", &address).await;
        if javascript {
            assert_eq!(browser.look("hoi-ma-xac-nhan").await, Vec::<String>::new());
        }
        let mail = until("the code", || async {
            let of_us = |mail: &Mail| mail.to == [address.as_str()] && mail.text().contains("Mã xác nhận");
            server.taken().into_iter().find(of_us)
        });
        let right = code(&mail.await);
        browser.fill("#email_code", &other_than(&right)).await;
        browser.click("#send").await;
        let wrong = if language == "vi" {
            "Mã xác nhận không đúng"
        } else {
            "This is not the code that was mailed"
        };
        browser.shows(".alert", wrong).await;
        browser.fill("#email_code", &right).await;
        // Enter sends, wherever one is.
        browser.press("\u{e007}").await;
        until("the receipt", || async { browser.path().await.starts_with("/theo-doi/").then_some(()) }).await;
        browser.stop().await;
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_an_opinion_shows_who_they_are_at_the_provider() {
    let (dir, server) = (data_dir(), MailServer::start());
    let mut provider = Provider::start().await;
    let file = format!(
        r#"intake.demands = [{{ kind = "opinion", assurance = "identity" }}]
[gateway.asker_oidc]
issuer = "{}"
client_id = "motcua"
client_secret = "the-secret-of-the-tests-and-of-nothing-else"
name = "Định danh mẫu"
"#,
        provider.issuer
    );
    let platform = platform_of(dir.path(), &server, &file).await;
    provider.serve(&platform.endpoints.http, &json!({"an": {"name": "Nguyễn Văn An"}})).await;
    let browser = Browser::start(&platform.endpoints.http).await;

    browser.go("/").await;
    browser.click("input[value=KIND_OPINION]").await;
    browser.fill("#text", "Xin ý kiến về dự thảo quy chế tiếp công dân.").await;
    browser.fill("#name", "Ai đó").await;
    browser.click("#send").await;
    browser.shows(".alert", "cần xác thực danh tính").await;
    assert_eq!(browser.look("hoi-can-danh-tinh").await, Vec::<String>::new());
    assert!(browser.is_there("#show-who[target=_blank]").await, "what was typed stays in its tab");
    browser.go("/xac-thuc").await;
    browser.fill("input[name=login]", "an").await;
    browser.fill("input[name=password]", "any").await;
    browser.click("button[type=submit]").await;
    until("the consent", || async { (!browser.is_there("input[name=login]").await).then_some(()) }).await;
    browser.click("button[type=submit]").await;
    browser.shows(".notice", "Nguyễn Văn An").await;
    assert_eq!(browser.path().await, "/xac-thuc/xong", "the code has gone from the address");
    assert_eq!(browser.look("xac-thuc-xong").await, Vec::<String>::new());
    browser.click("a.switch").await;
    browser.shows("h1", "Your identity is verified").await;
    browser.shows(".notice", "Nguyễn Văn An").await;
    assert_eq!(browser.look("xac-thuc-xong").await, Vec::<String>::new());
    browser.click("a.switch").await;
    browser.click("#ask-new").await;
    browser.shows("#shown", "Nguyễn Văn An").await;
    assert_eq!(browser.look("hoi-da-xac-thuc").await, Vec::<String>::new());
    browser.click("input[value=KIND_OPINION]").await;
    browser.fill("#text", "Xin ý kiến về dự thảo quy chế tiếp công dân.").await;
    browser.click("#send").await;
    until("the receipt", || async { browser.path().await.starts_with("/theo-doi/").then_some(()) }).await;

    // The officer reads that it is sure, and not who it is.
    let officer = platform.rest_as("officer", None).await;
    let inbox = until("the question", || async {
        let inbox = officer.get("/api/v1/inbox").await.ok();
        inbox["items"].as_array().filter(|items| !items.is_empty()).cloned()
    });
    let ticket_id = inbox.await[0]["ticketId"].as_str().unwrap().to_owned();
    let draft = officer.drafted(&ticket_id).await;
    assert_eq!(draft["question"]["assurance"], "ASSURANCE_IDENTITY");
    assert!(!draft.to_string().contains("Nguyễn Văn An"));
    assert!(!platform.log().contains("Nguyễn Văn An"), "names are not logged");

    // Nobody again, with what was typed kept.
    browser.go("/").await;
    browser.fill("#text", TEXT).await;
    browser.click("#forget").await;
    until("nobody", || async { (!browser.is_there("#shown").await).then_some(()) }).await;
    let kept = browser.run("return document.getElementById('text').value").await;
    assert_eq!(kept, TEXT);
    assert_eq!(browser.cookie("motcua_asker").await, None);
    browser.stop().await;
    provider.stop().await;
    platform.stop().await;
}
