//! Requests to typed values; who may call what.

mod overview;

use api::analytics::v1::{
    GetDeadlinesRequest, GetDeadlinesResponse, GetDriftRequest, GetDriftResponse, GetHotnessRequest,
    GetHotnessResponse, GetLagRequest, GetLagResponse, GetSatisfactionRequest, GetSatisfactionResponse,
    ListDeadLettersRequest, ListDeadLettersResponse, RedriveDeadLettersRequest, RedriveDeadLettersResponse,
    analytics_service_server::AnalyticsService,
};
use runtime::{Refusal, RoleName, require, signed_in};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::service::Analytics;

pub struct Grpc(pub Analytics);

#[tonic::async_trait]
impl AnalyticsService for Grpc {
    async fn get_hotness(
        &self,
        request: Request<GetHotnessRequest>,
    ) -> Result<Response<GetHotnessResponse>, Status> {
        signed_in(&request)?;
        Ok(Response::new(self.0.get_hotness(request.into_inner().days).await?))
    }

    async fn get_deadlines(
        &self,
        request: Request<GetDeadlinesRequest>,
    ) -> Result<Response<GetDeadlinesResponse>, Status> {
        signed_in(&request)?;
        let GetDeadlinesRequest { days, joined } = request.into_inner();
        Ok(Response::new(self.0.get_deadlines(days, joined).await?))
    }

    async fn get_satisfaction(
        &self,
        request: Request<GetSatisfactionRequest>,
    ) -> Result<Response<GetSatisfactionResponse>, Status> {
        signed_in(&request)?;
        let GetSatisfactionRequest { days, joined } = request.into_inner();
        Ok(Response::new(self.0.get_satisfaction(days, joined).await?))
    }

    async fn get_drift(
        &self,
        request: Request<GetDriftRequest>,
    ) -> Result<Response<GetDriftResponse>, Status> {
        signed_in(&request)?;
        Ok(Response::new(self.0.get_drift(request.into_inner().days).await?))
    }

    async fn get_lag(&self, _: Request<GetLagRequest>) -> Result<Response<GetLagResponse>, Status> {
        Ok(Response::new(self.0.get_lag().await?))
    }

    async fn list_dead_letters(
        &self,
        request: Request<ListDeadLettersRequest>,
    ) -> Result<Response<ListDeadLettersResponse>, Status> {
        require(&request, &[RoleName::Operator])?;
        Ok(Response::new(self.0.list_dead_letters(request.into_inner().limit).await?))
    }

    async fn redrive_dead_letters(
        &self,
        request: Request<RedriveDeadLettersRequest>,
    ) -> Result<Response<RedriveDeadLettersResponse>, Status> {
        require(&request, &[RoleName::Operator])?;
        let RedriveDeadLettersRequest { consumer, event_id } = request.into_inner();
        let event_id = match event_id.as_str() {
            "" => None,
            id => Some(Uuid::parse_str(id).map_err(|_| {
                Refusal::invalid("eventId", "EVENT_ID_NOT_VALID", "eventId is a UUID, or empty")
            })?),
        };
        let consumer = (!consumer.is_empty()).then_some(consumer.as_str());
        Ok(Response::new(self.0.redrive_dead_letters(consumer, event_id).await?))
    }
}
