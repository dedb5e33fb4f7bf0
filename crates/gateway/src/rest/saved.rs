use api::answering::v1::{DeleteSavedReplyRequest, ListSavedRepliesRequest, PutSavedReplyRequest};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, PathPart, reply},
    fields::Query,
    session::Bearer,
    state::Gateway,
};

pub(super) async fn list_saved_replies(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let request = ListSavedRepliesRequest { unit: query.only(&["unit"])?.text("unit") };
    let response = gateway.saved_replies(bearer.token()).list_saved_replies(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn put_saved_reply(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    id: PathPart,
    Message(mut request): Message<PutSavedReplyRequest>,
) -> Reply {
    id.merge(&mut request.saved_reply_id, "savedReplyId")?;
    let response = gateway.saved_replies(bearer.token()).put_saved_reply(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn delete_saved_reply(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    id: PathPart,
    Message(mut request): Message<DeleteSavedReplyRequest>,
) -> Reply {
    id.merge(&mut request.saved_reply_id, "savedReplyId")?;
    let response = gateway.saved_replies(bearer.token()).delete_saved_reply(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
