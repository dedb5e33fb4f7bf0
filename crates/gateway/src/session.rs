//! Who is calling: a bearer token in the header (REST) or in the session cookie (pages).

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::Redirect,
};
use runtime::{Principal, RoleName};

use crate::{config::Config, problem::Problem, state::Gateway};

const COOKIE: &str = "motcua_session";
pub(crate) const SIGN_IN: &str = "/dang-nhap";

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
pub(crate) struct SignedIn {
    pub token: String,
    pub principal: Principal,
}

impl SignedIn {
    /// Whether this role moves questions between units.
    pub fn assigns(&self) -> bool {
        matches!(self.principal.role, RoleName::Dispatcher | RoleName::Operator)
    }

    /// Whether the session has not ended since.
    pub fn still_holds(&self, gateway: &Gateway) -> bool {
        let context = gateway.context();
        context.tokens().verify(&self.token, context.clock.now()).is_ok()
    }

    /// Whether a session or a bearer token that holds comes with the request.
    pub fn is_known(headers: &HeaderMap, gateway: &Gateway) -> bool {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let bearer = bearer.and_then(|v| v.split_once(' ')).map(|(_, token)| token.trim());
        let context = gateway.context();
        let holds = |token: &str| context.tokens().verify(token, context.clock.now()).is_ok();
        bearer.is_some_and(holds) || cookie(headers, COOKIE).is_some_and(holds)
    }

    fn of(headers: &HeaderMap, gateway: &Gateway) -> Option<Self> {
        let token = cookie(headers, COOKIE)?;
        let context = gateway.context();
        let principal = context.tokens().verify(token, context.clock.now()).ok()?;
        Some(Self { token: token.to_owned(), principal })
    }
}

impl FromRequestParts<Gateway> for SignedIn {
    type Rejection = Redirect;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Redirect> {
        Self::of(&parts.headers, gateway).ok_or_else(|| Redirect::to(SIGN_IN))
    }
}

/// A browser that may be signed in.
pub(crate) struct Visitor(pub Option<SignedIn>);

impl FromRequestParts<Gateway> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Self::Rejection> {
        Ok(Self(SignedIn::of(&parts.headers, gateway)))
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted).then_some(value))
}

/// `Set-Cookie` that starts a session; `None` if the token has characters that a cookie cannot hold.
pub(crate) fn start(token: &str, config: &Config) -> Option<HeaderValue> {
    let fits = token.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let max_age = u64::from(config.session_hours) * 3600;
    fits.then(|| set_cookie(token, max_age, config)).flatten()
}

/// `Set-Cookie` that ends a session.
pub(crate) fn end(config: &Config) -> Option<HeaderValue> {
    set_cookie("", 0, config)
}

fn set_cookie(value: &str, max_age: u64, config: &Config) -> Option<HeaderValue> {
    let secure = if config.secure_cookies { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_not_for_scripts_nor_for_other_sites() {
        let secure = Config { secure_cookies: true, ..Config::default() };
        assert_eq!(
            start("v4.local.ab-_", &secure).unwrap(),
            "motcua_session=v4.local.ab-_; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(!start("a", &Config::default()).unwrap().to_str().unwrap().contains("Secure"));
        assert!(end(&secure).unwrap().to_str().unwrap().contains("Max-Age=0"));
        assert_eq!(start("a; Domain=evil", &secure), None);
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; motcua_session=tok; c=d"));
        assert_eq!(cookie(&headers, COOKIE), Some("tok"));
        headers.insert(header::COOKIE, HeaderValue::from_static("xmotcua_session=tok"));
        assert_eq!(cookie(&headers, COOKIE), None);
    }
}
