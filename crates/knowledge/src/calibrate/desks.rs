//! Desks: stores of their own, each with what people ask there. At a desk most that is near is a sibling, another
//! question of the same subject, and a comparer learns from them which words tell.

use std::collections::HashMap;

use super::{
    examples::{Groups, Texts, weight},
    fold,
};
use crate::{
    backtest::{Answered, Asked, Error, Progress},
    matching::Matcher,
    matrix::dot,
    text,
};

/// Nearest stored questions that become couples, besides those that are known to be right or wrong.
const NEIGHBOURS: usize = 8;

/// A question that is asked of a desk, and one that is stored there: places among the texts.
pub struct Couple {
    pub asked: usize,
    pub stored: usize,
    /// Of the sentences.
    pub cosine: f32,
    pub yes: bool,
    pub weight: f32,
    pub fold: u64,
    pub stored_fold: u64,
}

/// Stored and asked questions, told apart by their unit.
#[derive(Default)]
pub struct Desks {
    pub answered: Vec<Answered>,
    pub asked: Vec<Asked>,
}

/// A question of a desk, read.
struct Read {
    place: usize,
    dense: Vec<f32>,
    fold: u64,
}

impl Desks {
    /// Stored id → normalised question.
    pub fn of_id(&self) -> HashMap<String, String> {
        self.answered.iter().map(|one| (one.id.clone(), text::normalise(&one.question))).collect()
    }

    /// Embeds all questions and sets what is asked beside what is stored at the same desk.
    pub(super) async fn couples(
        &self,
        matcher: &Matcher,
        texts: &mut Texts,
        groups: &mut Groups,
        progress: Progress<'_>,
    ) -> Result<Vec<Couple>, Error> {
        let stored = self.answered.iter().map(|one| one.question.as_str());
        let all = || stored.clone().chain(self.asked.iter().map(|one| one.text.as_str()));
        let embedded =
            texts.read(matcher, all(), |done, total| progress("reading desks", done, total)).await?;
        let read =
            |(text, (place, dense))| Read { place, dense, fold: fold(groups.of(&text::normalise(text))) };
        let read: Vec<Read> = all().zip(embedded).map(read).collect();
        let (stored, asked) = read.split_at(self.answered.len());
        let mut of_unit: HashMap<&str, Vec<(&Answered, &Read)>> = HashMap::new();
        for (one, read) in self.answered.iter().zip(stored) {
            of_unit.entry(&one.unit).or_default().push((one, read));
        }
        let here = |one: &Asked| of_unit.get(one.unit.as_str()).map(Vec::as_slice).unwrap_or_default();
        Ok(self.asked.iter().zip(asked).flat_map(|(one, read)| couples(one, read, here(one))).collect())
    }
}

/// The nearest of what is stored, and whatever is known of.
fn couples(one: &Asked, asked: &Read, stored: &[(&Answered, &Read)]) -> Vec<Couple> {
    let cosine = |read: &Read| dot(&asked.dense, &read.dense);
    let mut near: Vec<(f32, &Answered, &Read)> =
        stored.iter().map(|(of, read)| (cosine(read), *of, *read)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let couples = near.into_iter().enumerate().filter_map(|(rank, (cosine, of, read))| {
        let (yes, forbidden) = (one.expect.contains(&of.id), one.forbid.contains(&of.id));
        let weight = weight(one, &of.id);
        let (fold, stored_fold) = (asked.fold, read.fold);
        let couple =
            Couple { asked: asked.place, stored: read.place, cosine, yes, weight, fold, stored_fold };
        (rank < NEIGHBOURS || yes || forbidden).then_some(couple)
    });
    couples.collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::examples::{FORBIDDEN, RIGHT, STRANGER, WRONG},
        *,
    };

    fn stored(id: &str) -> Answered {
        let line = serde_json::json!({"id": id, "question": id, "answer": "a"});
        serde_json::from_value(line).unwrap()
    }

    fn asked(expect: &[&str], forbid: &[&str]) -> Asked {
        let line =
            serde_json::json!({"id": "q", "kind": "k", "text": "t", "expect": expect, "forbid": forbid});
        serde_json::from_value(line).unwrap()
    }

    /// In a plane, so many degrees from the first axis.
    fn at(degrees: f32) -> Read {
        Read { place: 0, dense: vec![degrees.to_radians().cos(), degrees.to_radians().sin()], fold: 1 }
    }

    #[test]
    fn the_nearest_and_whatever_is_known_become_couples() {
        let passages: Vec<Answered> = (0..20).map(|n| stored(&n.to_string())).collect();
        let reads: Vec<Read> = (0_u8..20).map(|n| at(f32::from(n))).collect();
        let here: Vec<(&Answered, &Read)> = passages.iter().zip(&reads).collect();
        let weights = |one: &Asked| {
            let couples = couples(one, &at(0.0), &here);
            assert!(couples.is_sorted_by(|a, b| a.cosine >= b.cosine));
            couples.iter().map(|couple| (couple.yes, couple.weight)).collect::<Vec<_>>()
        };
        let of_known = weights(&asked(&["19"], &["2"]));
        assert_eq!(of_known.len(), NEIGHBOURS + 1);
        assert_eq!(
            (of_known[0], of_known[2], of_known[8]),
            ((false, WRONG), (false, FORBIDDEN), (true, RIGHT))
        );
        assert_eq!(weights(&asked(&[], &[])), [(false, STRANGER); NEIGHBOURS]);
    }
}
