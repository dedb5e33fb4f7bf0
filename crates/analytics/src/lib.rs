//! Hears every event, keeps flat [`fact`]s and where each [`ticket`] stands, answers reports over
//! them; shows what is under way or stuck between the services. Owns nothing that others need.

mod events;
mod fact;
mod grpc;
mod report;
mod service;
mod storage;
mod succession;
mod ticket;

use api::{
    analytics::v1::analytics_service_server::AnalyticsServiceServer,
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
use sqlx::PgPool;

use crate::{
    events::{hear, hear_organisation},
    grpc::Grpc,
    service::Analytics,
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
}

impl Default for Config {
    fn default() -> Self {
        Self { report_days_max: 366 }
    }
}

/// Every RPC this service serves and every event it hears.
#[expect(clippy::unused_async, reason = "every service has the same door")]
pub async fn role(ctx: &Context, config: Config) -> anyhow::Result<Role> {
    let analytics = Analytics::try_new(ctx, config)?;
    let role = Role::named("analytics").serves(AnalyticsServiceServer::new(Grpc(analytics)));
    Ok(hearers(&ctx.pool).into_iter().fold(role, Role::hears))
}

fn hearers(pool: &PgPool) -> [bus::Hearer; 18] {
    [
        hear::<QuestionSubmitted>(pool),
        hear::<QuestionRouted>(pool),
        hear::<AnswerDrafted>(pool),
        hear::<AnswerApproved>(pool),
        hear::<QuestionReturned>(pool),
        hear::<AnswerRated>(pool),
        hear::<QuestionReopened>(pool),
        hear::<AnswerCorrected>(pool),
        hear::<AnswerWithdrawn>(pool),
        hear::<AnswerSuperseded>(pool),
        hear::<AnswerValidityChanged>(pool),
        hear::<ReviewOpened>(pool),
        hear::<QuestionsAlike>(pool),
        hear::<FamilyJoined>(pool),
        hear::<FamilyLeft>(pool),
        hear::<DeadlineChanged>(pool),
        hear::<DeadlineReached>(pool),
        hear_organisation(pool),
        hear::<CoAnswerChanged>(pool),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[tokio::test]
    async fn every_event_is_heard() {
        let pool = PgPool::connect_lazy("postgres://nobody@localhost/none").unwrap();
        let heard: BTreeSet<String> = hearers(&pool).iter().map(|h| h.consumer().to_owned()).collect();
        let stated = api::ALL_EVENTS.iter().map(|name| {
            let name = name();
            format!("analytics-{}", name.rsplit('.').next().unwrap())
        });
        assert_eq!(heard, stated.collect());
    }
}
