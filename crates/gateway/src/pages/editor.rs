//! The editor's desk: what is to be looked at, also by officers.

use api::knowledge::v1::{
    Contradiction, ListContradictionsRequest, ListContradictionsResponse, ListReviewsRequest,
    MarkCompatibleRequest, Passage,
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
};

use super::{Frame, Page, page, segment, sentence, typed::Filled, words};
use crate::{
    fields::{Form, Query},
    language::{Language, Said},
    organisation::Organisation,
    problem::Problem,
    session::SignedIn,
    state::Gateway,
};

const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "editor.html")]
struct Desk {
    frame: Frame,
    error: String,
    reviews: Vec<Review>,
    next_reviews: String,
    pairs: Vec<Pair>,
    next_pairs: String,
    /// Where the lists begin, so that a form comes back to the same page of them.
    reviews_from: String,
    pairs_from: String,
    /// What was typed about two answers that are not here any more.
    unplaced: Vec<String>,
}

struct Review {
    segment: String,
    question: String,
    reason: Said,
    unit: String,
    opened: String,
}

struct Pair {
    found: String,
    answers: Vec<Answer>,
    /// What was typed about these two.
    filled: Filled,
}

struct Answer {
    id: String,
    version: u32,
    segment: String,
    question: String,
    answer: String,
    about: String,
}

impl Pair {
    fn new(language: Language, pair: Contradiction, organisation: &Organisation) -> Self {
        let answer = |passage: Passage| Answer {
            segment: segment(&passage.id),
            id: passage.id,
            version: passage.version,
            question: passage.question,
            answer: passage.answer,
            about: organisation.unit_name(&passage.unit),
        };
        Self {
            found: words::moment(language, pair.found_at.as_ref()),
            answers: pair.left.into_iter().chain(pair.right).map(answer).collect(),
            filled: Filled::default(),
        }
    }
}

/// The desk; `refused` with a form about two answers as it was `filled` in, which is kept.
pub(super) async fn show_desk(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    filled: Filled,
    refused: Option<&Problem>,
) -> Page {
    let (reviews_from, pairs_from) = (filled.fields().text("ra-soat"), filled.fields().text("mau-thuan"));
    let language = frame.language;
    let mut editing = gateway.editing(Some(&caller.token));
    let reviews = ListReviewsRequest { limit: PAGE, page_token: reviews_from.clone() };
    let pairs = ListContradictionsRequest { limit: PAGE, page_token: pairs_from.clone() };
    let reviews = editing.list_reviews(gateway.ask(reviews)).await?.into_inner();
    // Officers look after their unit's answers; the rest is the editors'.
    let pairs = if words::edits(caller.principal.role) {
        editing.list_contradictions(gateway.ask(pairs)).await?.into_inner()
    } else {
        ListContradictionsResponse::default()
    };
    let organisation = gateway.organisation().await;
    let review = |task: api::knowledge::v1::ReviewTask| Review {
        segment: segment(&task.passage_id),
        reason: words::review_reason(language, task.reason()),
        unit: organisation.unit_name(&task.unit),
        opened: words::moment(language, task.opened_at.as_ref()),
        question: task.question,
    };
    let pairs_of = pairs.contradictions.into_iter();
    let mut pairs_here: Vec<Pair> = pairs_of.map(|pair| Pair::new(language, pair, &organisation)).collect();
    let unplaced = place(&mut pairs_here, filled);
    let template = Desk {
        reviews_from,
        pairs_from,
        unplaced,
        frame,
        error: refused.map(|p| sentence(language, p)).unwrap_or_default(),
        reviews: reviews.tasks.into_iter().map(review).collect(),
        next_reviews: segment(&reviews.next_page_token),
        pairs: pairs_here,
        next_pairs: segment(&pairs.next_page_token),
    };
    page(refused.map_or(StatusCode::OK, |p| p.status), &template)
}

/// Gives what was typed about two answers back to these two; the words, if they are not here any more.
fn place(pairs: &mut [Pair], filled: Filled) -> Vec<String> {
    let ids = filled.fields().all("id");
    match pairs.iter_mut().find(|pair| pair.answers.iter().all(|answer| ids.contains(&answer.id))) {
        Some(pair) => {
            pair.filled = filled;
            Vec::new()
        }
        None => filled.words(),
    }
}

pub(super) async fn desk(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Page {
    show_desk(&gateway, frame, &caller, Filled::new("", query), None).await
}

pub(super) async fn mark_compatible(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Form(fields): Form,
) -> Page {
    let mut ids = fields.all("id").into_iter();
    let request = MarkCompatibleRequest {
        left_id: ids.next().unwrap_or_default(),
        right_id: ids.next().unwrap_or_default(),
        reason: fields.text("reason"),
    };
    match gateway.editing(Some(&caller.token)).mark_compatible(gateway.ask(request)).await {
        Ok(_) => Ok(Redirect::to("/bien-tap").into_response()),
        Err(status) => {
            let filled = Filled::new("tuong-hop", fields);
            show_desk(&gateway, frame, &caller, filled, Some(&status.into())).await
        }
    }
}

pub(super) async fn find(_: SignedIn, Query(query): Query) -> Page {
    let id = query.text("id");
    Ok(Redirect::to(&path_of(id.trim())).into_response())
}

pub(super) fn path_of(id: &str) -> String {
    if id.is_empty() { "/bien-tap".to_owned() } else { format!("/bien-tap/tra-loi/{}", segment(id)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Fields;

    #[test]
    fn what_was_typed_about_two_answers_comes_back_to_these_two() {
        let pair = |left: &str, right: &str| {
            let passage = |id: &str| Some(Passage { id: id.into(), ..Passage::default() });
            let pair =
                Contradiction { left: passage(left), right: passage(right), ..Contradiction::default() };
            Pair::new(Language::Vietnamese, pair, &Organisation::default())
        };
        let mut pairs = [pair("a", "b"), pair("a", "c")];
        let fields = |typed: &[u8]| Fields::parse(typed).unwrap();
        let sent = || Filled::new("gop", fields(b"id=a&id=c&keep=c&text=Chung&reason=Trung"));
        assert!(place(&mut pairs, sent()).is_empty());
        assert_eq!(pairs.each_ref().map(|pair| pair.filled.of("gop", "keep")), ["", "c"]);
        assert_eq!(place(&mut pairs[..1], sent()), ["Chung", "Trung"]);
    }
}
