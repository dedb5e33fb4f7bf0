use api::routing::v1::{ApplyOrganisationRequest, GetRegistryRequest, PlanOrganisationRequest};
use axum::{extract::State, http::StatusCode};
use chrono::DateTime;

use super::Reply;
use crate::{
    body::{Message, reply},
    fields::Query,
    problem::Problem,
    session::Bearer,
    state::Gateway,
};

pub(super) async fn get_registry(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let query = query.only(&["at", "history"])?;
    let at = match query.text("at").as_str() {
        "" => None,
        text => Some(DateTime::parse_from_rfc3339(text).map_err(|_| {
            Problem::invalid("TIME_NOT_VALID").field("at", "must be a time, like 2026-12-01T00:00:00Z")
        })?),
    };
    let at = at.map(|at| api::timestamp(at.to_utc()));
    let request = gateway.ask(GetRegistryRequest { at, history: query.flag("history")? });
    let response = gateway.registry(bearer.token()).get_registry(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn plan_organisation(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Message(request): Message<PlanOrganisationRequest>,
) -> Reply {
    let response = gateway.registry(bearer.token()).plan_organisation(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn apply_organisation(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Message(request): Message<ApplyOrganisationRequest>,
) -> Reply {
    let response = gateway.registry(bearer.token()).apply_organisation(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
