use api::answering::v1::{AskCorrectionRequest, CheckAnswerRequest, SubmitForReviewRequest};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, PathPart, reply},
    session::Bearer,
    state::Gateway,
};

pub(super) async fn check_answer(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<CheckAnswerRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.review(bearer.token()).check_answer(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn submit_for_review(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<SubmitForReviewRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.review(bearer.token()).submit_for_review(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn ask_correction(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<AskCorrectionRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.review(bearer.token()).ask_correction(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
