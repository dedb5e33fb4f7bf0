use api::answering::v1::{
    FileBackTestRequest, ListAutomationRequest, ListJudgementsRequest, SetAutomationRequest,
    StopAutomationRequest,
};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, reply},
    fields::Query,
    session::Bearer,
    state::Gateway,
};

pub(super) async fn list_automation(State(gateway): State<Gateway>, bearer: Bearer) -> Reply {
    let request = gateway.ask(ListAutomationRequest {});
    let response = gateway.automation(bearer.token()).list_automation(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn set_automation(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Message(request): Message<SetAutomationRequest>,
) -> Reply {
    let response = gateway.automation(bearer.token()).set_automation(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn file_back_test(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Message(request): Message<FileBackTestRequest>,
) -> Reply {
    let response = gateway.automation(bearer.token()).file_back_test(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn stop_automation(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Message(request): Message<StopAutomationRequest>,
) -> Reply {
    let response = gateway.automation(bearer.token()).stop_automation(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn list_judgements(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let query = query.only(&["limit", "pageToken", "automation"])?;
    let request = ListJudgementsRequest {
        limit: query.number("limit")?,
        page_token: query.text("pageToken"),
        automation: query.flag("automation")?,
    };
    let response = gateway.automation(bearer.token()).list_judgements(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
