//! What is told to somebody outside, each recipient once for each fact: put in the transaction of the
//! effect, claimed before it is sent, marked after. A notice that a process held when it died may have
//! been sent. Where the receiver tells repeats apart it is sent again; else it is *unsure*, is shown,
//! and waits for a person.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// A notice to be sent.
pub struct Notice<'a> {
    /// Whose sender takes it.
    pub queue: &'a str,
    /// The ticket, digest or event.
    pub about: Uuid,
    /// With `about` and `recipient` it happens once.
    pub fact: &'a str,
    /// A code, never a contact.
    pub recipient: &'a str,
    /// The receiver tells repeats apart by the notice's id.
    pub repeatable: bool,
    /// What its writer needs; nothing personal.
    pub content: serde_json::Value,
}

/// A notice that this process is to send.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub notice_id: Uuid,
    pub about: Uuid,
    pub fact: String,
    pub recipient: String,
    pub content: serde_json::Value,
    /// This one included.
    pub attempts: i32,
}

/// What became of an attempt; errors are codes, without a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// Was not sent; again after the pause.
    Later(Duration, String),
    /// Was not sent and will not be.
    Failed(String),
    /// May have been sent.
    Unsure(String),
}

/// Has a recipient told of a fact, if, and only if, the caller's transaction commits; the same again
/// changes nothing.
pub async fn put(conn: &mut PgConnection, notice: &Notice<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into bus.notice (notice_id, queue, about, fact, recipient, repeatable, content, state)
         values ($1, $2, $3, $4, $5, $6, $7, 'waiting') on conflict on constraint notice_once do nothing",
        Uuid::now_v7(),
        notice.queue,
        notice.about,
        notice.fact,
        notice.recipient,
        notice.repeatable,
        notice.content,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the next notices of a queue; no other process gets them meanwhile. No pause lasts two hours: what
/// seems to wait longer was put while the clock was ahead.
pub async fn claim(pool: &PgPool, queue: &str, limit: i64) -> Result<Vec<Claimed>, sqlx::Error> {
    sqlx::query_as!(
        Claimed,
        "update bus.notice set state = 'sending', attempts = attempts + 1, claimed_at = now()
         where notice_id in (select notice_id from bus.notice
                             where queue = $1 and state = 'waiting'
                               and (next_at <= now() or next_at > now() + interval '2 hours')
                             order by next_at limit $2 for update skip locked)
         returning notice_id, about, fact, recipient, content, attempts",
        queue,
        limit,
    )
    .fetch_all(pool)
    .await
}

/// What was claimed longer ago than any attempt lasts was held by a process that died; so was what was
/// claimed at a time to come, while the clock was ahead, unless it is under way still.
pub async fn release(pool: &PgPool, queue: &str, lease: Duration) -> Result<u64, sqlx::Error> {
    let released = sqlx::query!(
        "update bus.notice
         set state = case when repeatable then 'waiting' else 'unsure' end, next_at = now(), ended_at = now(),
             error = 'PROCESS_ENDED'
         where queue = $1 and state = 'sending' and claimed_at not between
               now() - make_interval(secs => $2) and now() + make_interval(secs => $2)",
        queue,
        lease.as_secs_f64(),
    )
    .execute(pool)
    .await?;
    Ok(released.rows_affected())
}

/// Marks an attempt; too late after a release, it changes nothing.
pub async fn mark(pool: &PgPool, claimed: &Claimed, outcome: &Outcome) -> Result<(), sqlx::Error> {
    let (state, pause, error) = match outcome {
        Outcome::Sent => ("sent", Duration::ZERO, ""),
        Outcome::Later(pause, error) => ("waiting", *pause, error.as_str()),
        Outcome::Failed(error) => ("failed", Duration::ZERO, error.as_str()),
        Outcome::Unsure(error) => ("unsure", Duration::ZERO, error.as_str()),
    };
    sqlx::query!(
        "update bus.notice
         set state = $3, next_at = now() + make_interval(secs => $4), error = $5,
             ended_at = case when $3 = 'waiting' then null else now() end
         where notice_id = $1 and attempts = $2 and state = 'sending'",
        claimed.notice_id,
        claimed.attempts,
        state,
        pause.as_secs_f64(),
        error,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// A notice as the operator sees it.
#[derive(Debug)]
pub struct Shown {
    pub notice_id: Uuid,
    pub queue: String,
    pub about: Uuid,
    pub fact: String,
    pub recipient: String,
    pub state: String,
    pub attempts: i32,
    pub next_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub error: String,
    pub created_at: DateTime<Utc>,
}

/// Notices of a state and queue (empty: of any) before `before`, the newest first.
pub async fn list(
    conn: &mut PgConnection,
    state: &str,
    queue: &str,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Shown>, sqlx::Error> {
    sqlx::query_as!(
        Shown,
        "select notice_id, queue, about, fact, recipient, state, attempts, next_at, ended_at, error, created_at
         from bus.notice
         where ($1 = '' or state = $1) and ($2 = '' or queue = $2) and ($3::uuid is null or notice_id < $3)
         order by notice_id desc limit $4",
        state,
        queue,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Which notices are sent again.
pub enum Replay<'a> {
    /// This one; what was sent only if it is repeatable.
    One(Uuid),
    /// Of a queue, those that failed or are unsure, and, from `since` on, the repeatable ones that were sent.
    Queue { queue: &'a str, since: Option<DateTime<Utc>> },
}

/// Has notices sent again; returns how many.
pub async fn replay(conn: &mut PgConnection, which: &Replay<'_>) -> Result<u64, sqlx::Error> {
    let (one, queue, since) = match which {
        Replay::One(notice_id) => (Some(*notice_id), "", None),
        Replay::Queue { queue, since } => (None, *queue, *since),
    };
    let replayed = sqlx::query!(
        "update bus.notice
         set state = 'waiting', next_at = now(), attempts = 0, error = '', ended_at = null
         where (notice_id = $1 or ($1::uuid is null and queue = $2))
           and ($3::timestamptz is null or created_at >= $3)
           and (state in ('failed', 'unsure')
                or (state = 'sent' and repeatable and ($1::uuid is not null or $3::timestamptz is not null)))",
        one,
        queue,
        since,
    )
    .execute(conn)
    .await?;
    Ok(replayed.rows_affected())
}
