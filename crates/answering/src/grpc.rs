//! Requests to typed values, results to responses.

mod automation;
mod digest;
mod moving;
mod review;
mod saved_reply;

use api::{
    TicketId,
    answering::v1::{
        self, AnswerChange, AnswerState, ApproveAnswerRequest, ApproveAnswerResponse, AttachMemberRequest,
        AttachMemberResponse, DetachMemberRequest, DetachMemberResponse, FamilyMember, GetDraftRequest,
        GetDraftResponse, InboxItem, ListInboxRequest, ListInboxResponse, ReturnQuestionRequest,
        ReturnQuestionResponse, ReviewStage, answering_service_server::AnsweringService,
    },
};
use chrono::{DateTime, SecondsFormat, Utc};
use runtime::{Refusal, RoleName, require};
use tonic::{Request, Response, Status};

use crate::{
    answer::{HandOver, State},
    review::Review,
    service::{Answering, ApproveAnswer, MoveMember, Shown},
    storage::{Waiting, family::Member, reply::Reply, trace::Traced},
};

/// Who sees and changes questions that wait.
const DESK: [RoleName; 3] = [RoleName::Officer, RoleName::Dispatcher, RoleName::Operator];

const EXCERPT_CHARS: usize = 160;

#[derive(Clone)]
pub struct Grpc(pub Answering);

#[tonic::async_trait]
impl AnsweringService for Grpc {
    async fn list_inbox(
        &self,
        request: Request<ListInboxRequest>,
    ) -> Result<Response<ListInboxResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let ListInboxRequest { limit, page_token, members, unit } = request.into_inner();
        let after = parse_page_token(&page_token)?;
        let (waiting, more) = self.0.list_inbox(&officer, &unit, limit, members, after).await?;
        let next_page_token = match waiting.last() {
            Some(last) if more => page_token_after(last),
            _ => String::new(),
        };
        Ok(Response::new(ListInboxResponse {
            items: waiting.into_iter().map(item).collect(),
            next_page_token,
        }))
    }

    async fn get_draft(
        &self,
        request: Request<GetDraftRequest>,
    ) -> Result<Response<GetDraftResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let GetDraftRequest { ticket_id, since_version } = request.into_inner();
        let shown = self.0.get_draft(&officer, parse_ticket_id(&ticket_id)?, since_version).await?;
        Ok(Response::new(draft(shown)))
    }

    async fn approve_answer(
        &self,
        request: Request<ApproveAnswerRequest>,
    ) -> Result<Response<ApproveAnswerResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let request = request.into_inner();
        let members = request.member_ids.iter().map(|id| parse_member_id(id)).collect::<Result<_, _>>()?;
        let step = ApproveAnswer {
            ticket_id: parse_ticket_id(&request.ticket_id)?,
            text: request.text,
            version: request.version,
            source_ids: request.source_ids,
            draft_rejected: request.draft_rejected,
            members: Some(members).filter(|_| request.only_members),
        };
        let answer = self.0.approve_answer(&officer, step).await?;
        Ok(Response::new(ApproveAnswerResponse {
            state: state(&answer.state).into(),
            version: answer.version,
        }))
    }

    async fn return_question(
        &self,
        request: Request<ReturnQuestionRequest>,
    ) -> Result<Response<ReturnQuestionResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let ReturnQuestionRequest { ticket_id, reason, suggested_unit, version, no_owner_reason } =
            request.into_inner();
        let ticket_id = parse_ticket_id(&ticket_id)?;
        let said = HandOver { reason, unit: suggested_unit, no_owner_reason, forwarded: false };
        let answer = self.0.hand_over(&officer, ticket_id, said, version).await?;
        Ok(Response::new(ReturnQuestionResponse { state: state(&answer.state).into() }))
    }

    async fn attach_member(
        &self,
        request: Request<AttachMemberRequest>,
    ) -> Result<Response<AttachMemberResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let AttachMemberRequest { ticket_id, member_ticket_id, version, reason } = request.into_inner();
        let step = move_member(&ticket_id, &member_ticket_id, version, reason)?;
        Ok(Response::new(AttachMemberResponse { family_size: self.0.attach_member(&officer, step).await? }))
    }

    async fn detach_member(
        &self,
        request: Request<DetachMemberRequest>,
    ) -> Result<Response<DetachMemberResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let DetachMemberRequest { ticket_id, member_ticket_id, version, reason } = request.into_inner();
        let step = move_member(&ticket_id, &member_ticket_id, version, reason)?;
        Ok(Response::new(DetachMemberResponse { family_size: self.0.detach_member(&officer, step).await? }))
    }
}

fn move_member(centre: &str, member: &str, version: u32, reason: String) -> Result<MoveMember, Refusal> {
    Ok(MoveMember {
        centre_id: parse_ticket_id(centre)?,
        member_id: parse_member_id(member)?,
        version,
        reason,
    })
}

fn parse_member_id(text: &str) -> Result<TicketId, Refusal> {
    text.parse()
        .map_err(|_| Refusal::invalid("memberTicketId", "TICKET_ID_NOT_VALID", "memberTicketId is a UUID"))
}

fn parse_ticket_id(text: &str) -> Result<TicketId, Refusal> {
    text.parse().map_err(|_| Refusal::invalid("ticketId", "TICKET_ID_NOT_VALID", "ticketId is a UUID"))
}

/// `<urgent_at>_<ticket_id>` of the last item shown.
fn page_token_after(last: &Waiting) -> String {
    format!("{}_{}", last.urgent_at.to_rfc3339_opts(SecondsFormat::Micros, true), last.ticket_id)
}

fn parse_page_token(token: &str) -> Result<Option<(DateTime<Utc>, TicketId)>, Refusal> {
    if token.is_empty() {
        return Ok(None);
    }
    let parse = || {
        let (urgent_at, ticket_id) = token.split_once('_')?;
        let urgent_at = DateTime::parse_from_rfc3339(urgent_at).ok()?.with_timezone(&Utc);
        Some((urgent_at, ticket_id.parse().ok()?))
    };
    let message = "pageToken is not one that was given out";
    parse().map(Some).ok_or_else(|| Refusal::invalid("pageToken", "PAGE_TOKEN_NOT_VALID", message))
}

fn item(waiting: Waiting) -> InboxItem {
    InboxItem {
        ticket_id: waiting.ticket_id.to_string(),
        state: AnswerState::Drafted.into(),
        field: waiting.field,
        due_at: Some(api::timestamp(waiting.due_at)),
        excerpt: excerpt(&waiting.text),
        unit: waiting.unit,
        band: waiting.band.into(),
        family_size: waiting.family_size,
        urgent_at: Some(api::timestamp(waiting.urgent_at)),
        centre_ticket_id: waiting.centre_id.map(|centre_id| centre_id.to_string()).unwrap_or_default(),
        deadline: Some(waiting.deadline),
        review_stage: waiting.review.map_or(ReviewStage::Unspecified, |review| review.stage()).into(),
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT_CHARS).collect()
}

fn family_member(member: Member) -> FamilyMember {
    let Member { membership, version, text, asked_at, due_at } = member;
    FamilyMember {
        ticket_id: membership.ticket_id.to_string(),
        version,
        excerpt: excerpt(&text),
        asked_at: DateTime::parse_from_rfc3339(&asked_at).ok().map(|at| api::timestamp(at.into())),
        due_at: Some(api::timestamp(due_at)),
        probability: membership.likeness.probability,
        exact: membership.likeness.exact,
        reasons: membership.likeness.reasons,
        joined_by: membership.joined_by.unwrap_or_default(),
    }
}

fn draft(shown: Shown) -> GetDraftResponse {
    let Shown { answer, family, family_size, centre_id, policy, replies, changes } = shown;
    let wire_state = state(&answer.state);
    let published = match answer.state {
        State::Approved { text, .. } => text,
        State::Drafted | State::Returned { .. } | State::Withdrawn { .. } => String::new(),
    };
    GetDraftResponse {
        ticket_id: answer.ticket_id.to_string(),
        state: wire_state.into(),
        question: Some(answer.question),
        field: answer.custody.field,
        unit: answer.custody.unit,
        unit_name: answer.custody.unit_name,
        due_at: Some(api::timestamp(answer.custody.due_at)),
        draft: Some(v1::Draft {
            text: answer.draft.text,
            version: answer.version,
            verdict: Some(answer.draft.verdict),
            sources: answer.draft.sources,
        }),
        answer: published,
        family: family.into_iter().map(family_member).collect(),
        family_size,
        centre_ticket_id: centre_id.map(|centre_id| centre_id.to_string()).unwrap_or_default(),
        deadline: Some(answer.deadline),
        binding: answer.custody.binding.into(),
        review: answer.review.map(Review::snapshot),
        policy: Some(policy.snapshot()),
        asker_replies: replies.into_iter().map(Reply::snapshot).collect(),
        changes: changes.into_iter().map(change).collect(),
    }
}

fn change(traced: Traced) -> AnswerChange {
    AnswerChange {
        what: traced.what.into(),
        by: traced.by,
        note: traced.note,
        at: Some(api::timestamp(traced.at)),
        version: traced.version,
    }
}

fn state(state: &State) -> AnswerState {
    match state {
        State::Drafted => AnswerState::Drafted,
        State::Approved { .. } => AnswerState::Approved,
        State::Returned { .. } => AnswerState::Returned,
        State::Withdrawn { .. } => AnswerState::Withdrawn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_reads_back_and_noise_is_refused() {
        let last = Waiting {
            ticket_id: TicketId(uuid::Uuid::from_u128(7)),
            unit: String::new(),
            field: String::new(),
            due_at: DateTime::UNIX_EPOCH,
            urgent_at: DateTime::UNIX_EPOCH,
            text: String::new(),
            band: api::knowledge::v1::Band::None,
            family_size: 0,
            centre_id: None,
            deadline: api::routing::v1::Deadline::default(),
            review: None,
        };
        let token = page_token_after(&last);
        assert_eq!(parse_page_token(&token).unwrap(), Some((last.urgent_at, last.ticket_id)));
        assert_eq!(parse_page_token("").unwrap(), None);
        assert_eq!(parse_page_token("x_y").unwrap_err().reason(), "PAGE_TOKEN_NOT_VALID");
    }
}
