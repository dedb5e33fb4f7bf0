use api::{
    analytics::v1::{
        GetDeadlinesRequest, GetDriftRequest, GetHotnessRequest, GetLagRequest, GetSatisfactionRequest,
        ListDeadLettersRequest, RedriveDeadLettersRequest,
    },
    knowledge::v1::GetIndexStatusRequest,
};
use axum::{extract::State, http::StatusCode};
use serde_json::json;

use super::Reply;
use crate::{
    body::{Message, reply},
    fields::{Fields, Query},
    problem::Problem,
    session::Bearer,
    state::Gateway,
};

fn days(query: Fields) -> Result<u32, Problem> {
    query.only(&["days"])?.number("days")
}

pub(super) async fn hotness(State(gateway): State<Gateway>, bearer: Bearer, Query(query): Query) -> Reply {
    let request = gateway.ask(GetHotnessRequest { days: days(query)? });
    let response = gateway.analytics(bearer.token()).get_hotness(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn deadlines(State(gateway): State<Gateway>, bearer: Bearer, Query(query): Query) -> Reply {
    let query = query.only(&["days", "joined"])?;
    let request = GetDeadlinesRequest { days: query.number("days")?, joined: query.flag("joined")? };
    let request = gateway.ask(request);
    let response = gateway.analytics(bearer.token()).get_deadlines(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn satisfaction(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let query = query.only(&["days", "joined"])?;
    let request = GetSatisfactionRequest { days: query.number("days")?, joined: query.flag("joined")? };
    let request = gateway.ask(request);
    let response = gateway.analytics(bearer.token()).get_satisfaction(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn drift(State(gateway): State<Gateway>, bearer: Bearer, Query(query): Query) -> Reply {
    let request = gateway.ask(GetDriftRequest { days: days(query)? });
    let response = gateway.analytics(bearer.token()).get_drift(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

/// What is under way between the services, and what the index lacks: two services, one answer.
pub(super) async fn lag(State(gateway): State<Gateway>, bearer: Bearer) -> Reply {
    let (mut analytics, mut knowledge) =
        (gateway.analytics(bearer.token()), gateway.knowledge(bearer.token()));
    let (lag, index) = tokio::try_join!(
        analytics.get_lag(gateway.ask(GetLagRequest {})),
        knowledge.get_index_status(gateway.ask(GetIndexStatusRequest {})),
    )?;
    let (lag, index) = (lag.into_inner(), index.into_inner());
    reply(StatusCode::OK, &json!({"outbox": lag.outbox, "consumers": lag.consumers, "index": index.behind}))
}

pub(super) async fn list_dead_letters(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let request = ListDeadLettersRequest { limit: query.only(&["limit"])?.number("limit")? };
    let response = gateway.analytics(bearer.token()).list_dead_letters(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn redrive_dead_letters(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Message(request): Message<RedriveDeadLettersRequest>,
) -> Reply {
    let response = gateway.analytics(bearer.token()).redrive_dead_letters(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
