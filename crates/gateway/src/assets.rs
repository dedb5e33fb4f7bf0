//! The style sheet and the script, inside the binary. Their URLs carry their hash, so browsers may
//! keep them for good.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::LazyLock,
};

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::state::Gateway;

const CSS: &str = include_str!("../assets/app.css");
const JS: &str = include_str!("../assets/app.js");
const ICON: &str = include_str!("../assets/icon.svg");
pub(crate) const OPENAPI: &str = include_str!("../openapi.json");

const FOREVER: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "public, max-age=300";

/// `/assets/app.css` with its hash.
pub(crate) static CSS_URL: LazyLock<String> = LazyLock::new(|| format!("/assets/app.css?v={}", hash(CSS)));
/// `/assets/app.js` with its hash.
pub(crate) static JS_URL: LazyLock<String> = LazyLock::new(|| format!("/assets/app.js?v={}", hash(JS)));

pub(crate) fn routes() -> Router<Gateway> {
    Router::new()
        .route("/assets/app.css", get(async |h: HeaderMap| file(&h, "text/css; charset=utf-8", FOREVER, CSS)))
        .route("/assets/app.js", get(async |h: HeaderMap| file(&h, "text/javascript", FOREVER, JS)))
        .route("/assets/icon.svg", get(async |h: HeaderMap| file(&h, "image/svg+xml", REVALIDATE, ICON)))
}

/// The OpenAPI document.
pub(crate) async fn openapi(headers: HeaderMap) -> Response {
    file(&headers, "application/json", REVALIDATE, OPENAPI)
}

fn hash(text: &str) -> String {
    // Without random keys: the same in every process of the same build.
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn file(headers: &HeaderMap, kind: &'static str, cache: &'static str, text: &'static str) -> Response {
    // Weak: compression changes the bytes.
    let tag = format!("W/\"{}\"", hash(text));
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes());
    let (status, body) = if known { (StatusCode::NOT_MODIFIED, "") } else { (StatusCode::OK, text) };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(tag) = tag.parse() {
        headers.insert(header::ETAG, tag);
    }
    response
}
