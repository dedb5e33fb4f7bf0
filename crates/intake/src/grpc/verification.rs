use api::intake::v1::{
    Assurance, Demand, Kind, ListDemandsRequest, ListDemandsResponse, SendEmailCodeRequest,
    SendEmailCodeResponse, verification_service_server::VerificationService,
};
use tonic::{Request, Response, Status};

use super::Grpc;

#[tonic::async_trait]
impl VerificationService for Grpc {
    async fn list_demands(
        &self,
        _: Request<ListDemandsRequest>,
    ) -> Result<Response<ListDemandsResponse>, Status> {
        let demands = self.0.config.demands.iter().map(|demand| Demand {
            kind: Kind::from(demand.kind).into(),
            assurance: Assurance::from(demand.assurance).into(),
        });
        Ok(Response::new(ListDemandsResponse {
            demands: demands.collect(),
            mails_codes: self.0.mailer.is_some(),
        }))
    }

    async fn send_email_code(
        &self,
        request: Request<SendEmailCodeRequest>,
    ) -> Result<Response<SendEmailCodeResponse>, Status> {
        let (id, expires_at) = self.0.send_email_code(&request.into_inner().email).await?;
        let expires_at = Some(api::timestamp(expires_at));
        Ok(Response::new(SendEmailCodeResponse { verification_id: id.to_string(), expires_at }))
    }
}
