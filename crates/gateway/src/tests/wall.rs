//! Screens on a wall: what opens them, and that they open nothing else.

use super::*;

const WALL: &str = "/tong-quan/tuong?ky=30&don-vi=a&linh-vuc=";
const FORM: &str = "application/x-www-form-urlencoded";

fn with(cookie: &str, mut request: Request<Body>) -> Request<Body> {
    request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
    request
}

fn page(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// The cookie, as a browser sends it, of a screen that an officer opens.
async fn opened(context: &Context, app: &Router) -> String {
    let officer = Principal { subject: "an".into(), role: RoleName::Officer, unit: None };
    let token = context.tokens().sign(&officer, Duration::hours(1), context.clock.now()).unwrap();
    let request = post("/tong-quan/tuong", FORM, "ky=30&don-vi=a&linh-vuc=");
    let (status, response, _) = send(app.clone(), with(&format!("motcua_session={token}"), request)).await;
    assert_eq!(
        (status, &response.headers()[header::LOCATION]),
        (StatusCode::SEE_OTHER, &WALL.parse().unwrap())
    );
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("; Max-Age=2592000; HttpOnly; SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_screen_shows_the_wall_without_a_session_and_nothing_else() {
    let context = context().await;
    let app = router(&context, &Config::default()).unwrap();
    let request = post("/tong-quan/tuong", FORM, "");
    assert_eq!(send(app.clone(), request).await.0, StatusCode::SEE_OTHER, "nobody opens one");
    let screen = opened(&context, &app).await;
    let token = screen.strip_prefix("motcua_wall=").unwrap();
    assert!(context.tokens().verify(token, context.clock.now()).is_err(), "it is no token");

    // Whatever the address says, it shows what it was opened for; here nothing can be counted.
    for path in [WALL, "/tong-quan/tuong?ky=1"] {
        let (status, _, body) = send(app.clone(), with(&screen, page(path))).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    }
    let as_session = format!("motcua_session={token}");
    for path in [
        "/tong-quan",
        "/tong-quan/dong",
        "/tong-quan/csv?bang=den",
        "/tong-quan/danh-sach?gi=den",
        "/bao-cao",
        "/can-bo",
        "/tu-dong",
    ] {
        for cookie in [&screen, &as_session] {
            let (status, response, _) = send(app.clone(), with(cookie, page(path))).await;
            assert_eq!(status, StatusCode::SEE_OTHER, "{path}");
            assert!(response.headers()[header::LOCATION].to_str().unwrap().starts_with("/dang-nhap"));
        }
    }
    let again = post("/tong-quan/tuong", FORM, "");
    let (_, response, _) = send(app.clone(), with(&screen, again)).await;
    assert!(!response.headers().contains_key(header::SET_COOKIE), "a screen opens no other");

    context.shutdown.cancel();
    let (status, _, body) = send(app, with(&screen, page("/tong-quan/dong?man=tuong"))).await;
    assert!(status == StatusCode::OK && body.contains("away") && !body.contains("ended"), "{body}");
}

#[tokio::test]
async fn a_screen_ends_with_its_days_and_when_it_is_closed() {
    let context = context().await;
    let app = router(&context, &Config::default()).unwrap();
    let screen = opened(&context, &app).await;
    let mut later = context.clone();
    later.clock = runtime::Clock::fixed(context.clock.now() + Duration::days(30));
    let late = router(&later, &Config::default()).unwrap();
    assert_eq!(send(late, with(&screen, page(WALL))).await.0, StatusCode::SEE_OTHER);

    let (_, response, _) =
        send(app.clone(), with(&screen, post("/tong-quan/tuong/dong-lai", FORM, ""))).await;
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("motcua_wall=; ") && cookie.contains("Max-Age=0"), "{cookie}");
    assert_eq!(send(app, with(&screen, page(WALL))).await.0, StatusCode::SEE_OTHER, "a copy is over too");

    for wall_days in [0, 367] {
        assert!(router(&context, &Config { wall_days, ..Config::default() }).is_err());
    }
}
