use api::answering::v1::{
    self, DeleteSavedReplyRequest, DeleteSavedReplyResponse, ListSavedRepliesRequest,
    ListSavedRepliesResponse, PutSavedReplyRequest, saved_reply_service_server::SavedReplyService,
};
use runtime::{Refusal, require};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{DESK, Grpc};
use crate::{saved_reply::SavedReply, saving::PutSavedReply};

#[tonic::async_trait]
impl SavedReplyService for Grpc {
    async fn list_saved_replies(
        &self,
        request: Request<ListSavedRepliesRequest>,
    ) -> Result<Response<ListSavedRepliesResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let listed = self.0.list_saved_replies(&officer, &request.get_ref().unit).await?;
        let saved_replies = listed.into_iter().map(wire).collect();
        Ok(Response::new(ListSavedRepliesResponse { saved_replies }))
    }

    async fn put_saved_reply(
        &self,
        request: Request<PutSavedReplyRequest>,
    ) -> Result<Response<v1::SavedReply>, Status> {
        let officer = require(&request, &DESK)?;
        let PutSavedReplyRequest { saved_reply_id, unit, title, text, version } = request.into_inner();
        let put = PutSavedReply { id: parse_id(&saved_reply_id)?, unit, title, text, version };
        Ok(Response::new(wire(self.0.put_saved_reply(&officer, put).await?)))
    }

    async fn delete_saved_reply(
        &self,
        request: Request<DeleteSavedReplyRequest>,
    ) -> Result<Response<DeleteSavedReplyResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let DeleteSavedReplyRequest { saved_reply_id, version } = request.into_inner();
        self.0.delete_saved_reply(&officer, parse_id(&saved_reply_id)?, version).await?;
        Ok(Response::new(DeleteSavedReplyResponse {}))
    }
}

fn parse_id(text: &str) -> Result<Uuid, Refusal> {
    let invalid = |_| Refusal::invalid("savedReplyId", "SAVED_REPLY_ID_NOT_VALID", "savedReplyId is a UUID");
    Uuid::parse_str(text).map_err(invalid)
}

fn wire(reply: SavedReply) -> v1::SavedReply {
    v1::SavedReply {
        saved_reply_id: reply.id.to_string(),
        unit: reply.unit,
        title: reply.title,
        text: reply.text,
        version: reply.version,
        changed_by: reply.changed_by,
        changed_at: Some(api::timestamp(reply.changed_at)),
    }
}
