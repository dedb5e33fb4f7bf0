//! A linear support-vector machine: one weight per input, fitted by dual coordinate descent on the
//! squared hinge loss, which needs no step size and ends where it should.

use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

/// How much a mistake costs against a large weight.
const COST: f32 = 3.0;

/// Rounds over all examples; more changes no figure of the back-test.
const ROUNDS: usize = 12;

/// A text's inputs: some numbers that every text has, and those of its terms, each term once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inputs {
    pub dense: Vec<f32>,
    pub terms: Vec<(u32, f32)>,
}

/// A fitted machine: positive inside, negative outside.
#[derive(Debug, Clone)]
pub struct Linear {
    dense: Vec<f32>,
    terms: Vec<f32>,
    bias: f32,
}

impl Linear {
    /// Fits to examples: inputs, whether they are inside, and how much each counts (1: as usual).
    /// `terms` is above every term's number. The same examples give the same machine.
    pub fn fit(examples: &[(&Inputs, bool, f32)], terms: usize) -> Self {
        let dense = examples.first().map_or(0, |(inputs, ..)| inputs.dense.len());
        let mut fitted = Self { dense: vec![0.0; dense], terms: vec![0.0; terms], bias: 0.0 };
        let lengths: Vec<f32> = examples.iter().map(|(inputs, ..)| length(inputs)).collect();
        let mut shares = vec![0.0_f32; examples.len()];
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let mut random = StdRng::seed_from_u64(0);
        for _ in 0..ROUNDS {
            order.shuffle(&mut random);
            for &at in &order {
                let (inputs, inside, counts) = examples[at];
                let side = if inside { 1.0 } else { -1.0 };
                let slack = 0.5 / (COST * counts);
                let gradient = side * fitted.score(inputs) - 1.0 + slack * shares[at];
                let share = (shares[at] - gradient / (lengths[at] + slack)).max(0.0);
                fitted.add(inputs, (share - shares[at]) * side);
                shares[at] = share;
            }
        }
        fitted
    }

    pub fn score(&self, inputs: &Inputs) -> f32 {
        let dense: f32 = self.dense.iter().zip(&inputs.dense).map(|(weight, x)| weight * x).sum();
        let terms: f32 = inputs.terms.iter().map(|(term, x)| self.terms[*term as usize] * x).sum();
        dense + terms + self.bias
    }

    fn add(&mut self, inputs: &Inputs, step: f32) {
        if step != 0.0 {
            self.dense.iter_mut().zip(&inputs.dense).for_each(|(weight, x)| *weight += step * x);
            inputs.terms.iter().for_each(|(term, x)| self.terms[*term as usize] += step * x);
            self.bias += step;
        }
    }
}

/// The squared length, with the 1 that the bias is multiplied by.
fn length(inputs: &Inputs) -> f32 {
    let dense: f32 = inputs.dense.iter().map(|x| x * x).sum();
    let terms: f32 = inputs.terms.iter().map(|(_, x)| x * x).sum();
    dense + terms + 1.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn inputs(x: f32, y: f32) -> Inputs {
        Inputs { dense: vec![x, y], terms: vec![] }
    }

    #[test]
    fn a_term_that_only_one_side_has_decides() {
        let with =
            |terms: &[u32]| Inputs { dense: vec![], terms: terms.iter().map(|term| (*term, 0.7)).collect() };
        let examples = [(with(&[0, 1]), true), (with(&[0, 2]), false)];
        let examples: Vec<_> = examples.iter().map(|(inputs, inside)| (inputs, *inside, 1.0)).collect();
        let fitted = Linear::fit(&examples, 4);
        assert!(fitted.score(&with(&[1])) > 0.0 && fitted.score(&with(&[2])) < 0.0);
        assert!(fitted.score(&with(&[3])).abs() < 0.2, "a term never seen says nothing");
    }

    proptest! {
        /// Points on two sides of a wide gap are told apart, whichever line the gap follows.
        #[test]
        fn what_can_be_separated_is(angle in 0.0_f32..6.2, spots in prop::collection::vec((-3.0_f32..3.0, 1.0_f32..3.0), 2..40)) {
            let (sin, cos) = angle.sin_cos();
            let points: Vec<(Inputs, bool)> = spots.iter().enumerate().map(|(at, (along, off))| {
                let off = if at % 2 == 0 { *off } else { -off };
                (inputs(along * cos - off * sin, along * sin + off * cos), at % 2 == 0)
            }).collect();
            let examples: Vec<_> = points.iter().map(|(inputs, inside)| (inputs, *inside, 1.0)).collect();
            let fitted = Linear::fit(&examples, 0);
            for (inputs, inside) in &points {
                prop_assert_eq!(fitted.score(inputs) > 0.0, *inside);
            }
        }
    }
}
