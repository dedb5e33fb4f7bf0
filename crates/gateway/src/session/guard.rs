//! What stands before pages and REST: sessions that have ended are nobody's, those that are worked in are
//! renewed, and whose unit has been merged or renamed acts for the unit that goes on.

use axum::{
    extract::{FromRequestParts as _, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use runtime::Verified;

use super::{Bearer, Caller, SignedIn, written};
use crate::{
    pages::{self, kept},
    problem::Problem,
    state::Gateway,
};

/// Tokens are renewed when this share of the idle time, one part of so many, has gone.
const RENEWAL: i32 = 10;

/// On what a page asks for by itself, without anybody working.
const BACKGROUND: &str = "x-background";

/// Of pages.
pub(crate) async fn pages(State(gateway): State<Gateway>, mut request: Request, next: Next) -> Response {
    let caller = Caller::by_cookie(request.headers(), &gateway);
    let background = request.headers().contains_key(BACKGROUND);
    let (caller, renewed) = match looked_into(&gateway, caller, background).await {
        Ok(looked) => looked,
        Err(problem) => return problem.into_response(),
    };
    if caller.ended && *request.method() == Method::POST && pages::is_officers(request.uri().path()) {
        return kept::page(&gateway, request).await.into_response();
    }
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    // Who signs in or out has another cookie already.
    if let Some(cookie) = renewed.filter(|_| !response.headers().contains_key(header::SET_COOKIE)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The caller as routing knows it, and the cookie if it has to change.
async fn looked_into(
    gateway: &Gateway,
    caller: Caller,
    background: bool,
) -> Result<(Caller, Option<HeaderValue>), Problem> {
    let Some(mut signed_in) = caller.signed_in else { return Ok((caller, None)) };
    let held = gateway.standing().check(gateway, &signed_in.principal, signed_in.session.as_ref()).await?;
    if held.ended {
        return Ok((Caller::ENDED, None));
    }
    let now = gateway.context().clock.now();
    let expires = renewed(gateway, &signed_in, now).filter(|_| !background);
    let moved = held.unit.filter(|unit| signed_in.principal.unit.as_ref() != Some(unit));
    if expires.is_none() && moved.is_none() {
        return Ok((Caller { signed_in: Some(signed_in), ended: false }, None));
    }
    if let Some(unit) = moved {
        signed_in.principal.unit = Some(unit);
    }
    let SignedIn { principal, session, .. } = signed_in;
    let signed = Verified { principal, expires: expires.unwrap_or(signed_in.expires), session };
    let until = signed.session.as_ref().map_or(signed.expires, |session| session.until);
    let (token, cookie) = written(gateway, &signed, until)?;
    let Verified { principal, expires, session } = signed;
    let signed_in = SignedIn { token, principal, session, expires };
    Ok((Caller { signed_in: Some(signed_in), ended: false }, Some(cookie)))
}

/// Until when a session's next token is good, if it is time for one.
fn renewed(gateway: &Gateway, signed_in: &SignedIn, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let session = signed_in.session.as_ref()?;
    let idle = gateway.config().idle();
    let next = (now + idle).min(session.until);
    (next - signed_in.expires >= idle / RENEWAL).then_some(next)
}

/// Of REST: the services verify the token, but do not know which sessions have ended or which units are no
/// more.
pub(crate) async fn bearers(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let bearer = Bearer::from_request_parts(&mut parts, &gateway).await;
    let context = gateway.context();
    let read = |token: &str| context.tokens().read(token, context.clock.now()).ok();
    if let Some(said) = bearer.ok().as_ref().and_then(Bearer::token).and_then(read) {
        match standing_of(&gateway, said).await {
            Ok(Some(header)) => {
                parts.headers.insert(header::AUTHORIZATION, header);
            }
            Ok(None) => {}
            Err(problem) => return problem.into_response(),
        }
    }
    next.run(Request::from_parts(parts, body)).await
}

/// The header to use instead, where the unit has another name by now.
async fn standing_of(gateway: &Gateway, mut said: Verified) -> Result<Option<HeaderValue>, Problem> {
    let held = gateway.standing().check(gateway, &said.principal, said.session.as_ref()).await?;
    if held.ended {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "SESSION_ENDED"));
    }
    let Some(unit) = held.unit.filter(|unit| said.principal.unit.as_ref() != Some(unit)) else {
        return Ok(None);
    };
    said.principal.unit = Some(unit);
    let token = gateway.context().tokens().sign_as(&said);
    let header = token.ok().and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
    header.map(Some).ok_or_else(Problem::internal)
}
