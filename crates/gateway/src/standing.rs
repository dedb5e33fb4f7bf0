//! Whether sessions still hold, and which units go on for whom: routing's word, some seconds old.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use api::routing::v1::{CheckCallerRequest, EndSessionRequest};
use runtime::{Principal, Session, SignedInBy};
use uuid::Uuid;

use crate::{problem::Problem, state::Gateway};

/// How soon an ended session, a disabled account or a merger is noticed.
const FRESH: Duration = Duration::from_secs(15);

/// A page must not wait long for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Callers that are remembered.
const CALLERS_MAX: usize = 10_000;

/// A session, if it is one, and the unit that it or a token is limited to.
type Key = (Option<Uuid>, Option<String>);

/// What routing said of a caller.
#[derive(Clone, Default)]
pub(crate) struct Held {
    /// The session is over.
    pub ended: bool,
    /// The unit in force that goes on for the caller's; `None`: none for sure, or it has none.
    pub unit: Option<String>,
}

#[derive(Default)]
pub(crate) struct Standing(Mutex<HashMap<Key, (Instant, Held)>>);

impl Standing {
    /// A session that begins here and now holds.
    pub fn begun(&self, session: &Session, unit: Option<&str>) {
        let unit = unit.map(str::to_owned);
        self.keep((Some(session.id), unit.clone()), Held { ended: false, unit });
    }

    /// What is known of a caller. While routing cannot be reached: what was last heard; if that is nothing, a
    /// session has to wait, and a script's token stays as it is.
    pub async fn check(
        &self,
        gateway: &Gateway,
        principal: &Principal,
        session: Option<&Session>,
    ) -> Result<Held, Problem> {
        let key = (session.map(|session| session.id), principal.unit.clone());
        if key == (None, None) {
            return Ok(Held::default());
        }
        let known = self.known(&key);
        if let Some((at, held)) = &known
            && at.elapsed() < FRESH
        {
            return Ok(held.clone());
        }
        match asked(gateway, principal, session).await {
            Ok(held) => {
                self.keep(key, held.clone());
                Ok(held)
            }
            Err(status) => match (known, session) {
                (Some((_, held)), _) => Ok(held),
                (None, None) => Ok(Held::default()),
                (None, Some(_)) => Err(status.into()),
            },
        }
    }

    /// Ends a session: here at once, elsewhere as soon as they look.
    pub async fn end(&self, gateway: &Gateway, session: &Session, unit: Option<&str>) {
        let held = Held { ended: true, unit: None };
        self.keep((Some(session.id), unit.map(str::to_owned)), held);
        let mut request = tonic::Request::new(EndSessionRequest {
            session_id: session.id.to_string(),
            until: Some(api::timestamp(session.until)),
        });
        request.set_timeout(PATIENCE);
        if let Err(status) = gateway.accounts_as_gateway().end_session(request).await {
            tracing::warn!(code = ?status.code(), "a session's end was not recorded: elsewhere it ends when idle");
        }
    }

    fn known(&self, key: &Key) -> Option<(Instant, Held)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn keep(&self, key: Key, held: Held) {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= CALLERS_MAX {
            callers.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        if callers.len() >= CALLERS_MAX {
            callers.clear();
        }
        // What has ended stays so.
        let kept = callers.entry(key).or_insert_with(|| (Instant::now(), held.clone()));
        if !kept.1.ended {
            *kept = (Instant::now(), held);
        }
    }
}

async fn asked(
    gateway: &Gateway,
    principal: &Principal,
    session: Option<&Session>,
) -> Result<Held, tonic::Status> {
    let account = session.filter(|session| session.by == SignedInBy::Account);
    let mut request = tonic::Request::new(CheckCallerRequest {
        session_id: session.map(|session| session.id.to_string()).unwrap_or_default(),
        account: account.map(|_| principal.subject.clone()).unwrap_or_default(),
        began_at: session.map(|session| api::timestamp(session.began)),
        unit: principal.unit.clone().unwrap_or_default(),
    });
    request.set_timeout(PATIENCE);
    let said = gateway.accounts_as_gateway().check_caller(request).await?.into_inner();
    Ok(Held { ended: said.ended, unit: Some(said.unit).filter(|unit| !unit.is_empty()) })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    #[test]
    fn an_ended_session_does_not_begin_again_and_memory_has_a_bound() {
        let standing = Standing::default();
        let at = DateTime::<Utc>::UNIX_EPOCH;
        let session = |id| Session {
            id: Uuid::from_u128(id),
            began: at,
            until: at,
            by: SignedInBy::Account,
            name: String::new(),
        };
        let key: Key = (Some(Uuid::from_u128(1)), None);
        standing.begun(&session(1), None);
        standing.keep(key.clone(), Held { ended: true, unit: None });
        standing.begun(&session(1), None);
        assert!(standing.known(&key).unwrap().1.ended);
        for id in 2..=CALLERS_MAX as u128 + 5 {
            standing.begun(&session(id), None);
        }
        assert!(standing.0.lock().unwrap().len() <= CALLERS_MAX);
    }
}
