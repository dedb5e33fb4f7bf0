//! The use cases of `SubscriptionService`, and writing to all who subscribed: each once for each fact,
//! in batches, and going on after a crash where it was.

use std::time::Duration;

use api::{
    TicketId,
    answering::v1::AnswerApproved,
    intake::v1::SubscribeRequest,
    knowledge::v1::{AnswerCorrected, AnswerSuperseded, AnswerWithdrawn},
};
use bus::{Failure, Received, notice::Claimed};
use runtime::{
    Refusal,
    notify::{NotSent, Notice},
};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    letters::{QUEUE, never},
    mailing::{Links, Mailing, SUBSCRIBER, Target},
    seal::Sealed,
    service::{Intake, no_such_ticket, parse_code},
    storage::{
        self,
        subscription::{self as subscriptions, Subscription},
    },
    telling::follow_receipts,
    text,
};

const PASSAGE_ID_CHARS_MAX: usize = 200;
const FIELD_CHARS_MAX: usize = 64;

/// Of one address, within a day.
const UNCONFIRMED_MAX: i64 = 10;

/// How long an address is kept whose owner does not follow the link.
const KEPT: chrono::Duration = chrono::Duration::days(7);

/// How often to look for something to write.
const POLL: Duration = Duration::from_secs(5);

/// What a link is for.
const CONFIRM: &str = "confirm";
const STOP: &str = "stop";

impl Intake {
    /// Has the confirmation mailed, unless it was today or the address is confirmed.
    pub async fn subscribe(&self, wanted: SubscribeRequest) -> Result<(), Refusal> {
        if self.mailer.is_none() {
            return Err(Refusal::conflict("MAIL_OFF", "this site sends no mail"));
        }
        let email = text::address("email", &wanted.email)?;
        let (now, mark) = (self.clock.now(), self.sealer.mark(&email.to_lowercase()));
        let mut tx = self.pool.begin().await?;
        let target = target(&mut tx, &wanted).await?;
        let fresh = Uuid::now_v7();
        let sealed = self.sealer.seal(TicketId(fresh), &Sealed { email, ..Sealed::default() });
        let wanted = Subscription { id: fresh, target, sealed, confirmed: false };
        let kept = subscriptions::put(&mut tx, &wanted, &mark, now).await?;
        if kept.id == fresh {
            let since = now - chrono::Duration::days(1);
            let unconfirmed = subscriptions::unconfirmed(&mut tx, &mark, since).await?;
            if unconfirmed > UNCONFIRMED_MAX {
                let message = "this address has too many subscriptions that were not confirmed";
                return Err(Refusal::exhausted("TOO_MANY_SUBSCRIPTIONS", message));
            }
        }
        if !kept.confirmed {
            let fact = format!("confirm:{}", now.format("%Y-%m-%d"));
            self.write_to_subscriber(&mut tx, kept.id, &fact, &Mailing::confirm()).await?;
        }
        Ok(tx.commit().await?)
    }

    pub async fn confirm_subscription(&self, token: &str) -> Result<Target, Refusal> {
        let id = self.read(CONFIRM, token)?;
        let mut conn = self.pool.acquire().await?;
        let confirmed = subscriptions::confirm(&mut conn, id, self.clock.now()).await?;
        confirmed.map(|subscription| subscription.target).ok_or_else(no_such_subscription)
    }

    pub async fn end_subscription(&self, token: &str) -> Result<(), Refusal> {
        let id = self.read(STOP, token)?;
        Ok(subscriptions::delete(&mut *self.pool.acquire().await?, id).await?)
    }

    /// `<id>.<signature>`: whose link it is.
    fn read(&self, purpose: &str, token: &str) -> Result<Uuid, Refusal> {
        let parts = token.split_once('.').and_then(|(id, signed)| Some((Uuid::parse_str(id).ok()?, signed)));
        let own = parts.filter(|(id, signed)| self.sealer.signed(purpose, *id, signed));
        own.map(|(id, _)| id).ok_or_else(no_such_subscription)
    }

    pub fn links(&self, site_url: &str, id: Uuid) -> Links {
        let link = |purpose: &str, path: &str| {
            format!("{site_url}/nhan-tin/{path}/{}.{}", id.simple(), self.sealer.sign(purpose, id))
        };
        Links { confirm: link(CONFIRM, "xac-nhan"), stop: link(STOP, "dung") }
    }

    /// Has all who subscribed written, if mail is on; once for each fact.
    pub async fn mail_subscribers(
        &self,
        conn: &mut PgConnection,
        fact: &str,
        target: &Target,
        mailing: &Mailing,
    ) -> Result<(), sqlx::Error> {
        if self.mailer.is_none() {
            return Ok(());
        }
        let content = serde_json::to_value(mailing).map_err(|error| sqlx::Error::Encode(error.into()))?;
        subscriptions::put_mailing(conn, fact, target, &content, self.clock.now()).await
    }

    async fn write_to_subscriber(
        &self,
        conn: &mut PgConnection,
        id: Uuid,
        fact: &str,
        mailing: &Mailing,
    ) -> Result<(), sqlx::Error> {
        let content = serde_json::to_value(mailing).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let (queue, recipient) = (QUEUE, SUBSCRIBER);
        let notice = bus::notice::Notice { queue, about: id, fact, recipient, repeatable: false, content };
        bus::notice::put(conn, &notice).await
    }

    /// Writes to subscribers, and forgets addresses that were not confirmed, until `shutdown`.
    pub async fn run_mailings(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        while !shutdown.is_cancelled() {
            match shutdown.run_until_cancelled(self.mail_batch()).await {
                Some(Ok(true)) => continue,
                Some(Ok(false)) | None => {}
                Some(Err(error)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "mailing again after a pause");
                }
            }
            let _ = shutdown.run_until_cancelled(tokio::time::sleep(POLL)).await;
        }
        Ok(())
    }

    /// Says whether there may be more to do.
    async fn mail_batch(&self) -> Result<bool, sqlx::Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        subscriptions::forget(&mut tx, now - KEPT).await?;
        let Some(mailing) = subscriptions::take_open(&mut tx).await? else {
            tx.commit().await?;
            return Ok(false);
        };
        let limit = i64::from(self.config.recall_batch);
        let ids = subscriptions::confirmed(&mut tx, &mailing, limit).await?;
        for id in &ids {
            let content: Mailing = serde_json::from_value(mailing.content.clone())
                .map_err(|error| sqlx::Error::Decode(error.into()))?;
            self.write_to_subscriber(&mut tx, *id, &mailing.fact, &content).await?;
        }
        subscriptions::save_mailing(&mut tx, &mailing.fact, ids.last().copied(), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The mail to one subscriber, who may have gone since.
    pub async fn write_mailing(&self, claimed: Claimed, site_url: &str) -> Result<Notice, NotSent> {
        let mailing: Mailing =
            serde_json::from_value(claimed.content).map_err(|_| never("CONTENT_NOT_VALID"))?;
        let mut conn = self.pool.acquire().await?;
        let subscription = subscriptions::find(&mut conn, claimed.about).await?;
        let subscription = subscription.ok_or_else(|| never("SUBSCRIPTION_GONE"))?;
        drop(conn);
        let opened = self.sealer.open(TicketId(subscription.id), &subscription.sealed);
        let address = opened.map_err(|_| never("SEAL_NOT_OPENED"))?.email;
        let links = self.links(site_url, subscription.id);
        let written = mailing.write(&subscription.target, site_url, &links);
        let written = written.ok_or_else(|| never("LETTER_UNKNOWN"))?;
        Ok(Notice {
            id: claimed.notice_id,
            to: vec![address],
            subject: written.subject,
            text: written.text,
            html: written.html,
            attachments: Vec::new(),
            unsubscribe: links.stop,
        })
    }

    /// What subscribers of the corrected answer are written.
    pub async fn mail_correction(
        &self,
        conn: &mut PgConnection,
        event: &AnswerCorrected,
    ) -> Result<(), sqlx::Error> {
        let fact = format!("corrected:{}:{}", event.passage_id, event.version);
        let (answer, reason) = (event.text.clone(), event.reason.clone());
        let mailing = Mailing { code: "corrected".to_owned(), answer, reason, ..Mailing::default() };
        self.mail_subscribers(conn, &fact, &Target::Answer(event.passage_id.clone()), &mailing).await
    }

    pub async fn mail_withdrawal(
        &self,
        conn: &mut PgConnection,
        event: &AnswerWithdrawn,
    ) -> Result<(), sqlx::Error> {
        let fact = format!("withdrawn:{}:{}", event.passage_id, event.version);
        let mailing =
            Mailing { code: "withdrawn".to_owned(), reason: event.reason.clone(), ..Mailing::default() };
        self.mail_subscribers(conn, &fact, &Target::Answer(event.passage_id.clone()), &mailing).await
    }

    /// Of a field's new answer: what an officer answered this very question.
    pub async fn mail_new_answer(
        &self,
        conn: &mut PgConnection,
        event: &AnswerApproved,
    ) -> Result<(), sqlx::Error> {
        if event.field.is_empty() || event.automatic || !event.centre_ticket_id.is_empty() {
            return Ok(());
        }
        let passage_id = format!("ticket:{}", event.ticket_id);
        let fact = format!("new:{passage_id}:{}", event.version);
        let question = event.question.as_ref().map(|question| question.text.clone()).unwrap_or_default();
        let (code, answer) = ("new".to_owned(), event.text.clone());
        let mailing = Mailing { code, passage_id, question, answer, reason: String::new() };
        self.mail_subscribers(conn, &fact, &Target::Field(event.field.clone()), &mailing).await
    }

    /// Another answer takes its place: its receipts and its subscribers are that one's from now on.
    pub async fn on_answer_superseded(&self, received: Received<AnswerSuperseded>) -> Result<(), Failure> {
        let event = &received.event;
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        follow_receipts(&mut tx, &event.passage_id, &event.by_id).await?;
        let fact = format!("superseded:{}:{}", event.passage_id, event.version);
        let (old, new) = (event.passage_id.clone(), event.by_id.clone());
        let (code, reason) = ("superseded".to_owned(), event.reason.clone());
        let mailing = Mailing { code, passage_id: new.clone(), reason, ..Mailing::default() };
        subscriptions::follow(&mut tx, &Target::Answer(old), &Target::Answer(new.clone())).await?;
        // They are the new one's subscribers by now; who was so before is told, too: it is theirs that grew.
        self.mail_subscribers(&mut tx, &fact, &Target::Answer(new), &mailing).await?;
        tx.commit().await?;
        self.wake.notify_one();
        Ok(())
    }
}

async fn target(conn: &mut PgConnection, wanted: &SubscribeRequest) -> Result<Target, Refusal> {
    let slug = wanted.field.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    match (wanted.passage_id.as_str(), wanted.field.as_str(), wanted.tracking_code.as_str()) {
        (id, "", "")
            if !id.is_empty() && id.chars().count() <= PASSAGE_ID_CHARS_MAX && !id.contains('\0') =>
        {
            Ok(Target::Answer(id.to_owned()))
        }
        ("", code, "") if !code.is_empty() && slug && code.len() <= FIELD_CHARS_MAX => {
            Ok(Target::Field(code.to_owned()))
        }
        ("", "", code) if !code.is_empty() => {
            let ticket = storage::find_by_code(conn, parse_code(code)?.as_str()).await?;
            Ok(Target::Question(ticket.ok_or_else(no_such_ticket)?.ticket_id))
        }
        _ => Err(Refusal::invalid(
            "passageId",
            "SUBSCRIPTION_TARGET",
            "name a published answer, a field or a question: one of them, by its id or code",
        )),
    }
}

fn no_such_subscription() -> Refusal {
    Refusal::not_found("SUBSCRIPTION_NOT_FOUND", "this link is not one of ours, or has ended")
}
