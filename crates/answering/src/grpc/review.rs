use api::answering::v1::{
    self, AskCorrectionRequest, AskCorrectionResponse, CheckAnswerRequest, CheckAnswerResponse, FindingCode,
    SubmitForReviewRequest, SubmitForReviewResponse, review_service_server::ReviewService,
};
use runtime::require;
use tonic::{Request, Response, Status};

use super::{DESK, Grpc, parse_ticket_id};
use crate::{review::Review, reviewing::Text};

#[tonic::async_trait]
impl ReviewService for Grpc {
    async fn check_answer(
        &self,
        request: Request<CheckAnswerRequest>,
    ) -> Result<Response<CheckAnswerResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let CheckAnswerRequest { ticket_id, text, source_ids } = request.into_inner();
        let step = Text { ticket_id: parse_ticket_id(&ticket_id)?, text, source_ids };
        let (findings, policy) = self.0.check_answer(&officer, step).await?;
        let findings = findings.into_iter().map(|finding| v1::Finding {
            code: FindingCode::from(finding.code).into(),
            gate: policy.gate.contains(&finding.code),
            words: finding.words,
        });
        Ok(Response::new(CheckAnswerResponse { findings: findings.collect() }))
    }

    async fn submit_for_review(
        &self,
        request: Request<SubmitForReviewRequest>,
    ) -> Result<Response<SubmitForReviewResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let SubmitForReviewRequest { ticket_id, text, version, source_ids } = request.into_inner();
        let step = Text { ticket_id: parse_ticket_id(&ticket_id)?, text, source_ids };
        let answer = self.0.submit_for_review(&officer, step, version).await?;
        let (version, review) = (answer.version, answer.review.map(Review::snapshot));
        Ok(Response::new(SubmitForReviewResponse { review, version }))
    }

    async fn ask_correction(
        &self,
        request: Request<AskCorrectionRequest>,
    ) -> Result<Response<AskCorrectionResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let AskCorrectionRequest { ticket_id, comment, version } = request.into_inner();
        let ticket_id = parse_ticket_id(&ticket_id)?;
        let answer = self.0.ask_correction(&officer, ticket_id, &comment, version).await?;
        let (version, review) = (answer.version, answer.review.map(Review::snapshot));
        Ok(Response::new(AskCorrectionResponse { review, version }))
    }
}
