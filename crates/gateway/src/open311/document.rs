//! The documents of Open311, with the element names of the specification.

use api::{
    Timestamp,
    intake::v1::{PublicReport, ReportField, SubmitQuestionResponse, TicketState},
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{FixedOffset, SecondsFormat};
use serde::Serialize;

use super::Answer;
use crate::{language::Language, organisation::Organisation, problem::Problem};

const PROLOGUE: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
/// Asia/Ho_Chi_Minh has had this offset, without summer time, since 1975.
const OFFSET_SECONDS: i32 = 7 * 3600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Xml,
    Json,
}

impl Format {
    pub fn of(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1 {
            "xml" => Some(Self::Xml),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    fn respond(self, status: StatusCode, text: String) -> Response {
        let kind = match self {
            Self::Xml => "text/xml; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        };
        (status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response()
    }
}

#[derive(Serialize)]
pub(super) struct Service {
    service_code: String,
    service_name: String,
    description: String,
    /// Whether there are more questions to answer; there are none.
    metadata: bool,
    r#type: &'static str,
    keywords: String,
    group: String,
}

impl Service {
    pub fn new(field: ReportField, language: Language, organisation: &Organisation) -> Self {
        let english = language == Language::English && !field.description_en.is_empty();
        Self {
            service_name: organisation.field_name(&field.field),
            service_code: field.field,
            description: if english { field.description_en } else { field.description },
            metadata: false,
            r#type: "realtime",
            keywords: field.keywords.join(","),
            group: field.group,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Request {
    service_request_id: String,
    status: &'static str,
    status_notes: String,
    service_name: String,
    service_code: String,
    description: String,
    agency_responsible: String,
    service_notice: Option<String>,
    requested_datetime: String,
    updated_datetime: String,
    expected_datetime: Option<String>,
    /// Addresses are not public.
    address: Option<String>,
    address_id: Option<String>,
    zipcode: Option<String>,
    lat: f64,
    long: f64,
    media_url: Option<String>,
}

impl Request {
    pub fn new(report: PublicReport, organisation: &Organisation, origin: &str) -> Self {
        let place = report.place.unwrap_or_default();
        let photo = format!("{origin}/phan-anh/{}/anh/1", report.ticket_id);
        Self {
            status: match report.state() {
                TicketState::Answered | TicketState::Closed | TicketState::Withdrawn => "closed",
                TicketState::Unspecified | TicketState::Received | TicketState::Routed => "open",
            },
            service_name: organisation.field_name(&report.field),
            requested_datetime: moment(report.submitted_at.as_ref()).unwrap_or_default(),
            updated_datetime: moment(report.updated_at.as_ref()).unwrap_or_default(),
            expected_datetime: moment(report.due_at.as_ref()),
            media_url: (report.photos > 0).then_some(photo),
            service_request_id: report.ticket_id,
            status_notes: report.answer,
            service_code: report.field,
            description: report.text,
            agency_responsible: report.unit_name,
            service_notice: None,
            address: None,
            address_id: None,
            zipcode: None,
            lat: place.latitude,
            long: place.longitude,
        }
    }
}

/// With an offset from UTC, as the specification wants it.
fn moment(at: Option<&Timestamp>) -> Option<String> {
    let at = api::time(at)?.with_timezone(&FixedOffset::east_opt(OFFSET_SECONDS)?);
    Some(at.to_rfc3339_opts(SecondsFormat::Secs, false))
}

#[derive(Serialize)]
pub(super) struct Created {
    service_request_id: String,
    service_notice: String,
    account_id: Option<String>,
}

impl Created {
    /// Only whoever sent the report is told its tracking code.
    pub fn new(response: SubmitQuestionResponse) -> Self {
        Self {
            service_request_id: response.ticket_id,
            service_notice: format!("Mã tra cứu / tracking code: {}", response.tracking_code),
            account_id: None,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Token {
    pub service_request_id: String,
    pub token: String,
}

#[derive(Serialize)]
struct Refused<'a> {
    code: u16,
    description: &'a str,
}

/// A list: an element around elements in XML, an array in JSON.
pub(super) fn list<T: Serialize>(format: Format, around: &str, each: &str, items: &[T]) -> Answer {
    Ok(format.respond(StatusCode::OK, written(format, around, each, items).ok_or_else(unwritten)?))
}

fn written<T: Serialize>(format: Format, around: &str, each: &str, items: &[T]) -> Option<String> {
    if format == Format::Json {
        return serde_json::to_string(items).ok();
    }
    let items = items.iter().map(|item| quick_xml::se::to_string_with_root(each, item).ok());
    let items = items.collect::<Option<String>>()?;
    Some(format!("{PROLOGUE}<{around}>{items}</{around}>"))
}

/// A service without further questions.
pub(super) fn definition(format: Format, service_code: &str) -> Answer {
    #[derive(Serialize)]
    struct Definition<'a> {
        service_code: &'a str,
        attributes: [(); 0],
    }
    #[derive(Serialize)]
    struct Element<'a> {
        service_code: &'a str,
        attributes: &'static str,
    }
    let text = match format {
        Format::Json => serde_json::to_string(&Definition { service_code, attributes: [] }).ok(),
        Format::Xml => {
            let element = Element { service_code, attributes: "" };
            let element = quick_xml::se::to_string_with_root("service_definition", &element).ok();
            element.map(|element| format!("{PROLOGUE}{element}"))
        }
    };
    Ok(format.respond(StatusCode::OK, text.ok_or_else(unwritten)?))
}

pub(super) fn errors(format: Format, status: StatusCode, description: &str) -> Response {
    let error = Refused { code: status.as_u16(), description };
    format.respond(status, written(format, "errors", "error", &[error]).unwrap_or_default())
}

fn unwritten() -> Problem {
    tracing::error!("an Open311 document was not written");
    Problem::internal()
}
