use api::{
    intake::v1::{
        AmendQuestionRequest, GetTicketRequest, RateAnswerRequest, RejectAnswerRequest,
        ReplyToOfficerRequest, SubmitQuestionRequest, WithdrawQuestionRequest,
    },
    knowledge::v1::{ListHotRequest, NoteAnsweredRequest, SearchRequest},
    routing::v1::GetOrganisationRequest,
};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, PathPart, reply},
    fields::Query,
    state::Gateway,
};

pub(super) async fn submit_question(
    State(gateway): State<Gateway>,
    Message(request): Message<SubmitQuestionRequest>,
) -> Reply {
    let response = gateway.intake(None).submit_question(gateway.ask(request)).await?;
    reply(StatusCode::CREATED, response.get_ref())
}

pub(super) async fn get_ticket(State(gateway): State<Gateway>, PathPart(tracking_code): PathPart) -> Reply {
    let request = gateway.ask(GetTicketRequest { tracking_code });
    let response = gateway.intake(None).get_ticket(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn rate_answer(
    State(gateway): State<Gateway>,
    code: PathPart,
    Message(mut request): Message<RateAnswerRequest>,
) -> Reply {
    code.merge(&mut request.tracking_code, "trackingCode")?;
    let response = gateway.intake(None).rate_answer(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn reject_answer(
    State(gateway): State<Gateway>,
    code: PathPart,
    Message(mut request): Message<RejectAnswerRequest>,
) -> Reply {
    code.merge(&mut request.tracking_code, "trackingCode")?;
    let response = gateway.intake(None).reject_answer(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn amend_question(
    State(gateway): State<Gateway>,
    code: PathPart,
    Message(mut request): Message<AmendQuestionRequest>,
) -> Reply {
    code.merge(&mut request.tracking_code, "trackingCode")?;
    let response = gateway.intake(None).amend_question(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn withdraw_question(
    State(gateway): State<Gateway>,
    code: PathPart,
    Message(mut request): Message<WithdrawQuestionRequest>,
) -> Reply {
    code.merge(&mut request.tracking_code, "trackingCode")?;
    let response = gateway.intake(None).withdraw_question(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn reply_to_officer(
    State(gateway): State<Gateway>,
    code: PathPart,
    Message(mut request): Message<ReplyToOfficerRequest>,
) -> Reply {
    code.merge(&mut request.tracking_code, "trackingCode")?;
    let response = gateway.intake(None).reply_to_officer(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn search(State(gateway): State<Gateway>, Query(query): Query) -> Reply {
    let query = query.only(&["q", "limit", "field"])?;
    let request =
        SearchRequest { q: query.text("q"), limit: query.number("limit")?, field: query.text("field") };
    let response = gateway.knowledge(None).search(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn list_hot(State(gateway): State<Gateway>, Query(query): Query) -> Reply {
    let query = query.only(&["limit", "days"])?;
    let request = ListHotRequest { limit: query.number("limit")?, days: query.number("days")? };
    let response = gateway.knowledge(None).list_hot(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn note_answered(State(gateway): State<Gateway>, PathPart(id): PathPart) -> Reply {
    let request = gateway.ask(NoteAnsweredRequest { id });
    let response = gateway.knowledge(None).note_answered(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn get_organisation(State(gateway): State<Gateway>) -> Reply {
    let request = gateway.ask(GetOrganisationRequest {});
    let response = gateway.routing(None).get_organisation(request).await?;
    reply(StatusCode::OK, response.get_ref())
}
