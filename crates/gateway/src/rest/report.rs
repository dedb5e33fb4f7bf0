//! Reports from the field. What is public of them is served by Open311.

use api::intake::v1::{
    FindNearestReportRequest, GetReportRequest, ListReportFieldsRequest, Place, SetPublicityRequest,
};
use axum::{
    extract::{Request, State},
    http::StatusCode,
};

use super::Reply;
use crate::{
    body::{self, Message, PathPart, reply},
    fields::{Fields, Query},
    problem::Problem,
    session::Bearer,
    state::Gateway,
    upload,
};

pub(super) async fn upload_photo(State(gateway): State<Gateway>, request: Request) -> Reply {
    let Ok(_place) = gateway.uploads().try_acquire() else {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED"));
    };
    let max = gateway.config().photo_max_bytes;
    let bytes = body::read(request.into_body(), max).await.map_err(|problem| {
        if problem.reason == "BODY_TOO_LARGE" { upload::too_large(max) } else { problem }
    })?;
    reply(StatusCode::CREATED, &upload::hand_on(&gateway, bytes).await?)
}

pub(super) async fn list_report_fields(State(gateway): State<Gateway>) -> Reply {
    let request = gateway.ask(ListReportFieldsRequest {});
    let response = gateway.reports(None).list_report_fields(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn find_nearest(State(gateway): State<Gateway>, Query(query): Query) -> Reply {
    let query = query.only(&["latitude", "longitude", "field"])?;
    let place = Place { latitude: degrees(&query, "latitude")?, longitude: degrees(&query, "longitude")? };
    let request = FindNearestReportRequest { place: Some(place), field: query.text("field") };
    let response = gateway.reports(None).find_nearest_report(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

fn degrees(query: &Fields, name: &'static str) -> Result<f64, Problem> {
    let degrees = query.text(name).parse();
    degrees.map_err(|_| Problem::invalid("COORDINATES_NOT_VALID").field(name, "must be in degrees"))
}

pub(super) async fn get_report(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    PathPart(ticket_id): PathPart,
) -> Reply {
    let request = gateway.ask(GetReportRequest { ticket_id });
    let response = gateway.reports(bearer.token()).get_report(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn set_publicity(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<SetPublicityRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.reports(bearer.token()).set_publicity(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
