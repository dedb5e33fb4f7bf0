//! The editor's look at a correction before it is published, two answers made one, and the store as a file.

use api::knowledge::v1::{
    GetPassageRequest, ListPassagesRequest, MergeAnswersRequest, Passage, PassageState,
};
use askama::Template;
use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use futures::stream;
use serde_json::json;

use super::{
    Frame, Page,
    editor::{self, show_desk},
    marks::{self, Run},
    page,
    passage::{received_of, show},
    segment,
    typed::Filled,
};
use crate::{
    body::PathPart,
    fields::{Form, Query},
    problem::Problem,
    session::SignedIn,
    state::Gateway,
};

/// Whole answers of one page of the export.
const BATCH: u32 = 25;

#[derive(Template)]
#[template(path = "preview.html")]
struct PreviewPage {
    frame: Frame,
    segment: String,
    version: u32,
    question: String,
    before: Vec<Run>,
    after: Vec<Run>,
    text: String,
    reason: String,
    /// How many received it and will be told.
    received: String,
}

/// How a correction will read, and who is told of it. With `back` the form again, as it was typed.
pub(super) async fn preview(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(id): PathPart,
    Form(fields): Form,
) -> Page {
    let (text, reason) = (fields.text("text"), fields.text("reason"));
    if !fields.text("back").is_empty() || text.trim().is_empty() {
        return show(&gateway, frame, &caller, id, None, Filled::new("dinh-chinh", fields)).await;
    }
    let received = received_of(&gateway, frame.language, &caller, &id).await?;
    let request = gateway.ask(GetPassageRequest { id: id.clone() });
    let got = gateway.editing(Some(&caller.token)).get_passage(request).await?.into_inner();
    let passage = got.passage.unwrap_or_default();
    let template = PreviewPage {
        segment: segment(&id),
        version: fields.number("version")?,
        before: marks::differing(&passage.answer, &text),
        after: marks::differing(&text, &passage.answer),
        question: passage.question,
        text,
        reason,
        received,
        frame,
    };
    page(StatusCode::OK, &template)
}

/// Two answers of a contradiction made one: the chosen one takes the other's place.
pub(super) async fn merge(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Form(fields): Form,
) -> Page {
    let chosen = fields.text("keep");
    let versions = fields.all("version").into_iter().map(|version| version.parse().unwrap_or_default());
    let (kept, others): (Vec<(String, u32)>, Vec<_>) =
        fields.all("id").into_iter().zip(versions).partition(|(id, _)| *id == chosen);
    let (id, version) = kept.into_iter().next().unwrap_or_default();
    let (other_id, other_version) = others.into_iter().next().unwrap_or_default();
    let (text, reason) = (fields.text("text"), fields.text("reason"));
    let request = MergeAnswersRequest { id: id.clone(), version, other_id, other_version, text, reason };
    match gateway.editing(Some(&caller.token)).merge_answers(gateway.ask(request)).await {
        Ok(_) => Ok(Redirect::to(&editor::path_of(&id)).into_response()),
        Err(status) => {
            let filled = Filled::new("gop", fields);
            show_desk(&gateway, frame, &caller, filled, Some(&status.into())).await
        }
    }
}

/// The published answers as a file: JSON lines, as the import takes them, or CSV. Read page by page as it is
/// sent.
pub(super) async fn export(State(gateway): State<Gateway>, caller: SignedIn, Query(query): Query) -> Page {
    let csv = query.text("dang") == "csv";
    // Before anything is sent: whether this is an editor.
    let first = passages(&gateway, &caller.token, String::new()).await?;
    let head = if csv { "\u{feff}id,question,answer,field,unit,source\r\n" } else { "" };
    let state = Some((gateway, caller.token, head.to_owned(), first));
    let pieces = stream::try_unfold(state, move |state| async move {
        let Some((gateway, token, mut text, (found, next))) = state else { return Ok(None) };
        for passage in &found {
            text.push_str(&if csv { csv_line(passage) } else { json_line(passage) });
        }
        let rest = if next.is_empty() {
            None
        } else {
            let found = passages(&gateway, &token, next).await.map_err(|problem| {
                std::io::Error::other(format!("the export stopped: {}", problem.reason))
            })?;
            Some((gateway, token, String::new(), found))
        };
        Ok::<_, std::io::Error>(Some((text, rest)))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let (kind, name) = if csv {
        ("text/csv; charset=utf-8", "attachment; filename=\"tra-loi.csv\"")
    } else {
        ("application/x-ndjson", "attachment; filename=\"tra-loi.jsonl\"")
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
    Ok(response)
}

async fn passages(
    gateway: &Gateway,
    token: &str,
    page_token: String,
) -> Result<(Vec<Passage>, String), Problem> {
    let state = PassageState::Published.into();
    let request = ListPassagesRequest { limit: BATCH, page_token, state, whole: true };
    let listed = gateway.editing(Some(token)).list_passages(gateway.ask(request)).await?.into_inner();
    Ok((listed.passages, listed.next_page_token))
}

pub(super) fn json_line(passage: &Passage) -> String {
    let line = json!({
        "id": passage.id, "question": passage.question, "answer": passage.answer,
        "field": passage.field, "unit": passage.unit, "source": passage.source,
    });
    format!("{line}\n")
}

/// Each value quoted; what a spreadsheet would compute is text.
fn csv_line(passage: &Passage) -> String {
    let cell = |text: &str| {
        let computed = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        format!("\"{}{}\"", if computed { "'" } else { "" }, text.replace('"', "\"\""))
    };
    let cells =
        [&passage.id, &passage.question, &passage.answer, &passage.field, &passage.unit, &passage.source];
    cells.map(|text| cell(text)).join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_computed_and_never_ends_early() {
        let passage = Passage {
            id: "a".into(),
            question: "=1+1".into(),
            answer: "\"x\",y".into(),
            ..Default::default()
        };
        assert_eq!(csv_line(&passage), "\"a\",\"'=1+1\",\"\"\"x\"\",y\",\"\",\"\",\"\"\r\n");
    }
}
