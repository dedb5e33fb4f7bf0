//! The public library's pages of what is asked most, what is new and what answers rest on; the editor's
//! preview, two answers made one, the store as a file and from a file.

use e2e::{
    browser::Browser,
    platform::{Platform, data_dir},
    rest::Rest,
    until,
};
use serde_json::{Value, json};

const FEE: &str = "Phí cấp lại thẻ bảo hiểm y tế bị mất là bao nhiêu?";

fn encoded(text: &str) -> String {
    text.bytes().flat_map(|byte| format!("%{byte:02X}").into_bytes()).map(char::from).collect()
}

/// Imports answered questions by the editor's page.
async fn import(page: &Rest, lines: &[Value]) -> String {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let form = format!("lines={}", encoded(&lines.join("\n")));
    let reply = page.page("/bien-tap/nhap", Some(form)).await;
    assert!(reply.status.is_success(), "{reply:?}");
    reply.text
}

fn line(id: &str, question: &str, answer: &str) -> Value {
    json!({"id": id, "question": question, "answer": answer, "unit": "vu-phap-che", "field": "chinh-sach-phap-luat"})
}

async fn as_editor(platform: &Platform) -> Rest {
    platform.rest().with_token(&platform.token("editor", None).await)
}

/// On the days before it was asked about more than before those: a leader sees that it grows, of whole days only.
async fn it_grows(platform: &Platform) {
    let pool = platform.pool().await;
    for (days_ago, answered) in [(2, 14), (5, 6), (8, 2), (13, 9)] {
        sqlx::query(
            "insert into knowledge.passage_use (passage_id, day, answered)
             values ('phi', (now() at time zone 'Asia/Ho_Chi_Minh')::date - $1::int, $2)",
        )
        .bind(days_ago)
        .bind(answered)
        .execute(&pool)
        .await
        .unwrap();
    }
    let week = platform.rest().get("/api/v1/hot?days=7").await.ok();
    let phi = &week["passages"][0];
    // Thirteen days ago is before the six whole days that the last six are beside.
    let counts = ["times", "timesOnWholeDays", "timesBefore"].map(|key| phi[key].as_u64().unwrap());
    assert_eq!(counts, [22, 20, 2], "{week}");
    let leader = platform.browser_as("analyst").await;
    let sheet = leader.get("/tong-quan/csv?bang=chu-de&ky=7").await.text;
    assert!(sheet.contains("↑ tăng") && sheet.contains(FEE), "{sheet}");
    let none = leader.get("/tong-quan/csv?bang=chu-de&ky=7&linh-vuc=chuong-trinh-ke-hoach").await.text;
    assert!(!none.contains(FEE), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_most_what_is_new_and_what_answers_rest_on() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (visitor, editor) = (platform.rest(), as_editor(&platform).await);
    import(&editor, &[line("phi", FEE, "Không thu phí."), line("gio", "Mở cửa lúc mấy giờ?", "7 giờ 30.")])
        .await;
    platform.settle().await;

    // Two askers were answered with it, one visitor was answered by the other: one is not many.
    let officer = platform.rest_as("officer", None).await;
    for _ in 0..2 {
        let (ticket_id, code) = visitor.ask(FEE).await;
        officer.approve(&ticket_id, None).await;
        visitor.followed(&code, "TICKET_STATE_ANSWERED").await;
    }
    visitor.page("/da-ro", Some("id=gio".into())).await;
    platform.settle().await;
    let hot = visitor.get("/api/v1/hot").await.ok();
    let found: Vec<_> =
        hot["passages"].as_array().unwrap().iter().map(|p| (&p["passage"]["id"], &p["times"])).collect();
    assert_eq!(found, [(&json!("phi"), &json!(2))]);
    visitor.post("/api/v1/answers/gio/answered-me", &json!({})).await.ok();
    visitor.post("/api/v1/answers/khong-co/answered-me", &json!({})).await.ok();
    let hot = visitor.get("/api/v1/hot?limit=100").await.ok();
    assert_eq!(hot["passages"].as_array().unwrap().len(), 2, "{hot}");
    visitor.get("/api/v1/hot?limit=101").await.refused(400, "LIMIT_TOO_LARGE");
    visitor.get("/api/v1/hot?days=91").await.refused(400, "DAYS_OUT_OF_RANGE");
    it_grows(&platform).await;

    let items = json!({"items": [
        {"id": "nd-146", "kind": "CATALOGUE_KIND_LAW", "number": "146/2018/NĐ-CP", "title": "Nghị định về bảo hiểm y tế"},
        {"id": "hd-1", "kind": "CATALOGUE_KIND_GUIDANCE", "title": "Hướng dẫn cũ", "validUntil": "2020-01-01T00:00:00Z"},
    ]});
    editor.post("/api/v1/catalogue", &items).await.ok();
    let version = editor.get("/api/v1/answers/phi").await.ok()["passage"]["version"].clone();
    let body = json!({"version": version, "basis": ["nd-146"]});
    editor.post("/api/v1/answers/phi/validity", &body).await.ok();
    platform.settle().await;
    let item = visitor.get("/api/v1/catalogue/nd-146").await.ok();
    assert_eq!(item["answers"][0]["id"], "phi", "{item}");
    visitor.get("/api/v1/catalogue/khong-co").await.refused(404, "CATALOGUE_ITEM_NOT_FOUND");
    let kinds = visitor.get("/api/v1/catalogue?kind=CATALOGUE_KIND_LAW").await.ok();
    assert_eq!(kinds["items"].as_array().unwrap().len(), 1, "{kinds}");
    let index = visitor.get("/sitemap.xml").await.text;
    assert!(index.contains("/sitemap/1.xml</loc>") && !index.contains("/sitemap/2.xml"), "{index}");
    for none in ["0.xml", "2.xml"] {
        assert_eq!(visitor.get(&format!("/sitemap/{none}")).await.status.as_u16(), 404, "{none}");
    }
    let sitemap = visitor.get("/sitemap/1.xml").await.text;
    for path in ["/hoi-nhieu", "/moi", "/danh-muc", "/danh-muc/nd-146", "/thu-vien/phi"] {
        assert!(sitemap.contains(&format!("{path}</loc>")), "{path}: {sitemap}");
    }
    let answer = visitor.get("/thu-vien/phi").await.text;
    assert!(answer.contains("href=\"/danh-muc/nd-146\"") && answer.contains("\"QAPage\""), "{answer}");

    let browser = Browser::start(&platform.endpoints.http).await;
    for language in ["vi", "en"] {
        for path in [
            "/hoi-nhieu",
            "/moi",
            "/danh-muc",
            "/danh-muc/nd-146",
            "/danh-muc/hd-1",
            "/thu-vien",
            "/thu-vien/phi",
        ] {
            browser.width(320).await;
            browser.dark(language == "en").await;
            browser.go(&format!("{path}?lang={language}")).await;
            let shown = "return [document.documentElement.lang, document.documentElement.scrollWidth]";
            assert_eq!(browser.run(shown).await, json!([language, 320]), "{path}");
            assert_eq!(browser.axe().await, Vec::<String>::new(), "{path} in {language}");
        }
    }
    browser.without_javascript().await;
    browser.go("/danh-muc/hd-1?lang=vi").await;
    browser.shows(".alert", "Hiện không có hiệu lực").await;
    browser.go("/hoi-nhieu").await;
    browser.click("main .card a[href='/thu-vien/phi']").await;
    browser.shows("h1", "Phí cấp lại thẻ").await;
    browser.stop().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_looks_before_correcting_and_makes_two_answers_one() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let editor = as_editor(&platform).await;
    import(&editor, &[line("phi", FEE, "Không thu phí.")]).await;
    platform.settle().await;
    let (ticket_id, code) = asker.ask(FEE).await;
    officer.approve(&ticket_id, None).await;
    asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    let text = import(&editor, &[line("phi-2", FEE, "Thu 20.000 đồng.")]).await;
    assert!(text.contains("Đã lưu 1 câu"), "{text}");
    platform.settle().await;

    let browser = Browser::start(&platform.endpoints.http).await;
    browser.sign_in(&platform.token("editor", None).await).await;
    // The correction is looked at, gone back from, and not published by looking.
    browser.go("/bien-tap/tra-loi/phi").await;
    browser.click("details.other summary").await;
    browser.fill("#correct #text", " Trừ trường hợp đổi thông tin.").await;
    browser.fill("#why1", "Thiếu trường hợp").await;
    browser.click("#correct button.second").await;
    browser.shows(".answer", "Trừ trường hợp đổi thông tin.").await;
    assert!(browser.is_there(".answer mark").await, "what is new is marked");
    browser.shows("main", "1 người đã nhận").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    assert_eq!(editor.get("/api/v1/answers/phi").await.ok()["passage"]["answer"], "Không thu phí.");
    browser.click("#confirm button.second").await;
    let typed = until("the form again", || async {
        let typed = browser.run("return document.querySelector('#correct #text')?.value").await;
        typed.as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(typed, "Không thu phí. Trừ trường hợp đổi thông tin.");

    // The two that differ are listed; one is kept, with a common text.
    until("the pair", || async {
        let pairs = editor.get("/api/v1/contradictions").await.ok();
        (!pairs["contradictions"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    // Refused, all that was typed stays where it was typed.
    let form = "id=phi&version=99&id=phi-2&version=99&keep=phi-2&text=Chung&reason=Trung";
    let shown = editor.page("/bien-tap/gop", Some(form.into())).await;
    assert_eq!(shown.status.as_u16(), 409, "{shown:?}");
    for kept in ["value=\"phi-2\" required checked", ">Chung</textarea>", ">Trung</textarea>"] {
        assert_eq!(shown.text.matches(kept).count(), 1, "{kept}: {shown:?}");
    }
    let form = format!("id=phi&id=phi-2&reason={}", "x".repeat(2001));
    let shown = editor.page("/bien-tap/tuong-hop", Some(form)).await;
    assert!(shown.status == 400 && shown.text.contains("xxx</textarea>"), "{shown:?}");
    let form = "version=99&reason=Nham";
    let shown = editor.page("/bien-tap/tra-loi/phi/thu-hoi", Some(form.into())).await;
    assert_eq!(shown.status.as_u16(), 409, "{shown:?}");
    assert_eq!(shown.text.matches(">Nham</textarea>").count(), 1, "{shown:?}");
    let form = "version=1&from=mai&until=&basis=nd-9&reason=";
    let shown = editor.page("/bien-tap/tra-loi/phi/hieu-luc", Some(form.into())).await;
    assert!(shown.status == 400 && shown.text.contains(">nd-9</textarea>"), "{shown:?}");
    assert!(shown.text.contains("<a href=\"#from\">"), "it leads to what is wrong: {shown:?}");

    browser.go("/bien-tap").await;
    browser.click(".card details:last-of-type summary").await;
    browser.click("input[name=keep][value='phi-2']").await;
    browser.fill("form[action='/bien-tap/gop'] textarea[name=text]", "Thu 15.000 đồng.").await;
    browser.fill("form[action='/bien-tap/gop'] textarea[name=reason]", "Hai câu trùng nhau").await;
    assert_eq!(browser.axe().await, Vec::<String>::new());
    browser.click("form[action='/bien-tap/gop'] button").await;
    browser.shows("main", "Thu 15.000 đồng.").await;
    let other = editor.get("/api/v1/answers/phi").await.ok();
    assert_eq!(
        (&other["passage"]["state"], &other["passage"]["supersededBy"]),
        (&json!("PASSAGE_STATE_SUPERSEDED"), &json!("phi-2")),
        "{other}"
    );

    // Who received the one is told what becomes of the other from now on.
    until("the asker to be told", || async {
        let ticket = asker.get(&format!("/api/v1/questions/{code}")).await.ok();
        let told = ticket["answer"]["notices"].to_string();
        told.contains("Thu 15.000 đồng.").then_some(())
    })
    .await;
    let received = editor.get("/api/v1/answers/phi-2/recall").await.ok();
    assert_eq!(received["received"], 1, "{received}");
    let again = json!({"version": 1, "otherId": "phi", "otherVersion": 1, "reason": "x"});
    officer.post("/api/v1/answers/phi-2/merge", &again).await.refused(403, "ROLE_NOT_ALLOWED");
    let itself = json!({"version": 1, "otherId": "phi-2", "otherVersion": 1, "reason": "x"});
    editor.post("/api/v1/answers/phi-2/merge", &itself).await.refused(400, "SUCCESSOR_IS_ITSELF");
    browser.stop().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_is_a_file_and_comes_from_one_whole() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let editor = as_editor(&platform).await;
    let long = "Dài. ".repeat(200);
    import(&editor, &[line("dai", FEE, &long), line("tinh", "=1+1 bằng mấy?", "Bằng \"2\".")]).await;
    let file = editor.page("/bien-tap/xuat?dang=jsonl", None).await.text;
    let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), lines[0]["answer"].as_str().unwrap()), (2, long.trim()), "whole texts");
    let csv = editor.page("/bien-tap/xuat?dang=csv", None).await.text;
    assert!(csv.contains("\"'=1+1 bằng mấy?\",\"Bằng \"\"2\"\".\""), "{csv}");
    let again = import(&editor, &lines).await;
    assert!(again.contains("2 câu không đổi"), "{again}");
    let refused = editor.page("/bien-tap/nhap", Some(format!("lines={}", encoded("{\"id\":1}")))).await;
    assert_eq!(refused.status.as_u16(), 400);
    assert!(refused.text.contains("Dòng 1 không nhận: <span>Dòng không đúng dạng"), "{}", refused.text);
    let stranger = platform.rest().with_token(&platform.token("officer", None).await);
    assert_eq!(stranger.page("/bien-tap/xuat", None).await.status.as_u16(), 403);
    let browser = Browser::start(&platform.endpoints.http).await;
    browser.sign_in(&platform.token("editor", None).await).await;
    for language in ["vi", "en"] {
        browser.width(320).await;
        browser.go(&format!("/bien-tap/nhap?lang={language}")).await;
        assert_eq!(browser.run("return document.documentElement.scrollWidth").await, json!(320));
        assert_eq!(browser.axe().await, Vec::<String>::new(), "{language}");
    }
    browser.stop().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_platform_exports_an_empty_one_imports() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let editor = as_editor(&platform).await;
    let file = |lines: &[Value]| lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let upload = async |editor: &Rest, text: &str| {
        editor.upload("/bien-tap/nhap", "answers", "kho.jsonl", text.as_bytes()).await
    };
    // More than one call takes, and an answer of the platform's own.
    let many: Vec<Value> = (0..104)
        .map(|n| line(&format!("cau-{n}"), &format!("Câu hỏi số {n} là gì?"), &format!("Đáp số {n}.")))
        .collect();
    let reply = upload(&editor, &file(&many)).await;
    assert!(reply.status.is_success() && reply.text.contains("Đã lưu 104 câu"), "{reply:?}");
    let (ticket_id, code) = platform.rest().ask(FEE).await;
    platform.rest_as("officer", None).await.approve(&ticket_id, Some("Không thu phí.")).await;
    platform.rest().followed(&code, "TICKET_STATE_ANSWERED").await;
    platform.settle().await;

    let exported = editor.page("/bien-tap/xuat?dang=jsonl", None).await.text;
    let mut lines: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 105);
    let reply = upload(&editor, &exported).await;
    assert!(reply.text.contains("105 câu không đổi"), "{reply:?}");
    // Its own answers are corrected, not written over; what is wrong is told by line.
    let own = lines.iter().position(|line| line["id"] == format!("ticket:{ticket_id}")).unwrap();
    lines[own]["answer"] = json!("Khác hẳn.");
    let reply = upload(&editor, &format!("{{\n{}", file(&lines))).await;
    for said in [
        "104 câu không đổi".to_owned(),
        "Dòng 1 không nhận: <span>Dòng không đúng dạng".to_owned(),
        format!("Dòng {} không nhận: <span lang=\"vi\">câu trả lời của hệ thống", own + 2),
    ] {
        assert!(reply.text.contains(&said), "{said}: {reply:?}");
    }
    let reply = editor.upload("/bien-tap/nhap", "answers", "kho.jsonl", b"\xff").await;
    assert_eq!(reply.status.as_u16(), 400, "{reply:?}");
    platform.stop().await;

    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let editor = as_editor(&platform).await;
    for said in ["Đã lưu 105 câu", "105 câu không đổi"] {
        let reply = upload(&editor, &exported).await;
        assert!(reply.status.is_success() && reply.text.contains(said), "{said}: {reply:?}");
    }
    let again = editor.page("/bien-tap/xuat?dang=jsonl", None).await.text;
    assert_eq!(again.lines().count(), 105);
    assert!(again.contains(&format!("imported:{ticket_id}")) && !again.contains("ticket:"), "{again}");
    platform.stop().await;
}
