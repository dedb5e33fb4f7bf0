use api::intake::v1::{
    ConfirmSubscriptionRequest, ConfirmSubscriptionResponse, EndSubscriptionRequest, EndSubscriptionResponse,
    SubscribeRequest, SubscribeResponse, subscription_service_server::SubscriptionService,
};
use tonic::{Request, Response, Status};

use super::Grpc;
use crate::mailing::Target;

#[tonic::async_trait]
impl SubscriptionService for Grpc {
    async fn subscribe(
        &self,
        request: Request<SubscribeRequest>,
    ) -> Result<Response<SubscribeResponse>, Status> {
        self.0.subscribe(request.into_inner()).await?;
        Ok(Response::new(SubscribeResponse {}))
    }

    async fn confirm_subscription(
        &self,
        request: Request<ConfirmSubscriptionRequest>,
    ) -> Result<Response<ConfirmSubscriptionResponse>, Status> {
        let (passage_id, field) = match self.0.confirm_subscription(&request.into_inner().token).await? {
            Target::Answer(id) => (id, String::new()),
            Target::Field(code) => (String::new(), code),
            Target::Question(_) => (String::new(), String::new()),
        };
        Ok(Response::new(ConfirmSubscriptionResponse { passage_id, field }))
    }

    async fn end_subscription(
        &self,
        request: Request<EndSubscriptionRequest>,
    ) -> Result<Response<EndSubscriptionResponse>, Status> {
        self.0.end_subscription(&request.into_inner().token).await?;
        Ok(Response::new(EndSubscriptionResponse {}))
    }
}
