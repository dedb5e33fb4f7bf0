//! Seals who asked, and the original words, by XChaCha20-Poly1305, bound to the ticket.

use api::TicketId;
use base64::Engine as _;
use chacha20poly1305::{
    Key, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use rand::RngCore as _;
use runtime::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::verification::Identity;

/// The first byte of what is sealed: which form the rest has.
const FORM: u8 = 1;
const NONCE_BYTES: usize = 24;

/// What is sealed of a submission or a follow-up.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    pub name: String,
    pub email: String,
    pub phone: String,
    pub organisation: String,
    pub text: String,
    /// Who a provider of identities says it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

/// Sealed with another key, for another ticket, or damaged.
#[derive(Debug, thiserror::Error)]
#[error("what was sealed cannot be opened: another key, another ticket, or damaged")]
pub struct NotOpened;

/// Why the configured key cannot seal.
#[derive(Debug, thiserror::Error)]
#[error("intake.sealing_key must be 32 bytes in base64")]
pub struct BadKey;

/// Seals with the configured key.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    /// For marks and signatures; made of the same key.
    signing: [u8; 32],
}

impl Sealer {
    pub fn try_new(key: &Secret) -> Result<Self, BadKey> {
        let bytes = base64::prelude::BASE64_STANDARD.decode(key.expose()).map_err(|_| BadKey)?;
        let key: [u8; 32] = bytes.try_into().map_err(|_| BadKey)?;
        let signing = Sha256::new().chain_update(b"motcua signing").chain_update(key).finalize().into();
        Ok(Self { cipher: XChaCha20Poly1305::new(&Key::from(key)), signing })
    }

    /// Form byte, nonce, ciphertext. It opens only as this ticket's.
    pub fn seal(&self, ticket_id: TicketId, what: &Sealed) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let plain = serde_json::to_vec(what).expect("strings serialise");
        let payload = Payload { msg: &plain, aad: ticket_id.0.as_bytes() };
        let sealed =
            self.cipher.encrypt(&XNonce::from(nonce), payload).expect("far below the cipher's limit");
        [&[FORM][..], &nonce, &sealed].concat()
    }

    /// Tells the same text again, and not which it is. The key comes first and the length is fixed by it, so
    /// a longer text has another mark that nobody can make.
    pub fn mark(&self, text: &str) -> Vec<u8> {
        let inner = Sha256::new().chain_update(self.signing).chain_update(text).finalize();
        Sha256::new().chain_update(self.signing).chain_update(inner).finalize().to_vec()
    }

    /// The signature of a link, for one purpose; 128 bits in hexadecimal.
    pub fn sign(&self, purpose: &str, id: Uuid) -> String {
        use std::fmt::Write as _;
        let mark = self.mark(&format!("link:{purpose}:{id}"));
        mark[..16].iter().fold(String::with_capacity(32), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// Whether it is ours; how long that takes tells nothing.
    pub fn signed(&self, purpose: &str, id: Uuid, signature: &str) -> bool {
        let own = self.sign(purpose, id);
        let differs = own.bytes().zip(signature.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
        own.len() == signature.len() && differs == 0
    }

    /// What was sealed for this ticket. It is for the platform's own use, so that a follow-up can be
    /// redacted by what its asker is known by, and for the address of a report, which its asker and
    /// the unit that has it read; nothing else is shown to anybody.
    pub fn open(&self, ticket_id: TicketId, sealed: &[u8]) -> Result<Sealed, NotOpened> {
        let (form, rest) = sealed.split_first().ok_or(NotOpened)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(NotOpened)?;
        let payload = Payload { msg: sealed, aad: ticket_id.0.as_bytes() };
        let plain = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| NotOpened)?;
        if *form != FORM {
            return Err(NotOpened);
        }
        serde_json::from_slice(&plain).map_err(|_| NotOpened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::try_new(&Secret::new(base64::prelude::BASE64_STANDARD.encode([7; 32]))).unwrap()
    }

    #[test]
    fn a_link_is_signed_for_one_purpose_and_one_id() {
        let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let signature = sealer().sign("stop", id);
        assert!(sealer().signed("stop", id, &signature));
        for wrong in ["", &signature[1..], &signature.replace(&signature[..1], "x"), "ü"] {
            assert!(!sealer().signed("stop", id, wrong), "{wrong}");
        }
        assert!(!sealer().signed("confirm", id, &signature) && !sealer().signed("stop", other, &signature));
        assert_eq!(sealer().mark("a@b.vn"), sealer().mark("a@b.vn"));
        assert_ne!(sealer().mark("a@b.vn"), sealer().mark("b@b.vn"));
    }

    #[test]
    fn it_opens_only_whole_and_only_for_its_ticket() {
        let (ticket, other) = (TicketId(Uuid::from_u128(1)), TicketId(Uuid::from_u128(2)));
        let what = Sealed { name: "Mẫu".into(), text: "hỏi".into(), ..Sealed::default() };
        let sealed = sealer().seal(ticket, &what);
        assert!(!sealed.windows(3).any(|bytes| bytes == "hỏi".as_bytes()));
        assert_eq!(sealer().open(ticket, &sealed).unwrap(), what);
        assert!(sealer().open(other, &sealed).is_err());
        for cut in [0, 1, 20, 25] {
            assert!(sealer().open(ticket, &sealed[..cut]).is_err());
        }
        let mut damaged = sealed;
        *damaged.last_mut().unwrap() ^= 1;
        assert!(sealer().open(ticket, &damaged).is_err());
    }
}
