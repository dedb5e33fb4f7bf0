//! `KnowledgeService` on the wire: who may call, and which shape things have there.

mod editing;

use std::sync::atomic::Ordering::Relaxed;

use api::knowledge::v1::{
    FieldCount, FindReusableRequest, FindReusableResponse, GetIndexStatusRequest, GetIndexStatusResponse,
    GetLibraryVersionRequest, GetLibraryVersionResponse, GetPublishedRequest, HotPassage,
    ImportAnswersRequest, ImportAnswersResponse, ListHotRequest, ListHotResponse, ListPublishedRequest,
    ListPublishedResponse, Neighbour, NoteAnsweredRequest, NoteAnsweredResponse, PublishedPassage,
    RankOwnersRequest, RankOwnersResponse, ReindexRequest, ReindexResponse, SearchRequest, SearchResponse,
    SearchResult, Verdict, knowledge_service_server::KnowledgeService,
};
use runtime::{RoleName, require};
use tonic::{Request, Response, Status};

use crate::{
    library,
    life::State,
    matching,
    service::{Knowledge, TEXT_MAX, first, small},
    storage::life::Shown,
};

/// Characters of a text in a list.
pub const EXCERPT: usize = 300;

#[tonic::async_trait]
impl KnowledgeService for Knowledge {
    async fn search(&self, request: Request<SearchRequest>) -> Result<Response<SearchResponse>, Status> {
        let SearchRequest { q, limit, field } = request.into_inner();
        let found = self.find("q", &q, &field, limit).await?;
        let results = found.neighbours.into_iter().map(search_result).collect();
        Ok(Response::new(SearchResponse { results }))
    }

    async fn find_reusable(
        &self,
        request: Request<FindReusableRequest>,
    ) -> Result<Response<FindReusableResponse>, Status> {
        use RoleName::{Dispatcher, Officer, Operator, Service};
        require(&request, &[Service, Officer, Dispatcher, Operator])?;
        let FindReusableRequest { text, limit } = request.into_inner();
        let found = self.find("text", &first(&text, TEXT_MAX), "", limit).await?;
        let matching::Found { verdict, neighbours } = found;
        let verdict = Verdict {
            band: verdict.band.into(),
            probability: verdict.probability,
            reasons: verdict.reasons,
            calibration: self.matcher.calibration.fingerprint.clone(),
        };
        let neighbours = neighbours.into_iter().map(neighbour).collect();
        Ok(Response::new(FindReusableResponse { verdict: Some(verdict), neighbours }))
    }

    async fn rank_owners(
        &self,
        request: Request<RankOwnersRequest>,
    ) -> Result<Response<RankOwnersResponse>, Status> {
        require(&request, &[RoleName::Service, RoleName::Dispatcher, RoleName::Operator])?;
        let text = first(&request.into_inner().text, TEXT_MAX);
        Ok(Response::new(RankOwnersResponse { owners: Knowledge::rank_owners(self, &text).await? }))
    }

    async fn import_answers(
        &self,
        request: Request<ImportAnswersRequest>,
    ) -> Result<Response<ImportAnswersResponse>, Status> {
        let by = require(&request, &[RoleName::Editor, RoleName::Operator, RoleName::Service])?.subject;
        Ok(Response::new(self.import(&by, request.into_inner().answers).await?))
    }

    async fn get_index_status(
        &self,
        _: Request<GetIndexStatusRequest>,
    ) -> Result<Response<GetIndexStatusResponse>, Status> {
        let status = self.status().await?;
        Ok(Response::new(GetIndexStatusResponse {
            behind: small(status.behind),
            indexed: small(status.indexed),
            model: self.matcher.embedder.id().to_owned(),
            outside_graph: small(self.outside_graph.load(Relaxed)),
        }))
    }

    async fn reindex(&self, request: Request<ReindexRequest>) -> Result<Response<ReindexResponse>, Status> {
        require(&request, &[RoleName::Operator])?;
        Ok(Response::new(ReindexResponse { passages: small(Knowledge::reindex(self).await?) }))
    }

    async fn list_published(
        &self,
        request: Request<ListPublishedRequest>,
    ) -> Result<Response<ListPublishedResponse>, Status> {
        let ListPublishedRequest { limit, page_token, field } = request.into_inner();
        let library::Library { page, fields } =
            Knowledge::list_published(self, &field, &page_token, limit).await?;
        let next = page.items.last().filter(|_| page.more).map(library::token);
        let field = |(field, answers)| FieldCount { field, answers: small(answers) };
        Ok(Response::new(ListPublishedResponse {
            passages: page.items.into_iter().map(published_excerpt).collect(),
            next_page_token: next.unwrap_or_default(),
            fields: fields.into_iter().map(field).collect(),
        }))
    }

    async fn get_published(
        &self,
        request: Request<GetPublishedRequest>,
    ) -> Result<Response<PublishedPassage>, Status> {
        Ok(Response::new(published(Knowledge::get_published(self, &request.into_inner().id).await?)))
    }

    async fn get_library_version(
        &self,
        _: Request<GetLibraryVersionRequest>,
    ) -> Result<Response<GetLibraryVersionResponse>, Status> {
        let (version, changes_at) = self.library_version().await?;
        Ok(Response::new(GetLibraryVersionResponse { version, changes_at: changes_at.map(api::timestamp) }))
    }

    async fn list_hot(&self, request: Request<ListHotRequest>) -> Result<Response<ListHotResponse>, Status> {
        let ListHotRequest { limit, days } = request.into_inner();
        let hot = Knowledge::list_hot(self, limit, days).await?;
        let hot = hot.into_iter().map(|(shown, times)| HotPassage {
            passage: Some(published_excerpt(shown)),
            times: small(times.all),
            times_on_whole_days: small(times.on_whole_days),
            times_before: small(times.before),
        });
        Ok(Response::new(ListHotResponse { passages: hot.collect() }))
    }

    async fn note_answered(
        &self,
        request: Request<NoteAnsweredRequest>,
    ) -> Result<Response<NoteAnsweredResponse>, Status> {
        Knowledge::note_answered(self, &request.into_inner().id).await?;
        Ok(Response::new(NoteAnsweredResponse {}))
    }
}

pub fn published_excerpt(shown: Shown) -> PublishedPassage {
    let passage = published(shown);
    let (question, answer) = (first(&passage.question, EXCERPT), first(&passage.answer, EXCERPT));
    PublishedPassage { question, answer, ..passage }
}

fn published(shown: Shown) -> PublishedPassage {
    let Shown { kept, reusable, updated_at, .. } = shown;
    let withdrawn = matches!(kept.state, State::Withdrawn { .. });
    let superseded_by = match kept.state {
        State::Superseded { by_id, .. } => by_id,
        State::Published | State::Withdrawn { .. } => String::new(),
    };
    let passage = kept.passage;
    PublishedPassage {
        id: passage.id,
        question: passage.question,
        answer: if withdrawn { String::new() } else { passage.answer },
        field: passage.field,
        unit: passage.unit,
        source: passage.source,
        updated_at: Some(api::timestamp(updated_at)),
        in_force: reusable,
        withdrawn,
        superseded_by,
        valid_until: kept.validity.until.map(api::timestamp),
        version: kept.version,
        basis: kept.basis,
    }
}

fn search_result(found: matching::Neighbour) -> SearchResult {
    let passage = found.passage;
    SearchResult {
        id: passage.id,
        question: passage.question,
        answer: passage.answer,
        field: passage.field,
        score: found.cosine,
        unit: passage.unit,
        source: passage.source,
        probability: found.probability,
    }
}

fn neighbour(found: matching::Neighbour) -> Neighbour {
    let passage = found.passage;
    Neighbour {
        id: passage.id,
        question: passage.question,
        answer: passage.answer,
        field: passage.field,
        unit: passage.unit,
        source: passage.source,
        score: found.cosine,
        probability: found.probability,
    }
}
