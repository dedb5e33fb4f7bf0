//! `EditingService` on the wire.

use api::knowledge::v1::{
    CatalogueItem, Contradiction, CorrectAnswerRequest, GetCatalogueItemRequest, GetCatalogueItemResponse,
    GetPassageRequest, GetPassageResponse, ListCatalogueRequest, ListCatalogueResponse,
    ListContradictionsRequest, ListContradictionsResponse, ListPassagesRequest, ListPassagesResponse,
    ListReviewsRequest, ListReviewsResponse, MarkCompatibleRequest, MarkCompatibleResponse,
    MergeAnswersRequest, Passage, PassageState, PassageVersion, PutCatalogueItemsRequest,
    PutCatalogueItemsResponse, ReviewTask, SetValidityRequest, SupersedeAnswerRequest, WithdrawAnswerRequest,
    editing_service_server::EditingService,
};
use runtime::{
    Refusal,
    RoleName::{self, Dispatcher, Editor, Officer, Operator},
    require,
};
use tonic::{Request, Response, Status};

use crate::{
    catalogue::Item,
    editing::{Edit, Merge},
    grpc::{EXCERPT, published_excerpt},
    life::{State, Step, Validity},
    service::{Knowledge, first},
    storage::life::{Review, Shown, Version},
};

/// Whole answers of one page: they fit into a message.
const WHOLE_MAX: u32 = 25;

const EDITORS: [RoleName; 2] = [Editor, Operator];

#[tonic::async_trait]
impl EditingService for Knowledge {
    async fn get_passage(
        &self,
        request: Request<GetPassageRequest>,
    ) -> Result<Response<GetPassageResponse>, Status> {
        let editor = require(&request, &EDITORS)?;
        let (shown, versions) = Knowledge::get_passage(self, &editor, &request.into_inner().id).await?;
        let versions = versions.into_iter().map(version).collect();
        Ok(Response::new(GetPassageResponse { passage: Some(passage(shown)), versions }))
    }

    async fn list_passages(
        &self,
        request: Request<ListPassagesRequest>,
    ) -> Result<Response<ListPassagesResponse>, Status> {
        let unit = require(&request, &EDITORS)?.unit;
        let state = match request.get_ref().state() {
            PassageState::Unspecified => None,
            PassageState::Published => Some("published"),
            PassageState::Withdrawn => Some("withdrawn"),
            PassageState::Superseded => Some("superseded"),
        };
        let ListPassagesRequest { limit, page_token, whole, .. } = request.into_inner();
        if whole && !(1..=WHOLE_MAX).contains(&limit) {
            let message = format!("limit is 1 to {WHOLE_MAX} with whole texts");
            return Err(Refusal::invalid("limit", "LIMIT_TOO_LARGE", message).into());
        }
        let page = Knowledge::list_passages(self, unit.as_deref(), state, &page_token, limit).await?;
        let last = page.items.last().map(|shown| shown.kept.passage.id.clone());
        Ok(Response::new(ListPassagesResponse {
            next_page_token: last.filter(|_| page.more).unwrap_or_default(),
            passages: page.items.into_iter().map(if whole { passage } else { excerpt }).collect(),
        }))
    }

    async fn correct_answer(
        &self,
        request: Request<CorrectAnswerRequest>,
    ) -> Result<Response<Passage>, Status> {
        let editor = require(&request, &EDITORS)?;
        let CorrectAnswerRequest { id, version, text, reason } = request.into_inner();
        let edit = Edit { id, seen: version, step: Step::Correct { text }, reason };
        Ok(Response::new(passage(self.edit(&editor, edit).await?)))
    }

    async fn supersede_answer(
        &self,
        request: Request<SupersedeAnswerRequest>,
    ) -> Result<Response<Passage>, Status> {
        let editor = require(&request, &EDITORS)?;
        let SupersedeAnswerRequest { id, version, by_id, reason } = request.into_inner();
        let step = Step::Supersede { by_id, reason: reason.clone() };
        let edit = Edit { id, seen: version, step, reason };
        Ok(Response::new(passage(self.edit(&editor, edit).await?)))
    }

    async fn withdraw_answer(
        &self,
        request: Request<WithdrawAnswerRequest>,
    ) -> Result<Response<Passage>, Status> {
        let editor = require(&request, &EDITORS)?;
        let WithdrawAnswerRequest { id, version, reason } = request.into_inner();
        let edit = Edit { id, seen: version, step: Step::Withdraw { reason: reason.clone() }, reason };
        Ok(Response::new(passage(self.edit(&editor, edit).await?)))
    }

    async fn set_validity(&self, request: Request<SetValidityRequest>) -> Result<Response<Passage>, Status> {
        let editor = require(&request, &EDITORS)?;
        let SetValidityRequest { id, version, valid_from, valid_until, basis, reason } = request.into_inner();
        let validity =
            Validity { from: api::time(valid_from.as_ref()), until: api::time(valid_until.as_ref()) };
        let edit = Edit { id, seen: version, step: Step::SetValidity { validity, basis }, reason };
        Ok(Response::new(passage(self.edit(&editor, edit).await?)))
    }

    async fn put_catalogue_items(
        &self,
        request: Request<PutCatalogueItemsRequest>,
    ) -> Result<Response<PutCatalogueItemsResponse>, Status> {
        require(&request, &EDITORS)?;
        Ok(Response::new(Knowledge::put_catalogue_items(self, request.into_inner().items).await?))
    }

    async fn list_catalogue(
        &self,
        request: Request<ListCatalogueRequest>,
    ) -> Result<Response<ListCatalogueResponse>, Status> {
        let kind = request.get_ref().kind();
        let ListCatalogueRequest { limit, page_token, q, .. } = request.into_inner();
        let page = Knowledge::list_catalogue(self, &q, kind, &page_token, limit).await?;
        let last = page.items.last().map(|item| item.id.clone());
        Ok(Response::new(ListCatalogueResponse {
            next_page_token: last.filter(|_| page.more).unwrap_or_default(),
            items: page.items.into_iter().map(item).collect(),
        }))
    }

    async fn get_catalogue_item(
        &self,
        request: Request<GetCatalogueItemRequest>,
    ) -> Result<Response<GetCatalogueItemResponse>, Status> {
        let (found, answers) = Knowledge::get_catalogue_item(self, &request.into_inner().id).await?;
        let answers = answers.into_iter().map(published_excerpt).collect();
        Ok(Response::new(GetCatalogueItemResponse { item: Some(item(found)), answers }))
    }

    async fn merge_answers(
        &self,
        request: Request<MergeAnswersRequest>,
    ) -> Result<Response<Passage>, Status> {
        let editor = require(&request, &EDITORS)?;
        let MergeAnswersRequest { id, version, other_id, other_version, text, reason } = request.into_inner();
        let merge = Merge { id, seen: version, other_id, other_seen: other_version, text, reason };
        Ok(Response::new(passage(Knowledge::merge_answers(self, &editor, merge).await?)))
    }

    async fn list_reviews(
        &self,
        request: Request<ListReviewsRequest>,
    ) -> Result<Response<ListReviewsResponse>, Status> {
        let caller = require(&request, &[Editor, Operator, Officer, Dispatcher])?;
        let ListReviewsRequest { limit, page_token } = request.into_inner();
        let page = Knowledge::list_reviews(self, caller.unit.as_deref(), &page_token, limit).await?;
        let last = page.items.last().map(|review| review.passage_id.clone());
        Ok(Response::new(ListReviewsResponse {
            next_page_token: last.filter(|_| page.more).unwrap_or_default(),
            tasks: page.items.into_iter().map(review).collect(),
        }))
    }

    async fn list_contradictions(
        &self,
        request: Request<ListContradictionsRequest>,
    ) -> Result<Response<ListContradictionsResponse>, Status> {
        require(&request, &EDITORS)?;
        let ListContradictionsRequest { limit, page_token } = request.into_inner();
        let after = parse_pair(&page_token)?;
        let page = Knowledge::list_contradictions(self, after, limit).await?;
        let last = page.items.last();
        let token = last.map(|(left, right, _)| pair_token(&left.kept.passage.id, &right.kept.passage.id));
        let contradictions = page.items.into_iter().map(|(left, right, found_at)| Contradiction {
            left: Some(excerpt(left)),
            right: Some(excerpt(right)),
            found_at: Some(api::timestamp(found_at)),
        });
        Ok(Response::new(ListContradictionsResponse {
            contradictions: contradictions.collect(),
            next_page_token: token.filter(|_| page.more).unwrap_or_default(),
        }))
    }

    async fn mark_compatible(
        &self,
        request: Request<MarkCompatibleRequest>,
    ) -> Result<Response<MarkCompatibleResponse>, Status> {
        let by = require(&request, &EDITORS)?.subject;
        let MarkCompatibleRequest { left_id, right_id, reason } = request.into_inner();
        Knowledge::mark_compatible(self, &by, (&left_id, &right_id), &reason).await?;
        Ok(Response::new(MarkCompatibleResponse {}))
    }
}

/// An id may hold any character, so the first one's length tells where it ends.
fn pair_token(left: &str, right: &str) -> String {
    format!("{}:{left}{right}", left.len())
}

fn parse_pair(token: &str) -> Result<(&str, &str), Refusal> {
    let parse = || {
        let (length, ids) = token.split_once(':')?;
        ids.split_at_checked(length.parse().ok()?)
    };
    let message = "pageToken is not one that was given out";
    let pair = if token.is_empty() { Some(("", "")) } else { parse() };
    pair.ok_or_else(|| Refusal::invalid("pageToken", "PAGE_TOKEN_NOT_VALID", message))
}

fn passage(shown: Shown) -> Passage {
    let kept = shown.kept;
    let (state, superseded_by) = match kept.state {
        State::Published => (PassageState::Published, String::new()),
        State::Withdrawn { .. } => (PassageState::Withdrawn, String::new()),
        State::Superseded { by_id, .. } => (PassageState::Superseded, by_id),
    };
    Passage {
        id: kept.passage.id,
        version: kept.version,
        state: state.into(),
        question: kept.passage.question,
        answer: kept.passage.answer,
        field: kept.passage.field,
        unit: kept.passage.unit,
        source: kept.passage.source,
        valid_from: kept.validity.from.map(api::timestamp),
        valid_until: kept.validity.until.map(api::timestamp),
        basis: kept.basis,
        superseded_by,
        copy_of: kept.copy_of.unwrap_or_default(),
        reusable: shown.reusable,
        updated_at: Some(api::timestamp(shown.updated_at)),
    }
}

fn excerpt(shown: Shown) -> Passage {
    let mut passage = passage(shown);
    passage.question = first(&passage.question, EXCERPT);
    passage.answer = first(&passage.answer, EXCERPT);
    passage
}

fn version(version: Version) -> PassageVersion {
    PassageVersion {
        version: version.version,
        change: version.change.into(),
        by: version.by,
        at: Some(api::timestamp(version.at)),
        reason: version.reason,
        answer: version.answer,
    }
}

fn item(item: Item) -> CatalogueItem {
    CatalogueItem {
        id: item.id,
        kind: item.kind.into(),
        number: item.number,
        title: item.title,
        url: item.url,
        valid_from: item.validity.from.map(api::timestamp),
        valid_until: item.validity.until.map(api::timestamp),
        unit: item.unit,
    }
}

fn review(review: Review) -> ReviewTask {
    ReviewTask {
        passage_id: review.passage_id,
        reason: review.reason.into(),
        unit: review.unit,
        opened_at: Some(api::timestamp(review.opened_at)),
        question: first(&review.question, EXCERPT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_reads_back_and_noise_is_refused() {
        assert_eq!(parse_pair(&pair_token("a:1", "é")).unwrap(), ("a:1", "é"));
        assert_eq!(parse_pair("").unwrap(), ("", ""));
        for noise in ["a", "9:ab", "1:é", "-1:a"] {
            assert_eq!(parse_pair(noise).unwrap_err().reason(), "PAGE_TOKEN_NOT_VALID", "{noise}");
        }
    }
}
