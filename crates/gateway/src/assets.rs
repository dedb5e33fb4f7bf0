//! The style sheet and the script, inside the binary. Their URLs carry their hash, so browsers may
//! keep them for good.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::LazyLock,
};

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::state::Gateway;

const CSS: &str = include_str!("../assets/app.css");
const JS: &str = include_str!("../assets/app.js");
const PLACE_JS: &str = include_str!("../assets/place.js");
const LIVE_JS: &str = include_str!("../assets/live.js");
const UNSENT_JS: &str = include_str!("../assets/unsent.js");
const ICON: &str = include_str!("../assets/icon.svg");
/// Be Vietnam Pro (OFL, `bvp-LICENSE.txt`), cut to Latin and Vietnamese.
const FONTS: [(&str, &[u8]); 4] = [
    ("/assets/bvp-400-latin.woff2", include_bytes!("../assets/bvp-400-latin.woff2")),
    ("/assets/bvp-400-vietnamese.woff2", include_bytes!("../assets/bvp-400-vietnamese.woff2")),
    ("/assets/bvp-600-latin.woff2", include_bytes!("../assets/bvp-600-latin.woff2")),
    ("/assets/bvp-600-vietnamese.woff2", include_bytes!("../assets/bvp-600-vietnamese.woff2")),
];
pub(crate) const OPENAPI: &str = include_str!("../openapi.json");

const FOREVER: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "public, max-age=300";

/// `/assets/app.css` with its hash.
pub(crate) static CSS_URL: LazyLock<String> = LazyLock::new(|| format!("/assets/app.css?v={}", hash(CSS)));
/// `/assets/app.js` with its hash.
pub(crate) static JS_URL: LazyLock<String> = LazyLock::new(|| format!("/assets/app.js?v={}", hash(JS)));

/// `/assets/place.js` with its hash.
pub(crate) static PLACE_JS_URL: LazyLock<String> =
    LazyLock::new(|| format!("/assets/place.js?v={}", hash(PLACE_JS)));

/// `/assets/live.js` with its hash.
pub(crate) static LIVE_JS_URL: LazyLock<String> =
    LazyLock::new(|| format!("/assets/live.js?v={}", hash(LIVE_JS)));

/// `/assets/unsent.js` with its hash.
pub(crate) static UNSENT_JS_URL: LazyLock<String> =
    LazyLock::new(|| format!("/assets/unsent.js?v={}", hash(UNSENT_JS)));

pub(crate) fn routes() -> Router<Gateway> {
    let font = |bytes: &'static [u8]| {
        get(async move || ([(header::CONTENT_TYPE, "font/woff2"), (header::CACHE_CONTROL, FOREVER)], bytes))
    };
    FONTS
        .into_iter()
        .fold(Router::new(), |router, (path, bytes)| router.route(path, font(bytes)))
        .route("/assets/app.css", get(async |h: HeaderMap| file(&h, "text/css; charset=utf-8", FOREVER, CSS)))
        .route("/assets/app.js", get(async |h: HeaderMap| file(&h, "text/javascript", FOREVER, JS)))
        .route("/assets/place.js", get(async |h: HeaderMap| file(&h, "text/javascript", FOREVER, PLACE_JS)))
        .route("/assets/live.js", get(async |h: HeaderMap| file(&h, "text/javascript", FOREVER, LIVE_JS)))
        .route("/assets/unsent.js", get(async |h: HeaderMap| file(&h, "text/javascript", FOREVER, UNSENT_JS)))
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
    let mut response = tagged(headers, cache, text);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// With a tag by its content; only the tag, to whoever has that content.
pub(crate) fn tagged(
    headers: &HeaderMap,
    cache: &'static str,
    text: impl AsRef<str> + IntoResponse,
) -> Response {
    let tag = tag(text.as_ref());
    known(headers, cache, &tag, text)
}

/// Weak: compression changes the bytes.
pub(crate) fn tag(text: &str) -> String {
    format!("W/\"{}\"", hash(text))
}

/// Only the tag, to whoever has what it stands for.
pub(crate) fn known(
    headers: &HeaderMap,
    cache: &'static str,
    tag: &str,
    content: impl IntoResponse,
) -> Response {
    let known = has(headers, tag);
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { content.into_response() };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(tag) = tag.parse() {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Whether the caller has what the tag stands for (RFC 9110, 13.1.2): tags are compared weakly.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    // Our tags have no comma: a foreign one that has is cut into pieces none of which is ours.
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|theirs| theirs == "*" || opaque(theirs) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_the_content_is_known_by_any_of_their_tags() {
        let known = |lines: &[&'static str]| {
            let lines = lines.iter().map(|line| (header::IF_NONE_MATCH, HeaderValue::from_static(line)));
            has(&lines.collect(), "W/\"1f\"")
        };
        assert!(known(&["W/\"1f\""]) && known(&["\"1f\""]) && known(&["*"]));
        assert!(known(&["\"a\", W/\"b,c\" , W/\"1f\""]) && known(&["\"a\"", "\"1f\""]));
        assert!(!known(&[]) && !known(&["\"1\", \"f\""]) && !known(&["1f"]) && !known(&["\"*\""]));
    }
}
