//! Requests to typed values, results to responses.

mod report;
mod subscription;
mod verification;

use api::intake::v1::{
    AmendQuestionRequest, AmendQuestionResponse, AnswerNotice, Asker, AskerReply, FormerAnswer,
    GetRecallRequest, GetRecallResponse, GetTicketRequest, GetTicketResponse, Kind, Milestone,
    PublishedAnswer, RateAnswerRequest, RateAnswerResponse, Recipient, RejectAnswerRequest,
    RejectAnswerResponse, ReplyToOfficerRequest, ReplyToOfficerResponse, SubmitQuestionRequest,
    SubmitQuestionResponse, TicketState, TimelineEntry, WithdrawQuestionRequest, WithdrawQuestionResponse,
    intake_service_server::IntakeService,
};
use runtime::{Refusal, RoleName, require};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    place::Place,
    recall::{Notice, What},
    reporting::Details,
    service::{Followed, Intake, SubmitQuestion},
    storage::{Entry, change::Reply},
    telling::Told,
    text,
    ticket::{Answer, State},
    verification::{Code, Identity, Proof},
};

/// Of each part of a verified identity.
const IDENTITY_CHARS_MAX: usize = 200;

pub struct Grpc(pub Intake);

#[tonic::async_trait]
impl IntakeService for Grpc {
    async fn submit_question(
        &self,
        request: Request<SubmitQuestionRequest>,
    ) -> Result<Response<SubmitQuestionResponse>, Status> {
        if request.get_ref().identity.is_some() {
            require(&request, &[RoleName::Service])?;
        }
        let mut request = request.into_inner();
        let kind = match Kind::try_from(request.kind) {
            Ok(Kind::Unspecified) | Err(_) => {
                let message = "kind is one of KIND_QUESTION, KIND_RECOMMENDATION, KIND_REPORT, KIND_OPINION";
                return Err(Refusal::invalid("kind", "KIND_UNKNOWN", message).into());
            }
            Ok(kind) => kind,
        };
        let request_id = parse_request_id(&request.request_id)?;
        let mut asker = request.asker.take().unwrap_or_default();
        let proof = proof(&mut request, &mut asker)?;
        let SubmitQuestionRequest { text, field, insist, place, address, photo_ids, .. } = request;
        let bounds = &self.0.config.reports.bounds;
        let place = place.map(|place| Place::parse(&place, bounds)).transpose()?;
        let photo_ids = photo_ids.iter().map(|id| Uuid::parse_str(id)).collect::<Result<_, _>>();
        let photo_ids =
            photo_ids.map_err(|_| Refusal::not_found("PHOTO_NOT_FOUND", "there is no such photo"))?;
        let details = Details { place, address, photo_ids };
        let asked = SubmitQuestion { request_id, kind, text, field, asker, insist, details, proof };
        let (ticket_id, tracking_code) = self.0.submit_question(asked).await?;
        Ok(Response::new(SubmitQuestionResponse { ticket_id: ticket_id.to_string(), tracking_code }))
    }

    async fn get_ticket(
        &self,
        request: Request<GetTicketRequest>,
    ) -> Result<Response<GetTicketResponse>, Status> {
        Ok(Response::new(response(self.0.get_ticket(&request.into_inner().tracking_code).await?)))
    }

    async fn rate_answer(
        &self,
        request: Request<RateAnswerRequest>,
    ) -> Result<Response<RateAnswerResponse>, Status> {
        let RateAnswerRequest { tracking_code, score, comment, answer_number } = request.into_inner();
        let ticket = self.0.rate_answer(&tracking_code, answer_number, score, &comment).await?;
        Ok(Response::new(RateAnswerResponse { state: state(&ticket.state).into() }))
    }

    async fn reject_answer(
        &self,
        request: Request<RejectAnswerRequest>,
    ) -> Result<Response<RejectAnswerResponse>, Status> {
        let RejectAnswerRequest { tracking_code, comment, answer_number } = request.into_inner();
        let ticket = self.0.reject_answer(&tracking_code, answer_number, &comment).await?;
        Ok(Response::new(RejectAnswerResponse { state: state(&ticket.state).into() }))
    }

    async fn amend_question(
        &self,
        request: Request<AmendQuestionRequest>,
    ) -> Result<Response<AmendQuestionResponse>, Status> {
        let AmendQuestionRequest { tracking_code, request_id, text, revision, insist } = request.into_inner();
        let request_id = parse_request_id(&request_id)?;
        let ticket = self.0.amend_question(&tracking_code, request_id, &text, revision, insist).await?;
        let state = state(&ticket.state).into();
        Ok(Response::new(AmendQuestionResponse { state, revision: ticket.revision }))
    }

    async fn withdraw_question(
        &self,
        request: Request<WithdrawQuestionRequest>,
    ) -> Result<Response<WithdrawQuestionResponse>, Status> {
        let WithdrawQuestionRequest { tracking_code, request_id, revision } = request.into_inner();
        let request_id = parse_request_id(&request_id)?;
        let ticket = self.0.withdraw_question(&tracking_code, request_id, revision).await?;
        Ok(Response::new(WithdrawQuestionResponse { state: state(&ticket.state).into() }))
    }

    async fn reply_to_officer(
        &self,
        request: Request<ReplyToOfficerRequest>,
    ) -> Result<Response<ReplyToOfficerResponse>, Status> {
        let ReplyToOfficerRequest { tracking_code, request_id, text, inquiry } = request.into_inner();
        let request_id = parse_request_id(&request_id)?;
        let ticket = self.0.reply_to_officer(&tracking_code, request_id, &text, inquiry).await?;
        Ok(Response::new(ReplyToOfficerResponse { state: state(&ticket.state).into() }))
    }

    async fn get_recall(
        &self,
        request: Request<GetRecallRequest>,
    ) -> Result<Response<GetRecallResponse>, Status> {
        require(&request, &[RoleName::Editor, RoleName::Operator])?;
        let GetRecallRequest { passage_id, limit, page_token } = request.into_inner();
        let after = match page_token.as_str() {
            "" => Uuid::nil(),
            token => Uuid::parse_str(token).map_err(|_| {
                let message = "pageToken is not one that was given out";
                Refusal::invalid("pageToken", "PAGE_TOKEN_NOT_VALID", message)
            })?,
        };
        Ok(Response::new(recall(self.0.get_recall(&passage_id, after, limit).await?)))
    }
}

/// What the asker shows; an identity's name takes the place of the name that was given.
fn proof(request: &mut SubmitQuestionRequest, asker: &mut Asker) -> Result<Proof, Refusal> {
    let code = match (request.verification_id.as_str(), request.email_code.as_str()) {
        ("", _) | (_, "") => None,
        (id, typed) => {
            let no_code = |_| Refusal::invalid("verificationId", "EMAIL_CODE_SPENT", "there is no such code");
            Some(Code { verification_id: Uuid::parse_str(id).map_err(no_code)?, typed: typed.to_owned() })
        }
    };
    let identity = request.identity.take().map(|identity| {
        let issuer = text::checked("identity.issuer", &identity.issuer, IDENTITY_CHARS_MAX)?;
        let subject = text::checked("identity.subject", &identity.subject, IDENTITY_CHARS_MAX)?;
        let name = text::optional("identity.name", &identity.name, IDENTITY_CHARS_MAX)?;
        if !name.is_empty() {
            asker.name = name;
        }
        Ok::<_, Refusal>(Identity { issuer, subject })
    });
    Ok(Proof { code, identity: identity.transpose()? })
}

fn parse_request_id(text: &str) -> Result<Uuid, Refusal> {
    let invalid = |_| Refusal::invalid("requestId", "REQUEST_ID_NOT_VALID", "requestId is a UUID");
    Uuid::parse_str(text).map_err(invalid)
}

fn recall(told: Told) -> GetRecallResponse {
    let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    let recall = told.recall.as_ref();
    let what = match recall.map(|recall| &recall.what) {
        Some(What::Corrected { .. }) => Milestone::Corrected,
        Some(What::Withdrawn) => Milestone::Withdrawn,
        None => Milestone::Unspecified,
    };
    let next = told.recipients.last().filter(|_| told.more).map(|last| last.ticket_id.to_string());
    let recipients = told.recipients.into_iter().map(|recipient| Recipient {
        ticket_id: recipient.ticket_id.to_string(),
        received_at: Some(api::timestamp(recipient.received_at)),
        told_at: recipient.told_at.map(api::timestamp),
    });
    GetRecallResponse {
        version: recall.map_or(0, |recall| recall.version),
        what: what.into(),
        at: recall.map(|recall| api::timestamp(recall.at)),
        received: count(told.counts.received),
        told: count(told.counts.told),
        waiting: count(told.counts.waiting),
        recipients: recipients.collect(),
        next_page_token: next.unwrap_or_default(),
    }
}

/// Of each passage the newest notice that speaks of the answer with `number`, oldest first.
fn newest(notices: &[Notice], number: u32) -> Vec<AnswerNotice> {
    let mut newest: Vec<&Notice> = Vec::new();
    for notice in notices.iter().filter(|notice| notice.answer_number == number) {
        newest.retain(|before| before.passage_id != notice.passage_id || before.version > notice.version);
        if newest.iter().all(|other| other.passage_id != notice.passage_id) {
            newest.push(notice);
        }
    }
    let notice = |notice: &Notice| AnswerNotice {
        what: notice.what.into(),
        whole: notice.whole,
        text: notice.text.clone(),
        reason: notice.reason.clone(),
        at: Some(api::timestamp(notice.at)),
        passage_id: notice.passage_id.clone(),
    };
    newest.into_iter().map(notice).collect()
}

fn response(followed: Followed) -> GetTicketResponse {
    let Followed { ticket, timeline, notices, former, extras, replies } = followed;
    let inquiry = ticket.inquiry().map(|(inquiry, _)| inquiry);
    let open = inquiry.filter(|inquiry| replies.iter().all(|reply| reply.inquiry != *inquiry));
    let deadline = ticket.present_deadline().cloned().unwrap_or_default();
    let answer =
        ticket.published().cloned().map(|answer| published(answer, ticket.answer_number(), &notices));
    let former = former.into_iter().map(|former| FormerAnswer {
        answer: Some(published(former.answer, former.number, &notices)),
        score: former.score,
        comment: former.comment,
    });
    let score = match &ticket.state {
        State::Closed { rating, .. } => rating.score,
        State::Received { .. } | State::Routed { .. } | State::Answered { .. } | State::Withdrawn => 0,
    };
    GetTicketResponse {
        state: state(&ticket.state).into(),
        timeline: timeline.into_iter().map(entry).collect(),
        answer,
        due_at: ticket.custody.due_at.map(api::timestamp),
        kind: ticket.kind.into(),
        text: ticket.text,
        rated: score > 0,
        former: former.collect(),
        score,
        waits_for: deadline.waits_for,
        pause_reason: deadline.pause_reason,
        extended: deadline.extensions > 0,
        extension_reason: deadline.extension_reason,
        basis: deadline.basis,
        place: ticket.place.map(Place::to_proto),
        address: extras.address,
        photos: extras.photos,
        revision: ticket.revision,
        replies: replies.into_iter().map(reply).collect(),
        inquiry: open.unwrap_or_default(),
    }
}

fn reply(reply: Reply) -> AskerReply {
    AskerReply { asked: reply.asked, text: reply.text, at: Some(api::timestamp(reply.at)) }
}

fn published(answer: Answer, number: u32, notices: &[Notice]) -> PublishedAnswer {
    PublishedAnswer {
        text: answer.text,
        citations: answer.citations,
        published_at: Some(api::timestamp(answer.answered_at)),
        number,
        notices: newest(notices, number),
        automatic: answer.automatic,
    }
}

fn entry(entry: Entry) -> TimelineEntry {
    TimelineEntry { at: Some(api::timestamp(entry.at)), what: entry.what.into(), unit: entry.unit_name }
}

fn state(state: &State) -> TicketState {
    match state {
        State::Received { .. } => TicketState::Received,
        State::Routed { .. } => TicketState::Routed,
        State::Answered { .. } => TicketState::Answered,
        State::Closed { .. } => TicketState::Closed,
        State::Withdrawn => TicketState::Withdrawn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_notices_of_the_present_answer_are_shown() {
        let notice = |passage: &str, version, answer_number| Notice {
            passage_id: passage.into(),
            version,
            what: Milestone::Corrected,
            answer_number,
            whole: false,
            text: version.to_string(),
            reason: String::new(),
            at: chrono::DateTime::UNIX_EPOCH,
        };
        let told = vec![notice("p", 2, 1), notice("p", 3, 2), notice("q", 2, 2), notice("p", 4, 2)];
        let shown: Vec<_> = newest(&told, 2).into_iter().map(|n| (n.passage_id, n.text)).collect();
        assert_eq!(shown, [("q".to_owned(), "2".to_owned()), ("p".to_owned(), "4".to_owned())]);
    }
}
