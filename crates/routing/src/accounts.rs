//! The use cases of AccountService.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use runtime::{Context, Refusal, RoleName, Tokens, phrase::composed};
use tokio::sync::Semaphore;
use totp_rs::{Builder, Totp};
use uuid::Uuid;

use crate::{
    account::{Account, LIMITS, Shown, is_name},
    password,
    registrar::Registrar,
    storage::account as storage,
};

/// Passwords that are hashed at once: each takes 19 MiB and a core.
const HASHERS: usize = 2;

/// How long one waits for a place among them.
const PATIENCE: Duration = Duration::from_secs(5);

/// Accounts in one page.
const LIST_DEFAULT: u32 = 100;
const LIST_MAX: u32 = 500;

/// Bytes of a name or a code to look at, at most: what is longer is none.
const SHOWN_MAX: usize = 256;

/// What an authenticator app calls the site.
const ISSUER: &str = "Mot Cua";

/// Seconds of a code; RFC 6238, section 5.2.
const STEP: u64 = 30;

#[derive(Clone)]
pub struct Accounts {
    registrar: Registrar,
    tokens: Tokens,
    hashers: Arc<Semaphore>,
    /// Of nobody's password: what an unknown name is compared with, so that it takes as long.
    nobody: Arc<str>,
}

/// What is shown once to whoever makes an account or resets it.
#[derive(Default)]
pub struct Once {
    /// Empty: it was given.
    pub password: String,
    /// Empty: there is no second factor.
    pub otpauth_uri: String,
}

/// A wish for an account.
pub struct Wish {
    pub name: String,
    pub password: String,
    pub role: String,
    pub unit: String,
    pub totp: bool,
}

impl Accounts {
    pub async fn open(ctx: &Context, registrar: Registrar) -> anyhow::Result<Self> {
        let nobody = tokio::task::spawn_blocking(|| password::hash(&password::made())).await?;
        let nobody = nobody.map_err(|error| anyhow::anyhow!("a password was not hashed: {error}"))?;
        let (tokens, hashers) = (ctx.tokens().clone(), Arc::new(Semaphore::new(HASHERS)));
        Ok(Self { registrar, tokens, hashers, nobody: nobody.into() })
    }

    /// The account that name, password and code are of, with its unit in force.
    pub async fn sign_in(&self, name: &str, password: &str, code: &str) -> Result<Account, Refusal> {
        let routing = self.registrar.routing();
        let refused = || {
            let message = "name, password or code is not right, or the account is locked";
            Refusal::unauthenticated("SIGN_IN_REFUSED", message)
        };
        let fits = password.chars().count() <= LIMITS.password_chars_max;
        if !fits || name.len() > SHOWN_MAX || code.len() > SHOWN_MAX {
            return Err(refused());
        }
        let found = storage::find_account(&mut *routing.pool.acquire().await?, name).await?;
        let hash = found.map_or_else(|| self.nobody.to_string(), |account| account.password_hash);
        let (given, compared) = (composed(password), hash.clone());
        let right = self.hasher(move || password::is(&given, &compared)).await?;

        let mut tx = routing.pool.begin().await?;
        let now = routing.clock.now();
        let account = storage::lock_account(&mut tx, name).await?.ok_or_else(refused)?;
        let shown = Shown {
            // Nor if the password was reset in between.
            password: right && account.password_hash == hash,
            step: self.step(&account, code, now),
        };
        let (account, let_in) = account.attempt(shown, now);
        storage::save_account(&mut tx, &account).await?;
        tx.commit().await?;
        if !let_in {
            return Err(refused());
        }
        let Some(unit) = &account.unit else { return Ok(account) };
        let in_force = routing.organisation.successor(unit).map(|unit| unit.code.clone());
        let in_force = in_force.ok_or_else(|| {
            let message = format!("the unit {unit} is no more, and not one unit goes on for it");
            Refusal::denied("UNIT_NOT_IN_FORCE", message)
        })?;
        Ok(Account { unit: Some(in_force), ..account })
    }

    /// Whether a session is over.
    pub async fn is_ended(
        &self,
        session_id: Uuid,
        account: &str,
        began: DateTime<Utc>,
    ) -> Result<bool, Refusal> {
        let mut conn = self.registrar.routing().pool.acquire().await?;
        if storage::is_session_ended(&mut conn, session_id).await? {
            return Ok(true);
        }
        if account.is_empty() {
            return Ok(false);
        }
        let account = storage::find_account(&mut conn, account).await?;
        Ok(!account.is_some_and(|account| account.keeps_session(began)))
    }

    /// The unit in force that goes on for one; `None`: there is none, or not one alone.
    pub fn in_force(&self, unit: &str) -> Option<String> {
        self.registrar.current().organisation.successor(unit).map(|unit| unit.code.clone())
    }

    pub async fn end_session(&self, session_id: Uuid, until: DateTime<Utc>) -> Result<(), Refusal> {
        let routing = self.registrar.routing();
        let mut tx = routing.pool.begin().await?;
        storage::end_session(&mut tx, session_id, until, routing.clock.now()).await?;
        Ok(tx.commit().await?)
    }

    pub async fn create_account(&self, wish: Wish, by: &str) -> Result<Once, Refusal> {
        let Wish { name, password, role, unit, totp } = wish;
        if !is_name(&name) {
            let message = "a name is 2 to 64 lower-case letters, digits, dots and dashes";
            return Err(Refusal::invalid("name", "ACCOUNT_NAME_NOT_VALID", message));
        }
        let role = role.parse().ok().filter(|role| *role != RoleName::Service);
        let role = role.ok_or_else(|| {
            Refusal::invalid(
                "role",
                "ROLE_UNKNOWN",
                "officer, dispatcher, editor, analyst, focal or operator",
            )
        })?;
        let routing = self.registrar.routing();
        if !unit.is_empty() && routing.organisation.unit(&unit).is_none() {
            return Err(Refusal::invalid("unit", "UNIT_UNKNOWN", format!("there is no unit '{unit}'")));
        }
        let (password, password_hash) = self.chosen(password, totp).await?;
        let (otpauth_uri, totp) = if totp {
            let (uri, sealed) = self.second_factor(&name)?;
            (uri, Some(sealed))
        } else {
            (String::new(), None)
        };
        let now = routing.clock.now();
        let account = Account {
            name,
            role,
            unit: Some(unit).filter(|unit| !unit.is_empty()),
            password_hash,
            totp,
            totp_step: 0,
            failures: 0,
            locked_until: None,
            disabled: false,
            sessions_from: now,
            changed_at: now,
            changed_by: by.to_owned(),
        };
        if !storage::add_account(&mut *routing.pool.acquire().await?, &account).await? {
            let message = format!("there is an account '{}'", account.name);
            return Err(Refusal::exists("ACCOUNT_EXISTS", message));
        }
        Ok(Once { password, otpauth_uri })
    }

    pub async fn disable_account(&self, name: &str, by: &str) -> Result<(), Refusal> {
        self.change(name, |account, now| account.disable(now, by)).await
    }

    pub async fn reset_password(&self, name: &str, password: String, by: &str) -> Result<String, Refusal> {
        let mut conn = self.registrar.routing().pool.acquire().await?;
        let account = storage::find_account(&mut conn, name).await?.ok_or_else(no_such_account)?;
        drop(conn);
        let (shown, hash) = self.chosen(password, account.totp.is_some()).await?;
        self.change(name, |account, now| account.reset(hash, now, by)).await?;
        Ok(shown)
    }

    pub async fn enrol_totp(&self, name: &str, by: &str) -> Result<String, Refusal> {
        if !is_name(name) {
            return Err(no_such_account());
        }
        let (uri, sealed) = self.second_factor(name)?;
        self.change(name, |account, now| account.enrol(sealed, now, by)).await?;
        Ok(uri)
    }

    /// A page of accounts, and where the next begins; empty: that was all.
    pub async fn list_accounts(&self, limit: u32, after: &str) -> Result<(Vec<Account>, String), Refusal> {
        let limit = if limit == 0 { LIST_DEFAULT } else { limit.min(LIST_MAX) };
        let mut conn = self.registrar.routing().pool.acquire().await?;
        let mut accounts = storage::list_accounts(&mut conn, after, i64::from(limit) + 1).await?;
        let more = accounts.len() > limit as usize;
        accounts.truncate(limit as usize);
        let next = accounts.last().filter(|_| more).map(|last| last.name.clone());
        Ok((accounts, next.unwrap_or_default()))
    }

    async fn change(
        &self,
        name: &str,
        change: impl FnOnce(Account, DateTime<Utc>) -> Account,
    ) -> Result<(), Refusal> {
        let routing = self.registrar.routing();
        let mut tx = routing.pool.begin().await?;
        let account = storage::lock_account(&mut tx, name).await?.ok_or_else(no_such_account)?;
        let changed = change(account, routing.clock.now());
        storage::save_account(&mut tx, &changed).await?;
        Ok(tx.commit().await?)
    }

    /// The password to show, which is empty if it was given, and the hash to keep.
    async fn chosen(&self, given: String, with_code: bool) -> Result<(String, String), Refusal> {
        let shown = if given.is_empty() { password::made() } else { String::new() };
        let chosen = if given.is_empty() { shown.clone() } else { composed(&given) };
        if let Some(fault) = LIMITS.length_fault(chosen.chars().count(), with_code) {
            return Err(Refusal::invalid("password", "PASSWORD_LENGTH", fault));
        }
        let hash = self.hasher(move || password::hash(&chosen)).await?;
        Ok((shown, hash.map_err(|error| Refusal::internal(&error))?))
    }

    /// Slow work, a few at a time, off the threads that serve.
    async fn hasher<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let place = tokio::time::timeout(PATIENCE, self.hashers.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else {
            return Err(Refusal::exhausted("SIGN_INS_BUSY", "too many passwords are being checked"));
        };
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.map_err(|error| Refusal::internal(&error))
    }

    /// The step of the account's second factor whose code this is, if it is one of about now.
    fn step(&self, account: &Account, code: &str, now: DateTime<Utc>) -> Option<u64> {
        let sealed = account.totp.as_ref()?;
        let secret: Option<String> = self.tokens.open(&purpose(&account.name), sealed, now);
        let totp = secret.and_then(|secret| totp_rs::Secret::try_from_base32(secret).ok());
        let Some(totp) = totp.and_then(|secret| second_factor(&account.name, secret).ok()) else {
            tracing::error!(
                "the second factor of an account can't be read, as after a change of auth.token_key"
            );
            return None;
        };
        let digits: String = code.chars().filter(char::is_ascii_digit).collect();
        totp.check(&digits, now.timestamp().unsigned_abs())
    }

    /// A new secret: for the app, and sealed.
    fn second_factor(&self, name: &str) -> Result<(String, String), Refusal> {
        let secret = totp_rs::Secret::generate();
        let sealed = self.tokens.seal(&purpose(name), &secret.to_base32(), None);
        let uri = second_factor(name, secret).and_then(|totp| totp.to_url());
        match (uri, sealed) {
            (Ok(uri), Ok(sealed)) => Ok((uri, sealed)),
            (Err(error), _) => Err(Refusal::internal(&error)),
            (_, Err(error)) => Err(Refusal::internal(&*error)),
        }
    }
}

fn second_factor(name: &str, secret: totp_rs::Secret) -> Result<Totp, totp_rs::TotpError> {
    let builder = Builder::new().with_secret(secret).with_step_duration(STEP).with_skew(1);
    builder.with_account_name(name).with_issuer(Some(ISSUER)).build()
}

/// A secret opens for its account only.
fn purpose(name: &str) -> String {
    format!("second factor of {name}")
}

fn no_such_account() -> Refusal {
    Refusal::not_found("ACCOUNT_NOT_FOUND", "there is no such account")
}
