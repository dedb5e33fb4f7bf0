//! Seals who asked, and the original words, by XChaCha20-Poly1305, bound to the ticket.

use api::TicketId;
use base64::Engine as _;
use chacha20poly1305::{
    Key, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use rand::RngCore as _;
use runtime::Secret;
use serde::Serialize;

/// The first byte of what is sealed: which form the rest has.
const FORM: u8 = 1;
const NONCE_BYTES: usize = 24;

/// What is sealed of a submission or a follow-up.
#[derive(Debug, Serialize)]
pub struct Sealed<'a> {
    pub name: &'a str,
    pub email: &'a str,
    pub phone: &'a str,
    pub organisation: &'a str,
    pub text: &'a str,
}

/// Why the configured key cannot seal.
#[derive(Debug, thiserror::Error)]
#[error("intake.sealing_key must be 32 bytes in base64")]
pub struct BadKey;

/// Seals with the configured key.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
}

impl Sealer {
    pub fn try_new(key: &Secret) -> Result<Self, BadKey> {
        let bytes = base64::prelude::BASE64_STANDARD.decode(key.expose()).map_err(|_| BadKey)?;
        let key: [u8; 32] = bytes.try_into().map_err(|_| BadKey)?;
        Ok(Self { cipher: XChaCha20Poly1305::new(&Key::from(key)) })
    }

    /// Form byte, nonce, ciphertext. It opens only as this ticket's.
    pub fn seal(&self, ticket_id: TicketId, what: &Sealed<'_>) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let plain = serde_json::to_vec(what).expect("strings serialise");
        let payload = Payload { msg: &plain, aad: ticket_id.0.as_bytes() };
        let sealed =
            self.cipher.encrypt(&XNonce::from(nonce), payload).expect("far below the cipher's limit");
        [&[FORM][..], &nonce, &sealed].concat()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn sealer() -> Sealer {
        Sealer::try_new(&Secret::new(base64::prelude::BASE64_STANDARD.encode([7; 32]))).unwrap()
    }

    fn open(sealer: &Sealer, ticket_id: TicketId, sealed: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE_BYTES] = sealed[1..=NONCE_BYTES].try_into().unwrap();
        let payload = Payload { msg: &sealed[1 + NONCE_BYTES..], aad: ticket_id.0.as_bytes() };
        sealer.cipher.decrypt(&XNonce::from(nonce), payload).ok()
    }

    #[test]
    fn it_opens_only_whole_and_only_for_its_ticket() {
        let (ticket, other) = (TicketId(Uuid::from_u128(1)), TicketId(Uuid::from_u128(2)));
        let what = Sealed { name: "Mẫu", email: "", phone: "", organisation: "", text: "hỏi" };
        let sealed = sealer().seal(ticket, &what);
        assert!(!sealed.windows(3).any(|bytes| bytes == "hỏi".as_bytes()));
        assert_eq!(open(&sealer(), ticket, &sealed).unwrap(), serde_json::to_vec(&what).unwrap());
        assert_eq!(open(&sealer(), other, &sealed), None);
        let mut damaged = sealed;
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(open(&sealer(), ticket, &damaged), None);
    }
}
