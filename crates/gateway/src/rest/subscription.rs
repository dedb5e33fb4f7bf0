use api::intake::v1::{ConfirmSubscriptionRequest, EndSubscriptionRequest, SubscribeRequest};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, reply},
    state::Gateway,
};

pub(super) async fn subscribe(
    State(gateway): State<Gateway>,
    Message(request): Message<SubscribeRequest>,
) -> Reply {
    let response = gateway.subscriptions().subscribe(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn confirm_subscription(
    State(gateway): State<Gateway>,
    Message(request): Message<ConfirmSubscriptionRequest>,
) -> Reply {
    let response = gateway.subscriptions().confirm_subscription(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn end_subscription(
    State(gateway): State<Gateway>,
    Message(request): Message<EndSubscriptionRequest>,
) -> Reply {
    let response = gateway.subscriptions().end_subscription(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
