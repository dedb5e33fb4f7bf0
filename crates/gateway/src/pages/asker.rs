//! Asking, and searching what was answered.

use api::{
    intake::v1::{Asker, Kind, SubmitQuestionRequest},
    knowledge::v1::{SearchRequest, SearchResult},
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
};
use uuid::Uuid;

use super::{Frame, Page, page, segment, sentence, words};
use crate::{
    fields::{Fields, Form, Query},
    organisation::{Choice, Organisation},
    problem::Problem,
    session::Visitor,
    state::Gateway,
};

const SUGGESTIONS: u32 = 3;
const RESULTS: u32 = 20;

#[derive(Template)]
#[template(path = "ask.html")]
struct AskPage {
    frame: Frame,
    ask: Ask,
    kinds: Vec<Choice>,
    fields: Vec<Choice>,
    error: String,
    /// Where it goes, when it is no question; the asker may say that it is one.
    elsewhere: String,
    looked: bool,
    found: Vec<Found>,
}

/// The form as the asker filled it in, kept when it is refused.
#[derive(Default)]
struct Ask {
    request_id: String,
    kind: String,
    text: String,
    field: String,
    name: String,
    email: String,
    phone: String,
    organisation: String,
    insist: bool,
}

impl Ask {
    fn new() -> Self {
        Self { request_id: fresh_id(), kind: Kind::Question.as_str_name().to_owned(), ..Self::default() }
    }

    fn read(fields: &Fields) -> Self {
        Self {
            request_id: fields.text("request_id"),
            kind: fields.text("kind"),
            text: fields.text("text"),
            field: fields.text("field"),
            name: fields.text("name"),
            email: fields.text("email"),
            phone: fields.text("phone"),
            organisation: fields.text("organisation"),
            insist: !fields.text("insist").is_empty(),
        }
    }

    fn request(&self) -> SubmitQuestionRequest {
        SubmitQuestionRequest {
            request_id: self.request_id.clone(),
            kind: Kind::from_str_name(&self.kind).unwrap_or_default().into(),
            text: self.text.clone(),
            field: self.field.clone(),
            asker: Some(Asker {
                name: self.name.clone(),
                email: self.email.clone(),
                phone: self.phone.clone(),
                organisation: self.organisation.clone(),
            }),
            insist: self.insist,
        }
    }
}

/// The form carries its id, so that a double submission is one ticket.
fn fresh_id() -> String {
    Uuid::new_v4().to_string()
}

/// A published answer that resembles a text.
struct Found {
    question: String,
    answer: String,
    field: String,
    source: String,
}

impl Found {
    fn all(results: Vec<SearchResult>, organisation: &Organisation) -> Vec<Self> {
        let found = results.into_iter().map(|result| Self {
            field: organisation.field_name(&result.field),
            question: result.question,
            answer: result.answer,
            source: result.source,
        });
        found.collect()
    }
}

async fn look(
    gateway: &Gateway,
    organisation: &Organisation,
    request: SearchRequest,
) -> Result<Vec<Found>, Problem> {
    let response = gateway.knowledge(None).search(gateway.ask(request)).await?;
    Ok(Found::all(response.into_inner().results, organisation))
}

pub(super) async fn ask_form(State(gateway): State<Gateway>, Visitor(caller): Visitor) -> Page {
    let organisation = gateway.organisation().await;
    page(
        StatusCode::OK,
        &AskPage {
            frame: Frame::of(caller.as_ref()),
            ask: Ask::new(),
            kinds: words::kinds(),
            fields: organisation.fields(),
            error: String::new(),
            elsewhere: String::new(),
            looked: false,
            found: Vec::new(),
        },
    )
}

/// Submits, or with the button `look` shows what was answered to the like: the suggestions of
/// those without JavaScript.
pub(super) async fn ask(
    State(gateway): State<Gateway>,
    Visitor(caller): Visitor,
    Form(fields): Form,
) -> Page {
    let mut ask = Ask::read(&fields);
    let organisation = gateway.organisation().await;
    let looked = fields.text("step") == "look";
    let mut found = Vec::new();
    let refused = if looked {
        let request = SearchRequest { q: ask.text.clone(), limit: SUGGESTIONS, field: String::new() };
        look(&gateway, &organisation, request).await.map(|answers| found = answers).err()
    } else {
        match gateway.intake(None).submit_question(gateway.ask(ask.request())).await {
            Ok(response) => {
                let code = segment(&response.get_ref().tracking_code);
                return Ok(Redirect::to(&format!("/theo-doi/{code}?new=1")).into_response());
            }
            Err(status) => Some(Problem::from(status)),
        }
    };
    if refused.as_ref().is_some_and(|p| p.reason == "REQUEST_ID_REUSED") {
        // Changed after it was sent: the next submission is another question.
        ask.request_id = fresh_id();
    }
    page(
        refused.as_ref().map_or(StatusCode::OK, |p| p.status),
        &AskPage {
            frame: Frame::of(caller.as_ref()),
            ask,
            kinds: words::kinds(),
            fields: organisation.fields(),
            looked: looked && refused.is_none(),
            error: refused.as_ref().map(sentence).unwrap_or_default(),
            elsewhere: refused
                .filter(|p| p.reason == "GOES_ELSEWHERE")
                .map(Problem::into_detail)
                .unwrap_or_default(),
            found,
        },
    )
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    frame: Frame,
    q: String,
    field: String,
    fields: Vec<Choice>,
    error: String,
    looked: bool,
    found: Vec<Found>,
}

pub(super) async fn search(
    State(gateway): State<Gateway>,
    Visitor(caller): Visitor,
    Query(query): Query,
) -> Page {
    let organisation = gateway.organisation().await;
    let (q, field) = (query.text("q"), query.text("field"));
    let mut found = Vec::new();
    let mut refused = None;
    if !q.trim().is_empty() {
        let request = SearchRequest { q: q.clone(), limit: RESULTS, field: field.clone() };
        match look(&gateway, &organisation, request).await {
            Ok(answers) => found = answers,
            Err(problem) => refused = Some(problem),
        }
    }
    page(
        refused.as_ref().map_or(StatusCode::OK, |p| p.status),
        &SearchPage {
            frame: Frame::of(caller.as_ref()),
            looked: !q.trim().is_empty() && refused.is_none(),
            q,
            field,
            fields: organisation.fields(),
            error: refused.as_ref().map(sentence).unwrap_or_default(),
            found,
        },
    )
}
