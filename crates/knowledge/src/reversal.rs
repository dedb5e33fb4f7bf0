//! Who does what to whom: two questions of the same words where two of them have changed sides of a
//! third (the buyer sues the seller, the seller sues the buyer) are not one question. Moving a part of
//! a sentence elsewhere changes no sides: there, words cross in one direction only.

use std::collections::HashMap;

use crate::pair;

/// Words of a text that are compared, at most; longer texts are told apart by more than their order.
const WORDS_MAX: usize = 64;

/// The word in the middle, and the two that changed sides: as in `asked`, left and right of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reversal<'a> {
    pub left: &'a str,
    pub middle: &'a str,
    pub right: &'a str,
}

/// Words that may trade sides although they are listed as saying little.
const ROLES: [&str; 12] =
    ["cha", "bố", "mẹ", "con", "vợ", "chồng", "trước", "sau", "bo", "me", "vo", "truoc"];

/// What only lists: words on its two sides may trade them (rights and duties, duties and rights).
const LISTS: [&str; 5] = ["và", "hoặc", "hay", "va", "hoac"];

/// `None` when nothing is reversed, or a text is too long to say.
pub fn reversal<'a>(asked: &[&'a str], stored: &[&str]) -> Option<Reversal<'a>> {
    if asked.len() > WORDS_MAX || stored.len() > WORDS_MAX {
        return None;
    }
    from_and_to(asked, stored).or_else(|| {
        let crossed = crossing(&once(asked.iter().copied()), &once(stored.iter().copied()), plays_a_role);
        let (left, middle, right) = crossed.or_else(|| {
            // Words said twice are told apart by their neighbours.
            let pairs = |words: &[&str]| words.windows(2).map(|two| two.join(" ")).collect::<Vec<_>>();
            let (left, right) = (pairs(asked), pairs(stored));
            let tells = |pair: &str| pair.split(' ').any(plays_a_role);
            crossing(&once(left.iter().map(String::as_str)), &once(right.iter().map(String::as_str)), tells)
        })?;
        Some(Reversal { left: asked[left], middle: asked[middle], right: asked[right] })
    })
}

fn plays_a_role(word: &str) -> bool {
    ROLES.contains(&word) || !pair::is_function_word(word)
}

/// "From here to there" against "from there to here", whatever the word for "to".
fn from_and_to<'a>(asked: &[&'a str], stored: &[&str]) -> Option<Reversal<'a>> {
    let from = |words: &[&str]| words.iter().position(|word| ["từ", "tu"].contains(word)).map(|at| at + 1);
    let (here, there) = (from(asked)?, from(stored)?);
    let (start, other_start) = (*asked.get(here)?, *stored.get(there)?);
    let later = |words: &[&str], after: usize, word: &str| words[after + 1..].contains(&word);
    let turned = start != other_start && later(asked, here, other_start) && later(stored, there, start);
    let right = asked.iter().copied().find(|word| *word == other_start)?;
    turned.then_some(Reversal { left: start, middle: asked[here - 1], right })
}

/// Places in the first text: left, middle and right of two units that crossed a third.
fn crossing(
    left: &HashMap<&str, usize>,
    right: &HashMap<&str, usize>,
    tells: impl Fn(&str) -> bool,
) -> Option<(usize, usize, usize)> {
    // Units that both have once and that do more than list: place here, place there, whether it may have traded sides.
    let telling = left.iter().filter(|(unit, _)| !LISTS.contains(unit));
    let both = telling.filter_map(|(unit, here)| right.get(unit).map(|there| (*here, *there, tells(unit))));
    let mut common: Vec<(usize, usize, bool)> = both.collect();
    common.sort_unstable();
    common.iter().enumerate().find_map(|(at, &(here, there, _))| {
        let to_the_right = common[..at].iter().rev().find(|(_, other, tells)| *tells && *other > there)?;
        let to_the_left = common[at + 1..].iter().find(|(_, other, tells)| *tells && *other < there)?;
        Some((to_the_right.0, here, to_the_left.0))
    })
}

/// Words that occur once, and where.
fn once<'a>(words: impl Iterator<Item = &'a str>) -> HashMap<&'a str, usize> {
    let mut places = HashMap::new();
    for (at, word) in words.enumerate() {
        places.entry(word).and_modify(|place| *place = None).or_insert(Some(at));
    }
    places.into_iter().filter_map(|(word, place)| Some((word, place?))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(asked: &str, stored: &str) -> Option<(String, String, String)> {
        let (asked, stored): (Vec<&str>, Vec<&str>) =
            (asked.split(' ').collect(), stored.split(' ').collect());
        let found = reversal(&asked, &stored)?;
        Some((found.left.to_owned(), found.middle.to_owned(), found.right.to_owned()))
    }

    #[test]
    fn changing_sides_is_seen_and_moving_a_part_is_not() {
        let sides = |left: &str, middle: &str, right: &str| Some((left.into(), middle.into(), right.into()));
        assert_eq!(of("cha nhận con", "con nhận cha"), sides("cha", "nhận", "con"));
        assert!(of("người mua kiện người bán ở đâu", "người bán kiện người mua ở đâu").is_some());
        assert_eq!(of("đi từ huế ra vinh", "đi từ vinh vào huế"), sides("huế", "từ", "vinh"));
        assert!(of("bên cho thuê đền bù cho bên thuê", "bên thuê đền bù cho bên cho thuê").is_some());
        let same = [
            ("như thế nào là nhiệm vụ quốc phòng", "nhiệm vụ quốc phòng là như thế nào"),
            (
                "mỗi gia đình có trách nhiệm gì trong việc phòng mại dâm",
                "trách nhiệm của mỗi gia đình trong phòng mại dâm",
            ),
            ("viêm gan b có tiêm được vắc xin không", "viêm gan b có tiêm vắc xin được không"),
            ("quyền và nghĩa vụ của sở y tế", "nhiệm vụ và quyền hạn của sở y tế là gì"),
            ("có sai sót thì chỉnh sửa thế nào", "chỉnh sửa khi có sai sót thế nào"),
        ];
        for (asked, stored) in same {
            assert_eq!(of(asked, stored), None, "{asked} | {stored}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_never_reversed_against_itself_or_with_a_part_moved(
            words in proptest::collection::vec("[a-z]{1,3}", 0..20), cut in 0_usize..20,
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let cut = cut.min(words.len());
            let moved = [&words[cut..], &words[..cut]].concat();
            prop_assert_eq!(reversal(&words, &words), None);
            prop_assert_eq!(reversal(&words, &moved), None);
        }
    }
}
