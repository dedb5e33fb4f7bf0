//! Tracking codes: what an asker follows a question by. 60 random bits, so they can't be guessed;
//! symbols that sound apart when read aloud in Vietnamese and English (no 0/O, 1/I/L, M/N, S/X,
//! no letters named like đê, bê, tê); a check symbol that catches a slip and a swap.

use rand::Rng as _;

const SYMBOLS: &[u8; 16] = b"23456789AHKMQRSY";

/// Random symbols; one check symbol follows.
const RANDOM: usize = 15;

/// A code in its printed form: four groups of four, like `7K2M-9A3H-QR5S-84YA`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackingCode(String);

impl TrackingCode {
    /// A new code.
    pub fn random(rng: &mut impl rand::CryptoRng) -> Self {
        let symbols: Vec<usize> = (0..RANDOM).map(|_| rng.random_range(0..SYMBOLS.len())).collect();
        Self::print(&symbols)
    }

    /// Reads what a person typed: spaces, dashes and case do not matter. `None` if it is no code.
    pub fn parse(typed: &str) -> Option<Self> {
        let symbols = typed
            .chars()
            .filter(|c| !matches!(c, ' ' | '-' | '–' | '.'))
            .take(RANDOM + 2)
            .map(|c| SYMBOLS.iter().position(|&s| char::from(s) == c.to_ascii_uppercase()))
            .collect::<Option<Vec<_>>>()?;
        let (check, random) = symbols.split_last()?;
        (random.len() == RANDOM && *check == check_symbol(random)).then(|| Self::print(random))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn print(random: &[usize]) -> Self {
        let all = random.iter().copied().chain([check_symbol(random)]);
        let letters: Vec<char> = all.map(|symbol| char::from(SYMBOLS[symbol])).collect();
        Self(letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-"))
    }
}

/// Luhn's algorithm modulo 16.
fn check_symbol(random: &[usize]) -> usize {
    let sum: usize = random
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &symbol)| if place % 2 == 0 { symbol * 2 / 16 + symbol * 2 % 16 } else { symbol })
        .sum();
    (16 - sum % 16) % 16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn code(seed: u64) -> TrackingCode {
        TrackingCode::random(&mut StdRng::seed_from_u64(seed))
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_however_it_is_typed(seed: u64) {
            let code = code(seed);
            let typed = format!(" {} ", code.as_str().to_lowercase().replace('-', " "));
            prop_assert_eq!(TrackingCode::parse(&typed), Some(code));
        }

        #[test]
        fn one_wrong_symbol_is_noticed(seed: u64, place in 0usize..16, other in 0usize..16) {
            let code = code(seed);
            let mut letters: Vec<char> = code.as_str().chars().filter(|c| *c != '-').collect();
            let wrong = char::from(SYMBOLS[other]);
            prop_assume!(letters[place] != wrong);
            letters[place] = wrong;
            prop_assert_eq!(TrackingCode::parse(&String::from_iter(letters)), None);
        }

        #[test]
        fn anything_can_be_typed(typed: String) {
            let _ = TrackingCode::parse(&typed);
        }
    }

    #[test]
    fn too_short_and_too_long_are_no_codes() {
        let code = code(1);
        assert_eq!(TrackingCode::parse(&code.as_str()[..10]), None);
        assert_eq!(TrackingCode::parse(&format!("{}2", code.as_str())), None);
        assert_eq!(TrackingCode::parse(""), None);
    }
}
