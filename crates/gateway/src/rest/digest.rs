use api::answering::v1::{
    AnswerItemRequest, ExportDigestRequest, GatherDigestRequest, GetDigestRequest, ImportAnswersRequest,
    ListDigestsRequest, ReturnItemRequest, WithdrawItemRequest,
};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, PathPart, reply},
    fields::Query,
    session::Bearer,
    state::Gateway,
};

pub(super) async fn list_digests(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let query = query.only(&["open", "limit", "pageToken"])?;
    let request = ListDigestsRequest {
        open: query.flag("open")?,
        limit: query.number("limit")?,
        page_token: query.text("pageToken"),
    };
    let response = gateway.digests(bearer.token()).list_digests(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn gather_digest(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Message(request): Message<GatherDigestRequest>,
) -> Reply {
    let response = gateway.digests(bearer.token()).gather_digest(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn get_digest(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    PathPart(digest_id): PathPart,
) -> Reply {
    let request = gateway.ask(GetDigestRequest { digest_id });
    let response = gateway.digests(bearer.token()).get_digest(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn export_digest(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    PathPart(digest_id): PathPart,
) -> Reply {
    let request = gateway.ask(ExportDigestRequest { digest_id });
    let response = gateway.digests(bearer.token()).export_digest(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn answer_item(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    digest: PathPart,
    Message(mut request): Message<AnswerItemRequest>,
) -> Reply {
    digest.merge(&mut request.digest_id, "digestId")?;
    let response = gateway.digests(bearer.token()).answer_item(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn return_item(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    digest: PathPart,
    Message(mut request): Message<ReturnItemRequest>,
) -> Reply {
    digest.merge(&mut request.digest_id, "digestId")?;
    let response = gateway.digests(bearer.token()).return_item(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn withdraw_item(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    digest: PathPart,
    Message(mut request): Message<WithdrawItemRequest>,
) -> Reply {
    digest.merge(&mut request.digest_id, "digestId")?;
    let response = gateway.digests(bearer.token()).withdraw_item(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn import_answers(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    digest: PathPart,
    Message(mut request): Message<ImportAnswersRequest>,
) -> Reply {
    digest.merge(&mut request.digest_id, "digestId")?;
    let response = gateway.digests(bearer.token()).import_answers(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
