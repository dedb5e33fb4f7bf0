//! Local accounts, for operators.

use api::routing::v1::{
    CreateAccountRequest, DisableAccountRequest, EnrolTotpRequest, ListAccountsRequest, ResetPasswordRequest,
};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, PathPart, reply},
    fields::Query,
    session::Bearer,
    state::Gateway,
};

pub(super) async fn list_accounts(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let query = query.only(&["limit", "pageToken"])?;
    let request = ListAccountsRequest { limit: query.number("limit")?, page_token: query.text("pageToken") };
    let response = gateway.accounts(bearer.token()).list_accounts(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn create_account(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Message(request): Message<CreateAccountRequest>,
) -> Reply {
    let response = gateway.accounts(bearer.token()).create_account(gateway.ask(request)).await?;
    reply(StatusCode::CREATED, response.get_ref())
}

pub(super) async fn disable_account(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    name: PathPart,
    Message(mut request): Message<DisableAccountRequest>,
) -> Reply {
    name.merge(&mut request.name, "name")?;
    let response = gateway.accounts(bearer.token()).disable_account(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn reset_password(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    name: PathPart,
    Message(mut request): Message<ResetPasswordRequest>,
) -> Reply {
    name.merge(&mut request.name, "name")?;
    let response = gateway.accounts(bearer.token()).reset_password(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn enrol_totp(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    name: PathPart,
    Message(mut request): Message<EnrolTotpRequest>,
) -> Reply {
    name.merge(&mut request.name, "name")?;
    let response = gateway.accounts(bearer.token()).enrol_totp(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
