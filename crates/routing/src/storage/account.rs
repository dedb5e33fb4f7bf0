//! SQL of `routing.account` and `routing.ended_session`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::account::Account;

pub async fn find_account(conn: &mut PgConnection, name: &str) -> Result<Option<Account>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select name, role, unit, password_hash, totp, totp_step, failures, locked_until, disabled,
                sessions_from, changed_at, changed_by
         from routing.account where name = $1",
        name,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Account::try_from).transpose()
}

/// The account, locked until the transaction ends.
pub async fn lock_account(conn: &mut PgConnection, name: &str) -> Result<Option<Account>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select name, role, unit, password_hash, totp, totp_step, failures, locked_until, disabled,
                sessions_from, changed_at, changed_by
         from routing.account where name = $1 for update",
        name,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Account::try_from).transpose()
}

/// Some accounts whose names come after `after`, in their order.
pub async fn list_accounts(
    conn: &mut PgConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<Account>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "select name, role, unit, password_hash, totp, totp_step, failures, locked_until, disabled,
                sessions_from, changed_at, changed_by
         from routing.account where name > $1 order by name limit $2",
        after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Account::try_from).collect()
}

/// A new account; `false`: there is one of this name.
pub async fn add_account(conn: &mut PgConnection, account: &Account) -> Result<bool, sqlx::Error> {
    let added = sqlx::query!(
        "insert into routing.account
             (name, role, unit, password_hash, totp, sessions_from, changed_at, changed_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
        account.name,
        account.role.to_string(),
        account.unit.as_deref().unwrap_or_default(),
        account.password_hash,
        account.totp,
        account.sessions_from,
        account.changed_at,
        account.changed_by,
    )
    .execute(conn)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// What may change of an account; nothing, if there is none.
pub async fn save_account(conn: &mut PgConnection, account: &Account) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update routing.account
         set password_hash = $2, totp = $3, totp_step = $4, failures = $5, locked_until = $6, disabled = $7,
             sessions_from = $8, changed_at = $9, changed_by = $10
         where name = $1",
        account.name,
        account.password_hash,
        account.totp,
        i64::try_from(account.totp_step).unwrap_or(i64::MAX),
        i32::try_from(account.failures).unwrap_or(i32::MAX),
        account.locked_until,
        account.disabled,
        account.sessions_from,
        account.changed_at,
        account.changed_by,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn is_session_ended(conn: &mut PgConnection, session_id: Uuid) -> Result<bool, sqlx::Error> {
    let found = sqlx::query_scalar!("select 1 from routing.ended_session where session_id = $1", session_id);
    Ok(found.fetch_optional(conn).await?.is_some())
}

/// Remembers an end, and forgets those whose sessions would be over by now.
pub async fn end_session(
    conn: &mut PgConnection,
    session_id: Uuid,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from routing.ended_session where until < $1", now).execute(&mut *conn).await?;
    sqlx::query!(
        "insert into routing.ended_session (session_id, until) values ($1, $2) on conflict do nothing",
        session_id,
        until,
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct Row {
    name: String,
    role: String,
    unit: String,
    password_hash: String,
    totp: Option<String>,
    totp_step: i64,
    failures: i32,
    locked_until: Option<DateTime<Utc>>,
    disabled: bool,
    sessions_from: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    changed_by: String,
}

impl TryFrom<Row> for Account {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            name: row.name,
            role: row.role.parse().map_err(|error: String| sqlx::Error::Decode(error.into()))?,
            unit: Some(row.unit).filter(|unit| !unit.is_empty()),
            password_hash: row.password_hash,
            totp: row.totp,
            totp_step: row.totp_step.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            failures: row.failures.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            locked_until: row.locked_until,
            disabled: row.disabled,
            sessions_from: row.sessions_from,
            changed_at: row.changed_at,
            changed_by: row.changed_by,
        })
    }
}
