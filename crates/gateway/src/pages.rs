//! Plain pages: they work without JavaScript, and a little better with it.

mod asker;
mod automation;
mod catalogue;
mod change;
mod changes;
mod chart;
mod deadline;
mod digest;
mod editor;
mod family;
mod feeds;
mod import;
mod inbox;
pub(crate) mod kept;
mod library;
mod marks;
mod merge;
mod moving;
mod officer;
mod overview;
mod passage;
mod recent;
mod report;
mod reports;
mod review;
mod saved;
mod sign_in;
mod sign_on;
mod sources;
mod store;
mod subscribe;
mod ticket;
mod typed;
mod verify;
mod words;

use std::{borrow::Borrow, convert::Infallible};

use askama::Template;
use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{Html, IntoResponse as _, Response},
    routing::{get, post},
};

use crate::{
    assets::{self, CSS_URL, JS_URL, UNSENT_JS_URL},
    guard,
    language::{self, Language, Said},
    oidc,
    problem::Problem,
    session::{self, SIGN_IN, SIGN_OUT, SignedIn, Visitor},
    shelf::Made,
    state::Gateway,
};

pub(crate) use overview::chosen::Chosen;
use overview::screen;

type Page = Result<Response, Problem>;

pub(crate) fn routes(gateway: &Gateway) -> Router<Gateway> {
    Router::new()
        .route("/", get(asker::ask_form))
        .route("/ask", post(asker::ask))
        .route(verify::START, get(verify::start))
        .route(oidc::ASKER_RETURN, get(verify::complete))
        .route(verify::END, get(verify::end))
        .route("/goi-y", post(asker::suggestions))
        .route("/da-ro", post(library::answered_me))
        .route("/tra-cuu", get(library::search))
        .route("/thu-vien", get(library::list))
        .route("/thu-vien/{passageId}", get(library::answer))
        .route("/hoi-nhieu", get(recent::hot))
        .route("/moi", get(recent::new))
        .route("/danh-muc", get(catalogue::list))
        .route("/danh-muc/{itemId}", get(catalogue::item))
        .route("/atom.xml", get(feeds::atom))
        .route("/sitemap.xml", get(feeds::sitemaps))
        .route("/sitemap/{page}", get(feeds::sitemap))
        .route("/robots.txt", get(feeds::robots))
        .route("/nhan-tin", post(subscribe::subscribe))
        .route("/nhan-tin/xac-nhan/{token}", get(subscribe::confirm_form).post(subscribe::confirm))
        .route("/nhan-tin/dung/{token}", get(subscribe::end_form).post(subscribe::end))
        .route("/theo-doi", get(ticket::find))
        .route("/theo-doi/{trackingCode}", get(ticket::follow))
        .route("/theo-doi/{trackingCode}/danh-gia", post(ticket::rate))
        .route("/theo-doi/{trackingCode}/khong-dung", post(ticket::reject))
        .route("/theo-doi/{trackingCode}/sua", get(change::amend_form).post(change::amend))
        .route("/theo-doi/{trackingCode}/rut", get(change::withdraw_form).post(change::withdraw))
        .route("/theo-doi/{trackingCode}/bo-sung", post(change::reply))
        .route(SIGN_IN, get(sign_in::form).post(sign_in::sign_in))
        .route(SIGN_OUT, post(sign_in::sign_out))
        .route(sign_on::START, get(sign_on::start))
        .route(oidc::RETURN, get(sign_on::complete))
        .route("/can-bo", get(inbox::inbox))
        .route("/can-bo/phieu/{ticketId}", get(officer::question))
        .route("/can-bo/phieu/{ticketId}/thay-doi", get(changes::since))
        .route("/can-bo/phieu/{ticketId}/chen", post(saved::insert))
        .route("/can-bo/mau", get(saved::list).post(saved::put))
        .route("/can-bo/mau/xoa", post(saved::delete))
        .route("/can-bo/mau/{savedReplyId}", get(saved::words_of))
        .route("/can-bo/phieu/{ticketId}/duyet", post(officer::approve))
        .route("/can-bo/phieu/{ticketId}/tra-lai", post(officer::give_back))
        .route("/can-bo/phieu/{ticketId}/chuyen", post(officer::assign))
        .route("/can-bo/phieu/{ticketId}/tam-dung", post(deadline::pause))
        .route("/can-bo/phieu/{ticketId}/tiep-tuc", post(deadline::resume))
        .route("/can-bo/phieu/{ticketId}/gia-han", post(deadline::extend))
        .route("/can-bo/phieu/{ticketId}/khan", post(deadline::hasten))
        .route("/bien-tap", get(editor::desk))
        .route("/bien-tap/kho", get(store::list))
        .route("/bien-tap/gop", post(merge::merge))
        .route("/bien-tap/xuat", get(merge::export))
        .route("/bien-tap/nhap", get(import::form).post(import::import))
        .route("/bien-tap/tra-loi/{passageId}/xem-truoc", post(merge::preview))
        .route("/bien-tap/tuong-hop", post(editor::mark_compatible))
        .route("/bien-tap/tra-loi", get(editor::find))
        .route("/bien-tap/tra-loi/{passageId}", get(passage::passage))
        .route("/bien-tap/tra-loi/{passageId}/dinh-chinh", post(passage::correct))
        .route("/bien-tap/tra-loi/{passageId}/thu-hoi", post(passage::withdraw))
        .route("/bien-tap/tra-loi/{passageId}/thay-the", post(passage::supersede))
        .route("/bien-tap/tra-loi/{passageId}/hieu-luc", post(passage::set_validity))
        .route("/can-bo/phieu/{ticketId}/gop", post(family::attach))
        .route("/can-bo/phieu/{ticketId}/tach", post(family::detach))
        .route("/can-bo/tong-hop", get(digest::list))
        .route("/can-bo/tong-hop/{digestId}", get(digest::digest))
        .route("/can-bo/tong-hop/{digestId}/csv", get(digest::sheet))
        .route("/can-bo/tong-hop/{digestId}/docx", get(digest::document))
        .route("/can-bo/tong-hop/{digestId}/muc", post(digest::end_item))
        .route("/can-bo/tong-hop/{digestId}/nhap", post(digest::import))
        .route("/bao-cao", get(reports::reports))
        .route("/bao-cao/csv", get(reports::reports_sheet))
        .route("/tong-quan", get(overview::overview))
        .route(screen::PATH, get(screen::wall).post(screen::open))
        .route(screen::CLOSE, post(screen::close))
        .route("/tong-quan/dong", get(overview::stream))
        .route("/tong-quan/csv", get(overview::figures_sheet))
        .route("/tong-quan/danh-sach", get(overview::list))
        .route("/tong-quan/danh-sach/csv", get(overview::list_sheet))
        .route("/tu-dong", get(automation::show).post(automation::set))
        .route("/tu-dong/dung", post(automation::stop))
        .route("/can-bo/phieu/{ticketId}/cong-khai", post(report::publish))
        .route("/can-bo/phieu/{ticketId}/anh/{number}", get(report::photo_of_unit))
        .route("/theo-doi/{trackingCode}/anh/{number}", get(report::photo_of_asker))
        .route("/phan-anh/{ticketId}", get(report::public))
        .route("/phan-anh/{ticketId}/anh/{number}", get(report::photo_of_public))
        .route("/can-bo/phieu/{ticketId}/chuyen-tiep", post(moving::forward))
        .route("/can-bo/phieu/{ticketId}/phoi-hop", post(moving::ask))
        .route("/can-bo/phieu/{ticketId}/thoi-phoi-hop", post(moving::withdraw))
        .route("/can-bo/phoi-hop/{ticketId}", get(moving::part))
        .route("/can-bo/phoi-hop/{ticketId}/gop-y", post(moving::give))
        .route("/can-bo/phoi-hop/{ticketId}/tu-choi", post(moving::decline))
        .route("/can-bo/phieu/{ticketId}/kiem-tra", post(review::check))
        .route("/can-bo/phieu/{ticketId}/trinh-duyet", post(review::submit))
        .route("/can-bo/phieu/{ticketId}/yeu-cau-sua", post(review::correct))
        .layer(from_fn_with_state(gateway.clone(), session::pages))
        .layer(from_fn(guard::same_site))
        .layer(from_fn_with_state(gateway.clone(), language::remember))
}

/// What surrounds every page.
pub(crate) struct Frame {
    css: &'static str,
    js: &'static str,
    unsent_js: &'static str,
    language: Language,
    /// The page's path; empty: it is in no list of pages.
    path: String,
    /// This page in the other language; empty: it is the answer to a form, or to a provider's redirect.
    switch: String,
    /// Who is signed in, and as what; empty: nobody.
    name: String,
    role: Said,
    has_inbox: bool,
    edits: bool,
    sees_automation: bool,
}

impl Frame {
    fn new(language: Language, switch: String, caller: Option<&SignedIn>) -> Self {
        let role = caller.map(|c| c.principal.role);
        Self {
            css: &CSS_URL,
            js: &JS_URL,
            unsent_js: &UNSENT_JS_URL,
            language,
            path: String::new(),
            switch,
            name: caller.map_or_else(String::new, |c| c.name().to_owned()),
            role: role.map_or(Said::Borrowed(""), |role| words::role(language, role)),
            has_inbox: role.is_some_and(words::has_inbox),
            edits: role.is_some_and(words::edits),
            sees_automation: role.is_some_and(words::sees_automation),
        }
    }

    fn t(&self, key: &str) -> Said {
        self.language.say(key)
    }

    /// As `aria-current` has it, for a link to that path.
    fn current(&self, path: &str) -> &'static str {
        if self.path == path { "page" } else { "false" }
    }

    /// With a count.
    fn n(&self, key: &str, n: impl Borrow<u32>) -> Said {
        self.language.say_with(key, &[("n", (*n.borrow()).into())])
    }
}

impl FromRequestParts<Gateway> for Frame {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Infallible> {
        let Visitor(caller) = Visitor::from_request_parts(parts, gateway).await?;
        let language = Language::of_page(&parts.uri, &parts.headers, gateway.config());
        let switch = match parts.method {
            // What a provider sends back with counts once.
            Method::GET if ![oidc::RETURN, oidc::ASKER_RETURN].contains(&parts.uri.path()) => {
                in_language(&parts.uri, language.other())
            }
            _ => String::new(),
        };
        let path = parts.uri.path().to_owned();
        Ok(Self { path, ..Self::new(language, switch, caller.as_ref()) })
    }
}

/// The same address with another `lang`. It begins with one slash: two would be another site.
fn in_language(uri: &Uri, language: Language) -> String {
    let pairs = uri.query().into_iter().flat_map(|query| query.split('&'));
    let kept = pairs.filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
    let query = kept.fold(String::new(), |query, pair| query + pair + "&");
    format!("/{}?{query}lang={}", uri.path().trim_start_matches('/'), language.tag())
}

fn page(status: StatusCode, template: &impl Template) -> Page {
    Ok((status, Html(rendered(template)?)).into_response())
}

fn rendered(template: &impl Template) -> Result<String, Problem> {
    template.render().map_err(|error| {
        tracing::error!(%error, "a page was not written");
        Problem::internal()
    })
}

const PUBLIC: &str = "public, no-cache";

/// A page that is the same for all who are not signed in: kept by browsers and proxies, which ask
/// each time whether it has changed, so that what is withdrawn is gone at once.
fn public(headers: &HeaderMap, kind: &'static str, text: String) -> Response {
    of_kind(kind, assets::tagged(headers, PUBLIC, text))
}

/// Such a page of the library: also kept here, until the library changes. For whoever is signed in it is written anew.
async fn kept(
    gateway: &Gateway,
    signed_in: bool,
    asked: &Asked,
    kind: &'static str,
    make: impl Future<Output = Result<Made, Problem>>,
) -> Page {
    if signed_in {
        return Ok(match make.await? {
            Made::Text(text) => of_kind(kind, text.into_response()),
            Made::Once(response) => response,
        });
    }
    let origin = gateway.config().origin(&asked.headers);
    let address = format!("{} {origin} {}", asked.language.tag(), asked.uri);
    Ok(match gateway.shelf().get(gateway, address, make).await? {
        Ok(page) => {
            let tag = page.tag.clone();
            of_kind(kind, assets::known(&asked.headers, PUBLIC, &tag, page.response(&asked.headers)))
        }
        Err(response) => response,
    })
}

/// How a page was asked for: what it depends on beside the library.
struct Asked {
    uri: Uri,
    headers: HeaderMap,
    language: Language,
}

impl FromRequestParts<Gateway> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Infallible> {
        let language = Language::of_page(&parts.uri, &parts.headers, gateway.config());
        Ok(Self { uri: parts.uri.clone(), headers: parts.headers.clone(), language })
    }
}

fn of_kind(kind: &'static str, mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("cookie, accept-encoding"));
    response
}

/// What went wrong, in a sentence for the page.
fn sentence(language: Language, problem: &Problem) -> String {
    let title = problem.title(language);
    match problem.first_field().and_then(|field| words::form_field(language, field)) {
        None => title.to_owned(),
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

/// Whether only officers and others who are signed in come here.
pub(crate) fn is_officers(path: &str) -> bool {
    ["/can-bo", "/bien-tap", "/bao-cao", "/tong-quan", "/tu-dong"].iter().any(|page| path.starts_with(page))
}

/// Whether officers and editors write there.
pub(crate) fn is_desk(path: &str) -> bool {
    let first = path.split('/').nth(1);
    first.is_some_and(|first| ["can-bo", "bien-tap", "tu-dong"].contains(&first))
}

fn is_page(path: &str) -> bool {
    !["/api/", "/open311/", "/assets/", "/healthz", "/readyz", "/metrics"].iter().any(|p| path.starts_with(p))
}

/// Writes a page's problem as HTML; a missing or expired session leads to the sign-in.
pub(crate) async fn render_problem(
    State(_): State<Gateway>,
    frame: Frame,
    request: Request,
    next: Next,
) -> Response {
    let is_page = is_page(request.uri().path());
    let to_sign_in = session::to_sign_in(true, request.method(), request.uri());
    let mut response = next.run(request).await;
    if !is_page {
        return response;
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    if problem.status == StatusCode::UNAUTHORIZED {
        return to_sign_in.into_response();
    }
    let template = ErrorPage {
        message: sentence(frame.language, &problem),
        frame,
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

/// One segment of a path, or one value of a query, whatever the text.
pub(crate) fn segment(text: &str) -> String {
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
