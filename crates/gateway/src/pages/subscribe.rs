//! Being written by mail of an answer's changes or a field's new answers. The links of a mail lead to a
//! button: programs that only look at links confirm and end nothing.

use api::intake::v1::{ConfirmSubscriptionRequest, EndSubscriptionRequest, SubscribeRequest};
use askama::Template;
use axum::{extract::State, http::StatusCode};

use super::{Frame, Page, library, page, segment, sentence};
use crate::{body::PathPart, fields::Form, language::Said, problem::Problem, state::Gateway};

#[derive(Template)]
#[template(path = "subscribe.html")]
struct SubscribePage {
    frame: Frame,
    title: Said,
    text: Said,
    error: String,
    /// Where the button posts to, and what it says; empty: there is none.
    action: String,
    button: Said,
    /// To what it is about; empty: nowhere.
    link: String,
    /// The form again, with what was typed.
    again: Option<SubscribeRequest>,
}

impl SubscribePage {
    fn new(frame: Frame, title: &str, text: &str) -> Self {
        Self {
            title: frame.t(title),
            text: frame.t(text),
            error: String::new(),
            action: String::new(),
            button: Said::Borrowed(""),
            link: String::new(),
            again: None,
            frame,
        }
    }

    fn button(self, action: String, says: &str) -> Self {
        Self { button: self.frame.t(says), action, ..self }
    }

    fn refused(self, problem: &Problem) -> Page {
        let error = sentence(self.frame.language, problem);
        page(problem.status, &Self { error, text: Said::Borrowed(""), ..self })
    }
}

pub(super) async fn subscribe(State(gateway): State<Gateway>, frame: Frame, Form(fields): Form) -> Page {
    let request = SubscribeRequest {
        passage_id: fields.text("passage"),
        field: fields.text("field"),
        email: fields.text("email"),
        tracking_code: fields.text("code"),
    };
    let outcome = gateway.subscriptions().subscribe(gateway.ask(request.clone())).await;
    let template = SubscribePage::new(frame, "subscribe-title", "subscribe-sent");
    match outcome {
        Ok(_) => page(StatusCode::OK, &template),
        Err(status) => SubscribePage { again: Some(request), ..template }.refused(&status.into()),
    }
}

pub(super) async fn confirm_form(frame: Frame, PathPart(token): PathPart) -> Page {
    let template = SubscribePage::new(frame, "subscribe-title", "subscribe-confirm-hint");
    let action = format!("/nhan-tin/xac-nhan/{}", segment(&token));
    page(StatusCode::OK, &template.button(action, "subscribe-confirm"))
}

pub(super) async fn confirm(State(gateway): State<Gateway>, frame: Frame, PathPart(token): PathPart) -> Page {
    let request = gateway.ask(ConfirmSubscriptionRequest { token });
    let outcome = gateway.subscriptions().confirm_subscription(request).await;
    let template = SubscribePage::new(frame, "subscribe-title", "subscribe-confirmed");
    match outcome.map(tonic::Response::into_inner) {
        Ok(of) => {
            let link = match (of.passage_id.as_str(), of.field.as_str()) {
                ("", "") => "/theo-doi".to_owned(),
                (id, "") => library::path_of(id),
                (_, field) => format!("/thu-vien?linh-vuc={}", segment(field)),
            };
            page(StatusCode::OK, &SubscribePage { link, ..template })
        }
        Err(status) => template.refused(&status.into()),
    }
}

pub(super) async fn end_form(frame: Frame, PathPart(token): PathPart) -> Page {
    let template = SubscribePage::new(frame, "subscribe-end-title", "subscribe-end-hint");
    let action = format!("/nhan-tin/dung/{}", segment(&token));
    page(StatusCode::OK, &template.button(action, "subscribe-end"))
}

/// By the button, or by a mail program with one click (RFC 8058): what it posts is not looked at.
pub(super) async fn end(State(gateway): State<Gateway>, frame: Frame, PathPart(token): PathPart) -> Page {
    let outcome =
        gateway.subscriptions().end_subscription(gateway.ask(EndSubscriptionRequest { token })).await;
    let template = SubscribePage::new(frame, "subscribe-end-title", "subscribe-ended");
    match outcome {
        Ok(_) => page(StatusCode::OK, &template),
        Err(status) => template.refused(&status.into()),
    }
}
