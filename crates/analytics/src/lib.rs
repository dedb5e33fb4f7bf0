//! Hears every event, keeps flat [`fact`]s and where each [`ticket`] stands, answers reports over
//! them; shows what is under way or stuck between the services. Owns nothing that others need.

mod events;
mod fact;
mod grpc;
mod listing;
mod notices;
mod overview;
mod overviewing;
mod report;
mod service;
mod storage;
mod succession;
mod ticket;
mod webhook;

use api::{
    analytics::v1::{
        analytics_service_server::AnalyticsServiceServer, notice_service_server::NoticeServiceServer,
        overview_service_server::OverviewServiceServer,
    },
    answering::v1::{
        AnswerApproved, AnswerDrafted, CoAnswerChanged, FamilyJoined, FamilyLeft, QuestionReturned,
    },
    intake::v1::{AnswerRated, QuestionReopened, QuestionSubmitted},
    knowledge::v1::{
        AnswerCorrected, AnswerSuperseded, AnswerValidityChanged, AnswerWithdrawn, QuestionsAlike,
        ReviewOpened,
    },
    routing::v1::{DeadlineChanged, DeadlineReached, QuestionRouted},
};
use runtime::{Context, Role};
use serde::{Deserialize, Serialize};

use crate::{
    events::{Hearing, hear, hear_organisation},
    grpc::Grpc,
    service::Analytics,
    webhook::Webhooks,
};

/// The schema this crate owns.
pub const SCHEMA: &str = "analytics";

/// Makes the tables of [`SCHEMA`].
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The longest time a report may look back, in days, 30 to 366.
    pub report_days_max: u32,
    /// Receivers of facts.
    pub webhooks: Vec<webhook::Webhook>,
}

impl Default for Config {
    fn default() -> Self {
        Self { report_days_max: 366, webhooks: Vec::new() }
    }
}

/// Every RPC this service serves and every event it hears.
#[expect(clippy::unused_async, reason = "every service has the same door")]
pub async fn role(ctx: &Context, config: Config) -> anyhow::Result<Role> {
    let webhooks = Webhooks::try_new(config.webhooks.clone())?;
    let analytics = Analytics::try_new(ctx, config)?;
    let role = Role::named("analytics")
        .serves(AnalyticsServiceServer::new(Grpc(analytics.clone())))
        .serves(OverviewServiceServer::new(Grpc(analytics.clone())))
        .serves(NoticeServiceServer::new(Grpc(analytics)));
    let role = webhooks.run(ctx, role)?;
    Ok(hearers(&Hearing { pool: ctx.pool.clone(), webhooks }).into_iter().fold(role, Role::hears))
}

fn hearers(hearing: &Hearing) -> [bus::Hearer; 19] {
    [
        hear::<QuestionSubmitted>(hearing),
        hear::<QuestionRouted>(hearing),
        hear::<AnswerDrafted>(hearing),
        hear::<AnswerApproved>(hearing),
        hear::<QuestionReturned>(hearing),
        hear::<AnswerRated>(hearing),
        hear::<QuestionReopened>(hearing),
        hear::<AnswerCorrected>(hearing),
        hear::<AnswerWithdrawn>(hearing),
        hear::<AnswerSuperseded>(hearing),
        hear::<AnswerValidityChanged>(hearing),
        hear::<ReviewOpened>(hearing),
        hear::<QuestionsAlike>(hearing),
        hear::<FamilyJoined>(hearing),
        hear::<FamilyLeft>(hearing),
        hear::<DeadlineChanged>(hearing),
        hear::<DeadlineReached>(hearing),
        hear_organisation(hearing),
        hear::<CoAnswerChanged>(hearing),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sqlx::PgPool;

    use super::*;

    #[tokio::test]
    async fn every_event_is_heard() {
        let pool = PgPool::connect_lazy("postgres://nobody@localhost/none").unwrap();
        let hearing = Hearing { pool, webhooks: Webhooks::default() };
        let heard: BTreeSet<String> = hearers(&hearing).iter().map(|h| h.consumer().to_owned()).collect();
        let stated = api::ALL_EVENTS.iter().map(|name| {
            let name = name();
            format!("analytics-{}", name.rsplit('.').next().unwrap())
        });
        assert_eq!(heard, stated.collect());
    }
}
