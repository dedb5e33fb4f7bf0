//! Drafts answers from knowledge; officers edit, approve, return. Owns the [`answer::Answer`].

mod answer;
mod automating;
mod automation;
mod check;
mod co_answer;
mod digest;
mod digests;
mod events;
mod family;
mod gathering;
mod grpc;
mod moving;
mod names;
mod replies;
mod review;
mod reviewing;
mod saved_reply;
mod saving;
mod service;
mod sources;
mod storage;

use std::path::PathBuf;

use api::answering::v1::{
    answering_service_server::AnsweringServiceServer, automation_service_server::AutomationServiceServer,
    digest_service_server::DigestServiceServer, moving_service_server::MovingServiceServer,
    review_service_server::ReviewServiceServer, saved_reply_service_server::SavedReplyServiceServer,
};
use runtime::{Context, Role};
use serde::{Deserialize, Serialize};

use crate::{grpc::Grpc, service::Answering};

/// The schema this crate owns.
pub const SCHEMA: &str = "answering";

/// Makes the tables of [`SCHEMA`].
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many sources an officer is shown with a draft, 1 to 50.
    pub sources_max: u32,
    /// Longest answer, in characters, at most 20,000: what the knowledge store takes.
    pub text_chars_max: usize,
    /// Longest reason of a return, in characters.
    pub reason_chars_max: usize,
    /// Members of a family that are answered in one transaction, 1 to 500.
    pub family_batch: u32,
    /// Least precision, by its lower bound (95 %), that a back-test must have shown before a unit may
    /// switch automatic sending on: 0.8 to below 1.
    pub automation_target_min: f64,
    /// The file of how replies should read and who approves them; empty: the usual one.
    pub replies: PathBuf,
    /// The file that says which questions are gathered for whom; empty: none are.
    pub digests: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sources_max: 5,
            text_chars_max: 20_000,
            reason_chars_max: 2_000,
            family_batch: 50,
            automation_target_min: 0.95,
            replies: PathBuf::new(),
            digests: PathBuf::new(),
        }
    }
}

/// Every RPC this service serves and every event it hears.
pub fn role(ctx: &Context, config: Config) -> anyhow::Result<Role> {
    let ceiling = Config::default().text_chars_max;
    anyhow::ensure!(config.text_chars_max <= ceiling, "answering.text_chars_max is more than {ceiling}");
    anyhow::ensure!(config.sources_max <= 50, "answering.sources_max is more than 50");
    let batch = config.family_batch;
    anyhow::ensure!((1..=500).contains(&batch), "answering.family_batch is not from 1 to 500");
    let target = config.automation_target_min;
    anyhow::ensure!(
        (0.8..1.0).contains(&target),
        "answering.automation_target_min is not from 0.8 to below 1"
    );
    let answering = Answering::try_new(ctx, config)?;
    let digests = answering.clone().run_digests(ctx.shutdown.clone());
    let letters = answering.clone().run_letters(ctx.notices(gathering::QUEUE), ctx.shutdown.clone());
    let names = answering.clone().watch_names(ctx.shutdown.clone());
    let changes = sources::hearers(&answering);
    let role = Role::named("answering")
        .hears(answering.hearer(|answering, event| async move { answering.on_question_routed(event).await }))
        .hears(answering.hearer(|answering, event| async move { answering.on_questions_alike(event).await }))
        .hears(answering.hearer(|answering, event| async move { answering.on_answer_approved(event).await }))
        .hears(answering.hearer(|answering, event| async move { answering.on_answer_drafted(event).await }))
        .hears(
            answering.hearer(|answering, event| async move { answering.on_question_returned(event).await }),
        )
        .hears(answering.hearer(|answering, event| async move { answering.on_family_joined(event).await }))
        .serves(AutomationServiceServer::new(Grpc(answering.clone())))
        .serves(MovingServiceServer::new(Grpc(answering.clone())))
        .serves(ReviewServiceServer::new(Grpc(answering.clone())))
        .serves(SavedReplyServiceServer::new(Grpc(answering.clone())))
        .hears(
            answering.hearer(|answering, event| async move { answering.on_question_withdrawn(event).await }),
        )
        .hears(answering.hearer(|answering, event| async move { answering.on_asker_replied(event).await }))
        .hears(answering.hearer(|answering, event| async move { answering.on_deadline_changed(event).await }))
        .hears(answering.hearer(|answering, event| async move { answering.on_deadline_reached(event).await }))
        .serves(DigestServiceServer::new(Grpc(answering.clone())))
        .runs("digests", digests)
        .runs("letters", letters)
        .runs("names", names)
        .serves(AnsweringServiceServer::new(Grpc(answering)));
    Ok(changes.into_iter().fold(role, Role::hears))
}

impl Answering {
    fn hearer<E, F, Fut>(&self, on: F) -> bus::Hearer
    where
        E: api::Event,
        F: Fn(Self, bus::Received<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), bus::Failure>> + Send + 'static,
    {
        let answering = self.clone();
        bus::hearer("answering", move |received| on(answering.clone(), received))
    }
}
