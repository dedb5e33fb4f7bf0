//! What happened to a question since an officer opened its page.

use api::answering::v1::{AnswerChange, AnswerChangeKind, GetDraftRequest};
use askama::Template;
use axum::{extract::State, http::StatusCode};

use super::{Frame, Page, page, words};
use crate::{
    body::PathPart,
    fields::Query,
    language::{Language, Said},
    session::SignedIn,
    state::Gateway,
};

pub(super) struct Change {
    pub what: Said,
    pub note: String,
    /// Who and when.
    pub about: String,
}

impl Change {
    pub fn new(language: Language, change: AnswerChange) -> Self {
        let at = words::moment(language, change.at.as_ref());
        Self {
            what: what(language, change.what()),
            about: words::joined([at.as_str(), &change.by]),
            note: change.note,
        }
    }
}

fn what(language: Language, what: AnswerChangeKind) -> Said {
    language.say(match what {
        AnswerChangeKind::Unspecified => "milestone-updated",
        AnswerChangeKind::Approved => "changed-approved",
        AnswerChangeKind::Returned => "changed-returned",
        AnswerChangeKind::Forwarded => "changed-forwarded",
        AnswerChangeKind::Submitted => "changed-submitted",
        AnswerChangeKind::CorrectionAsked => "changed-correction",
        AnswerChangeKind::Amended => "milestone-amended",
        AnswerChangeKind::Withdrawn => "milestone-taken-back",
        AnswerChangeKind::Replied => "milestone-replied",
        AnswerChangeKind::Redrafted => "changed-redrafted",
        AnswerChangeKind::PartGiven => "changed-part",
        AnswerChangeKind::Moved => "changed-moved",
        AnswerChangeKind::Joined => "changed-joined",
        AnswerChangeKind::Left => "changed-left",
    })
}

#[derive(Template)]
#[template(path = "changes.html")]
struct Fragment {
    frame: Frame,
    segment: String,
    changes: Vec<Change>,
}

/// For a page that stays open: what happened after the version it was opened with.
pub(super) async fn since(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Query(query): Query,
) -> Page {
    let segment = super::segment(&ticket_id);
    let request = GetDraftRequest { ticket_id, since_version: query.number("tu")? };
    let draft = gateway.answering(Some(&caller.token)).get_draft(gateway.ask(request)).await?.into_inner();
    let changes = draft.changes.into_iter().map(|change| Change::new(frame.language, change)).collect();
    page(StatusCode::OK, &Fragment { frame, segment, changes })
}
