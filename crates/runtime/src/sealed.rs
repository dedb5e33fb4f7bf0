//! What the platform hands out and takes back unread, or keeps and shows nobody: encrypted under the key of
//! the tokens, for one purpose only.

use chrono::{DateTime, Utc};
use pasetors::{
    Local,
    token::UntrustedToken,
    version4::{LocalToken, V4},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::Tokens;

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    what: T,
    /// Seconds since 1970; none: it stays good.
    exp: Option<i64>,
}

impl Tokens {
    /// Only [`Self::open`] for the same purpose reads it; as a bearer token it is nothing.
    ///
    /// # Errors
    /// If `what` does not serialise.
    pub fn seal<T: Serialize>(
        &self,
        purpose: &str,
        what: &T,
        until: Option<DateTime<Utc>>,
    ) -> anyhow::Result<String> {
        let envelope = Envelope { what, exp: until.map(|until| until.timestamp()) };
        let message = serde_json::to_vec(&envelope)?;
        LocalToken::encrypt(&self.key, &message, None, Some(purpose.as_bytes()))
            .map_err(|error| anyhow::anyhow!("it could not be sealed: {error}"))
    }

    /// What was sealed; `None`: for another purpose, with another key, damaged, or too old.
    pub fn open<T: DeserializeOwned>(&self, purpose: &str, sealed: &str, now: DateTime<Utc>) -> Option<T> {
        let sealed = UntrustedToken::<Local, V4>::try_from(sealed).ok()?;
        let opened = LocalToken::decrypt(&self.key, &sealed, None, Some(purpose.as_bytes())).ok()?;
        let envelope: Envelope<T> = serde_json::from_str(opened.payload()).ok()?;
        envelope.exp.is_none_or(|exp| now.timestamp() < exp).then_some(envelope.what)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use chrono::Duration;

    use super::*;
    use crate::Secret;

    fn tokens(byte: u8) -> Tokens {
        Tokens::try_new(&Secret::new(base64::prelude::BASE64_STANDARD.encode([byte; 32]))).unwrap()
    }

    #[test]
    fn it_opens_for_its_purpose_with_its_key_in_its_time() {
        let now = DateTime::UNIX_EPOCH + Duration::days(20_000);
        let sealed = tokens(1).seal("one", &"hush", Some(now + Duration::minutes(10))).unwrap();
        assert!(!sealed.contains("hush"));
        let open = |byte, purpose, now| tokens(byte).open::<String>(purpose, &sealed, now);
        assert_eq!(open(1, "one", now).as_deref(), Some("hush"));
        assert_eq!(open(1, "two", now), None);
        assert_eq!(open(2, "one", now), None);
        assert_eq!(open(1, "one", now + Duration::minutes(10)), None);
        assert_eq!(tokens(1).verify(&sealed, now).unwrap_err().reason(), "TOKEN_INVALID");
        let kept = tokens(1).seal("one", &7, None).unwrap();
        assert_eq!(tokens(1).open("one", &kept, now + Duration::days(9_999)), Some(7));
    }
}
