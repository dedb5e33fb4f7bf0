//! Calls a running platform's gRPC.

use std::path::PathBuf;

use anyhow::Context as _;
use api::{
    analytics::v1::{
        ListDeadLettersRequest, ListNoticesRequest, NoticeState, RedriveDeadLettersRequest,
        ReplayNoticesRequest, analytics_service_client::AnalyticsServiceClient,
        notice_service_client::NoticeServiceClient,
    },
    answering::v1::{
        BackTest, FileBackTestRequest, ImportAnswersRequest as ImportDigestAnswersRequest,
        ImportAnswersResponse as ImportDigestAnswersResponse, ListJudgementsRequest, ListJudgementsResponse,
        automation_service_client::AutomationServiceClient, digest_service_client::DigestServiceClient,
    },
    knowledge::v1::{
        GetIndexStatusRequest, ImportAnswersRequest, ImportAnswersResponse, ListPassagesRequest,
        ListPassagesResponse, PassageState, PutCatalogueItemsRequest, PutCatalogueItemsResponse,
        ReindexRequest, editing_service_client::EditingServiceClient,
        knowledge_service_client::KnowledgeServiceClient,
    },
    routing::v1::{
        ApplyOrganisationRequest, ApplyOrganisationResponse, ExplainRoutingRequest, ExplainRoutingResponse,
        PlanOrganisationRequest, PlanOrganisationResponse, registry_service_client::RegistryServiceClient,
        routing_service_client::RoutingServiceClient,
    },
};
use runtime::{Principal, RoleName};
use tonic::{
    Request,
    metadata::MetadataValue,
    transport::{Channel, Endpoint},
};

use crate::{data_dir, output::say, settings::Settings};

/// Things in one call.
const PASSAGES: u32 = 100;
const JUDGEMENTS: u32 = 200;

/// Which platform.
#[derive(clap::Args)]
// Flattened into other commands' arguments, whose group has this name already.
#[group(skip)]
pub struct Args {
    /// The data folder of the `up` to call.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The gRPC address to call instead, like `http://knowledge:50051`; the configured key signs.
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    server: Option<String>,
}

impl Args {
    pub fn connect(&self, settings: &Settings) -> anyhow::Result<Client> {
        let (url, dir) = match (&self.server, &self.data) {
            (Some(url), _) => (url.clone(), None),
            (None, data) => {
                let dir = data.clone().unwrap_or_else(data_dir::default_dir);
                (data_dir::endpoints(&dir)?.grpc, Some(dir))
            }
        };
        Client::new(&url, &data_dir::token_key(dir.as_deref(), settings)?)
    }
}

/// A platform, called as its operator.
pub struct Client {
    channel: Channel,
    bearer: MetadataValue<tonic::metadata::Ascii>,
}

impl Client {
    pub fn new(url: &str, key: &runtime::Secret) -> anyhow::Result<Self> {
        let operator = Principal { subject: "motcua-cli".to_owned(), role: RoleName::Operator, unit: None };
        let now = runtime::Clock::system().now();
        let token = runtime::Tokens::try_new(key)?.sign(&operator, chrono::Duration::hours(12), now)?;
        let channel = Endpoint::from_shared(url.to_owned()).context("the server's address")?.connect_lazy();
        Ok(Self { channel, bearer: format!("Bearer {token}").parse()? })
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub async fn import(
        &self,
        request: ImportAnswersRequest,
    ) -> Result<ImportAnswersResponse, tonic::Status> {
        let mut knowledge = KnowledgeServiceClient::new(self.channel.clone());
        Ok(knowledge.import_answers(self.signed(request)).await?.into_inner())
    }

    pub async fn put_catalogue_items(
        &self,
        request: PutCatalogueItemsRequest,
    ) -> Result<PutCatalogueItemsResponse, tonic::Status> {
        let mut editing = EditingServiceClient::new(self.channel.clone());
        Ok(editing.put_catalogue_items(self.signed(request)).await?.into_inner())
    }

    /// A page of what is published.
    pub async fn passages(&self, page_token: String) -> Result<ListPassagesResponse, tonic::Status> {
        let mut editing = EditingServiceClient::new(self.channel.clone());
        let state = PassageState::Published.into();
        let request = ListPassagesRequest { limit: PASSAGES, page_token, state };
        Ok(editing.list_passages(self.signed(request)).await?.into_inner())
    }

    /// A page of what was made of drafts.
    pub async fn judgements(&self, page_token: String) -> Result<ListJudgementsResponse, tonic::Status> {
        let mut automation = AutomationServiceClient::new(self.channel.clone());
        let request = ListJudgementsRequest { limit: JUDGEMENTS, page_token, automation: false };
        Ok(automation.list_judgements(self.signed(request)).await?.into_inner())
    }

    pub async fn file_back_test(&self, request: FileBackTestRequest) -> Result<BackTest, tonic::Status> {
        let mut automation = AutomationServiceClient::new(self.channel.clone());
        let filed = automation.file_back_test(self.signed(request)).await?.into_inner();
        Ok(filed.back_test.unwrap_or_default())
    }

    /// Passages that the index does not have yet.
    pub async fn index_behind(&self) -> Result<u32, tonic::Status> {
        let mut knowledge = KnowledgeServiceClient::new(self.channel.clone());
        Ok(knowledge.get_index_status(self.signed(GetIndexStatusRequest {})).await?.into_inner().behind)
    }

    pub async fn reindex(&self) -> anyhow::Result<()> {
        let mut knowledge = KnowledgeServiceClient::new(self.channel.clone());
        let passages = knowledge.reindex(self.signed(ReindexRequest {})).await?.into_inner().passages;
        say(&format!("{passages} passages are being indexed again"))
    }

    pub async fn explain(
        &self,
        request: ExplainRoutingRequest,
    ) -> Result<ExplainRoutingResponse, tonic::Status> {
        let mut routing = RoutingServiceClient::new(self.channel.clone());
        Ok(routing.explain_routing(self.signed(request)).await?.into_inner())
    }

    pub async fn plan(
        &self,
        request: PlanOrganisationRequest,
    ) -> Result<PlanOrganisationResponse, tonic::Status> {
        let mut registry = RegistryServiceClient::new(self.channel.clone());
        Ok(registry.plan_organisation(self.signed(request)).await?.into_inner())
    }

    pub async fn apply(
        &self,
        request: ApplyOrganisationRequest,
    ) -> Result<ApplyOrganisationResponse, tonic::Status> {
        let mut registry = RegistryServiceClient::new(self.channel.clone());
        Ok(registry.apply_organisation(self.signed(request)).await?.into_inner())
    }

    pub async fn dead_letters(&self) -> anyhow::Result<()> {
        let mut analytics = AnalyticsServiceClient::new(self.channel.clone());
        let request = self.signed(ListDeadLettersRequest { limit: 0 });
        for letter in analytics.list_dead_letters(request).await?.into_inner().dead_letters {
            say(&serde_json::to_string(&letter)?)?;
        }
        Ok(())
    }

    pub async fn redrive(&self, consumer: Option<String>) -> anyhow::Result<()> {
        let mut analytics = AnalyticsServiceClient::new(self.channel.clone());
        let request =
            RedriveDeadLettersRequest { consumer: consumer.unwrap_or_default(), event_id: String::new() };
        let redriven = analytics.redrive_dead_letters(self.signed(request)).await?.into_inner().redriven;
        say(&format!("{redriven} dead letters were handed out again"))
    }

    pub async fn import_digest(
        &self,
        request: ImportDigestAnswersRequest,
    ) -> Result<ImportDigestAnswersResponse, tonic::Status> {
        let mut digests = DigestServiceClient::new(self.channel.clone());
        Ok(digests.import_answers(self.signed(request)).await?.into_inner())
    }

    /// Prints notices of a state, the newest first.
    pub async fn notices(&self, state: NoticeState) -> anyhow::Result<()> {
        let mut notices = NoticeServiceClient::new(self.channel.clone());
        let request = ListNoticesRequest { state: state.into(), ..Default::default() };
        for notice in notices.list_notices(self.signed(request)).await?.into_inner().notices {
            say(&serde_json::to_string(&notice)?)?;
        }
        Ok(())
    }

    pub async fn replay(&self, request: ReplayNoticesRequest) -> anyhow::Result<()> {
        let mut notices = NoticeServiceClient::new(self.channel.clone());
        let replayed = notices.replay_notices(self.signed(request)).await?.into_inner().replayed;
        say(&format!("{replayed} notices are sent again"))
    }

    /// As the operator.
    pub fn signed<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.bearer.clone());
        request
    }
}
