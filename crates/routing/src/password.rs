//! Passwords: argon2id with the parameters of the crate, which are OWASP's (19 MiB, two passes, one lane), and
//! made ones.

use argon2::{
    Argon2,
    password_hash::{self, PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use rand::Rng as _;

/// What can't be mistaken for another: Crockford's base 32.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Letters of a made password: 100 bits, in groups.
const MADE: usize = 20;
const GROUP: usize = 5;

/// A PHC string with a salt of its own.
pub fn hash(password: &str) -> Result<String, password_hash::Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

/// Whether that hash is the password's.
pub fn is(password: &str, hash: &str) -> bool {
    let hash = PasswordHash::new(hash);
    hash.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Like `7k2mp-…`, at random.
pub fn made() -> String {
    let mut random = rand::rng();
    let letters: Vec<u8> = (0..MADE).map(|_| LETTERS[random.random_range(0..LETTERS.len())]).collect();
    let groups: Vec<String> =
        letters.chunks(GROUP).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_one_password_and_says_how_it_was_made() {
        let (password, hash) = ("mật khẩu đủ dài", hash("mật khẩu đủ dài").unwrap());
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(is(password, &hash));
        assert!(!is("mat khau du dai", &hash) && !is(password, "noise"));
    }

    #[test]
    fn made_passwords_differ() {
        let made = [made(), super::made()];
        assert_ne!(made[0], made[1]);
        assert_eq!(made[0].split('-').map(str::len).collect::<Vec<_>>(), [GROUP; MADE / GROUP]);
    }
}
