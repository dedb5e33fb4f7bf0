//! Requests to typed values, results to responses.

use api::intake::v1::{
    GetTicketRequest, GetTicketResponse, Kind, PublishedAnswer, RateAnswerRequest, RateAnswerResponse,
    SubmitQuestionRequest, SubmitQuestionResponse, TicketState, TimelineEntry,
    intake_service_server::IntakeService,
};
use runtime::Refusal;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{
    service::{Intake, SubmitQuestion},
    storage::Entry,
    ticket::{State, Ticket},
};

pub struct Grpc(pub Intake);

#[tonic::async_trait]
impl IntakeService for Grpc {
    async fn submit_question(
        &self,
        request: Request<SubmitQuestionRequest>,
    ) -> Result<Response<SubmitQuestionResponse>, Status> {
        let request = request.into_inner();
        let kind = match Kind::try_from(request.kind) {
            Ok(Kind::Unspecified) | Err(_) => {
                let message = "kind is one of KIND_QUESTION, KIND_RECOMMENDATION, KIND_REPORT, KIND_OPINION";
                return Err(Refusal::invalid("kind", "KIND_UNKNOWN", message).into());
            }
            Ok(kind) => kind,
        };
        let request_id = Uuid::parse_str(&request.request_id)
            .map_err(|_| Refusal::invalid("requestId", "REQUEST_ID_NOT_VALID", "requestId is a UUID"))?;
        let asker = request.asker.unwrap_or_default();
        let asked = SubmitQuestion { request_id, kind, text: request.text, field: request.field, asker };
        let (ticket_id, tracking_code) = self.0.submit_question(asked).await?;
        Ok(Response::new(SubmitQuestionResponse { ticket_id: ticket_id.to_string(), tracking_code }))
    }

    async fn get_ticket(
        &self,
        request: Request<GetTicketRequest>,
    ) -> Result<Response<GetTicketResponse>, Status> {
        let (ticket, timeline) = self.0.get_ticket(&request.into_inner().tracking_code).await?;
        Ok(Response::new(response(ticket, timeline)))
    }

    async fn rate_answer(
        &self,
        request: Request<RateAnswerRequest>,
    ) -> Result<Response<RateAnswerResponse>, Status> {
        let RateAnswerRequest { tracking_code, score, comment, answer_number } = request.into_inner();
        let ticket = self.0.rate_answer(&tracking_code, answer_number, score, &comment).await?;
        Ok(Response::new(RateAnswerResponse { state: state(&ticket.state).into() }))
    }
}

fn response(ticket: Ticket, timeline: Vec<Entry>) -> GetTicketResponse {
    let wire_state = state(&ticket.state);
    let number = ticket.answer_number();
    let rated = matches!(ticket.state, State::Closed { .. });
    let answer = match ticket.state {
        State::Answered { answer } | State::Closed { answer, .. } => Some(PublishedAnswer {
            text: answer.text,
            citations: answer.citations,
            published_at: Some(api::timestamp(answer.answered_at)),
            number,
        }),
        State::Received { .. } | State::Routed { .. } => None,
    };
    GetTicketResponse {
        state: wire_state.into(),
        timeline: timeline.into_iter().map(entry).collect(),
        answer,
        due_at: ticket.custody.due_at.map(api::timestamp),
        kind: ticket.kind.into(),
        text: ticket.text,
        rated,
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
    }
}
