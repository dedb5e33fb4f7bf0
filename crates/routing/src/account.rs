//! A local account: what an attempt to sign in makes of it. Pure.

use std::sync::LazyLock;

use chrono::{DateTime, Duration, Utc};
use runtime::RoleName;
use serde::Deserialize;

/// The limits of `data/account.toml`.
pub static LIMITS: LazyLock<Limits> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/account.toml")).expect("the file is checked by a test")
});

/// Characters of an account's name.
const NAME_MIN: usize = 2;
const NAME_MAX: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub password_chars_min: usize,
    pub password_chars_min_with_code: usize,
    pub password_chars_max: usize,
    /// Consecutive refusals that bring no wait.
    failures_free: u32,
    wait_first_s: u32,
    wait_max_s: u32,
    /// After so many it is locked until its password is reset.
    failures_max: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub role: RoleName,
    /// `None`: not limited to one.
    pub unit: Option<String>,
    /// A PHC string.
    pub password_hash: String,
    /// The second factor's secret, sealed; `None`: there is no second factor.
    pub totp: Option<String>,
    /// The last step of it that was taken (seconds since 1970, divided by 30).
    pub totp_step: u64,
    /// Consecutive refusals.
    pub failures: u32,
    pub locked_until: Option<DateTime<Utc>>,
    pub disabled: bool,
    /// Sessions that began before have ended.
    pub sessions_from: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
    pub changed_by: String,
}

/// What was shown at an attempt.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// The password is the account's.
    pub password: bool,
    /// The step whose code it was; `None`: no code, or none of about now.
    pub step: Option<u64>,
}

impl Limits {
    /// How long nobody signs in after so many refusals.
    fn wait(&self, failures: u32) -> Option<Duration> {
        let doublings = failures.checked_sub(self.failures_free + 1)?;
        let first = Duration::seconds(self.wait_first_s.into());
        let most = Duration::seconds(self.wait_max_s.into());
        // 2^20 seconds are more than any wait.
        Some((first * (1 << doublings.min(20))).min(most))
    }

    /// What is wrong with a password's length in characters, if something is.
    pub fn length_fault(&self, chars: usize, with_code: bool) -> Option<String> {
        let min = if with_code { self.password_chars_min_with_code } else { self.password_chars_min };
        let fits = (min..=self.password_chars_max).contains(&chars);
        (!fits).then(|| format!("a password has {min} to {} characters here", self.password_chars_max))
    }
}

impl Account {
    /// Whether it is locked until its password is reset.
    pub fn locked_for_good(&self) -> bool {
        self.failures >= LIMITS.failures_max
    }

    /// The account after an attempt, and whether it was let in. What is refused without being looked at, as
    /// the account is disabled or locked, changes nothing: nobody can keep it locked by trying on.
    #[must_use]
    pub fn attempt(mut self, shown: Shown, now: DateTime<Utc>) -> (Self, bool) {
        let waits = self.locked_until.is_some_and(|until| now < until);
        if self.disabled || waits || self.locked_for_good() {
            return (self, false);
        }
        let code = match (&self.totp, shown.step) {
            (None, _) => true,
            (Some(_), Some(step)) => step > self.totp_step,
            (Some(_), None) => false,
        };
        if !(shown.password && code) {
            self.failures += 1;
            self.locked_until = LIMITS.wait(self.failures).map(|wait| now + wait);
            return (self, false);
        }
        self.failures = 0;
        self.locked_until = None;
        if self.totp.is_some() {
            self.totp_step = shown.step.unwrap_or(self.totp_step);
        }
        (self, true)
    }

    /// Nobody signs in with it any more.
    #[must_use]
    pub fn disable(self, now: DateTime<Utc>, by: &str) -> Self {
        Self { disabled: true, sessions_from: now, ..self.changed(now, by) }
    }

    /// With a new password, and whatever locked it gone.
    #[must_use]
    pub fn reset(self, password_hash: String, now: DateTime<Utc>, by: &str) -> Self {
        Self {
            password_hash,
            failures: 0,
            locked_until: None,
            disabled: false,
            sessions_from: now,
            ..self.changed(now, by)
        }
    }

    /// With a new second factor.
    #[must_use]
    pub fn enrol(self, totp: String, now: DateTime<Utc>, by: &str) -> Self {
        Self { totp: Some(totp), totp_step: 0, ..self.changed(now, by) }
    }

    fn changed(self, now: DateTime<Utc>, by: &str) -> Self {
        Self { changed_at: now, changed_by: by.to_owned(), ..self }
    }

    /// Whether a session that began then goes on.
    pub fn keeps_session(&self, began: DateTime<Utc>) -> bool {
        !self.disabled && self.sessions_from <= began
    }
}

/// Whether an account can be called so.
pub fn is_name(name: &str) -> bool {
    let within = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
    let starts = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    starts && (NAME_MIN..=NAME_MAX).contains(&name.len()) && name.bytes().all(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRONG: Shown = Shown { password: false, step: None };
    const RIGHT: Shown = Shown { password: true, step: None };

    fn start() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(20_000)
    }

    fn account() -> Account {
        Account {
            name: "an.nguyen".into(),
            role: RoleName::Officer,
            unit: Some("vu-phap-che".into()),
            password_hash: "$argon2id$…".into(),
            totp: None,
            totp_step: 0,
            failures: 0,
            locked_until: None,
            disabled: false,
            sessions_from: start(),
            changed_at: start(),
            changed_by: "motcua-cli".into(),
        }
    }

    #[test]
    fn waits_grow_from_half_a_minute_to_an_hour() {
        let waits = |failures| LIMITS.wait(failures).map(|wait| wait.num_seconds());
        assert_eq!([0, 4, 5, 6, 7].map(waits), [None, None, Some(30), Some(60), Some(120)]);
        assert_eq!([11, 12, 99].map(waits), [Some(1920), Some(3600), Some(3600)]);
    }

    #[test]
    fn refusals_lock_and_an_attempt_while_it_is_locked_changes_nothing() {
        let (mut account, mut now) = (account(), start());
        for _ in 0..5 {
            account = account.attempt(WRONG, now).0;
        }
        assert_eq!(account.locked_until, Some(now + Duration::seconds(30)));
        let (same, let_in) = account.clone().attempt(RIGHT, now + Duration::seconds(29));
        assert!(!let_in && same == account);
        let (after, let_in) = account.clone().attempt(RIGHT, now + Duration::seconds(30));
        assert!(let_in && after.failures == 0 && after.locked_until.is_none());
        while !account.locked_for_good() {
            now = account.locked_until.unwrap_or(now);
            account = account.attempt(WRONG, now).0;
        }
        assert_eq!(account.failures, 100);
        let much_later = now + Duration::days(400);
        assert!(!account.clone().attempt(RIGHT, much_later).1);
        let reset = account.reset("$argon2id$new".into(), much_later, "motcua-cli");
        assert!(reset.attempt(RIGHT, much_later).1);
    }

    #[test]
    fn a_code_is_needed_where_there_is_a_second_factor_and_taken_once() {
        let now = start();
        let account = account().enrol("sealed".into(), now, "motcua-cli");
        let with = |step| Shown { password: true, step };
        assert!(!account.clone().attempt(with(None), now).1);
        let (account, let_in) = account.attempt(with(Some(7)), now);
        assert!(let_in && account.totp_step == 7);
        for used in [7, 6] {
            let (after, let_in) = account.clone().attempt(with(Some(used)), now);
            assert!(!let_in && after.failures == 1, "step {used}");
        }
        assert!(!account.clone().attempt(Shown { password: false, step: Some(8) }, now).1);
        assert!(account.attempt(with(Some(8)), now).1);
    }

    #[test]
    fn sessions_end_with_the_account_and_with_the_password() {
        let (began, now) = (start() + Duration::hours(1), start() + Duration::hours(2));
        assert!(account().keeps_session(began));
        let disabled = account().disable(now, "a");
        assert!(!disabled.keeps_session(began) && !disabled.keeps_session(now));
        assert!(!disabled.clone().attempt(RIGHT, now).1);
        let reset = disabled.reset("x".into(), now, "a");
        assert!(!reset.keeps_session(began) && reset.keeps_session(now));
    }

    #[test]
    fn names_and_lengths() {
        for name in ["an", "an.nguyen-2", "2an"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "a", ".an", "An", "oidc:1", "an nguyen", "đan", &"a".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
        assert!(LIMITS.length_fault(14, false).is_some() && LIMITS.length_fault(15, false).is_none());
        assert!(LIMITS.length_fault(7, true).is_some() && LIMITS.length_fault(8, true).is_none());
        assert!(LIMITS.length_fault(129, true).is_some());
    }
}
