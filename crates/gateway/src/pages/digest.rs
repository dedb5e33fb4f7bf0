//! Digests for working groups outside: the list, and one with its items to answer, return or withdraw.

use api::answering::v1::{
    AnswerItemRequest, Digest, DigestItem, DigestItemState, ExportDigestRequest, ExportDigestResponse,
    GetDigestRequest, ImportAnswersRequest, ImportAnswersResponse, ImportOutcome, ListDigestsRequest,
    ReturnItemRequest, WithdrawItemRequest,
};
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use runtime::RoleName;

use super::{Frame, Page, page, segment, sentence, words};
use crate::{
    body::PathPart,
    fields::{Fields, Form, Query},
    language::{Language, Said},
    problem::Problem,
    session::SignedIn,
    state::Gateway,
    upload::Upload,
};

const ROWS: u32 = 50;
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

#[derive(Template)]
#[template(path = "digests.html")]
struct DigestsPage {
    frame: Frame,
    rows: Vec<Row>,
    next: String,
}

#[derive(Template)]
#[template(path = "digest.html")]
struct DigestPage {
    frame: Frame,
    row: Row,
    sha256: String,
    items: Vec<ItemRow>,
    /// What became of a form; empty: nothing was sent.
    notice: String,
    /// What was imported, row by row.
    imported: Vec<String>,
    withdraws: bool,
}

struct Row {
    segment: String,
    label: String,
    group: String,
    gathered: String,
    due: String,
    items: u32,
    waiting: u32,
    reminded: u32,
    closed: String,
    late: bool,
}

struct ItemRow {
    number: u32,
    ticket: String,
    text: String,
    follow_ups: Vec<String>,
    waits: bool,
    state: Said,
    words: String,
    ended: String,
}

impl Row {
    fn new(language: Language, gateway: &Gateway, digest: &Digest) -> Self {
        let due = api::time(digest.due_at.as_ref());
        let open = digest.closed_at.is_none();
        Self {
            segment: segment(&digest.digest_id),
            label: format!("{}/{}", digest.code, digest.number),
            group: digest.group_name.clone(),
            gathered: words::moment(language, digest.gathered_at.as_ref()),
            due: words::moment(language, digest.due_at.as_ref()),
            items: digest.items,
            waiting: digest.waiting,
            reminded: digest.reminded,
            closed: digest
                .closed_at
                .as_ref()
                .map_or_else(String::new, |at| words::moment(language, Some(at))),
            late: open && due.is_some_and(|due| due < gateway.context().clock.now()),
        }
    }
}

impl ItemRow {
    fn new(language: Language, item: DigestItem) -> Self {
        let state = item.state();
        let ended = words::moment(language, item.ended_at.as_ref());
        let question = item.question.unwrap_or_default();
        Self {
            number: item.number,
            ticket: segment(&item.ticket_id),
            text: question.text,
            follow_ups: question.follow_ups,
            waits: state == DigestItemState::Gathered,
            state: item_state(language, state),
            words: if item.answer.is_empty() { item.reason } else { item.answer },
            ended: words::joined(
                [item.ended_by.as_str(), ended.as_str()].into_iter().filter(|w| !w.is_empty()),
            ),
        }
    }
}

fn item_state(language: Language, state: DigestItemState) -> Said {
    match state {
        DigestItemState::Unspecified => Said::Borrowed(""),
        DigestItemState::Gathered => language.say("digest-gathered"),
        DigestItemState::Answered => language.say("digest-answered"),
        DigestItemState::Returned => language.say("digest-returned"),
        DigestItemState::Withdrawn => language.say("digest-withdrawn"),
    }
}

pub(super) async fn list(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Page {
    let request = ListDigestsRequest { open: false, limit: ROWS, page_token: query.text("trang") };
    let response = gateway.digests(Some(&caller.token)).list_digests(gateway.ask(request)).await?;
    let response = response.into_inner();
    let rows = response.digests.iter().map(|digest| Row::new(frame.language, &gateway, digest));
    let template = DigestsPage { rows: rows.collect(), next: segment(&response.next_page_token), frame };
    page(StatusCode::OK, &template)
}

/// What a form did, for the page that shows it.
#[derive(Default)]
struct Done {
    problem: Option<Problem>,
    imported: Option<ImportAnswersResponse>,
}

async fn show(gateway: &Gateway, frame: Frame, caller: &SignedIn, digest_id: String, done: Done) -> Page {
    let request = gateway.ask(GetDigestRequest { digest_id });
    let response = gateway.digests(Some(&caller.token)).get_digest(request).await?.into_inner();
    let language = frame.language;
    let digest = response.digest.unwrap_or_default();
    let status = done.problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
    let notice = done.problem.as_ref().map_or_else(String::new, |problem| sentence(language, problem));
    let imported = done.imported.map_or_else(Vec::new, |imported| imported.items);
    let imported = imported.into_iter().map(|item| {
        let outcome = outcome(language, item.outcome());
        let why = match item.reason.as_str() {
            "" => String::new(),
            reason => {
                let mut problem = Problem::new(StatusCode::CONFLICT, "ITEM_ENDED");
                problem.reason = reason.to_owned().into();
                format!(" – {}", problem.title(language))
            }
        };
        format!("{}: {outcome}{why}", item.number)
    });
    let template = DigestPage {
        row: Row::new(language, gateway, &digest),
        sha256: digest.sha256,
        items: response.items.into_iter().map(|item| ItemRow::new(language, item)).collect(),
        notice,
        imported: imported.collect(),
        withdraws: caller.principal.role != RoleName::Focal,
        frame,
    };
    page(status, &template)
}

fn outcome(language: Language, outcome: ImportOutcome) -> Said {
    match outcome {
        ImportOutcome::Unspecified => Said::Borrowed(""),
        ImportOutcome::Answered => language.say("digest-answered"),
        ImportOutcome::Returned => language.say("digest-returned"),
        ImportOutcome::Unchanged => language.say("digest-unchanged"),
        ImportOutcome::Refused => language.say("digest-refused"),
    }
}

pub(super) async fn digest(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(digest_id): PathPart,
) -> Page {
    show(&gateway, frame, &caller, digest_id, Done::default()).await
}

pub(super) async fn sheet(
    State(gateway): State<Gateway>,
    caller: SignedIn,
    PathPart(digest_id): PathPart,
) -> Page {
    let sheet = export(&gateway, &caller, digest_id).await?;
    Ok(file(&sheet.file_name, "text/csv; charset=utf-8", sheet.csv.into_bytes()))
}

pub(super) async fn document(
    State(gateway): State<Gateway>,
    caller: SignedIn,
    PathPart(digest_id): PathPart,
) -> Page {
    let sheet = export(&gateway, &caller, digest_id).await?;
    Ok(file(&sheet.document_name, DOCX, sheet.document))
}

async fn export(
    gateway: &Gateway,
    caller: &SignedIn,
    digest_id: String,
) -> Result<ExportDigestResponse, Problem> {
    let request = gateway.ask(ExportDigestRequest { digest_id });
    Ok(gateway.digests(Some(&caller.token)).export_digest(request).await?.into_inner())
}

/// `name` is a plan's code, a number and an ending: nothing to escape.
fn file(name: &str, media_type: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// One item answered, returned or withdrawn, as the form's button says.
pub(super) async fn end_item(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(digest_id): PathPart,
    Form(fields): Form,
) -> Page {
    let outcome = end(&gateway, &caller, digest_id.clone(), &fields).await;
    let Err(problem) = outcome else {
        return Ok(Redirect::to(&format!("/can-bo/tong-hop/{}", segment(&digest_id))).into_response());
    };
    show(&gateway, frame, &caller, digest_id, Done { problem: Some(problem), imported: None }).await
}

async fn end(
    gateway: &Gateway,
    caller: &SignedIn,
    digest_id: String,
    fields: &Fields,
) -> Result<(), Problem> {
    let (number, text) = (fields.number("number")?, fields.text("text"));
    let mut digests = gateway.digests(Some(&caller.token));
    match fields.text("how").as_str() {
        "return" => {
            let request = ReturnItemRequest { digest_id, number, reason: text };
            digests.return_item(gateway.ask(request)).await?;
        }
        "withdraw" => {
            let request = WithdrawItemRequest { digest_id, number, reason: text };
            digests.withdraw_item(gateway.ask(request)).await?;
        }
        _ => {
            digests.answer_item(gateway.ask(AnswerItemRequest { digest_id, number, text })).await?;
        }
    }
    Ok(())
}

pub(super) async fn import(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(digest_id): PathPart,
    Upload { fields, file, .. }: Upload,
) -> Page {
    let (digest, csv) = (digest_id.clone(), fields.text("csv"));
    let request = ImportAnswersRequest { digest_id: digest, csv, sheet: file.unwrap_or_default() };
    let done = match gateway.digests(Some(&caller.token)).import_answers(gateway.ask(request)).await {
        Ok(imported) => Done { imported: Some(imported.into_inner()), problem: None },
        Err(status) => Done { problem: Some(status.into()), imported: None },
    };
    show(&gateway, frame, &caller, digest_id, done).await
}
