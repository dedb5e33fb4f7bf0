//! Which unit answers, and by when. What it is unsure of goes to the dispatcher's desk, which is a
//! unit like any other: nothing waits where nobody looks.

mod assignment;
mod calendar;
mod choice;
mod deadline;
mod deadlines;
mod events;
mod grpc;
mod holidays;
mod organisation;
mod policy;
mod service;
mod storage;
mod sweep;

use std::path::PathBuf;

use api::routing::v1::routing_service_server::RoutingServiceServer;
use runtime::{Context, Role};
use serde::{Deserialize, Serialize};

use crate::{grpc::Grpc, service::Routing};

/// The schema this crate owns.
pub const SCHEMA: &str = "routing";

/// Makes the tables of [`SCHEMA`].
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file of agencies, units and fields; it names the one of deadlines.
    pub organisation: PathBuf,
    /// How many answered questions vote on the field, 1 to 50.
    pub neighbours: u32,
    /// A neighbour votes if its cosine similarity, 0 to 1, is at least this …
    pub neighbour_score_min: f64,
    /// … or if it is the same question with at least this probability, 0 to 1.
    pub neighbour_probability_min: f64,
    /// The share of the votes, 0 to 1, that a field needs; below it the desk decides.
    pub share_min: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            organisation: PathBuf::new(),
            neighbours: 10,
            neighbour_score_min: 0.88,
            neighbour_probability_min: 0.2,
            share_min: 0.6,
        }
    }
}

/// Every RPC this service serves and every event it hears.
pub fn role(ctx: &Context, config: Config) -> anyhow::Result<Role> {
    let routing = Routing::open(ctx, config)?;
    let (submitted, returned) = (routing.clone(), routing.clone());
    let (reopened, approved) = (routing.clone(), routing.clone());
    let sweep = routing.clone().run_sweep(ctx.shutdown.clone());
    Ok(Role::named("routing")
        .serves(RoutingServiceServer::new(Grpc(routing)))
        .hears(bus::hearer("routing", move |event| {
            let routing = submitted.clone();
            async move { routing.on_question_submitted(event).await }
        }))
        .hears(bus::hearer("routing", move |event| {
            let routing = returned.clone();
            async move { routing.on_question_returned(event).await }
        }))
        .hears(bus::hearer("routing", move |event| {
            let routing = reopened.clone();
            async move { routing.on_question_reopened(event).await }
        }))
        .hears(bus::hearer("routing", move |event| {
            let routing = approved.clone();
            async move { routing.on_answer_approved(event).await }
        }))
        .runs("deadlines", sweep))
}
