//! Plain pages: they work without JavaScript, and a little better with it.

mod asker;
mod deadline;
mod editor;
mod family;
mod officer;
mod reports;
mod sign_in;
mod ticket;
mod words;

use askama::Template;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::{Html, IntoResponse as _, Redirect, Response},
    routing::{get, post},
};

use crate::{
    assets::{CSS_URL, JS_URL},
    guard,
    problem::{Language, Problem},
    session::{SIGN_IN, SignedIn, Visitor},
    state::Gateway,
};

type Page = Result<Response, Problem>;

pub(crate) fn routes() -> Router<Gateway> {
    Router::new()
        .route("/", get(asker::ask_form))
        .route("/ask", post(asker::ask))
        .route("/tra-cuu", get(asker::search))
        .route("/theo-doi", get(ticket::find))
        .route("/theo-doi/{trackingCode}", get(ticket::follow))
        .route("/theo-doi/{trackingCode}/danh-gia", post(ticket::rate))
        .route(SIGN_IN, get(sign_in::form).post(sign_in::sign_in))
        .route("/dang-xuat", post(sign_in::sign_out))
        .route("/can-bo", get(officer::inbox))
        .route("/can-bo/phieu/{ticketId}", get(officer::question))
        .route("/can-bo/phieu/{ticketId}/duyet", post(officer::approve))
        .route("/can-bo/phieu/{ticketId}/tra-lai", post(officer::give_back))
        .route("/can-bo/phieu/{ticketId}/chuyen", post(officer::assign))
        .route("/can-bo/phieu/{ticketId}/tam-dung", post(deadline::pause))
        .route("/can-bo/phieu/{ticketId}/tiep-tuc", post(deadline::resume))
        .route("/can-bo/phieu/{ticketId}/gia-han", post(deadline::extend))
        .route("/can-bo/phieu/{ticketId}/khan", post(deadline::hasten))
        .route("/bien-tap", get(editor::desk))
        .route("/bien-tap/tuong-hop", post(editor::mark_compatible))
        .route("/bien-tap/tra-loi", get(editor::find))
        .route("/bien-tap/tra-loi/{passageId}", get(editor::passage))
        .route("/bien-tap/tra-loi/{passageId}/dinh-chinh", post(editor::correct))
        .route("/bien-tap/tra-loi/{passageId}/thu-hoi", post(editor::withdraw))
        .route("/bien-tap/tra-loi/{passageId}/thay-the", post(editor::supersede))
        .route("/bien-tap/tra-loi/{passageId}/hieu-luc", post(editor::set_validity))
        .route("/can-bo/phieu/{ticketId}/gop", post(family::attach))
        .route("/can-bo/phieu/{ticketId}/tach", post(family::detach))
        .route("/bao-cao", get(reports::reports))
        .layer(from_fn(guard::same_site))
}

/// What surrounds every page.
struct Frame {
    css: &'static str,
    js: &'static str,
    /// Who is signed in, in words; empty: nobody.
    signed_in: String,
    has_inbox: bool,
    edits: bool,
}

impl Frame {
    fn of(caller: Option<&SignedIn>) -> Self {
        Self {
            css: &CSS_URL,
            js: &JS_URL,
            signed_in: caller.map_or_else(String::new, |c| words::caller(&c.principal)),
            has_inbox: caller.is_some_and(|c| words::has_inbox(c.principal.role)),
            edits: caller.is_some_and(|c| words::edits(c.principal.role)),
        }
    }
}

fn page(status: StatusCode, template: &impl Template) -> Page {
    match template.render() {
        Ok(html) => Ok((status, Html(html)).into_response()),
        Err(error) => {
            tracing::error!(%error, "a page was not written");
            Err(Problem::internal())
        }
    }
}

/// What went wrong, in a sentence for the page.
fn sentence(problem: &Problem) -> String {
    let title = problem.title(Language::Vietnamese);
    match problem.first_field().map(words::form_field) {
        None | Some("") => title.to_owned(),
        Some(field) => format!("{field}: {title}"),
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    message: String,
    reason: String,
    passing: bool,
}

fn is_page(path: &str) -> bool {
    !["/api/", "/assets/", "/healthz", "/readyz", "/metrics"].iter().any(|p| path.starts_with(p))
}

/// Writes a page's problem as HTML; a missing or expired session leads to the sign-in.
pub(crate) async fn render_problem(
    State(_): State<Gateway>,
    Visitor(caller): Visitor,
    request: Request,
    next: Next,
) -> Response {
    let is_page = is_page(request.uri().path());
    let mut response = next.run(request).await;
    if !is_page {
        return response;
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    if problem.status == StatusCode::UNAUTHORIZED {
        return Redirect::to(&format!("{SIGN_IN}?het=1")).into_response();
    }
    let template = ErrorPage {
        frame: Frame::of(caller.as_ref()),
        message: sentence(&problem),
        reason: problem.reason.to_string(),
        passing: matches!(problem.status.as_u16(), 429 | 503 | 504),
    };
    let Ok(html) = template.render() else {
        response.extensions_mut().insert(problem);
        return response;
    };
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    *response.body_mut() = Body::from(html);
    response
}

/// One segment of a path, whatever the text.
fn segment(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}

#[cfg(test)]
mod tests;
