//! What programs read of the public library: Atom, the sitemap, robots.txt.

use api::knowledge::v1::{ListCatalogueRequest, ListPublishedRequest, PublishedPassage};
use askama::Template;
use axum::{extract::State, http::HeaderMap, response::Response};

use super::{Asked, Frame, Page, catalogue, kept, library::path_of, public, rendered};
use crate::{problem::Problem, shelf::Made, state::Gateway};

const NEWEST: u32 = 50;
const BATCH: u32 = 100;
/// Addresses of answers in the sitemap, the newest, and of catalogue items.
const SITEMAP_MAX: usize = 2_000;

struct Entry {
    address: String,
    question: String,
    answer: String,
    updated: String,
}

impl Entry {
    fn new(origin: &str, passage: PublishedPassage) -> Self {
        let updated = api::time(passage.updated_at.as_ref());
        Self {
            address: format!("{origin}{}", path_of(&passage.id)),
            updated: updated.map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default(),
            question: passage.question,
            answer: passage.answer,
        }
    }
}

#[derive(Template)]
#[template(path = "atom.xml")]
struct Atom {
    frame: Frame,
    origin: String,
    updated: String,
    entries: Vec<Entry>,
}

pub(super) async fn atom(State(gateway): State<Gateway>, frame: Frame, asked: Asked) -> Page {
    let origin = gateway.config().origin(&asked.headers);
    let kind = "application/atom+xml; charset=utf-8";
    kept(&gateway, false, &asked, kind, written_atom(&gateway, frame, origin)).await
}

async fn written_atom(gateway: &Gateway, frame: Frame, origin: String) -> Result<Made, Problem> {
    let request = ListPublishedRequest { limit: NEWEST, ..ListPublishedRequest::default() };
    let listed = gateway.knowledge(None).list_published(gateway.ask(request)).await?.into_inner();
    let entries: Vec<_> = listed.passages.into_iter().map(|p| Entry::new(&origin, p)).collect();
    let updated = entries.first().map_or("1970-01-01T00:00:00Z", |newest| &newest.updated).to_owned();
    Ok(Made::Text(rendered(&Atom { frame, origin, updated, entries })?))
}

#[derive(Template)]
#[template(path = "sitemap.xml")]
struct Sitemap {
    origin: String,
    /// Addresses of catalogue items.
    items: Vec<String>,
    entries: Vec<Entry>,
}

pub(super) async fn sitemap(State(gateway): State<Gateway>, asked: Asked) -> Page {
    let origin = gateway.config().origin(&asked.headers);
    kept(&gateway, false, &asked, "application/xml; charset=utf-8", written_sitemap(&gateway, origin)).await
}

async fn written_sitemap(gateway: &Gateway, origin: String) -> Result<Made, Problem> {
    let entries = newest(gateway).await?.into_iter().map(|p| Entry::new(&origin, p)).collect();
    let items = catalogue(gateway).await?.into_iter();
    let items = items.map(|id| format!("{origin}{}", catalogue::path_of(&id))).collect();
    Ok(Made::Text(rendered(&Sitemap { origin, items, entries })?))
}

/// The ids of catalogue items.
async fn catalogue(gateway: &Gateway) -> Result<Vec<String>, Problem> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListCatalogueRequest { limit: BATCH, page_token, ..ListCatalogueRequest::default() };
        let listed = gateway.editing(None).list_catalogue(gateway.ask(request)).await?.into_inner();
        all.extend(listed.items.into_iter().map(|item| item.id));
        page_token = listed.next_page_token;
        if page_token.is_empty() || all.len() >= SITEMAP_MAX {
            return Ok(all);
        }
    }
}

async fn newest(gateway: &Gateway) -> Result<Vec<PublishedPassage>, Problem> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListPublishedRequest { limit: BATCH, page_token, field: String::new() };
        let listed = gateway.knowledge(None).list_published(gateway.ask(request)).await?.into_inner();
        all.extend(listed.passages);
        page_token = listed.next_page_token;
        if page_token.is_empty() || all.len() >= SITEMAP_MAX {
            return Ok(all);
        }
    }
}

/// Published answers may be found by everyone; what belongs to one asker or to officers may not.
pub(super) async fn robots(State(gateway): State<Gateway>, headers: HeaderMap) -> Response {
    let closed = [
        "/theo-doi/",
        "/can-bo",
        "/bien-tap",
        "/bao-cao",
        "/tong-quan",
        "/tu-dong",
        "/dang-nhap",
        "/xac-thuc",
        "/nhan-tin",
        "/api/",
        "/goi-y",
        "/tra-cuu?",
    ];
    let origin = gateway.config().origin(&headers);
    let text =
        format!("User-agent: *\nDisallow: {}\nSitemap: {origin}/sitemap.xml\n", closed.join("\nDisallow: "));
    public(&headers, "text/plain; charset=utf-8", text)
}
