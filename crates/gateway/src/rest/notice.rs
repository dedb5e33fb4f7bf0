use api::analytics::v1::{ListNoticesRequest, NoticeState, ReplayNoticesRequest};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{
    body::{Message, reply},
    fields::Query,
    problem::Problem,
    session::Bearer,
    state::Gateway,
};

pub(super) async fn list_notices(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let query = query.only(&["state", "queue", "limit", "pageToken"])?;
    let state = match query.text("state").as_str() {
        "" => NoticeState::Unspecified,
        name => NoticeState::from_str_name(name).ok_or_else(|| {
            Problem::invalid("NOTICE_STATE_UNKNOWN").field("state", "is one of NOTICE_STATE_…")
        })?,
    };
    let request = ListNoticesRequest {
        state: state.into(),
        queue: query.text("queue"),
        limit: query.number("limit")?,
        page_token: query.text("pageToken"),
    };
    let response = gateway.notices(bearer.token()).list_notices(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn replay_notices(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Message(request): Message<ReplayNoticesRequest>,
) -> Reply {
    let response = gateway.notices(bearer.token()).replay_notices(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
