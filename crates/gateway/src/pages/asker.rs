//! Asking, with what was answered to the like.

use api::{
    intake::v1::{Asker, Kind, SubmitQuestionRequest},
    knowledge::v1::SearchRequest,
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
};
use uuid::Uuid;

use super::{
    Frame, Page,
    library::{Found, look},
    page, segment, sentence, words,
};
use crate::{
    fields::{Fields, Form, Query},
    organisation::Choice,
    problem::Problem,
    state::Gateway,
};

const SUGGESTIONS: usize = 3;
/// More are looked at than shown: those that are not near fall away.
const LOOKED_AT: u32 = 10;

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

async fn suggested(gateway: &Gateway, text: String) -> Result<Vec<Found>, Problem> {
    let request = SearchRequest { q: text, limit: LOOKED_AT, field: String::new() };
    let mut found = look(gateway, request).await?;
    found.truncate(SUGGESTIONS);
    Ok(found)
}

#[derive(Template)]
#[template(path = "suggestions.html")]
struct Suggestions {
    frame: Frame,
    found: Vec<Found>,
}

/// A part of the page, for the script: answers to the like of what is being typed.
pub(super) async fn suggestions(State(gateway): State<Gateway>, frame: Frame, Query(query): Query) -> Page {
    let found = suggested(&gateway, query.text("q")).await?;
    page(StatusCode::OK, &Suggestions { frame, found })
}

pub(super) async fn ask_form(State(gateway): State<Gateway>, frame: Frame) -> Page {
    let organisation = gateway.organisation().await;
    page(
        StatusCode::OK,
        &AskPage {
            kinds: words::kinds(frame.language),
            frame,
            ask: Ask::new(),
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
pub(super) async fn ask(State(gateway): State<Gateway>, frame: Frame, Form(fields): Form) -> Page {
    let mut ask = Ask::read(&fields);
    let looked = fields.text("step") == "look";
    let mut found = Vec::new();
    let refused = if looked {
        suggested(&gateway, ask.text.clone()).await.map(|answers| found = answers).err()
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
    let organisation = gateway.organisation().await;
    page(
        refused.as_ref().map_or(StatusCode::OK, |p| p.status),
        &AskPage {
            ask,
            kinds: words::kinds(frame.language),
            fields: organisation.fields(),
            looked: looked && refused.is_none(),
            error: refused.as_ref().map(|p| sentence(frame.language, p)).unwrap_or_default(),
            elsewhere: refused
                .filter(|p| p.reason == "GOES_ELSEWHERE")
                .map(Problem::into_detail)
                .unwrap_or_default(),
            frame,
            found,
        },
    )
}
