//! `DigestService`: requests to typed values, results to responses.

use api::answering::v1::{
    AnswerItemRequest, Digest, DigestItem, DigestItemState, ExportDigestRequest, ExportDigestResponse,
    GatherDigestRequest, GatherDigestResponse, GetDigestRequest, GetDigestResponse, ImportAnswersRequest,
    ImportAnswersResponse, ImportOutcome, ImportedItem, ItemResponse, ListDigestsRequest,
    ListDigestsResponse, ReturnItemRequest, WithdrawItemRequest, digest_service_server::DigestService,
};
use runtime::{Refusal, RoleName, require};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{DESK, Grpc};
use crate::{
    digest::{self, Ending, State},
    digests::Imported,
};

/// Who sees and ends items.
const GROUPS: [RoleName; 4] = [RoleName::Officer, RoleName::Dispatcher, RoleName::Operator, RoleName::Focal];
const GATHERERS: [RoleName; 2] = [RoleName::Dispatcher, RoleName::Operator];

#[tonic::async_trait]
impl DigestService for Grpc {
    async fn list_digests(
        &self,
        request: Request<ListDigestsRequest>,
    ) -> Result<Response<ListDigestsResponse>, Status> {
        let caller = require(&request, &GROUPS)?;
        let ListDigestsRequest { open, limit, page_token } = request.into_inner();
        let before = match page_token.as_str() {
            "" => None,
            token => Some(Uuid::parse_str(token).map_err(|_| {
                let message = "pageToken is not one that was given out";
                Refusal::invalid("pageToken", "PAGE_TOKEN_NOT_VALID", message)
            })?),
        };
        let listed = self.0.list_digests(&caller, open, before, limit).await?;
        let last = listed.digests.last().filter(|_| listed.more);
        Ok(Response::new(ListDigestsResponse {
            next_page_token: last.map(|(last, ..)| last.digest_id.to_string()).unwrap_or_default(),
            digests: listed
                .digests
                .iter()
                .map(|(digest, items, waiting)| shown(digest, *items, *waiting))
                .collect(),
        }))
    }

    async fn get_digest(
        &self,
        request: Request<GetDigestRequest>,
    ) -> Result<Response<GetDigestResponse>, Status> {
        let caller = require(&request, &GROUPS)?;
        let (digest, items) = self.0.get_digest(&caller, parse(&request.get_ref().digest_id)?).await?;
        Ok(Response::new(GetDigestResponse {
            digest: Some(counted(&digest, &items)),
            manifest: digest.manifest,
            items: items.into_iter().map(item).collect(),
        }))
    }

    async fn export_digest(
        &self,
        request: Request<ExportDigestRequest>,
    ) -> Result<Response<ExportDigestResponse>, Status> {
        let caller = require(&request, &GROUPS)?;
        let digest_id = parse(&request.get_ref().digest_id)?;
        Ok(Response::new(self.0.export_digest(&caller, digest_id).await?))
    }

    async fn gather_digest(
        &self,
        request: Request<GatherDigestRequest>,
    ) -> Result<Response<GatherDigestResponse>, Status> {
        require(&request, &GATHERERS)?;
        let (digest, items) = self.0.gather_digest(&request.get_ref().code).await?;
        Ok(Response::new(GatherDigestResponse { digest: Some(counted(&digest, &items)) }))
    }

    async fn answer_item(
        &self,
        request: Request<AnswerItemRequest>,
    ) -> Result<Response<ItemResponse>, Status> {
        let caller = require(&request, &GROUPS)?;
        let AnswerItemRequest { digest_id, number, text } = request.into_inner();
        let ended = self.0.end_item(&caller, parse(&digest_id)?, number, Ending::Answered { text }).await?;
        Ok(Response::new(response(ended)))
    }

    async fn return_item(
        &self,
        request: Request<ReturnItemRequest>,
    ) -> Result<Response<ItemResponse>, Status> {
        let caller = require(&request, &GROUPS)?;
        let ReturnItemRequest { digest_id, number, reason } = request.into_inner();
        let ended = self.0.end_item(&caller, parse(&digest_id)?, number, Ending::Returned { reason }).await?;
        Ok(Response::new(response(ended)))
    }

    async fn withdraw_item(
        &self,
        request: Request<WithdrawItemRequest>,
    ) -> Result<Response<ItemResponse>, Status> {
        let caller = require(&request, &DESK)?;
        let WithdrawItemRequest { digest_id, number, reason } = request.into_inner();
        let ended =
            self.0.end_item(&caller, parse(&digest_id)?, number, Ending::Withdrawn { reason }).await?;
        Ok(Response::new(response(ended)))
    }

    async fn import_answers(
        &self,
        request: Request<ImportAnswersRequest>,
    ) -> Result<Response<ImportAnswersResponse>, Status> {
        let caller = require(&request, &GROUPS)?;
        let ImportAnswersRequest { digest_id, csv, sheet } = request.into_inner();
        let filled_in = if sheet.is_empty() { csv.into_bytes() } else { sheet };
        let (outcomes, waiting) = self.0.import_answers(&caller, parse(&digest_id)?, &filled_in).await?;
        Ok(Response::new(ImportAnswersResponse {
            items: outcomes.into_iter().map(|(number, outcome)| imported(number, &outcome)).collect(),
            waiting,
        }))
    }
}

fn parse(digest_id: &str) -> Result<Uuid, Refusal> {
    Uuid::parse_str(digest_id)
        .map_err(|_| Refusal::invalid("digestId", "DIGEST_ID_NOT_VALID", "digestId is a UUID"))
}

fn counted(digest: &digest::Digest, items: &[digest::Item]) -> Digest {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    shown(digest, count(items.len()), count(items.iter().filter(|item| item.waits()).count()))
}

fn shown(digest: &digest::Digest, items: u32, waiting: u32) -> Digest {
    Digest {
        digest_id: digest.digest_id.to_string(),
        code: digest.code.clone(),
        number: digest.number,
        group: digest.group_code.clone(),
        group_name: digest.group_name.clone(),
        unit: digest.unit.clone(),
        gathered_at: Some(api::timestamp(digest.gathered_at)),
        due_at: Some(api::timestamp(digest.due_at)),
        closed_at: digest.closed_at.map(api::timestamp),
        items,
        waiting,
        reminded: digest.reminded,
        sha256: digest.sha256.clone(),
    }
}

fn item(item: digest::Item) -> DigestItem {
    let mut shown = DigestItem {
        number: item.number,
        ticket_id: item.ticket_id.to_string(),
        question: Some(item.question),
        state: DigestItemState::Gathered.into(),
        ..DigestItem::default()
    };
    if let State::Ended { how, by, at } = item.state {
        let state = match how {
            Ending::Answered { text } => {
                shown.answer = text;
                DigestItemState::Answered
            }
            Ending::Returned { reason } => {
                shown.reason = reason;
                DigestItemState::Returned
            }
            Ending::Withdrawn { reason } => {
                shown.reason = reason;
                DigestItemState::Withdrawn
            }
        };
        shown.set_state(state);
        shown.ended_by = by;
        shown.ended_at = Some(api::timestamp(at));
    }
    shown
}

fn response((ended, waiting): (digest::Item, u32)) -> ItemResponse {
    ItemResponse { item: Some(item(ended)), waiting }
}

fn imported(number: u32, outcome: &Imported) -> ImportedItem {
    let (outcome, reason, message) = match outcome {
        Imported::Answered => (ImportOutcome::Answered, "", String::new()),
        Imported::Returned => (ImportOutcome::Returned, "", String::new()),
        Imported::Unchanged => (ImportOutcome::Unchanged, "", String::new()),
        Imported::Refused(refusal) => (ImportOutcome::Refused, refusal.reason(), refusal.to_string()),
    };
    ImportedItem { number, outcome: outcome.into(), reason: reason.to_owned(), message }
}
