//! `KnowledgeService` on the wire: who may call, and which shape things have there.

mod editing;

use api::knowledge::v1::{
    FindReusableRequest, FindReusableResponse, GetIndexStatusRequest, GetIndexStatusResponse,
    ImportAnswersRequest, ImportAnswersResponse, Neighbour, RankOwnersRequest, RankOwnersResponse,
    ReindexRequest, ReindexResponse, SearchRequest, SearchResponse, SearchResult, Verdict,
    knowledge_service_server::KnowledgeService,
};
use runtime::{RoleName, require};
use tonic::{Request, Response, Status};

use crate::{
    matching,
    service::{Knowledge, TEXT_MAX, first, small},
};

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
        }))
    }

    async fn reindex(&self, request: Request<ReindexRequest>) -> Result<Response<ReindexResponse>, Status> {
        require(&request, &[RoleName::Operator])?;
        Ok(Response::new(ReindexResponse { passages: small(Knowledge::reindex(self).await?) }))
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
