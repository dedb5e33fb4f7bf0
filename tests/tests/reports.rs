//! Reports from the field, from outside: photos and what is kept of them, the place, who sees what, what is
//! near, Open311, and a death in the middle of an upload.

use e2e::{
    browser::Browser,
    bucket::Bucket,
    platform::{Platform, data_dir},
    rest::{Rest, client, question},
    until,
};
use futures::StreamExt as _;
use image::{ImageEncoder as _, Rgb, RgbImage, codecs::jpeg::JpegEncoder};
use reqwest::{
    Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue},
};
use serde_json::{Value, json};

const FIELD: &str = "nen-tang-cong-nghe-ha-tang";
const UNIT: &str = "cuc-chuyen-doi-so";
const JPEG: HeaderValue = HeaderValue::from_static("image/jpeg");
/// What a camera noted, and how a place was described: neither may be seen by others.
const NOTED: &str = "CANARY-GPS-21.02851-105.85423";
const ADDRESS: &str = "Trước nhà bà Chim Hoàng Yến";

/// A small photo with EXIF.
fn photo() -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0".to_vec();
    let length = u32::try_from(NOTED.len()).unwrap();
    for part in
        [&0x010Eu16.to_le_bytes()[..], &2u16.to_le_bytes(), &length.to_le_bytes(), &26u32.to_le_bytes()]
    {
        exif.extend_from_slice(part);
    }
    exif.extend_from_slice(&[0; 4]);
    exif.extend_from_slice(NOTED.as_bytes());
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.encode_image(&RgbImage::from_pixel(400, 300, Rgb([200, 30, 30]))).unwrap();
    assert!(holds(&bytes, NOTED));
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

async fn upload(platform: &Platform, bytes: Vec<u8>) -> Response {
    let url = format!("{}/api/v1/photos", platform.endpoints.http);
    client().post(url).body(bytes).send().await.unwrap()
}

async fn uploaded(platform: &Platform) -> String {
    let response = upload(platform, photo()).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let taken: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!((&taken["width"], &taken["height"]), (&json!(400), &json!(300)));
    taken["photoId"].as_str().unwrap().to_owned()
}

fn report(text: &str, latitude: f64, photos: &[String]) -> Value {
    let mut body = question(text);
    body["kind"] = json!("KIND_REPORT");
    body["field"] = json!(FIELD);
    body["place"] = json!({"latitude": latitude, "longitude": 105.854_231});
    body["address"] = json!(ADDRESS);
    body["photoIds"] = json!(photos);
    body
}

/// Submits; returns (ticket id, tracking code).
async fn submit(rest: &Rest, body: &Value) -> (String, String) {
    let ticket = rest.post("/api/v1/questions", body).await.ok();
    let text = |key: &str| ticket[key].as_str().unwrap().to_owned();
    (text("ticketId"), text("trackingCode"))
}

async fn get(platform: &Platform, path: &str, token: Option<&str>) -> Response {
    let mut request = client().get(format!("{}{path}", platform.endpoints.http));
    if let Some(token) = token {
        request = request.header("cookie", format!("motcua_session={token}"));
    }
    request.send().await.unwrap()
}

async fn events(platform: &Platform) -> String {
    let mut stream = platform.nats().await.get_stream("EVENTS").await.unwrap();
    let count = usize::try_from(stream.info().await.unwrap().state.messages).unwrap();
    let consumer = async_nats::jetstream::consumer::pull::OrderedConfig::default();
    let messages = stream.create_consumer(consumer).await.unwrap().messages().await.unwrap().take(count);
    messages.map(|message| String::from_utf8(message.unwrap().payload.to_vec()).unwrap()).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn photos_and_a_place_are_seen_by_those_who_may() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    let asker = platform.rest();
    let (first, second) = (uploaded(&platform).await, uploaded(&platform).await);
    let body = report("Ổ gà sâu trước cổng", 21.028_512, &[first.clone(), second]);
    let (ticket_id, code) = submit(&asker, &body).await;
    let again = submit(&asker, &body).await;
    assert_eq!(again, (ticket_id.clone(), code.clone()), "a retry is the same ticket");
    let mut other = report("Khác", 21.0285, &[first]);
    asker.post("/api/v1/questions", &other).await.refused(404, "PHOTO_NOT_FOUND");
    other["photoIds"] = json!(["0197a1f0-0000-7000-8000-000000000000"]);
    asker.post("/api/v1/questions", &other).await.refused(404, "PHOTO_NOT_FOUND");

    // The asker, by the code.
    let seen = asker.get(&format!("/api/v1/questions/{code}")).await.ok();
    assert_eq!(seen["place"], json!({"latitude": 21.0285, "longitude": 105.8542}));
    assert_eq!((&seen["address"], &seen["photos"]), (&json!(ADDRESS), &json!(2)));
    for query in ["", "?co=nho"] {
        let served = get(&platform, &format!("/theo-doi/{code}/anh/1{query}"), None).await;
        assert_eq!(served.headers()[CONTENT_TYPE], "image/jpeg");
        assert_eq!(served.headers()[CONTENT_SECURITY_POLICY], "sandbox; default-src 'none'");
        assert_eq!(served.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(served.headers()["x-content-type-options"], "nosniff");
        let bytes = served.bytes().await.unwrap();
        assert!(bytes.starts_with(&[0xFF, 0xD8, 0xFF]) && !holds(&bytes, "Exif") && !holds(&bytes, NOTED));
    }
    assert_eq!(get(&platform, &format!("/theo-doi/{code}/anh/3"), None).await.status(), 404);

    // The unit, and no other.
    platform.rest_as("officer", None).await.drafted(&ticket_id).await;
    platform.settle().await;
    let photo_of_unit = format!("/can-bo/phieu/{ticket_id}/anh/2");
    let mine = platform.token("officer", Some(UNIT)).await;
    assert_eq!(get(&platform, &photo_of_unit, Some(&mine)).await.status(), 200);
    for (role, unit) in [("officer", Some("vu-phap-che")), ("editor", None), ("analyst", None)] {
        let stranger = platform.token(role, unit).await;
        assert_eq!(get(&platform, &photo_of_unit, Some(&stranger)).await.status(), 404, "{role}");
    }
    let unit = platform.rest_as("officer", Some(UNIT)).await;
    let filed = unit.get(&format!("/api/v1/tickets/{ticket_id}/report")).await.ok();
    assert_eq!((&filed["address"], &filed["publicity"]), (&json!(ADDRESS), &json!("PUBLICITY_TEXT")));
    asker.get(&format!("/api/v1/tickets/{ticket_id}/report")).await.refused(401, "TOKEN_MISSING");

    // The public: nothing of the photos until an officer says so, and nothing at all once it is hidden.
    let (page, public) = (format!("/phan-anh/{ticket_id}"), format!("/phan-anh/{ticket_id}/anh/1"));
    assert_eq!(get(&platform, &public, None).await.status(), 404);
    let shown = asker.get(&page).await;
    assert!(shown.text.contains("Ổ gà sâu") && !shown.text.contains("/anh/"), "{}", shown.text);
    assert!(!shown.text.contains(ADDRESS));
    let publicity = format!("/api/v1/tickets/{ticket_id}/publicity");
    let stranger = platform.rest_as("officer", Some("vu-phap-che")).await;
    let photos = json!({"publicity": "PUBLICITY_PHOTOS"});
    stranger.post(&publicity, &photos).await.refused(404, "TICKET_NOT_FOUND");
    unit.post(&publicity, &photos).await.ok();
    let served = get(&platform, &public, None).await;
    assert_eq!(
        (served.status(), &served.headers()[CONTENT_TYPE]),
        (StatusCode::OK, &"image/jpeg".parse().unwrap())
    );
    unit.post(&publicity, &json!({"publicity": "PUBLICITY_HIDDEN"})).await.ok();
    assert_eq!(get(&platform, &public, None).await.status(), 404);
    assert_eq!(asker.get(&page).await.status, 404);

    // What travels: the rounded place, and nothing else of it.
    let events = events(&platform).await;
    assert!(events.contains("21.0285") && events.contains("105.8542"));
    for private in [ADDRESS, "Hoàng Yến", NOTED, "21.02851", "105.85423"] {
        assert!(!events.contains(private), "{private} travels");
    }
    let log = platform.log();
    platform.stop().await;
    assert!(!log.contains("Hoàng Yến") && !log.contains(&code) && !log.contains(NOTED));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_photo_or_no_place_is_refused_clearly() {
    let dir = data_dir();
    let small = [("MOTCUA__INTAKE__REPORTS__PHOTOS_WAITING_MAX", "2")];
    let platform = Platform::up(dir.path(), &[], &small).await;
    let rest = platform.rest();
    for (bytes, reason) in [
        (b"\0\0\0\x18ftypheic....".to_vec(), "PHOTO_IS_HEIC"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), "PHOTO_NOT_AN_IMAGE"),
        (photo()[..600].to_vec(), "PHOTO_DAMAGED"),
        (vec![0xFF; 9 << 20], "PHOTO_TOO_LARGE"),
    ] {
        let response = upload(&platform, bytes).await;
        assert_eq!(response.status(), 400, "{reason}");
        let problem: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(problem["reason"], reason);
    }
    let ids = [uploaded(&platform).await, uploaded(&platform).await];
    let full = upload(&platform, photo()).await;
    assert_eq!(full.status(), 429, "the photos that wait are bounded");
    let many = vec![ids[0].clone(); 6];
    for (change, status, reason) in [
        (json!({"place": {"latitude": 48.85, "longitude": 2.35}}), 400, "PLACE_OUTSIDE"),
        (json!({"kind": "KIND_QUESTION"}), 400, "ONLY_OF_A_REPORT"),
        (json!({"photoIds": many}), 400, "PHOTOS_TOO_MANY"),
        (json!({"photoIds": [ids[0], ids[0]]}), 404, "PHOTO_NOT_FOUND"),
        (json!({"photoIds": ["x"]}), 404, "PHOTO_NOT_FOUND"),
        (json!({"address": "a".repeat(201)}), 400, "TEXT_TOO_LONG"),
    ] {
        let mut body = report("Ổ gà", 21.0, &[]);
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        rest.post("/api/v1/questions", &body).await.refused(status, reason);
    }
    platform.stop().await;
}

/// Dies between the row of a photo and its files; what no report names is swept away, files and all.
#[tokio::test(flavor = "multi_thread")]
async fn photos_without_a_report_are_swept_and_those_of_one_stay() {
    let dir = data_dir();
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let kept = uploaded(&platform).await;
    let (_, code) = submit(&platform.rest(), &report("Ổ gà", 21.0, std::slice::from_ref(&kept))).await;
    let left = uploaded(&platform).await;
    platform.stop().await;
    let mut dying = Platform::up(dir.path(), &[], &[("MOTCUA_KILL_AT", "before-photo ")]).await;
    let url = format!("{}/api/v1/photos", dying.endpoints.http);
    assert!(client().post(url).body(photo()).send().await.is_err(), "nobody was told that it is kept");
    dying.wait().await;

    let platform = Platform::up(dir.path(), &[], &[]).await;
    let pool = platform.pool().await;
    let count: i64 = sqlx::query_scalar("select count(*) from intake.photo").fetch_one(&pool).await.unwrap();
    assert_eq!(count, 3, "one is a report's, one was left, one has no files");
    sqlx::query("update intake.photo set uploaded_at = uploaded_at - interval '25 hours'")
        .execute(&pool)
        .await
        .unwrap();
    platform.kill().await;
    // The sweep begins with the start.
    let platform = Platform::up(dir.path(), &[], &[]).await;
    let pool = platform.pool().await;
    until("the sweep", || async {
        let ids: Vec<String> =
            sqlx::query_scalar("select photo_id::text from intake.photo").fetch_all(&pool).await.ok()?;
        (ids == [kept.clone()]).then_some(())
    })
    .await;
    let photos = dir.path().join("photos");
    assert!(photos.join(&kept).join("photo.jpg").exists());
    assert!(!photos.join(&left).join("photo.jpg").exists());
    assert_eq!(get(&platform, &format!("/theo-doi/{code}/anh/1"), None).await.status(), 200);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn photos_may_lie_in_a_bucket() {
    let (dir, bucket) = (data_dir(), Bucket::start().await);
    let environment = bucket.environment();
    let environment: Vec<_> = environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let platform = Platform::up(dir.path(), &[], &environment).await;
    let (kept, left) = (uploaded(&platform).await, uploaded(&platform).await);
    let (_, code) = submit(&platform.rest(), &report("Ổ gà", 21.0, std::slice::from_ref(&kept))).await;
    let photo_of_code = format!("/theo-doi/{code}/anh/1");
    let served = get(&platform, &photo_of_code, None).await;
    assert_eq!((served.status(), &served.headers()[CONTENT_TYPE]), (StatusCode::OK, &JPEG));
    let object = |bucket: &Bucket, id: &str| bucket.object(&format!("motcua/{id}/photo.jpg"));
    let stored = std::fs::read(object(&bucket, &kept).expect("it is in the bucket")).unwrap();
    assert!(stored == served.bytes().await.unwrap() && !holds(&stored, NOTED));
    assert!(!dir.path().join("photos").exists(), "nothing lies elsewhere");

    // A bucket that is away is said so, and nothing is taken that could not be kept.
    let bucket = bucket
        .without(async || {
            let refused = upload(&platform, photo()).await;
            assert_eq!(refused.status(), 503);
            assert!(refused.text().await.unwrap().contains("PHOTOS_AWAY"));
            assert_eq!(get(&platform, &photo_of_code, None).await.status(), 503);
        })
        .await;
    assert_eq!(get(&platform, &photo_of_code, None).await.status(), 200);

    let pool = platform.pool().await;
    sqlx::query("update intake.photo set uploaded_at = uploaded_at - interval '25 hours'")
        .execute(&pool)
        .await
        .unwrap();
    platform.stop().await;
    let platform = Platform::up(dir.path(), &[], &environment).await;
    until("the sweep", || async { object(&bucket, &left).is_none().then_some(()) }).await;
    assert!(object(&bucket, &kept).is_some());
    platform.stop().await;
}

fn xml(text: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let parts = text.split(&open).skip(1);
    parts.map(|part| part.split(&close).next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn open311_lists_takes_and_finds_reports() {
    let dir = data_dir();
    let keyed = [("MOTCUA__GATEWAY__OPEN311_KEYS", "[\"khoa-mo\"]")];
    let platform = Platform::up(dir.path(), &["--sample"], &keyed).await;
    let rest = platform.rest();
    let services = rest.get("/open311/v2/services.json").await.ok();
    assert_eq!(services[0]["service_code"], FIELD);
    assert_ne!(services[0]["service_name"], FIELD, "it has the field's name");
    let services = rest.get("/open311/v2/services.xml").await;
    assert_eq!(services.content_type, "text/xml; charset=utf-8");
    assert_eq!(xml(&services.text, "service_code")[0], FIELD);
    rest.get(&format!("/open311/v2/services/{FIELD}.json")).await.ok();
    assert_eq!(rest.get("/open311/v2/services/none.json").await.status, 404);

    let form = format!(
        "api_key=khoa-mo&service_code={FIELD}&lat=21.02&long=105.85&first_name=Yến&last_name=Chim\
         &phone=0987654321&description=Cáp đứt %26 <nguy hiểm>. Gọi 0987654321"
    );
    for (form, status, says) in [
        (form.replace("khoa-mo", "khác"), 403, "api_key"),
        (form.replace(FIELD, "none"), 404, "service_code"),
        (form.replace("lat=21.02", "lat="), 400, "lat"),
        (form.replace("lat=21.02", "lat=48.8"), 400, "place"),
        (form.clone() + "&media_url=http://127.0.0.1/x.jpg", 400, "media"),
    ] {
        let refused = rest.page("/open311/v2/requests.xml", Some(form)).await;
        assert_eq!(refused.status, status, "{}", refused.text);
        assert_eq!(xml(&refused.text, "code"), [status.to_string()], "{}", refused.text);
        assert!(xml(&refused.text, "description")[0].contains(says), "{}", refused.text);
    }
    let made = rest.page("/open311/v2/requests.json", Some(form)).await.ok();
    let id = made[0]["service_request_id"].as_str().unwrap();
    assert!(made[0]["service_notice"].as_str().unwrap().contains("tracking code"));

    let found = rest.get(&format!("/open311/v2/requests/{id}.json")).await.ok();
    let text = found[0]["description"].as_str().unwrap();
    assert!(text.contains("Cáp đứt & <nguy hiểm>") && !text.contains("0987654321"), "{text}");
    assert_eq!((&found[0]["status"], &found[0]["lat"]), (&json!("open"), &json!(21.02)));
    let found = rest.get(&format!("/open311/v2/requests/{id}.xml")).await;
    assert!(xml(&found.text, "description")[0].contains("Cáp đứt &amp; &lt;nguy hiểm&gt;"), "{}", found.text);
    let token = rest.get(&format!("/open311/v2/tokens/{id}.json")).await.ok();
    assert_eq!(token[0]["service_request_id"], id);

    let officer = platform.rest_as("officer", None).await;
    officer.approve(id, Some("Đã nối cáp.")).await;
    until("it to be closed", || async {
        let found = rest.get(&format!("/open311/v2/requests.json?service_request_id={id}")).await.ok();
        (found[0]["status"] == "closed" && found[0]["status_notes"] == "Đã nối cáp.").then_some(())
    })
    .await;
    let ids = async |query: &str| {
        let found = rest.get(&format!("/open311/v2/requests.json{query}")).await.ok();
        found.as_array().unwrap().iter().map(|one| one["service_request_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [id]);
    assert_eq!(ids(&format!("?status=closed&service_code={FIELD}")).await, [id]);
    for none in ["?status=open", "?service_code=none", "?end_date=2020-01-01T00:00:00Z", "?page=2"] {
        assert!(ids(none).await.is_empty(), "{none}");
    }
    for (query, status) in [("?status=x", 400), ("?start_date=x", 400), ("?page_size=101", 400)] {
        let refused = rest.get(&format!("/open311/v2/requests.json{query}")).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()[0]["code"]),
            (status, &json!(status)),
            "{query}"
        );
    }
    assert_eq!(rest.get("/open311/v2/requests/none.json").await.status, 404);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_words_elsewhere_are_another_report() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    let officer = platform.rest_as("officer", None).await;
    let text = "Ổ gà trước cổng trường";
    let (here, _) = submit(&platform.rest(), &report(text, 21.0285, &[])).await;
    officer.drafted(&here).await;
    platform.settle().await;
    let (there, _) = submit(&platform.rest(), &report(text, 21.1285, &[])).await;
    officer.drafted(&there).await;
    platform.settle().await;
    for ticket_id in [&here, &there] {
        let seen = officer.get(&format!("/api/v1/tickets/{ticket_id}")).await.ok();
        assert_eq!((&seen["familySize"], &seen["centreTicketId"]), (&json!(0), &json!("")), "{seen}");
    }
    officer.approve(&here, Some("Đã vá ngày 1/3.")).await;
    platform.settle().await;
    let seen = officer.get(&format!("/api/v1/tickets/{there}")).await.ok();
    assert_eq!(seen["state"], "ANSWER_STATE_DRAFTED", "{seen}");
    platform.stop().await;
}

/// With JavaScript off: a photo and a place, an offer of what is near, and the officer joins the two.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_near_another_is_offered_to_asker_and_officer() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    let (earlier, _) = submit(&platform.rest(), &report("Ổ gà to trước cổng", 21.0285, &[])).await;
    platform.rest_as("officer", None).await.drafted(&earlier).await;
    platform.settle().await;
    let file = dir.path().join("anh.jpg");
    std::fs::write(&file, photo()).unwrap();

    let browser = Browser::start(&platform.endpoints.http).await;
    browser.without_javascript().await;
    browser.go("/").await;
    browser.click("input[value=KIND_REPORT]").await;
    assert!(!browser.text("#of-report legend").await.is_empty());
    browser.fill("#text", "Mặt đường bị sụt một hố lớn").await;
    browser.fill("#coordinates", "21.0288, 105.8542").await;
    browser.fill("#address", "Cổng sau").await;
    browser.fill("#photo", file.to_str().unwrap()).await;
    browser.fill("#name", "Người Thử Nghiệm").await;
    browser.click(&format!("#field option[value={FIELD}]")).await;
    browser.click("#send").await;
    let offered = browser.text("#near").await;
    assert!(offered.contains("33 m") && offered.contains("Ổ gà to trước cổng"), "{offered}");
    assert!(browser.is_there("input[name=photo_id]:checked").await, "the photo need not be sent again");
    browser.click("#send").await;
    let code = browser.text(".receipt .code").await;
    assert!(browser.is_there(".photos img").await);
    let followed = platform.rest().get(&format!("/api/v1/questions/{code}")).await.ok();
    assert_eq!((&followed["photos"], &followed["address"]), (&json!(1), &json!("Cổng sau")));

    browser.sign_in(&platform.token("officer", Some(UNIT)).await).await;
    until("the new report", || async {
        browser.go("/can-bo").await;
        browser.is_there("#inbox tbody tr:nth-child(2)").await.then_some(())
    })
    .await;
    let later = platform.pool().await;
    let later: String =
        sqlx::query_scalar("select ticket_id::text from intake.ticket where tracking_code = $1")
            .bind(&code)
            .fetch_one(&later)
            .await
            .unwrap();
    browser.go(&format!("/can-bo/phieu/{later}")).await;
    assert!(browser.text("main").await.contains("33 m"));
    browser.click(&format!("form[action='/can-bo/phieu/{earlier}/gop'] .second")).await;
    until("the family", || async {
        let page =
            platform.rest_as("officer", None).await.get(&format!("/api/v1/tickets/{earlier}")).await.ok();
        (page["familySize"] == 1).then_some(())
    })
    .await;
    browser.stop().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_reports_are_accessible_and_fit_a_phone() {
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    let photos = [uploaded(&platform).await, uploaded(&platform).await];
    let (ticket_id, code) = submit(&platform.rest(), &report("Ổ gà sâu", 21.0285, &photos)).await;
    let (near, _) = submit(&platform.rest(), &report("Hố lớn giữa đường", 21.0288, &[])).await;
    let officer = platform.rest_as("officer", None).await;
    officer.drafted(&near).await;
    officer.drafted(&ticket_id).await;
    let photos = json!({"publicity": "PUBLICITY_PHOTOS"});
    platform.settle().await;
    officer.post(&format!("/api/v1/tickets/{ticket_id}/publicity"), &photos).await.ok();
    let browser = Browser::start(&platform.endpoints.http).await;
    browser.sign_in(&platform.token("officer", Some(UNIT)).await).await;
    browser.width(320).await;
    for language in ["vi", "en"] {
        browser.dark(language == "en").await;
        for path in [
            "/".into(),
            format!("/theo-doi/{code}"),
            format!("/phan-anh/{ticket_id}"),
            format!("/can-bo/phieu/{ticket_id}"),
        ] {
            browser.go(&format!("{path}?lang={language}")).await;
            if path == "/" {
                browser.click("input[value=KIND_REPORT]").await;
                assert_eq!(
                    browser.run("return document.querySelector('#locate').hidden").await,
                    json!(false)
                );
            } else {
                let loaded = "return [...document.images].every((one) => one.naturalWidth === 320)";
                assert!(browser.is_there(".photos img").await, "{path}");
                until("the photos", || async { (browser.run(loaded).await == true).then_some(()) }).await;
            }
            assert_eq!(
                browser.run("return document.documentElement.scrollWidth").await,
                json!(320),
                "{path}"
            );
            assert_eq!(browser.axe().await, Vec::<String>::new(), "{path} in {language}");
        }
    }
    browser.go("/").await;
    browser.click("input[value=KIND_QUESTION]").await;
    let shown = "return document.querySelector('#of-report').checkVisibility()";
    assert_eq!(browser.run(shown).await, json!(false), "a question has no place");
    browser.stop().await;
    platform.stop().await;
}
