//! What is asked most, and what is new.

use api::knowledge::v1::{HotPassage, ListHotRequest, ListPublishedRequest, PublishedPassage};
use askama::Template;
use axum::{extract::State, http::HeaderMap, response::IntoResponse as _};

use super::{Asked, Frame, Page, kept, library::HTML, of_kind, public, rendered, segment, words};
use crate::{language::Said, organisation::Organisation, problem::Problem, shelf::Made, state::Gateway};

const HOT: u32 = 20;
const NEW: u32 = 50;

#[derive(Template)]
#[template(path = "recent.html")]
struct RecentPage {
    frame: Frame,
    title: Said,
    /// What the order means.
    hint: Said,
    days: Vec<Day>,
    empty: Said,
}

/// Answers under one heading; without one, all of them.
struct Day {
    heading: String,
    answers: Vec<Listed>,
}

struct Listed {
    segment: String,
    question: String,
    answer: String,
    about: String,
    /// How often it answered, or that it was changed; empty: neither.
    tag: String,
}

impl Listed {
    fn new(organisation: &Organisation, passage: PublishedPassage, tag: String) -> Self {
        Self {
            segment: segment(&passage.id),
            about: words::joined([organisation.field_name(&passage.field).as_str(), &passage.source]),
            question: passage.question,
            answer: passage.answer,
            tag,
        }
    }
}

/// Not kept: its counts change without the library.
pub(super) async fn hot(State(gateway): State<Gateway>, frame: Frame, headers: HeaderMap) -> Page {
    let request = gateway.ask(ListHotRequest { limit: HOT, days: 0 });
    let found = gateway.knowledge(None).list_hot(request).await?.into_inner().passages;
    let organisation = gateway.organisation().await;
    let listed = |hot: HotPassage| {
        let tag = frame.n("hot-times", hot.times).into_owned();
        Listed::new(&organisation, hot.passage.unwrap_or_default(), tag)
    };
    let answers: Vec<_> = found.into_iter().map(listed).collect();
    let days = if answers.is_empty() { Vec::new() } else { vec![Day { heading: String::new(), answers }] };
    let template = RecentPage {
        title: frame.t("hot-title"),
        hint: frame.t("hot-hint"),
        empty: frame.t("hot-empty"),
        days,
        frame,
    };
    let (signed_in, text) = (!template.frame.name.is_empty(), rendered(&template)?);
    Ok(if signed_in { of_kind(HTML, text.into_response()) } else { public(&headers, HTML, text) })
}

pub(super) async fn new(State(gateway): State<Gateway>, frame: Frame, asked: Asked) -> Page {
    let signed_in = !frame.name.is_empty();
    kept(&gateway, signed_in, &asked, HTML, written_new(&gateway, frame)).await
}

async fn written_new(gateway: &Gateway, frame: Frame) -> Result<Made, Problem> {
    let request = ListPublishedRequest { limit: NEW, ..ListPublishedRequest::default() };
    let found = gateway.knowledge(None).list_published(gateway.ask(request)).await?.into_inner().passages;
    let organisation = gateway.organisation().await;
    let mut days: Vec<Day> = Vec::new();
    for passage in found {
        let heading = words::day(frame.language, passage.updated_at.as_ref());
        let changed = passage.version > 1;
        let tag = if changed { frame.t("new-changed").into_owned() } else { String::new() };
        let listed = Listed::new(&organisation, passage, tag);
        match days.last_mut() {
            Some(day) if day.heading == heading => day.answers.push(listed),
            _ => days.push(Day { heading, answers: vec![listed] }),
        }
    }
    let template = RecentPage {
        title: frame.t("new-title"),
        hint: frame.t("new-hint"),
        empty: frame.t("library-empty"),
        days,
        frame,
    };
    Ok(Made::Text(rendered(&template)?))
}
