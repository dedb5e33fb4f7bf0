//! Officers sign in: by the agency's own accounts (`sign_on.rs`), a local account, or a token.

use api::routing::v1::SignInRequest;
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use runtime::{Principal, RoleName, SignedInBy};

use super::{Frame, Page, page, segment, sentence, sign_on, words};
use crate::{
    fields::{Form, Query},
    limits::Client,
    problem::Problem,
    session::{self, Begins, SIGN_IN, Visitor, local},
    state::Gateway,
};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    /// Why one is here, or is still.
    alert: String,
    /// Whether the account's fields were refused; else it was the token, or nothing was sent.
    account_refused: bool,
    name: String,
    /// The agency's own accounts; empty: there are none.
    provider: String,
    /// Where to go after it; empty: the role's first page.
    back: String,
}

impl SignInPage {
    fn new(gateway: &Gateway, frame: Frame, back: &str) -> Self {
        let back = local(back).unwrap_or_default().to_owned();
        let to = if back.is_empty() { String::new() } else { format!("?ve={}", segment(&back)) };
        let provider = gateway.provider().map(|_| format!("{}{to}", sign_on::START));
        Self {
            frame,
            alert: String::new(),
            account_refused: false,
            name: String::new(),
            provider: provider.unwrap_or_default(),
            back,
        }
    }

    fn refused(self, problem: &Problem) -> Page {
        let alert = sentence(self.frame.language, problem);
        page(problem.status, &Self { alert, ..self })
    }
}

pub(super) async fn form(State(gateway): State<Gateway>, frame: Frame, Query(query): Query) -> Page {
    let expired = query.text("het") == "1";
    let alert = if expired { frame.t("sign-in-expired").into_owned() } else { String::new() };
    let shown = SignInPage::new(&gateway, frame, &query.text("ve"));
    page(StatusCode::OK, &SignInPage { alert, ..shown })
}

pub(super) async fn sign_in(
    State(gateway): State<Gateway>,
    frame: Frame,
    client: Client,
    Form(fields): Form,
) -> Page {
    let [token, name, back] = ["token", "name", "ve"].map(|name| fields.text(name).trim().to_owned());
    let shown = SignInPage::new(&gateway, frame, &back);
    if let Err(problem) = client.may_sign_in(&gateway) {
        return shown.refused(&problem);
    }
    if !token.is_empty() {
        return match by_token(&gateway, &token) {
            Ok(begins) => begun(&gateway, begins, &back),
            Err(problem) => shown.refused(&problem),
        };
    }
    let (password, code) = (fields.text("password"), fields.text("code").trim().to_owned());
    let request = gateway.ask(SignInRequest { name: name.clone(), password, code });
    match gateway.accounts_as_gateway().sign_in(request).await {
        Ok(account) => begun(&gateway, of_account(account.into_inner())?, &back),
        Err(status) => SignInPage { account_refused: true, name, ..shown }.refused(&status.into()),
    }
}

fn by_token(gateway: &Gateway, token: &str) -> Result<Begins, Problem> {
    let context = gateway.context();
    let said = context.tokens().read(token, context.clock.now())?;
    if said.session.is_some() {
        // A session's own token would outlive its session.
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "TOKEN_INVALID"));
    }
    let name = said.principal.subject.clone();
    Ok(Begins { principal: said.principal, by: SignedInBy::Token, name, until: Some(said.expires) })
}

fn of_account(account: api::routing::v1::SignInResponse) -> Result<Begins, Problem> {
    let role = account.role.parse().map_err(|_| Problem::internal())?;
    let unit = Some(account.unit).filter(|unit| !unit.is_empty());
    let name = account.name.clone();
    let principal = Principal { subject: account.name, role, unit };
    Ok(Begins { principal, by: SignedInBy::Account, name, until: None })
}

/// A session, and the page that one wanted or the role's first.
fn begun(gateway: &Gateway, begins: Begins, back: &str) -> Page {
    let to = local(back).unwrap_or_else(|| home(begins.principal.role)).to_owned();
    let cookie = session::start(gateway, begins)?;
    Ok(with_cookie(Redirect::to(&to).into_response(), Some(cookie)))
}

pub(super) fn home(role: RoleName) -> &'static str {
    match role {
        role if words::has_inbox(role) => "/can-bo",
        role if words::edits(role) => "/bien-tap/kho",
        RoleName::Focal => "/can-bo/tong-hop",
        _ => "/bao-cao",
    }
}

pub(super) async fn sign_out(
    State(gateway): State<Gateway>,
    frame: Frame,
    headers: HeaderMap,
    Visitor(caller): Visitor,
) -> Page {
    let mut to = None;
    if let Some(caller) = &caller
        && let Some(session) = &caller.session
    {
        gateway.standing().end(&gateway, session, caller.principal.unit.as_deref()).await;
        if session.by == SignedInBy::Provider {
            to = sign_on::sign_out(&gateway, &headers, frame).await;
        }
    }
    let response = to.unwrap_or_else(|| Redirect::to(SIGN_IN).into_response());
    Ok(with_cookie(response, session::end(gateway.config())))
}

pub(super) fn with_cookie(mut response: Response, cookie: Option<HeaderValue>) -> Response {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
