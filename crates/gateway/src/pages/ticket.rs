//! Following a question by its tracking code, and rating the answer.

use api::{
    intake::v1::{
        AnswerNotice, AskerReply, GetTicketRequest, GetTicketResponse, Milestone, PublishedAnswer,
        RateAnswerRequest, RejectAnswerRequest, TicketState,
    },
    routing::v1::WaitsFor,
};
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect},
};
use qrcode::{QrCode, render::svg};

use super::{
    Frame, Page,
    asker::fresh_id,
    page,
    report::{Photos, Spot},
    segment, sentence,
    words::{self, Moment},
};
use crate::{
    body::PathPart,
    fields::{Form, Query},
    language::{Language, Said},
    problem::Problem,
    state::Gateway,
};

/// The score of an answer that solved nothing: the lowest, which reopens whatever else does.
const NOT_SOLVED: u32 = 1;

#[derive(Template)]
#[template(path = "find.html")]
struct FindPage {
    frame: Frame,
    code: String,
    error: String,
}

pub(super) async fn find(frame: Frame, Query(query): Query) -> Page {
    let code = query.text("code").trim().to_owned();
    if !code.is_empty() {
        return Ok(Redirect::to(&format!("/theo-doi/{}", segment(&code))).into_response());
    }
    page(StatusCode::OK, &FindPage { frame, code, error: String::new() })
}

#[derive(Template)]
#[template(path = "ticket.html")]
#[expect(clippy::struct_excessive_bools, reason = "each shows or hides a part of the page")]
struct TicketPage {
    frame: Frame,
    code: String,
    segment: String,
    /// SVG; only of one that was just sent.
    qr: Option<String>,
    kind: Said,
    state: Said,
    text: String,
    /// Of a report.
    spot: Option<Spot>,
    address: String,
    photos: Photos,
    /// Empty once it is answered.
    due: Moment,
    /// Whether the promise is still to come.
    unpromised: bool,
    /// What is waited for with the clock stopped, and why; empty: it runs.
    waits_for: Said,
    pause_reason: String,
    /// Empty: the promised date was never moved.
    extension_reason: String,
    basis: String,
    steps: Vec<Step>,
    former: Vec<Answer>,
    answer: Option<Answer>,
    /// Sent without a hand: it can be rejected.
    automatic: bool,
    may_rate: bool,
    rated: bool,
    error: String,
    typed: Typed,
    /// It waits, so it can be withdrawn; before its first answer it can be amended, too.
    waits: bool,
    may_amend: bool,
    /// What officers asked for and the asker gave.
    replies: Vec<Replied>,
    /// What a reply is to; 0: nothing is asked for.
    inquiry: u32,
    request_id: String,
    /// Being written of what becomes of it; empty: mail is off.
    subscribe_to: Said,
    subscribe_name: &'static str,
    subscribe_id: String,
}

/// What an officer asked for and the asker gave.
pub(super) struct Replied {
    pub asked: String,
    pub text: String,
    pub at: String,
}

struct Step {
    at: Moment,
    what: Said,
    unit: String,
}

struct Answer {
    number: u32,
    text: String,
    published: Moment,
    citations: Vec<Citation>,
    notices: Vec<Notice>,
    withdrawn: bool,
    /// In words; empty: not rated.
    score: Said,
    comment: String,
}

/// What became of the answer, or of a source of it.
struct Notice {
    what: Said,
    /// The source's corrected text; empty where the answer itself shows it.
    text: String,
    reason: String,
    at: Moment,
}

struct Citation {
    title: String,
    source: String,
}

impl Notice {
    fn new(language: Language, notice: AnswerNotice) -> Self {
        let what = language.say(match (notice.what(), notice.whole) {
            (Milestone::Corrected, true) => "notice-corrected-whole",
            (Milestone::Corrected, false) => "notice-corrected-source",
            (_, true) => "notice-withdrawn-whole",
            (_, false) => "notice-withdrawn-source",
        });
        let at = Moment::new(language, notice.at.as_ref());
        Self { what, text: notice.text, reason: notice.reason, at }
    }
}

fn is_withdrawn(answer: &PublishedAnswer) -> bool {
    answer.notices.iter().any(|notice| notice.whole && notice.what() == Milestone::Withdrawn)
}

impl Answer {
    fn new(language: Language, answer: PublishedAnswer, score: u32, comment: String) -> Self {
        let citations = answer.citations.iter();
        Self {
            number: answer.number,
            published: Moment::new(language, answer.published_at.as_ref()),
            withdrawn: is_withdrawn(&answer),
            citations: citations
                .map(|c| Citation { title: c.title.clone(), source: c.source.clone() })
                .collect(),
            text: answer.text,
            notices: answer.notices.into_iter().map(|n| Notice::new(language, n)).collect(),
            score: match score {
                0 => Said::Borrowed(""),
                score => language.say(&format!("follow-rate-{score}")),
            },
            comment,
        }
    }
}

impl TicketPage {
    fn new(frame: Frame, code: String, ticket: GetTicketResponse) -> Self {
        let language = frame.language;
        let state = ticket.state();
        let withdrawn_by_asker = state == TicketState::Withdrawn;
        let waits = ticket.answer.is_none() && !withdrawn_by_asker;
        let withdrawn = ticket.answer.as_ref().is_some_and(is_withdrawn);
        let due = Moment::new(language, ticket.due_at.as_ref());
        let former =
            ticket.former.iter().cloned().filter_map(|former| {
                Some(Answer::new(language, former.answer?, former.score, former.comment))
            });
        Self {
            spot: ticket.place.as_ref().map(Spot::new),
            photos: Photos::new(format!("/theo-doi/{}", segment(&code)), ticket.photos),
            segment: segment(&code),
            subscribe_to: Said::Borrowed(""),
            subscribe_name: "code",
            subscribe_id: code.clone(),
            code,
            qr: None,
            kind: words::kind(language, ticket.kind()),
            state: if withdrawn {
                language.say("ticket-withdrawn")
            } else {
                words::ticket_state(language, state)
            },
            unpromised: waits && due.is_empty(),
            due: if waits { due } else { Moment::default() },
            former: former.collect(),
            waits_for: match ticket.waits_for() {
                WaitsFor::Unspecified => Said::Borrowed(""),
                WaitsFor::Asker => language.say("follow-waits-asker"),
                WaitsFor::OtherBody => language.say("follow-waits-other"),
            },
            pause_reason: ticket.pause_reason,
            extension_reason: ticket.extension_reason,
            basis: if waits { ticket.basis } else { String::new() },
            automatic: ticket.answer.as_ref().is_some_and(|answer| answer.automatic) && !withdrawn,
            may_rate: ticket.answer.is_some()
                && !withdrawn
                && !ticket.rated
                && state == TicketState::Answered,
            steps: ticket
                .timeline
                .into_iter()
                .map(|entry| Step {
                    at: Moment::new(language, entry.at.as_ref()),
                    what: words::milestone(language, entry.what()),
                    unit: entry.unit,
                })
                .collect(),
            answer: ticket.answer.map(|answer| Answer::new(language, answer, ticket.score, String::new())),
            text: ticket.text,
            address: ticket.address,
            rated: ticket.rated,
            error: String::new(),
            typed: Typed::default(),
            waits,
            may_amend: waits && ticket.former.is_empty(),
            replies: ticket.replies.into_iter().map(|reply| Replied::new(language, reply)).collect(),
            inquiry: ticket.inquiry,
            request_id: fresh_id(),
            frame,
        }
    }
}

impl Replied {
    pub fn new(language: Language, reply: AskerReply) -> Self {
        Self { at: words::moment(language, reply.at.as_ref()), asked: reply.asked, text: reply.text }
    }
}

pub(super) async fn ticket(gateway: &Gateway, tracking_code: String) -> Result<GetTicketResponse, Problem> {
    let request = gateway.ask(GetTicketRequest { tracking_code });
    Ok(gateway.intake(None).get_ticket(request).await?.into_inner())
}

/// A QR code as SVG; empty where the text is too long for one.
fn qr(text: &str) -> String {
    let Ok(code) = QrCode::new(text) else { return String::new() };
    let svg = code.render::<svg::Color<'_>>().min_dimensions(180, 180).build();
    // Within a page there is no XML declaration.
    svg.find("<svg").map_or_else(String::new, |at| svg[at..].to_owned())
}

pub(super) async fn follow(
    State(gateway): State<Gateway>,
    frame: Frame,
    PathPart(code): PathPart,
    Query(query): Query,
    headers: HeaderMap,
) -> Page {
    match ticket(&gateway, code.clone()).await {
        Ok(ticket) => {
            let mut template = TicketPage::new(frame, code, ticket);
            if gateway.context().mailer.is_some() {
                template.subscribe_to = template.frame.t("subscribe-question");
            }
            if query.text("new") == "1" {
                let origin = gateway.config().origin(&headers);
                template.qr = Some(qr(&format!("{origin}/theo-doi/{}", template.segment)));
            }
            page(StatusCode::OK, &template)
        }
        Err(problem) if problem.status.is_client_error() => {
            let error = sentence(frame.language, &problem);
            page(problem.status, &FindPage { frame, code, error })
        }
        Err(problem) => Err(problem),
    }
}

/// What the asker typed, kept when it is refused.
#[derive(Default)]
pub(super) struct Typed {
    pub comment: String,
    /// What the answer lacks.
    pub missing: String,
    pub reply: String,
}

/// After a form of this page: back to it, or shown again with what was typed and why it was refused.
pub(super) async fn done<T>(
    gateway: &Gateway,
    frame: Frame,
    code: String,
    outcome: Result<T, impl Into<Problem>>,
    typed: Typed,
) -> Page {
    let Err(why) = outcome else { return Ok(Redirect::to(&path_of(&code)).into_response()) };
    let problem: Problem = why.into();
    let ticket = ticket(gateway, code.clone()).await?;
    let error = sentence(frame.language, &problem);
    page(problem.status, &TicketPage { error, typed, ..TicketPage::new(frame, code, ticket) })
}

pub(super) fn path_of(code: &str) -> String {
    format!("/theo-doi/{}", segment(code))
}

pub(super) async fn rate(
    State(gateway): State<Gateway>,
    frame: Frame,
    PathPart(code): PathPart,
    Form(fields): Form,
) -> Page {
    let comment = fields.text("comment");
    let request = RateAnswerRequest {
        tracking_code: code.clone(),
        score: fields.number("score")?,
        comment: comment.clone(),
        answer_number: fields.number("answer_number")?,
    };
    let outcome = gateway.intake(None).rate_answer(gateway.ask(request)).await;
    done(&gateway, frame, code, outcome, Typed { comment, ..Typed::default() }).await
}

/// "This did not answer my question".
pub(super) async fn reject(
    State(gateway): State<Gateway>,
    frame: Frame,
    PathPart(code): PathPart,
    Form(fields): Form,
) -> Page {
    let (missing, number) = (fields.text("comment"), fields.number("answer_number")?);
    let outcome = reopened(&gateway, &code, &missing, number).await;
    done(&gateway, frame, code, outcome, Typed { missing, ..Typed::default() }).await
}

/// An automatic answer is rejected, with words or without; an officer's is rated, and only words reopen it.
async fn reopened(gateway: &Gateway, code: &str, missing: &str, number: u32) -> Result<(), Problem> {
    let (tracking_code, comment) = (code.to_owned(), missing.to_owned());
    let request = RejectAnswerRequest { tracking_code, comment, answer_number: number };
    let Err(status) = gateway.intake(None).reject_answer(gateway.ask(request)).await else { return Ok(()) };
    let problem = Problem::from(status);
    if problem.reason != "ANSWER_NOT_AUTOMATIC" {
        return Err(problem);
    }
    if missing.trim().is_empty() {
        return Err(Problem::invalid("TEXT_EMPTY").field("missing", "what the answer lacks is not said"));
    }
    let (tracking_code, comment) = (code.to_owned(), missing.to_owned());
    let request = RateAnswerRequest { tracking_code, score: NOT_SOLVED, comment, answer_number: number };
    gateway.intake(None).rate_answer(gateway.ask(request)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ticket: GetTicketResponse) -> TicketPage {
        let frame = Frame::new(Language::Vietnamese, String::new(), None);
        TicketPage::new(frame, "c".into(), ticket)
    }

    fn answered() -> GetTicketResponse {
        GetTicketResponse {
            state: TicketState::Answered.into(),
            due_at: Some(api::Timestamp::default()),
            answer: Some(PublishedAnswer { number: 1, ..PublishedAnswer::default() }),
            ..GetTicketResponse::default()
        }
    }

    #[test]
    fn what_is_answered_promises_nothing_and_may_be_rated() {
        let page = of(answered());
        assert!(page.due.is_empty() && !page.unpromised && page.may_rate);
        let waiting = of(GetTicketResponse { answer: None, ..answered() });
        assert!(!waiting.due.is_empty() && !waiting.may_rate);
    }

    #[test]
    fn what_is_withdrawn_is_no_answer_and_is_not_rated() {
        let mut ticket = answered();
        let notice =
            AnswerNotice { what: Milestone::Withdrawn.into(), whole: true, ..AnswerNotice::default() };
        ticket.answer.as_mut().unwrap().notices.push(notice);
        let page = of(ticket);
        assert!(!page.may_rate && page.answer.unwrap().withdrawn);
        assert_eq!(page.state, "Câu trả lời đã thu hồi");
    }

    #[test]
    fn times_are_told_to_programs_too() {
        let waiting = of(GetTicketResponse { answer: None, ..answered() });
        let html = waiting.render().unwrap();
        assert!(
            html.contains(r#"<time datetime="1970-01-01T07:00:00+07:00">01/01/1970 07:00</time>"#),
            "{html}"
        );
    }

    #[test]
    fn an_officers_answer_is_sent_back_with_words_and_an_automatic_one_without() {
        let mut ticket = answered();
        let html = of(ticket.clone()).render().unwrap();
        assert!(html.contains("/khong-dung") && html.contains("aria-describedby=\"missing-hint\" required"));
        ticket.answer.as_mut().unwrap().automatic = true;
        let html = of(ticket.clone()).render().unwrap();
        assert!(html.contains("/khong-dung") && !html.contains("aria-describedby=\"missing-hint\" required"));
        ticket.rated = true;
        ticket.answer.as_mut().unwrap().automatic = false;
        assert!(!of(ticket).render().unwrap().contains("/khong-dung"), "it was rated");
    }

    #[test]
    fn the_code_is_drawn_without_what_the_content_policy_forbids() {
        let svg = qr("https://hoi.gov.vn/theo-doi/ABCD-EFGH");
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
        assert!(!svg.contains("style=") && !svg.contains("<script"));
    }
}
