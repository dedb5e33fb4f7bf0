//! The public library: what was answered, by field, by search, and each answer on a page of its own.

use api::knowledge::v1::{
    GetPublishedRequest, ListPublishedRequest, NoteAnsweredRequest, PublishedPassage, SearchRequest,
    SearchResult,
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
};
use serde_json::json;

use super::{
    Asked, Frame, Page, kept,
    marks::{self, Run},
    page, rendered, segment, sentence, words,
};
use crate::{
    body::PathPart,
    config::Config,
    fields::{Fields, Form, Query},
    language::Said,
    organisation::{Choice, Organisation},
    problem::Problem,
    shelf::Made,
    state::Gateway,
};

const RESULTS: u32 = 50;
const PAGE: u32 = 20;
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// A published answer near to what was searched for.
pub(super) struct Found {
    pub id: String,
    pub segment: String,
    pub question: Vec<Run>,
    pub answer: Vec<Run>,
    pub about: String,
}

fn is_near(result: &SearchResult, share: f64, config: &Config) -> bool {
    share >= config.search_words_min || result.probability >= config.search_probability_min
}

/// Published answers near to what is searched for, best first.
pub(super) async fn look(gateway: &Gateway, request: SearchRequest) -> Result<Vec<Found>, Problem> {
    let wanted = marks::Wanted::new(&request.q);
    let response = gateway.knowledge(None).search(gateway.ask(request)).await?;
    let organisation = gateway.organisation().await;
    let near = response.into_inner().results.into_iter().filter(|result| {
        is_near(result, marks::share(&wanted, &result.question, &result.answer), gateway.config())
    });
    let found = near.map(|result| Found {
        segment: segment(&result.id),
        question: marks::found(&result.question, &wanted),
        answer: marks::found(&result.answer, &wanted),
        about: words::joined([organisation.field_name(&result.field).as_str(), &result.source]),
        id: result.id,
    });
    Ok(found.collect())
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
    count: u32,
    found: Vec<Found>,
}

pub(super) async fn search(State(gateway): State<Gateway>, frame: Frame, Query(query): Query) -> Page {
    let (q, field) = (query.text("q"), query.text("field"));
    let mut found = Vec::new();
    let mut refused = None;
    if !q.trim().is_empty() {
        let request = SearchRequest { q: q.clone(), limit: RESULTS, field: field.clone() };
        match look(&gateway, request).await {
            Ok(answers) => found = answers,
            Err(problem) => refused = Some(problem),
        }
    }
    page(
        refused.as_ref().map_or(StatusCode::OK, |p| p.status),
        &SearchPage {
            looked: !q.trim().is_empty() && refused.is_none(),
            q,
            field,
            fields: gateway.organisation().await.fields(),
            error: refused.as_ref().map(|p| sentence(frame.language, p)).unwrap_or_default(),
            count: u32::try_from(found.len()).unwrap_or(u32::MAX),
            found,
            frame,
        },
    )
}

#[derive(Template)]
#[template(path = "library.html")]
struct ListPage {
    frame: Frame,
    field: String,
    fields: Vec<Field>,
    answers: Vec<Listed>,
    next: String,
    /// Being written of the field's new answers; empty: mail is off, or no field is chosen.
    subscribe_to: Said,
    subscribe_name: &'static str,
    subscribe_id: String,
}

struct Field {
    segment: String,
    name: String,
    answers: u32,
    here: bool,
}

struct Listed {
    segment: String,
    question: String,
    answer: String,
    about: String,
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
    let field = query.text("linh-vuc");
    let request = ListPublishedRequest { limit: PAGE, page_token: query.text("trang"), field: field.clone() };
    let listed = gateway.knowledge(None).list_published(gateway.ask(request)).await?.into_inner();
    let organisation = gateway.organisation().await;
    let name = |code: &str| match code {
        "" => frame.t("library-others").into_owned(),
        code => organisation.field_name(code),
    };
    let fields = listed.fields.into_iter().filter(|f| !f.field.is_empty()).map(|f| Field {
        segment: segment(&f.field),
        name: name(&f.field),
        answers: f.answers,
        here: f.field == field,
    });
    let answers = listed.passages.into_iter().map(|passage| Listed {
        segment: segment(&passage.id),
        about: words::joined([
            name(&passage.field).as_str(),
            &words::moment(frame.language, passage.updated_at.as_ref()),
        ]),
        question: passage.question,
        answer: passage.answer,
    });
    let may_subscribe = gateway.context().mailer.is_some() && !field.is_empty();
    let template = ListPage {
        subscribe_to: if may_subscribe { frame.t("subscribe-field") } else { Said::Borrowed("") },
        subscribe_name: "field",
        subscribe_id: field.clone(),
        fields: fields.collect(),
        answers: answers.collect(),
        next: segment(&listed.next_page_token),
        field: segment(&field),
        frame,
    };
    Ok(Made::Text(rendered(&template)?))
}

#[derive(Template)]
#[template(path = "answer.html")]
struct AnswerPage {
    frame: Frame,
    thanks: bool,
    question: String,
    answer: String,
    about: String,
    updated: String,
    until: String,
    /// Path segments and ids of the catalogue items that it rests on.
    basis: Vec<(String, String)>,
    withdrawn: bool,
    superseded: String,
    in_force: bool,
    address: String,
    data: String,
    /// Being written of its changes; empty: mail is off, or it has ended.
    subscribe_to: Said,
    subscribe_name: &'static str,
    subscribe_id: String,
}

impl AnswerPage {
    fn new(frame: Frame, organisation: &Organisation, address: String, passage: PublishedPassage) -> Self {
        Self {
            thanks: false,
            about: words::joined([
                organisation.field_name(&passage.field).as_str(),
                &organisation.unit_name(&passage.unit),
                &passage.source,
            ]),
            updated: words::moment(frame.language, passage.updated_at.as_ref()),
            until: words::moment(frame.language, passage.valid_until.as_ref()),
            data: if passage.in_force { structured(&passage, &address) } else { String::new() },
            basis: passage.basis.into_iter().map(|id| (segment(&id), id)).collect(),
            withdrawn: passage.withdrawn,
            superseded: segment(&passage.superseded_by),
            in_force: passage.in_force,
            question: passage.question,
            answer: passage.answer,
            address,
            subscribe_to: Said::Borrowed(""),
            subscribe_name: "passage",
            subscribe_id: passage.id,
            frame,
        }
    }
}

/// As search engines read it: schema.org's QAPage.
fn structured(passage: &PublishedPassage, address: &str) -> String {
    let published = passage.updated_at.as_ref().and_then(|at| api::time(Some(at))).map(|at| at.to_rfc3339());
    let data = json!({
        "@context": "https://schema.org",
        "@type": "QAPage",
        "mainEntity": {
            "@type": "Question",
            "name": passage.question,
            "text": passage.question,
            "answerCount": 1,
            "acceptedAnswer": {
                "@type": "Answer",
                "text": passage.answer,
                "url": address,
                "datePublished": published,
            },
        },
    });
    // Inside a script element only `<` means something.
    data.to_string().replace('<', "\\u003c")
}

pub(super) async fn answer(
    State(gateway): State<Gateway>,
    frame: Frame,
    PathPart(id): PathPart,
    Query(query): Query,
    asked: Asked,
) -> Page {
    let signed_in = !frame.name.is_empty();
    let thanks = query.text("da-ro") == "1";
    let origin = gateway.config().origin(&asked.headers);
    kept(&gateway, signed_in, &asked, HTML, written_answer(&gateway, frame, id, &origin, thanks)).await
}

async fn written_answer(
    gateway: &Gateway,
    frame: Frame,
    id: String,
    origin: &str,
    thanks: bool,
) -> Result<Made, Problem> {
    let request = gateway.ask(GetPublishedRequest { id: id.clone() });
    let passage = gateway.knowledge(None).get_published(request).await?.into_inner();
    if passage.id != id {
        return Ok(Made::Once(Redirect::permanent(&path_of(&passage.id)).into_response()));
    }
    let address = format!("{origin}{}", path_of(&id));
    let gone = passage.withdrawn;
    let mut template = AnswerPage::new(frame, &*gateway.organisation().await, address, passage);
    template.thanks = thanks;
    if template.in_force && gateway.context().mailer.is_some() {
        template.subscribe_to = template.frame.t("subscribe-answer");
    }
    if gone {
        return page(StatusCode::GONE, &template).map(Made::Once);
    }
    Ok(Made::Text(rendered(&template)?))
}

/// An answer's address within the site.
pub(super) fn path_of(id: &str) -> String {
    format!("/thu-vien/{}", segment(id))
}

/// A visit that a published answer has ended: counted, and of nobody.
pub(super) async fn answered_me(State(gateway): State<Gateway>, Form(fields): Form) -> Page {
    metrics::counter!("motcua_visits_answered_total").increment(1);
    let request = gateway.ask(NoteAnsweredRequest { id: fields.text("id") });
    if let Err(status) = gateway.knowledge(None).note_answered(request).await {
        // The visitor is done either way.
        tracing::warn!(code = ?status.code(), "a visit was not counted");
    }
    Ok(Redirect::to(&format!("{}?da-ro=1", path_of(&fields.text("id")))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structured_data_cannot_leave_its_element() {
        let passage = PublishedPassage {
            question: "</script><script>alert(1)".into(),
            in_force: true,
            ..PublishedPassage::default()
        };
        let data = structured(&passage, "https://x/thu-vien/a");
        assert!(!data.contains('<'), "{data}");
        let read: serde_json::Value = serde_json::from_str(&data).unwrap();
        assert_eq!(read["mainEntity"]["name"], passage.question);
    }

    #[test]
    fn near_is_by_words_or_by_meaning() {
        let config = Config::default();
        let by = |probability| SearchResult { probability, ..SearchResult::default() };
        assert!(is_near(&by(0.0), 1.0, &config) && is_near(&by(0.9), 0.0, &config));
        assert!(!is_near(&by(0.0), 0.3, &config));
    }
}
