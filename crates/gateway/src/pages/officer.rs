//! One question with its draft, on the officer's page.

use api::{
    answering::v1::{
        AnswerState, ApproveAnswerRequest, CheckAnswerRequest, GetDraftRequest, GetDraftResponse,
        ReturnQuestionRequest,
    },
    intake::v1::Kind,
    routing::v1::{AssignUnitRequest, GetDeadlineRequest, GetRoutingRequest, UnitSuggestion},
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
};
use chrono::{DateTime, Utc};
use tonic::Status;

use super::{
    Frame, Page,
    changes::Change,
    deadline::Clock,
    family::Family,
    inbox,
    moving::Moving,
    page,
    report::{self, OfUnit},
    review::Review,
    saved, segment, sentence,
    sources::Sources,
    ticket::Replied,
    typed::Typed,
    words,
};
use crate::{
    body::PathPart,
    fields::{Form, Query},
    language::{Language, Said},
    organisation::{Choice, Organisation},
    problem::Problem,
    session::SignedIn,
    state::Gateway,
};

#[derive(Template)]
#[template(path = "question.html")]
struct QuestionPage {
    frame: Frame,
    error: String,
    /// The id of the field that it is about; empty: of none.
    error_at: &'static str,
    segment: String,
    ticket_id: String,
    /// `None`: it is no report, or intake cannot be reached.
    report: Option<OfUnit>,
    state: Said,
    waits: bool,
    kind: Said,
    text: String,
    follow_ups: Vec<String>,
    /// What the asker gave when asked.
    replies: Vec<Replied>,
    about: String,
    due: String,
    overdue: bool,
    answer: String,
    version: u32,
    /// Its code.
    unit: String,
    verdict: Option<Verdict>,
    sources: Sources,
    draft: String,
    may_assign: bool,
    units: Vec<Choice>,
    /// `None`: the caller may not choose its unit, or there is nothing left to choose.
    assigning: Option<Assigning>,
    family: Family,
    /// `None`: routing cannot be reached.
    clock: Option<Clock>,
    typed: Typed,
    /// What was typed, where nothing can be replied any more.
    unplaced: Vec<String>,
    moving: Moving,
    review: Review,
    /// What happened since it was opened.
    changes: Vec<Change>,
    /// Replies that its unit has saved.
    saved: Vec<Choice>,
}

/// The choice of its unit.
struct Assigning {
    /// It waits for this choice: no unit has it yet.
    at_desk: bool,
    suggestions: Vec<Suggestion>,
}

/// A unit that routing thought of.
struct Suggestion {
    code: String,
    name: String,
    probability: String,
}

struct Verdict {
    band: Said,
    probability: String,
    reasons: Vec<String>,
}

impl QuestionPage {
    fn new(
        frame: Frame,
        caller: &SignedIn,
        organisation: &Organisation,
        ticket: GetDraftResponse,
        clock: Option<Clock>,
        mut typed: Typed,
        now: DateTime<Utc>,
    ) -> Self {
        let language = frame.language;
        let state = ticket.state();
        let question = ticket.question.unwrap_or_default();
        let draft = ticket.draft.unwrap_or_default();
        typed.unsent = typed.text.as_ref().is_some_and(|text| text.trim() != draft.text.trim());
        let family = Family::new(language, ticket.family, ticket.family_size, &ticket.centre_ticket_id);
        let family = family.chosen(typed.members.as_deref());
        let unit_name =
            if ticket.unit_name.is_empty() { organisation.unit_name(&ticket.unit) } else { ticket.unit_name };
        let submitted = words::moment(language, question.submitted_at.as_ref());
        let sent = format!("{} {submitted}", frame.t("reply-sent"));
        let review = Review::new(language, caller, ticket.review, ticket.policy);
        let (shown, cited) = match &review.submitted {
            Some(submitted) if typed.text.is_none() => (submitted.text.clone(), &submitted.source_ids),
            _ => (typed.text.clone().unwrap_or_else(|| draft.text.clone()), &typed.cited),
        };
        let waits = state == AnswerState::Drafted;
        Self {
            error: String::new(),
            error_at: "",
            segment: segment(&ticket.ticket_id),
            ticket_id: ticket.ticket_id,
            report: None,
            state: words::answer_state(language, state),
            unplaced: if waits { Vec::new() } else { typed.words() },
            waits,
            kind: words::kind(language, question.kind()),
            about: words::joined([
                sent.as_str(),
                &organisation.field_name(&ticket.field),
                &unit_name,
                &words::assurance(language, question.assurance()),
            ]),
            due: words::moment(language, ticket.due_at.as_ref()),
            overdue: waits
                && words::is_past(ticket.due_at.as_ref(), now)
                && ticket.deadline.is_none_or(|deadline| deadline.paused_at.is_none()),
            answer: ticket.answer,
            unit: ticket.unit,
            version: draft.version,
            verdict: draft.verdict.map(|verdict| Verdict {
                band: words::band(language, verdict.band()),
                probability: words::percent(language, verdict.probability),
                reasons: verdict.reasons,
            }),
            sources: Sources::new(language, &question.text, draft.sources, cited),
            text: question.text,
            follow_ups: question.follow_ups,
            replies: ticket.asker_replies.into_iter().map(|reply| Replied::new(language, reply)).collect(),
            draft: shown,
            may_assign: caller.assigns(),
            units: organisation.units(),
            assigning: None,
            family,
            clock,
            typed,
            moving: Moving::default(),
            review,
            changes: ticket.changes.into_iter().map(|change| Change::new(language, change)).collect(),
            saved: Vec::new(),
            frame,
        }
    }
}

pub(super) async fn show(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    ticket_id: String,
    typed: Typed,
    refused: Option<&Problem>,
) -> Page {
    let id = ticket_id.clone();
    let clock = gateway.ask(GetDeadlineRequest { ticket_id: ticket_id.clone() });
    let since_version = typed.seen;
    let request = gateway.ask(GetDraftRequest { ticket_id, since_version });
    let (mut answering, mut routing) =
        (gateway.answering(Some(&caller.token)), gateway.routing(Some(&caller.token)));
    let (ticket, clock) = tokio::join!(answering.get_draft(request), routing.get_deadline(clock));
    let ticket = ticket?.into_inner();
    let is_report = ticket.question.as_ref().is_some_and(|question| question.kind() == Kind::Report);
    // The page is of use without it.
    let clock = clock.ok().map(|response| Clock::new(frame.language, response.get_ref()));
    let due_max = words::form_moment(ticket.due_at.as_ref());

    let organisation = gateway.organisation().await;
    let now = gateway.context().clock.now();
    let language = frame.language;
    let mut template = QuestionPage::new(frame, caller, &organisation, ticket, clock, typed, now);
    if template.may_assign && template.answer.is_empty() {
        template.assigning = Some(Assigning {
            at_desk: template.waits && organisation.is_desk(&template.unit),
            suggestions: suggestions(gateway, language, caller, &id, &organisation).await,
        });
    }
    if is_report {
        template.report = report::of_unit(gateway, language, caller, &id).await;
    }
    if template.waits {
        let (text, source_ids) = (template.draft.clone(), template.sources.cited());
        let check = CheckAnswerRequest { ticket_id: id.clone(), text, source_ids };
        template.review.read_findings(gateway, language, caller, check).await;
        template.saved = saved::choices(gateway, caller, &template.unit).await;
    }
    template.moving = Moving::read(gateway, language, caller, &id, &organisation).await;
    template.moving.due_max = due_max;
    if let Some(problem) = refused {
        template.error = sentence(language, problem);
        template.error_at = template.typed.filled.element(problem.first_field());
    }
    page(refused.map_or(StatusCode::OK, |p| p.status), &template)
}

/// None while routing cannot be reached: the page is of use without.
async fn suggestions(
    gateway: &Gateway,
    language: Language,
    caller: &SignedIn,
    ticket_id: &str,
    organisation: &Organisation,
) -> Vec<Suggestion> {
    let request = gateway.ask(GetRoutingRequest { ticket_id: ticket_id.to_owned() });
    let found = gateway.routing(Some(&caller.token)).get_routing(request).await;
    let found = found.map(|response| response.into_inner().suggestions).unwrap_or_default();
    let suggestion = |one: UnitSuggestion| Suggestion {
        name: organisation.unit_name(&one.unit),
        probability: words::percent(language, one.probability),
        code: one.unit,
    };
    found.into_iter().map(suggestion).collect()
}

/// After a form of this page: where it leads, or the page again with what was typed and why it was refused.
pub(super) async fn done<T>(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    ticket_id: String,
    outcome: Result<tonic::Response<T>, Status>,
    (leads_to, typed): (&str, Typed),
) -> Page {
    match outcome {
        Ok(_) => Ok(Redirect::to(leads_to).into_response()),
        Err(status) => show(gateway, frame, caller, ticket_id, typed, Some(&status.into())).await,
    }
}

pub(super) fn path_of(ticket_id: &str) -> String {
    format!("/can-bo/phieu/{}", segment(ticket_id))
}

pub(super) async fn question(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Query(query): Query,
) -> Page {
    let typed = Typed { seen: query.number("tu")?, ..Typed::default() };
    show(&gateway, frame, &caller, ticket_id, typed, None).await
}

pub(super) async fn approve(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let typed = Typed::of_reply(&fields)?;
    let request = ApproveAnswerRequest {
        ticket_id: ticket_id.clone(),
        text: fields.text("text"),
        version: typed.seen,
        source_ids: typed.cited.clone(),
        draft_rejected: typed.rejected,
        only_members: typed.members.is_some(),
        member_ids: typed.members.clone().unwrap_or_default(),
    };
    let outcome = gateway.answering(Some(&caller.token)).approve_answer(gateway.ask(request)).await;
    let next = inbox::path_after("duyet", &ticket_id);
    done(&gateway, frame, &caller, ticket_id, outcome, (&next, typed)).await
}

pub(super) async fn give_back(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = ReturnQuestionRequest {
        ticket_id: ticket_id.clone(),
        reason: fields.text("reason"),
        suggested_unit: fields.text("unit"),
        version: fields.number("version")?,
        no_owner_reason: fields.text("no_owner"),
    };
    let outcome = gateway.answering(Some(&caller.token)).return_question(gateway.ask(request)).await;
    let next = inbox::path_after("tra-lai", &ticket_id);
    done(&gateway, frame, &caller, ticket_id, outcome, (&next, Typed::of_form("tra-lai", fields))).await
}

pub(super) async fn assign(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let (unit, from_unit) = (fields.text("unit"), fields.text("from_unit"));
    let request = AssignUnitRequest { ticket_id: ticket_id.clone(), unit, from_unit };
    let outcome = gateway.routing(Some(&caller.token)).assign_unit(gateway.ask(request)).await;
    let next = inbox::path_after("chuyen", &ticket_id);
    done(&gateway, frame, &caller, ticket_id, outcome, (&next, Typed::of_form("chuyen", fields))).await
}
