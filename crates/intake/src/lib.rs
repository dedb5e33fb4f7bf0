//! Receives questions, seals who asked, owns the [`ticket::Ticket`], tells the asker, takes the
//! rating. Personal data stays here: only the redacted text travels.

mod album;
mod changing;
mod elsewhere;
mod events;
mod grpc;
mod letter;
mod letters;
mod mailing;
mod photo;
mod place;
mod recall;
mod redact;
mod report;
mod reporting;
mod seal;
mod service;
mod storage;
mod subscribing;
mod telling;
mod text;
mod ticket;
mod tracking;
mod verification;
mod verifying;

use api::{
    intake::v1::{
        intake_service_server::IntakeServiceServer, report_service_server::ReportServiceServer,
        subscription_service_server::SubscriptionServiceServer,
        verification_service_server::VerificationServiceServer,
    },
    knowledge::v1::{AnswerCorrected, AnswerSuperseded, AnswerWithdrawn},
};
use bus::Received;
use runtime::{Context, Role, Secret};
use serde::{Deserialize, Serialize};

use crate::{grpc::Grpc, service::Intake};

/// The schema this crate owns.
pub const SCHEMA: &str = "intake";

/// Makes the tables of [`SCHEMA`].
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Seals who asked and the original words: 32 bytes in base64. Lost, they cannot be opened.
    pub sealing_key: Secret,
    /// Longest question, in characters.
    pub text_chars_max: usize,
    /// Longest comment to a rating, in characters.
    pub comment_chars_max: usize,
    /// A rating at or below this, with a comment, reopens the question.
    pub reopen_score_max: u32,
    /// How often one question can be reopened.
    pub reopen_times_max: usize,
    /// Tickets told of a correction or withdrawal in one transaction, 1 to 1,000.
    pub recall_batch: u32,
    /// What kinds of questions demand of their askers.
    pub demands: Vec<verification::Demand>,
    /// Reports from the field.
    pub reports: report::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sealing_key: Secret::default(),
            text_chars_max: 5_000,
            comment_chars_max: 2_000,
            reopen_score_max: 2,
            reopen_times_max: 10,
            recall_batch: 200,
            demands: Vec::new(),
            reports: report::Config::default(),
        }
    }
}

/// Every RPC this service serves and every event it hears.
pub fn role(ctx: &Context, config: Config) -> anyhow::Result<Role> {
    let intake = Intake::try_new(ctx, config)?;
    let hear = |intake: &Intake| intake.clone();
    let (routed, returned, approved) = (hear(&intake), hear(&intake), hear(&intake));
    let (corrected, withdrawn) = (hear(&intake), hear(&intake));
    let (changed, superseded) = (hear(&intake), hear(&intake));
    let mailings = intake.clone().run_mailings(ctx.shutdown.clone());
    let sweep = intake.clone().run_photo_sweep(ctx.shutdown.clone());
    let telling = intake.clone().run_recalls(ctx.shutdown.clone());
    let letters = intake.clone().run_letters(ctx.notices(letters::QUEUE), ctx.shutdown.clone());
    Ok(Role::named("intake")
        .serves(ReportServiceServer::new(Grpc(intake.clone())))
        .serves(SubscriptionServiceServer::new(Grpc(intake.clone())))
        .serves(VerificationServiceServer::new(Grpc(intake.clone())))
        .serves(IntakeServiceServer::new(Grpc(intake)))
        .hears(bus::hearer("intake", move |event| {
            let intake = routed.clone();
            async move { intake.on_question_routed(event).await }
        }))
        .hears(bus::hearer("intake", move |event| {
            let intake = returned.clone();
            async move { intake.on_question_returned(event).await }
        }))
        .hears(bus::hearer("intake", move |event| {
            let intake = approved.clone();
            async move { intake.on_answer_approved(event).await }
        }))
        .hears(bus::hearer("intake", move |event| {
            let intake = changed.clone();
            async move { intake.on_deadline_changed(event).await }
        }))
        .hears(bus::hearer("intake", move |event: Received<AnswerCorrected>| {
            let intake = corrected.clone();
            async move { intake.on_answer_corrected(event).await }
        }))
        .hears(bus::hearer("intake", move |event: Received<AnswerWithdrawn>| {
            let intake = withdrawn.clone();
            async move { intake.on_answer_withdrawn(event).await }
        }))
        .hears(bus::hearer("intake", move |event: Received<AnswerSuperseded>| {
            let intake = superseded.clone();
            async move { intake.on_answer_superseded(event).await }
        }))
        .runs("recalls", telling)
        .runs("photo-sweep", sweep)
        .runs("mailings", mailings)
        .runs("letters", letters))
}
