//! The whole router, with peers that cannot be reached: what it answers by itself.

mod sessions;
mod wall;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, Response, StatusCode, header},
};
use chrono::Duration;
use runtime::{Config as RuntimeConfig, Context, Principal, Process, RoleName, Secret};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{Config, router};

/// A port that refuses.
const NOWHERE: &str = "http://127.0.0.1:1";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

async fn context() -> Context {
    let mut config = RuntimeConfig::default();
    config.grpc.listen = ([127, 0, 0, 1], 0).into();
    config.auth.token_key = Secret::new(KEY);
    let peers = &mut config.peers;
    for peer in [
        &mut peers.intake,
        &mut peers.routing,
        &mut peers.answering,
        &mut peers.knowledge,
        &mut peers.analytics,
    ] {
        NOWHERE.clone_into(peer);
    }
    Process::bind(config, "test").await.unwrap().context().clone()
}

async fn app() -> Router {
    router(&context().await, &Config::default()).unwrap()
}

async fn send(app: Router, request: Request<Body>) -> (StatusCode, Response<()>, String) {
    let response = app.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 22).await.unwrap();
    (parts.status, Response::from_parts(parts, ()), String::from_utf8(bytes.to_vec()).unwrap())
}

async fn get(path: &str) -> (StatusCode, Response<()>, String) {
    send(app().await, Request::get(path).body(Body::empty()).unwrap()).await
}

fn post(path: &str, kind: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header(header::CONTENT_TYPE, kind).body(body.into()).unwrap()
}

fn reason(body: &str) -> String {
    serde_json::from_str::<Value>(body).unwrap()["reason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_process_lives_though_its_peers_do_not() {
    let (status, _, body) = get("/healthz").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "ok\n"));
    let (status, response, body) = get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(reason(&body), "PEERS_AWAY");
    assert!(body.contains("intake, routing, answering, knowledge, analytics"));
    assert_eq!(get("/metrics").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_peer_that_is_away_is_a_503_to_try_again() {
    let body = r#"{"requestId":"x","kind":"KIND_QUESTION","text":"cột đèn"}"#;
    let request = post("/api/v1/questions", "application/json", body);
    let (status, response, body) = send(app().await, request).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(reason(&body), "UNAVAILABLE");
    assert!(!body.contains("connect"), "{body}");
    assert_eq!(get("/api/v1/search?q=x").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get("/api/v1/lag").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn bad_requests_are_refused_before_any_peer_is_asked() {
    for (kind, body, status, reason_) in [
        ("application/json", b"{".to_vec(), 400, "BODY_MALFORMED"),
        ("application/json", b"{\"x\":1}".to_vec(), 400, "BODY_INVALID"),
        ("application/json", b"\"\xff\"".to_vec(), 400, "BODY_NOT_UTF8"),
        ("text/plain", b"{}".to_vec(), 415, "BODY_NOT_JSON"),
        ("application/json", vec![b' '; 1 << 20], 413, "BODY_TOO_LARGE"),
    ] {
        let (seen, _, body) = send(app().await, post("/api/v1/questions", kind, body)).await;
        assert_eq!((seen.as_u16(), reason(&body).as_str()), (status, reason_));
    }
    for (path, status, reason_) in [
        ("/api/v1/search?q=%FF", 400, "ENCODING_INVALID"),
        ("/api/v1/search?q=a&limit=x", 400, "NOT_A_NUMBER"),
        ("/api/v1/search?query=a", 400, "PARAMETER_UNKNOWN"),
        ("/api/v1/questions/%FF", 400, "ENCODING_INVALID"),
        ("/api/v2", 404, "ROUTE_UNKNOWN"),
        ("/api/v1/questions", 405, "METHOD_NOT_ALLOWED"),
    ] {
        let (seen, _, body) = get(path).await;
        assert_eq!((seen.as_u16(), reason(&body).as_str()), (status, reason_), "{path}");
    }
}

#[tokio::test]
async fn pages_work_without_peers_as_far_as_they_can() {
    let (status, response, body) = get("/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.contains("name=\"request_id\""));
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"));
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    for path in ["/tra-cuu", "/theo-doi", "/dang-nhap"] {
        assert_eq!(get(path).await.0, StatusCode::OK, "{path}");
    }
    let (status, response, body) = get("/khong-co").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert!(body.contains("Không có trang này"));
    let (status, _, body) = get("/theo-doi/ABCD").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("<h1>"));
}

#[tokio::test]
async fn a_refused_form_keeps_what_was_typed_as_text() {
    let form = "request_id=r1&kind=KIND_REPORT&name=An&text=%3Cscript%3Ealert(1)%3C/script%3E";
    let request = post("/ask", "application/x-www-form-urlencoded", form);
    let (status, _, body) = send(app().await, request).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("value=\"r1\"") && body.contains("value=\"KIND_REPORT\" required checked"));
    assert!(body.contains("&#60;script&#62;alert(1)"), "{body}");
    assert!(!body.contains("<script>alert"));
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    for path in [
        "/ask",
        "/goi-y",
        "/dang-nhap",
        "/dang-xuat",
        "/can-bo/phieu/x/duyet",
        "/tu-dong",
        "/tu-dong/dung",
        "/tong-quan/tuong",
    ] {
        let mut request = post(path, "application/x-www-form-urlencoded", "text=x");
        request.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
        assert_eq!(send(app().await, request).await.0, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn what_is_being_typed_is_never_in_an_address() {
    assert_eq!(get("/goi-y?q=cot+den").await.0, StatusCode::METHOD_NOT_ALLOWED);
    let request = post("/goi-y?lang=en", "application/x-www-form-urlencoded;charset=UTF-8", "q=cot+den");
    let (status, _, body) = send(app().await, request).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "the peer is asked: {body}");
}

#[tokio::test]
async fn robots_are_told_what_is_not_for_them() {
    let (status, response, body) = get("/robots.txt").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    for closed in ["/theo-doi/", "/can-bo", "/xac-thuc", "/goi-y", "/tra-cuu?"] {
        assert!(body.lines().any(|line| line == format!("Disallow: {closed}")), "{closed}: {body}");
    }
    assert!(body.ends_with("\nSitemap: http://localhost/sitemap.xml\n"), "{body}");
}

#[tokio::test]
async fn the_language_is_remembered_as_carefully_as_a_session() {
    let config = Config { secure_cookies: true, ..Config::default() };
    let app = router(&context().await, &config).unwrap();
    let robots = |cookie: &'static str| {
        let request = Request::get("/robots.txt?lang=en").header(header::COOKIE, cookie);
        send(app.clone(), request.body(Body::empty()).unwrap())
    };
    let (_, response, _) = robots("a=b").await;
    assert_eq!(
        response.headers()[header::SET_COOKIE],
        "__Host-motcua_lang=en; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure"
    );
    assert_eq!(response.headers()[header::CACHE_CONTROL], "private, no-cache", "with a cookie it is of one");
    let (_, response, _) = robots("__Host-motcua_lang=en").await;
    assert!(!response.headers().contains_key(header::SET_COOKIE), "it is remembered");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "public, no-cache");
}

#[tokio::test]
async fn officers_sign_in_with_a_token_and_out_again() {
    let (status, response, _) = get("/can-bo").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::LOCATION], "/dang-nhap?ve=%2Fcan-bo");

    let context = context().await;
    let officer = Principal { subject: "an".into(), role: RoleName::Officer, unit: None };
    let token = context.tokens().sign(&officer, Duration::hours(1), context.clock.now()).unwrap();
    let app = router(&context, &Config::default()).unwrap();
    let form = |token: &str| {
        post("/dang-nhap", "application/x-www-form-urlencoded", format!("token=+{token}%0D%0A"))
    };
    let (status, response, _) = send(app.clone(), form(&token)).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::LOCATION], "/can-bo");
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    let session = cookie.split(';').next().unwrap().to_owned();

    let signed_in = |method: Method, path: &str| {
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, &session);
        request.body(Body::empty()).unwrap()
    };
    let (status, _, body) = send(app.clone(), signed_in(Method::GET, "/can-bo")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "signed in, the peer is asked");
    assert!(body.contains("<strong>an</strong> (Cán bộ)"));
    let (_, response, _) = send(app.clone(), signed_in(Method::POST, "/dang-xuat")).await;
    assert!(response.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));

    let (status, response, _) = send(app, form("v4.local.wrong")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(!response.headers().contains_key(header::SET_COOKIE));
}

#[tokio::test]
async fn a_stream_is_for_who_is_signed_in_and_ends_with_the_session_and_the_process() {
    for path in
        ["/tong-quan", "/tong-quan/tuong", "/tong-quan/dong", "/tong-quan/danh-sach?gi=den", "/tu-dong"]
    {
        assert_eq!(get(path).await.0, StatusCode::SEE_OTHER, "{path}");
    }
    let context = context().await;
    let config = Config { overview_refresh_ms: 500, ..Config::default() };
    let app = router(&context, &config).unwrap();
    let analyst = Principal { subject: "an".into(), role: RoleName::Analyst, unit: None };
    let stream = |lasting: Duration| {
        let token = context.tokens().sign(&analyst, lasting, context.clock.now()).unwrap();
        let request = Request::get("/tong-quan/dong");
        request.header(header::COOKIE, format!("motcua_session={token}")).body(Body::empty()).unwrap()
    };
    // Nothing can be counted here, but the stream goes on until the session is over.
    let (status, response, body) = send(app.clone(), stream(Duration::seconds(2))).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    assert!(body.contains("away") && body.contains("event: ended"), "{body}");
    context.shutdown.cancel();
    let (_, _, body) = send(app, stream(Duration::hours(1))).await;
    assert!(body.contains("away") && !body.contains("ended"), "{body}");
}

#[tokio::test]
async fn the_api_takes_no_cookie_and_no_broken_header() {
    let mut request = Request::get("/api/v1/inbox").body(Body::empty()).unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, "Basic YQ==".parse().unwrap());
    let (status, response, body) = send(app().await, request).await;
    assert_eq!((status, reason(&body).as_str()), (StatusCode::UNAUTHORIZED, "TOKEN_INVALID"));
    assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
}

#[tokio::test]
async fn assets_are_kept_by_browsers() {
    let (status, response, _) = get("/assets/app.js").await;
    assert_eq!(status, StatusCode::OK);
    let tag = response.headers()[header::ETAG].clone();
    let mut request = Request::get("/assets/app.js").body(Body::empty()).unwrap();
    request.headers_mut().insert(header::IF_NONE_MATCH, tag);
    let (status, _, body) = send(app().await, request).await;
    assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
}

#[tokio::test]
async fn what_is_over_the_limit_is_shed() {
    let config = Config { concurrency_max: 0, ..Config::default() };
    let app = router(&context().await, &config).unwrap();
    let request = Request::get("/api/v1/search?q=x").body(Body::empty()).unwrap();
    let (status, _, body) = send(app.clone(), request).await;
    assert_eq!((status, reason(&body).as_str()), (StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED"));
    let alive = Request::get("/healthz").body(Body::empty()).unwrap();
    assert_eq!(send(app, alive).await.0, StatusCode::OK);
}
