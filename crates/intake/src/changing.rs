//! What an asker changes of a question that waits: amending it, withdrawing it, giving what an officer
//! asked for. Each by a request id, so that a repeat changes nothing.

use api::{
    TicketId,
    intake::v1::{AskerReplied, Milestone, QuestionAmended, QuestionWithdrawn},
};
use runtime::Refusal;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    elsewhere,
    letter::Letter,
    redact::redact,
    seal::Sealed,
    service::{Intake, enter, no_such_ticket, parse_code},
    storage::{
        self,
        change::{self, Heard, Reply, Request},
    },
    text,
    ticket::{NotChanged, Ticket},
};

impl Intake {
    /// Amends the text, which is checked, redacted and sealed as when it was asked.
    pub async fn amend_question(
        &self,
        code: &str,
        request_id: Uuid,
        typed: &str,
        seen: u32,
        insist: bool,
    ) -> Result<Ticket, Refusal> {
        let code = parse_code(code)?;
        let typed = text::checked("text", typed, self.config.text_chars_max)?;
        if let Some(place) = elsewhere::place(&typed).filter(|_| !insist) {
            tracing::info!(place = place.code, "somebody was told where else to go");
            return Err(place.refusal());
        }
        let (now, request) = (self.clock.now(), request(request_id, "amended", seen, &typed));
        let mut tx = self.pool.begin().await?;
        let ticket = storage::lock_by_code(&mut tx, code.as_str()).await?.ok_or_else(no_such_ticket)?;
        if !is_new(change::note(&mut tx, ticket.ticket_id, &request, now).await?)? {
            return Ok(ticket);
        }
        let redacted = self.redacted(&mut tx, ticket.ticket_id, &typed).await?;
        let ticket = ticket.amend(seen, redacted).map_err(not_changed)?;
        self.seal_words(&mut tx, ticket.ticket_id, typed).await?;
        enter(&mut tx, &ticket, ticket.version, Milestone::Amended, now).await?;
        let fact = QuestionAmended {
            ticket_id: ticket.ticket_id.to_string(),
            version: ticket.version,
            question: Some(ticket.question()),
            field: ticket.custody.field.clone(),
            unit: ticket.custody.unit.clone(),
            amended_at: Some(api::timestamp(now)),
        };
        bus::outbox::put(&mut tx, &fact).await?;
        storage::save_ticket(&mut tx, &ticket).await?;
        tx.commit().await?;
        tracing::info!(ticket.id = %ticket.ticket_id, "a question was amended");
        Ok(ticket)
    }

    /// Withdraws the question. The asker is written, in case it was somebody else who has the code.
    pub async fn withdraw_question(
        &self,
        code: &str,
        request_id: Uuid,
        seen: u32,
    ) -> Result<Ticket, Refusal> {
        let code = parse_code(code)?;
        let (now, request) = (self.clock.now(), request(request_id, "withdrawn", seen, ""));
        let mut tx = self.pool.begin().await?;
        let ticket = storage::lock_by_code(&mut tx, code.as_str()).await?.ok_or_else(no_such_ticket)?;
        if !is_new(change::note(&mut tx, ticket.ticket_id, &request, now).await?)? {
            return Ok(ticket);
        }
        let Some(withdrawn) = ticket.clone().withdraw(seen).map_err(not_changed)? else { return Ok(ticket) };
        enter(&mut tx, &withdrawn, withdrawn.version, Milestone::TakenBack, now).await?;
        let fact = QuestionWithdrawn {
            ticket_id: withdrawn.ticket_id.to_string(),
            version: withdrawn.version,
            question: Some(withdrawn.question()),
            field: withdrawn.custody.field.clone(),
            unit: withdrawn.custody.unit.clone(),
            withdrawn_at: Some(api::timestamp(now)),
        };
        bus::outbox::put(&mut tx, &fact).await?;
        storage::save_ticket(&mut tx, &withdrawn).await?;
        self.write_to_asker(&mut tx, withdrawn.ticket_id, &Letter::taken_back()).await?;
        tx.commit().await?;
        tracing::info!(ticket.id = %withdrawn.ticket_id, "a question was withdrawn");
        Ok(withdrawn)
    }

    /// Gives what an officer asked for; routing lets the clock run on when it hears of it.
    pub async fn reply_to_officer(
        &self,
        code: &str,
        request_id: Uuid,
        typed: &str,
        inquiry: u32,
    ) -> Result<Ticket, Refusal> {
        let code = parse_code(code)?;
        let typed = text::checked("text", typed, self.config.comment_chars_max)?;
        let (now, request) = (self.clock.now(), request(request_id, "replied", inquiry, &typed));
        let mut tx = self.pool.begin().await?;
        let ticket = storage::lock_by_code(&mut tx, code.as_str()).await?.ok_or_else(no_such_ticket)?;
        if !is_new(change::note(&mut tx, ticket.ticket_id, &request, now).await?)? {
            return Ok(ticket);
        }
        let text = self.redacted(&mut tx, ticket.ticket_id, &typed).await?;
        let (ticket, asked) = ticket.reply(inquiry).map_err(not_changed)?;
        let reply = Reply { inquiry, asked, text, at: now };
        if !change::keep_reply(&mut tx, ticket.ticket_id, &reply).await? {
            return Err(not_changed(NotChanged::NothingAsked));
        }
        self.seal_words(&mut tx, ticket.ticket_id, typed).await?;
        enter(&mut tx, &ticket, ticket.version, Milestone::Replied, now).await?;
        let fact = AskerReplied {
            ticket_id: ticket.ticket_id.to_string(),
            version: ticket.version,
            deadline_version: inquiry,
            asked: reply.asked,
            text: reply.text,
            field: ticket.custody.field.clone(),
            unit: ticket.custody.unit.clone(),
            replied_at: Some(api::timestamp(now)),
        };
        bus::outbox::put(&mut tx, &fact).await?;
        storage::save_ticket(&mut tx, &ticket).await?;
        tx.commit().await?;
        Ok(ticket)
    }

    /// `text` without what the asker is known by, and without other personal data.
    async fn redacted(
        &self,
        conn: &mut PgConnection,
        ticket_id: TicketId,
        text: &str,
    ) -> Result<String, Refusal> {
        let known = self.known_of(conn, ticket_id).await?;
        Ok(redact(text, &[known.name.as_str(), &known.email, &known.phone]))
    }

    /// Keeps the asker's own words, sealed.
    async fn seal_words(
        &self,
        conn: &mut PgConnection,
        ticket_id: TicketId,
        text: String,
    ) -> Result<(), Refusal> {
        let sealed = self.sealer.seal(ticket_id, &Sealed { text, ..Sealed::default() });
        Ok(storage::insert_sealed(conn, ticket_id, &sealed, self.clock.now()).await?)
    }
}

fn request(request_id: Uuid, what: &'static str, seen: u32, text: &str) -> Request {
    let mut digest = Sha256::new();
    digest.update(seen.to_le_bytes());
    digest.update(text);
    Request { request_id, what, digest: digest.finalize().to_vec() }
}

fn is_new(heard: Heard) -> Result<bool, Refusal> {
    match heard {
        Heard::Now => Ok(true),
        Heard::Before => Ok(false),
        Heard::Reused => {
            Err(Refusal::exists("REQUEST_ID_REUSED", "this request id was used for something else"))
        }
    }
}

fn not_changed(why: NotChanged) -> Refusal {
    match why {
        NotChanged::Answered => Refusal::conflict("ALREADY_ANSWERED", "the question was answered"),
        NotChanged::Withdrawn => Refusal::conflict("QUESTION_WITHDRAWN", "the question was withdrawn"),
        NotChanged::Stale => {
            Refusal::stale("STALE_VERSION", "the question has changed since; look at it again")
        }
        NotChanged::TooOften => Refusal::conflict("AMENDED_TOO_OFTEN", "the question was amended too often"),
        NotChanged::NothingAsked => {
            Refusal::conflict("NOTHING_ASKED", "nothing is asked for, or it was given already")
        }
    }
}
