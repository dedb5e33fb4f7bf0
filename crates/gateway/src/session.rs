//! Who is calling: a bearer token in the header (REST) or in the session cookie (pages).
//!
//! A session's token is good for the idle time and renewed while somebody works; its cookie stays until the
//! session's last end, so that a page can tell an ended session from none.

mod guard;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::Redirect,
};
use chrono::{DateTime, Duration, Utc};
use runtime::{Principal, RoleName, Session, SignedInBy, Verified};
use uuid::Uuid;

pub(crate) use self::guard::{bearers, pages};
use crate::{config::Config, pages::segment, problem::Problem, state::Gateway};

const COOKIE: &str = "motcua_session";
pub(crate) const SIGN_IN: &str = "/dang-nhap";
pub(crate) const SIGN_OUT: &str = "/dang-xuat";

/// Longest path that is come back to, in bytes.
const BACK_MAX: usize = 1_000;

/// Longest name of a person on pages, in characters.
const NAME_MAX: usize = 80;

/// The caller's token, passed on unread: the services verify it.
pub(crate) struct Bearer(Option<String>);

impl Bearer {
    pub fn token(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl FromRequestParts<Gateway> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Gateway) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
            return Ok(Self(None));
        };
        let token = value.to_str().ok().and_then(|v| v.split_once(' ')).and_then(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        });
        match token {
            Some(token) => Ok(Self(Some(token))),
            None => Err(Problem::new(StatusCode::UNAUTHORIZED, "TOKEN_INVALID")),
        }
    }
}

/// A browser that is signed in.
#[derive(Clone)]
pub(crate) struct SignedIn {
    pub token: String,
    pub principal: Principal,
    /// `None`: the cookie holds a script's token.
    pub session: Option<Session>,
    expires: DateTime<Utc>,
}

impl SignedIn {
    /// Whether this role moves questions between units.
    pub fn assigns(&self) -> bool {
        matches!(self.principal.role, RoleName::Dispatcher | RoleName::Operator)
    }

    /// What the pages call the person.
    pub fn name(&self) -> &str {
        self.session.as_ref().map_or(&self.principal.subject, |session| &session.name)
    }

    /// Whether the session has not ended since.
    pub async fn still_holds(&self, gateway: &Gateway) -> bool {
        let ended = async || {
            let held = gateway.standing().check(gateway, &self.principal, self.session.as_ref()).await;
            held.is_ok_and(|held| held.ended)
        };
        gateway.context().clock.now() < self.expires && !ended().await
    }

    /// Whether a session or a bearer token that holds comes with the request.
    pub fn is_known(headers: &HeaderMap, gateway: &Gateway) -> bool {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let bearer = bearer.and_then(|v| v.split_once(' ')).map(|(_, token)| token.trim());
        let context = gateway.context();
        let holds = |token: &str| context.tokens().verify(token, context.clock.now()).is_ok();
        bearer.is_some_and(holds) || cookie(headers, &name(COOKIE, gateway.config())).is_some_and(holds)
    }
}

impl FromRequestParts<Gateway> for SignedIn {
    type Rejection = Redirect;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Redirect> {
        let caller = Caller::of(parts, gateway);
        caller.signed_in.ok_or_else(|| to_sign_in(caller.ended, &parts.method, &parts.uri))
    }
}

/// The way to the sign-in, and back from it to where one was.
pub(crate) fn to_sign_in(ended: bool, method: &Method, uri: &Uri) -> Redirect {
    let back = uri.path_and_query().filter(|_| method == Method::GET).and_then(|path| local(path.as_str()));
    let ended = if ended { "het=1&" } else { "" };
    let back = back.map(|path| format!("ve={}", segment(path))).unwrap_or_default();
    let query = format!("{ended}{back}");
    match query.trim_end_matches('&') {
        "" => Redirect::to(SIGN_IN),
        query => Redirect::to(&format!("{SIGN_IN}?{query}")),
    }
}

/// A path of this site that may be gone to after the sign-in; `None`: it leads elsewhere, or to the sign-in.
pub(crate) fn local(path: &str) -> Option<&str> {
    let plain = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let inside = path.starts_with('/') && !path.starts_with("//") && path.len() <= BACK_MAX;
    let signs = [SIGN_IN, SIGN_OUT].iter().any(|page| path.starts_with(page));
    (plain && inside && !signs).then_some(path)
}

/// A browser that may be signed in.
pub(crate) struct Visitor(pub Option<SignedIn>);

impl FromRequestParts<Gateway> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Self::Rejection> {
        Ok(Self(Caller::of(parts, gateway).signed_in))
    }
}

/// What the session cookie says, as far as it was looked into.
#[derive(Clone)]
struct Caller {
    signed_in: Option<SignedIn>,
    /// There was a session, and it has ended.
    ended: bool,
}

impl Caller {
    const NOBODY: Self = Self { signed_in: None, ended: false };
    const ENDED: Self = Self { signed_in: None, ended: true };

    /// As the guard found it, or by the cookie alone.
    fn of(parts: &Parts, gateway: &Gateway) -> Self {
        let found = parts.extensions.get::<Self>().cloned();
        found.unwrap_or_else(|| Self::by_cookie(&parts.headers, gateway))
    }

    fn by_cookie(headers: &HeaderMap, gateway: &Gateway) -> Self {
        let Some(token) = cookie(headers, &name(COOKIE, gateway.config())) else { return Self::NOBODY };
        let context = gateway.context();
        match context.tokens().read(token, context.clock.now()) {
            Ok(Verified { principal, expires, session }) => {
                let signed_in = SignedIn { token: token.to_owned(), principal, session, expires };
                Self { signed_in: Some(signed_in), ended: false }
            }
            Err(refusal) if refusal.reason() == "TOKEN_EXPIRED" => Self::ENDED,
            Err(_) => Self::NOBODY,
        }
    }
}

/// Who begins a session.
pub(crate) struct Begins {
    pub principal: Principal,
    pub by: SignedInBy,
    /// What the pages call the person.
    pub name: String,
    /// When it ends at the latest, if it is earlier than every session's end.
    pub until: Option<DateTime<Utc>>,
}

/// `Set-Cookie` that begins a session.
pub(crate) fn start(gateway: &Gateway, begins: Begins) -> Result<HeaderValue, Problem> {
    let Begins { principal, by, name, until } = begins;
    let (now, config) = (gateway.context().clock.now(), gateway.config());
    let latest = now + Duration::hours(config.session_hours.into());
    let until = until.map_or(latest, |until| until.min(latest));
    let name = name.chars().take(NAME_MAX).collect();
    let session = Session { id: Uuid::new_v4(), began: now, until, by, name };
    gateway.standing().begun(&session, principal.unit.as_deref());
    let signed = Verified { principal, expires: (now + config.idle()).min(until), session: Some(session) };
    written(gateway, &signed, until).map(|(_, cookie)| cookie)
}

/// A token that says this, and the cookie that keeps it until then.
fn written(
    gateway: &Gateway,
    signed: &Verified,
    until: DateTime<Utc>,
) -> Result<(String, HeaderValue), Problem> {
    let context = gateway.context();
    let token = context.tokens().sign_as(signed).map_err(|error| {
        tracing::error!(%error, "a session's token was not made");
        Problem::internal()
    })?;
    let seconds = (until - context.clock.now()).num_seconds().max(0).unsigned_abs();
    let cookie =
        set_cookie(COOKIE, &token, seconds, "Strict", gateway.config()).ok_or_else(Problem::internal)?;
    Ok((token, cookie))
}

/// `Set-Cookie` that ends a session.
pub(crate) fn end(config: &Config) -> Option<HeaderValue> {
    set_cookie(COOKIE, "", 0, "Strict", config)
}

/// A cookie's name: over HTTPS only this very host can have set it (`__Host-`).
pub(crate) fn name(base: &str, config: &Config) -> String {
    if config.secure_cookies { format!("__Host-{base}") } else { base.to_owned() }
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted).then_some(value))
}

/// `Set-Cookie`; `None` if the value has characters that a cookie cannot hold.
pub(crate) fn set_cookie(
    base: &str,
    value: &str,
    max_age: u64,
    same_site: &'static str,
    config: &Config,
) -> Option<HeaderValue> {
    let fits = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let secure = if config.secure_cookies { "; Secure" } else { "" };
    let name = name(base, config);
    let cookie = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite={same_site}{secure}");
    fits.then(|| cookie.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_not_for_scripts_nor_for_other_sites() {
        let secure = Config { secure_cookies: true, ..Config::default() };
        assert_eq!(
            set_cookie(COOKIE, "v4.local.ab-_", 60, "Strict", &secure).unwrap(),
            "__Host-motcua_session=v4.local.ab-_; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        let plain = set_cookie(COOKIE, "a", 60, "Strict", &Config::default()).unwrap();
        assert!(!plain.to_str().unwrap().contains("Secure"));
        assert!(end(&secure).unwrap().to_str().unwrap().contains("Max-Age=0"));
        assert_eq!(set_cookie(COOKIE, "a; Domain=evil", 60, "Strict", &secure), None);
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; motcua_session=tok; c=d"));
        assert_eq!(cookie(&headers, COOKIE), Some("tok"));
        headers.insert(header::COOKIE, HeaderValue::from_static("xmotcua_session=tok"));
        assert_eq!(cookie(&headers, COOKIE), None);
    }

    #[test]
    fn the_way_back_stays_on_this_site() {
        assert_eq!(local("/can-bo/phieu/x?a=b"), Some("/can-bo/phieu/x?a=b"));
        for elsewhere in [
            "",
            "can-bo",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\tb",
            "/a b",
            "/dang-nhap",
            "/dang-xuat",
        ] {
            assert_eq!(local(elsewhere), None, "{elsewhere}");
        }
        assert_eq!(local(&format!("/{}", "a".repeat(BACK_MAX))), None);
    }
}
