//! The desks in a real browser and by REST: saved replies, what changed meanwhile, a family answered in
//! part, the dispatcher's way from the desk to a unit, and the keyboard alone.

use e2e::{
    browser::Browser,
    platform::{Platform, data_dir},
    until,
};
use serde_json::{Value, json};
use uuid::Uuid;

const ASKED: &str = "Vì sao con mèo nhà bên cứ sủa vào lúc nửa đêm trăng tròn?";
const LAW: &str = "vu-phap-che";
const PLAN: &str = "vu-ke-hoach";
const ENTER: &str = "\u{e007}";

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_saves_replies_and_puts_them_into_answers() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (an, binh) = (platform.rest_of("an", LAW).await, platform.rest_of("binh", PLAN).await);
    let id = Uuid::now_v7();
    let path = format!("/api/v1/saved-replies/{id}");
    let reply = |text: &str, version: u32| json!({"title": "Lời chào", "text": text, "version": version});
    let first = an.post(&path, &reply("Kính gửi ông/bà,", 0)).await.ok();
    assert_eq!(
        (&first["unit"], &first["version"], &first["changedBy"]),
        (&json!(LAW), &json!(1), &json!("an"))
    );
    assert_eq!(an.post(&path, &reply("Kính gửi ông/bà,", 0)).await.ok(), first, "a repeat");
    an.post(&path, &reply("Khác", 0)).await.refused(409, "REQUEST_ID_REUSED");
    assert_eq!(an.post(&path, &reply("Thưa ông/bà,", 1)).await.ok()["version"], 2);
    an.post(&path, &reply("Khác", 1)).await.refused(409, "STALE_VERSION");
    an.post(&path, &json!({"title": "", "text": "x"})).await.refused(400, "TEXT_EMPTY");
    let long = json!({"title": "x".repeat(121), "text": "x"});
    an.post(&path, &long).await.refused(400, "TEXT_TOO_LONG");
    // Another unit's are not there.
    assert_eq!(binh.get("/api/v1/saved-replies").await.ok()["savedReplies"], json!([]));
    binh.post(&format!("{path}/delete"), &json!({"version": 2})).await.refused(404, "SAVED_REPLY_NOT_FOUND");
    binh.get(&format!("/api/v1/saved-replies?unit={LAW}")).await.refused(403, "OTHER_UNIT");

    // On the question's page, with a script at the cursor and without one after what is typed.
    let (ticket_id, _) = platform.rest().ask(ASKED).await;
    let dispatcher = platform.rest_as("dispatcher", None).await;
    dispatcher.drafted(&ticket_id).await;
    dispatcher.post(&format!("/api/v1/tickets/{ticket_id}/assign"), &json!({"unit": LAW})).await.ok();
    until("the law unit", || async {
        let ticket = an.get(&format!("/api/v1/tickets/{ticket_id}")).await;
        ticket.status.is_success().then_some(())
    })
    .await;
    let browser = Browser::start(&platform.endpoints.http).await;
    browser.sign_in(&platform.token("officer", Some(LAW)).await).await;
    browser.go(&format!("/can-bo/phieu/{ticket_id}")).await;
    let warns = "const leaving = new Event('beforeunload', {cancelable: true});
        dispatchEvent(leaving); return leaving.defaultPrevented";
    assert_eq!(browser.run(warns).await, json!(false), "nothing was typed");
    browser.fill("#text", "A Z").await;
    assert_eq!(browser.run(warns).await, json!(true), "what was typed was not sent");
    browser.run("document.querySelector('#text').setSelectionRange(2, 2)").await;
    browser.click("#insert").await;
    let typed = "return document.querySelector('#text').value";
    until("the saved words", || async { (browser.run(typed).await == "A Thưa ông/bà,Z").then_some(()) })
        .await;
    browser.run("document.querySelector('#reply').reset()").await;
    assert_eq!(browser.run(warns).await, json!(false), "it was taken back");
    let version = an.get(&format!("/api/v1/tickets/{ticket_id}")).await.ok()["draft"]["version"].clone();
    let form = format!("version={version}&unit={LAW}&text=Sau.&saved={id}");
    let page = an.page(&format!("/can-bo/phieu/{ticket_id}/chen"), Some(form)).await;
    assert!(page.text.contains("Sau.\n\nThưa ông/bà,</textarea>"), "{}", page.text);

    // Its own page: made, changed, deleted.
    browser.go("/can-bo/mau").await;
    browser.fill("#new #title", "Lời kết").await;
    browser.fill("#new #text", "Trân trọng.").await;
    browser.click("#new button").await;
    browser.shows("main", "Lời kết").await;
    for language in ["vi", "en"] {
        browser.width(320).await;
        browser.go(&format!("/can-bo/mau?lang={language}")).await;
        let shown = "return [document.documentElement.lang, document.documentElement.scrollWidth]";
        assert_eq!(browser.run(shown).await, json!([language, 320]));
        assert_eq!(browser.axe().await, Vec::<String>::new(), "{language}");
    }
    an.post(&format!("{path}/delete"), &json!({"version": 2})).await.ok();
    an.post(&format!("{path}/delete"), &json!({"version": 2})).await.ok();
    let left = an.get("/api/v1/saved-replies").await.ok();
    assert_eq!(left["savedReplies"].as_array().unwrap().len(), 1, "{left}");
    assert_eq!(left["savedReplies"][0]["title"], "Lời kết");
    browser.stop().await;
    platform.stop().await;
}

/// Refused or looked at again, a form of the desk comes back as it was filled in.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_officer_typed_stays() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let officer = platform.rest_as("dispatcher", None).await;
    let (ticket_id, _) = platform.rest().ask(ASKED).await;
    let version = officer.drafted(&ticket_id).await["draft"]["version"].clone();
    let (other, _) = platform.rest().ask("Phí gửi xe ở trụ sở là bao nhiêu?").await;
    officer.drafted(&other).await;
    let page = format!("/can-bo/phieu/{ticket_id}");
    let post = async |what: &str, form: String| officer.page(&format!("{page}/{what}"), Some(form)).await;

    let rejected = "name=\"draft_rejected\" value=\"1\" checked";
    let shown = post("kiem-tra", format!("version={version}&text=Sai&draft_rejected=1")).await;
    assert!(shown.status == 200 && shown.text.contains(rejected), "{shown:?}");
    assert!(shown.text.contains("id=\"reply\" data-unsent"), "{shown:?}");
    let shown = post("kiem-tra", format!("version={version}&text=Sai")).await;
    assert!(shown.status == 200 && !shown.text.contains(rejected), "{shown:?}");
    let shown = post("duyet", "version=99&text=Sai&draft_rejected=1".into()).await;
    assert!(shown.status == 409 && shown.text.contains(rejected), "{shown:?}");

    // Another dispatcher was faster.
    let shown = post("chuyen", format!("from_unit={PLAN}&unit={LAW}")).await;
    assert!(shown.status == 409 && shown.text.contains("vừa được chuyển cho đơn vị khác"), "{shown:?}");

    let chosen = format!("<option value=\"{LAW}\" lang=\"vi\" selected>");
    let shown = post("tra-lai", format!("version=99&reason=Nham&unit={LAW}&no_owner=Khong")).await;
    assert!(shown.status == 409 && shown.text.contains(">Nham</textarea>"), "{shown:?}");
    assert!(shown.text.contains("value=\"Khong\"") && shown.text.contains(&chosen), "{shown:?}");
    let shown = post("phoi-hop", format!("version={version}&unit={LAW}&request=Xin&due=mai")).await;
    assert!(shown.status == 400 && shown.text.contains(">Xin</textarea>"), "{shown:?}");
    assert!(shown.text.contains("value=\"mai\"") && shown.text.contains(&chosen), "{shown:?}");

    let id = Uuid::now_v7();
    let saved = json!({"unit": LAW, "title": "Chào", "text": "Kính gửi", "version": 0});
    officer.post(&format!("/api/v1/saved-replies/{id}"), &saved).await.ok();
    let form = format!("id={id}&unit={LAW}&version=7&title=Chao&text=Thua");
    let shown = officer.page("/can-bo/mau", Some(form)).await;
    assert!(shown.status == 409 && shown.text.contains(">Thua</textarea>"), "{shown:?}");
    assert!(shown.text.contains(">Kính gửi</div>"), "what is saved is shown beside it: {shown:?}");

    // Of all units' questions those of one.
    let inbox = officer.page("/can-bo?don-vi=mot-cua", None).await.text;
    assert!(inbox.contains(&ticket_id) && inbox.contains(&chosen.replace(LAW, "mot-cua")), "{inbox}");
    let inbox = officer.page(&format!("/can-bo?don-vi={LAW}"), None).await.text;
    assert!(!inbox.contains(&ticket_id) && inbox.contains(&chosen), "{inbox}");
    let law = platform.rest_of("an", LAW).await;
    law.get("/api/v1/inbox?unit=mot-cua").await.refused(403, "OTHER_UNIT");
    assert_eq!(law.get(&format!("/api/v1/inbox?unit={LAW}")).await.ok()["items"], json!([]));

    // After a reply the next question is one link away.
    let inbox = officer.page(&format!("/can-bo?xong=duyet&phieu={ticket_id}"), None).await.text;
    assert!(inbox.contains(&format!("id=\"next\" href=\"/can-bo/phieu/{other}\"")), "{inbox}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_of_a_family_is_answered_is_chosen_on_one_page() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let mut asked = Vec::new();
    for text in [ASKED.to_owned(), ASKED.to_uppercase(), format!("  {ASKED}"), format!("{ASKED}??")] {
        let ticket = asker.ask(&text).await;
        officer.drafted(&ticket.0).await;
        asked.push(ticket);
    }
    let centre = &asked[0].0;
    until("the family to gather", || async {
        let ticket = officer.get(&format!("/api/v1/tickets/{centre}")).await.ok();
        (ticket["familySize"] == 3).then_some(())
    })
    .await;
    let browser = Browser::start(&platform.endpoints.http).await;
    browser.sign_in(&platform.token("officer", None).await).await;
    browser.go(&format!("/can-bo/phieu/{centre}")).await;
    // One is left out, the others are answered with the centre.
    browser.click(&format!("input[name=member][value='{}']", asked[2].0)).await;
    browser.fill("#text", "Đó là tiếng chó.").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.click("#approve").await;
    browser.shows(".notice", "Đã duyệt").await;
    for at in [0, 1, 3] {
        let ticket = asker.followed(&asked[at].1, "TICKET_STATE_ANSWERED").await;
        assert_eq!(ticket["answer"]["text"], "Đó là tiếng chó.");
    }
    platform.settle().await;
    let left = officer.get(&format!("/api/v1/tickets/{}", asked[2].0)).await.ok();
    assert_eq!(
        (&left["state"], &left["centreTicketId"]),
        (&json!("ANSWER_STATE_DRAFTED"), &json!("")),
        "{left}"
    );
    browser.stop().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_page_tells_what_changed_and_a_stale_approval_shows_it() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let (ticket_id, code) = asker.ask(ASKED).await;
    let seen = officer.drafted(&ticket_id).await["draft"]["version"].clone();
    let browser = Browser::start(&platform.endpoints.http).await;
    browser.sign_in(&platform.token("officer", None).await).await;
    browser.go(&format!("/can-bo/phieu/{ticket_id}")).await;
    browser.fill("#text", "Mèo không sủa.").await;
    let body = json!({"requestId": Uuid::now_v7(), "text": "Con mèo đen sủa à?", "revision": 0});
    asker.post(&format!("/api/v1/questions/{code}/amend"), &body).await.ok();
    let fragment = format!("/can-bo/phieu/{ticket_id}/thay-doi?tu={seen}");
    let session = platform.browser_as("officer").await;
    until("the change", || async {
        session.get(&fragment).await.text.contains("Người hỏi sửa câu hỏi").then_some(())
    })
    .await;
    browser.click("#approve").await;
    browser.shows("#changes", "Người hỏi sửa câu hỏi").await;
    browser.shows("#changes", ASKED).await;
    let typed = "return document.querySelector('#text').value";
    assert_eq!(browser.run(typed).await, "Mèo không sủa.", "what was typed stays");
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.click("#approve").await;
    browser.shows(".notice", "Đã duyệt").await;
    asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    browser.stop().await;
    platform.stop().await;
}

/// From the desk to a unit, with the keyboard alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_assigns_from_the_desk_by_keyboard() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    platform.settle().await;
    let (ticket_id, _) =
        platform.rest().ask("Con mèo nhà bên cứ sủa thì thuộc cơ quan nào giải quyết?").await;
    let dispatcher = platform.rest_as("dispatcher", None).await;
    let desk = dispatcher.drafted(&ticket_id).await;
    assert_eq!(desk["unit"], "mot-cua", "nobody is likely enough: {desk}");
    let browser = Browser::start(&platform.endpoints.http).await;
    browser.sign_in(&platform.token("dispatcher", None).await).await;
    until("the question on the desk", || async {
        browser.go("/can-bo").await;
        browser.is_there("#inbox tbody a").await.then_some(())
    })
    .await;
    browser.tab_to("return document.activeElement.closest('#inbox tbody') !== null").await;
    browser.press(ENTER).await;
    browser.text("#unit").await;
    // The units that routing thought of stand open with their probability, the likeliest first.
    assert!(browser.text("#assign .ranked button").await.contains('%'));
    browser.tab_to("return document.activeElement.id === 'unit'").await;
    let chosen = "return document.querySelector('#unit').value";
    for _ in 0..40 {
        if browser.run(chosen).await == LAW {
            break;
        }
        browser.press("\u{e015}").await;
    }
    assert_eq!(browser.run(chosen).await, LAW, "the arrows go through the list");
    browser.tab_to("return document.activeElement.form?.querySelector('#unit') != null && document.activeElement.tagName === 'BUTTON'").await;
    browser.press(ENTER).await;
    browser.shows(".notice", "Đã chuyển câu hỏi").await;
    until("its unit", || async {
        let ticket = dispatcher.get(&format!("/api/v1/tickets/{ticket_id}")).await.ok();
        (ticket["unit"] == LAW).then_some(())
    })
    .await;
    browser.stop().await;
    platform.stop().await;
}

/// The fragment that an open page asks for, and what a unit has saved.
#[tokio::test(flavor = "multi_thread")]
async fn what_changed_is_for_officers_alone() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (ticket_id, _) = platform.rest().ask(ASKED).await;
    platform.rest_as("officer", None).await.drafted(&ticket_id).await;
    let reply = platform.rest().get(&format!("/can-bo/phieu/{ticket_id}/thay-doi?tu=1")).await;
    assert!(!reply.text.contains("Có thay đổi"), "{reply:?}");
    let body: Value = json!({"title": "x", "text": "x"});
    let path = format!("/api/v1/saved-replies/{}", Uuid::now_v7());
    platform.rest().post(&path, &body).await.refused(401, "TOKEN_MISSING");
    platform.rest_as("editor", None).await.post(&path, &body).await.refused(403, "ROLE_NOT_ALLOWED");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_answer_is_approved_by_its_page() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let (ticket_id, code) = asker.ask(ASKED).await;
    let version = officer.drafted(&ticket_id).await["draft"]["version"].clone();
    // Nine bytes of the form for each letter: the worst that Vietnamese can be.
    let answer = "ễễễễ ".repeat(4_000);
    let form = format!("version={version}&text={}", answer.replace('ễ', "%E1%BB%85").replace(' ', "+"));
    let reply = officer.page(&format!("/can-bo/phieu/{ticket_id}/duyet"), Some(form)).await;
    assert!(reply.status.is_success() && reply.text.contains("Đã duyệt"), "{}", reply.status);
    let ticket = asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    assert!(ticket["answer"]["text"] == answer.trim(), "whole");
    platform.stop().await;
}
