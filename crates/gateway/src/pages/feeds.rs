//! What programs read of the public library: Atom, the sitemap and its pages, robots.txt.

use api::knowledge::v1::{ListCatalogueRequest, ListPublishedRequest, PublishedPassage};
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};

use super::{Asked, Frame, Page, catalogue, kept, library::path_of, public, rendered};
use crate::{body::PathPart, problem::Problem, shelf::Made, state::Gateway};

const NEWEST: u32 = 50;
const BATCH: u32 = 100;
/// Addresses of answers on one page of the sitemap, the newest first; and of catalogue items on the first.
const SITEMAP_PAGE: u32 = 2_000;
/// Pages of the sitemap: each is found by going through those before it.
const SITEMAP_PAGES_MAX: u32 = 25;

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

const XML: &str = "application/xml; charset=utf-8";

#[derive(Template)]
#[template(path = "sitemaps.xml")]
struct Sitemaps {
    origin: String,
    pages: u32,
}

/// The index of the sitemap's pages.
pub(super) async fn sitemaps(State(gateway): State<Gateway>, asked: Asked) -> Page {
    let origin = gateway.config().origin(&asked.headers);
    kept(&gateway, false, &asked, XML, written_sitemaps(&gateway, origin)).await
}

async fn written_sitemaps(gateway: &Gateway, origin: String) -> Result<Made, Problem> {
    Ok(Made::Text(rendered(&Sitemaps { origin, pages: pages(gateway).await? })?))
}

/// How many pages the sitemap has.
async fn pages(gateway: &Gateway) -> Result<u32, Problem> {
    let request = ListPublishedRequest { limit: 1, ..ListPublishedRequest::default() };
    let listed = gateway.knowledge(None).list_published(gateway.ask(request)).await?.into_inner();
    let answers: u32 = listed.fields.iter().map(|field| field.answers).sum();
    Ok(answers.div_ceil(SITEMAP_PAGE).clamp(1, SITEMAP_PAGES_MAX))
}

#[derive(Template)]
#[template(path = "sitemap.xml")]
struct Sitemap {
    origin: String,
    /// The first page has what is no answer, too.
    first: bool,
    /// Addresses of catalogue items.
    items: Vec<String>,
    entries: Vec<Entry>,
}

pub(super) async fn sitemap(State(gateway): State<Gateway>, PathPart(name): PathPart, asked: Asked) -> Page {
    let number = number_of(&name).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "ROUTE_UNKNOWN"))?;
    let origin = gateway.config().origin(&asked.headers);
    kept(&gateway, false, &asked, XML, written_sitemap(&gateway, origin, number)).await
}

/// Of a page, by its name like `1.xml`.
fn number_of(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".xml")?.parse().ok()?;
    ((1..=SITEMAP_PAGES_MAX).contains(&number) && name == format!("{number}.xml")).then_some(number)
}

async fn written_sitemap(gateway: &Gateway, origin: String, number: u32) -> Result<Made, Problem> {
    let first = number == 1;
    // Going through all answers to find that there is no such page would be dear.
    if !first && number > pages(gateway).await? {
        return Err(Problem::new(StatusCode::NOT_FOUND, "ROUTE_UNKNOWN"));
    }
    let entries = published(gateway, number).await?;
    let entries = entries.into_iter().map(|p| Entry::new(&origin, p)).collect();
    let items = if first { catalogue(gateway).await? } else { Vec::new() };
    let items = items.iter().map(|id| format!("{origin}{}", catalogue::path_of(id))).collect();
    Ok(Made::Text(rendered(&Sitemap { origin, first, items, entries })?))
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
        if page_token.is_empty() || all.len() >= SITEMAP_PAGE as usize {
            return Ok(all);
        }
    }
}

/// The answers of that page.
async fn published(gateway: &Gateway, number: u32) -> Result<Vec<PublishedPassage>, Problem> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    let batches = SITEMAP_PAGE / BATCH;
    for batch in 0..number * batches {
        let request = ListPublishedRequest { limit: BATCH, page_token, field: String::new() };
        let listed = gateway.knowledge(None).list_published(gateway.ask(request)).await?.into_inner();
        if batch >= (number - 1) * batches {
            all.extend(listed.passages);
        }
        page_token = listed.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    Ok(all)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_the_sitemap_has_one_address() {
        assert_eq!((number_of("1.xml"), number_of("25.xml")), (Some(1), Some(25)));
        for other in ["", "1", "0.xml", "26.xml", "01.xml", "+1.xml", "x.xml", "1.xml.xml"] {
            assert_eq!(number_of(other), None, "{other}");
        }
    }

    #[test]
    fn the_index_leads_to_each_page() {
        let index = Sitemaps { origin: "https://x".into(), pages: 2 }.render().unwrap();
        assert!(index.contains("https://x/sitemap/1.xml<") && index.contains("https://x/sitemap/2.xml<"));
        assert_eq!(index.matches("<sitemap>").count(), 2);
    }
}
