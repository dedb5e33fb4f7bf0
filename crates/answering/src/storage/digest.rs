//! SQL of digests and their items.

use api::TicketId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{decode, json};
use crate::{
    answer::{Answer, State as AnswerState},
    digest::{Digest, Ending, Item, State, plan::Reminder},
};

/// Why a question that went another way leaves its digest, and by whom.
const GONE: &str = "Câu hỏi đã được trả lời hoặc chuyển theo cách khác";
const BY_ITSELF: &str = "motcua";

/// Until the transaction ends, nobody else gathers by this plan.
pub async fn lock_plan(conn: &mut PgConnection, code: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('answering.digest:' || $1::text, 0))", code)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// Takes a time of a plan; `false`: it was taken before.
pub async fn take_slot(
    conn: &mut PgConnection,
    code: &str,
    slot: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let taken = sqlx::query!(
        "insert into answering.digest_slot (code, slot) values ($1, $2) on conflict do nothing",
        code,
        slot
    )
    .execute(conn)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Whether a time of a plan was taken.
pub async fn slot_taken(
    conn: &mut PgConnection,
    code: &str,
    slot: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (select from answering.digest_slot where code = $1 and slot = $2) as "taken!""#,
        code,
        slot,
    )
    .fetch_one(conn)
    .await
}

/// Questions that wait, are nobody's member and were in no digest this round, the most urgent first;
/// locked until the transaction ends. What somebody is just changing is left for the next digest.
pub async fn lock_open(
    conn: &mut PgConnection,
    unit: &str,
    fields: &[String],
    limit: i64,
) -> Result<Vec<(TicketId, serde_json::Value)>, sqlx::Error> {
    let rows = sqlx::query!(
        "select ticket_id, question from answering.answer a
         where state = 'drafted' and unit = $1 and field = any($2)
           and not exists (select from answering.family_member f
                           where f.ticket_id = a.ticket_id and f.ending is distinct from 'left')
           and not exists (select from answering.digest_item i
                           where i.ticket_id = a.ticket_id
                             and i.round = jsonb_array_length(a.question -> 'followUps')
                                         + coalesce((a.question ->> 'revision')::integer, 0))
         order by due_at, ticket_id limit $3 for update of a skip locked",
        unit,
        fields,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (TicketId(row.ticket_id), row.question)).collect())
}

/// The number that the next digest of a plan gets.
pub async fn next_number(conn: &mut PgConnection, code: &str) -> Result<u32, sqlx::Error> {
    let last = sqlx::query_scalar!(
        r#"select coalesce(max(number), 0) as "last!" from answering.digest where code = $1"#,
        code
    )
    .fetch_one(conn)
    .await?;
    Ok(last.unsigned_abs() + 1)
}

pub async fn insert_digest(
    conn: &mut PgConnection,
    digest: &Digest,
    items: &[Item],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into answering.digest
             (digest_id, code, number, group_code, group_name, unit, gathered_at, due_at, manifest, sha256)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        digest.digest_id,
        digest.code,
        number(digest.number),
        digest.group_code,
        digest.group_name,
        digest.unit,
        digest.gathered_at,
        digest.due_at,
        digest.manifest,
        digest.sha256,
    )
    .execute(&mut *conn)
    .await?;
    for item in items {
        sqlx::query!(
            "insert into answering.digest_item (digest_id, number, ticket_id, round, unit, question, state)
             values ($1, $2, $3, $4, $5, $6, 'gathered')",
            digest.digest_id,
            number(item.number),
            item.ticket_id.0,
            edition(&item.question),
            digest.unit,
            serde_json::to_value(&item.question).expect("a question serialises"),
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// The digest; `locked` until the transaction ends: after its questions, never before.
pub async fn find_digest(
    conn: &mut PgConnection,
    digest_id: Uuid,
    locked: bool,
) -> Result<Option<Digest>, sqlx::Error> {
    if locked {
        sqlx::query!("select digest_id from answering.digest where digest_id = $1 for update", digest_id)
            .fetch_optional(&mut *conn)
            .await?;
    }
    let row = sqlx::query_as!(
        Row,
        "select digest_id, code, number, group_code, group_name, unit, gathered_at, due_at, manifest, sha256,
                reminded, closed_at
         from answering.digest where digest_id = $1",
        digest_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Digest::from))
}

/// Whose digests are seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sight<'a> {
    /// Only this unit's.
    pub unit: Option<&'a str>,
    /// Only this group's.
    pub group: Option<&'a str>,
}

/// Digests before `before`, the newest first, with how many items they have and how many wait.
pub async fn list_digests(
    conn: &mut PgConnection,
    sight: Sight<'_>,
    open: bool,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<(Digest, u32, u32)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select digest_id, code, number, group_code, group_name, unit, gathered_at, due_at, sha256, reminded,
                  closed_at,
                  (select count(*) from answering.digest_item i where i.digest_id = d.digest_id) as "items!",
                  (select count(*) from answering.digest_item i
                   where i.digest_id = d.digest_id and i.state = 'gathered') as "waiting!"
           from answering.digest d
           where ($1::text is null or unit = $1) and ($2::text is null or group_code = $2)
             and (not $3 or closed_at is null) and ($4::uuid is null or digest_id < $4)
           order by digest_id desc limit $5"#,
        sight.unit,
        sight.group,
        open,
        before,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
    let listed = rows.into_iter().map(|row| {
        let digest = Digest {
            digest_id: row.digest_id,
            code: row.code,
            number: row.number.unsigned_abs(),
            group_code: row.group_code,
            group_name: row.group_name,
            unit: row.unit,
            gathered_at: row.gathered_at,
            due_at: row.due_at,
            manifest: String::new(),
            sha256: row.sha256,
            reminded: row.reminded.unsigned_abs(),
            closed_at: row.closed_at,
        };
        (digest, count(row.items), count(row.waiting))
    });
    Ok(listed.collect())
}

/// The items of a digest, by number.
pub async fn items(conn: &mut PgConnection, digest_id: Uuid) -> Result<Vec<Item>, sqlx::Error> {
    let rows = sqlx::query_as!(
        ItemRow,
        "select number, ticket_id, question, state, answer, reason, ended_by, ended_at
         from answering.digest_item where digest_id = $1 order by number",
        digest_id,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Item::try_from).collect()
}

pub async fn find_item(
    conn: &mut PgConnection,
    digest_id: Uuid,
    item: u32,
) -> Result<Option<Item>, sqlx::Error> {
    let row = sqlx::query_as!(
        ItemRow,
        "select number, ticket_id, question, state, answer, reason, ended_by, ended_at
         from answering.digest_item where digest_id = $1 and number = $2",
        digest_id,
        number(item),
    )
    .fetch_optional(conn)
    .await?;
    row.map(Item::try_from).transpose()
}

/// Saves an item that ended, and closes its digest, which is locked, if it was the last one.
pub async fn save_ended(conn: &mut PgConnection, digest_id: Uuid, item: &Item) -> Result<(), sqlx::Error> {
    let State::Ended { how, by, at } = &item.state else { return Ok(()) };
    let (state, answer, reason) = match how {
        Ending::Answered { text } => ("answered", Some(text.as_str()), None),
        Ending::Returned { reason } => ("returned", None, Some(reason.as_str())),
        Ending::Withdrawn { reason } => ("withdrawn", None, Some(reason.as_str())),
    };
    sqlx::query!(
        "update answering.digest_item
         set state = $3, answer = $4, reason = $5, ended_by = $6, ended_at = $7
         where digest_id = $1 and number = $2 and state = 'gathered'",
        digest_id,
        number(item.number),
        state,
        answer,
        reason,
        by,
        at,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update answering.digest d set closed_at = $2
         where digest_id = $1 and closed_at is null
           and not exists (select from answering.digest_item i
                           where i.digest_id = d.digest_id and i.state = 'gathered')",
        digest_id,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A question that does not wait in its unit and edition any more leaves its digest. The question is
/// locked; it is saved with this.
pub async fn withdraw_gone(conn: &mut PgConnection, answer: &Answer) -> Result<(), sqlx::Error> {
    let waits = answer.state == AnswerState::Drafted;
    let gone = sqlx::query!(
        r#"select digest_id, number, now() as "now!" from answering.digest_item
           where ticket_id = $1 and state = 'gathered' and not ($2 and unit = $3 and round = $4)"#,
        answer.ticket_id.0,
        waits,
        answer.custody.unit,
        edition(&answer.question),
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(gone) = gone else { return Ok(()) };
    find_digest(conn, gone.digest_id, true).await?;
    let Some(item) = find_item(conn, gone.digest_id, gone.number.unsigned_abs()).await? else {
        return Ok(());
    };
    let how = Ending::Withdrawn { reason: GONE.to_owned() };
    match item.end(how, BY_ITSELF, gone.now) {
        Ok(Some(ended)) => save_ended(conn, gone.digest_id, &ended).await,
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Digests with items that wait and a reminder that has come, locked until the transaction ends.
pub async fn lock_late(
    conn: &mut PgConnection,
    reminders: &[Reminder<'_>],
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Digest>, sqlx::Error> {
    let codes: Vec<String> = reminders.iter().map(|reminder| reminder.code.to_owned()).collect();
    let numbers: Vec<i32> = reminders.iter().map(|reminder| reminder.number).collect();
    let days: Vec<i32> = reminders.iter().map(|reminder| reminder.days).collect();
    let rows = sqlx::query_as!(
        Row,
        "select digest_id, code, number, group_code, group_name, unit, gathered_at, due_at, manifest, sha256,
                reminded, closed_at
         from answering.digest d where closed_at is null
           and exists (select from unnest($3::text[], $4::integer[], $5::integer[]) as come (plan, nth, days)
                       where come.plan = d.code and come.nth > d.reminded
                         and d.gathered_at <= $1::timestamptz - come.days * interval '24 hours')
         order by gathered_at limit $2 for update skip locked",
        now,
        limit,
        &codes,
        &numbers,
        &days,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Digest::from).collect())
}

pub async fn save_reminded(
    conn: &mut PgConnection,
    digest_id: Uuid,
    reminded: u32,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update answering.digest set reminded = $2 where digest_id = $1",
        digest_id,
        number(reminded)
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn edition(question: &api::intake::v1::Question) -> i32 {
    i32::try_from(question.edition()).unwrap_or(i32::MAX)
}

struct Row {
    digest_id: Uuid,
    code: String,
    number: i32,
    group_code: String,
    group_name: String,
    unit: String,
    gathered_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    manifest: String,
    sha256: String,
    reminded: i32,
    closed_at: Option<DateTime<Utc>>,
}

impl From<Row> for Digest {
    fn from(row: Row) -> Self {
        Self {
            digest_id: row.digest_id,
            code: row.code,
            number: row.number.unsigned_abs(),
            group_code: row.group_code,
            group_name: row.group_name,
            unit: row.unit,
            gathered_at: row.gathered_at,
            due_at: row.due_at,
            manifest: row.manifest,
            sha256: row.sha256,
            reminded: row.reminded.unsigned_abs(),
            closed_at: row.closed_at,
        }
    }
}

struct ItemRow {
    number: i32,
    ticket_id: Uuid,
    question: serde_json::Value,
    state: String,
    answer: Option<String>,
    reason: Option<String>,
    ended_by: Option<String>,
    ended_at: Option<DateTime<Utc>>,
}

impl TryFrom<ItemRow> for Item {
    type Error = sqlx::Error;

    fn try_from(row: ItemRow) -> Result<Self, Self::Error> {
        let how = match (row.state.as_str(), row.answer, row.reason) {
            ("gathered", None, None) => None,
            ("answered", Some(text), None) => Some(Ending::Answered { text }),
            ("returned", None, Some(reason)) => Some(Ending::Returned { reason }),
            ("withdrawn", None, Some(reason)) => Some(Ending::Withdrawn { reason }),
            (state, ..) => return Err(decode(format!("an item in state {state} with other columns"))),
        };
        let state = match (how, row.ended_by, row.ended_at) {
            (None, None, None) => State::Gathered,
            (Some(how), Some(by), Some(at)) => State::Ended { how, by, at },
            _ => return Err(decode("an item that ended in part")),
        };
        Ok(Self {
            number: row.number.unsigned_abs(),
            ticket_id: TicketId(row.ticket_id),
            question: json(row.question)?,
            state,
        })
    }
}
