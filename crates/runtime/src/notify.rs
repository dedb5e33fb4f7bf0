//! Telling somebody outside. A [`Notifier`] is one way of doing so; [`run`] takes what waits in a
//! queue of [`bus::notice`], has it written by its owner and sent.
//!
//! Two ways are here: [`Mailer`] and [`Webhook`]. An SMS or Zalo gateway is a third one: its `send`
//! calls the provider with `to[0]` (a phone number) and `text`, names `id` as the provider's key
//! against repeats where it has one, and says of a failure whether the message was certainly not taken
//! ([`NotSent::Later`], [`NotSent::Never`]) or may have been ([`NotSent::Unsure`]).

mod mail;
mod webhook;

use std::time::Duration;

use bus::notice::{Claimed, Outcome};
use futures::StreamExt as _;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use mail::Mailer;
pub use webhook::{SigningKey, Webhook};

use crate::config;

/// How often to look for what waits.
const POLL: Duration = Duration::from_secs(1);

/// Notices under way at once, of one queue in one process.
const AT_ONCE: usize = 8;

/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_hours(1);

/// What is told, ready to be sent.
#[derive(Debug, Clone, Default)]
pub struct Notice {
    /// The same at every attempt.
    pub id: Uuid,
    /// In the form of the way: mailboxes, a phone number. A webhook knows its own.
    pub to: Vec<String>,
    pub subject: String,
    /// Plain text; of a webhook: its JSON.
    pub text: String,
    /// For ways that show it.
    pub html: String,
    pub attachments: Vec<Attachment>,
    /// Where a mail program unsubscribes with one click (RFC 8058); empty: nowhere.
    pub unsubscribe: String,
}

#[derive(Debug, Clone)]
pub struct Attachment {
    pub name: String,
    /// Like `text/csv; charset=utf-8`.
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

/// Why a notice was not sent: a code, without a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSent {
    /// It was not taken; it may be later.
    Later(String),
    /// It was not taken and never will be.
    Never(String),
    /// It may have been taken.
    Unsure(String),
}

impl From<sqlx::Error> for NotSent {
    fn from(error: sqlx::Error) -> Self {
        tracing::warn!(error = &error as &dyn std::error::Error, "a notice could not be written");
        Self::Later("DATABASE".to_owned())
    }
}

/// A way of telling somebody something.
pub trait Notifier: Send + Sync + 'static {
    /// Longest time that one attempt takes.
    fn patience(&self) -> Duration;

    fn send(&self, notice: Notice) -> impl Future<Output = Result<(), NotSent>> + Send;
}

/// A queue and how patient it is.
#[derive(Clone)]
pub struct Queue {
    pub name: String,
    pub pool: PgPool,
    pub retries: config::Notices,
}

impl Queue {
    async fn turn<N, W, F>(&self, notifier: &N, write: &W) -> Result<usize, sqlx::Error>
    where
        N: Notifier,
        W: Fn(Claimed) -> F + Sync,
        F: Future<Output = Result<Notice, NotSent>> + Send,
    {
        // Twice as long as an attempt lasts: nobody is at it any more.
        let released = bus::notice::release(&self.pool, &self.name, notifier.patience() * 2).await?;
        if released > 0 {
            tracing::warn!(queue = self.name, released, "notices were under way in a process that ended");
        }
        let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
        let claimed = bus::notice::claim(&self.pool, &self.name, limit).await?;
        let count = claimed.len();
        futures::stream::iter(claimed)
            .for_each_concurrent(AT_ONCE, |claimed| self.deliver(notifier, write, claimed))
            .await;
        Ok(count)
    }

    async fn deliver<N, W, F>(&self, notifier: &N, write: &W, claimed: Claimed)
    where
        N: Notifier,
        W: Fn(Claimed) -> F + Sync,
        F: Future<Output = Result<Notice, NotSent>> + Send,
    {
        let kind = claimed.fact.split(':').next().unwrap_or_default().to_owned();
        bus::faults::reach("before-send", &kind);
        let sent = match write(claimed.clone()).await {
            Ok(notice) => notifier.send(notice).await,
            Err(not_written) => Err(not_written),
        };
        bus::faults::reach("after-send", &kind);
        let outcome = outcome(sent, claimed.attempts, &self.retries);
        let (name, error) = match &outcome {
            Outcome::Sent => ("sent", ""),
            Outcome::Later(_, error) => ("later", error.as_str()),
            Outcome::Failed(error) => ("failed", error.as_str()),
            Outcome::Unsure(error) => ("unsure", error.as_str()),
        };
        if !error.is_empty() {
            tracing::warn!(queue = self.name, notice.id = %claimed.notice_id, fact = kind, error, outcome = name,
                "a notice was not sent");
        }
        metrics::counter!("motcua_notices_total", "queue" => self.name.clone(), "outcome" => name)
            .increment(1);
        if let Err(error) = bus::notice::mark(&self.pool, &claimed, &outcome).await {
            // Released later: as if this process had died here.
            tracing::warn!(error = &error as &dyn std::error::Error, "what became of a notice was not noted");
        }
    }
}

fn outcome(sent: Result<(), NotSent>, attempts: i32, retries: &config::Notices) -> Outcome {
    match sent {
        Ok(()) => Outcome::Sent,
        Err(NotSent::Later(error)) if attempts.unsigned_abs() < retries.attempts_max => {
            Outcome::Later(pause(attempts.unsigned_abs(), retries.pause_ms), error)
        }
        Err(NotSent::Later(error) | NotSent::Never(error)) => Outcome::Failed(error),
        Err(NotSent::Unsure(error)) => Outcome::Unsure(error),
    }
}

/// Doubles with every attempt, to an hour.
fn pause(attempts: u32, first_ms: u64) -> Duration {
    let doublings = attempts.clamp(1, 20) - 1;
    Duration::from_millis(first_ms.saturating_mul(1 << doublings)).min(PAUSE_MAX)
}

/// Sends what waits in the queue until `shutdown`; what is under way then is finished.
pub async fn run<N, W, F>(
    queue: Queue,
    notifier: N,
    write: W,
    shutdown: CancellationToken,
) -> anyhow::Result<()>
where
    N: Notifier,
    W: Fn(Claimed) -> F + Sync,
    F: Future<Output = Result<Notice, NotSent>> + Send,
{
    while !shutdown.is_cancelled() {
        match queue.turn(&notifier, &write).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "sending again after a pause");
            }
        }
        let _ = shutdown.run_until_cancelled(tokio::time::sleep(POLL)).await;
    }
    Ok(())
}

/// Simple HTML of a plain text: its paragraphs, with its addresses as links.
pub fn html(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).map(|paragraph| {
        let words = escape(paragraph.trim()).replace('\n', "<br>\n");
        let words = words.split(' ').map(|word| {
            if word.starts_with("https://") {
                format!("<a href=\"{word}\">{word}</a>")
            } else {
                word.to_owned()
            }
        });
        format!("<p>{}</p>\n", words.collect::<Vec<_>>().join(" "))
    });
    let body: String = paragraphs.collect();
    format!("<!doctype html>\n<html lang=\"vi\"><meta charset=\"utf-8\"><body>\n{body}</body></html>\n")
}

/// Puts values into a template; what a value holds is never read as a template.
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let named = after.split_once('}');
        let value = named.and_then(|(name, tail)| Some((values.iter().find(|(n, _)| *n == name)?.1, tail)));
        if let Some((value, tail)) = value {
            filled.push_str(value);
            rest = tail;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled + rest
}

/// Text as HTML shows it.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_end_and_pauses_stay_bounded() {
        let retries = config::Notices { attempts_max: 3, pause_ms: 1_000 };
        let later = || Err(NotSent::Later("SMTP_451".into()));
        assert_eq!(outcome(later(), 1, &retries), Outcome::Later(Duration::from_secs(1), "SMTP_451".into()));
        assert_eq!(outcome(later(), 2, &retries), Outcome::Later(Duration::from_secs(2), "SMTP_451".into()));
        assert_eq!(outcome(later(), 3, &retries), Outcome::Failed("SMTP_451".into()));
        let never = Err(NotSent::Never("SMTP_550".into()));
        assert_eq!(outcome(never, 1, &retries), Outcome::Failed("SMTP_550".into()));
        assert_eq!(pause(4_000, 5_000), PAUSE_MAX);
        assert_eq!(pause(0, u64::MAX), PAUSE_MAX);
    }

    #[test]
    fn what_may_have_been_sent_is_never_sent_again_by_itself() {
        let unsure = Err(NotSent::Unsure("BROKEN_OFF".into()));
        assert_eq!(outcome(unsure, 1, &config::Notices::default()), Outcome::Unsure("BROKEN_OFF".into()));
    }

    #[test]
    fn a_value_is_never_read_as_a_template() {
        let values = [("code", "{reason}"), ("reason", "x")];
        assert_eq!(fill("{code} {reason} {other} {", &values), "{reason} x {other} {");
    }

    #[test]
    fn html_shows_text_and_never_becomes_markup() {
        let page = html("<b>Kính gửi</b> & \"ông\"\nbà\n\nXem https://hoi.vn/?a=1&b=2 nhé");
        assert!(page.contains("<p>&lt;b&gt;Kính gửi&lt;/b&gt; &amp; &quot;ông&quot;<br>\nbà</p>"), "{page}");
        let link = "https://hoi.vn/?a=1&amp;b=2";
        assert!(page.contains(&format!("<a href=\"{link}\">{link}</a> nhé")), "{page}");
    }
}
