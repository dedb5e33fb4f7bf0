//! Each role's journey in a real browser, with JavaScript and without.

use e2e::{
    browser::Browser,
    platform::{Platform, data_dir},
    until,
};
use serde_json::{Value, json};

const STRANGE: &str = "Vì sao con mèo nhà bên cứ sủa vào lúc nửa đêm trăng tròn?";
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const CONTROL_ENTER: &str = "\u{e009}\u{e007}";

fn stored() -> Value {
    let corpus = include_str!("../../deploy/sample/answered.jsonl");
    serde_json::from_str(corpus.lines().next().unwrap()).unwrap()
}

async fn sign_in(browser: &Browser, platform: &Platform, role: &str) {
    browser.sign_in(&platform.token(role, None).await).await;
}

/// Asks, and returns the tracking code.
async fn ask(browser: &Browser, text: &str) -> String {
    browser.go("/").await;
    browser.fill("#text", text).await;
    browser.fill("#name", "Người Thử Nghiệm").await;
    browser.click("#send").await;
    let code = browser.text(".receipt .code").await;
    assert!(browser.is_there(".qr svg").await);
    code
}

/// Reloads until the element is there: how pages follow without JavaScript.
async fn reload_until(browser: &Browser, path: &str, css: &str) {
    until(css, || async {
        browser.go(path).await;
        browser.is_there(css).await.then_some(())
    })
    .await;
}

/// Asks, is answered, rates low with words, sees the former answer, is answered again.
async fn question_and_answer(asker: &Browser, officer: &Browser, text: &str) {
    let code = ask(asker, text).await;
    let page = format!("/theo-doi/{code}");
    reload_until(asker, &page, "#promise time").await;
    for (answer, score) in [("Mèo không sủa.", 1), ("Đó là tiếng chó.", 5)] {
        reload_until(officer, "/can-bo", "#inbox tbody a").await;
        officer.click("#inbox tbody a").await;
        officer.fill("#text", answer).await;
        officer.click("#approve").await;
        officer.shows(".notice", "Đã duyệt").await;
        let again = if score == 5 { ".former" } else { ".answer" };
        reload_until(asker, &page, "input[name=score]").await;
        assert!(asker.is_there(again).await);
        assert!(!asker.is_there("#promise time").await, "what is answered promises nothing");
        asker.click(&format!("input[name=score][value='{score}']")).await;
        if score == 1 {
            asker.fill("#comment", "Chưa đúng ý tôi").await;
        }
        asker.click("#rate button").await;
        until("the rating to be taken", || async { (asker.path().await == page).then_some(()) }).await;
    }
    let former = asker.text(".former").await;
    assert!(former.contains("Mèo không sủa.") && former.contains("Rất không hài lòng"), "{former}");
    asker.shows(".answer:not(.former)", "Rất hài lòng").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn journeys_with_javascript_and_without() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    platform.settle().await;
    let site = &platform.endpoints.http;
    let (asker, officer) = (Browser::start(site).await, Browser::start(site).await);
    let stored = stored();
    let question = stored["question"].as_str().unwrap();

    // What is being typed was answered: the visit ends there.
    asker.go("/").await;
    asker.fill("#text", question).await;
    assert_eq!(asker.text("#suggestions summary").await, question);
    asker.click("#suggestions button").await;
    assert!(asker.text(".notice").await.contains("Cảm ơn"));
    assert!(asker.text(".answer").await.contains(stored["answer"].as_str().unwrap()));

    // The other language keeps what is typed; a form that is begun anew is empty.
    asker.go("/").await;
    asker.click("input[value=KIND_OPINION]").await;
    asker.fill("#text", "Đang gõ dở").await;
    asker.click("a.switch").await;
    let typed = "return [document.documentElement.lang, document.querySelector('#text')?.value,
                         document.querySelector('input[name=kind]:checked')?.value]";
    until("what was typed, in English", || async {
        (asker.run(typed).await == json!(["en", "Đang gõ dở", "KIND_OPINION"])).then_some(())
    })
    .await;
    asker.go("/?lang=vi").await;
    assert_eq!(asker.run(typed).await, json!(["vi", "", "KIND_QUESTION"]));

    sign_in(&officer, &platform, "officer").await;
    question_and_answer(&asker, &officer, STRANGE).await;

    // By keyboard alone: the first question, its draft approved.
    ask(&asker, &format!("Xin hỏi: {question}")).await;
    reload_until(&officer, "/can-bo", "#inbox tbody a").await;
    let in_list = "return document.activeElement.closest('#inbox tbody') !== null";
    officer.press("j").await;
    assert_eq!(officer.run(in_list).await, json!(false), "letters work in the list alone");
    until("the first question to have the focus", || async {
        officer.press(TAB).await;
        (officer.run(in_list).await == true).then_some(())
    })
    .await;
    officer.press("k").await;
    assert_eq!(officer.run(in_list).await, json!(true), "there is none above it");
    officer.press(ENTER).await;
    officer.text("#reply").await;
    assert!(officer.is_there(".sides mark").await, "where the questions differ is marked");
    officer.fill("#text", CONTROL_ENTER).await;
    until("the reply to be sent", || async { officer.path().await.contains("xong=duyet").then_some(()) })
        .await;

    for browser in [&asker, &officer] {
        browser.without_javascript().await;
    }
    asker.go("/").await;
    asker.fill("#text", question).await;
    asker.click("#look").await;
    // Asked twice by now: shown once, in either one's words.
    assert!(asker.text("#suggestions summary").await.ends_with(question));
    question_and_answer(&asker, &officer, "Vì sao trăng tròn thì mèo nhà hàng xóm lại hát?").await;
    asker.stop().await;
    officer.stop().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_lands_in_the_store_and_a_withdrawn_answer_is_gone() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    platform.settle().await;
    let browser = Browser::start(&platform.endpoints.http).await;
    sign_in(&browser, &platform, "editor").await;
    assert_eq!(browser.path().await, "/bien-tap/kho");
    browser.fill("#q", stored()["question"].as_str().unwrap()).await;
    browser.click("main form button").await;
    browser.click("main .card p a").await;
    browser.click("details:last-of-type summary").await;
    browser.fill("#why4", "Sai căn cứ").await;
    browser.click("details[open] button").await;
    browser.shows("main .tag", "Đã thu hồi").await;
    let id = stored()["id"].as_str().unwrap().to_owned();
    let reply = platform.rest().get(&format!("/thu-vien/{id}")).await;
    assert_eq!(reply.status.as_u16(), 410, "{}", reply.text);
    assert!(!reply.text.contains(stored()["answer"].as_str().unwrap()));
    for path in ["/atom.xml", "/sitemap/1.xml", "/thu-vien"] {
        let reply = platform.rest().get(path).await;
        assert!(reply.status.is_success() && !reply.text.contains(&format!("/thu-vien/{id}")), "{path}");
    }
    browser.stop().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_leads_past_the_head_of_the_page() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let browser = Browser::start(&platform.endpoints.http).await;
    // A browser drops keys that come before it has painted, hence again until it has.
    until("the main part has the focus", || async {
        browser.go("/").await;
        browser.press(TAB).await;
        browser.press(ENTER).await;
        (browser.run("return document.activeElement.id").await == "main").then_some(())
    })
    .await;
    browser.stop().await;
    platform.stop().await;
}

/// The page of the library as nobody sees it, and its tag; with a tag that is still right there is no page.
async fn library(platform: &Platform, path: &str, tag: Option<&str>) -> (u16, String, String) {
    let mut request = e2e::rest::client().get(format!("{}{path}", platform.endpoints.http));
    if let Some(tag) = tag {
        request = request.header("if-none-match", tag);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let tag = headers.get("etag").map_or(String::new(), |tag| tag.to_str().unwrap().to_owned());
    (status, tag, response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_pages_are_written_anew_with_each_change_and_each_end() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    platform.settle().await;
    let editor = platform.rest_as("editor", None).await;
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(4);
    let soon = chrono::DateTime::<chrono::Utc>::from(soon);
    let corpus = include_str!("../../deploy/sample/answered.jsonl");
    let mut ids = corpus
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned());
    for (id, change) in [
        (ids.next().unwrap(), json!({"reason": "Sai căn cứ"})),
        (ids.next().unwrap(), json!({"validUntil": soon.to_rfc3339()})),
    ] {
        let (page, feed) = (format!("/thu-vien/{id}"), "/sitemap/1.xml");
        let (status, tag, text) = library(&platform, &page, None).await;
        assert_eq!(status, 200, "{text}");
        assert_eq!(library(&platform, &page, Some(&tag)).await.0, 304, "nothing has changed");
        let (_, feed_tag, _) = library(&platform, feed, None).await;
        let version = &editor.get(&format!("/api/v1/answers/{id}")).await.ok()["passage"]["version"];
        let (verb, withdrawn) =
            if change["reason"].is_string() { ("withdraw", true) } else { ("validity", false) };
        let mut body = change.clone();
        body["version"] = version.clone();
        editor.post(&format!("/api/v1/answers/{id}/{verb}"), &body).await.ok();
        if withdrawn {
            assert_eq!(library(&platform, &page, Some(&tag)).await.0, 410, "with the next view");
            assert_eq!(library(&platform, feed, Some(&feed_tag)).await.0, 200);
        } else {
            until("its end", || async {
                let (_, _, text) = library(&platform, &page, Some(&tag)).await;
                text.contains("hiện không còn").then_some(())
            })
            .await;
        }
    }
    platform.stop().await;
}
