//! Which unit answers, and by when. What it is unsure of goes to the dispatcher's desk, which is a
//! unit like any other: nothing waits where nobody looks.

mod account;
mod accounts;
mod assignment;
mod calendar;
mod choice;
mod custody;
mod deadline;
mod deadlines;
mod events;
mod grpc;
mod holidays;
mod letters;
mod moves;
mod organisation;
mod password;
mod policy;
mod recompute;
mod registrar;
mod registry;
mod rule;
mod service;
mod storage;
mod suggestion;
mod sweep;

use std::path::PathBuf;

use anyhow::Context as _;
use api::routing::v1::{
    account_service_server::AccountServiceServer, custody_service_server::CustodyServiceServer,
    registry_service_server::RegistryServiceServer, routing_service_server::RoutingServiceServer,
};
use runtime::{Context, Role};
use serde::{Deserialize, Serialize};

use crate::{
    accounts::Accounts,
    grpc::{Grpc, account::AccountGrpc},
    registrar::Registrar,
};

/// The schema this crate owns.
pub const SCHEMA: &str = "routing";

/// Makes the tables of [`SCHEMA`].
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file of agencies, units and fields that an empty registry begins with; it names the one of
    /// deadlines.
    pub organisation: PathBuf,
    /// The least probability, 0 to 1, with which a unit gets a question; below it the desk decides. A
    /// unit may have its own in the organisation's file.
    pub confidence_min: f64,
    /// Units that the desk is shown with a question, at most.
    pub suggestions_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { organisation: PathBuf::new(), confidence_min: 0.7, suggestions_max: 3 }
    }
}

/// Every RPC this service serves and every event it hears.
pub async fn role(ctx: &Context, config: Config) -> anyhow::Result<Role> {
    let registrar = Registrar::open(ctx, config).await.context("the registry")?;
    let (submitted, returned) = (registrar.clone(), registrar.clone());
    let (reopened, approved) = (registrar.clone(), registrar.clone());
    let (amended, withdrawn, replied) = (registrar.clone(), registrar.clone(), registrar.clone());
    let sweep = registrar.clone().run_sweep(ctx.shutdown.clone());
    let letters = registrar.clone().run_letters(ctx.notices(letters::QUEUE), ctx.shutdown.clone());
    let recompute = registrar.clone().run_recompute(ctx.shutdown.clone());
    let refresh = registrar.clone().run_refresh(ctx.shutdown.clone());
    let accounts = AccountGrpc(Accounts::open(ctx, registrar.clone()).await.context("accounts")?);
    let grpc = Grpc(registrar);
    Ok(Role::named("routing")
        .serves(RegistryServiceServer::new(grpc.clone()))
        .serves(AccountServiceServer::new(accounts))
        .serves(CustodyServiceServer::new(grpc.clone()))
        .serves(RoutingServiceServer::new(grpc))
        .hears(bus::hearer("routing", move |event| {
            let routing = submitted.routing();
            async move { routing.on_question_submitted(event).await }
        }))
        .hears(bus::hearer("routing", move |event| {
            let routing = returned.routing();
            async move { routing.on_question_returned(event).await }
        }))
        .hears(bus::hearer("routing", move |event| {
            let routing = reopened.routing();
            async move { routing.on_question_reopened(event).await }
        }))
        .hears(bus::hearer("routing", move |event| {
            let routing = approved.routing();
            async move { routing.on_answer_approved(event).await }
        }))
        .hears(bus::hearer("routing", move |event| {
            let routing = amended.routing();
            async move { routing.on_question_amended(event).await }
        }))
        .hears(bus::hearer("routing", move |event| {
            let routing = withdrawn.routing();
            async move { routing.on_question_withdrawn(event).await }
        }))
        .hears(bus::hearer("routing", move |event| {
            let routing = replied.routing();
            async move { routing.on_asker_replied(event).await }
        }))
        .runs("deadlines", sweep)
        .runs("letters", letters)
        .runs("calendar", recompute)
        .runs("registry", refresh))
}
