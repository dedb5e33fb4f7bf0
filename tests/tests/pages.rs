//! Every page, in every state that looks different: in both languages, light and dark, on a phone, on a desk and at twice
//! the size. axe-core finds nothing serious, nothing scrolls sideways or is lost, and pictures are left to be looked at.

use e2e::{
    browser::Browser,
    mail::MailServer,
    platform::{Platform, data_dir},
    rest::{Rest, question},
    until,
};
use serde_json::{Value, json};
use uuid::Uuid;

const STRANGE: &str = "Vì sao con mèo nhà bên cứ sủa vào lúc nửa đêm trăng tròn?";
const LAW: &str = "vu-phap-che";
const LAW_FIELD: &str = "chinh-sach-phap-luat";
const DIGEST_FIELD: &str = "y-te-cong-dong";
const REPORT_FIELD: &str = "nen-tang-cong-nghe-ha-tang";
const READER: &str = "doc.gia@thu.example";
/// Whose answers two persons approve.
const CAREFUL_FIELD: &str = "chuong-trinh-ke-hoach";
const REPLIES: &str = r#"
[co_answer]
units_max = 3
[[policy]]
code = "chung"
contact = true
source = "thử nghiệm"
[[policy]]
code = "hai-nguoi"
field = "chuong-trinh-ke-hoach"
two_persons = true
source = "thử nghiệm"
"#;

/// What is done on a page before it is looked at.
enum Step {
    Fill(&'static str, String),
    Click(&'static str),
    Wait(&'static str),
}

use Step::{Click, Fill, Wait};

struct State {
    name: &'static str,
    path: String,
    steps: Vec<Step>,
}

fn at(name: &'static str, path: impl Into<String>) -> State {
    State { name, path: path.into(), steps: Vec::new() }
}

fn after(name: &'static str, path: impl Into<String>, steps: Vec<Step>) -> State {
    State { steps, ..at(name, path) }
}

fn stored() -> Value {
    let corpus = include_str!("../../deploy/sample/answered.jsonl");
    serde_json::from_str(corpus.lines().next().unwrap()).unwrap()
}

/// Asks in a field; returns (ticket id, tracking code), once it is drafted.
async fn ask(platform: &Platform, field: &str, text: &str) -> (String, String) {
    let mut body = question(text);
    body["field"] = json!(field);
    submit(platform, &body).await
}

async fn submit(platform: &Platform, body: &Value) -> (String, String) {
    let asked = platform.rest().post("/api/v1/questions", body).await.ok();
    let get = |key: &str| asked[key].as_str().unwrap().to_owned();
    platform.rest_as("officer", None).await.drafted(&get("ticketId")).await;
    (get("ticketId"), get("trackingCode"))
}

async fn answered(platform: &Platform, field: &str, text: &str, score: Option<u32>) -> String {
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    let (ticket_id, code) = ask(platform, field, text).await;
    officer.approve(&ticket_id, Some("Căn cứ Luật Tiếp cận thông tin, trong 10 ngày làm việc.")).await;
    asker.followed(&code, "TICKET_STATE_ANSWERED").await;
    if let Some(score) = score {
        let rating = json!({"score": score, "comment": "Chưa đúng ý tôi"});
        asker.post(&format!("/api/v1/questions/{code}/rating"), &rating).await.ok();
    }
    code
}

/// What there is to be seen by whoever is nobody.
async fn of_askers(platform: &Platform, mail: &MailServer) -> Vec<State> {
    let asker = platform.rest();
    let question = stored()["question"].as_str().unwrap().to_owned();
    let (_, waits) = ask(platform, LAW_FIELD, &format!("Xin hỏi: {question}")).await;
    let done = answered(platform, LAW_FIELD, "Ai ký văn bản hợp nhất?", None).await;
    let again = answered(platform, LAW_FIELD, "Văn bản hợp nhất đăng ở đâu?", Some(1)).await;
    let closed = answered(platform, LAW_FIELD, "Công báo điện tử có giá trị gì?", Some(5)).await;
    let (_, withdrawn) = ask(platform, LAW_FIELD, "Tôi gửi nhầm thì rút ra sao?").await;
    let body = json!({"requestId": Uuid::now_v7()});
    asker.post(&format!("/api/v1/questions/{withdrawn}/withdraw"), &body).await.ok();
    asker.post("/api/v1/subscriptions", &json!({"field": LAW_FIELD, "email": READER})).await.ok();
    let link = until("the link", || async {
        let sent = mail.taken().into_iter().find(|mail| mail.to == [READER])?.text();
        sent.split_whitespace().find(|word| word.contains("/nhan-tin/xac-nhan/")).map(str::to_owned)
    })
    .await;
    let link = link.trim_start_matches("https://hoi.example").to_owned();
    let near = vec![
        Click("input[value=KIND_REPORT]"),
        Fill("#text", "Mặt đường bị sụt một hố lớn".into()),
        Fill("#coordinates", "21.0287, 105.8542".into()),
        Fill("#name", "Người Thử Nghiệm".into()),
        Click("#field option[value=nen-tang-cong-nghe-ha-tang]"),
        Click("#send"),
        Wait("#near"),
    ];
    let suggested = vec![Fill("#text", question.clone()), Wait("#suggestions summary")];
    let refused =
        vec![Fill("#text", "   ".into()), Fill("#name", "An".into()), Click("#send"), Wait("[role=alert]")];
    let follow = |page: &str| format!("/theo-doi/{waits}{page}");
    vec![
        at("hoi", "/"),
        after("hoi-goi-y", "/", suggested),
        after("hoi-bi-tu-choi", "/", refused),
        after("hoi-phan-anh-gan", "/", near),
        at("thu-vien", "/thu-vien"),
        at("thu-vien-mot", "/thu-vien/mau-001"),
        at("thu-vien-da-thu-hoi", "/thu-vien/mau-002"),
        at("tra-cuu", "/tra-cuu?q=một cửa"),
        at("hoi-nhieu", "/hoi-nhieu"),
        at("moi", "/moi"),
        at("danh-muc", "/danh-muc"),
        at("danh-muc-mot", "/danh-muc/nd-61"),
        at("theo-doi", "/theo-doi"),
        at("theo-doi-moi-gui", follow("?new=1")),
        at("theo-doi-cho", follow("")),
        at("theo-doi-sua", follow("/sua")),
        at("theo-doi-rut", follow("/rut")),
        at("theo-doi-da-tra-loi", format!("/theo-doi/{done}")),
        at("theo-doi-hoi-lai", format!("/theo-doi/{again}")),
        at("theo-doi-da-dong", format!("/theo-doi/{closed}")),
        at("theo-doi-da-rut", format!("/theo-doi/{withdrawn}")),
        at("nhan-tin", link),
        at("dang-nhap", "/dang-nhap"),
        at("dang-nhap-het-phien", "/dang-nhap?het=1"),
        at("khong-co", "/x"),
    ]
}

async fn version(officer: &Rest, ticket_id: &str) -> Value {
    officer.drafted(ticket_id).await["draft"]["version"].clone()
}

async fn of_officers(platform: &Platform) -> Vec<State> {
    let officer = platform.rest_of("an", LAW).await;
    let any = platform.rest_as("officer", None).await;
    let (ticket_id, _) = ask(platform, LAW_FIELD, &format!("Cho hỏi: {}", stored()["question"])).await;
    let saved = json!({"title": "Lời chào", "text": "Thưa ông/bà,"});
    officer.post(&format!("/api/v1/saved-replies/{}", Uuid::now_v7()), &saved).await.ok();
    let part = json!({"unit": "vu-ke-hoach", "request": "Kinh phí năm nay?", "version": version(&officer, &ticket_id).await});
    officer.post(&format!("/api/v1/tickets/{ticket_id}/co-answers"), &part).await.ok();
    let (careful, _) = ask(platform, CAREFUL_FIELD, "Kế hoạch năm tới có gì mới?").await;
    let text = json!({"text": "Xem kế hoạch.", "version": version(&any, &careful).await});
    any.post(&format!("/api/v1/tickets/{careful}/submit"), &text).await.ok();
    ask(platform, DIGEST_FIELD, "Con tôi tiêm nhắc lại khi nào?").await;
    let operator = platform.rest_as("operator", None).await;
    let gathered = operator.post("/api/v1/digests", &json!({"code": DIGEST_FIELD})).await.ok();
    let digest = gathered["digest"]["digestId"].as_str().unwrap().to_owned();
    let mut report = question("Ổ gà sâu trước cổng");
    report["kind"] = json!("KIND_REPORT");
    report["field"] = json!(REPORT_FIELD);
    report["place"] = json!({"latitude": 21.0285, "longitude": 105.8542});
    let (report, _) = submit(platform, &report).await;
    let ticket = format!("/can-bo/phieu/{ticket_id}");
    let refused = vec![Click("#reply > button.second, #reply button[formaction$=kiem-tra]"), Wait("#reply")];
    vec![
        at("can-bo", "/can-bo"),
        at("can-bo-phieu", ticket.clone()),
        after("can-bo-phieu-kiem-tra", ticket, refused),
        at("can-bo-phieu-hai-nguoi", format!("/can-bo/phieu/{careful}")),
        at("can-bo-phieu-phan-anh", format!("/can-bo/phieu/{report}")),
        at("can-bo-mau", "/can-bo/mau"),
        at("can-bo-tong-hop", "/can-bo/tong-hop"),
        at("can-bo-tong-hop-mot", format!("/can-bo/tong-hop/{digest}")),
        at("can-bo-phoi-hop", format!("/can-bo/phoi-hop/{ticket_id}")),
        at("bao-cao", "/bao-cao"),
        at("phan-anh", format!("/phan-anh/{report}")),
    ]
}

async fn of_dispatchers(platform: &Platform) -> Vec<State> {
    let (ticket_id, _) = submit(platform, &question(STRANGE)).await;
    vec![at("dieu-phoi", "/can-bo"), at("dieu-phoi-phieu", format!("/can-bo/phieu/{ticket_id}"))]
}

/// Two answers to one question that contradict each other, a withdrawn one, a law in the catalogue.
async fn of_editors(platform: &Platform) -> Vec<State> {
    let (editor, officer) = (platform.rest_as("editor", None).await, platform.rest_as("officer", None).await);
    let law = json!({"items": [{"id": "nd-61", "kind": "CATALOGUE_KIND_LAW", "number": "61/2018/NĐ-CP",
        "title": "Cơ chế một cửa", "validFrom": "2018-06-21T00:00:00Z"}]});
    editor.post("/api/v1/catalogue", &law).await.ok();
    let passage = editor.get("/api/v1/answers/mau-002").await.ok();
    let withdraw = json!({"version": passage["passage"]["version"], "reason": "Sai căn cứ"});
    editor.post("/api/v1/answers/mau-002/withdraw", &withdraw).await.ok();
    for answer in ["Không thu phí.", "Thu 20.000 đồng."] {
        let (ticket_id, _) = ask(platform, LAW_FIELD, "Sao lục văn bản mất phí bao nhiêu?").await;
        officer.approve(&ticket_id, Some(answer)).await;
        platform.settle().await;
    }
    until("a contradiction", || async {
        let listed = editor.get("/api/v1/contradictions").await.ok();
        (!listed["contradictions"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;
    let passage = "/bien-tap/tra-loi/mau-001";
    let preview = vec![
        Click("details:has(#correct) > summary"),
        Fill("#correct #text", " Nói thêm.".into()),
        Fill("#correct #why1", "Cho rõ hơn".into()),
        Click("#correct button[formaction$=xem-truoc]"),
        Wait("#confirm"),
    ];
    vec![
        at("bien-tap", "/bien-tap"),
        at("bien-tap-kho", "/bien-tap/kho"),
        at("bien-tap-mot", passage),
        after("bien-tap-xem-truoc", passage, preview),
        at("bien-tap-nhap", "/bien-tap/nhap"),
    ]
}

fn of_operators() -> Vec<State> {
    vec![
        at("tong-quan", "/tong-quan"),
        at("tong-quan-tuong", "/tong-quan/tuong"),
        at("tong-quan-danh-sach", "/tong-quan/danh-sach?gi=den"),
        at("tu-dong", "/tu-dong"),
    ]
}

async fn come_to(browser: &Browser, state: &State) {
    browser.go(&state.path).await;
    for step in &state.steps {
        match step {
            Fill(css, text) => browser.fill(css, text).await,
            Click(css) => browser.click(css).await,
            Wait(css) => {
                browser.text(css).await;
            }
        }
    }
}

/// Language, width and colours; 640 is 1280 at 200 %.
const LOOKS: [(&str, u32, bool); 4] =
    [("vi", 320, false), ("en", 320, true), ("vi", 1280, true), ("en", 1280, false)];

async fn look_at(browser: &Browser, states: &[State]) {
    for (language, width, dark) in LOOKS {
        browser.width(width).await;
        browser.dark(dark).await;
        browser.go(&format!("/theo-doi?lang={language}")).await;
        for state in states {
            let name = state.name;
            come_to(browser, state).await;
            let page = "return [document.documentElement.lang, document.documentElement.scrollWidth]";
            assert_eq!(browser.run(page).await, json!([language, width]), "{name}");
            assert_eq!(browser.look(name).await, Vec::<String>::new(), "{name} in {language} at {width}");
        }
    }
    browser.dark(false).await;
    for state in states {
        let seen = "return [...document.querySelectorAll('main *')].filter((e) =>
            !e.closest('.keys, thead, td:empty') && e.checkVisibility()).length";
        browser.width(1280).await;
        come_to(browser, state).await;
        let wide = browser.run(seen).await;
        browser.width(640).await;
        come_to(browser, state).await;
        let sideways = "const page = document.documentElement; return page.scrollWidth - page.clientWidth";
        assert_eq!(browser.run(sideways).await, json!(0), "{} scrolls sideways", state.name);
        // A table becomes cards, whose labels stand in for its head.
        assert_eq!(browser.run(seen).await, wide, "{} loses something", state.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_fits_and_speaks_both_languages() {
    let (dir, mail) = (data_dir(), MailServer::start());
    let replies = dir.path().join("quy-tac.toml");
    std::fs::write(&replies, REPLIES).unwrap();
    let digests = e2e::root().join("deploy/sample/digests.toml");
    let mut environment = mail.environment();
    environment.push(("MOTCUA__ANSWERING__REPLIES".into(), replies.display().to_string()));
    environment.push(("MOTCUA__ANSWERING__DIGESTS".into(), digests.display().to_string()));
    let environment: Vec<(&str, &str)> = environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let platform = Platform::up(dir.path(), &["--sample"], &environment).await;
    platform.settle().await;
    let editors = of_editors(&platform).await;
    let officers = of_officers(&platform).await;
    let dispatchers = of_dispatchers(&platform).await;
    let askers = of_askers(&platform, &mail).await;
    let browser = Browser::start(&platform.endpoints.http).await;
    look_at(&browser, &askers).await;
    for (role, states) in [
        ("officer", officers),
        ("dispatcher", dispatchers),
        ("editor", editors),
        ("operator", of_operators()),
    ] {
        browser.width(1280).await;
        browser.sign_in(&platform.token(role, None).await).await;
        look_at(&browser, &states).await;
    }
    browser.stop().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_when_the_session_ends_is_kept() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let officer = platform.rest_of("an", LAW).await;
    let saved = json!({"title": "Lời chào", "text": "Thưa ông/bà,"});
    officer.post(&format!("/api/v1/saved-replies/{}", Uuid::now_v7()), &saved).await.ok();
    let (ticket_id, _) = ask(&platform, LAW_FIELD, "Nghị định nào về công báo?").await;
    let browser = Browser::start(&platform.endpoints.http).await;
    for language in ["vi", "en"] {
        browser.width(320).await;
        browser.sign_in(&platform.token("officer", Some(LAW)).await).await;
        browser.go(&format!("/can-bo/phieu/{ticket_id}?lang={language}")).await;
        browser.fill("#text", "Trả lời viết dở, chưa kịp gửi.").await;
        let session = browser.cookie("motcua_session").await.expect("a session");
        platform.rest().with_token(&session).page("/dang-xuat", Some(String::new())).await;
        // Nothing of the sign-in's page gets into the text.
        browser.click("#insert").await;
        browser.text("#kept button").await;
        let kept = "return [...document.querySelectorAll('#kept textarea')].map((area) => area.value)";
        assert_eq!(browser.run(kept).await, json!(["Trả lời viết dở, chưa kịp gửi."]));
        assert_eq!(browser.look("giu-lai").await, Vec::<String>::new());
    }
    browser.stop().await;
    platform.stop().await;
}
