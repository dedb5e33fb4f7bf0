//! Writes to askers who left an address: a letter is put into the queue in the transaction of its
//! fact, and the address is unsealed only when it is sent.

use api::TicketId;
use bus::notice::Claimed;
use runtime::notify::{self, NotSent, Notice};
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use crate::{
    letter::{ASKER, Letter},
    mailing::SUBSCRIBER,
    service::Intake,
    storage,
    verifying::VERIFIER,
};

/// The queue of askers' letters.
pub const QUEUE: &str = "intake";

impl Intake {
    /// Has the asker written, if mail is on and the asker left an address.
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
        if !reachable {
            return Ok(());
        }
        let content = serde_json::to_value(letter).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let notice = bus::notice::Notice {
            queue: QUEUE,
            about: ticket_id.0,
            fact: &letter.fact,
            recipient: ASKER,
            repeatable: false,
            content,
        };
        bus::notice::put(conn, &notice).await
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
        let ticket_id = TicketId(claimed.about);
        let letter: Letter =
            serde_json::from_value(claimed.content).map_err(|_| never("CONTENT_NOT_VALID"))?;
        let mut conn = self.pool.acquire().await?;
        let code = storage::tracking_code(&mut conn, ticket_id).await?.ok_or_else(|| never("TICKET_GONE"))?;
        let sealed = storage::first_sealed(&mut conn, ticket_id).await?;
        drop(conn);
        let asker = self.sealer.open(ticket_id, &sealed).map_err(|_| never("SEAL_NOT_OPENED"))?;
        let written = letter.write(&code, site_url).ok_or_else(|| never("LETTER_UNKNOWN"))?;
        Ok(Notice {
            id: claimed.notice_id,
            to: vec![asker.email],
            subject: written.subject,
            text: written.text,
            html: written.html,
            attachments: Vec::new(),
            unsubscribe: String::new(),
        })
    }
}

pub fn never(code: &str) -> NotSent {
    NotSent::Never(code.to_owned())
}
