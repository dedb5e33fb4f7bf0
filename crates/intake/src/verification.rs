//! How sure it is who asks: what kinds of questions demand, what askers show, and what follows. The limits
//! and words of codes are data (`data/email_code.toml`). Pure.

use std::sync::LazyLock;

use api::intake::v1::{Assurance, Kind};
use rand::Rng;
use runtime::{Refusal, notify};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const DIGITS: usize = 6;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// How long a code is good.
    pub minutes: u32,
    /// How often somebody may try one.
    pub attempts: u32,
    /// Codes to one address.
    pub per_hour: u32,
    /// How long one is remembered.
    pub kept_hours: u32,
    subject: String,
    vi: String,
    en: String,
}

pub static DATA: LazyLock<Data> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/email_code.toml"))
        .expect("data/email_code.toml is compiled in and covered by a test")
});

/// A kind of question that not everybody may ask unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    pub kind: KindName,
    pub assurance: Level,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KindName {
    Question,
    Recommendation,
    Report,
    Opinion,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Question => Self::Question,
            KindName::Recommendation => Self::Recommendation,
            KindName::Report => Self::Report,
            KindName::Opinion => Self::Opinion,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Email,
    Identity,
}

impl From<Level> for Assurance {
    fn from(level: Level) -> Self {
        match level {
            Level::Email => Self::Email,
            Level::Identity => Self::Identity,
        }
    }
}

/// Checks the configured demands.
pub fn check(demands: &[Demand], mail_is_on: bool) -> anyhow::Result<()> {
    for (at, demand) in demands.iter().enumerate() {
        let twice = demands[..at].iter().any(|other| other.kind == demand.kind);
        anyhow::ensure!(!twice, "intake.demands names the kind {:?} twice", demand.kind);
        let able = mail_is_on || demand.assurance != Level::Email;
        anyhow::ensure!(able, "intake.demands: codes are mailed, and mail.host is not set");
    }
    Ok(())
}

/// What a kind demands.
pub fn demanded(demands: &[Demand], kind: Kind) -> Assurance {
    let demand = demands.iter().find(|demand| Kind::from(demand.kind) == kind);
    demand.map_or(Assurance::Unspecified, |demand| demand.assurance.into())
}

/// What an asker shows with a question.
#[derive(Debug, Default)]
pub struct Proof {
    pub code: Option<Code>,
    pub identity: Option<Identity>,
}

/// A code as the asker typed it.
#[derive(Debug)]
pub struct Code {
    pub verification_id: Uuid,
    pub typed: String,
}

/// Who a provider of identities says that the asker is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub issuer: String,
    pub subject: String,
}

/// What trying a code came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// There was none.
    Nothing,
    Right,
    Wrong,
    /// It was mailed to another address than the one that was given.
    OfAnother,
    /// Used, too old, or tried too often.
    Spent,
}

/// How sure it is who asks, if that is enough.
pub fn judged(demand: Assurance, identified: bool, tried: Tried) -> Result<Assurance, Refusal> {
    let refused = |reason, message| Err(Refusal::invalid("emailCode", reason, message));
    let shown = match tried {
        _ if identified => Assurance::Identity,
        Tried::Right => Assurance::Email,
        Tried::Nothing => Assurance::Unspecified,
        Tried::Wrong => return refused("EMAIL_CODE_WRONG", "this is not the code that was mailed"),
        Tried::OfAnother => {
            return refused("EMAIL_NOT_VERIFIED", "the code was mailed to another address");
        }
        Tried::Spent => return Err(spent()),
    };
    match demand {
        _ if shown >= demand => Ok(shown),
        Assurance::Identity => Err(Refusal::invalid(
            "identity",
            "IDENTITY_NOT_VERIFIED",
            "this kind of question demands a verified identity",
        )),
        _ => refused("EMAIL_NOT_VERIFIED", "this kind of question demands a verified e-mail address"),
    }
}

pub fn spent() -> Refusal {
    let message = "the code was used, is too old, or was tried too often";
    Refusal::invalid("emailCode", "EMAIL_CODE_SPENT", message)
}

/// Six decimal digits.
pub fn random_code(rng: &mut impl Rng) -> String {
    (0..DIGITS).map(|_| char::from(rng.random_range(b'0'..=b'9'))).collect()
}

/// Without what people put between digits.
pub fn digits(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.')).collect()
}

/// Ready to be sent.
pub struct Written {
    pub subject: String,
    pub text: String,
    pub html: String,
}

pub fn write(code: &str) -> Written {
    let minutes = DATA.minutes.to_string();
    let text = format!("{}\n\n---\n\n{}\n", DATA.vi.trim(), DATA.en.trim());
    let text = notify::fill(&text, &[("code", code), ("minutes", &minutes)]);
    Written { subject: DATA.subject.clone(), html: notify::html(&text), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMANDS: [Demand; 2] = [
        Demand { kind: KindName::Opinion, assurance: Level::Identity },
        Demand { kind: KindName::Recommendation, assurance: Level::Email },
    ];

    #[test]
    fn what_is_shown_must_be_what_the_kind_demands_or_more() {
        use Assurance::{Email, Identity, Unspecified};
        let of = |demand, identified, tried| {
            judged(demand, identified, tried).map_err(|refusal| refusal.reason().to_owned())
        };
        let refused = |reason: &str| Err(reason.to_owned());
        for demand in [Unspecified, Email, Identity] {
            assert_eq!(of(demand, true, Tried::Nothing), Ok(Identity));
            assert_eq!(of(demand, true, Tried::Spent), Ok(Identity), "it shows more than a code");
            assert_eq!(of(demand, false, Tried::Wrong), refused("EMAIL_CODE_WRONG"));
            assert_eq!(of(demand, false, Tried::Spent), refused("EMAIL_CODE_SPENT"));
            assert_eq!(of(demand, false, Tried::OfAnother), refused("EMAIL_NOT_VERIFIED"));
        }
        assert_eq!(of(Unspecified, false, Tried::Nothing), Ok(Unspecified));
        assert_eq!(of(Unspecified, false, Tried::Right), Ok(Email));
        assert_eq!(of(Email, false, Tried::Right), Ok(Email));
        assert_eq!(of(Email, false, Tried::Nothing), refused("EMAIL_NOT_VERIFIED"));
        assert_eq!(of(Identity, false, Tried::Right), refused("IDENTITY_NOT_VERIFIED"));
    }

    #[test]
    fn demands_are_of_a_kind_once_and_can_be_met() {
        assert!(check(&DEMANDS, true).is_ok());
        assert!(check(&DEMANDS, false).is_err());
        assert!(check(&DEMANDS[..1], false).is_ok());
        assert!(check(&[DEMANDS[0], DEMANDS[0]], true).is_err());
        assert_eq!(demanded(&DEMANDS, Kind::Opinion), Assurance::Identity);
        assert_eq!(demanded(&DEMANDS, Kind::Question), Assurance::Unspecified);
    }

    #[test]
    fn a_code_has_six_digits_however_it_is_typed_and_stands_in_both_languages() {
        let code = random_code(&mut rand::rng());
        assert!(code.len() == DIGITS && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
        assert_eq!(digits(" 12-34 56\n"), "123456");
        let written = write("123456");
        assert_eq!(written.text.matches("123456").count(), 2);
        assert!(!written.text.contains(['{', '}']) && !written.subject.contains("123456"));
        assert!(DATA.minutes <= 24 * 60 && DATA.kept_hours >= 1, "the limit is by the hour");
    }
}
