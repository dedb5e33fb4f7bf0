//! SQL of `intake.subscription` and `intake.mailing`.

use api::TicketId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::decode;
use crate::mailing::Target;

pub struct Subscription {
    pub id: Uuid,
    pub target: Target,
    pub sealed: Vec<u8>,
    pub confirmed: bool,
}

struct Row {
    subscription_id: Uuid,
    target: String,
    sealed: Vec<u8>,
    confirmed_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Subscription {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.subscription_id,
            target: Target::parse(&row.target).ok_or_else(|| decode("unknown target"))?,
            sealed: row.sealed,
            confirmed: row.confirmed_at.is_some(),
        })
    }
}

/// Keeps one; if the address subscribed before, that one.
pub async fn put(
    conn: &mut PgConnection,
    wanted: &Subscription,
    mark: &[u8],
    now: DateTime<Utc>,
) -> Result<Subscription, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "insert into intake.subscription (subscription_id, target, address_mark, sealed, asked_at)
         values ($1, $2, $3, $4, $5)
         on conflict on constraint subscription_once do update set asked_at = excluded.asked_at
         returning subscription_id, target, sealed, confirmed_at",
        wanted.id,
        wanted.target.to_text(),
        mark,
        wanted.sealed,
        now,
    )
    .fetch_one(conn)
    .await?;
    row.try_into()
}

/// How many of an address were asked for since then and not confirmed.
pub async fn unconfirmed(
    conn: &mut PgConnection,
    mark: &[u8],
    since: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from intake.subscription
           where address_mark = $1 and confirmed_at is null and asked_at >= $2"#,
        mark,
        since,
    )
    .fetch_one(conn)
    .await
}

pub async fn find(conn: &mut PgConnection, id: Uuid) -> Result<Option<Subscription>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select subscription_id, target, sealed, confirmed_at from intake.subscription where subscription_id = $1",
        id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Subscription::try_from).transpose()
}

/// `None`: there is none, any more.
pub async fn confirm(
    conn: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Subscription>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "update intake.subscription set confirmed_at = coalesce(confirmed_at, $2) where subscription_id = $1
         returning subscription_id, target, sealed, confirmed_at",
        id,
        now,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Subscription::try_from).transpose()
}

pub async fn delete(conn: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from intake.subscription where subscription_id = $1", id).execute(conn).await?;
    Ok(())
}

/// Forgets what was asked for before `before` and never confirmed.
pub async fn forget(conn: &mut PgConnection, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from intake.subscription where confirmed_at is null and asked_at < $1", before)
        .execute(conn)
        .await?;
    Ok(())
}

/// Who subscribed to one target subscribes to the other, once.
pub async fn follow(conn: &mut PgConnection, from: &Target, to: &Target) -> Result<(), sqlx::Error> {
    let (from, to) = (from.to_text(), to.to_text());
    sqlx::query!(
        "update intake.subscription s set target = $2
         where target = $1
           and not exists (select from intake.subscription other
                           where other.target = $2 and other.address_mark = s.address_mark)",
        from,
        to,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from intake.subscription where target = $1", from).execute(conn).await?;
    Ok(())
}

/// A mail to all subscribers.
pub struct Open {
    pub fact: String,
    pub target: String,
    pub content: serde_json::Value,
    pub at: DateTime<Utc>,
    pub after: Uuid,
}

pub async fn put_mailing(
    conn: &mut PgConnection,
    fact: &str,
    target: &Target,
    content: &serde_json::Value,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into intake.mailing (fact, target, content, at, after) values ($1, $2, $3, $4, $5)
         on conflict (fact) do nothing",
        fact,
        target.to_text(),
        content,
        now,
        Uuid::nil(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One that is not done, locked until the transaction ends; those that another process has are passed over.
pub async fn take_open(conn: &mut PgConnection) -> Result<Option<Open>, sqlx::Error> {
    sqlx::query_as!(
        Open,
        "select fact, target, content, at, after from intake.mailing where done_at is null
         order by at limit 1 for update skip locked",
    )
    .fetch_optional(conn)
    .await
}

/// Those of a question who confirmed, to write to at once: few follow one, and `limit` bounds them.
pub async fn followers(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    limit: i64,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select subscription_id from intake.subscription
         where target = $1 and confirmed_at is not null order by subscription_id limit $2",
        Target::Question(ticket_id).to_text(),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Some of those who had confirmed when it happened and were not written yet.
pub async fn confirmed(
    conn: &mut PgConnection,
    mailing: &Open,
    limit: i64,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select subscription_id from intake.subscription
         where target = $1 and confirmed_at <= $2 and subscription_id > $3 order by subscription_id limit $4",
        mailing.target,
        mailing.at,
        mailing.after,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// `None`: nobody is left.
pub async fn save_mailing(
    conn: &mut PgConnection,
    fact: &str,
    last: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update intake.mailing set after = coalesce($2, after), done_at = case when $2::uuid is null then $3::timestamptz end
         where fact = $1",
        fact,
        last,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
