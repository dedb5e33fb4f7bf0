use std::sync::Arc;

use api::{
    analytics::v1::{
        analytics_service_client::AnalyticsServiceClient, notice_service_client::NoticeServiceClient,
        overview_service_client::OverviewServiceClient,
    },
    answering::v1::{
        answering_service_client::AnsweringServiceClient, automation_service_client::AutomationServiceClient,
        digest_service_client::DigestServiceClient, moving_service_client::MovingServiceClient,
        review_service_client::ReviewServiceClient, saved_reply_service_client::SavedReplyServiceClient,
    },
    intake::v1::{
        intake_service_client::IntakeServiceClient, report_service_client::ReportServiceClient,
        subscription_service_client::SubscriptionServiceClient,
        verification_service_client::VerificationServiceClient,
    },
    knowledge::v1::{
        editing_service_client::EditingServiceClient, knowledge_service_client::KnowledgeServiceClient,
    },
    routing::v1::{
        account_service_client::AccountServiceClient, custody_service_client::CustodyServiceClient,
        registry_service_client::RegistryServiceClient, routing_service_client::RoutingServiceClient,
    },
};
use runtime::{Context, Peer};
use tokio::sync::Semaphore;

use crate::{
    config::Config,
    demands::{self, Demands},
    limits::Limits,
    oidc::Provider,
    organisation::{self, Organisation},
    overviews::Overviews,
    shelf::Shelf,
    standing::Standing,
};

/// What every handler needs; cheap to clone.
#[derive(Clone)]
pub(crate) struct Gateway(Arc<Inner>);

struct Inner {
    context: Context,
    config: Config,
    organisation: organisation::Cache,
    overviews: Overviews,
    shelf: Shelf,
    places: Semaphore,
    uploads: Semaphore,
    limits: Limits,
    provider: Option<Provider>,
    asker_provider: Option<Provider>,
    demands: demands::Cache,
    standing: Standing,
}

impl Gateway {
    pub fn try_new(context: Context, config: Config) -> anyhow::Result<Self> {
        config.check()?;
        let places = Semaphore::new(config.concurrency_max);
        let uploads = Semaphore::new(config.uploads_max);
        let limits = Limits::new(&config);
        let organisation = organisation::Cache::default();
        let provider = Provider::of_officers(&config.oidc)?;
        let asker_provider = Provider::of_askers(&config.asker_oidc)?;
        let demands = demands::Cache::default();
        let standing = Standing::default();
        let overviews = Overviews::new(&config);
        let shelf = Shelf::default();
        let inner = Inner {
            context,
            config,
            organisation,
            overviews,
            shelf,
            places,
            uploads,
            limits,
            provider,
            asker_provider,
            demands,
            standing,
        };
        Ok(Self(Arc::new(inner)))
    }

    pub fn context(&self) -> &Context {
        &self.0.context
    }

    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The places for requests handled at once.
    pub fn places(&self) -> &Semaphore {
        &self.0.places
    }

    /// The places for forms with photos, each of which is held in memory for a while.
    pub fn uploads(&self) -> &Semaphore {
        &self.0.uploads
    }

    /// How much one client may ask.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The agency's own accounts, if a provider of them is configured.
    pub fn provider(&self) -> Option<&Provider> {
        self.0.provider.as_ref()
    }

    /// Who says who askers are, if a provider is configured.
    pub fn asker_provider(&self) -> Option<&Provider> {
        self.0.asker_provider.as_ref()
    }

    /// What kinds of questions demand of their askers, at most a minute old.
    pub async fn demands(&self) -> Arc<Demands> {
        self.0.demands.get(self).await
    }

    /// Who may still act, and for which unit.
    pub fn standing(&self) -> &Standing {
        &self.0.standing
    }

    /// The registry of units and fields, at most some seconds old.
    pub async fn organisation(&self) -> Arc<Organisation> {
        self.0.organisation.get(self).await
    }

    /// The leader's figures.
    pub fn overviews(&self) -> &Overviews {
        &self.0.overviews
    }

    /// Pages of the library.
    pub fn shelf(&self) -> &Shelf {
        &self.0.shelf
    }

    /// A request that gives up when the HTTP request would.
    pub fn ask<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.set_timeout(self.0.config.timeout());
        request
    }

    pub fn intake(&self, bearer: Option<&str>) -> IntakeServiceClient<Peer> {
        IntakeServiceClient::new(self.0.context.peer_as("intake", bearer))
    }

    /// As [`Self::intake`], for what only the gateway itself may say: who the asker is.
    pub fn intake_as_gateway(&self) -> IntakeServiceClient<Peer> {
        IntakeServiceClient::new(self.0.context.peer("intake"))
    }

    /// How sure it is who asks.
    pub fn verification(&self) -> VerificationServiceClient<Peer> {
        VerificationServiceClient::new(self.0.context.peer_as("intake", None))
    }

    /// Reports from the field.
    pub fn reports(&self, bearer: Option<&str>) -> ReportServiceClient<Peer> {
        ReportServiceClient::new(self.0.context.peer_as("intake", bearer))
    }

    /// Being written of what is published.
    pub fn subscriptions(&self) -> SubscriptionServiceClient<Peer> {
        SubscriptionServiceClient::new(self.0.context.peer_as("intake", None))
    }

    pub fn routing(&self, bearer: Option<&str>) -> RoutingServiceClient<Peer> {
        RoutingServiceClient::new(self.0.context.peer_as("routing", bearer))
    }

    /// Of agencies, units and fields.
    pub fn registry(&self, bearer: Option<&str>) -> RegistryServiceClient<Peer> {
        RegistryServiceClient::new(self.0.context.peer_as("routing", bearer))
    }

    /// Of local accounts.
    pub fn accounts(&self, bearer: Option<&str>) -> AccountServiceClient<Peer> {
        AccountServiceClient::new(self.0.context.peer_as("routing", bearer))
    }

    /// As [`Self::accounts`], for what only the gateway itself may ask.
    pub fn accounts_as_gateway(&self) -> AccountServiceClient<Peer> {
        AccountServiceClient::new(self.0.context.peer("routing"))
    }

    pub fn answering(&self, bearer: Option<&str>) -> AnsweringServiceClient<Peer> {
        AnsweringServiceClient::new(self.0.context.peer_as("answering", bearer))
    }

    /// Sending without a hand.
    pub fn automation(&self, bearer: Option<&str>) -> AutomationServiceClient<Peer> {
        AutomationServiceClient::new(self.0.context.peer_as("answering", bearer))
    }

    /// Handing questions on, and units' parts of answers.
    pub fn moving(&self, bearer: Option<&str>) -> MovingServiceClient<Peer> {
        MovingServiceClient::new(self.0.context.peer_as("answering", bearer))
    }

    /// How replies read, and their approval by two persons.
    pub fn review(&self, bearer: Option<&str>) -> ReviewServiceClient<Peer> {
        ReviewServiceClient::new(self.0.context.peer_as("answering", bearer))
    }

    /// Replies that units have saved.
    pub fn saved_replies(&self, bearer: Option<&str>) -> SavedReplyServiceClient<Peer> {
        SavedReplyServiceClient::new(self.0.context.peer_as("answering", bearer))
    }

    /// Who has had a question.
    pub fn custody(&self, bearer: Option<&str>) -> CustodyServiceClient<Peer> {
        CustodyServiceClient::new(self.0.context.peer_as("routing", bearer))
    }

    pub fn knowledge(&self, bearer: Option<&str>) -> KnowledgeServiceClient<Peer> {
        KnowledgeServiceClient::new(self.0.context.peer_as("knowledge", bearer))
    }

    /// The editors' side of knowledge.
    pub fn editing(&self, bearer: Option<&str>) -> EditingServiceClient<Peer> {
        EditingServiceClient::new(self.0.context.peer_as("knowledge", bearer))
    }

    /// Questions for working groups outside.
    pub fn digests(&self, bearer: Option<&str>) -> DigestServiceClient<Peer> {
        DigestServiceClient::new(self.0.context.peer_as("answering", bearer))
    }

    /// What was told to somebody outside.
    pub fn notices(&self, bearer: Option<&str>) -> NoticeServiceClient<Peer> {
        NoticeServiceClient::new(self.0.context.peer_as("analytics", bearer))
    }

    /// The leader's figures, and the tickets behind them.
    pub fn overview(&self, bearer: Option<&str>) -> OverviewServiceClient<Peer> {
        OverviewServiceClient::new(self.0.context.peer_as("analytics", bearer))
    }

    pub fn analytics(&self, bearer: Option<&str>) -> AnalyticsServiceClient<Peer> {
        AnalyticsServiceClient::new(self.0.context.peer_as("analytics", bearer))
    }
}
