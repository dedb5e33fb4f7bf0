//! What stands before every handler: limits, security headers, cross-site checks.

use std::any::Any;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{problem::Problem, state::Gateway, upload};

/// Refuses what is over the concurrency limit, and gives up after the time limit.
pub(crate) async fn limits(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let Ok(_place) = gateway.places().try_acquire() else {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED").into_response();
    };
    let timeout = if upload::is_upload(request.uri().path(), request.headers()) {
        gateway.config().upload_timeout()
    } else {
        gateway.config().timeout()
    };
    match tokio::time::timeout(timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::GATEWAY_TIMEOUT, "TIMEOUT").into_response(),
    }
}

pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response {
    // The panic hook has logged it; its message may hold what the caller sent.
    Problem::internal().into_response()
}

const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Security headers on every answer, but where the route has its own; `no-store` where the route says nothing about caching.
pub(crate) async fn headers(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if gateway.config().secure_cookies {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses forms posted from another site. Beside it the session cookie is `SameSite=Strict`.
pub(crate) async fn same_site(request: Request, next: Next) -> Response {
    if request.method() == Method::POST && !is_same_site(request.headers()) {
        return Problem::new(StatusCode::FORBIDDEN, "CROSS_SITE").into_response();
    }
    next.run(request).await
}

fn is_same_site(headers: &HeaderMap) -> bool {
    let header = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(site) = header(HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    match (header(header::ORIGIN), header(header::HOST)) {
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, origin)| origin.eq_ignore_ascii_case(host))
        }
        (Some(_), None) => false,
        // Browsers send one of the two; whatever sends neither is not carrying a victim's cookie.
        (None, _) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same_site(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
            .collect::<HeaderMap>();
        is_same_site(&headers)
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        assert!(same_site(&[]));
        assert!(same_site(&[("sec-fetch-site", "same-origin")]));
        assert!(same_site(&[("origin", "https://hoi.gov.vn"), ("host", "hoi.gov.vn")]));
        assert!(!same_site(&[("sec-fetch-site", "cross-site")]));
        assert!(!same_site(&[("sec-fetch-site", "same-site")]));
        assert!(!same_site(&[("origin", "https://evil.example"), ("host", "hoi.gov.vn")]));
        assert!(!same_site(&[("origin", "null"), ("host", "hoi.gov.vn")]));
    }
}
