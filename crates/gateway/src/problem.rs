//! Errors as the caller reads them: RFC 9457, made in one place from gRPC statuses.

use std::{borrow::Cow, collections::HashMap, error::Error as _, sync::LazyLock};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::language::Language;

/// Titles by reason and, where a reason has none, by HTTP status.
static TITLES: LazyLock<Titles> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../titles.json")).expect("titles.json is checked by a test")
});
const RETRY_AFTER_SECONDS: &str = "2";

#[derive(Deserialize)]
struct Titles {
    reasons: HashMap<String, Title>,
    statuses: HashMap<u16, Title>,
}

#[derive(Deserialize)]
struct Title {
    vi: String,
    en: String,
}

/// A refusal on its way to the caller. As a response it has no body yet: [`render`] writes JSON,
/// the pages write HTML.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub status: StatusCode,
    /// A stable code, like `STALE_VERSION`.
    pub reason: Cow<'static, str>,
    detail: Option<String>,
    errors: Vec<Violation>,
}

#[derive(Clone, Debug, Serialize)]
struct Violation {
    field: String,
    detail: String,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Violation],
}

impl Problem {
    pub fn new(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason: reason.into(), detail: None, errors: Vec::new() }
    }

    pub fn invalid(reason: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    /// The caller is told nothing; whoever makes it logs the cause.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL")
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub fn field(mut self, field: &str, detail: impl Into<String>) -> Self {
        self.errors.push(Violation { field: camel_case(field), detail: detail.into() });
        self
    }

    pub fn title(&self, language: Language) -> &'static str {
        let title = TITLES
            .reasons
            .get(&*self.reason)
            .or_else(|| TITLES.statuses.get(&self.status.as_u16()))
            .unwrap_or(&TITLES.statuses[&500]);
        match language {
            Language::Vietnamese => &title.vi,
            Language::English => &title.en,
        }
    }

    /// The sentence behind the title.
    pub fn into_detail(self) -> String {
        self.detail.unwrap_or_default()
    }

    /// The first field that the refusal names.
    pub fn first_field(&self) -> Option<&str> {
        self.errors.first().map(|v| &*v.field)
    }

    fn document(&self, language: Language) -> Document<'_> {
        Document {
            r#type: format!("urn:motcua:problem:{}", kebab_case(&self.reason)),
            title: self.title(language),
            status: self.status.as_u16(),
            detail: self.detail.as_deref(),
            reason: &self.reason,
            field: self.first_field(),
            errors: &self.errors,
        }
    }
}

/// The closed table from gRPC to HTTP, and the fallback reason of each code.
fn http_status(status: &tonic::Status) -> (StatusCode, &'static str) {
    match status.code() {
        Code::InvalidArgument | Code::OutOfRange => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
        Code::Unauthenticated => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        Code::PermissionDenied => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
        Code::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        Code::AlreadyExists => (StatusCode::CONFLICT, "ALREADY_EXISTS"),
        Code::FailedPrecondition => (StatusCode::CONFLICT, "FAILED_PRECONDITION"),
        Code::Aborted => (StatusCode::CONFLICT, "ABORTED"),
        Code::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
        Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        // tonic reports its own timeout as a cancellation.
        Code::DeadlineExceeded | Code::Cancelled => (StatusCode::GATEWAY_TIMEOUT, "TIMEOUT"),
        // A connection that breaks while a call is under way has no better code.
        _ if status.source().is_some_and(<dyn std::error::Error>::is::<tonic::transport::Error>) => {
            (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE")
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
    }
}

impl From<tonic::Status> for Problem {
    fn from(status: tonic::Status) -> Self {
        let (http, fallback) = http_status(&status);
        if http.is_server_error() {
            tracing::warn!(code = ?status.code(), http = http.as_u16(), "a peer failed");
        }
        let mut problem = Self::new(http, fallback);
        if http == StatusCode::INTERNAL_SERVER_ERROR {
            return problem;
        }
        let details = status.get_error_details();
        // Without our services' own words the message is the transport's: not for callers.
        if let Some(info) = details.error_info() {
            problem.reason = info.reason.clone().into();
            problem.detail = Some(status.message().to_owned());
        }
        for violation in details.bad_request().into_iter().flat_map(|b| &b.field_violations) {
            problem = problem.field(&violation.field, &violation.description);
        }
        problem
    }
}

impl From<runtime::Refusal> for Problem {
    fn from(refusal: runtime::Refusal) -> Self {
        tonic::Status::from(refusal).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes a problem that nothing else wrote as `application/problem+json`, in the caller's language.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let language = Language::accepted(request.headers());
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let document = serde_json::to_vec(&problem.document(language)).unwrap_or_default();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    *response.body_mut() = Body::from(document);
    response
}

fn kebab_case(reason: &str) -> String {
    reason.to_ascii_lowercase().replace('_', "-")
}

/// `asker.phone_number` → `asker.phoneNumber`: fields are named as the JSON names them.
fn camel_case(field: &str) -> String {
    let mut camel = String::with_capacity(field.len());
    let mut raise = false;
    for c in field.chars() {
        if c == '_' {
            raise = true;
        } else {
            camel.push(if raise { c.to_ascii_uppercase() } else { c });
            raise = false;
        }
    }
    camel
}

#[cfg(test)]
mod tests;
