use api::intake::v1::{ListDemandsRequest, SendEmailCodeRequest};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, reply},
    state::Gateway,
};

pub(super) async fn list_demands(State(gateway): State<Gateway>) -> Reply {
    let response = gateway.verification().list_demands(gateway.ask(ListDemandsRequest {})).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn send_email_code(
    State(gateway): State<Gateway>,
    Message(request): Message<SendEmailCodeRequest>,
) -> Reply {
    let response = gateway.verification().send_email_code(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
