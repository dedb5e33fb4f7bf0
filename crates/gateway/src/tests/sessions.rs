//! Sessions: how they begin, go on, and end.

use chrono::{DateTime, Utc};
use runtime::Verified;
use uuid::Uuid;

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

struct Site {
    context: Context,
    app: Router,
}

impl Site {
    async fn new() -> Self {
        let context = context().await;
        let app = router(&context, &Config::default()).unwrap();
        Self { context, app }
    }

    fn now(&self) -> DateTime<Utc> {
        self.context.clock.now()
    }

    fn token(&self, ttl: Duration) -> String {
        let officer = Principal { subject: "an".into(), role: RoleName::Officer, unit: None };
        self.context.tokens().sign(&officer, ttl, self.now()).unwrap()
    }

    async fn sign_in(&self, token: &str, back: &str) -> (StatusCode, Response<()>, String) {
        send(self.app.clone(), post("/dang-nhap", FORM, format!("token={token}&ve={back}"))).await
    }

    /// What the cookie of a new session says.
    async fn begin(&self) -> Verified {
        let (_, response, _) = self.sign_in(&self.token(Duration::hours(20)), "").await;
        self.context.tokens().read(&session_in(&response).unwrap(), self.now()).unwrap()
    }

    /// The session's cookie as it was, or will be, when it is good until then.
    fn cookie(&self, said: &Verified, expires: DateTime<Utc>) -> String {
        let token = self.context.tokens().sign_as(&Verified { expires, ..said.clone() }).unwrap();
        format!("motcua_session={token}")
    }

    async fn with(&self, cookie: &str, mut request: Request<Body>) -> (StatusCode, Response<()>, String) {
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        send(self.app.clone(), request).await
    }
}

/// The session's token that a response sets.
fn session_in(response: &Response<()>) -> Option<String> {
    let cookie = response.headers().get(header::SET_COOKIE)?.to_str().ok()?;
    let value = cookie.split(';').next()?.strip_prefix("motcua_session=")?;
    (!value.is_empty()).then(|| value.to_owned())
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn work_renews_a_session_until_its_last_end() {
    let site = Site::new().await;
    let said = site.begin().await;
    let session = said.session.clone().unwrap();
    let whole = |at: DateTime<Utc>| at.timestamp();
    assert_eq!(whole(said.expires), whole(session.began + Duration::minutes(30)));
    assert_eq!(whole(session.until), whole(session.began + Duration::hours(12)));

    let (_, response, _) = site.with(&site.cookie(&said, said.expires), get("/theo-doi")).await;
    assert_eq!(session_in(&response), None, "it is new");
    let older = site.cookie(&said, site.now() + Duration::minutes(20));
    let mut background = get("/theo-doi");
    background.headers_mut().insert("x-background", "1".parse().unwrap());
    let (_, response, _) = site.with(&older, background).await;
    assert_eq!(session_in(&response), None, "a page that looks by itself is nobody's work");
    let (_, response, _) = site.with(&older, get("/theo-doi")).await;
    let renewed = site.context.tokens().read(&session_in(&response).unwrap(), site.now()).unwrap();
    assert!(renewed.expires > site.now() + Duration::minutes(29));
    assert_eq!(renewed.session, Some(session.clone()), "it is the same session");

    let last = runtime::Session { until: site.now() + Duration::minutes(5), ..session };
    let last = Verified { session: Some(last), ..said };
    let (_, response, _) =
        site.with(&site.cookie(&last, site.now() + Duration::minutes(5)), get("/theo-doi")).await;
    assert_eq!(session_in(&response), None, "nothing renews it beyond its end");
}

#[tokio::test]
async fn an_idle_session_has_ended_and_leads_back_after_the_sign_in() {
    let site = Site::new().await;
    let said = site.begin().await;
    let idle = site.cookie(&said, site.now() - Duration::minutes(1));
    let (status, response, _) = site.with(&idle, get("/can-bo/phieu/x?a=b")).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let to = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
    assert_eq!(to, "/dang-nhap?het=1&ve=%2Fcan-bo%2Fphieu%2Fx%3Fa%3Db");
    let (_, _, body) = send(site.app.clone(), get(&to)).await;
    assert!(body.contains("Phiên làm việc đã kết thúc"), "{body}");
    assert!(body.contains("name=\"ve\" value=\"/can-bo/phieu/x?a=b\""), "{body}");

    for (back, to) in [
        ("/can-bo/phieu/x?a=b", "/can-bo/phieu/x?a=b"),
        ("//evil.example", "/can-bo"),
        ("/dang-xuat", "/can-bo"),
    ] {
        let back = back.replace('/', "%2F").replace('?', "%3F").replace('=', "%3D");
        let (status, response, _) = site.sign_in(&site.token(Duration::hours(1)), &back).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert_eq!(response.headers()[header::LOCATION], to);
    }
}

#[tokio::test]
async fn what_was_written_when_the_session_ended_is_not_lost() {
    let site = Site::new().await;
    let said = site.begin().await;
    let idle = site.cookie(&said, site.now() - Duration::minutes(1));
    let written = || {
        let mut request = post("/can-bo/phieu/x/duyet", FORM, "version=3&text=%3Cb%3EMột+câu+trả+lời+dài");
        request.headers_mut().insert(header::REFERER, "http://localhost/can-bo/phieu/x".parse().unwrap());
        request
    };
    let (status, _, body) = site.with(&idle, written()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(body.contains("action=\"/can-bo/phieu/x/duyet\""), "{body}");
    assert!(body.contains("name=\"version\" value=\"3\""), "{body}");
    assert!(body.contains("&#60;b&#62;Một câu trả lời dài</textarea>"), "{body}");
    assert!(body.contains("ve=%2Fcan-bo%2Fphieu%2Fx\""), "{body}");
    let stop = post("/tu-dong/dung", FORM, "reason=Nhiều+câu+trả+lời+sai");
    let (status, _, body) = site.with(&idle, stop).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(body.contains("Nhiều câu trả lời sai</textarea>"), "{body}");
    let mut foreign = written();
    foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    let (status, _, body) = site.with(&idle, foreign).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(!body.contains("Một câu trả lời"), "another site's form is not made ours");
}

#[tokio::test]
async fn a_session_signed_out_is_nobodys_and_an_unknown_one_waits_for_routing() {
    let site = Site::new().await;
    let said = site.begin().await;
    let cookie = site.cookie(&said, said.expires);
    let (_, response, _) = site.with(&cookie, post("/dang-xuat", FORM, "")).await;
    assert!(response.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    let (status, response, _) = site.with(&cookie, get("/can-bo")).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::LOCATION], "/dang-nhap?het=1&ve=%2Fcan-bo");

    let bearer = |said: &Verified| {
        let mut request = get("/api/v1/inbox");
        let token = site.context.tokens().sign_as(said).unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        request
    };
    let (status, _, body) = send(site.app.clone(), bearer(&said)).await;
    assert_eq!((status, reason(&body).as_str()), (StatusCode::UNAUTHORIZED, "SESSION_ENDED"));

    let other = runtime::Session { id: Uuid::from_u128(7), ..said.session.clone().unwrap() };
    let other = Verified { session: Some(other), ..said };
    let (status, _, body) = site.with(&site.cookie(&other, other.expires), get("/can-bo")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
}

#[tokio::test]
async fn a_tokens_session_ends_with_it_and_a_sessions_token_begins_none() {
    let site = Site::new().await;
    let (_, response, _) = site.sign_in(&site.token(Duration::minutes(5)), "").await;
    let token = session_in(&response).unwrap();
    let said = site.context.tokens().read(&token, site.now()).unwrap();
    assert!(said.session.unwrap().until <= site.now() + Duration::minutes(5));
    let (status, response, _) = site.sign_in(&token, "").await;
    assert_eq!((status, session_in(&response)), (StatusCode::UNAUTHORIZED, None));
}

#[tokio::test]
async fn without_a_provider_there_is_no_way_to_one_and_a_wrong_one_stops_the_start() {
    let site = Site::new().await;
    assert_eq!(send(site.app.clone(), get("/dang-nhap/co-quan")).await.0, StatusCode::NOT_FOUND);
    let (_, _, body) = send(site.app.clone(), get("/dang-nhap")).await;
    assert!(!body.contains("by-provider") && body.contains("autocomplete=\"one-time-code\""));

    runtime::tls::install();
    let role = |role| crate::config::RoleOf { value: "x".into(), role, all_units: true };
    let good = crate::config::Oidc {
        issuer: "https://id.example".into(),
        client_id: "motcua".into(),
        roles: vec![role(RoleName::Officer)],
        ..Default::default()
    };
    let made = |oidc| router(&site.context, &Config { oidc, ..Config::default() });
    assert!(made(good.clone()).is_ok());
    for wrong in [
        crate::config::Oidc { issuer: "http://id.example".into(), ..good.clone() },
        crate::config::Oidc { client_id: String::new(), ..good.clone() },
        crate::config::Oidc { roles: Vec::new(), ..good.clone() },
        crate::config::Oidc { roles: vec![role(RoleName::Service)], ..good },
    ] {
        assert!(made(wrong).is_err());
    }
}
