//! Officers sign in with a token until the single sign-on of the site does it.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};

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

pub(super) async fn form(Query(query): Query) -> Page {
    let expired = query.text("het") == "1";
    let error = if expired { "Phiên làm việc đã hết hạn. Mời đăng nhập lại." } else { "" };
    page(StatusCode::OK, &SignInPage { frame: Frame::of(None), error: error.to_owned() })
}

pub(super) async fn sign_in(State(gateway): State<Gateway>, Form(fields): Form) -> Page {
    let context = gateway.context();
    let token = fields.text("token");
    let token = token.trim();
    let principal = match context.tokens().verify(token, context.clock.now()) {
        Ok(principal) => principal,
        Err(refusal) => {
            let problem = Problem::from(refusal);
            let template = SignInPage { frame: Frame::of(None), error: sentence(&problem) };
            return page(problem.status, &template);
        }
    };
    let home = if words::has_inbox(principal.role) { "/can-bo" } else { "/bao-cao" };
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
