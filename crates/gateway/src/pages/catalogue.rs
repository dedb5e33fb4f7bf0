//! The public catalogue of laws, policies and guidance, and the answers that rest on each.

use api::knowledge::v1::{CatalogueItem, CatalogueKind, GetCatalogueItemRequest, ListCatalogueRequest};
use askama::Template;
use axum::extract::State;
use chrono::{DateTime, Utc};

use super::{Asked, Frame, Page, kept, library::HTML, rendered, segment, words};
use crate::{
    body::PathPart,
    fields::{Fields, Query},
    language::{Language, Said},
    organisation::Organisation,
    problem::Problem,
    shelf::Made,
    state::Gateway,
};

const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "catalogue.html")]
struct CataloguePage {
    frame: Frame,
    q: String,
    kinds: Vec<Kind>,
    kind: &'static str,
    items: Vec<Item>,
    next: String,
}

struct Kind {
    code: &'static str,
    name: Said,
    here: bool,
}

struct Item {
    segment: String,
    title: String,
    number: String,
    kind: Said,
    validity: String,
    /// Whether it is in force now.
    holds: bool,
    unit: String,
    url: String,
}

impl Item {
    fn new(language: Language, item: CatalogueItem, organisation: &Organisation, now: DateTime<Utc>) -> Self {
        let (from, until) = (item.valid_from.as_ref(), item.valid_until.as_ref());
        let holds = api::time(from).is_none_or(|from| from <= now) && !words::is_past(until, now);
        let kind = kind_name(language, item.kind());
        let said = |key: &str, day: String| match day.as_str() {
            "" => String::new(),
            day => format!("{} {day}", language.say(key)),
        };
        Self {
            segment: segment(&item.id),
            validity: words::joined([
                said("catalogue-from", words::day(language, from)).as_str(),
                &said("catalogue-until", words::day(language, until)),
            ]),
            holds,
            kind,
            unit: organisation.unit_name(&item.unit),
            title: item.title,
            number: item.number,
            url: item.url,
        }
    }
}

fn kind_name(language: Language, kind: CatalogueKind) -> Said {
    language.say(match kind {
        CatalogueKind::Unspecified => "search-all",
        CatalogueKind::Law => "catalogue-law",
        CatalogueKind::Policy => "catalogue-policy",
        CatalogueKind::Guidance => "catalogue-guidance",
    })
}

pub(super) async fn list(
    State(gateway): State<Gateway>,
    frame: Frame,
    Query(query): Query,
    asked: Asked,
) -> Page {
    let signed_in = !frame.name.is_empty();
    kept(&gateway, signed_in, &asked, HTML, written_list(&gateway, frame, &query)).await
}

async fn written_list(gateway: &Gateway, frame: Frame, query: &Fields) -> Result<Made, Problem> {
    let (q, wanted) = (query.text("q"), query.text("loai"));
    let wanted = CatalogueKind::from_str_name(&wanted).unwrap_or_default();
    let request = ListCatalogueRequest {
        limit: PAGE,
        page_token: query.text("trang"),
        q: q.clone(),
        kind: wanted.into(),
    };
    let listed = gateway.editing(None).list_catalogue(gateway.ask(request)).await?.into_inner();
    let (organisation, now) = (gateway.organisation().await, gateway.context().clock.now());
    let kinds =
        [CatalogueKind::Unspecified, CatalogueKind::Law, CatalogueKind::Policy, CatalogueKind::Guidance];
    let language = frame.language;
    let template = CataloguePage {
        kinds: kinds
            .map(|kind| Kind {
                code: kind.as_str_name(),
                name: kind_name(language, kind),
                here: kind == wanted,
            })
            .into(),
        kind: wanted.as_str_name(),
        items: listed.items.into_iter().map(|item| Item::new(language, item, &organisation, now)).collect(),
        next: segment(&listed.next_page_token),
        q,
        frame,
    };
    Ok(Made::Text(rendered(&template)?))
}

#[derive(Template)]
#[template(path = "catalogue_item.html")]
struct ItemPage {
    frame: Frame,
    address: String,
    item: Item,
    answers: Vec<Answer>,
}

struct Answer {
    segment: String,
    question: String,
    answer: String,
}

pub(super) async fn item(
    State(gateway): State<Gateway>,
    frame: Frame,
    PathPart(id): PathPart,
    asked: Asked,
) -> Page {
    let signed_in = !frame.name.is_empty();
    let origin = gateway.config().origin(&asked.headers);
    kept(&gateway, signed_in, &asked, HTML, written_item(&gateway, frame, id, &origin)).await
}

async fn written_item(gateway: &Gateway, frame: Frame, id: String, origin: &str) -> Result<Made, Problem> {
    let address = format!("{origin}{}", path_of(&id));
    let request = gateway.ask(GetCatalogueItemRequest { id });
    let got = gateway.editing(None).get_catalogue_item(request).await?.into_inner();
    let (organisation, now) = (gateway.organisation().await, gateway.context().clock.now());
    let answers = got.answers.into_iter().map(|passage| Answer {
        segment: segment(&passage.id),
        question: passage.question,
        answer: passage.answer,
    });
    let template = ItemPage {
        item: Item::new(frame.language, got.item.unwrap_or_default(), &organisation, now),
        answers: answers.collect(),
        address,
        frame,
    };
    Ok(Made::Text(rendered(&template)?))
}

/// An item's address within the site.
pub(super) fn path_of(id: &str) -> String {
    format!("/danh-muc/{}", segment(id))
}
