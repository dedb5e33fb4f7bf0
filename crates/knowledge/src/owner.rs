//! Who answers a text like this? Learned from questions whose owner is known. Pure: examples in,
//! owners with calibrated probabilities out.

pub mod backtest;
mod inputs;
mod linear;

use crate::{
    lexical,
    owner::{
        inputs::{BUCKETS, Reader},
        linear::{Inputs, Linear},
    },
    text::Text,
};

/// Parts the examples are cut into, to learn how far the model can be believed.
const PARTS: u32 = 8;

/// Nobody's score: a text that no owner claims belongs to none of them.
const NOBODY: f64 = -0.5;

/// Whose a question is: a field and a unit as the store has them; one of the two may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Owner {
    pub field: String,
    pub unit: String,
}

/// A question whose owner is known.
#[derive(Debug, Clone)]
pub struct Example {
    pub text: Text,
    /// Its embedding.
    pub dense: Vec<f32>,
    pub owner: Owner,
    /// How much it counts; 1: as usual.
    pub weight: f32,
}

/// An owner of a text, with the probability.
pub type Ranked<'a> = (&'a Owner, f64);

/// How one example fared with a model that had not seen it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOut {
    /// The best owner's probability.
    pub confidence: f64,
    pub right: bool,
}

/// A fitted model.
#[derive(Debug)]
pub struct Model {
    plain: Plain,
    /// How fast probability grows with the score.
    sharpness: f64,
    held_out: Vec<HeldOut>,
}

/// Scores without a meaning of their own.
#[derive(Debug)]
struct Plain {
    owners: Vec<Owner>,
    reader: Reader,
    machines: Vec<Linear>,
}

impl Model {
    /// None: with fewer than two owners there is nothing to tell apart.
    pub fn fit(examples: &[Example]) -> Option<Self> {
        let all: Vec<&Example> = examples.iter().collect();
        let plain = Plain::fit(&all)?;
        let scored = scored_by_others(&all);
        let sharpness = sharpness(&scored);
        let held_out = scored.iter().map(|(scores, truth)| {
            let (best, confidence) = best(&probabilities(scores, sharpness));
            HeldOut { confidence, right: *truth == Some(best) }
        });
        Some(Self { held_out: held_out.collect(), plain, sharpness })
    }

    /// The owners of a text, the likeliest first. What is missing to 1 is nobody's.
    pub fn rank(&self, text: &Text, dense: &[f32]) -> Vec<Ranked<'_>> {
        let scores = self.plain.scores(&self.plain.reader.read(text, dense));
        let probabilities = probabilities(&scores, self.sharpness);
        let mut ranked: Vec<Ranked<'_>> = self.plain.owners.iter().zip(probabilities).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    }

    /// The least confidence with which at most `share` of such questions would be left to a person.
    pub fn confidence_min(&self, share: f64) -> f64 {
        least_confidence(self.held_out.iter().map(|held| held.confidence).collect(), share)
    }
}

impl Plain {
    fn fit(examples: &[&Example]) -> Option<Self> {
        let mut owners: Vec<Owner> = examples.iter().map(|example| example.owner.clone()).collect();
        owners.sort();
        owners.dedup();
        if owners.len() < 2 {
            return None;
        }
        let reader = Reader::learn(examples);
        let inputs: Vec<Inputs> = examples.iter().map(|e| reader.read(&e.text, &e.dense)).collect();
        let machine = |owner: &Owner| {
            let side = |(inputs, example)| one_side(inputs, example, owner);
            let sides: Vec<_> = inputs.iter().zip(examples.iter().copied()).map(side).collect();
            Linear::fit(&sides, BUCKETS)
        };
        let machines = owners.iter().map(machine).collect();
        Some(Self { owners, reader, machines })
    }

    fn scores(&self, inputs: &Inputs) -> Vec<f64> {
        self.machines.iter().map(|machine| machine.score(inputs).into()).collect()
    }
}

fn one_side<'a>(inputs: &'a Inputs, example: &Example, owner: &Owner) -> (&'a Inputs, bool, f32) {
    (inputs, example.owner == *owner, example.weight)
}

/// Every example's scores by a model of the other parts, and the place of its owner among them.
fn scored_by_others(examples: &[&Example]) -> Vec<(Vec<f64>, Option<usize>)> {
    let mut scored = Vec::with_capacity(examples.len());
    for part in 0..PARTS {
        let (own, others): (Vec<&Example>, Vec<&Example>) =
            examples.iter().partition(|example| part_of(&example.text, PARTS) == part);
        let Some(model) = Plain::fit(&others) else { continue };
        for example in own {
            let scores = model.scores(&model.reader.read(&example.text, &example.dense));
            scored.push((scores, model.owners.binary_search(&example.owner).ok()));
        }
    }
    scored
}

/// The part of `parts` that a text falls in: by its words, so that what is the same stays together.
fn part_of(text: &Text, parts: u32) -> u32 {
    let words: Vec<&str> = crate::text::syllables(&text.folded).collect();
    // The low bits of this hash depend on each other.
    (lexical::term_id(&words.join(" ")) >> 8) % parts
}

/// The sharpness under which what was held out is likeliest. The likelihood has one summit.
fn sharpness(scored: &[(Vec<f64>, Option<usize>)]) -> f64 {
    let loss = |sharpness: f64| -> f64 {
        let likelihood = |(scores, truth): &(Vec<f64>, Option<usize>)| {
            let probabilities = probabilities(scores, sharpness);
            let nobody = 1.0 - probabilities.iter().sum::<f64>();
            truth.map_or(nobody, |truth| probabilities[truth]).max(f64::MIN_POSITIVE).ln()
        };
        -scored.iter().map(likelihood).sum::<f64>()
    };
    let (mut low, mut high) = (0.5, 16.0);
    for _ in 0..24 {
        let (left, right) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if loss(left) <= loss(right) { high = right } else { low = left }
    }
    f64::midpoint(low, high)
}

fn probabilities(scores: &[f64], sharpness: f64) -> Vec<f64> {
    let top = scores.iter().copied().fold(NOBODY, f64::max);
    let grown: Vec<f64> = scores.iter().map(|score| (sharpness * (score - top)).exp()).collect();
    let sum = grown.iter().sum::<f64>() + (sharpness * (NOBODY - top)).exp();
    grown.into_iter().map(|one| one / sum).collect()
}

fn best(probabilities: &[f64]) -> (usize, f64) {
    let all = probabilities.iter().copied().enumerate();
    all.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

/// The least of `confidences` such that at most `share` of them are below it.
fn least_confidence(mut confidences: Vec<f64>, share: f64) -> f64 {
    confidences.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share, 0 to 1, of a count far below 2^52"
    )]
    let below = (confidences.len() as f64 * share.clamp(0.0, 1.0)).floor() as usize;
    confidences.get(below).copied().unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example(text: &str, unit: &str, dense: [f32; 2]) -> Example {
        let owner = Owner { unit: unit.to_owned(), ..Owner::default() };
        Example { text: Text::read(text), dense: dense.to_vec(), owner, weight: 1.0 }
    }

    fn two_units() -> Vec<Example> {
        let roads = [
            "giấy phép lái xe",
            "đăng kiểm xe tải",
            "biển số xe máy",
            "bằng lái xe hạng hai",
            "phí cầu đường",
        ];
        let health = [
            "thẻ bảo hiểm y tế",
            "tiêm vắc xin",
            "khám bệnh trái tuyến",
            "giấy chứng nhận sức khỏe",
            "thuốc kê đơn",
        ];
        let roads = roads.iter().map(|text| example(text, "roads", [1.0, 0.0]));
        roads.chain(health.iter().map(|text| example(text, "health", [0.0, 1.0]))).collect()
    }

    #[test]
    fn words_and_meaning_tell_whose_it_is() {
        let model = Model::fit(&two_units()).unwrap();
        for text in ["đổi giấy phép lái xe", "doi giay phep lai xe"] {
            let ranked = model.rank(&Text::read(text), &[1.0, 0.0]);
            assert_eq!(ranked[0].0.unit, "roads");
            assert!(ranked[0].1 > ranked[1].1);
        }
        assert_eq!(model.rank(&Text::read("tiêm vắc xin"), &[0.0, 1.0])[0].0.unit, "health");
    }

    #[test]
    fn what_counts_more_wins_a_contradiction() {
        let mut examples = two_units();
        examples.push(example("bệnh của lái xe", "roads", [0.6, 0.6]));
        let first = |examples: &[Example]| {
            let model = Model::fit(examples).unwrap();
            model.rank(&Text::read("bệnh của lái xe"), &[0.6, 0.6])[0].0.unit.clone()
        };
        assert_eq!(first(&examples), "roads");
        examples.push(Example { weight: 5.0, ..example("bệnh của lái xe", "health", [0.6, 0.6]) });
        assert_eq!(first(&examples), "health");
    }

    #[test]
    fn one_owner_is_no_choice() {
        assert!(Model::fit(&two_units()[..5]).is_none());
        assert!(Model::fit(&[]).is_none());
    }

    #[test]
    fn the_cut_leaves_at_most_that_share_below() {
        let confidences = vec![0.9, 0.2, 0.5, 0.7, 0.6];
        for (share, cut) in [(0.0, 0.2), (0.2, 0.5), (0.39, 0.5), (0.4, 0.6), (1.0, 1.0)] {
            assert!((least_confidence(confidences.clone(), share) - cut).abs() < 1e-9, "{share}");
        }
    }

    proptest! {
        #[test]
        fn probabilities_keep_the_scores_order_and_leave_something_to_nobody(
            scores in prop::collection::vec(-3.0_f64..3.0, 1..20), sharpness in 0.5_f64..16.0,
        ) {
            let probabilities = probabilities(&scores, sharpness);
            prop_assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
            prop_assert!(probabilities.iter().sum::<f64>() < 1.0 + 1e-9);
            let (at, _) = best(&probabilities);
            prop_assert!(scores.iter().all(|score| *score <= scores[at]));
        }

        #[test]
        fn the_same_words_fall_in_the_same_part(text in "[a-zđạ ]{0,40}", parts in 1_u32..12) {
            let part = part_of(&Text::read(&text), parts);
            prop_assert!(part < parts);
            prop_assert_eq!(part, part_of(&Text::read(&text.to_uppercase()), parts));
        }
    }
}
