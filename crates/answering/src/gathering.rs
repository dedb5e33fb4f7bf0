//! Gathers digests when their time has come, reminds of what is late, and writes both to the groups:
//! each once, also when several processes look, or one dies in between.

use std::{sync::LazyLock, time::Duration};

use bus::notice::Claimed;
use runtime::notify::{self, Attachment, NotSent, Notice};
use serde::Deserialize;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    digest::{Digest, Item, plan::Plan, sheet},
    digests::file_name,
    service::Answering,
    storage::digest as digests,
};

/// The queue of letters to groups.
pub const QUEUE: &str = "answering";

/// How often to look for a time that has come.
const POLL: Duration = Duration::from_secs(5);

/// Its media type, as ISO/IEC 29500 registers it.
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

/// Late digests of one transaction.
const BATCH: i64 = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    #[serde(rename = "letter")]
    letters: Vec<Template>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    code: String,
    subject: String,
    text: String,
}

static DATA: LazyLock<Data> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/digest_letters.toml"))
        .expect("data/digest_letters.toml is compiled in and covered by a test")
});

impl Answering {
    /// Gathers and reminds until `shutdown`. A failure is tried again.
    pub async fn run_digests(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        while !shutdown.is_cancelled() {
            let turn = async {
                self.gather_due().await?;
                self.remind().await
            };
            if let Some(Err(error)) = shutdown.run_until_cancelled(turn).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "gathering again after a pause");
            }
            let _ = shutdown.run_until_cancelled(tokio::time::sleep(POLL)).await;
        }
        Ok(())
    }

    async fn gather_due(&self) -> Result<(), sqlx::Error> {
        for plan in &self.plans.plans {
            let Some(slot) = self.plans.slot(plan, self.clock.now()) else { continue };
            let mut conn = self.pool.acquire().await?;
            let taken = digests::slot_taken(&mut conn, &plan.code, slot).await?;
            drop(conn);
            if !taken {
                self.gather(plan, slot).await?;
            }
        }
        Ok(())
    }

    /// Notes each reminder that has come and has the group written.
    async fn remind(&self) -> Result<(), sqlx::Error> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        for digest in digests::lock_late(&mut tx, &self.plans.reminders(), now, BATCH).await? {
            // What became of its plan: nobody is reminded by it any more.
            let Some(plan) = self.plans.plan(&digest.code) else { continue };
            let Some(step) = plan.reminder(digest.gathered_at, digest.reminded, now) else { continue };
            digests::save_reminded(&mut tx, digest.digest_id, step).await?;
            let fact = format!("digest-reminder:{step}");
            self.write_to_group(&mut tx, plan, digest.digest_id, &fact).await?;
            bus::faults::reach("before-reminded", "digest");
        }
        tx.commit().await
    }

    /// Has a group written, if mail is on and it has a mailbox.
    pub(crate) async fn write_to_group(
        &self,
        conn: &mut PgConnection,
        plan: &Plan,
        digest_id: Uuid,
        fact: &str,
    ) -> Result<(), sqlx::Error> {
        if self.mailer.is_none() || plan.to.is_empty() {
            return Ok(());
        }
        let notice = bus::notice::Notice {
            queue: QUEUE,
            about: digest_id,
            fact,
            recipient: &plan.group,
            repeatable: false,
            content: serde_json::Value::Null,
        };
        bus::notice::put(conn, &notice).await
    }

    /// Sends letters to groups until `shutdown`; nothing to do where mail is off.
    pub async fn run_letters(self, queue: notify::Queue, shutdown: CancellationToken) -> anyhow::Result<()> {
        let Some(mailer) = self.mailer.clone() else { return Ok(()) };
        let site_url = mailer.site_url().to_owned();
        let write = |claimed: Claimed| self.write_letter(claimed, &site_url);
        notify::run(queue, mailer, write, shutdown).await
    }

    async fn write_letter(&self, claimed: Claimed, site_url: &str) -> Result<Notice, NotSent> {
        let mut conn = self.pool.acquire().await?;
        let digest = digests::find_digest(&mut conn, claimed.about, false).await?;
        let digest = digest.ok_or_else(|| never("DIGEST_GONE"))?;
        let items = digests::items(&mut conn, claimed.about).await?;
        drop(conn);
        let plan = self.plans.plan(&digest.code).ok_or_else(|| never("PLAN_GONE"))?;
        let kind = claimed.fact.split(':').next().unwrap_or_default();
        let template = DATA.letters.iter().find(|letter| letter.code == kind);
        let template = template.ok_or_else(|| never("LETTER_UNKNOWN"))?;
        let zone = self.plans.time_zone();
        let due = digest.due_at.with_timezone(&zone).format("%H:%M %d/%m/%Y").to_string();
        let values = values(&digest, &items, plan, &due, site_url);
        let values: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let text = notify::fill(template.text.trim(), &values);
        let page = sheet::page(&digest, &items);
        let attachment =
            |ending, media_type, bytes| Attachment { name: file_name(&digest, ending), media_type, bytes };
        let csv = sheet::write(&digest, &items, zone).into_bytes();
        Ok(Notice {
            id: claimed.notice_id,
            to: plan.to.clone(),
            subject: notify::fill(&template.subject, &values),
            html: notify::html(&text),
            text,
            unsubscribe: String::new(),
            attachments: vec![
                attachment("csv", "text/csv; charset=utf-8", csv),
                attachment("docx", DOCX, sheet::write_document(&digest, &items, zone)),
                attachment("html", "text/html; charset=utf-8", page.into_bytes()),
            ],
        })
    }
}

fn values(
    digest: &Digest,
    items: &[Item],
    plan: &Plan,
    due: &str,
    site_url: &str,
) -> [(&'static str, String); 7] {
    let waiting = items.iter().filter(|item| item.waits()).count();
    [
        ("label", digest.label()),
        ("group", digest.group_name.clone()),
        ("count", waiting.to_string()),
        ("due", due.to_owned()),
        ("sha256", digest.sha256.clone()),
        ("contact", plan.contact.clone()),
        ("site", site_url.to_owned()),
    ]
}

fn never(code: &str) -> NotSent {
    NotSent::Never(code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letters_ask_for_nothing_that_is_not_given() {
        let codes: Vec<_> = DATA.letters.iter().map(|letter| letter.code.as_str()).collect();
        assert_eq!(codes, ["digest-gathered", "digest-reminder"]);
        let names = ["label", "group", "count", "due", "sha256", "contact", "site"];
        let values: Vec<_> = names.map(|name| (name, "x")).into();
        for letter in &DATA.letters {
            let filled = notify::fill(&format!("{}{}", letter.subject, letter.text), &values);
            assert!(!filled.contains(['{', '}']), "{filled}");
        }
    }
}
