use api::{
    answering::v1::{
        ApproveAnswerRequest, AttachMemberRequest, DetachMemberRequest, GetDraftRequest, ListInboxRequest,
        ReturnQuestionRequest,
    },
    routing::v1::{AssignUnitRequest, GetRoutingRequest},
};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, PathPart, reply},
    fields::Query,
    session::Bearer,
    state::Gateway,
};

pub(super) async fn list_inbox(State(gateway): State<Gateway>, bearer: Bearer, Query(query): Query) -> Reply {
    let query = query.only(&["limit", "pageToken", "members", "unit"])?;
    let request = ListInboxRequest {
        limit: query.number("limit")?,
        page_token: query.text("pageToken"),
        members: query.flag("members")?,
        unit: query.text("unit"),
    };
    let response = gateway.answering(bearer.token()).list_inbox(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn get_draft(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    PathPart(ticket_id): PathPart,
    Query(query): Query,
) -> Reply {
    let since_version = query.only(&["sinceVersion"])?.number("sinceVersion")?;
    let request = gateway.ask(GetDraftRequest { ticket_id, since_version });
    let response = gateway.answering(bearer.token()).get_draft(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn approve_answer(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<ApproveAnswerRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.answering(bearer.token()).approve_answer(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn return_question(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<ReturnQuestionRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.answering(bearer.token()).return_question(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn assign_unit(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<AssignUnitRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.routing(bearer.token()).assign_unit(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn get_routing(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    PathPart(ticket_id): PathPart,
) -> Reply {
    let request = gateway.ask(GetRoutingRequest { ticket_id });
    let response = gateway.routing(bearer.token()).get_routing(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn attach_member(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<AttachMemberRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.answering(bearer.token()).attach_member(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn detach_member(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<DetachMemberRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.answering(bearer.token()).detach_member(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
