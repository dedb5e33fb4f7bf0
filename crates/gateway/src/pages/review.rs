//! What is wanting in a reply, and its approval by two persons, on the officer's page.

use api::answering::v1::{
    self, AskCorrectionRequest, CheckAnswerRequest, FindingCode, ReviewStage, SubmitForReviewRequest,
};
use axum::extract::State;

use super::{
    Frame, Page, inbox,
    officer::{done, path_of, show},
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

#[derive(Default)]
pub(super) struct Review {
    pub findings: Vec<Finding>,
    /// The text was checked, and nothing was found.
    pub clean: bool,
    /// A second person approves.
    pub two_persons: bool,
    /// The decision that asks for what is asked.
    pub source: String,
    pub submitted: Option<Submitted>,
    /// What the second person wants changed, and who that is; empty: nothing.
    pub correction: String,
    pub corrected_by: String,
}

pub(super) struct Finding {
    pub what: Said,
    pub words: String,
    pub gate: bool,
}

/// A text that waits for the second person.
pub(super) struct Submitted {
    pub text: String,
    pub source_ids: Vec<String>,
    pub about: String,
    /// Who looks at it is not the second person.
    pub is_own: bool,
}

impl Review {
    pub fn new(
        language: Language,
        caller: &SignedIn,
        review: Option<v1::Review>,
        policy: Option<v1::ReplyPolicy>,
    ) -> Self {
        let policy = policy.unwrap_or_default();
        let (two_persons, source) = (policy.two_persons, policy.source);
        let Some(review) = review else { return Self { two_persons, source, ..Self::default() } };
        let submitted = (review.stage() == ReviewStage::Submitted).then(|| Submitted {
            about: words::joined([
                review.submitted_by.as_str(),
                &words::moment(language, review.submitted_at.as_ref()),
            ]),
            is_own: review.submitted_by == caller.principal.subject,
            text: review.text,
            source_ids: review.source_ids,
        });
        let corrected_by = words::joined([
            review.commented_by.as_str(),
            &words::moment(language, review.commented_at.as_ref()),
        ]);
        let correction = review.comment;
        Self { two_persons, source, submitted, correction, corrected_by, ..Self::default() }
    }

    /// Advice on the text in the form; none while answering cannot be reached.
    pub async fn read_findings(
        &mut self,
        gateway: &Gateway,
        language: Language,
        caller: &SignedIn,
        request: CheckAnswerRequest,
    ) {
        let found = gateway.review(Some(&caller.token)).check_answer(gateway.ask(request)).await;
        let Ok(found) = found else { return };
        let findings = found.into_inner().findings;
        self.clean = findings.is_empty();
        let finding =
            |one: v1::Finding| Finding { what: what(language, one.code()), words: one.words, gate: one.gate };
        self.findings = findings.into_iter().map(finding).collect();
    }
}

fn what(language: Language, code: FindingCode) -> Said {
    match code {
        FindingCode::Unspecified => Said::Borrowed(""),
        FindingCode::SubQuestion => language.say("finding-sub-question"),
        FindingCode::Basis => language.say("finding-basis"),
        FindingCode::Contact => language.say("finding-contact"),
        FindingCode::OnlyForwarded => language.say("finding-only-forwarded"),
        FindingCode::PersonalData => language.say("finding-personal-data"),
    }
}

/// Shows the page again, with what is wanting in the typed text.
pub(super) async fn check(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    show(&gateway, frame, &caller, ticket_id, Typed::of_reply(&fields)?, None).await
}

pub(super) async fn submit(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let typed = Typed::of_reply(&fields)?;
    let request = SubmitForReviewRequest {
        ticket_id: ticket_id.clone(),
        text: fields.text("text"),
        version: typed.seen,
        source_ids: typed.cited.clone(),
    };
    let outcome = gateway.review(Some(&caller.token)).submit_for_review(gateway.ask(request)).await;
    let next = inbox::path_after("trinh", &ticket_id);
    done(&gateway, frame, &caller, ticket_id, outcome, (&next, typed)).await
}

pub(super) async fn correct(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = AskCorrectionRequest {
        ticket_id: ticket_id.clone(),
        comment: fields.text("comment"),
        version: fields.number("version")?,
    };
    let outcome = gateway.review(Some(&caller.token)).ask_correction(gateway.ask(request)).await;
    let back = path_of(&ticket_id);
    done(&gateway, frame, &caller, ticket_id, outcome, (&back, Typed::of_form("yeu-cau-sua", fields))).await
}
