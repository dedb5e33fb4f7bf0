//! What was told to somebody outside, as the operator sees and repeats it; the queues are the bus's.

use api::analytics::v1::{
    ListNoticesRequest, ListNoticesResponse, Notice, NoticeState, ReplayNoticesRequest,
    ReplayNoticesResponse, notice_service_server::NoticeService,
};
use bus::notice::{self, Replay};
use runtime::{Refusal, RoleName, require};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{grpc::Grpc, service::Analytics};

const PAGE_USUAL: u32 = 50;
const PAGE_MAX: u32 = 200;
const QUEUE_CHARS_MAX: usize = 100;

impl Analytics {
    pub async fn list_notices(&self, request: &ListNoticesRequest) -> Result<ListNoticesResponse, Refusal> {
        let limit = match request.limit {
            0 => PAGE_USUAL,
            1..=PAGE_MAX => request.limit,
            _ => {
                let message = format!("limit is at most {PAGE_MAX}");
                return Err(Refusal::invalid("limit", "LIMIT_OUT_OF_RANGE", message));
            }
        };
        let before = match request.page_token.as_str() {
            "" => None,
            token => Some(Uuid::parse_str(token).map_err(|_| {
                let message = "pageToken is not one that was given out";
                Refusal::invalid("pageToken", "PAGE_TOKEN_NOT_VALID", message)
            })?),
        };
        checked_queue(&request.queue)?;
        let state = name(NoticeState::try_from(request.state).map_err(|_| state_unknown())?);
        let mut conn = self.pool().acquire().await?;
        let mut found = notice::list(&mut conn, state, &request.queue, before, i64::from(limit) + 1).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next = found.last().filter(|_| more).map(|last| last.notice_id.to_string());
        Ok(ListNoticesResponse {
            notices: found.into_iter().map(shown).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }

    pub async fn replay_notices(
        &self,
        request: &ReplayNoticesRequest,
    ) -> Result<ReplayNoticesResponse, Refusal> {
        checked_queue(&request.queue)?;
        let since = api::time(request.since.as_ref());
        let which = match (request.notice_id.as_str(), request.queue.as_str()) {
            ("", "") => {
                let message = "noticeId or queue says which notices are sent again";
                return Err(Refusal::invalid("noticeId", "NOTICE_NOT_NAMED", message));
            }
            ("", queue) => Replay::Queue { queue, since },
            (id, _) => Replay::One(
                Uuid::parse_str(id)
                    .map_err(|_| Refusal::invalid("noticeId", "NOTICE_ID_NOT_VALID", "noticeId is a UUID"))?,
            ),
        };
        let mut conn = self.pool().acquire().await?;
        let replayed = notice::replay(&mut conn, &which).await?;
        tracing::info!(replayed, "notices are sent again, as an operator asked");
        Ok(ReplayNoticesResponse { replayed: u32::try_from(replayed).unwrap_or(u32::MAX) })
    }
}

fn checked_queue(queue: &str) -> Result<(), Refusal> {
    if queue.chars().count() > QUEUE_CHARS_MAX || queue.contains('\0') {
        let message = format!("queue has at most {QUEUE_CHARS_MAX} characters");
        return Err(Refusal::invalid("queue", "QUEUE_NOT_VALID", message));
    }
    Ok(())
}

fn state_unknown() -> Refusal {
    Refusal::invalid("state", "NOTICE_STATE_UNKNOWN", "state is one of NOTICE_STATE_…")
}

/// As the bus names it.
fn name(state: NoticeState) -> &'static str {
    match state {
        NoticeState::Unspecified => "",
        NoticeState::Waiting => "waiting",
        NoticeState::Sending => "sending",
        NoticeState::Sent => "sent",
        NoticeState::Failed => "failed",
        NoticeState::Unsure => "unsure",
    }
}

fn shown(notice: notice::Shown) -> Notice {
    let states = [
        NoticeState::Waiting,
        NoticeState::Sending,
        NoticeState::Sent,
        NoticeState::Failed,
        NoticeState::Unsure,
    ];
    let state = states.into_iter().find(|state| name(*state) == notice.state).unwrap_or_default();
    Notice {
        notice_id: notice.notice_id.to_string(),
        queue: notice.queue,
        about: notice.about.to_string(),
        fact: notice.fact,
        recipient: notice.recipient,
        state: state.into(),
        attempts: notice.attempts.unsigned_abs(),
        next_at: (state == NoticeState::Waiting).then(|| api::timestamp(notice.next_at)),
        ended_at: notice.ended_at.map(api::timestamp),
        error: notice.error,
        created_at: Some(api::timestamp(notice.created_at)),
    }
}

#[tonic::async_trait]
impl NoticeService for Grpc {
    async fn list_notices(
        &self,
        request: Request<ListNoticesRequest>,
    ) -> Result<Response<ListNoticesResponse>, Status> {
        require(&request, &[RoleName::Operator])?;
        Ok(Response::new(self.0.list_notices(request.get_ref()).await?))
    }

    async fn replay_notices(
        &self,
        request: Request<ReplayNoticesRequest>,
    ) -> Result<Response<ReplayNoticesResponse>, Status> {
        require(&request, &[RoleName::Operator])?;
        Ok(Response::new(self.0.replay_notices(request.get_ref()).await?))
    }
}
