use axum::http::HeaderMap;
use serde_json::{Value, json};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::*;

fn document(status: tonic::Status, language: Language) -> Value {
    serde_json::to_value(Problem::from(status).document(language)).unwrap()
}

#[test]
fn every_code_has_its_http_status() {
    for (code, http) in [
        (Code::InvalidArgument, 400),
        (Code::OutOfRange, 400),
        (Code::Unauthenticated, 401),
        (Code::PermissionDenied, 403),
        (Code::NotFound, 404),
        (Code::AlreadyExists, 409),
        (Code::FailedPrecondition, 409),
        (Code::Aborted, 409),
        (Code::ResourceExhausted, 429),
        (Code::Unavailable, 503),
        (Code::DeadlineExceeded, 504),
        (Code::Cancelled, 504),
        (Code::Internal, 500),
        (Code::Unknown, 500),
        (Code::DataLoss, 500),
        (Code::Unimplemented, 500),
    ] {
        let problem = Problem::from(tonic::Status::new(code, "x"));
        assert_eq!(problem.status.as_u16(), http, "{code:?}");
        assert!(TITLES.statuses.contains_key(&http), "{http} has no title");
    }
}

#[test]
fn the_reason_and_the_fields_come_from_the_rich_error() {
    let mut details = ErrorDetails::new();
    details.set_error_info("TEXT_EMPTY", "motcua", HashMap::new());
    details.add_bad_request_violation("asker.phone_number", "is too long");
    let status =
        tonic::Status::with_error_details(Code::InvalidArgument, "phone number is too long", details);
    assert_eq!(
        document(status, Language::English),
        json!({
            "type": "urn:motcua:problem:text-empty",
            "title": "The text is empty",
            "status": 400,
            "detail": "phone number is too long",
            "reason": "TEXT_EMPTY",
            "field": "asker.phoneNumber",
            "errors": [{"field": "asker.phoneNumber", "detail": "is too long"}],
        })
    );
}

#[test]
fn an_internal_error_tells_nothing() {
    let mut details = ErrorDetails::new();
    details.set_error_info("SECRET", "motcua", HashMap::new());
    let status = tonic::Status::with_error_details(Code::Internal, "password=1", details);
    let document = document(status, Language::Vietnamese);
    assert_eq!(document["reason"], "INTERNAL");
    assert_eq!(document.get("detail"), None);
}

#[test]
fn a_transports_message_is_not_shown() {
    let document = document(tonic::Status::unavailable("tcp connect 10.0.0.7"), Language::English);
    assert_eq!(document["type"], "urn:motcua:problem:unavailable");
    assert_eq!(document.get("detail"), None);
}

#[test]
fn titles_are_vietnamese_unless_english_is_preferred() {
    let language = |accepted: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepted));
        Language::accepted(&headers)
    };
    assert_eq!(Language::accepted(&HeaderMap::new()), Language::Vietnamese);
    assert_eq!(language("en-GB,en;q=0.9"), Language::English);
    assert_eq!(language("fr, vi;q=0.8, en;q=0.7"), Language::Vietnamese);
    assert_eq!(language("*"), Language::Vietnamese);
}

#[test]
fn every_title_is_written_in_both_languages() {
    for title in TITLES.reasons.values().chain(TITLES.statuses.values()) {
        assert!(!title.vi.is_empty() && !title.en.is_empty());
    }
}
