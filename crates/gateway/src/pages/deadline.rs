//! The clock of a question on the officer's page: stopping it, letting it run on, extending it.

use api::routing::v1::{
    DeadlineEnding, ExtendDeadlineRequest, GetDeadlineResponse, HastenDeadlineRequest, PauseDeadlineRequest,
    ResumeDeadlineRequest, WaitsFor,
};
use axum::extract::State;
use tonic::{Response, Status};

use super::{
    Frame, Page,
    officer::{done, path_of},
    typed::Typed,
    words,
};
use crate::{
    body::PathPart,
    fields::Form,
    language::{Language, Said},
    session::SignedIn,
    state::Gateway,
};

pub(super) struct Clock {
    pub version: u32,
    pub due: String,
    /// Of the deadline: near, here, told to whom; empty: none.
    pub step: Said,
    pub ending: Said,
    pub left: Said,
    pub basis: String,
    pub first_response: String,
    pub urgent: bool,
    /// What was extended is not made urgent.
    pub may_hasten: bool,
    /// What is waited for; empty: the clock runs.
    pub waits_for: Said,
    pub pause_reason: String,
    pub pause_for: Vec<(&'static str, Said)>,
    pub extension_left: u32,
    pub unit: Said,
    pub history: Vec<String>,
}

impl Clock {
    pub fn new(language: Language, response: &GetDeadlineResponse) -> Self {
        let ending = response.ending();
        let unit = words::span_unit(language, response.unit());
        let pause_for =
            response.pause_for().map(|what| (what.as_str_name(), words::waits_for(language, what)));
        let pause_for = pause_for.collect();
        let deadline = response.deadline.clone().unwrap_or_default();
        let (hours, minutes) = (response.working_minutes_left / 60, response.working_minutes_left % 60);
        let waits_for = words::waits_for(language, deadline.waits_for());
        let unheard = ending == DeadlineEnding::Unspecified && deadline.first_response_at.is_none();
        let first_response = if unheard {
            words::moment(language, deadline.first_response_due_at.as_ref())
        } else {
            String::new()
        };
        Self {
            version: deadline.version,
            due: words::moment(language, deadline.due_at.as_ref()),
            step: words::deadline_step(language, &deadline),
            ending: words::deadline_ending(language, ending),
            left: language.say_with("clock-left", &[("hours", hours.into()), ("minutes", minutes.into())]),
            basis: deadline.basis,
            first_response,
            urgent: response.urgent,
            may_hasten: !response.urgent && response.extensions.is_empty(),
            waits_for,
            pause_reason: deadline.pause_reason,
            pause_for,
            extension_left: response.extension_left,
            history: history(language, response, &unit),
            unit,
        }
    }
}

fn history(language: Language, response: &GetDeadlineResponse, unit: &str) -> Vec<String> {
    let pauses = response.pauses.iter().map(|pause| {
        let until = pause.until.as_ref();
        let until =
            until.map_or(language.say("clock-now").into_owned(), |at| words::moment(language, Some(at)));
        let values = [
            ("since", words::moment(language, pause.since.as_ref()).into()),
            ("until", until.into()),
            ("what", words::waits_for(language, pause.waits_for()).into()),
            ("reason", pause.reason.as_str().into()),
            ("by", pause.by.as_str().into()),
        ];
        (pause.since, language.say_with("clock-was-paused", &values).into_owned())
    });
    let extensions = response.extensions.iter().map(|extension| {
        let values = [
            ("at", words::moment(language, extension.at.as_ref()).into()),
            ("number", extension.number.into()),
            ("unit", unit.into()),
            ("before", words::moment(language, extension.due_before.as_ref()).into()),
            ("reason", extension.reason.as_str().into()),
            ("approver", extension.approver.as_str().into()),
            ("by", extension.by.as_str().into()),
        ];
        (extension.at, language.say_with("clock-was-extended", &values).into_owned())
    });
    let recomputations = response.recomputations.iter().map(|recomputation| {
        let values = [
            ("at", words::moment(language, recomputation.at.as_ref()).into()),
            ("before", words::moment(language, recomputation.due_before.as_ref()).into()),
            ("after", words::moment(language, recomputation.due_at.as_ref()).into()),
        ];
        (recomputation.at, language.say_with("clock-was-recomputed", &values).into_owned())
    });
    let mut all: Vec<_> = pauses.chain(extensions).chain(recomputations).collect();
    all.sort_by_key(|(at, _)| api::time(at.as_ref()));
    all.into_iter().map(|(_, text)| text).collect()
}

async fn answer_to(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    ticket_id: String,
    typed: Typed,
    outcome: Result<Response<GetDeadlineResponse>, Status>,
) -> Page {
    let back = path_of(&ticket_id);
    done(gateway, frame, caller, ticket_id, outcome, (&back, typed)).await
}

pub(super) async fn pause(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let waits_for = WaitsFor::from_str_name(&fields.text("waits_for")).unwrap_or_default();
    let request = PauseDeadlineRequest {
        ticket_id: ticket_id.clone(),
        version: fields.number("version")?,
        waits_for: waits_for.into(),
        reason: fields.text("reason"),
    };
    let outcome = gateway.routing(Some(&caller.token)).pause_deadline(gateway.ask(request)).await;
    answer_to(&gateway, frame, &caller, ticket_id, Typed::of_form("tam-dung", fields), outcome).await
}

pub(super) async fn resume(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = ResumeDeadlineRequest { ticket_id: ticket_id.clone(), version: fields.number("version")? };
    let outcome = gateway.routing(Some(&caller.token)).resume_deadline(gateway.ask(request)).await;
    answer_to(&gateway, frame, &caller, ticket_id, Typed::default(), outcome).await
}

pub(super) async fn extend(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = ExtendDeadlineRequest {
        ticket_id: ticket_id.clone(),
        version: fields.number("version")?,
        number: fields.number("number")?,
        reason: fields.text("reason"),
        approver: fields.text("approver"),
    };
    let outcome = gateway.routing(Some(&caller.token)).extend_deadline(gateway.ask(request)).await;
    answer_to(&gateway, frame, &caller, ticket_id, Typed::of_form("gia-han", fields), outcome).await
}

pub(super) async fn hasten(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
) -> Page {
    let request = HastenDeadlineRequest { ticket_id: ticket_id.clone() };
    let outcome = gateway.routing(Some(&caller.token)).hasten_deadline(gateway.ask(request)).await;
    answer_to(&gateway, frame, &caller, ticket_id, Typed::default(), outcome).await
}
