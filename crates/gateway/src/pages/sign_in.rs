//! Officers sign in with a token until the single sign-on of the site does it.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use runtime::RoleName;

use super::{Frame, Page, page, sentence, words};
use crate::{
    fields::{Form, Query},
    problem::Problem,
    session::{self, SIGN_IN},
    state::Gateway,
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    error: String,
}

pub(super) async fn form(frame: Frame, Query(query): Query) -> Page {
    let expired = query.text("het") == "1";
    let error = if expired { frame.t("sign-in-expired").into_owned() } else { String::new() };
    page(StatusCode::OK, &SignInPage { frame, error })
}

pub(super) async fn sign_in(State(gateway): State<Gateway>, frame: Frame, Form(fields): Form) -> Page {
    let context = gateway.context();
    let token = fields.text("token");
    let token = token.trim();
    let principal = match context.tokens().verify(token, context.clock.now()) {
        Ok(principal) => principal,
        Err(refusal) => {
            let problem = Problem::from(refusal);
            let error = sentence(frame.language, &problem);
            return page(problem.status, &SignInPage { frame, error });
        }
    };
    let home = match principal.role {
        role if words::has_inbox(role) => "/can-bo",
        role if words::edits(role) => "/bien-tap/kho",
        RoleName::Focal => "/can-bo/tong-hop",
        _ => "/bao-cao",
    };
    Ok(with_cookie(Redirect::to(home), session::start(token, gateway.config())))
}

pub(super) async fn sign_out(State(gateway): State<Gateway>) -> Response {
    with_cookie(Redirect::to(SIGN_IN), session::end(gateway.config()))
}

fn with_cookie(redirect: Redirect, cookie: Option<HeaderValue>) -> Response {
    let mut response = redirect.into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
