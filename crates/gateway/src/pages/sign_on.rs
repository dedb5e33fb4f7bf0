//! Sign-in by the agency's own accounts: to the provider, and back from it.
//!
//! Both ways out of the site lead over a page that goes on by itself: the session's cookie comes only with what
//! this site began (`SameSite=Strict`), which a redirect that the provider began is not; and browsers count a
//! redirect after a form as the form's (`form-action 'self'`).

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use chrono::Duration;
use runtime::SignedInBy;
use serde_json::Value;

use super::{
    Frame, Page, page,
    sign_in::{home, with_cookie},
};
use crate::{
    fields::{Fields, Query},
    oidc::{self, Pending, Provider},
    problem::Problem,
    session::{self, Begins, local},
    state::Gateway,
};

pub(super) const START: &str = "/dang-nhap/co-quan";

/// What the browser keeps while it is at a provider.
pub(super) struct Way {
    pub cookie: &'static str,
    pub purpose: &'static str,
}

const WAY: Way = Way { cookie: "motcua_sign_in", purpose: "sign-in at the provider" };

/// How long somebody may take there.
const MINUTES: u32 = 10;

#[derive(Template)]
#[template(path = "onward.html")]
struct OnwardPage {
    frame: Frame,
    to: String,
    message: &'static str,
}

fn provider(gateway: &Gateway) -> Result<&Provider, Problem> {
    gateway.provider().ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "ROUTE_UNKNOWN"))
}

/// To the provider.
pub(super) async fn begin(
    gateway: &Gateway,
    provider: &Provider,
    way: &Way,
    headers: &HeaderMap,
    back: String,
) -> Page {
    let (to, pending) = provider.begin(&gateway.config().origin(headers), back).await?;
    let context = gateway.context();
    let until = context.clock.now() + Duration::minutes(MINUTES.into());
    let sealed = context.tokens().seal(way.purpose, &pending, Some(until)).map_err(|error| {
        tracing::error!(%error, "a sign-in was not begun");
        Problem::internal()
    })?;
    let seconds = u64::from(MINUTES) * 60;
    // Lax: it has to come with the provider's redirect.
    let cookie = session::set_cookie(way.cookie, &sealed, seconds, "Lax", gateway.config());
    Ok(with_cookie(Redirect::to(&to).into_response(), cookie))
}

/// The claims of who came back from the provider, and what was kept meanwhile.
pub(super) async fn came_back(
    gateway: &Gateway,
    provider: &Provider,
    way: &Way,
    headers: &HeaderMap,
    query: &Fields,
) -> Result<(Value, Pending), Problem> {
    let (context, config) = (gateway.context(), gateway.config());
    let now = context.clock.now();
    let sealed = session::cookie(headers, &session::name(way.cookie, config));
    let pending: Option<Pending> = sealed.and_then(|sealed| context.tokens().open(way.purpose, sealed, now));
    let pending = pending.ok_or_else(|| Problem::invalid("SIGN_IN_STALE"))?;
    let claims = provider.complete(&config.origin(headers), query, &pending, now).await?;
    Ok((claims, pending))
}

/// What came of it, without what was kept.
pub(super) fn used(gateway: &Gateway, way: &Way, outcome: Page) -> Response {
    let used = session::set_cookie(way.cookie, "", 0, "Lax", gateway.config());
    with_cookie(outcome.unwrap_or_else(IntoResponse::into_response), used)
}

pub(super) async fn start(State(gateway): State<Gateway>, headers: HeaderMap, Query(query): Query) -> Page {
    let back = query.text("ve");
    let back = local(&back).unwrap_or_default().to_owned();
    begin(&gateway, provider(&gateway)?, &WAY, &headers, back).await
}

/// The provider's redirect. Whatever comes of it, it counts once.
pub(super) async fn complete(
    State(gateway): State<Gateway>,
    frame: Frame,
    headers: HeaderMap,
    Query(query): Query,
) -> Response {
    let completed = completed(&gateway, frame, &headers, &query).await;
    used(&gateway, &WAY, completed)
}

async fn completed(gateway: &Gateway, frame: Frame, headers: &HeaderMap, query: &Fields) -> Page {
    let (claims, pending) = came_back(gateway, provider(gateway)?, &WAY, headers, query).await?;
    let mut identity = oidc::identity(&gateway.config().oidc, &claims)?;
    if let Some(unit) = &identity.principal.unit {
        let held = gateway.standing().check(gateway, &identity.principal, None).await?;
        let in_force = held.unit.ok_or_else(|| {
            tracing::info!(unit, "a unit of the provider's is not in force");
            Problem::new(StatusCode::FORBIDDEN, "UNIT_NOT_IN_FORCE")
        })?;
        identity.principal.unit = Some(in_force);
    }
    let to = local(&pending.back).unwrap_or_else(|| home(identity.principal.role)).to_owned();
    let begins =
        Begins { principal: identity.principal, by: SignedInBy::Provider, name: identity.name, until: None };
    let cookie = session::start(gateway, begins)?;
    let message = "sign-in-done";
    Ok(with_cookie(page(StatusCode::OK, &OnwardPage { frame, to, message })?, Some(cookie)))
}

/// The page that leads on to the provider's own sign-out, if it has one.
pub(super) async fn sign_out(gateway: &Gateway, headers: &HeaderMap, frame: Frame) -> Option<Response> {
    let to = gateway.provider()?.sign_out(&gateway.config().origin(headers)).await?;
    page(StatusCode::OK, &OnwardPage { frame, to, message: "sign-out-onward" }).ok()
}
