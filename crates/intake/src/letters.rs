//! Writes to askers who left an address: a letter is put into the queue in the transaction of its
//! fact, and the address is unsealed only when it is sent.

use api::TicketId;
use bus::notice::Claimed;
use runtime::notify::{self, NotSent, Notice};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    letter::{ASKER, FOLLOWER, Letter},
    mailing::{SUBSCRIBER, Target},
    service::Intake,
    storage::{self, subscription as subscriptions},
    verifying::VERIFIER,
};

/// The queue of askers' letters.
pub const QUEUE: &str = "intake";

/// Of one question: who has its code is few.
const FOLLOWERS_MAX: i64 = 10;

impl Intake {
    /// Has the asker written, if mail is on and the asker left an address; and whoever follows the question.
    pub async fn write_to_asker(
        &self,
        conn: &mut PgConnection,
        ticket_id: TicketId,
        letter: &Letter,
    ) -> Result<(), sqlx::Error> {
        if self.mailer.is_none() {
            return Ok(());
        }
        let sealed = storage::first_sealed(conn, ticket_id).await?;
        let reachable = self.sealer.open(ticket_id, &sealed).is_ok_and(|asker| !asker.email.is_empty());
        let asker = reachable.then_some((ticket_id.0, ASKER));
        let followers = subscriptions::followers(conn, ticket_id, FOLLOWERS_MAX).await?;
        let content = serde_json::to_value(letter).map_err(|error| sqlx::Error::Encode(error.into()))?;
        for (about, recipient) in asker.into_iter().chain(followers.into_iter().map(|id| (id, FOLLOWER))) {
            let (queue, fact, content) = (QUEUE, letter.fact.as_str(), content.clone());
            let notice = bus::notice::Notice { queue, about, fact, recipient, repeatable: false, content };
            bus::notice::put(conn, &notice).await?;
        }
        Ok(())
    }

    /// Sends letters until `shutdown`; nothing to do where mail is off.
    pub async fn run_letters(self, queue: notify::Queue, shutdown: CancellationToken) -> anyhow::Result<()> {
        let Some(mailer) = self.mailer.clone() else { return Ok(()) };
        let site_url = mailer.site_url().to_owned();
        let write = |claimed: Claimed| self.write_letter(claimed, &site_url);
        notify::run(queue, mailer, write, shutdown).await
    }

    async fn write_letter(&self, claimed: Claimed, site_url: &str) -> Result<Notice, NotSent> {
        if claimed.recipient == SUBSCRIBER {
            return self.write_mailing(claimed, site_url).await;
        }
        if claimed.recipient == VERIFIER {
            return self.write_email_code(claimed).await;
        }
        let letter: Letter =
            serde_json::from_value(claimed.content).map_err(|_| never("CONTENT_NOT_VALID"))?;
        let mut conn = self.pool.acquire().await?;
        let reader = if claimed.recipient == FOLLOWER {
            self.follower(&mut conn, claimed.about, site_url).await?
        } else {
            self.asker(&mut conn, TicketId(claimed.about)).await?
        };
        let code = storage::tracking_code(&mut conn, reader.ticket_id).await?;
        drop(conn);
        let code = code.ok_or_else(|| never("TICKET_GONE"))?;
        let written = letter.write(&code, site_url, &reader.stop).ok_or_else(|| never("LETTER_UNKNOWN"))?;
        Ok(Notice {
            id: claimed.notice_id,
            to: vec![reader.address],
            subject: written.subject,
            text: written.text,
            html: written.html,
            attachments: Vec::new(),
            unsubscribe: reader.stop,
        })
    }

    async fn asker(&self, conn: &mut PgConnection, ticket_id: TicketId) -> Result<Reader, NotSent> {
        let sealed = storage::first_sealed(conn, ticket_id).await?;
        let asker = self.sealer.open(ticket_id, &sealed).map_err(|_| never("SEAL_NOT_OPENED"))?;
        Ok(Reader { ticket_id, address: asker.email, stop: String::new() })
    }

    async fn follower(&self, conn: &mut PgConnection, id: Uuid, site_url: &str) -> Result<Reader, NotSent> {
        let subscription = subscriptions::find(conn, id).await?;
        let subscription = subscription.ok_or_else(|| never("SUBSCRIPTION_GONE"))?;
        let Target::Question(ticket_id) = subscription.target else { return Err(never("SUBSCRIPTION_GONE")) };
        let opened = self.sealer.open(TicketId(id), &subscription.sealed);
        let address = opened.map_err(|_| never("SEAL_NOT_OPENED"))?.email;
        Ok(Reader { ticket_id, address, stop: self.links(site_url, id).stop })
    }
}

/// Who reads a letter.
struct Reader {
    ticket_id: TicketId,
    address: String,
    /// Of a follower; empty: an asker's letters end with the question.
    stop: String,
}

pub fn never(code: &str) -> NotSent {
    NotSent::Never(code.to_owned())
}
