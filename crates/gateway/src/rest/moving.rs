//! Handing questions on, units' parts of answers, and who has had a question.

use api::{
    answering::v1::{
        AskCoAnswerRequest, DeclineCoAnswerRequest, ForwardQuestionRequest, GiveCoAnswerRequest,
        ListCoAnswersRequest, WithdrawCoAnswerRequest,
    },
    routing::v1::GetCustodyRequest,
};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, PathPart, reply},
    session::Bearer,
    state::Gateway,
};

pub(super) async fn get_custody(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    PathPart(ticket_id): PathPart,
) -> Reply {
    let request = gateway.ask(GetCustodyRequest { ticket_id });
    let response = gateway.custody(bearer.token()).get_custody(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn forward_question(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<ForwardQuestionRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.moving(bearer.token()).forward_question(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn ask_co_answer(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<AskCoAnswerRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.moving(bearer.token()).ask_co_answer(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn list_co_answers(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    PathPart(ticket_id): PathPart,
) -> Reply {
    let request = gateway.ask(ListCoAnswersRequest { ticket_id });
    let response = gateway.moving(bearer.token()).list_co_answers(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

/// What the caller's unit is asked for.
pub(super) async fn list_asked(State(gateway): State<Gateway>, bearer: Bearer) -> Reply {
    let request = gateway.ask(ListCoAnswersRequest::default());
    let response = gateway.moving(bearer.token()).list_co_answers(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn give_co_answer(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    part: PathPart,
    Message(mut request): Message<GiveCoAnswerRequest>,
) -> Reply {
    part.merge(&mut request.co_answer_id, "coAnswerId")?;
    let response = gateway.moving(bearer.token()).give_co_answer(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn decline_co_answer(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    part: PathPart,
    Message(mut request): Message<DeclineCoAnswerRequest>,
) -> Reply {
    part.merge(&mut request.co_answer_id, "coAnswerId")?;
    let response = gateway.moving(bearer.token()).decline_co_answer(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn withdraw_co_answer(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    part: PathPart,
    Message(mut request): Message<WithdrawCoAnswerRequest>,
) -> Reply {
    part.merge(&mut request.co_answer_id, "coAnswerId")?;
    let response = gateway.moving(bearer.token()).withdraw_co_answer(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
