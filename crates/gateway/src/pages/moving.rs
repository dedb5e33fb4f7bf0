//! Where a question has been, on the officer's page; handing it on, and asking units for their part.

use api::{
    answering::v1::{
        AskCoAnswerRequest, CoAnswer, CoAnswerState, DeclineCoAnswerRequest, ForwardQuestionRequest,
        GiveCoAnswerRequest, ListCoAnswersRequest, WithdrawCoAnswerRequest,
    },
    routing::v1::{Binding, CustodyPeriod, GetCustodyRequest, GetCustodyResponse},
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
};

use super::{
    Frame, Page, inbox,
    officer::{done, path_of, show},
    page, segment, sentence,
    typed::{Filled, Typed},
    words,
};
use crate::{
    body::PathPart,
    fields::Form,
    language::{Language, Said},
    organisation::Organisation,
    problem::Problem,
    session::SignedIn,
    state::Gateway,
};

/// What the officer's page tells of a question's way.
#[derive(Default)]
pub(super) struct Moving {
    pub periods: Vec<Period>,
    /// How often it was handed on, and who decides in the end; empty: routing cannot be reached.
    pub moves: String,
    /// What binds its unit; empty: nothing.
    pub binding: String,
    pub may_move: bool,
    pub parts: Vec<Part>,
    /// The latest due time of a part, as a form's field has it.
    pub due_max: String,
}

pub(super) struct Period {
    pub unit: String,
    pub times: String,
    pub worked: String,
    pub reason: String,
    /// What was written about it, and by whom.
    pub words: String,
}

/// A unit's part of an answer.
pub(super) struct Part {
    pub id: String,
    pub segment: String,
    pub state: Said,
    pub open: bool,
    pub unit: String,
    pub holder: String,
    pub request: String,
    pub due: String,
    pub text: String,
    pub about: String,
    pub question: String,
}

impl Moving {
    /// What answering says binds the unit holds where routing cannot be reached.
    pub async fn read(
        gateway: &Gateway,
        language: Language,
        caller: &SignedIn,
        ticket_id: &str,
        organisation: &Organisation,
    ) -> Self {
        let custody = gateway.ask(GetCustodyRequest { ticket_id: ticket_id.to_owned() });
        let parts = gateway.ask(ListCoAnswersRequest { ticket_id: ticket_id.to_owned() });
        let (mut routing, mut answering) =
            (gateway.custody(Some(&caller.token)), gateway.moving(Some(&caller.token)));
        let (custody, parts) = tokio::join!(routing.get_custody(custody), answering.list_co_answers(parts));
        let parts = parts.map(|parts| parts.into_inner().co_answers).unwrap_or_default();
        let parts = parts.into_iter().map(|part| Part::new(language, part, organisation)).collect();
        match custody {
            Ok(custody) => Self { parts, ..Self::of_custody(language, &custody.into_inner(), organisation) },
            Err(_) => Self { parts, may_move: true, ..Self::default() },
        }
    }

    fn of_custody(language: Language, custody: &GetCustodyResponse, organisation: &Organisation) -> Self {
        let arbiter = organisation.unit_name(&custody.arbiter);
        let moves = language.say_with(
            "moving-moves",
            &[("n", custody.moves.into()), ("max", custody.moves_max.into()), ("arbiter", arbiter.into())],
        );
        let binding = match custody.binding() {
            Binding::Unspecified => Said::Borrowed(""),
            Binding::Arbiter => language.say("moving-arbiter"),
            Binding::Bound => language.say("moving-bound"),
        };
        Self {
            periods: custody.periods.iter().map(|period| Period::new(language, period)).collect(),
            moves: moves.into_owned(),
            binding: binding.into_owned(),
            may_move: custody.binding() != Binding::Bound,
            ..Self::default()
        }
    }
}

impl Period {
    fn new(language: Language, period: &CustodyPeriod) -> Self {
        let until = match &period.until {
            Some(until) => words::moment(language, Some(until)),
            None => language.say("clock-now").into_owned(),
        };
        let (hours, minutes) = (period.working_minutes / 60, period.working_minutes % 60);
        let worked =
            language.say_with("moving-worked", &[("hours", hours.into()), ("minutes", minutes.into())]);
        let reason = words::routing_reason(language, period.reason());
        Self {
            unit: if period.unit_name.is_empty() { period.unit.clone() } else { period.unit_name.clone() },
            times: format!("{} – {until}", words::moment(language, period.since.as_ref())),
            worked: worked.into_owned(),
            reason: reason.into_owned(),
            words: words::joined([period.words.as_str(), &period.no_owner_reason, &period.by]),
        }
    }
}

impl Part {
    pub fn new(language: Language, part: CoAnswer, organisation: &Organisation) -> Self {
        let state = part.state();
        let asked = words::moment(language, part.asked_at.as_ref());
        let changed = words::moment(language, part.changed_at.as_ref());
        let about = if state == CoAnswerState::Asked {
            words::joined([part.asked_by.as_str(), &asked])
        } else {
            words::joined([part.changed_by.as_str(), &changed])
        };
        Self {
            segment: segment(&part.ticket_id),
            id: part.co_answer_id,
            state: words::co_answer_state(language, state),
            open: state == CoAnswerState::Asked,
            unit: organisation.unit_name(&part.unit),
            holder: organisation.unit_name(&part.holder),
            request: part.request,
            due: words::moment(language, part.due_at.as_ref()),
            text: part.text,
            about,
            question: part.question,
        }
    }
}

/// What the caller's unit is asked for; none while answering cannot be reached.
pub(super) async fn asked(
    gateway: &Gateway,
    language: Language,
    caller: &SignedIn,
    organisation: &Organisation,
) -> Vec<Part> {
    let request = gateway.ask(ListCoAnswersRequest::default());
    let found = gateway.moving(Some(&caller.token)).list_co_answers(request).await;
    let found = found.map(|response| response.into_inner().co_answers).unwrap_or_default();
    found.into_iter().map(|part| Part::new(language, part, organisation)).collect()
}

pub(super) async fn forward(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = ForwardQuestionRequest {
        ticket_id: ticket_id.clone(),
        unit: fields.text("unit"),
        reason: fields.text("reason"),
        version: fields.number("version")?,
    };
    let outcome = gateway.moving(Some(&caller.token)).forward_question(gateway.ask(request)).await;
    let next = inbox::path_after("chuyen", &ticket_id);
    done(&gateway, frame, &caller, ticket_id, outcome, (&next, Typed::of_form("chuyen-tiep", fields))).await
}

pub(super) async fn ask(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let due = fields.text("due");
    let due_at = words::moment_of(&due).map(api::timestamp);
    if due_at.is_none() && !due.is_empty() {
        let problem = Problem::invalid("DATE_NOT_VALID").field("dueAt", "must be a day and a time");
        let typed = Typed::of_form("phoi-hop", fields);
        return show(&gateway, frame, &caller, ticket_id, typed, Some(&problem)).await;
    }
    let request = AskCoAnswerRequest {
        ticket_id: ticket_id.clone(),
        unit: fields.text("unit"),
        request: fields.text("request"),
        due_at,
        version: fields.number("version")?,
    };
    let outcome = gateway.moving(Some(&caller.token)).ask_co_answer(gateway.ask(request)).await;
    let back = path_of(&ticket_id);
    done(&gateway, frame, &caller, ticket_id, outcome, (&back, Typed::of_form("phoi-hop", fields))).await
}

pub(super) async fn withdraw(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let request =
        WithdrawCoAnswerRequest { co_answer_id: fields.text("part"), reason: fields.text("reason") };
    let outcome = gateway.moving(Some(&caller.token)).withdraw_co_answer(gateway.ask(request)).await;
    let back = path_of(&ticket_id);
    done(&gateway, frame, &caller, ticket_id, outcome, (&back, Typed::of_form("thoi-phoi-hop", fields))).await
}

#[derive(Template)]
#[template(path = "part.html")]
struct PartPage {
    frame: Frame,
    error: String,
    segment: String,
    question: String,
    parts: Vec<Part>,
    filled: Filled,
    /// What was typed for a part that is not open any more.
    unplaced: Vec<String>,
}

/// What the caller's unit was asked for of a question that another one has.
async fn show_parts(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    ticket_id: &str,
    filled: Filled,
    refused: Option<&Problem>,
) -> Page {
    let request = gateway.ask(ListCoAnswersRequest { ticket_id: ticket_id.to_owned() });
    let found = gateway.moving(Some(&caller.token)).list_co_answers(request).await?.into_inner().co_answers;
    let organisation = gateway.organisation().await;
    let (language, question) = (frame.language, found.first().map(|part| part.question.clone()));
    let parts: Vec<Part> = found.into_iter().map(|part| Part::new(language, part, &organisation)).collect();
    let filled_in = filled.fields().text("part");
    let is_open = parts.iter().any(|part| part.open && part.id == filled_in);
    let template = PartPage {
        error: refused.map(|p| sentence(language, p)).unwrap_or_default(),
        segment: segment(ticket_id),
        question: question.unwrap_or_default(),
        parts,
        unplaced: if is_open { Vec::new() } else { filled.words() },
        filled,
        frame,
    };
    page(refused.map_or(StatusCode::OK, |p| p.status), &template)
}

pub(super) async fn part(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
) -> Page {
    show_parts(&gateway, frame, &caller, &ticket_id, Filled::default(), None).await
}

pub(super) async fn give(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = GiveCoAnswerRequest { co_answer_id: fields.text("part"), text: fields.text("text") };
    let Err(status) = gateway.moving(Some(&caller.token)).give_co_answer(gateway.ask(request)).await else {
        return Ok(Redirect::to("/can-bo?xong=phoi-hop").into_response());
    };
    show_parts(&gateway, frame, &caller, &ticket_id, Filled::new("gop-y", fields), Some(&status.into())).await
}

pub(super) async fn decline(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = DeclineCoAnswerRequest { co_answer_id: fields.text("part"), reason: fields.text("reason") };
    let Err(status) = gateway.moving(Some(&caller.token)).decline_co_answer(gateway.ask(request)).await
    else {
        return Ok(Redirect::to("/can-bo?xong=phoi-hop").into_response());
    };
    let filled = Filled::new("tu-choi", fields);
    show_parts(&gateway, frame, &caller, &ticket_id, filled, Some(&status.into())).await
}
