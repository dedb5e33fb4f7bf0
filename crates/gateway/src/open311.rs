//! Open311 GeoReport v2, in XML and JSON: <https://wiki.open311.org/GeoReport_v2/>. Services are the fields
//! that take reports; a request is a public report with its redacted text.

mod asked;
mod document;

use api::intake::v1::{
    Asker, GetPublicReportRequest, Kind, ListReportFieldsRequest, PublicReport, ReportField,
    SubmitQuestionRequest,
};
use axum::{
    Router,
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, StatusCode, request::Parts},
    middleware::Next,
    response::Response,
    routing::get,
};
use runtime::Secret;
use uuid::Uuid;

use self::document::{Format, Service};
use crate::{
    body::PathPart,
    fields::{Fields, Query},
    language::Language,
    organisation::Organisation,
    problem::Problem,
    state::Gateway,
    upload::Upload,
};

const PREFIX: &str = "/open311/";
/// Intake asks for a name; Open311 does not.
const NAMELESS: &str = "Không nêu tên";

type Answer = Result<Response, Problem>;

pub(crate) fn routes() -> Router<Gateway> {
    let both = |name: &str, handler: axum::routing::MethodRouter<Gateway>| {
        let path = |ending: &str| format!("{PREFIX}v2/{name}.{ending}");
        Router::new().route(&path("xml"), handler.clone()).route(&path("json"), handler)
    };
    Router::new()
        .merge(both("services", get(services)))
        .merge(both("requests", get(requests).post(submit)))
        .route("/open311/v2/services/{document}", get(service))
        .route("/open311/v2/requests/{document}", get(request))
        .route("/open311/v2/tokens/{document}", get(token))
}

/// By the ending of the path.
impl FromRequestParts<Gateway> for Format {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Gateway) -> Result<Self, Problem> {
        Self::of(parts.uri.path()).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "ROUTE_UNKNOWN"))
    }
}

/// The path's last part without its ending.
struct Name(String);

impl FromRequestParts<Gateway> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let PathPart(document) = PathPart::from_request_parts(parts, gateway).await?;
        let name = document.rsplit_once('.').map_or(document.as_str(), |(name, _)| name);
        Ok(Self(name.to_owned()))
    }
}

/// Writes a refusal as the specification has it.
pub(crate) async fn render_problem(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let format = path.starts_with(PREFIX).then(|| Format::of(path).unwrap_or(Format::Xml));
    let language = Language::accepted(request.headers());
    let mut response = next.run(request).await;
    let Some(format) = format else { return response };
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let mut written = document::errors(format, problem.status, &described(problem, language));
    for (name, value) in response.headers() {
        written.headers_mut().entry(name).or_insert(value.clone());
    }
    written
}

fn described(problem: Problem, language: Language) -> String {
    let title = problem.title(language).to_owned();
    let field = problem.first_field().map(|field| format!(" ({field})")).unwrap_or_default();
    let detail = problem.into_detail();
    if detail.is_empty() { format!("{title}{field}") } else { format!("{title}{field}: {detail}") }
}

fn unknown_service() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "SERVICE_CODE_UNKNOWN")
}

async fn fields_of(gateway: &Gateway) -> Result<Vec<ReportField>, Problem> {
    let request = gateway.ask(ListReportFieldsRequest {});
    Ok(gateway.reports(None).list_report_fields(request).await?.into_inner().fields)
}

fn check_jurisdiction(gateway: &Gateway, asked: &Fields) -> Result<(), Problem> {
    let ours = &gateway.config().open311_jurisdiction;
    match asked.text("jurisdiction_id") {
        sent if sent == *ours || ours.is_empty() || sent.is_empty() => Ok(()),
        _ => Err(Problem::new(StatusCode::NOT_FOUND, "JURISDICTION_UNKNOWN")),
    }
}

fn check_key(keys: &[Secret], sent: &str) -> Result<(), Problem> {
    // In the same time for any key of that length.
    let same = |key: &Secret| {
        let key = key.expose().as_bytes();
        let differ = key.iter().zip(sent.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
        key.len() == sent.len() && differ == 0
    };
    if keys.is_empty() || keys.iter().any(same) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "API_KEY_INVALID"))
}

async fn services(
    State(gateway): State<Gateway>,
    format: Format,
    Query(query): Query,
    headers: HeaderMap,
) -> Answer {
    check_jurisdiction(&gateway, &query)?;
    let language = Language::accepted(&headers);
    let organisation = gateway.organisation().await;
    let fields = fields_of(&gateway).await?.into_iter();
    let services: Vec<Service> = fields.map(|field| Service::new(field, language, &organisation)).collect();
    document::list(format, "services", "service", &services)
}

async fn service(
    State(gateway): State<Gateway>,
    format: Format,
    Name(code): Name,
    Query(query): Query,
) -> Answer {
    check_jurisdiction(&gateway, &query)?;
    if !fields_of(&gateway).await?.iter().any(|field| field.field == code) {
        return Err(unknown_service());
    }
    document::definition(format, &code)
}

async fn submit(State(gateway): State<Gateway>, format: Format, upload: Upload) -> Answer {
    let Upload { fields, photo_ids, refused, .. } = upload;
    check_key(&gateway.config().open311_keys, &fields.text("api_key"))?;
    check_jurisdiction(&gateway, &fields)?;
    if let Some(problem) = refused {
        return Err(problem);
    }
    let service_code = fields.text("service_code");
    if service_code.is_empty() {
        return Err(Problem::invalid("SERVICE_CODE_MISSING").field("service_code", "is missing"));
    }
    if !fields_of(&gateway).await?.iter().any(|field| field.field == service_code) {
        return Err(unknown_service());
    }
    if !fields.text("media_url").is_empty() {
        let detail = "addresses are not fetched: send the photo as a part named media of multipart/form-data";
        return Err(Problem::invalid("MEDIA_URL_NOT_TAKEN").field("media_url", detail));
    }
    let name = format!("{} {}", fields.text("first_name").trim(), fields.text("last_name").trim());
    let name = if name.trim().is_empty() { NAMELESS.to_owned() } else { name };
    let question = SubmitQuestionRequest {
        request_id: Uuid::new_v4().to_string(),
        kind: Kind::Report.into(),
        text: fields.text("description"),
        field: service_code,
        asker: Some(Asker {
            name,
            email: fields.text("email"),
            phone: fields.text("phone"),
            organisation: String::new(),
        }),
        insist: false,
        place: Some(asked::place(&fields)?),
        address: fields.text("address_string"),
        photo_ids,
        ..SubmitQuestionRequest::default()
    };
    let response = gateway.intake(None).submit_question(gateway.ask(question)).await?.into_inner();
    let created = document::Created::new(response);
    document::list(format, "service_requests", "request", &[created])
}

async fn requests(
    State(gateway): State<Gateway>,
    format: Format,
    Query(query): Query,
    headers: HeaderMap,
) -> Answer {
    check_jurisdiction(&gateway, &query)?;
    let wanted = asked::requests(&query)?;
    let found = gateway.reports(None).list_public_reports(gateway.ask(wanted)).await?.into_inner();
    let organisation = gateway.organisation().await;
    answer(&gateway, format, &headers, &organisation, found.reports)
}

async fn request(
    State(gateway): State<Gateway>,
    format: Format,
    Name(ticket_id): Name,
    Query(query): Query,
    headers: HeaderMap,
) -> Answer {
    check_jurisdiction(&gateway, &query)?;
    let request = gateway.ask(GetPublicReportRequest { ticket_id });
    let found = gateway.reports(None).get_public_report(request).await?.into_inner();
    let organisation = gateway.organisation().await;
    answer(&gateway, format, &headers, &organisation, found.report.into_iter().collect())
}

fn answer(
    gateway: &Gateway,
    format: Format,
    headers: &HeaderMap,
    organisation: &Organisation,
    reports: Vec<PublicReport>,
) -> Answer {
    let origin = gateway.config().origin(headers);
    let one = |report| document::Request::new(report, organisation, &origin);
    let requests: Vec<_> = reports.into_iter().map(one).collect();
    document::list(format, "service_requests", "request", &requests)
}

/// Reports get their id at once, so a token is the id; that of a report which is not public is the
/// same, and tells nothing.
async fn token(format: Format, Name(token): Name) -> Answer {
    let Ok(id) = Uuid::parse_str(&token) else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "REPORT_NOT_FOUND"));
    };
    let token = document::Token { service_request_id: id.to_string(), token: id.to_string() };
    document::list(format, "service_requests", "request", &[token])
}

#[cfg(test)]
mod tests;
