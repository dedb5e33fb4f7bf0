//! A closed list of refusals, mapped once to gRPC (and from there, by the gateway, to RFC 9457).

use std::error::Error;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The `domain` of every ErrorInfo.
pub const DOMAIN: &str = "motcua";

/// Why a call was refused: a code that callers branch on, and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    code: Code,
    reason: &'static str,
    message: String,
    field: Option<&'static str>,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident => $code:ident),+ $(,)?) => {
        $($(#[$doc])*
        pub fn $name(reason: &'static str, message: impl Into<String>) -> Self {
            Self { code: Code::$code, reason, message: message.into(), field: None }
        })+
    };
}

impl Refusal {
    /// `field` of the request, as in its JSON, breaks a rule.
    pub fn invalid(field: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code: Code::InvalidArgument, reason, message: message.into(), field: Some(field) }
    }

    refusals! {
        /// There is no such thing, or none the caller may know of.
        not_found => NotFound,
        /// The thing is not in a state that allows it.
        conflict => FailedPrecondition,
        /// The thing changed since the caller saw it.
        stale => Aborted,
        /// The id is taken by something else.
        exists => AlreadyExists,
        /// The caller's role or unit does not allow it.
        denied => PermissionDenied,
        /// Who calls is not known.
        unauthenticated => Unauthenticated,
        /// A limit is reached; later it may work.
        exhausted => ResourceExhausted,
        /// A part the call needs is away; later it may work.
        unavailable => Unavailable,
    }

    /// Our fault: logged here with its causes; the caller learns nothing of them.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "a call failed");
        Self { code: Code::Internal, reason: "INTERNAL", message: "internal error".to_owned(), field: None }
    }

    /// The stable code.
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        metrics::counter!("motcua_refusals_total", "reason" => refusal.reason).increment(1);
        let mut details = ErrorDetails::with_error_info(refusal.reason, DOMAIN, []);
        if let Some(field) = refusal.field {
            details.add_bad_request_violation(field, refusal.message.clone());
        }
        Self::with_error_details(refusal.code, refusal.message, details)
    }
}

/// A database that does not answer is a part that is away; anything else is our fault.
impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::PoolClosed => {
                tracing::warn!(error = &error as &dyn Error, "the database is away");
                Self::unavailable("DATABASE_AWAY", "the database does not answer; try again later")
            }
            error => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_its_reason_and_field() {
        let status = Status::from(Refusal::invalid("text", "TEXT_EMPTY", "text is empty"));
        assert_eq!(status.code(), Code::InvalidArgument);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "TEXT_EMPTY");
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "text");
    }

    #[test]
    fn an_internal_error_tells_nothing() {
        let status = Status::from(Refusal::internal(&std::io::Error::other("password=hush")));
        assert!(!format!("{status:?}").contains("hush"));
    }
}
