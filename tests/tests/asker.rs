//! What an asker does while a question waits, on the whole platform: amending it, withdrawing it, giving
//! what an officer asked for; each once, and whatever happens at the same moment.

use e2e::{
    browser::Browser,
    platform::{Platform, data_dir},
    repeat::say_again,
    rest::Rest,
    until,
};
use serde_json::{Value, json};
use sqlx::{PgPool, Row as _};
use uuid::Uuid;

const ASKED: &str = "Vì sao con mèo nhà bên cứ sủa vào lúc nửa đêm trăng tròn?";
const AMENDED: &str = "Vì sao con mèo nhà bên cứ sủa? Gọi tôi số 0912345678.";
const REDACTED: &str = "Vì sao con mèo nhà bên cứ sủa? Gọi tôi số [số riêng].";

/// No two are alike, or they would be one family.
const AMENDED_WORDS: [&str; 3] = ["Thuế nhà đất", "Bằng lái xe máy", "Đèn đường thôn Đông"];

fn amendment(text: &str, revision: u32) -> Value {
    json!({"requestId": Uuid::now_v7(), "text": text, "revision": revision})
}

fn withdrawal(revision: u32) -> Value {
    json!({"requestId": Uuid::now_v7(), "revision": revision})
}

async fn followed(asker: &Rest, code: &str) -> Value {
    asker.get(&format!("/api/v1/questions/{code}")).await.ok()
}

/// The ticket as officers see it, once it is drafted with that text.
async fn drafted_as(officer: &Rest, ticket_id: &str, text: &str) -> Value {
    until(text, || async {
        let ticket = officer.drafted(ticket_id).await;
        (ticket["question"]["text"] == text).then_some(ticket)
    })
    .await
}

fn approval(ticket: &Value, text: &str) -> Value {
    json!({"text": text, "version": ticket["draft"]["version"]})
}

/// As routing and answering keep it: `answered`, `withdrawn` and the answer's state.
async fn kept(pool: &PgPool, ticket_id: &str) -> (bool, bool, String) {
    let sql = "select r.answered, r.withdrawn, a.state from routing.assignment r
               join answering.answer a using (ticket_id) where ticket_id = $1::uuid";
    let row = sqlx::query(sql).bind(ticket_id).fetch_one(pool).await.unwrap();
    (row.get(0), row.get(1), row.get(2))
}

/// Whether analytics counts it as open.
async fn is_open(pool: &PgPool, ticket_id: &str) -> bool {
    let sql = "select answered_at is null and withdrawn_at is null from analytics.ticket where ticket_id = $1::uuid";
    sqlx::query_scalar(sql).bind(ticket_id).fetch_one(pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amended_question_is_answered_as_it_now_stands() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let pool = platform.pool().await;
    let (ticket_id, code) = asker.ask(ASKED).await;
    let seen = officer.drafted(&ticket_id).await;
    let path = format!("/api/v1/questions/{code}/amend");

    let crime = amendment("Tôi muốn tố cáo ông A nhận hối lộ.", 0);
    asker.post(&path, &crime).await.refused(409, "GOES_ELSEWHERE");
    asker.post(&path, &amendment("", 0)).await.refused(400, "TEXT_EMPTY");
    asker.post(&path, &amendment(&"a".repeat(5_001), 0)).await.refused(400, "TEXT_TOO_LONG");
    asker.post(&path, &amendment("khác", 1)).await.refused(409, "STALE_VERSION");
    let mut body = amendment(AMENDED, 0);
    let amended = asker.post(&path, &body).await.ok();
    assert_eq!(amended["revision"], 1);
    assert_eq!(asker.post(&path, &body).await.ok()["revision"], 1, "a repeat");
    body["text"] = "khác".into();
    asker.post(&path, &body).await.refused(409, "REQUEST_ID_REUSED");
    asker.post(&path, &amendment("khác", 0)).await.refused(409, "STALE_VERSION");

    // Redacted as when it was asked, and the words themselves sealed beside the first.
    let ticket = followed(&asker, &code).await;
    assert_eq!((&ticket["text"], &ticket["revision"]), (&json!(REDACTED), &json!(1)), "{ticket}");
    let sealed: i64 = sqlx::query_scalar("select count(*) from intake.sealed where ticket_id = $1::uuid")
        .bind(&ticket_id)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(sealed, 2);

    // What the officer saw is not what is asked.
    let now = drafted_as(&officer, &ticket_id, REDACTED).await;
    let approve = format!("/api/v1/tickets/{ticket_id}/approve");
    officer.post(&approve, &approval(&seen, "Mèo không sủa.")).await.refused(409, "STALE_VERSION");
    let since = format!("/api/v1/tickets/{ticket_id}?sinceVersion={}", seen["draft"]["version"]);
    let changes = officer.get(&since).await.ok()["changes"].clone();
    assert_eq!(changes[0]["what"], "ANSWER_CHANGE_KIND_AMENDED", "{changes}");
    assert_eq!(changes[0]["note"], ASKED);
    assert_eq!(now["dueAt"], seen["dueAt"], "the deadline stays");
    officer.post(&approve, &approval(&now, "Đó là tiếng chó.")).await.ok();
    let answered = asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    assert_eq!(answered["answer"]["text"], "Đó là tiếng chó.");
    asker.post(&path, &amendment("khác", 1)).await.refused(409, "ALREADY_ANSWERED");

    // Heard again, also by inboxes that have forgotten, nothing changes.
    platform.settle().await;
    let before =
        (kept(&pool, &ticket_id).await, officer.get(&format!("/api/v1/tickets/{ticket_id}")).await.ok());
    sqlx::query("delete from bus.inbox").execute(&pool).await.unwrap();
    say_again(&platform, "twice").await;
    let after =
        (kept(&pool, &ticket_id).await, officer.get(&format!("/api/v1/tickets/{ticket_id}")).await.ok());
    assert_eq!(before, after);
    let question: String = sqlx::query_scalar("select question from knowledge.passage where passage_id = $1")
        .bind(format!("ticket:{ticket_id}"))
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(question, REDACTED);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_question_leaves_every_desk_and_lets_its_family_go() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let pool = platform.pool().await;
    let (centre, code) = asker.ask(ASKED).await;
    officer.drafted(&centre).await;
    let (member, member_code) = asker.ask(&ASKED.to_uppercase()).await;
    until("the family to gather", || async {
        let ticket = officer.get(&format!("/api/v1/tickets/{centre}")).await;
        (ticket.status.is_success() && ticket.json()["familySize"] == 1).then_some(())
    })
    .await;
    let seen = officer.drafted(&centre).await;
    let path = format!("/api/v1/questions/{code}/withdraw");
    asker.post(&path, &withdrawal(1)).await.refused(409, "STALE_VERSION");
    let body = withdrawal(0);
    assert_eq!(asker.post(&path, &body).await.ok()["state"], "TICKET_STATE_WITHDRAWN");
    assert_eq!(asker.post(&path, &body).await.ok()["state"], "TICKET_STATE_WITHDRAWN", "a repeat");
    let amend = format!("/api/v1/questions/{code}/amend");
    asker.post(&amend, &amendment("khác", 0)).await.refused(409, "QUESTION_WITHDRAWN");
    platform.settle().await;

    let approve = format!("/api/v1/tickets/{centre}/approve");
    officer.post(&approve, &approval(&seen, "Mèo không sủa.")).await.refused(409, "NOT_WAITING");
    let listed = officer.get("/api/v1/inbox").await.ok();
    let listed: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| &item["ticketId"]).collect();
    assert_eq!(listed, [&json!(member)], "its member waits on its own");
    assert_eq!(kept(&pool, &centre).await, (true, true, "withdrawn".to_owned()));
    assert!(!is_open(&pool, &centre).await && is_open(&pool, &member).await);
    let deadline = officer.get(&format!("/api/v1/tickets/{centre}/deadline")).await.ok();
    assert_eq!(deadline["ending"], "DEADLINE_ENDING_UNSPECIFIED", "neither on time nor late: {deadline}");
    // The next who asks the same finds the one that waits, not the withdrawn one.
    let (third, _) = asker.ask(ASKED).await;
    until("the new family", || async {
        let ticket = officer.get(&format!("/api/v1/tickets/{third}")).await;
        (ticket.status.is_success() && ticket.json()["centreTicketId"] == member.as_str()).then_some(())
    })
    .await;
    officer.approve(&member, Some("Đó là tiếng chó.")).await;
    asker.followed(&member_code, "TICKET_STATE_ANSWERED").await;
    platform.settle().await;
    sqlx::query("delete from bus.inbox").execute(&pool).await.unwrap();
    say_again(&platform, "twice").await;
    assert_eq!(followed(&asker, &code).await["state"], "TICKET_STATE_WITHDRAWN");
    assert_eq!(kept(&pool, &centre).await, (true, true, "withdrawn".to_owned()));
    platform.stop().await;
}

/// The asker and the officer act at one moment, many times: all services end with the same story.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_first_all_tell_one_story() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let pool = platform.pool().await;
    let mut asked = Vec::new();
    for text in ["Mèo sủa?", "Gà gáy đêm?", "Cá leo cây?", "Bò bay?", "Thỏ đẻ trứng?", "Vịt lội ngược?"]
    {
        let ticket = asker.ask(text).await;
        asked.push((officer.drafted(&ticket.0).await, ticket));
    }
    let mut amended = Vec::new();
    for (at, (seen, (ticket_id, code))) in asked.iter().enumerate() {
        let approve = format!("/api/v1/tickets/{ticket_id}/approve");
        let body = approval(seen, "Không phải vậy.");
        let change = if at % 2 == 0 {
            asker.post(&format!("/api/v1/questions/{code}/withdraw"), &withdrawal(0)).await
        } else {
            asker
                .post(
                    &format!("/api/v1/questions/{code}/amend"),
                    &amendment(&format!("{} khác hẳn?", AMENDED_WORDS[at / 2]), 0),
                )
                .await
        };
        assert!(change.status.is_success(), "{change:?}");
        // Answering may have heard of it or not: both are right.
        let approved = officer.post(&approve, &body).await;
        assert!(approved.status.is_success() || approved.status.as_u16() == 409, "{approved:?}");
        if at % 2 == 1 {
            amended.push((ticket_id, code, AMENDED_WORDS[at / 2], approved.status.is_success()));
        } else {
            platform.settle().await;
            let state = followed(&asker, code).await["state"].clone();
            let (_, withdrawn, answer) = kept(&pool, ticket_id).await;
            let expected = if approved.status.is_success() {
                ("TICKET_STATE_ANSWERED", false, "approved")
            } else {
                ("TICKET_STATE_WITHDRAWN", true, "withdrawn")
            };
            assert_eq!((state.as_str().unwrap(), withdrawn, answer.as_str()), expected, "{ticket_id}");
            assert!(!is_open(&pool, ticket_id).await);
        }
    }
    for (ticket_id, code, words, crossed) in amended {
        let now = drafted_as(&officer, ticket_id, &format!("{words} khác hẳn?")).await;
        platform.settle().await;
        assert_eq!(followed(&asker, code).await["answer"], Value::Null, "what was asked before, {crossed}");
        assert_eq!(kept(&pool, ticket_id).await, (false, false, "drafted".to_owned()), "{crossed}");
        assert!(is_open(&pool, ticket_id).await);
        let approve = format!("/api/v1/tickets/{ticket_id}/approve");
        officer.post(&approve, &approval(&now, "Cũng không.")).await.ok();
        let answered = asker.followed(code, "TICKET_STATE_ANSWERED").await;
        assert_eq!(answered["answer"]["text"], "Cũng không.");
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_officer_asks_for_is_given_and_the_clock_runs_on() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let (ticket_id, code) = asker.ask("Bao giờ đường Lê Lợi được sửa xong?").await;
    let path = format!("/api/v1/questions/{code}/reply");
    let given =
        |inquiry: u32, text: &str| json!({"requestId": Uuid::now_v7(), "text": text, "inquiry": inquiry});
    officer.drafted(&ticket_id).await;
    asker.post(&path, &given(2, "Đoạn giữa")).await.refused(409, "NOTHING_ASKED");
    let deadline = format!("/api/v1/tickets/{ticket_id}/deadline");
    let pause = json!({"waitsFor": "WAITS_FOR_ASKER", "reason": "Đoạn nào?", "version": 1});
    officer.post(&format!("{deadline}/pause"), &pause).await.ok();
    let inquiry = until("the asker to be asked", || async {
        followed(&asker, &code).await["inquiry"].as_u64().filter(|inquiry| *inquiry > 0)
    })
    .await;
    assert_eq!(inquiry, 2);
    let seen = officer.drafted(&ticket_id).await;
    asker.post(&path, &given(1, "Đoạn giữa")).await.refused(409, "STALE_VERSION");
    let body = given(2, "Đoạn giữa, gọi 0912345678");
    asker.post(&path, &body).await.ok();
    asker.post(&path, &body).await.ok();
    platform.settle().await;

    let ticket = followed(&asker, &code).await;
    assert_eq!(
        (&ticket["inquiry"], &ticket["waitsFor"]),
        (&json!(0), &json!("WAITS_FOR_UNSPECIFIED")),
        "{ticket}"
    );
    assert_eq!(ticket["replies"][0]["asked"], "Đoạn nào?");
    let told = ticket["timeline"].as_array().unwrap().iter();
    assert_eq!(told.filter(|entry| entry["what"] == "MILESTONE_REPLIED").count(), 1, "{ticket}");
    let clock = officer.get(&deadline).await.ok();
    assert_eq!((&clock["deadline"]["version"], &clock["pauses"][0]["until"].is_null()), (&json!(3), &false));
    // The officer has it, redacted, and approves nothing that was written without it.
    let now = officer.drafted(&ticket_id).await;
    assert_eq!(now["askerReplies"][0]["text"], "Đoạn giữa, gọi [số riêng]", "{now}");
    assert_eq!(now["askerReplies"].as_array().unwrap().len(), 1);
    let approve = format!("/api/v1/tickets/{ticket_id}/approve");
    officer.post(&approve, &approval(&seen, "Tuần sau.")).await.refused(409, "STALE_VERSION");
    let page =
        officer.page(&format!("/can-bo/phieu/{ticket_id}?tu={}", seen["draft"]["version"]), None).await;
    assert!(page.text.contains("Có thay đổi từ khi bạn mở trang này"), "{}", page.text);
    officer.post(&approve, &approval(&now, "Tuần sau.")).await.ok();
    asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    asker.post(&path, &given(2, "Nữa")).await.refused(409, "NOTHING_ASKED");
    // Heard again by inboxes that have forgotten: the clock and what was given stay as they are.
    platform.settle().await;
    let before = (officer.get(&deadline).await.ok(), followed(&asker, &code).await);
    sqlx::query("delete from bus.inbox").execute(&platform.pool().await).await.unwrap();
    say_again(&platform, "twice").await;
    assert_eq!((officer.get(&deadline).await.ok(), followed(&asker, &code).await), before);
    platform.stop().await;
}

/// Without JavaScript, in both languages, at a phone's width.
#[tokio::test(flavor = "multi_thread")]
async fn an_asker_amends_gives_and_withdraws_on_pages() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let browser = Browser::start(&platform.endpoints.http).await;
    let (ticket_id, code) = asker.ask(ASKED).await;
    officer.drafted(&ticket_id).await;
    let deadline = format!("/api/v1/tickets/{ticket_id}/deadline");
    let pause = json!({"waitsFor": "WAITS_FOR_ASKER", "reason": "Mèo màu gì?", "version": 1});
    officer.post(&format!("{deadline}/pause"), &pause).await.ok();
    platform.settle().await;
    let page = format!("/theo-doi/{code}");
    for language in ["vi", "en"] {
        browser.width(320).await;
        browser.dark(language == "en").await;
        for path in ["", "/sua", "/rut"] {
            browser.go(&format!("{page}{path}?lang={language}")).await;
            let shown = "return [document.documentElement.lang, document.documentElement.scrollWidth]";
            assert_eq!(browser.run(shown).await, json!([language, 320]), "{path}");
            assert_eq!(browser.axe().await, Vec::<String>::new(), "{path} in {language}");
        }
    }
    browser.without_javascript().await;
    browser.go(&format!("{page}?lang=vi")).await;
    browser.fill("#reply-text", "Màu đen").await;
    browser.click("#reply button").await;
    browser.shows("main", "Đã bổ sung").await;
    assert!(!browser.is_there("#reply").await, "it was given");

    browser.go(&format!("{page}/sua")).await;
    browser.fill("#text", " Nó màu đen.").await;
    browser.click("#amend button").await;
    browser.shows("main", "Nó màu đen.").await;
    assert_eq!(browser.path().await, page);
    drafted_as(&officer, &ticket_id, &format!("{ASKED} Nó màu đen.")).await;

    browser.click("main .chips a[href$='/rut']").await;
    browser.shows("blockquote", "Nó màu đen.").await;
    browser.click("#withdraw button").await;
    browser.shows("main .tag", "Người hỏi đã rút").await;
    assert!(!browser.is_there("main .chips a").await, "there is nothing more to change");
    browser.go(&format!("{page}/rut")).await;
    assert_eq!(browser.path().await, page);
    browser.stop().await;
    platform.stop().await;
}

/// Whoever wrote the answer, one button brings the question back; with an officer's it takes a word.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_did_not_solve_it_is_sent_back_from_its_page() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let (ticket_id, code) = asker.ask(ASKED).await;
    officer.approve(&ticket_id, Some("Mèo không sủa.")).await;
    asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    let browser = Browser::start(&platform.endpoints.http).await;
    let page = format!("/theo-doi/{code}");
    browser.without_javascript().await;
    for language in ["en", "vi"] {
        browser.width(320).await;
        browser.go(&format!("{page}?lang={language}")).await;
        assert!(browser.is_there("#not-solved textarea[required]").await, "{language}");
    }
    let refused = asker.page(&format!("{page}/khong-dung"), Some("answer_number=1&comment=+".into())).await;
    assert_eq!(refused.status.as_u16(), 400, "{refused:?}");
    assert!(refused.text.contains("Điều còn thiếu: Chưa có nội dung"), "{}", refused.text);
    assert_eq!(followed(&asker, &code).await["state"], "TICKET_STATE_ANSWERED");

    browser.fill("#missing", "Thế tiếng gì sủa?").await;
    browser.click("#not-solved button").await;
    browser.shows(".former", "Thế tiếng gì sủa?").await;
    assert_eq!(browser.path().await, page);
    assert!(!browser.is_there("#not-solved").await, "there is no answer to send back");
    let again = until("the question at the desk again", || async {
        let ticket = officer.get(&format!("/api/v1/tickets/{ticket_id}")).await.ok();
        let back = ticket["question"]["followUps"][0] == "Thế tiếng gì sủa?";
        (back && ticket["state"] == "ANSWER_STATE_DRAFTED").then_some(ticket)
    })
    .await;
    let approve = format!("/api/v1/tickets/{ticket_id}/approve");
    officer.post(&approve, &approval(&again, "Đó là tiếng chó.")).await.ok();
    let answered = asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    assert_eq!(answered["answer"]["number"], 2, "{answered}");
    browser.stop().await;
    platform.stop().await;
}
