//! SQL of receipts, recalls and notices.

use api::{TicketId, intake::v1::Milestone};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{decode, version};
use crate::recall::{Notice, Recall, Receipt, What};

/// Whoever received the first passage counts as having received the second, too.
pub async fn follow(conn: &mut PgConnection, from_id: &str, to_id: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into intake.receipt (passage_id, ticket_id, received_at, text_hash)
         select $2, ticket_id, received_at, text_hash from intake.receipt where passage_id = $1
         on conflict (passage_id, ticket_id) do nothing",
        from_id,
        to_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps what a ticket received; a later answer of the ticket takes the place of its earlier one.
pub async fn keep_receipt(conn: &mut PgConnection, receipt: &Receipt) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into intake.receipt as old (passage_id, ticket_id, received_at, text_hash) values ($1, $2, $3, $4)
         on conflict (passage_id, ticket_id) do update
         set received_at = excluded.received_at, text_hash = excluded.text_hash
         where old.received_at < excluded.received_at",
        receipt.passage_id,
        receipt.ticket_id.0,
        receipt.received_at,
        receipt.text_hash,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a recall up unless a newer one of the passage, or the same, is there.
pub async fn keep_recall(conn: &mut PgConnection, recall: &Recall) -> Result<bool, sqlx::Error> {
    let (what, text) = match &recall.what {
        What::Corrected { text } => (Milestone::Corrected, text.as_str()),
        What::Withdrawn => (Milestone::Withdrawn, ""),
    };
    let kept = sqlx::query!(
        "insert into intake.recall as old (passage_id, version, what, text, reason, earlier, at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (passage_id) do update
         set version = excluded.version, what = excluded.what, text = excluded.text, reason = excluded.reason,
             earlier = excluded.earlier, at = excluded.at, done_at = null
         where old.version < excluded.version",
        recall.passage_id,
        version(recall.version),
        what.as_str_name(),
        text,
        recall.reason,
        &recall.earlier,
        recall.at,
    )
    .execute(conn)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Until the transaction ends, no recall of these passages begins.
pub async fn before_recalls(conn: &mut PgConnection, passage_ids: &[String]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock_shared(hashtextextended('intake.recall:' || id, 0))
         from unnest($1::text[]) with ordinality as ids (id, n) order by n",
        passage_ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Waits for the receipts of the passage that are just being written: its recall must see them.
pub async fn after_receipts(conn: &mut PgConnection, passage_id: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('intake.recall:' || $1::text, 0))",
        passage_id
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Has the recall of a passage look once more for tickets that are to be told.
pub async fn reopen(conn: &mut PgConnection, passage_id: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("update intake.recall set done_at = null where passage_id = $1", passage_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest recall of a passage.
pub async fn find(conn: &mut PgConnection, passage_id: &str) -> Result<Option<Recall>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select passage_id, version, what, text, reason, earlier, at from intake.recall where passage_id = $1",
        passage_id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Recall::try_from).transpose()
}

/// Takes the oldest recall that is not done. It is the transaction's until it ends: another process
/// takes another, and a newer version of it waits.
pub async fn take_open(conn: &mut PgConnection) -> Result<Option<Recall>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select passage_id, version, what, text, reason, earlier, at from intake.recall
         where done_at is null order by at limit 1 for update skip locked",
    )
    .fetch_optional(conn)
    .await?;
    row.map(Recall::try_from).transpose()
}

/// Tickets that a recall concerns and that were not told of it, nor of anything newer.
pub async fn untold(
    conn: &mut PgConnection,
    recall: &Recall,
    limit: i64,
) -> Result<Vec<TicketId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select r.ticket_id from intake.receipt r
         where r.passage_id = $1 and (r.received_at <= $2 or r.text_hash = any($3))
           and not exists (select from intake.notice n
                           where n.ticket_id = r.ticket_id and n.passage_id = $1 and n.version >= $4)
         order by r.ticket_id limit $5",
        recall.passage_id,
        recall.at,
        &recall.earlier,
        version(recall.version),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(TicketId).collect())
}

/// Notes what a ticket is told; `false`: it was told before.
pub async fn keep_notice(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    notice: &Notice,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let kept = sqlx::query!(
        "insert into intake.notice
             (ticket_id, passage_id, version, what, whole, text, reason, at, told_at, answer_number)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing",
        ticket_id.0,
        notice.passage_id,
        version(notice.version),
        notice.what.as_str_name(),
        notice.whole,
        notice.text,
        notice.reason,
        notice.at,
        now,
        version(notice.answer_number),
    )
    .execute(conn)
    .await?;
    Ok(kept.rows_affected() == 1)
}

pub async fn mark_done(
    conn: &mut PgConnection,
    passage_id: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("update intake.recall set done_at = $2 where passage_id = $1", passage_id, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// What a ticket was told, oldest first.
pub async fn notices(conn: &mut PgConnection, ticket_id: TicketId) -> Result<Vec<Notice>, sqlx::Error> {
    let rows = sqlx::query!(
        "select passage_id, version, what, answer_number, whole, text, reason, at from intake.notice
         where ticket_id = $1 order by at, passage_id, version",
        ticket_id.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Notice {
                passage_id: row.passage_id,
                version: row.version.unsigned_abs(),
                what: Milestone::from_str_name(&row.what).ok_or_else(|| decode("unknown milestone"))?,
                answer_number: row.answer_number.unsigned_abs(),
                whole: row.whole,
                text: row.text,
                reason: row.reason,
                at: row.at,
            })
        })
        .collect()
}

/// A ticket that received a passage.
pub struct Recipient {
    pub ticket_id: Uuid,
    pub received_at: DateTime<Utc>,
    pub told_at: Option<DateTime<Utc>>,
}

/// Tickets after `after` that received a passage, and when they were told of that version of it.
pub async fn recipients(
    conn: &mut PgConnection,
    passage_id: &str,
    told: u32,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Recipient>, sqlx::Error> {
    sqlx::query_as!(
        Recipient,
        r#"select r.ticket_id, r.received_at, n.told_at as "told_at?"
           from intake.receipt r
           left join intake.notice n
             on n.ticket_id = r.ticket_id and n.passage_id = r.passage_id and n.version = $2
           where r.passage_id = $1 and r.ticket_id > $3 order by r.ticket_id limit $4"#,
        passage_id,
        version(told),
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// How many received a passage, were told of its recall, and are still to be told.
pub struct Counts {
    pub received: i64,
    pub told: i64,
    pub waiting: i64,
}

pub async fn counts(
    conn: &mut PgConnection,
    passage_id: &str,
    recall: Option<&Recall>,
) -> Result<Counts, sqlx::Error> {
    let earlier: &[String] = recall.map(|recall| recall.earlier.as_slice()).unwrap_or_default();
    sqlx::query_as!(
        Counts,
        r#"select count(*) as "received!", count(*) filter (where told) as "told!",
                  count(*) filter (where not told and coalesce(concerned, false)) as "waiting!"
           from (select r.received_at <= $2 or r.text_hash = any($3) as concerned,
                        exists (select from intake.notice n where n.ticket_id = r.ticket_id
                                and n.passage_id = $1 and n.version >= $4) as told
                 from intake.receipt r where r.passage_id = $1) receipts"#,
        passage_id,
        recall.map(|recall| recall.at),
        earlier,
        version(recall.map_or(u32::MAX, |recall| recall.version)),
    )
    .fetch_one(conn)
    .await
}

struct Row {
    passage_id: String,
    version: i32,
    what: String,
    text: String,
    reason: String,
    earlier: Vec<String>,
    at: DateTime<Utc>,
}

impl TryFrom<Row> for Recall {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let what = match Milestone::from_str_name(&row.what) {
            Some(Milestone::Corrected) => What::Corrected { text: row.text },
            Some(Milestone::Withdrawn) => What::Withdrawn,
            _ => return Err(decode("a recall that is neither a correction nor a withdrawal")),
        };
        Ok(Self {
            passage_id: row.passage_id,
            version: row.version.unsigned_abs(),
            what,
            reason: row.reason,
            earlier: row.earlier,
            at: row.at,
        })
    }
}
