use api::answering::v1::{
    self, AskCoAnswerRequest, DeclineCoAnswerRequest, ForwardQuestionRequest, ForwardQuestionResponse,
    GiveCoAnswerRequest, ListCoAnswersRequest, ListCoAnswersResponse, WithdrawCoAnswerRequest,
    moving_service_server::MovingService,
};
use runtime::{Refusal, require};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{DESK, Grpc, parse_ticket_id};
use crate::{
    answer::HandOver,
    co_answer::{CoAnswer, How, State},
    moving::AskCoAnswer,
};

#[tonic::async_trait]
impl MovingService for Grpc {
    async fn forward_question(
        &self,
        request: Request<ForwardQuestionRequest>,
    ) -> Result<Response<ForwardQuestionResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let ForwardQuestionRequest { ticket_id, unit, reason, version } = request.into_inner();
        let said = HandOver { reason, unit, no_owner_reason: String::new(), forwarded: true };
        self.0.hand_over(&officer, parse_ticket_id(&ticket_id)?, said, version).await?;
        Ok(Response::new(ForwardQuestionResponse {}))
    }

    async fn ask_co_answer(
        &self,
        request: Request<AskCoAnswerRequest>,
    ) -> Result<Response<v1::CoAnswer>, Status> {
        let officer = require(&request, &DESK)?;
        let AskCoAnswerRequest { ticket_id, unit, request, due_at, version } = request.into_inner();
        let due_at = due_at.as_ref().map(|due_at| api::time(Some(due_at)).ok_or_else(no_time)).transpose()?;
        let step = AskCoAnswer { ticket_id: parse_ticket_id(&ticket_id)?, unit, request, due_at, version };
        Ok(Response::new(co_answer(self.0.ask_co_answer(&officer, step).await?)))
    }

    async fn give_co_answer(
        &self,
        request: Request<GiveCoAnswerRequest>,
    ) -> Result<Response<v1::CoAnswer>, Status> {
        let officer = require(&request, &DESK)?;
        let GiveCoAnswerRequest { co_answer_id, text } = request.into_inner();
        let given = self.0.answer_co_answer(&officer, parse_id(&co_answer_id)?, How::Given, &text).await?;
        Ok(Response::new(co_answer(given)))
    }

    async fn decline_co_answer(
        &self,
        request: Request<DeclineCoAnswerRequest>,
    ) -> Result<Response<v1::CoAnswer>, Status> {
        let officer = require(&request, &DESK)?;
        let DeclineCoAnswerRequest { co_answer_id, reason } = request.into_inner();
        let id = parse_id(&co_answer_id)?;
        Ok(Response::new(co_answer(self.0.answer_co_answer(&officer, id, How::Declined, &reason).await?)))
    }

    async fn withdraw_co_answer(
        &self,
        request: Request<WithdrawCoAnswerRequest>,
    ) -> Result<Response<v1::CoAnswer>, Status> {
        let officer = require(&request, &DESK)?;
        let WithdrawCoAnswerRequest { co_answer_id, reason } = request.into_inner();
        let id = parse_id(&co_answer_id)?;
        Ok(Response::new(co_answer(self.0.answer_co_answer(&officer, id, How::Withdrawn, &reason).await?)))
    }

    async fn list_co_answers(
        &self,
        request: Request<ListCoAnswersRequest>,
    ) -> Result<Response<ListCoAnswersResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let ticket_id = &request.get_ref().ticket_id;
        let found = if ticket_id.is_empty() {
            self.0.list_asked(&officer).await?
        } else {
            self.0.list_co_answers(&officer, parse_ticket_id(ticket_id)?).await?
        };
        Ok(Response::new(ListCoAnswersResponse { co_answers: found.into_iter().map(co_answer).collect() }))
    }
}

fn parse_id(text: &str) -> Result<Uuid, Refusal> {
    text.parse().map_err(|_| Refusal::invalid("coAnswerId", "CO_ANSWER_ID_NOT_VALID", "coAnswerId is a UUID"))
}

fn no_time() -> Refusal {
    Refusal::invalid("dueAt", "CO_ANSWER_DUE_OUT_OF_RANGE", "dueAt is no time")
}

fn co_answer((asked, question): (CoAnswer, String)) -> v1::CoAnswer {
    let state = asked.wire_state().into();
    let (changed_by, changed_at, text) = match asked.state {
        State::Asked => (String::new(), asked.asked_at, String::new()),
        State::Ended { by, at, text, .. } => (by, at, text),
    };
    v1::CoAnswer {
        co_answer_id: asked.id.to_string(),
        ticket_id: asked.ticket_id.to_string(),
        state,
        unit: asked.unit,
        holder: asked.holder,
        request: asked.request,
        asked_at: Some(api::timestamp(asked.asked_at)),
        due_at: Some(api::timestamp(asked.due_at)),
        text,
        changed_at: Some(api::timestamp(changed_at)),
        asked_by: asked.asked_by,
        changed_by,
        question,
    }
}
