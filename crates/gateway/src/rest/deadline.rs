use api::routing::v1::{
    ExtendDeadlineRequest, GetDeadlineRequest, HastenDeadlineRequest, PauseDeadlineRequest,
    ResumeDeadlineRequest,
};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, PathPart, reply},
    session::Bearer,
    state::Gateway,
};

pub(super) async fn get_deadline(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    PathPart(ticket_id): PathPart,
) -> Reply {
    let request = gateway.ask(GetDeadlineRequest { ticket_id });
    let response = gateway.routing(bearer.token()).get_deadline(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn pause_deadline(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<PauseDeadlineRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.routing(bearer.token()).pause_deadline(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn resume_deadline(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<ResumeDeadlineRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.routing(bearer.token()).resume_deadline(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn extend_deadline(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<ExtendDeadlineRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.routing(bearer.token()).extend_deadline(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn hasten_deadline(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    ticket: PathPart,
    Message(mut request): Message<HastenDeadlineRequest>,
) -> Reply {
    ticket.merge(&mut request.ticket_id, "ticketId")?;
    let response = gateway.routing(bearer.token()).hasten_deadline(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
