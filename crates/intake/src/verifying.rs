//! The use cases of `VerificationService`: codes by mail, and what an asker shows with a question.

use api::TicketId;
use bus::notice::Claimed;
use chrono::{DateTime, Duration, Utc};
use runtime::{
    Refusal,
    notify::{NotSent, Notice},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    letters::{QUEUE, never},
    seal::Sealed,
    service::{Intake, SubmitQuestion},
    storage::verification as verifications,
    text,
    verification::{self, DATA, Tried, digits, random_code},
};

/// Whom it is for, in the queue of notices.
pub const VERIFIER: &str = "verifier";

impl Intake {
    /// Has a code mailed; its id, and until when it is good.
    pub async fn send_email_code(&self, email: &str) -> Result<(Uuid, DateTime<Utc>), Refusal> {
        if self.mailer.is_none() {
            return Err(Refusal::conflict("MAIL_OFF", "this site sends no mail"));
        }
        let email = text::address("email", email)?;
        let (now, id) = (self.clock.now(), Uuid::now_v7());
        let expires_at = now + Duration::minutes(DATA.minutes.into());
        let mark = self.address_mark(&email);
        let what = Sealed { email, text: random_code(&mut rand::rng()), ..Sealed::default() };
        let sealed = self.sealer.seal(TicketId(id), &what);
        let mut tx = self.pool.begin().await?;
        verifications::forget(&mut tx, now - Duration::hours(DATA.kept_hours.into())).await?;
        let lately = verifications::lately(&mut tx, &mark, now - Duration::hours(1)).await?;
        if lately >= i64::from(DATA.per_hour) {
            let message = format!("{} codes were mailed to this address within the hour", DATA.per_hour);
            return Err(Refusal::exhausted("TOO_MANY_CODES", message));
        }
        let wanted = verifications::Verification { id, mark, sealed, asked_at: now, expires_at };
        verifications::put(&mut tx, &wanted).await?;
        let notice = bus::notice::Notice {
            queue: QUEUE,
            about: id,
            fact: "code",
            recipient: VERIFIER,
            repeatable: false,
            content: serde_json::Value::Null,
        };
        bus::notice::put(&mut tx, &notice).await?;
        tx.commit().await?;
        Ok((id, expires_at))
    }

    /// Tries the code that came with a question. An attempt counts even if the question is refused.
    pub async fn tried(&self, asked: &SubmitQuestion) -> Result<Tried, Refusal> {
        let Some(code) = &asked.proof.code else { return Ok(Tried::Nothing) };
        let mut conn = self.pool.acquire().await?;
        let (id, now) = (code.verification_id, self.clock.now());
        let Some((mark, sealed)) = verifications::attempt(&mut conn, id, DATA.attempts, now).await? else {
            return Ok(Tried::Spent);
        };
        let kept = self.sealer.open(TicketId(id), &sealed).map_err(|error| Refusal::internal(&error))?;
        Ok(if mark != self.address_mark(&asked.asker.email) {
            Tried::OfAnother
        } else if self.sealer.mark(&kept.text) == self.sealer.mark(&digits(&code.typed)) {
            Tried::Right
        } else {
            Tried::Wrong
        })
    }

    /// A code is good for one question.
    pub async fn use_code_up(&self, conn: &mut PgConnection, asked: &SubmitQuestion) -> Result<(), Refusal> {
        let Some(code) = &asked.proof.code else { return Ok(()) };
        let used = verifications::use_up(conn, code.verification_id, self.clock.now()).await?;
        if used { Ok(()) } else { Err(verification::spent()) }
    }

    /// The mail with a code, if it is still good.
    pub async fn write_email_code(&self, claimed: Claimed) -> Result<Notice, NotSent> {
        let mut conn = self.pool.acquire().await?;
        let sealed = verifications::waiting(&mut conn, claimed.about, self.clock.now()).await?;
        drop(conn);
        let sealed = sealed.ok_or_else(|| never("CODE_SPENT"))?;
        let kept = self.sealer.open(TicketId(claimed.about), &sealed);
        let kept = kept.map_err(|_| never("SEAL_NOT_OPENED"))?;
        let written = verification::write(&kept.text);
        Ok(Notice {
            id: claimed.notice_id,
            to: vec![kept.email],
            subject: written.subject,
            text: written.text,
            html: written.html,
            attachments: Vec::new(),
            unsubscribe: String::new(),
        })
    }

    fn address_mark(&self, email: &str) -> Vec<u8> {
        self.sealer.mark(&email.to_lowercase())
    }
}
