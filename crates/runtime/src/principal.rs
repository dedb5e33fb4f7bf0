//! Who is calling: bearer tokens (PASETO v4.local) and what they allow.

use std::{fmt, str::FromStr};

use base64::Engine as _;
use chrono::{DateTime, Duration, Utc};
use pasetors::{
    Local,
    keys::SymmetricKey,
    token::UntrustedToken,
    version4::{LocalToken, V4},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Refusal, Secret};

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleName {
    /// Answers questions of a unit.
    Officer,
    /// Assigns what routing was unsure of.
    Dispatcher,
    /// Keeps the knowledge store.
    Editor,
    /// Reads reports.
    Analyst,
    /// Answers for a working group outside, which its unit names.
    Focal,
    /// Runs the platform.
    Operator,
    /// One of the platform's own processes.
    Service,
}

impl RoleName {
    const ALL: [Self; 7] = [
        Self::Officer,
        Self::Dispatcher,
        Self::Editor,
        Self::Analyst,
        Self::Focal,
        Self::Operator,
        Self::Service,
    ];
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Officer => "officer",
            Self::Dispatcher => "dispatcher",
            Self::Editor => "editor",
            Self::Analyst => "analyst",
            Self::Focal => "focal",
            Self::Operator => "operator",
            Self::Service => "service",
        })
    }
}

impl FromStr for RoleName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.to_string() == text)
            .ok_or_else(|| format!("unknown role '{text}'"))
    }
}

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// A name for the trace, not a person's identity document.
    pub subject: String,
    pub role: RoleName,
    /// Limits the caller to one unit's questions.
    pub unit: Option<String>,
}

/// A person's sitting at a browser. Its tokens are short and renewed while somebody works: a browser left
/// alone ends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub id: Uuid,
    pub began: DateTime<Utc>,
    /// When it ends however busy it is.
    pub until: DateTime<Utc>,
    pub by: SignedInBy,
    /// What the pages call the person; never logged.
    pub name: String,
}

/// What a session began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignedInBy {
    /// A bearer token that the operator issued.
    Token,
    /// A local account, of the subject's name.
    Account,
    /// The agency's OpenID provider.
    Provider,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub principal: Principal,
    pub expires: DateTime<Utc>,
    /// `None`: a script's token.
    pub session: Option<Session>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    principal: Principal,
    /// Seconds since 1970.
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<Session>,
}

/// Why the configured key cannot sign.
#[derive(Debug, thiserror::Error)]
#[error("auth.token_key must be 32 bytes in base64")]
pub struct BadKey;

/// Signs and verifies bearer tokens.
#[derive(Clone)]
pub struct Tokens {
    pub(crate) key: SymmetricKey<V4>,
}

impl Tokens {
    pub fn try_new(key: &Secret) -> Result<Self, BadKey> {
        let bytes = base64::prelude::BASE64_STANDARD.decode(key.expose()).map_err(|_| BadKey)?;
        Ok(Self { key: SymmetricKey::from(&bytes).map_err(|_| BadKey)? })
    }

    /// A token that is good until `now + ttl`.
    pub fn sign(&self, principal: &Principal, ttl: Duration, now: DateTime<Utc>) -> anyhow::Result<String> {
        self.sign_as(&Verified { principal: principal.clone(), expires: now + ttl, session: None })
    }

    /// A token that says this. Its end counts in whole seconds.
    pub fn sign_as(&self, what: &Verified) -> anyhow::Result<String> {
        let Verified { principal, expires, session } = what.clone();
        let message = serde_json::to_vec(&Claims { principal, exp: expires.timestamp(), session })?;
        LocalToken::encrypt(&self.key, &message, None, None)
            .map_err(|error| anyhow::anyhow!("the token could not be made: {error}"))
    }

    /// Who the token speaks for.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Principal, Refusal> {
        Ok(self.read(token, now)?.principal)
    }

    /// All that the token says, if it still holds.
    pub fn read(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, Refusal> {
        let bad = || Refusal::unauthenticated("TOKEN_INVALID", "the bearer token is not valid");
        let token = UntrustedToken::<Local, V4>::try_from(token).map_err(|_| bad())?;
        let trusted = LocalToken::decrypt(&self.key, &token, None, None).map_err(|_| bad())?;
        let claims: Claims = serde_json::from_str(trusted.payload()).map_err(|_| bad())?;
        if claims.exp <= now.timestamp() {
            return Err(Refusal::unauthenticated("TOKEN_EXPIRED", "the bearer token has expired"));
        }
        let Claims { principal, exp, session } = claims;
        let expires = DateTime::from_timestamp(exp, 0).ok_or_else(bad)?;
        Ok(Verified { principal, expires, session })
    }
}

/// The caller, if its role is one of `allowed`.
pub fn require<T>(request: &tonic::Request<T>, allowed: &[RoleName]) -> Result<Principal, Refusal> {
    let principal = signed_in(request)?;
    if allowed.contains(&principal.role) {
        return Ok(principal);
    }
    Err(Refusal::denied("ROLE_NOT_ALLOWED", format!("the role {} may not do this", principal.role)))
}

/// The caller, whatever the role.
pub fn signed_in<T>(request: &tonic::Request<T>) -> Result<Principal, Refusal> {
    request
        .extensions()
        .get::<Principal>()
        .cloned()
        .ok_or_else(|| Refusal::unauthenticated("TOKEN_MISSING", "a bearer token is needed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(byte: u8) -> Tokens {
        Tokens::try_new(&Secret::new(base64::prelude::BASE64_STANDARD.encode([byte; 32]))).unwrap()
    }

    fn officer() -> Principal {
        Principal { subject: "an".into(), role: RoleName::Officer, unit: Some("vu-phap-che".into()) }
    }

    #[test]
    fn a_token_speaks_for_its_principal_until_it_expires() {
        let now = DateTime::UNIX_EPOCH + Duration::days(20_000);
        let token = tokens(1).sign(&officer(), Duration::hours(1), now).unwrap();
        assert_eq!(tokens(1).verify(&token, now), Ok(officer()));
        let late = tokens(1).verify(&token, now + Duration::hours(2)).unwrap_err();
        assert_eq!(late.reason(), "TOKEN_EXPIRED");
    }

    #[test]
    fn a_sessions_token_says_which_session() {
        let now = DateTime::UNIX_EPOCH + Duration::days(20_000);
        let session = Session {
            id: Uuid::from_u128(7),
            began: now,
            until: now + Duration::hours(12),
            by: SignedInBy::Account,
            name: "An".into(),
        };
        let said =
            Verified { principal: officer(), expires: now + Duration::minutes(30), session: Some(session) };
        let token = tokens(1).sign_as(&said).unwrap();
        assert_eq!(tokens(1).read(&token, now), Ok(said));
        let scripts = tokens(1).sign(&officer(), Duration::hours(1), now).unwrap();
        assert_eq!(tokens(1).read(&scripts, now).unwrap().session, None);
    }

    #[test]
    fn another_keys_token_and_noise_are_refused() {
        let now = DateTime::UNIX_EPOCH;
        let token = tokens(1).sign(&officer(), Duration::hours(1), now).unwrap();
        for token in [token.as_str(), "", "v4.local.AAAA"] {
            assert_eq!(tokens(2).verify(token, now).unwrap_err().reason(), "TOKEN_INVALID");
        }
    }

    #[test]
    fn every_role_has_a_name_that_reads_back() {
        for role in RoleName::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
    }
}
