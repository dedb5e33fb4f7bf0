//! The leader's pages in a real browser: figures that move by themselves, lists as long as their figures say, sheets, the
//! wall, and automatic sending with its switch.

use std::path::Path;

use e2e::{
    browser::Browser,
    platform::{Platform, data_dir},
    rest::{Rest, question},
    until,
};
use serde_json::{Value, json};

const TEXTS: [&str; 3] = [
    "Vì sao con mèo nhà bên cứ sủa vào lúc nửa đêm trăng tròn?",
    "Thời hạn cấp lại thẻ căn cước bị mất là bao nhiêu ngày làm việc?",
    "Mức thu lệ phí trước bạ đối với xe máy điện là bao nhiêu?",
];

/// A report at this place; returns its id.
async fn report(asker: &Rest, latitude: f64, longitude: f64) -> String {
    let mut body = question(&format!("Cột đèn số {longitude} bị hỏng, tối om cả ngõ"));
    body["kind"] = "KIND_REPORT".into();
    body["place"] = json!({"latitude": latitude, "longitude": longitude});
    let asked = asker.post("/api/v1/questions", &body).await.ok();
    asked["ticketId"].as_str().unwrap().to_owned()
}

/// One question answered and rated high, one answered and rated low, one that waits; and two reports near each other.
async fn some_figures(platform: &Platform) {
    let (asker, officer) = (platform.rest(), platform.rest_as("officer", None).await);
    for (text, score) in TEXTS.iter().zip([Some(5), Some(2), None]) {
        let (ticket_id, code) = asker.ask(text).await;
        officer.drafted(&ticket_id).await;
        if let Some(score) = score {
            officer.approve(&ticket_id, Some("Trả lời.")).await;
            asker.followed(&code, "TICKET_STATE_ANSWERED").await;
            asker.post(&format!("/api/v1/questions/{code}/rating"), &json!({"score": score})).await.ok();
        }
    }
    for longitude in [105.8542, 105.8544] {
        let ticket_id = report(&asker, 21.0285, longitude).await;
        officer.drafted(&ticket_id).await;
    }
    platform.settle().await;
}

/// The whole number that an element shows.
async fn figure(browser: &Browser, css: &str) -> u64 {
    browser.text(css).await.split_whitespace().next().unwrap_or_default().parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_leads_to_as_many_rows_as_it_says() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    some_figures(&platform).await;
    let analyst = platform.rest_as("analyst", None).await;
    platform.rest().get("/api/v1/overview").await.refused(401, "TOKEN_MISSING");
    analyst.get("/api/v1/overview?days=32").await.refused(400, "DAYS_OUT_OF_RANGE");
    analyst.get("/api/v1/overview/tickets").await.refused(400, "TICKETS_OF_UNKNOWN");
    analyst.get("/api/v1/overview/tickets?of=TICKETS_OF_REPORTS&south=1").await.refused(400, "BOX_NOT_VALID");

    let overview = analyst.get("/api/v1/overview?days=1").await.ok();
    let standing = &overview["standing"];
    let counts = ["onTime", "open", "overdue"].map(|key| standing[key].as_u64().unwrap());
    assert_eq!((&overview["asked"], counts), (&json!(5), [2, 3, 0]), "{overview}");
    assert_eq!(
        (&overview["ratings"]["satisfied"], &overview["reports"]),
        (&json!(1), &json!(2)),
        "{overview}"
    );
    let arrived: u64 =
        overview["arrivals"].as_array().unwrap().iter().map(|point| point["asked"].as_u64().unwrap()).sum();
    assert_eq!(arrived, 5, "{overview}");
    // A page of a list goes on where the one before ended.
    let page = |token: &str| {
        format!("/api/v1/overview/tickets?of=TICKETS_OF_ASKED&days=1&limit=3&pageToken={token}")
    };
    let first = analyst.get(&page("")).await.ok();
    let second = analyst.get(&page(first["nextPageToken"].as_str().unwrap())).await.ok();
    let ids = |page: &Value| {
        page["tickets"].as_array().unwrap().iter().map(|t| t["ticketId"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((ids(&first).len(), ids(&second).len(), &second["total"]), (3, 2, &json!(5)), "{second}");
    assert!(ids(&second).iter().all(|id| !ids(&first).contains(id)));

    // What every link of the page says, its list has. Without JavaScript: tables are opened by hand.
    let browser = Browser::start(&platform.endpoints.http).await;
    browser.sign_in(&platform.token("officer", None).await).await;
    browser.without_javascript().await;
    browser.go("/tong-quan?ky=1").await;
    let reader = platform.browser_as("analyst").await;
    let page = text(&reader, "/tong-quan?ky=1").await;
    let links = links(&page);
    assert!(links.len() > 20, "{links:?}");
    let mut counted = 0;
    for (href, shown) in links {
        counted += u64::from(leads_to_as_many(&reader, &href, &shown).await);
    }
    assert!(counted > 15, "{counted}");
    // The map's figures are among them, and the reports' lead there too.
    assert!(page.contains("gi=hien-truong-cho&") && page.contains("gi=hien-truong-qua-han&"), "{page}");
    reports_lead_there(&reader).await;
    browser.click(".figure a[data-of=den]").await;
    assert_eq!(figure(&browser, "#total").await, 5);
    browser.click("#counted tbody a").await;
    assert!(browser.path().await.starts_with("/can-bo/phieu/"));

    sheets_are_there(&reader).await;
    browser.stop().await;
    platform.stop().await;
}

async fn reports_lead_there(reader: &Rest) {
    for (days, least) in [(7, 7), (90, 2)] {
        let page = text(reader, &format!("/bao-cao?days={days}")).await;
        let mut counted = 0;
        for (href, shown) in links(&page) {
            counted += u64::from(leads_to_as_many(reader, &href, &shown).await);
        }
        assert!(counted >= least, "{counted} of {days} days: {page}");
    }
}

/// With the mark of UTF-8.
async fn sheets_are_there(reader: &Rest) {
    for (path, lines) in [
        ("/tong-quan/danh-sach/csv?gi=hien-truong&ky=1", 3),
        ("/tong-quan/csv?bang=ban-do&ky=1", 2),
        ("/tong-quan/csv?bang=ket-qua&ky=1", 6),
    ] {
        let sheet = text(reader, path).await;
        assert!(sheet.starts_with('\u{feff}'), "{sheet}");
        assert_eq!(sheet.lines().count(), lines, "{path}: {sheet}");
    }
    for table in ["nong", "han", "hai-long"] {
        let sheet = text(reader, &format!("/bao-cao/csv?bang={table}&days=7")).await;
        assert!(sheet.starts_with('\u{feff}') && sheet.lines().count() > 1, "{sheet}");
    }
    assert_eq!(reader.get("/bao-cao/csv?bang=x").await.status.as_u16(), 400);
}

async fn text(reader: &Rest, path: &str) -> String {
    let reply = reader.get(path).await;
    assert!(reply.status.is_success(), "{path}: {reply:?}");
    reply.text
}

/// Whether the link shows a count; then its list has so many rows. A share leads to what it is of.
async fn leads_to_as_many(reader: &Rest, href: &str, shown: &str) -> bool {
    let list = text(reader, href).await;
    let total = list.split("data-total=\"").nth(1).unwrap().split('"').next().unwrap();
    let Ok(shown) = shown.parse::<u64>() else { return false };
    let rows = list.matches("<td data-label=\"Mã phiếu\">").count() as u64;
    assert_eq!((total.parse::<u64>().unwrap(), rows), (shown, shown), "{href}");
    true
}

/// Each link to a list, with what it shows.
fn links(page: &str) -> Vec<(String, String)> {
    let parts = page.split("<a href=\"/tong-quan/danh-sach?").skip(1);
    let link = |part: &str| {
        let (href, rest) = part.split_once('"').unwrap();
        let shown = rest.split_once('>').unwrap().1.split('<').next().unwrap();
        (
            format!("/tong-quan/danh-sach?{}", href.replace("&amp;", "&").replace("&#38;", "&")),
            shown.to_owned(),
        )
    };
    parts.map(link).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_move_by_themselves_and_the_wall_says_when_they_do_not() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    some_figures(&platform).await;
    let token = platform.token("analyst", None).await;
    let (page, wall) =
        (Browser::start(&platform.endpoints.http).await, Browser::start(&platform.endpoints.http).await);
    for browser in [&page, &wall] {
        browser.sign_in(&token).await;
    }
    page.go("/tong-quan?ky=1").await;
    wall.go("/tong-quan/tuong?ky=1").await;
    assert_eq!(figure(&page, ".figure a[data-of=den]").await, 5);
    // A table that was opened stays open when its figures move.
    page.click("[data-live=den] summary").await;
    platform.rest().ask("Hộ kinh doanh nộp thuế khoán vào ngày nào trong quý?").await;
    until("the page to move", || async {
        (figure(&page, ".figure a[data-of=den]").await == 6).then_some(())
    })
    .await;
    assert!(page.is_there("[data-live=den] details[open]").await);
    until("the wall to move", || async {
        (wall.text(".wall-head:first-child .wall-figure").await == "6").then_some(())
    })
    .await;
    assert_eq!(wall.run("return document.querySelector('#broken').hidden").await, true);
    let site = platform.endpoints.http.clone();
    // A stream does not hold the process back.
    platform.stop().await;
    until("the wall to say so", || async {
        (wall.run("return document.querySelector('#broken').hidden").await == false).then_some(())
    })
    .await;
    assert!(wall.text("#broken").await.contains("Mất kết nối"), "{site}");
    page.stop().await;
    wall.stop().await;
}

/// Sets the platform's clock so many days ahead of the machine's.
fn jump(clock: &Path, days: i64) {
    let next = clock.with_extension("next");
    std::fs::write(&next, (days * 24 * 60 * 60).to_string()).unwrap();
    std::fs::rename(&next, clock).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_stays_up_for_days_and_opens_nothing_else() {
    let dir = data_dir();
    let clock = dir.path().join("clock");
    jump(&clock, 0);
    let environment = [("MOTCUA_CLOCK_AHEAD", clock.to_str().unwrap())];
    let platform = Platform::up(dir.path(), &["--sample"], &environment).await;
    let wall = Browser::start(&platform.endpoints.http).await;
    wall.sign_in(&platform.token("officer", None).await).await;
    wall.go("/tong-quan?ky=1").await;
    wall.click("#screen button").await;
    wall.text(".wall-close").await;
    assert_eq!(wall.path().await, "/tong-quan/tuong?ky=1&don-vi=&linh-vuc=");
    let cookie = wall.cookie("motcua_wall").await.expect("a screen's cookie");

    // Three weeks without a hand: the officer's session is long over, and the figures still move.
    jump(&clock, 21);
    let (ticket_id, _) = platform.rest().ask(TEXTS[0]).await;
    until("the wall to move", || async {
        (wall.text(".wall-head:first-child .wall-figure").await == "1").then_some(())
    })
    .await;
    assert_eq!(wall.run("return document.querySelector('#broken').hidden").await, true);
    wall.go("/tong-quan/tuong").await;
    assert_eq!(wall.text(".wall-head:first-child .wall-figure").await, "1", "also loaded again");
    for path in ["/tong-quan", "/bao-cao", "/can-bo"] {
        wall.go(path).await;
        assert!(wall.path().await.starts_with("/dang-nhap"), "{path}");
    }
    let as_session = platform.rest().with_token(&cookie);
    assert!(as_session.page("/can-bo", None).await.text.contains("by-account"));
    as_session.get("/api/v1/overview").await.refused(401, "TOKEN_INVALID");
    as_session.get(&format!("/api/v1/tickets/{ticket_id}")).await.refused(401, "TOKEN_INVALID");

    // It is never renewed: after its days it leads to the sign-in by itself.
    wall.go("/tong-quan/tuong").await;
    wall.text(".wall-close").await;
    jump(&clock, 31);
    until("the wall to end", || async { wall.path().await.starts_with("/dang-nhap").then_some(()) }).await;
    wall.stop().await;
    platform.stop().await;
}

/// What charts say in letters under 11 pixels, or beyond their edge.
const SMALL_OR_CUT: &str = "return [...document.querySelectorAll('svg.chart')].flatMap((svg) => {
    const all = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter((text) => {
        const own = text.getBoundingClientRect();
        const size = parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a;
        return size < 11 || own.left < all.left - 1 || own.right > all.right + 1;
    }).map((text) => text.textContent);
})";

#[tokio::test(flavor = "multi_thread")]
async fn the_leaders_pages_are_accessible_and_fit_a_phone() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    some_figures(&platform).await;
    let browser = Browser::start(&platform.endpoints.http).await;
    browser.sign_in(&platform.token("operator", None).await).await;
    for language in ["vi", "en"] {
        browser.go(&format!("/theo-doi?lang={language}")).await;
        for path in [
            "/tong-quan?ky=1",
            "/tong-quan?ky=30",
            "/tong-quan/tuong?ky=1",
            "/tong-quan/danh-sach?gi=hien-truong&ky=1",
            "/tu-dong",
        ] {
            browser.width(320).await;
            browser.dark(language == "en").await;
            browser.go(path).await;
            let page = "return [document.documentElement.lang, document.documentElement.scrollWidth]";
            assert_eq!(browser.run(page).await, json!([language, 320]), "{path}");
            assert_eq!(browser.run(SMALL_OR_CUT).await, json!([]), "{path} in {language}");
            browser.run("for (const d of document.querySelectorAll('details')) d.open = true").await;
            assert_eq!(browser.run(page).await, json!([language, 320]), "{path} with its tables");
            assert_eq!(browser.axe().await, Vec::<String>::new(), "{path} in {language}");
            browser.width(1280).await;
            assert_eq!(browser.run(SMALL_OR_CUT).await, json!([]), "{path} in {language}, wide");
            if path.contains("tuong") {
                let high = browser.run("return document.documentElement.scrollHeight").await;
                assert_eq!(high, 800, "the wall fills its screen and needs no more");
            }
            assert_eq!(browser.axe().await, Vec::<String>::new(), "{path} in {language}, wide");
        }
    }
    browser.stop().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn automatic_sending_is_set_and_stopped_by_hand() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    let operator = platform.rest_as("operator", None).await;
    let (unit, field) = ("vu-phap-che", "chinh-sach-phap-luat");
    let test = |correct: u32| json!({"unit": unit, "field": field, "drafted": 400, "correct": correct, "calibration": "0".repeat(64)});
    operator.post("/api/v1/automation/back-tests", &test(300)).await.ok();
    let browser = Browser::start(&platform.endpoints.http).await;
    browser.sign_in(&platform.token("editor", None).await).await;
    browser.without_javascript().await;
    let choose = async |mode: &str, sure: bool| {
        browser.go("/tu-dong").await;
        browser.click("article summary").await;
        browser.click(&format!("input[name=che-do][value={mode}]")).await;
        if sure {
            browser.click("article input[name=chac]").await;
        }
        browser.click("article button").await;
    };
    choose("bat", false).await;
    browser.shows("[role=alert]", "xác nhận").await;
    choose("bat", true).await;
    browser.text("[role=alert]").await;
    assert!(browser.is_there("[data-mode=tat]").await, "what proves too little does not switch it on");
    choose("thu", false).await;
    browser.shows("[data-mode=thu]", "Chạy thử").await;

    // Somebody else was quicker.
    browser.go("/tu-dong").await;
    browser.click("article summary").await;
    let body = json!({"unit": unit, "field": field, "mode": "AUTOMATION_MODE_OFF"});
    operator.post("/api/v1/automation", &body).await.ok();
    browser.click("input[name=che-do][value=thu]").await;
    browser.click("article button").await;
    browser.text("[role=alert]").await;
    assert!(browser.is_there("[data-mode=tat]").await);

    browser.fill("#reason", "Nghi có sai sót").await;
    browser.click(".stop input[name=chac]").await;
    browser.click(".stop button").await;
    browser.shows("#stopped", "Nghi có sai sót").await;
    assert!(!browser.is_there(".stop").await, "an editor does not let it go on");
    assert_eq!(operator.get("/api/v1/automation").await.ok()["stopped"], true);

    // Nor by a form of another site, nor by whoever has no such role.
    let body = || Some("lam=dung&chac=1&reason=x".to_owned());
    let analyst = platform.rest_as("analyst", None).await;
    assert_eq!(analyst.page("/tu-dong/dung", body()).await.status.as_u16(), 403);
    assert!(analyst.page("/tu-dong", None).await.status.is_success());
    browser.stop().await;
    platform.stop().await;
}
