//! The editor's page of one published answer, with its life.

use api::{
    Timestamp,
    intake::v1::{GetRecallRequest, GetRecallResponse},
    knowledge::v1::{
        CorrectAnswerRequest, GetPassageRequest, GetPassageResponse, Passage, PassageState,
        SetValidityRequest, SupersedeAnswerRequest, WithdrawAnswerRequest,
    },
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
};
use tonic::{Response, Status};

use super::{Frame, Page, editor::path_of, page, segment, sentence, typed::Filled, words};
use crate::{
    body::PathPart,
    fields::{Fields, Form},
    language::{Language, Said},
    organisation::Organisation,
    problem::Problem,
    session::SignedIn,
    state::Gateway,
};

#[derive(Template)]
#[template(path = "passage.html")]
struct PassagePage {
    frame: Frame,
    error: String,
    /// The id of the field that it is about; empty: of none.
    error_at: &'static str,
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
    /// Of the form to correct it.
    typed_text: String,
    filled: Filled,
    /// What was typed, where nothing can be changed any more.
    unplaced: Vec<String>,
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
            error_at: "",
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
            filled: Filled::default(),
            unplaced: Vec::new(),
        }
    }

    /// With one of its forms as it was filled in.
    fn keep(&mut self, filled: Filled) {
        let text = filled.of("dinh-chinh", "text");
        if !text.is_empty() {
            self.typed_text = text;
        }
        if filled.is("hieu-luc") {
            let of = |name| filled.fields().text(name);
            (self.valid_from, self.valid_until, self.basis) = (of("from"), of("until"), of("basis"));
        }
        if !self.published {
            self.unplaced = filled.words();
        }
        self.filled = filled;
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

/// The answer; `refused` and with one of its forms as it was `filled` in, which is kept.
pub(super) async fn show(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    id: String,
    refused: Option<&Problem>,
    filled: Filled,
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
    if let Some(problem) = refused {
        template.error = sentence(template.frame.language, problem);
        template.error_at = filled.element(problem.first_field());
    }
    template.keep(filled);
    page(refused.map_or(StatusCode::OK, |problem| problem.status), &template)
}

async fn answer_to(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    id: String,
    filled: Filled,
    outcome: Result<Response<Passage>, Status>,
) -> Page {
    match outcome {
        Ok(_) => Ok(Redirect::to(&path_of(&id)).into_response()),
        Err(status) => show(gateway, frame, caller, id, Some(&status.into()), filled).await,
    }
}

pub(super) async fn passage(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(id): PathPart,
) -> Page {
    show(&gateway, frame, &caller, id, None, Filled::default()).await
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
    answer_to(&gateway, frame, &caller, id, Filled::new("dinh-chinh", fields), outcome).await
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
    answer_to(&gateway, frame, &caller, id, Filled::new("thu-hoi", fields), outcome).await
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
    answer_to(&gateway, frame, &caller, id, Filled::new("thay-the", fields), outcome).await
}

pub(super) async fn set_validity(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(id): PathPart,
    Form(fields): Form,
) -> Page {
    let days =
        day(&fields, "from", "validFrom").and_then(|from| Ok((from, day(&fields, "until", "validUntil")?)));
    let (valid_from, valid_until) = match days {
        Ok(days) => days,
        Err(problem) => {
            let filled = Filled::new("hieu-luc", fields);
            return show(&gateway, frame, &caller, id, Some(&problem), filled).await;
        }
    };
    let basis = fields.text("basis").lines().map(str::trim).map(str::to_owned).collect::<Vec<_>>();
    let request = SetValidityRequest {
        id: id.clone(),
        version: fields.number("version")?,
        valid_from,
        valid_until,
        basis: basis.into_iter().filter(|id| !id.is_empty()).collect(),
        reason: fields.text("reason"),
    };
    let outcome = gateway.editing(Some(&caller.token)).set_validity(gateway.ask(request)).await;
    answer_to(&gateway, frame, &caller, id, Filled::new("hieu-luc", fields), outcome).await
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(state: PassageState) -> PassagePage {
        let frame = Frame::new(Language::Vietnamese, String::new(), None);
        let passage = Passage { answer: "Cũ".into(), state: state.into(), ..Passage::default() };
        let got = GetPassageResponse { passage: Some(passage), ..GetPassageResponse::default() };
        PassagePage::new(frame, &Organisation::default(), got, &GetRecallResponse::default())
    }

    fn filled(form: &'static str, fields: &[u8]) -> Filled {
        Filled::new(form, Fields::parse(fields).unwrap())
    }

    #[test]
    fn what_was_typed_stays_in_the_form_it_was_typed_into() {
        let mut page = of(PassageState::Published);
        page.keep(filled("thay-the", b"by=kia&reason=Trung"));
        let html = page.render().unwrap();
        assert!(html.contains("value=\"kia\"") && html.matches(">Trung</textarea>").count() == 1, "{html}");
        assert_eq!(html.matches("<details class=\"other\" open>").count(), 1, "{html}");
        let mut page = of(PassageState::Published);
        page.keep(filled("hieu-luc", b"from=2026-01-02&until=&basis=nd-1&reason="));
        assert_eq!(
            (page.valid_from.as_str(), page.basis.as_str(), page.typed_text.as_str()),
            ("2026-01-02", "nd-1", "Cũ")
        );
    }

    #[test]
    fn what_was_typed_is_shown_where_nothing_can_be_changed_any_more() {
        let mut page = of(PassageState::Withdrawn);
        page.keep(filled("dinh-chinh", b"text=Moi&reason=Sai"));
        let html = page.render().unwrap();
        assert!(html.contains(">Moi</blockquote>") && html.contains(">Sai</blockquote>"), "{html}");
    }
}
