//! Whole journeys by the keyboard alone, and without JavaScript, of those who have none of that kind elsewhere.

use e2e::{
    browser::Browser,
    platform::{Platform, data_dir},
    until,
};
use serde_json::json;

const ENTER: &str = "\u{e007}";
const SPACE: &str = " ";
const TEXT: &str = "Thoi han cap lai the can cuoc la bao nhieu ngay?";
const PASSAGE: &str = "/bien-tap/tra-loi/mau-001";

#[tokio::test(flavor = "multi_thread")]
async fn an_asker_asks_and_withdraws_by_keyboard() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let browser = Browser::start(&platform.endpoints.http).await;
    browser.go("/").await;
    browser.tab_to_css("input[name=kind]").await;
    browser.press(SPACE).await;
    browser.tab_to_css("#text").await;
    browser.press(TEXT).await;
    browser.tab_to_css("#name").await;
    browser.press("Nguoi Thu Nghiem").await;
    browser.tab_to_css("#send").await;
    browser.press(ENTER).await;
    let code = browser.text(".receipt .code").await;
    browser.tab_to_css("a[href$='/rut']").await;
    browser.press(ENTER).await;
    until("the page of the withdrawal", || async { browser.path().await.ends_with("/rut").then_some(()) })
        .await;
    browser.text("main form button").await;
    browser.tab_to_css("main form button").await;
    browser.press(ENTER).await;
    platform.rest().followed(&code, "TICKET_STATE_WITHDRAWN").await;
    browser.stop().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_corrects_and_a_leader_looks_behind_a_figure_by_keyboard() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    let (ticket_id, _) = platform.rest().ask(TEXT).await;
    platform.rest_as("officer", None).await.drafted(&ticket_id).await;
    platform.settle().await;
    let browser = Browser::start(&platform.endpoints.http).await;
    browser.sign_in(&platform.token("operator", None).await).await;

    browser.go(PASSAGE).await;
    browser.text("details summary").await;
    browser.tab_to("return document.activeElement.matches('details:has(#correct) > summary')").await;
    browser.press(ENTER).await;
    browser.tab_to_css("#correct #text").await;
    browser.press("Noi them. ").await;
    browser.tab_to_css("#correct #why1").await;
    browser.press("Cho ro hon").await;
    browser.tab_to_css("#correct button:not(.second)").await;
    browser.press(ENTER).await;
    browser.shows(".answer", "Noi them.").await;

    browser.go("/tong-quan").await;
    browser.text(".figure a[data-of]").await;
    browser.tab_to_css(".figure a[data-of]").await;
    browser.press(ENTER).await;
    until("the list", || async { browser.path().await.starts_with("/tong-quan/danh-sach").then_some(()) })
        .await;
    assert!(browser.is_there("main tbody tr").await, "the question that arrived");
    browser.stop().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desks_work_without_javascript() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    let (ticket_id, _) = platform.rest().ask("Con mèo nhà bên cứ sủa thì ai giải quyết?").await;
    let dispatcher = platform.rest_as("dispatcher", None).await;
    dispatcher.drafted(&ticket_id).await;
    platform.settle().await;
    let browser = Browser::start(&platform.endpoints.http).await;
    browser.without_javascript().await;

    browser.sign_in(&platform.token("dispatcher", None).await).await;
    browser.go("/can-bo?don-vi=mot-cua").await;
    browser.click("#inbox tbody a").await;
    browser.click("#assign .ranked button").await;
    browser.shows(".notice", "Đã chuyển câu hỏi").await;
    until("its unit", || async {
        let ticket = dispatcher.get(&format!("/api/v1/tickets/{ticket_id}")).await.ok();
        (ticket["unit"] != json!("mot-cua")).then_some(())
    })
    .await;

    browser.sign_in(&platform.token("editor", None).await).await;
    browser.go(PASSAGE).await;
    browser.click("details:has(#correct) > summary").await;
    browser.fill("#correct #text", " Nói thêm.").await;
    browser.fill("#correct #why1", "Cho rõ hơn").await;
    browser.click("#correct button.second").await;
    browser.shows("main", "Nói thêm.").await;
    browser.go(PASSAGE).await;
    browser.click("details:has(#correct) > summary").await;
    browser.fill("#correct #text", " Nói thêm.").await;
    browser.fill("#correct #why1", "Cho rõ hơn").await;
    browser.click("#correct button:not(.second)").await;
    browser.shows(".answer", "Nói thêm.").await;
    browser.click("details:has(#why4) > summary").await;
    browser.fill("#why4", "Sai căn cứ").await;
    browser.click("form:has(#why4) button").await;
    browser.shows("main .tag", "Đã thu hồi").await;
    browser.stop().await;
    platform.stop().await;
}
