//! The officer's inbox, and one question with its draft.

use api::{
    answering::v1::{
        AnswerState, ApproveAnswerRequest, CheckAnswerRequest, GetDraftRequest, GetDraftResponse, InboxItem,
        ListInboxRequest, ReturnQuestionRequest,
    },
    intake::v1::Kind,
    knowledge::v1::{self as knowledge, Band},
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
    marks::{self, Run},
    moving::{self, Moving, Part},
    page,
    report::{self, OfUnit},
    review::Review,
    saved, segment, sentence,
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

/// Filters and counts are of these, the most urgent.
const PAGE: u32 = 200;

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    frame: Frame,
    notice: String,
    filters: Vec<Filter>,
    rows: Vec<Row>,
    /// Parts that the unit is asked for, of others' questions.
    asked: Vec<Part>,
    next: String,
    here: &'static str,
    first: u32,
}

struct Filter {
    code: &'static str,
    name: Said,
    count: usize,
    here: bool,
}

struct Row {
    segment: String,
    due: String,
    overdue: bool,
    /// What is waited for with the clock stopped; empty: it runs.
    waits_for: Said,
    extended: bool,
    /// What was last told of the deadline; empty: nothing.
    step: Said,
    field: String,
    unit: String,
    excerpt: String,
    drafted: bool,
    band: Said,
    family_size: u32,
    /// Where its review stands; empty: nowhere.
    review: Said,
}

impl Row {
    fn new(language: Language, item: InboxItem, organisation: &Organisation, now: DateTime<Utc>) -> Self {
        let deadline = item.deadline.clone().unwrap_or_default();
        Self {
            segment: segment(&item.ticket_id),
            due: words::moment(language, item.urgent_at.as_ref()),
            // A family is as urgent as its most urgent member, also while its centre's clock stands.
            overdue: words::is_past(item.urgent_at.as_ref(), now)
                && (deadline.paused_at.is_none() || item.urgent_at != item.due_at),
            waits_for: words::waits_for(language, deadline.waits_for()),
            extended: deadline.extensions > 0,
            step: words::deadline_step(language, &deadline),
            field: organisation.field_name(&item.field),
            unit: organisation.unit_name(&item.unit),
            drafted: item.band() == Band::Reuse,
            band: words::band(language, item.band()),
            review: words::review_stage(language, item.review_stage()),
            family_size: item.family_size,
            excerpt: item.excerpt,
        }
    }
}

type Passes = fn(&Row) -> bool;

/// Code in the address, key of its name, and what passes.
const FILTERS: [(&str, &str, Passes); 4] = [
    ("", "inbox-all", |_| true),
    ("qua-han", "inbox-overdue", |row| row.overdue),
    ("du-thao", "inbox-drafted", |row| row.drafted),
    ("nhom", "inbox-families", |row| row.family_size > 0),
];

pub(super) async fn inbox(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Page {
    let language = frame.language;
    let request = ListInboxRequest { limit: PAGE, page_token: query.text("trang"), members: false };
    let inbox = gateway.answering(Some(&caller.token)).list_inbox(gateway.ask(request)).await?.into_inner();
    let organisation = gateway.organisation().await;
    let now = gateway.context().clock.now();
    let notice = match query.text("xong").as_str() {
        "duyet" => frame.t("done-approved"),
        "tra-lai" => frame.t("done-returned"),
        "chuyen" => frame.t("done-moved"),
        "phoi-hop" => frame.t("done-part"),
        "trinh" => frame.t("done-submitted"),
        _ => Said::Borrowed(""),
    };
    let wanted = query.text("loc");
    let (here, _, passes) = FILTERS.into_iter().find(|f| f.0 == wanted).unwrap_or(FILTERS[0]);
    let rows = inbox.items.into_iter().map(|item| Row::new(language, item, &organisation, now));
    let mut rows: Vec<Row> = rows.collect();
    let filters = FILTERS.map(|(code, key, passes)| Filter {
        code,
        name: frame.t(key),
        count: rows.iter().filter(|row| passes(row)).count(),
        here: code == here,
    });
    rows.retain(passes);
    let asked = moving::asked(&gateway, language, &caller, &organisation).await;
    let template = InboxPage {
        asked,
        frame,
        notice: notice.into_owned(),
        filters: filters.into(),
        rows,
        next: segment(&inbox.next_page_token),
        here,
        first: PAGE,
    };
    page(StatusCode::OK, &template)
}

#[derive(Template)]
#[template(path = "question.html")]
struct QuestionPage {
    frame: Frame,
    error: String,
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
    sources: Vec<Neighbour>,
    draft: String,
    may_assign: bool,
    units: Vec<Choice>,
    suggestions: Vec<Suggestion>,
    family: Family,
    /// `None`: routing cannot be reached.
    clock: Option<Clock>,
    typed: Typed,
    moving: Moving,
    review: Review,
    /// What happened since it was opened.
    changes: Vec<Change>,
    /// Replies that its unit has saved.
    saved: Vec<Choice>,
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

struct Neighbour {
    id: String,
    /// What is asked and what was answered, with the words marked that the other does not have.
    asked: Vec<Run>,
    question: Vec<Run>,
    answer: String,
    about: String,
    cited: bool,
}

impl QuestionPage {
    fn new(
        frame: Frame,
        caller: &SignedIn,
        organisation: &Organisation,
        ticket: GetDraftResponse,
        clock: Option<Clock>,
        typed: Typed,
        now: DateTime<Utc>,
    ) -> Self {
        let language = frame.language;
        let state = ticket.state();
        let question = ticket.question.unwrap_or_default();
        let draft = ticket.draft.unwrap_or_default();
        let family = Family::new(language, ticket.family, ticket.family_size, &ticket.centre_ticket_id);
        let family = family.chosen(typed.members.as_deref());
        let unit_name =
            if ticket.unit_name.is_empty() { organisation.unit_name(&ticket.unit) } else { ticket.unit_name };
        let submitted = words::moment(language, question.submitted_at.as_ref());
        let sent = format!("{} {submitted}", frame.t("reply-sent"));
        let review = Review::new(language, caller, ticket.review, ticket.policy);
        let (shown, cited) = match &review.submitted {
            Some(submitted) if typed.text.is_none() => (submitted.text.clone(), &submitted.source_ids),
            _ => (typed.text.clone().unwrap_or(draft.text), &typed.cited),
        };
        let neighbour = |source| Neighbour::new(language, &question.text, source, cited);
        Self {
            error: String::new(),
            segment: segment(&ticket.ticket_id),
            ticket_id: ticket.ticket_id,
            report: None,
            state: words::answer_state(language, state),
            waits: state == AnswerState::Drafted,
            kind: words::kind(language, question.kind()),
            about: words::joined([
                sent.as_str(),
                &organisation.field_name(&ticket.field),
                &unit_name,
                &words::assurance(language, question.assurance()),
            ]),
            due: words::moment(language, ticket.due_at.as_ref()),
            overdue: state == AnswerState::Drafted
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
            sources: draft.sources.into_iter().map(neighbour).collect(),
            text: question.text,
            follow_ups: question.follow_ups,
            replies: ticket.asker_replies.into_iter().map(|reply| Replied::new(language, reply)).collect(),
            draft: shown,
            may_assign: caller.assigns(),
            units: organisation.units(),
            suggestions: Vec::new(),
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

impl Neighbour {
    fn new(language: Language, asked: &str, source: knowledge::Neighbour, cited: &[String]) -> Self {
        let alike = format!("{} {}", language.say("reply-alike"), words::decimal(language, source.score));
        let same = format!("{} {}", language.say("reply-same"), words::percent(language, source.probability));
        Self {
            cited: cited.contains(&source.id),
            asked: marks::differing(asked, &source.question),
            question: marks::differing(&source.question, asked),
            about: words::joined([alike.as_str(), &same, &source.source]),
            answer: source.answer,
            id: source.id,
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
        template.suggestions = suggestions(gateway, language, caller, &id, &organisation).await;
    }
    if is_report {
        template.report = report::of_unit(gateway, language, caller, &id).await;
    }
    if template.waits {
        let source_ids = template.sources.iter().filter(|s| s.cited).map(|s| s.id.clone()).collect();
        let check = CheckAnswerRequest { ticket_id: id.clone(), text: template.draft.clone(), source_ids };
        template.review.read_findings(gateway, language, caller, check).await;
        template.saved = saved::choices(gateway, caller, &template.unit).await;
    }
    template.moving = Moving::read(gateway, language, caller, &id, &organisation).await;
    template.moving.due_max = due_max;
    template.error = refused.map(|p| sentence(language, p)).unwrap_or_default();
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
        draft_rejected: !fields.text("draft_rejected").is_empty(),
        only_members: typed.members.is_some(),
        member_ids: typed.members.clone().unwrap_or_default(),
    };
    let outcome = gateway.answering(Some(&caller.token)).approve_answer(gateway.ask(request)).await;
    done(&gateway, frame, &caller, ticket_id, outcome, ("/can-bo?xong=duyet", typed)).await
}

pub(super) async fn give_back(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let reason = fields.text("reason");
    let request = ReturnQuestionRequest {
        ticket_id: ticket_id.clone(),
        reason: reason.clone(),
        suggested_unit: fields.text("unit"),
        version: fields.number("version")?,
        no_owner_reason: fields.text("no_owner"),
    };
    let outcome = gateway.answering(Some(&caller.token)).return_question(gateway.ask(request)).await;
    let typed = Typed { reason, no_owner: fields.text("no_owner"), ..Typed::default() };
    done(&gateway, frame, &caller, ticket_id, outcome, ("/can-bo?xong=tra-lai", typed)).await
}

pub(super) async fn assign(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = AssignUnitRequest { ticket_id: ticket_id.clone(), unit: fields.text("unit") };
    let outcome = gateway.routing(Some(&caller.token)).assign_unit(gateway.ask(request)).await;
    done(&gateway, frame, &caller, ticket_id, outcome, ("/can-bo?xong=chuyen", Typed::default())).await
}
