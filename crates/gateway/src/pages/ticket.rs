//! Following a question by its tracking code, and rating the answer.

use api::{
    intake::v1::{
        AnswerNotice, GetTicketRequest, GetTicketResponse, Milestone, RateAnswerRequest, TicketState,
    },
    routing::v1::WaitsFor,
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
};

use super::{Frame, Page, page, segment, sentence, words};
use crate::{
    body::PathPart,
    fields::{Form, Query},
    problem::Problem,
    session::{SignedIn, Visitor},
    state::Gateway,
};

#[derive(Template)]
#[template(path = "find.html")]
struct FindPage {
    frame: Frame,
    code: String,
    error: String,
}

pub(super) async fn find(Visitor(caller): Visitor, Query(query): Query) -> Page {
    let code = query.text("code").trim().to_owned();
    if !code.is_empty() {
        return Ok(Redirect::to(&format!("/theo-doi/{}", segment(&code))).into_response());
    }
    let frame = Frame::of(caller.as_ref());
    page(StatusCode::OK, &FindPage { frame, code, error: String::new() })
}

#[derive(Template)]
#[template(path = "ticket.html")]
struct TicketPage {
    frame: Frame,
    code: String,
    segment: String,
    is_new: bool,
    kind: &'static str,
    state: &'static str,
    text: String,
    due: String,
    /// What is waited for with the clock stopped, and why; empty: it runs.
    waits_for: &'static str,
    pause_reason: String,
    /// Empty: the promised date was never moved.
    extension_reason: String,
    basis: String,
    steps: Vec<Step>,
    answer: Option<Answer>,
    may_rate: bool,
    rated: bool,
    answer_number: u32,
    error: String,
    comment: String,
}

struct Step {
    at: String,
    what: &'static str,
    unit: String,
}

struct Answer {
    text: String,
    published: String,
    citations: Vec<Citation>,
    notices: Vec<Notice>,
}

/// What became of the answer, or of a source of it.
struct Notice {
    what: &'static str,
    /// The source's corrected text; empty where the answer itself shows it.
    text: String,
    reason: String,
    at: String,
}

struct Citation {
    title: String,
    source: String,
}

impl From<AnswerNotice> for Notice {
    fn from(notice: AnswerNotice) -> Self {
        let what = match (notice.what(), notice.whole) {
            (Milestone::Corrected, true) => "Câu trả lời này đã được đính chính; dưới đây là nội dung mới",
            (Milestone::Corrected, false) => "Một nguồn của câu trả lời này đã được đính chính",
            (_, true) => "Câu trả lời này đã bị thu hồi, xin không sử dụng",
            (_, false) => "Một nguồn của câu trả lời này đã bị thu hồi",
        };
        Self { what, text: notice.text, reason: notice.reason, at: words::moment(notice.at.as_ref()) }
    }
}

impl TicketPage {
    fn new(caller: Option<&SignedIn>, code: String, ticket: GetTicketResponse) -> Self {
        let state = ticket.state();
        let kind = words::kind(ticket.kind());
        Self {
            frame: Frame::of(caller),
            segment: segment(&code),
            code,
            is_new: false,
            kind,
            state: words::ticket_state(state),
            due: words::moment(ticket.due_at.as_ref()),
            waits_for: match ticket.waits_for() {
                WaitsFor::Unspecified => "",
                WaitsFor::Asker => "Đang chờ bạn bổ sung",
                WaitsFor::OtherBody => "Đang chờ ý kiến cơ quan khác",
            },
            pause_reason: ticket.pause_reason,
            extension_reason: ticket.extension_reason,
            basis: ticket.basis,
            steps: ticket
                .timeline
                .into_iter()
                .map(|entry| Step {
                    at: words::moment(entry.at.as_ref()),
                    what: words::milestone(entry.what()),
                    unit: entry.unit,
                })
                .collect(),
            answer_number: ticket.answer.as_ref().map_or(0, |answer| answer.number),
            may_rate: ticket.answer.is_some() && !ticket.rated && state == TicketState::Answered,
            answer: ticket.answer.map(|answer| Answer {
                published: words::moment(answer.published_at.as_ref()),
                text: answer.text,
                citations: answer
                    .citations
                    .into_iter()
                    .map(|c| Citation { title: c.title, source: c.source })
                    .collect(),
                notices: answer.notices.into_iter().map(Notice::from).collect(),
            }),
            text: ticket.text,
            rated: ticket.rated,
            error: String::new(),
            comment: String::new(),
        }
    }
}

async fn ticket(gateway: &Gateway, tracking_code: String) -> Result<GetTicketResponse, Problem> {
    let request = gateway.ask(GetTicketRequest { tracking_code });
    Ok(gateway.intake(None).get_ticket(request).await?.into_inner())
}

pub(super) async fn follow(
    State(gateway): State<Gateway>,
    Visitor(caller): Visitor,
    PathPart(code): PathPart,
    Query(query): Query,
) -> Page {
    match ticket(&gateway, code.clone()).await {
        Ok(ticket) => {
            let mut template = TicketPage::new(caller.as_ref(), code, ticket);
            template.is_new = query.text("new") == "1";
            page(StatusCode::OK, &template)
        }
        Err(problem) if problem.status.is_client_error() => {
            let frame = Frame::of(caller.as_ref());
            page(problem.status, &FindPage { frame, code, error: sentence(&problem) })
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn rate(
    State(gateway): State<Gateway>,
    Visitor(caller): Visitor,
    PathPart(code): PathPart,
    Form(fields): Form,
) -> Page {
    let comment = fields.text("comment");
    let request = RateAnswerRequest {
        tracking_code: code.clone(),
        score: fields.number("score")?,
        comment: comment.clone(),
        answer_number: fields.number("answer_number")?,
    };
    let Err(status) = gateway.intake(None).rate_answer(gateway.ask(request)).await else {
        return Ok(Redirect::to(&format!("/theo-doi/{}", segment(&code))).into_response());
    };
    let problem = Problem::from(status);
    let ticket = ticket(&gateway, code.clone()).await?;
    let mut template = TicketPage::new(caller.as_ref(), code, ticket);
    template.error = sentence(&problem);
    template.comment = comment;
    page(problem.status, &template)
}
