//! SQL of a passage's life: changes, former versions, copies, reviews.

use api::knowledge::v1::{Change, ReviewReason};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{
    life::{Kept, State, Validity},
    passage::Passage,
};

/// A passage as an editor sees it.
#[derive(Debug)]
pub struct Shown {
    pub kept: Kept,
    pub content_hash: Vec<u8>,
    /// Whether it may be reused at the moment that was asked about.
    pub reusable: bool,
    pub updated_at: DateTime<Utc>,
}

/// These passages, in the order of their ids, locked until the transaction ends: two who lock the
/// same ones do not wait for each other.
pub async fn lock(conn: &mut PgConnection, ids: &[String]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select passage_id from knowledge.passage where passage_id = any($1) order by passage_id for no key update",
        ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// These passages, in the order of their ids.
pub async fn shown(
    conn: &mut PgConnection,
    ids: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<Shown>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select p.passage_id, p.version, p.state, p.question, s.answer as "answer!", p.field, p.unit, p.source,
                  p.valid_from, p.valid_until, p.superseded_by, p.end_reason, p.copy_of, p.content_hash,
                  p.updated_at,
                  array(select item_id from knowledge.passage_basis b
                        where b.passage_id = p.passage_id order by item_id) as "basis!",
                  s.published and coalesce(s.valid_from <= $2, true) and coalesce($2 < s.valid_until, true)
                      as "reusable!"
           from knowledge.passage p join knowledge.standing s using (passage_id)
           where p.passage_id = any($1) order by p.passage_id"#,
        ids,
        now,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Shown::try_from).collect()
}

/// The ids of passages after `after`, in their order.
pub async fn page(
    conn: &mut PgConnection,
    unit: Option<&str>,
    state: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "select passage_id from knowledge.passage
         where passage_id > $1 and ($2::text is null or state = $2) and ($3::text is null or unit = $3)
         order by passage_id limit $4",
        after,
        state,
        unit,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Saves what a step changes, and has the passage and its copies indexed and compared again.
pub async fn save(conn: &mut PgConnection, kept: &Kept, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    let (state, superseded_by, end_reason) = match &kept.state {
        State::Published => ("published", None, None),
        State::Withdrawn { reason } => ("withdrawn", None, Some(reason)),
        State::Superseded { by_id, reason } => ("superseded", Some(by_id), Some(reason)),
    };
    sqlx::query!(
        "update knowledge.passage
         set version = $2, state = $3, superseded_by = $4, end_reason = $5, answer = $6, copy_of = $7,
             valid_from = $8, valid_until = $9, updated_at = $10, indexed_at = null, compared_at = null
         where passage_id = $1",
        kept.passage.id,
        i32::try_from(kept.version).unwrap_or(i32::MAX),
        state,
        superseded_by,
        end_reason,
        kept.passage.answer,
        kept.copy_of,
        kept.validity.from,
        kept.validity.until,
        now,
    )
    .execute(&mut *conn)
    .await?;
    touch_copies(conn, &kept.passage.id).await?;
    set_basis(conn, &kept.passage.id, &kept.basis).await
}

/// Has a passage's copies indexed and compared again.
pub async fn touch_copies(conn: &mut PgConnection, id: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("update knowledge.passage set indexed_at = null, compared_at = null where copy_of = $1", id)
        .execute(conn)
        .await?;
    Ok(())
}

async fn set_basis(conn: &mut PgConnection, id: &str, basis: &[String]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from knowledge.passage_basis where passage_id = $1 and item_id <> all($2)",
        id,
        basis
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into knowledge.passage_basis (passage_id, item_id)
         select $1, item_id from unnest($2::text[]) as new (item_id) on conflict do nothing",
        id,
        basis,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a change ended.
#[derive(Debug)]
pub struct Version {
    /// The version that the change made.
    pub version: u32,
    pub change: Change,
    /// Empty: the platform.
    pub by: String,
    pub at: DateTime<Utc>,
    pub reason: String,
    /// The text until then.
    pub answer: String,
}

pub async fn keep_version(conn: &mut PgConnection, id: &str, version: &Version) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into knowledge.passage_version
             (passage_id, version, change, changed_by, changed_at, reason, answer)
         values ($1, $2, $3, $4, $5, $6, $7)",
        id,
        i32::try_from(version.version).unwrap_or(i32::MAX),
        version.change.as_str_name(),
        version.by,
        version.at,
        version.reason,
        version.answer,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Former versions, the newest first.
pub async fn versions(conn: &mut PgConnection, id: &str, limit: i64) -> Result<Vec<Version>, sqlx::Error> {
    let rows = sqlx::query!(
        "select version, change, changed_by, changed_at, reason, answer from knowledge.passage_version
         where passage_id = $1 order by version desc limit $2",
        id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let versions = rows.into_iter().map(|row| Version {
        version: row.version.unsigned_abs(),
        change: Change::from_str_name(&row.change).unwrap_or_default(),
        by: row.changed_by,
        at: row.changed_at,
        reason: row.reason,
        answer: row.answer,
    });
    Ok(versions.collect())
}

/// The passage among `cited`, or behind them, whose answer `text` is or once was word for word.
pub async fn origin(
    conn: &mut PgConnection,
    id: &str,
    text: &str,
    cited: &[String],
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select s.origin_id as "origin_id!" from knowledge.standing s
           where s.passage_id = any($3) and s.origin_id <> $1
             and (s.answer = $2 or exists (select from knowledge.passage_version v
                                           where v.passage_id = s.origin_id and v.answer = $2))
           order by array_position($3, s.passage_id) limit 1"#,
        id,
        text,
        cited,
    )
    .fetch_optional(conn)
    .await
}

/// Before a ticket's answer is replaced by a newer approval: its text goes to its former versions,
/// and its copies, whose askers received that text, stand for themselves.
pub async fn release(
    conn: &mut PgConnection,
    id: &str,
    approved_version: i32,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let released = sqlx::query_scalar!(
        r#"insert into knowledge.passage_version
               (passage_id, version, change, changed_by, changed_at, reason, answer)
           select p.passage_id, p.version + 1, $3, '', $4, '', s.answer
           from knowledge.passage p join knowledge.standing s using (passage_id)
           where p.passage_id = $1 and p.approved_version < $2
           returning answer"#,
        id,
        approved_version,
        Change::Approved.as_str_name(),
        now,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(answer) = released {
        // What had ended, or rests on something, stays so: the copies were it.
        sqlx::query!(
            "insert into knowledge.passage_basis (passage_id, item_id)
             select copy.passage_id, b.item_id from knowledge.passage copy
             join knowledge.passage_basis b on b.passage_id = $1 where copy.copy_of = $1
             on conflict do nothing",
            id,
        )
        .execute(&mut *conn)
        .await?;
        sqlx::query!(
            "update knowledge.passage copy
             set copy_of = null, answer = $2, version = copy.version + 1, indexed_at = null, compared_at = null,
                 state = origin.state, superseded_by = origin.superseded_by, end_reason = origin.end_reason,
                 valid_from = greatest(copy.valid_from, origin.valid_from),
                 valid_until = least(copy.valid_until, origin.valid_until)
             from knowledge.passage origin where copy.copy_of = $1 and origin.passage_id = $1",
            id,
            answer,
        )
        .execute(&mut *conn)
        .await?;
        sqlx::query!("delete from knowledge.passage_basis where passage_id = $1", id).execute(conn).await?;
    }
    Ok(())
}

/// An answer made from others rests on what they rest on.
pub async fn inherit_basis(conn: &mut PgConnection, id: &str, cited: &[String]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into knowledge.passage_basis (passage_id, item_id)
         select distinct $1, b.item_id from knowledge.passage_basis b where b.passage_id = any($2)
         on conflict do nothing",
        id,
        cited,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A passage that is to be looked at.
#[derive(Debug)]
pub struct Review {
    pub passage_id: String,
    pub reason: ReviewReason,
    pub unit: String,
    pub opened_at: DateTime<Utc>,
    pub question: String,
}

/// Opens reviews of at most `limit` published passages whose validity has ended or whose basis is not
/// in force; those with an open one are left alone. A copy is looked at with its origin.
pub async fn open_reviews(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(String, ReviewReason)>, sqlx::Error> {
    let rows = sqlx::query!(
        "insert into knowledge.review_task (passage_id, opened_at, reason, unit)
         select p.passage_id, $1,
                case when p.valid_until <= $1 then 'REVIEW_REASON_EXPIRED' else 'REVIEW_REASON_BASIS_NOT_VALID' end,
                p.unit
         from (select passage_id from knowledge.passage where valid_until <= $1
               union
               select b.passage_id from knowledge.catalogue_item i join knowledge.passage_basis b using (item_id)
               where i.valid_from > $1 or i.valid_until <= $1) ended
         join knowledge.passage p using (passage_id)
         where p.state = 'published' and p.copy_of is null
           and not exists (select from knowledge.review_task t
                           where t.passage_id = p.passage_id and t.done_at is null)
         order by p.passage_id limit $2
         on conflict (passage_id) where done_at is null do nothing
         returning passage_id, reason",
        now,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let reason = |name: &str| ReviewReason::from_str_name(name).unwrap_or_default();
    Ok(rows.into_iter().map(|row| (row.passage_id, reason(&row.reason))).collect())
}

/// Closes reviews of passages that may be reused again, or never will be.
pub async fn close_reviews(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let done = sqlx::query!(
        "update knowledge.review_task t set done_at = $1
         from knowledge.passage p
         where t.done_at is null and p.passage_id = t.passage_id
           and not (p.state = 'published' and p.copy_of is null
                    and (coalesce(p.valid_until <= $1, false)
                         or exists (select from knowledge.passage_basis b
                                    join knowledge.catalogue_item i using (item_id)
                                    where b.passage_id = p.passage_id
                                      and (i.valid_from > $1 or i.valid_until <= $1))))",
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Open reviews after `after`, by passage, of one unit or of all.
pub async fn reviews(
    conn: &mut PgConnection,
    unit: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<Review>, sqlx::Error> {
    let rows = sqlx::query!(
        "select t.passage_id, t.reason, t.unit, t.opened_at, p.question
         from knowledge.review_task t join knowledge.passage p using (passage_id)
         where t.done_at is null and t.passage_id > $1 and ($2::text is null or t.unit = $2)
         order by t.passage_id limit $3",
        after,
        unit,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let reviews = rows.into_iter().map(|row| Review {
        passage_id: row.passage_id,
        reason: ReviewReason::from_str_name(&row.reason).unwrap_or_default(),
        unit: row.unit,
        opened_at: row.opened_at,
        question: row.question,
    });
    Ok(reviews.collect())
}

struct Row {
    passage_id: String,
    version: i32,
    state: String,
    question: String,
    answer: String,
    field: String,
    unit: String,
    source: String,
    valid_from: Option<DateTime<Utc>>,
    valid_until: Option<DateTime<Utc>>,
    superseded_by: Option<String>,
    end_reason: Option<String>,
    copy_of: Option<String>,
    content_hash: Vec<u8>,
    updated_at: DateTime<Utc>,
    basis: Vec<String>,
    reusable: bool,
}

impl TryFrom<Row> for Shown {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let state = match (row.state.as_str(), row.superseded_by, row.end_reason) {
            ("published", None, None) => State::Published,
            ("withdrawn", None, Some(reason)) => State::Withdrawn { reason },
            ("superseded", Some(by_id), Some(reason)) => State::Superseded { by_id, reason },
            (state, ..) => {
                let message = format!("a passage in state {state} with other columns");
                return Err(sqlx::Error::Decode(message.into()));
            }
        };
        let kept = Kept {
            passage: Passage {
                id: row.passage_id,
                question: row.question,
                answer: row.answer,
                field: row.field,
                unit: row.unit,
                source: row.source,
            },
            version: row.version.unsigned_abs(),
            state,
            validity: Validity { from: row.valid_from, until: row.valid_until },
            basis: row.basis,
            copy_of: row.copy_of,
        };
        Ok(Self { kept, content_hash: row.content_hash, reusable: row.reusable, updated_at: row.updated_at })
    }
}
