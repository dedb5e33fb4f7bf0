//! The editor's list of answers, by state or by search.

use api::knowledge::v1::{ListPassagesRequest, PassageState, SearchRequest};
use askama::Template;
use axum::{extract::State, http::StatusCode};

use super::{
    Frame, Page,
    library::{Found, look},
    page, segment, words,
};
use crate::{fields::Query, language::Said, session::SignedIn, state::Gateway};

const PAGE: u32 = 50;
const RESULTS: u32 = 20;

#[derive(Template)]
#[template(path = "store.html")]
struct StorePage {
    frame: Frame,
    q: String,
    states: Vec<Choosable>,
    state: String,
    found: Vec<Found>,
    rows: Vec<Row>,
    next: String,
}

struct Choosable {
    code: &'static str,
    name: Said,
    here: bool,
}

struct Row {
    segment: String,
    question: String,
    about: String,
    state: Said,
    reused: bool,
}

pub(super) async fn list(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Page {
    let language = frame.language;
    let (q, state) = (query.text("q"), query.text("trang-thai"));
    let wanted = PassageState::from_str_name(&state).unwrap_or_default();
    let mut editing = gateway.editing(Some(&caller.token));
    let request = ListPassagesRequest {
        limit: PAGE,
        page_token: query.text("trang"),
        state: wanted.into(),
        whole: false,
    };
    // Asked also before a search: it says whether this is an editor.
    let listed = editing.list_passages(gateway.ask(request)).await?.into_inner();
    let found = match q.trim() {
        "" => Vec::new(),
        q => look(&gateway, SearchRequest { q: q.to_owned(), limit: RESULTS, ..Default::default() }).await?,
    };
    let organisation = gateway.organisation().await;
    let rows = listed.passages.into_iter().map(|passage| Row {
        segment: segment(&passage.id),
        about: words::joined([
            organisation.field_name(&passage.field).as_str(),
            &organisation.unit_name(&passage.unit),
            &words::moment(language, passage.updated_at.as_ref()),
        ]),
        state: words::passage_state(language, passage.state()),
        reused: passage.reusable,
        question: passage.question,
    });
    let states = [
        PassageState::Unspecified,
        PassageState::Published,
        PassageState::Withdrawn,
        PassageState::Superseded,
    ];
    let template = StorePage {
        states: states
            .map(|state| Choosable {
                code: state.as_str_name(),
                name: match state {
                    PassageState::Unspecified => frame.t("search-all"),
                    state => words::passage_state(language, state),
                },
                here: state == wanted,
            })
            .into(),
        rows: rows.collect(),
        next: segment(&listed.next_page_token),
        state: wanted.as_str_name().to_owned(),
        frame,
        q,
        found,
    };
    page(StatusCode::OK, &template)
}
