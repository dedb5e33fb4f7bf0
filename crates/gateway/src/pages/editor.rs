//! The editor's desk: what is to be looked at (also by officers), and one published answer with its life.

use api::{
    Timestamp,
    intake::v1::{GetRecallRequest, GetRecallResponse},
    knowledge::v1::{
        Contradiction, CorrectAnswerRequest, GetPassageRequest, GetPassageResponse,
        ListContradictionsRequest, ListContradictionsResponse, ListReviewsRequest, MarkCompatibleRequest,
        Passage, PassageState, SetValidityRequest, SupersedeAnswerRequest, WithdrawAnswerRequest,
    },
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
};
use tonic::{Response, Status};

use super::{Frame, Page, page, segment, sentence, words};
use crate::{
    body::PathPart,
    fields::{Fields, Form, Query},
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
        }
    }
}

pub(super) async fn show_desk(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    query: &Fields,
    refused: Option<&Problem>,
) -> Page {
    let language = frame.language;
    let mut editing = gateway.editing(Some(&caller.token));
    let reviews = ListReviewsRequest { limit: PAGE, page_token: query.text("ra-soat") };
    let pairs = ListContradictionsRequest { limit: PAGE, page_token: query.text("mau-thuan") };
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
    let template = Desk {
        frame,
        error: refused.map(|p| sentence(language, p)).unwrap_or_default(),
        reviews: reviews.tasks.into_iter().map(review).collect(),
        next_reviews: segment(&reviews.next_page_token),
        pairs: pairs
            .contradictions
            .into_iter()
            .map(|pair| Pair::new(language, pair, &organisation))
            .collect(),
        next_pairs: segment(&pairs.next_page_token),
    };
    page(refused.map_or(StatusCode::OK, |p| p.status), &template)
}

pub(super) async fn desk(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Page {
    show_desk(&gateway, frame, &caller, &query, None).await
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
        Err(status) => show_desk(&gateway, frame, &caller, &Fields::default(), Some(&status.into())).await,
    }
}

pub(super) async fn find(_: SignedIn, Query(query): Query) -> Page {
    let id = query.text("id");
    Ok(Redirect::to(&path_of(id.trim())).into_response())
}

pub(super) fn path_of(id: &str) -> String {
    if id.is_empty() { "/bien-tap".to_owned() } else { format!("/bien-tap/tra-loi/{}", segment(id)) }
}

#[derive(Template)]
#[template(path = "passage.html")]
struct PassagePage {
    frame: Frame,
    error: String,
    id: String,
    segment: String,
    version: u32,
    state: Said,
    published: bool,
    reusable: bool,
    superseded_by: String,
    superseded_segment: String,
    copy_of: String,
    copy_segment: String,
    question: String,
    answer: String,
    about: String,
    valid_from: String,
    valid_until: String,
    basis: String,
    received: String,
    versions: Vec<Version>,
    typed_text: String,
    typed_reason: String,
    /// The form to correct it is open.
    correcting: bool,
}

struct Version {
    change: Said,
    about: String,
    reason: String,
    answer: String,
}

impl PassagePage {
    fn new(
        frame: Frame,
        organisation: &Organisation,
        got: GetPassageResponse,
        recall: &GetRecallResponse,
    ) -> Self {
        let passage = got.passage.unwrap_or_default();
        let state = passage.state();
        let language = frame.language;
        let version = |version: api::knowledge::v1::PassageVersion| Version {
            change: words::change(language, version.change()),
            about: words::joined([words::moment(language, version.at.as_ref()).as_str(), &version.by]),
            reason: version.reason,
            answer: version.answer,
        };
        Self {
            received: received(language, recall),
            frame,
            error: String::new(),
            segment: segment(&passage.id),
            id: passage.id,
            version: passage.version,
            state: words::passage_state(language, state),
            published: state == PassageState::Published,
            reusable: passage.reusable,
            superseded_segment: segment(&passage.superseded_by),
            superseded_by: passage.superseded_by,
            copy_segment: segment(&passage.copy_of),
            copy_of: passage.copy_of,
            question: passage.question,
            typed_text: passage.answer.clone(),
            answer: passage.answer,
            about: words::joined([
                organisation.field_name(&passage.field).as_str(),
                &organisation.unit_name(&passage.unit),
                &passage.source,
            ]),
            valid_from: words::form_day(passage.valid_from.as_ref()),
            valid_until: words::form_day(passage.valid_until.as_ref()),
            basis: passage.basis.join("\n"),
            versions: got.versions.into_iter().map(version).collect(),
            typed_reason: String::new(),
            correcting: false,
        }
    }
}

/// How many received it, and how many of these heard of its last change.
fn received(language: Language, recall: &GetRecallResponse) -> String {
    let received = language.say_with("edit-received", &[("n", recall.received.into())]);
    let told = match recall.version {
        0 => Said::Borrowed(""),
        version => language.say_with(
            "edit-told",
            &[("version", version.into()), ("told", recall.told.into()), ("waiting", recall.waiting.into())],
        ),
    };
    words::joined([&*received, &*told])
}

/// As [`received`], of an answer by its id.
pub(super) async fn received_of(
    gateway: &Gateway,
    language: Language,
    caller: &SignedIn,
    id: &str,
) -> Result<String, Problem> {
    let recall = GetRecallRequest { passage_id: id.to_owned(), limit: 1, page_token: String::new() };
    let recall = gateway.intake(Some(&caller.token)).get_recall(gateway.ask(recall)).await?;
    Ok(received(language, recall.get_ref()))
}

/// The answer; `refused` and with what was `typed`, which is kept.
pub(super) async fn show(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    id: String,
    refused: Option<&Problem>,
    typed: Option<Fields>,
) -> Page {
    let recall = GetRecallRequest { passage_id: id.clone(), limit: 1, page_token: String::new() };
    let (mut knowledge, mut intake) =
        (gateway.editing(Some(&caller.token)), gateway.intake(Some(&caller.token)));
    let (passage, recall) = tokio::try_join!(
        knowledge.get_passage(gateway.ask(GetPassageRequest { id })),
        intake.get_recall(gateway.ask(recall)),
    )?;
    let organisation = gateway.organisation().await;
    let mut template = PassagePage::new(frame, &organisation, passage.into_inner(), recall.get_ref());
    template.error = refused.map(|problem| sentence(template.frame.language, problem)).unwrap_or_default();
    if let Some(typed) = typed {
        template.typed_reason = typed.text("reason");
        template.typed_text =
            Some(typed.text("text")).filter(|text| !text.is_empty()).unwrap_or(template.typed_text);
        template.correcting = true;
    }
    page(refused.map_or(StatusCode::OK, |problem| problem.status), &template)
}

async fn answer_to(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    id: String,
    fields: Fields,
    outcome: Result<Response<Passage>, Status>,
) -> Page {
    match outcome {
        Ok(_) => Ok(Redirect::to(&path_of(&id)).into_response()),
        Err(status) => show(gateway, frame, caller, id, Some(&status.into()), Some(fields)).await,
    }
}

pub(super) async fn passage(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(id): PathPart,
) -> Page {
    show(&gateway, frame, &caller, id, None, None).await
}

pub(super) async fn correct(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = CorrectAnswerRequest {
        id: id.clone(),
        version: fields.number("version")?,
        text: fields.text("text"),
        reason: fields.text("reason"),
    };
    let outcome = gateway.editing(Some(&caller.token)).correct_answer(gateway.ask(request)).await;
    answer_to(&gateway, frame, &caller, id, fields, outcome).await
}

pub(super) async fn withdraw(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = WithdrawAnswerRequest {
        id: id.clone(),
        version: fields.number("version")?,
        reason: fields.text("reason"),
    };
    let outcome = gateway.editing(Some(&caller.token)).withdraw_answer(gateway.ask(request)).await;
    answer_to(&gateway, frame, &caller, id, fields, outcome).await
}

pub(super) async fn supersede(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = SupersedeAnswerRequest {
        id: id.clone(),
        version: fields.number("version")?,
        by_id: fields.text("by"),
        reason: fields.text("reason"),
    };
    let outcome = gateway.editing(Some(&caller.token)).supersede_answer(gateway.ask(request)).await;
    answer_to(&gateway, frame, &caller, id, fields, outcome).await
}

pub(super) async fn set_validity(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(id): PathPart,
    Form(fields): Form,
) -> Page {
    let basis = fields.text("basis").lines().map(str::trim).map(str::to_owned).collect::<Vec<_>>();
    let request = SetValidityRequest {
        id: id.clone(),
        version: fields.number("version")?,
        valid_from: day(&fields, "from", "validFrom")?,
        valid_until: day(&fields, "until", "validUntil")?,
        basis: basis.into_iter().filter(|id| !id.is_empty()).collect(),
        reason: fields.text("reason"),
    };
    let outcome = gateway.editing(Some(&caller.token)).set_validity(gateway.ask(request)).await;
    answer_to(&gateway, frame, &caller, id, fields, outcome).await
}

fn day(fields: &Fields, name: &str, parameter: &str) -> Result<Option<Timestamp>, Problem> {
    let text = fields.text(name);
    if text.is_empty() {
        return Ok(None);
    }
    let begins = words::day_begins(&text)
        .ok_or_else(|| Problem::invalid("DATE_NOT_VALID").field(parameter, "is no day like 2026-12-31"))?;
    Ok(Some(api::timestamp(begins)))
}
