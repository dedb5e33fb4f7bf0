//! What an asker changes of a question that waits: amending it, withdrawing it, and giving what an
//! officer asked for. Each form carries its id, so that sending it twice is once.

use api::intake::v1::{
    AmendQuestionRequest, GetTicketResponse, ReplyToOfficerRequest, TicketState, WithdrawQuestionRequest,
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
};

use super::{
    Frame, Page,
    asker::fresh_id,
    page, segment, sentence,
    ticket::{Typed, done, path_of, ticket},
};
use crate::{body::PathPart, fields::Form, problem::Problem, state::Gateway};

#[derive(Template)]
#[template(path = "amend.html")]
struct AmendPage {
    frame: Frame,
    code: String,
    segment: String,
    request_id: String,
    revision: u32,
    text: String,
    error: String,
    /// Where it goes, when it is no question; the asker may say that it is one.
    elsewhere: String,
    insist: bool,
}

#[derive(Template)]
#[template(path = "withdraw.html")]
struct WithdrawPage {
    frame: Frame,
    code: String,
    segment: String,
    request_id: String,
    revision: u32,
    text: String,
    error: String,
}

/// `None`: it does not wait, so there is nothing to change.
async fn waiting(gateway: &Gateway, code: &str) -> Result<Option<GetTicketResponse>, Problem> {
    let ticket = ticket(gateway, code.to_owned()).await?;
    let waits = matches!(ticket.state(), TicketState::Received | TicketState::Routed);
    Ok(waits.then_some(ticket))
}

pub(super) async fn amend_form(
    State(gateway): State<Gateway>,
    frame: Frame,
    PathPart(code): PathPart,
) -> Page {
    let Some(ticket) = waiting(&gateway, &code).await? else {
        return Ok(Redirect::to(&path_of(&code)).into_response());
    };
    let template = AmendPage {
        segment: segment(&code),
        code,
        request_id: fresh_id(),
        revision: ticket.revision,
        text: ticket.text,
        error: String::new(),
        elsewhere: String::new(),
        insist: false,
        frame,
    };
    page(StatusCode::OK, &template)
}

pub(super) async fn amend(
    State(gateway): State<Gateway>,
    frame: Frame,
    PathPart(code): PathPart,
    Form(fields): Form,
) -> Page {
    let request = AmendQuestionRequest {
        tracking_code: code.clone(),
        request_id: fields.text("request_id"),
        text: fields.text("text"),
        revision: fields.number("revision")?,
        insist: !fields.text("insist").is_empty(),
    };
    let Err(status) = gateway.intake(None).amend_question(gateway.ask(request)).await else {
        return Ok(Redirect::to(&path_of(&code)).into_response());
    };
    let problem = Problem::from(status);
    let error = sentence(frame.language, &problem);
    let goes_elsewhere = problem.reason == "GOES_ELSEWHERE";
    let status = problem.status;
    // What was typed stays, to be sent again after a look at what it is now.
    let revision = ticket(&gateway, code.clone()).await?.revision;
    let template = AmendPage {
        segment: segment(&code),
        code,
        request_id: fresh_id(),
        revision,
        text: fields.text("text"),
        error,
        elsewhere: Some(problem).filter(|_| goes_elsewhere).map(Problem::into_detail).unwrap_or_default(),
        insist: goes_elsewhere,
        frame,
    };
    page(status, &template)
}

pub(super) async fn withdraw_form(
    State(gateway): State<Gateway>,
    frame: Frame,
    PathPart(code): PathPart,
) -> Page {
    confirm(&gateway, frame, code, None).await
}

/// The confirmation, of the question as it is now.
async fn confirm(gateway: &Gateway, frame: Frame, code: String, refused: Option<&Problem>) -> Page {
    let Some(ticket) = waiting(gateway, &code).await? else {
        return Ok(Redirect::to(&path_of(&code)).into_response());
    };
    let template = WithdrawPage {
        segment: segment(&code),
        code,
        request_id: fresh_id(),
        revision: ticket.revision,
        text: ticket.text,
        error: refused.map(|problem| sentence(frame.language, problem)).unwrap_or_default(),
        frame,
    };
    page(refused.map_or(StatusCode::OK, |problem| problem.status), &template)
}

pub(super) async fn withdraw(
    State(gateway): State<Gateway>,
    frame: Frame,
    PathPart(code): PathPart,
    Form(fields): Form,
) -> Page {
    let request = WithdrawQuestionRequest {
        tracking_code: code.clone(),
        request_id: fields.text("request_id"),
        revision: fields.number("revision")?,
    };
    match gateway.intake(None).withdraw_question(gateway.ask(request)).await {
        Ok(_) => Ok(Redirect::to(&path_of(&code)).into_response()),
        Err(status) => confirm(&gateway, frame, code, Some(&status.into())).await,
    }
}

pub(super) async fn reply(
    State(gateway): State<Gateway>,
    frame: Frame,
    PathPart(code): PathPart,
    Form(fields): Form,
) -> Page {
    let reply = fields.text("reply");
    let request = ReplyToOfficerRequest {
        tracking_code: code.clone(),
        request_id: fields.text("request_id"),
        text: reply.clone(),
        inquiry: fields.number("inquiry")?,
    };
    let outcome = gateway.intake(None).reply_to_officer(gateway.ask(request)).await;
    done(&gateway, frame, code, outcome, Typed { reply, ..Typed::default() }).await
}
