//! The use cases, named as the RPCs. Transactions begin here and in `events.rs` only.

use std::sync::Arc;

use api::{
    TicketId,
    intake::v1::{AnswerRated, Asker, Assurance, Kind, Milestone, QuestionReopened, QuestionSubmitted},
};
use chrono::{DateTime, Utc};
use runtime::{Clock, Context, Refusal, notify::Mailer};
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    Config, elsewhere,
    letter::Letter,
    recall::Notice,
    redact::redact,
    reporting::{Details, Extras, Reports},
    seal::{Sealed, Sealer},
    storage::{self, Entry, Submission, change::Reply, former::Former},
    text,
    ticket::{NotRated, NotRejected, Rated, Rating, Reopening, Ticket},
    tracking::TrackingCode,
    verification::{self, Proof, demanded, judged},
};

const NAME_CHARS_MAX: usize = 200;
const FIELD_CHARS_MAX: usize = 64;

/// Longer texts would not be compared as a whole, nor fit into the events of a long case.
const TEXT_CHARS_CEILING: usize = 5_000;

#[derive(Clone)]
pub struct Intake {
    pub pool: PgPool,
    pub clock: Clock,
    pub config: Config,
    reopening: Reopening,
    pub sealer: Sealer,
    pub reports: Reports,
    /// `None`: mail is off.
    pub mailer: Option<Mailer>,
    /// Tells the recalls that somebody may have to be told.
    pub wake: Arc<Notify>,
}

/// A submission whose form is right.
pub struct SubmitQuestion {
    pub request_id: Uuid,
    pub kind: Kind,
    pub text: String,
    pub field: String,
    pub asker: Asker,
    /// The asker was told where else it goes, and says that it is a question.
    pub insist: bool,
    /// Of a report only.
    pub details: Details,
    pub proof: Proof,
}

impl Intake {
    pub fn try_new(ctx: &Context, config: Config) -> anyhow::Result<Self> {
        let sealer = Sealer::try_new(&config.sealing_key)?;
        anyhow::ensure!(
            config.text_chars_max <= TEXT_CHARS_CEILING,
            "intake.text_chars_max is more than {TEXT_CHARS_CEILING}"
        );
        anyhow::ensure!(
            (1..=1_000).contains(&config.recall_batch),
            "intake.recall_batch is not from 1 to 1000"
        );
        let reopening = Reopening { score_max: config.reopen_score_max, times_max: config.reopen_times_max };
        let wake = Arc::new(Notify::new());
        let reports = Reports::try_new(config.reports.clone())?;
        verification::check(&config.demands, ctx.mailer.is_some())?;
        let (pool, clock, mailer) = (ctx.pool.clone(), ctx.clock.clone(), ctx.mailer.clone());
        Ok(Self { pool, clock, config, reopening, sealer, reports, mailer, wake })
    }

    /// Checks what a submission may hold.
    pub fn check_submission(&self, mut submission: SubmitQuestion) -> Result<SubmitQuestion, Refusal> {
        submission.text = text::checked("text", &submission.text, self.config.text_chars_max)?;
        let slug = submission.field.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !slug || submission.field.len() > FIELD_CHARS_MAX {
            let message = "field is a code of lower-case letters, digits and dashes";
            return Err(Refusal::invalid("field", "FIELD_NOT_A_CODE", message));
        }
        let asker = &mut submission.asker;
        asker.name = text::checked("asker.name", &asker.name, NAME_CHARS_MAX)?;
        asker.email = text::optional("asker.email", &asker.email, NAME_CHARS_MAX)?;
        asker.phone = text::optional("asker.phone", &asker.phone, NAME_CHARS_MAX)?;
        asker.organisation = text::optional("asker.organisation", &asker.organisation, NAME_CHARS_MAX)?;
        if !asker.email.is_empty() {
            asker.email = text::address("asker.email", &asker.email)?;
        }
        self.check_details(submission.kind, &mut submission.details)?;
        Ok(submission)
    }

    /// One ticket per request id, however often it is sent.
    pub async fn submit_question(&self, asked: SubmitQuestion) -> Result<(TicketId, String), Refusal> {
        let asked = self.check_submission(asked)?;
        if let Some(place) = elsewhere::place(&asked.text).filter(|_| !asked.insist) {
            tracing::info!(place = place.code, "somebody was told where else to go");
            return Err(place.refusal());
        }
        let hash = request_hash(&asked, &self.mark_of(&asked.details).await?);
        let tried = self.tried(&asked).await?;
        let demand = demanded(&self.config.demands, asked.kind);
        let assured = judged(demand, asked.proof.identity.is_some(), tried);
        let now = self.clock.now();
        let known = [asked.asker.name.as_str(), &asked.asker.email, &asked.asker.phone];
        let mut ticket = Ticket::receive(
            TicketId(Uuid::now_v7()),
            asked.kind,
            redact(&asked.text, &known),
            asked.field.clone(),
            now,
        );
        ticket.place = asked.details.place;
        ticket.assurance = assured.as_ref().copied().unwrap_or_default();
        let code = TrackingCode::random(&mut rand::rng());
        let submission = Submission {
            request_id: asked.request_id,
            request_hash: hash.clone(),
            tracking_code: code.as_str().to_owned(),
        };
        let mut tx = self.pool.begin().await?;
        if !storage::insert_ticket(&mut tx, &ticket, &submission).await? {
            return earlier_request(&mut tx, asked.request_id, &hash).await;
        }
        // Only now: the repeat of a question that was taken finds its code used.
        if assured? == Assurance::Email {
            self.use_code_up(&mut tx, &asked).await?;
        }
        let asker = &asked.asker;
        let sealed = Sealed {
            name: asker.name.clone(),
            email: asker.email.clone(),
            phone: asker.phone.clone(),
            organisation: asker.organisation.clone(),
            text: asked.text.clone(),
            identity: asked.proof.identity.clone(),
        };
        let sealed = self.sealer.seal(ticket.ticket_id, &sealed);
        storage::insert_sealed(&mut tx, ticket.ticket_id, &sealed, now).await?;
        self.keep_details(&mut tx, ticket.ticket_id, &asked.details).await?;
        enter(&mut tx, &ticket, ticket.version, Milestone::Received, now).await?;
        let fact = QuestionSubmitted {
            ticket_id: ticket.ticket_id.to_string(),
            version: ticket.version,
            question: Some(ticket.question()),
        };
        bus::outbox::put(&mut tx, &fact).await?;
        self.write_to_asker(&mut tx, ticket.ticket_id, &Letter::received()).await?;
        tx.commit().await?;
        tracing::info!(ticket.id = %ticket.ticket_id, "a question was submitted");
        Ok((ticket.ticket_id, submission.tracking_code))
    }

    pub async fn get_ticket(&self, tracking_code: &str) -> Result<Followed, Refusal> {
        let code = parse_code(tracking_code)?;
        let mut conn = self.pool.acquire().await?;
        let ticket = storage::find_by_code(&mut conn, code.as_str()).await?.ok_or_else(no_such_ticket)?;
        let timeline = storage::timeline(&mut conn, ticket.ticket_id).await?;
        let notices = storage::recall::notices(&mut conn, ticket.ticket_id).await?;
        let former = storage::former::of(&mut conn, ticket.ticket_id).await?;
        let extras = self.extras(&mut conn, ticket.ticket_id).await?;
        let replies = storage::change::replies(&mut conn, ticket.ticket_id).await?;
        Ok(Followed { ticket, timeline, notices, former, extras, replies })
    }

    /// Takes the rating of the answer with `number` (0: whichever is published); a low one with a comment reopens the question.
    pub async fn rate_answer(
        &self,
        tracking_code: &str,
        number: u32,
        score: u32,
        comment: &str,
    ) -> Result<Ticket, Refusal> {
        let code = parse_code(tracking_code)?;
        if !(1..=5).contains(&score) {
            return Err(Refusal::invalid("score", "SCORE_OUT_OF_RANGE", "score is 1 to 5"));
        }
        let comment = text::optional("comment", comment, self.config.comment_chars_max)?;
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let ticket = storage::lock_by_code(&mut tx, code.as_str()).await?.ok_or_else(no_such_ticket)?;
        let known = self.known_of(&mut tx, ticket.ticket_id).await?;
        let known = [known.name.as_str(), &known.email, &known.phone];
        let rating = Rating { score, comment: redact(&comment, &known) };
        let rated_answer = ticket.published().cloned().map(|answer| (ticket.answer_number(), answer));
        let ticket = match ticket.rate(number, rating.clone(), &self.reopening).map_err(not_rated)? {
            Rated::Already(ticket) => return Ok(ticket),
            Rated::Closed(ticket) => {
                rated(&mut tx, &ticket, ticket.version, &rating, now).await?;
                ticket
            }
            Rated::Reopened(ticket) => {
                rated(&mut tx, &ticket, ticket.version - 1, &rating, now).await?;
                let automatic = rated_answer.as_ref().is_some_and(|(_, answer)| answer.automatic);
                if let Some((number, answer)) = rated_answer {
                    let former = Former { number, answer, score, comment: rating.comment };
                    storage::former::keep(&mut tx, ticket.ticket_id, &former).await?;
                }
                self.reopened(&mut tx, &ticket, comment, automatic, now).await?;
                ticket
            }
        };
        storage::save_ticket(&mut tx, &ticket).await?;
        tx.commit().await?;
        Ok(ticket)
    }

    /// "This did not answer my question", of an automatic answer: a person takes it at once.
    pub async fn reject_answer(
        &self,
        tracking_code: &str,
        number: u32,
        comment: &str,
    ) -> Result<Ticket, Refusal> {
        let code = parse_code(tracking_code)?;
        let comment = text::optional("comment", comment, self.config.comment_chars_max)?;
        let comment = if comment.is_empty() { NOT_ANSWERED.to_owned() } else { comment };
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let ticket = storage::lock_by_code(&mut tx, code.as_str()).await?.ok_or_else(no_such_ticket)?;
        let known = self.known_of(&mut tx, ticket.ticket_id).await?;
        let follow_up = redact(&comment, &[known.name.as_str(), &known.email, &known.phone]);
        let Some(reopened) = ticket.clone().reject(number, follow_up).map_err(not_rejected)? else {
            return Ok(ticket);
        };
        if let Some(answer) = ticket.published().cloned() {
            let said = reopened.follow_ups.last().cloned().unwrap_or_default();
            let former = Former { number: ticket.answer_number(), answer, score: 0, comment: said };
            storage::former::keep(&mut tx, ticket.ticket_id, &former).await?;
        }
        self.reopened(&mut tx, &reopened, comment, true, now).await?;
        storage::save_ticket(&mut tx, &reopened).await?;
        tx.commit().await?;
        Ok(reopened)
    }
}

/// What the unit reads when an asker rejects an automatic answer without a word.
const NOT_ANSWERED: &str = "Câu trả lời tự động chưa đúng câu tôi hỏi.";

/// A ticket as its asker follows it.
pub struct Followed {
    pub ticket: Ticket,
    pub timeline: Vec<Entry>,
    pub notices: Vec<Notice>,
    /// Oldest first.
    pub former: Vec<Former>,
    pub extras: Extras,
    /// What officers asked for and the asker gave, oldest first.
    pub replies: Vec<Reply>,
}

impl Intake {
    /// Seals the asker's own words and states that the question waits again.
    async fn reopened(
        &self,
        conn: &mut PgConnection,
        ticket: &Ticket,
        comment: String,
        automatic: bool,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let sealed = Sealed { text: comment, ..Sealed::default() };
        let sealed = self.sealer.seal(ticket.ticket_id, &sealed);
        storage::insert_sealed(conn, ticket.ticket_id, &sealed, now).await?;
        enter(conn, ticket, ticket.version, Milestone::Reopened, now).await?;
        let fact = QuestionReopened {
            ticket_id: ticket.ticket_id.to_string(),
            version: ticket.version,
            question: Some(ticket.question()),
            field: ticket.custody.field.clone(),
            unit: ticket.custody.unit.clone(),
            reopened_at: Some(api::timestamp(now)),
            automatic,
        };
        Ok(bus::outbox::put(conn, &fact).await?)
    }

    /// What the asker said of themselves when asking.
    pub(crate) async fn known_of(
        &self,
        conn: &mut PgConnection,
        ticket_id: TicketId,
    ) -> Result<Sealed, Refusal> {
        let sealed = storage::first_sealed(conn, ticket_id).await?;
        self.sealer.open(ticket_id, &sealed).map_err(|error| Refusal::internal(&error))
    }
}

async fn earlier_request(
    conn: &mut PgConnection,
    request_id: Uuid,
    hash: &[u8],
) -> Result<(TicketId, String), Refusal> {
    let earlier = storage::find_request(conn, request_id).await?;
    match earlier {
        Some((ticket_id, submission)) if submission.request_hash == hash => {
            Ok((ticket_id, submission.tracking_code))
        }
        _ => Err(Refusal::exists("REQUEST_ID_REUSED", "this request id was used for another question")),
    }
}

async fn rated(
    conn: &mut PgConnection,
    ticket: &Ticket,
    version: u32,
    rating: &Rating,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    enter(conn, ticket, version, Milestone::Rated, now).await?;
    let fact = AnswerRated {
        ticket_id: ticket.ticket_id.to_string(),
        version,
        score: rating.score,
        comment: rating.comment.clone(),
        field: ticket.custody.field.clone(),
        unit: ticket.custody.unit.clone(),
        rated_at: Some(api::timestamp(now)),
    };
    Ok(bus::outbox::put(conn, &fact).await?)
}

pub(crate) async fn enter(
    conn: &mut PgConnection,
    ticket: &Ticket,
    version: u32,
    what: Milestone,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let entry = Entry { version, what, at, unit_name: String::new() };
    storage::add_entry(conn, ticket.ticket_id, &entry).await
}

pub fn parse_code(typed: &str) -> Result<TrackingCode, Refusal> {
    TrackingCode::parse(typed).ok_or_else(|| {
        Refusal::invalid(
            "trackingCode",
            "TRACKING_CODE_NOT_VALID",
            "this is not a tracking code; check for a slip",
        )
    })
}

pub fn no_such_ticket() -> Refusal {
    Refusal::not_found("TICKET_NOT_FOUND", "there is no question with this tracking code")
}

fn not_rated(why: NotRated) -> Refusal {
    match why {
        NotRated::NotAnswered => Refusal::conflict("NOT_ANSWERED", "the question is not answered yet"),
        NotRated::NotNewest => {
            Refusal::conflict("ANSWER_NOT_NEWEST", "there is a newer answer than this one")
        }
        NotRated::RatedBefore => Refusal::conflict("ALREADY_RATED", "the answer was rated before"),
    }
}

fn not_rejected(why: NotRejected) -> Refusal {
    match why {
        NotRejected::Unanswered => not_rated(NotRated::NotAnswered),
        NotRejected::Older => not_rated(NotRated::NotNewest),
        NotRejected::Personal => {
            Refusal::conflict("ANSWER_NOT_AUTOMATIC", "a person wrote this answer: rate it instead")
        }
    }
}

/// Tells a retry from another question under the same request id; `details`: of a report.
fn request_hash(asked: &SubmitQuestion, details: &[Vec<u8>]) -> Vec<u8> {
    let asker = &asked.asker;
    let mut hash = Sha256::new();
    let parts = [
        asked.kind.as_str_name(),
        &asked.text,
        &asked.field,
        &asker.name,
        &asker.email,
        &asker.phone,
        &asker.organisation,
    ];
    for part in parts.map(str::as_bytes).into_iter().chain(details.iter().map(Vec::as_slice)) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}
