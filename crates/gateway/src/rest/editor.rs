use api::{
    intake::v1::GetRecallRequest,
    knowledge::v1::{
        CatalogueKind, CorrectAnswerRequest, GetCatalogueItemRequest, GetPassageRequest,
        ListCatalogueRequest, ListContradictionsRequest, ListPassagesRequest, ListReviewsRequest,
        MarkCompatibleRequest, MergeAnswersRequest, PassageState, PutCatalogueItemsRequest,
        SetValidityRequest, SupersedeAnswerRequest, WithdrawAnswerRequest,
    },
};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, PathPart, reply},
    fields::Query,
    problem::Problem,
    session::Bearer,
    state::Gateway,
};

pub(super) async fn list_passages(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let query = query.only(&["limit", "pageToken", "state", "whole"])?;
    let state = match query.text("state").as_str() {
        "" => PassageState::Unspecified,
        name => PassageState::from_str_name(name).ok_or_else(|| {
            Problem::invalid("PASSAGE_STATE_UNKNOWN").field("state", "is one of PASSAGE_STATE_…")
        })?,
    };
    let request = ListPassagesRequest {
        limit: query.number("limit")?,
        page_token: query.text("pageToken"),
        state: state.into(),
        whole: query.flag("whole")?,
    };
    let response = gateway.editing(bearer.token()).list_passages(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn get_passage(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    PathPart(id): PathPart,
) -> Reply {
    let request = gateway.ask(GetPassageRequest { id });
    let response = gateway.editing(bearer.token()).get_passage(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn correct_answer(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    passage: PathPart,
    Message(mut request): Message<CorrectAnswerRequest>,
) -> Reply {
    passage.merge(&mut request.id, "id")?;
    let response = gateway.editing(bearer.token()).correct_answer(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn withdraw_answer(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    passage: PathPart,
    Message(mut request): Message<WithdrawAnswerRequest>,
) -> Reply {
    passage.merge(&mut request.id, "id")?;
    let response = gateway.editing(bearer.token()).withdraw_answer(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn supersede_answer(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    passage: PathPart,
    Message(mut request): Message<SupersedeAnswerRequest>,
) -> Reply {
    passage.merge(&mut request.id, "id")?;
    let response = gateway.editing(bearer.token()).supersede_answer(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn set_validity(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    passage: PathPart,
    Message(mut request): Message<SetValidityRequest>,
) -> Reply {
    passage.merge(&mut request.id, "id")?;
    let response = gateway.editing(bearer.token()).set_validity(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn get_recall(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    PathPart(passage_id): PathPart,
    Query(query): Query,
) -> Reply {
    let query = query.only(&["limit", "pageToken"])?;
    let (limit, page_token) = (query.number("limit")?, query.text("pageToken"));
    let request = gateway.ask(GetRecallRequest { passage_id, limit, page_token });
    let response = gateway.intake(bearer.token()).get_recall(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn put_catalogue_items(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Message(request): Message<PutCatalogueItemsRequest>,
) -> Reply {
    let response = gateway.editing(bearer.token()).put_catalogue_items(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn list_catalogue(State(gateway): State<Gateway>, Query(query): Query) -> Reply {
    let query = query.only(&["q", "kind", "limit", "pageToken"])?;
    let kind = match query.text("kind").as_str() {
        "" => CatalogueKind::Unspecified,
        name => CatalogueKind::from_str_name(name).ok_or_else(|| {
            Problem::invalid("CATALOGUE_KIND_UNKNOWN").field("kind", "is one of CATALOGUE_KIND_…")
        })?,
    };
    let request = ListCatalogueRequest {
        kind: kind.into(),
        limit: query.number("limit")?,
        page_token: query.text("pageToken"),
        q: query.text("q"),
    };
    let response = gateway.editing(None).list_catalogue(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn get_catalogue_item(State(gateway): State<Gateway>, PathPart(id): PathPart) -> Reply {
    let request = gateway.ask(GetCatalogueItemRequest { id });
    let response = gateway.editing(None).get_catalogue_item(request).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn merge_answers(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    passage: PathPart,
    Message(mut request): Message<MergeAnswersRequest>,
) -> Reply {
    passage.merge(&mut request.id, "id")?;
    let response = gateway.editing(bearer.token()).merge_answers(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn list_reviews(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let query = query.only(&["limit", "pageToken"])?;
    let request = ListReviewsRequest { limit: query.number("limit")?, page_token: query.text("pageToken") };
    let response = gateway.editing(bearer.token()).list_reviews(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn list_contradictions(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let query = query.only(&["limit", "pageToken"])?;
    let request =
        ListContradictionsRequest { limit: query.number("limit")?, page_token: query.text("pageToken") };
    let response = gateway.editing(bearer.token()).list_contradictions(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn mark_compatible(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Message(request): Message<MarkCompatibleRequest>,
) -> Reply {
    let response = gateway.editing(bearer.token()).mark_compatible(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
