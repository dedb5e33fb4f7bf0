//! Askers who show who they are, at a provider of identities. Who it was stays in the asker's browser, sealed, and goes
//! to intake with what is asked.

use api::intake::v1::VerifiedIdentity;
use askama::Template;
use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderMap, HeaderValue, StatusCode, request::Parts},
    response::{IntoResponse as _, Redirect, Response},
};
use chrono::Duration;

use super::{
    Frame, Page, page,
    sign_in::with_cookie,
    sign_on::{Way, begin, came_back, used},
};
use crate::{
    fields::{Fields, Query},
    oidc::{self, Asker, Provider},
    problem::Problem,
    session,
    state::Gateway,
};

pub(super) const START: &str = "/xac-thuc";
/// Where it ends: an address without the provider's code, which counts once.
pub(super) const END: &str = "/xac-thuc/xong";

const WAY: Way = Way { cookie: "motcua_verify", purpose: "an asker at the provider" };
const COOKIE: &str = "motcua_asker";
const PURPOSE: &str = "who an asker is";

/// How long somebody may ask as who they showed to be.
const MINUTES: u32 = 30;

/// The asker as a provider told, if one did lately.
pub(super) struct Shown(pub Option<Asker>);

impl Shown {
    pub(super) fn name(&self) -> &str {
        self.0.as_ref().map_or("", |asker| if asker.name.is_empty() { &asker.subject } else { &asker.name })
    }

    pub(super) fn identity(&self) -> Option<VerifiedIdentity> {
        let Asker { issuer, subject, name } = self.0.clone()?;
        Some(VerifiedIdentity { issuer, subject, name })
    }
}

impl FromRequestParts<Gateway> for Shown {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Self::Rejection> {
        let context = gateway.context();
        let sealed = session::cookie(&parts.headers, &session::name(COOKIE, gateway.config()));
        Ok(Self(sealed.and_then(|sealed| context.tokens().open(PURPOSE, sealed, context.clock.now()))))
    }
}

#[derive(Template)]
#[template(path = "verified.html")]
struct VerifiedPage {
    frame: Frame,
    name: String,
    minutes: u32,
}

fn provider(gateway: &Gateway) -> Result<&Provider, Problem> {
    gateway.asker_provider().ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "ROUTE_UNKNOWN"))
}

pub(super) async fn start(State(gateway): State<Gateway>, headers: HeaderMap) -> Page {
    begin(&gateway, provider(&gateway)?, &WAY, &headers, String::new()).await
}

/// The provider's redirect. Whatever comes of it, it counts once.
pub(super) async fn complete(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    Query(query): Query,
) -> Response {
    let completed = completed(&gateway, &headers, &query).await;
    used(&gateway, &WAY, completed)
}

async fn completed(gateway: &Gateway, headers: &HeaderMap, query: &Fields) -> Page {
    let (claims, _) = came_back(gateway, provider(gateway)?, &WAY, headers, query).await?;
    let asker = oidc::asker(&gateway.config().asker_oidc.issuer, &claims)?;
    let context = gateway.context();
    let until = context.clock.now() + Duration::minutes(MINUTES.into());
    let sealed = context.tokens().seal(PURPOSE, &asker, Some(until)).map_err(|error| {
        tracing::error!(%error, "an asker's identity was not sealed");
        Problem::internal()
    })?;
    // Lax: the page may be opened again by a link from elsewhere; a form from elsewhere does not bring it.
    let cookie = session::set_cookie(COOKIE, &sealed, u64::from(MINUTES) * 60, "Lax", gateway.config());
    Ok(with_cookie(Redirect::to(END).into_response(), cookie))
}

/// Who one is now; who is nobody may begin anew at the form.
pub(super) async fn end(frame: Frame, shown: Shown) -> Page {
    if shown.0.is_none() {
        return Ok(Redirect::to("/").into_response());
    }
    let name = shown.name().to_owned();
    page(StatusCode::OK, &VerifiedPage { frame, name, minutes: MINUTES })
}

/// `Set-Cookie` of an asker who is nobody again.
pub(super) fn forget(gateway: &Gateway) -> Option<HeaderValue> {
    session::set_cookie(COOKIE, "", 0, "Lax", gateway.config())
}
