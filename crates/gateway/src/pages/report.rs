//! Reports from the field: photos, what their unit sees beside the text, and the public page.

use api::{
    Timestamp,
    intake::v1::{
        FindNearestReportRequest, GetPhotoRequest, GetPublicReportRequest, GetReportRequest, NearReport,
        Place, PublicReport, Publicity, SetPublicityRequest,
    },
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};

use super::{Frame, Page, officer::show, page, segment, typed::Typed, words};
use crate::{
    body::PathPart,
    fields::{Fields, Form, Query},
    language::{Language, Said},
    problem::Problem,
    session::SignedIn,
    state::Gateway,
};

/// Larger than any photo that intake keeps.
const PHOTO_MAX: usize = 16 * 1024 * 1024;
/// Nothing that is in a photo may run or load anything, whatever a browser makes of it.
const SANDBOX: &str = "sandbox; default-src 'none'";

/// Photos on a page: where the page with them is, and their numbers.
pub(super) struct Photos {
    pub base: String,
    pub numbers: Vec<u32>,
}

impl Photos {
    pub fn new(base: String, count: u32) -> Self {
        Self { base, numbers: (1..=count).collect() }
    }
}

/// A place in words: degrees, and an address that opens a map where there is one.
pub(super) struct Spot {
    pub degrees: String,
    pub link: String,
}

impl Spot {
    pub fn new(place: &Place) -> Self {
        let degrees = |separator| format!("{:.4}{separator}{:.4}", place.latitude, place.longitude);
        Self { degrees: degrees(", "), link: format!("geo:{}", degrees(",")) }
    }
}

/// Another report that waits, offered.
pub(super) struct Near {
    pub segment: String,
    pub excerpt: String,
    pub metres: u32,
    pub sent: String,
}

impl Near {
    pub fn new(language: Language, near: NearReport) -> Self {
        Self {
            segment: segment(&near.ticket_id),
            excerpt: near.excerpt,
            metres: near.metres,
            sent: words::moment(language, near.submitted_at.as_ref()),
        }
    }
}

/// The nearest public report; `None` also while intake cannot say: the question goes on without.
pub(super) async fn nearest(
    gateway: &Gateway,
    language: Language,
    place: Place,
    field: &str,
) -> Option<Near> {
    let request = FindNearestReportRequest { place: Some(place), field: field.to_owned() };
    let found = gateway.reports(None).find_nearest_report(gateway.ask(request)).await.ok()?;
    Some(Near::new(language, found.into_inner().nearest?))
}

/// What a report's unit sees beside its text.
pub(super) struct OfUnit {
    pub spot: Option<Spot>,
    pub address: String,
    pub photos: Photos,
    pub nearest: Option<Near>,
    pub publicity: &'static str,
    pub photos_may_be_public: bool,
}

/// `None`: intake cannot be reached, or the caller's role does not see it; the page is of use without.
pub(super) async fn of_unit(
    gateway: &Gateway,
    language: Language,
    caller: &SignedIn,
    ticket_id: &str,
) -> Option<OfUnit> {
    let request = gateway.ask(GetReportRequest { ticket_id: ticket_id.to_owned() });
    let report = gateway.reports(Some(&caller.token)).get_report(request).await.ok()?.into_inner();
    let publicity = code(report.publicity());
    Some(OfUnit {
        spot: report.place.as_ref().map(Spot::new),
        address: report.address,
        photos: Photos::new(format!("/can-bo/phieu/{}", segment(ticket_id)), report.photos),
        nearest: report.nearest.map(|near| Near::new(language, near)),
        publicity,
        photos_may_be_public: report.photos_may_be_public,
    })
}

const PUBLICITIES: [(&str, Publicity); 3] =
    [("an", Publicity::Hidden), ("chu", Publicity::Text), ("anh", Publicity::Photos)];

fn code(publicity: Publicity) -> &'static str {
    PUBLICITIES.iter().find(|(_, one)| *one == publicity).map_or("", |(code, _)| code)
}

pub(super) async fn publish(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let wanted = fields.text("cong-khai");
    let publicity = PUBLICITIES.iter().find(|(code, _)| *code == wanted).map(|(_, one)| *one);
    let publicity = publicity.ok_or_else(|| Problem::invalid("PUBLICITY_UNKNOWN"))?;
    let request = SetPublicityRequest { ticket_id: ticket_id.clone(), publicity: publicity.into() };
    let Err(status) = gateway.reports(Some(&caller.token)).set_publicity(gateway.ask(request)).await else {
        return Ok(Redirect::to(&format!("/can-bo/phieu/{}", segment(&ticket_id))).into_response());
    };
    show(&gateway, frame, &caller, ticket_id, Typed::default(), Some(&status.into())).await
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    frame: Frame,
    state: Said,
    field: String,
    text: String,
    spot: Option<Spot>,
    photos: Photos,
    sent: String,
    due: String,
    unit: String,
    answer: String,
}

impl ReportPage {
    fn new(frame: Frame, report: PublicReport, field: String) -> Self {
        let language = frame.language;
        let moment = |at: Option<&Timestamp>| words::moment(language, at);
        let answered = !report.answer.is_empty();
        Self {
            state: words::ticket_state(language, report.state()),
            field,
            spot: report.place.as_ref().map(Spot::new),
            photos: Photos::new(format!("/phan-anh/{}", segment(&report.ticket_id)), report.photos),
            sent: moment(report.submitted_at.as_ref()),
            due: if answered { String::new() } else { moment(report.due_at.as_ref()) },
            text: report.text,
            unit: report.unit_name,
            answer: report.answer,
            frame,
        }
    }
}

/// A public report, for those who follow it without having sent it.
pub(super) async fn public(
    State(gateway): State<Gateway>,
    frame: Frame,
    PathPart(ticket_id): PathPart,
) -> Page {
    let request = gateway.ask(GetPublicReportRequest { ticket_id });
    let found = gateway.reports(None).get_public_report(request).await?.into_inner();
    let report = found.report.unwrap_or_default();
    let field = gateway.organisation().await.field_name(&report.field);
    page(StatusCode::OK, &ReportPage::new(frame, report, field))
}

/// The path's ticket or code, and the number of the photo.
type Numbered = Result<Path<(String, u32)>, axum::extract::rejection::PathRejection>;

pub(super) async fn photo_of_asker(
    State(gateway): State<Gateway>,
    path: Numbered,
    Query(query): Query,
) -> Page {
    let (tracking_code, number) = numbered(path)?;
    let request = GetPhotoRequest { tracking_code, number, ..asked(&query) };
    photo(&gateway, None, request, "no-store").await
}

pub(super) async fn photo_of_unit(
    State(gateway): State<Gateway>,
    caller: SignedIn,
    path: Numbered,
    Query(query): Query,
) -> Page {
    let (ticket_id, number) = numbered(path)?;
    let request = GetPhotoRequest { ticket_id, number, ..asked(&query) };
    photo(&gateway, Some(&caller.token), request, "no-store").await
}

/// Asked for again each time: what an officer hides is gone at once.
pub(super) async fn photo_of_public(
    State(gateway): State<Gateway>,
    path: Numbered,
    Query(query): Query,
) -> Page {
    let (ticket_id, number) = numbered(path)?;
    let request = GetPhotoRequest { ticket_id, number, ..asked(&query) };
    photo(&gateway, None, request, "no-cache").await
}

fn numbered(path: Numbered) -> Result<(String, u32), Problem> {
    let Path(parts) = path.map_err(|_| Problem::new(StatusCode::NOT_FOUND, "PHOTO_NOT_FOUND"))?;
    Ok(parts)
}

fn asked(query: &Fields) -> GetPhotoRequest {
    GetPhotoRequest { thumbnail: query.text("co") == "nho", ..GetPhotoRequest::default() }
}

async fn photo(
    gateway: &Gateway,
    bearer: Option<&str>,
    request: GetPhotoRequest,
    cache: &'static str,
) -> Page {
    let mut pieces = gateway.reports(bearer).get_photo(gateway.ask(request)).await?.into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await? {
        bytes.extend_from_slice(&piece.data);
        if bytes.len() > PHOTO_MAX {
            return Err(Problem::internal());
        }
    }
    Ok(photo_response(bytes, cache))
}

fn photo_response(bytes: Vec<u8>, cache: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "image/jpeg"),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        (header::CACHE_CONTROL, cache),
        (header::CONTENT_DISPOSITION, "inline; filename=\"anh.jpg\""),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    (headers.map(|(name, value)| (name, HeaderValue::from_static(value))), bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_served_so_that_nothing_in_it_can_run() {
        let response = photo_response(vec![1], "no-store");
        let headers = response.headers();
        assert_eq!(headers[header::CONTENT_TYPE], "image/jpeg");
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "sandbox; default-src 'none'");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    }

    #[test]
    fn a_public_page_says_what_is_known_and_escapes_it() {
        let report = PublicReport {
            ticket_id: "a/b".into(),
            text: "<script>".into(),
            place: Some(Place { latitude: 21.0, longitude: 105.85421 }),
            photos: 2,
            ..PublicReport::default()
        };
        let frame = Frame::new(Language::Vietnamese, String::new(), None);
        let html = ReportPage::new(frame, report, "Hạ tầng".into()).render().unwrap();
        assert!(!html.contains("<script>") && html.contains("21.0000, 105.8542"), "{html}");
        assert!(html.contains("/phan-anh/a%2Fb/anh/2?co=nho"), "{html}");
        assert!(!html.contains("/phan-anh/a%2Fb/anh/3"), "{html}");
    }

    #[test]
    fn each_publicity_has_a_code_of_the_form() {
        assert_eq!(code(Publicity::Photos), "anh");
        assert_eq!(code(Publicity::Unspecified), "");
    }
}
