//! `OverviewService` on the wire.

use api::analytics::v1::{
    GetOverviewRequest, GetOverviewResponse, ListTicketsRequest, ListTicketsResponse,
    overview_service_server::OverviewService,
};
use runtime::signed_in;
use tonic::{Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl OverviewService for Grpc {
    async fn get_overview(
        &self,
        request: Request<GetOverviewRequest>,
    ) -> Result<Response<GetOverviewResponse>, Status> {
        signed_in(&request)?;
        let GetOverviewRequest { days, unit, field } = request.into_inner();
        Ok(Response::new(self.0.get_overview(days, &unit, &field).await?))
    }

    async fn list_tickets(
        &self,
        request: Request<ListTicketsRequest>,
    ) -> Result<Response<ListTicketsResponse>, Status> {
        signed_in(&request)?;
        Ok(Response::new(self.0.list_tickets(request.into_inner()).await?))
    }
}
