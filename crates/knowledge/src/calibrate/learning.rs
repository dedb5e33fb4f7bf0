//! Fits a [`Pooling`]: wordings of one question shall be nearer to it than near questions that need another
//! answer (contrast within a batch, van den Oord et al. 2018), and a curve over the cosine shall tell
//! labelled pairs apart. One seed, one fit.

use std::collections::HashSet;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _, seq::SliceRandom as _};

use super::{
    adam::{Adam, add, number, schedule},
    contrasts::Contrast,
};
use crate::{
    embed::DIMENSIONS,
    matrix::{add_outer, dot, products, weighed},
    pooling::{self, ATTENTIONS, NARROW, Pooling, SHARPNESS, Seen},
    words::WordVectors,
};

const STEPS: usize = 500;
const SEED: u64 = 1;

/// Questions of one step, and what is drawn of each.
const QUESTIONS: usize = 48;
const SAME: usize = 2;
const OTHER: usize = 3;

/// Labelled pairs of one step, and how much their loss counts beside the contrast's.
const PAIRS: usize = 128;
const PAIRS_COUNT: f32 = 5.0;

/// Cosines are divided by it before the softmax.
const TEMPERATURE: f32 = 0.03;

/// Rate of the weights and of the curve, after the warm-up.
const RATE: f32 = 2e-3;
const CURVE_RATE: f32 = 2e-2;

/// In 256ths, how often a number that an attention sees is left out, so that none is leaned on alone.
const DROPPED: u8 = 26;

/// Two places among the texts, and whether they are the same question.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    pub asked: usize,
    pub stored: usize,
    pub yes: bool,
    pub weight: f32,
}

/// What is learned: the pooling, and the slope and the intercept of the pairs' curve.
#[derive(Debug, Clone)]
struct Weights {
    attention: Vec<f32>,
    narrowing: Vec<f32>,
    curve: Vec<f32>,
}

/// Fits on what there is of both; on nothing, one that sees nothing.
pub fn fit(texts: &[WordVectors], contrasts: &[Contrast], labelled: &[Told]) -> Pooling {
    if contrasts.is_empty() && labelled.is_empty() {
        return Pooling::blind();
    }
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut weights = Weights::random(&mut rng);
    let mut adams = weights.parts_mut().map(|(part, _)| Adam::new(part.len()));
    let mut order: Vec<&Contrast> = Vec::new();
    for step in 0..STEPS {
        if order.len() < QUESTIONS {
            order = contrasts.iter().collect();
            order.shuffle(&mut rng);
        }
        let drawn = order.split_off(order.len().saturating_sub(QUESTIONS));
        let batch = Batch::draw(&drawn, labelled, &mut rng);
        let (_, mut gradient) = batch.loss(texts, &weights, &mut rng);
        let parts = weights.parts_mut().into_iter().zip(gradient.parts_mut()).zip(&mut adams);
        for (((weights, rate), (gradient, _)), adam) in parts {
            adam.descend(weights, gradient, rate * schedule(step, STEPS));
        }
    }
    Pooling::new(&weights.attention, &weights.narrowing)
}

/// What one step looks at.
struct Batch {
    /// Places among the texts: first the questions, then the candidates, then pair by pair.
    texts: Vec<usize>,
    questions: usize,
    candidates: usize,
    /// Question and candidate of the same meaning, by their number in the batch.
    same: Vec<(usize, usize)>,
    /// By question: the texts that never count against it.
    never: Vec<HashSet<usize>>,
    /// Label and weight of each pair.
    pairs: Vec<(bool, f32)>,
}

impl Batch {
    fn draw(contrasts: &[&Contrast], labelled: &[Told], rng: &mut StdRng) -> Self {
        let mut texts: Vec<usize> = contrasts.iter().map(|contrast| contrast.question).collect();
        let questions = texts.len();
        let mut same = Vec::new();
        for (question, contrast) in contrasts.iter().enumerate() {
            for text in contrast.same.choose_multiple(rng, SAME) {
                same.push((question, texts.len() - questions));
                texts.push(*text);
            }
            texts.extend(contrast.other.choose_multiple(rng, OTHER));
        }
        let candidates = texts.len() - questions;
        let never = contrasts.iter().map(|contrast| contrast.same.iter().copied().collect()).collect();
        let drawn = (0..PAIRS).filter_map(|_| labelled.choose(rng));
        let pairs = drawn.map(|pair| {
            texts.extend([pair.asked, pair.stored]);
            (pair.yes, pair.weight)
        });
        let pairs = pairs.collect();
        Self { texts, questions, candidates, same, never, pairs }
    }

    /// The loss, and which way it rises.
    fn loss(&self, texts: &[WordVectors], weights: &Weights, rng: &mut StdRng) -> (f32, Weights) {
        let words = self.texts.iter().map(|at| &texts[*at]).collect();
        let read = Read::new(words, weights, rng);
        let mut rises = vec![vec![0.0; ATTENTIONS * NARROW]; self.texts.len()];
        let mut gradient = Weights::zeros();
        let contrast = self.contrast(&read.units, &mut rises);
        let pairs = self.tell_apart(&read.units, weights, &mut rises, &mut gradient);
        read.back(&rises, weights, &mut gradient);
        (contrast + pairs, gradient)
    }

    /// Each wording of a question against all that are not: -log(e^s / (e^s + Σ e^other)), their mean.
    fn contrast(&self, units: &[Vec<f32>], rises: &mut [Vec<f32>]) -> f32 {
        let (questions, rest) = units.split_at(self.questions);
        let candidates = &rest[..self.candidates];
        let share = 1.0 / number(self.same.len().max(1));
        let mut loss = 0.0;
        for (at, question) in questions.iter().enumerate() {
            let scores: Vec<f32> = candidates.iter().map(|one| dot(question, one) / TEMPERATURE).collect();
            let own: Vec<usize> = self.same.iter().filter(|(of, _)| *of == at).map(|(_, one)| *one).collect();
            let counts = |one: &usize| !self.never[at].contains(&self.texts[self.questions + one]);
            let others = || (0..scores.len()).filter(counts);
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = others().map(|one| (scores[one] - most).exp()).sum();
            let mut slopes = vec![0.0; scores.len()];
            for &one in &own {
                let power = (scores[one] - most).exp();
                let missed = sum / (power + sum);
                loss += share * (power + sum).ln() - share * (scores[one] - most);
                slopes[one] -= share * missed;
                others()
                    .for_each(|other| slopes[other] += share * (scores[other] - most).exp() / (power + sum));
            }
            for (one, slope) in slopes.iter().enumerate() {
                let slope = slope / TEMPERATURE;
                add(&mut rises[at], slope, &candidates[one]);
                add(&mut rises[self.questions + one], slope, question);
            }
        }
        loss
    }

    /// The pairs' cross-entropy by the curve over their cosine.
    fn tell_apart(
        &self,
        units: &[Vec<f32>],
        weights: &Weights,
        rises: &mut [Vec<f32>],
        gradient: &mut Weights,
    ) -> f32 {
        let first = self.questions + self.candidates;
        let share = PAIRS_COUNT / number(self.pairs.len().max(1));
        let mut loss = 0.0;
        for (at, (yes, weight)) in self.pairs.iter().enumerate() {
            let (asked, stored) = (first + 2 * at, first + 2 * at + 1);
            let cosine = dot(&units[asked], &units[stored]);
            let score = weights.curve[0] * cosine + weights.curve[1];
            let truth = if *yes { 1.0 } else { 0.0 };
            let rise = share * weight * (1.0 / (1.0 + (-score).exp()) - truth);
            // ln(1 + e^x) - x y, without overflow.
            loss += share * weight * (score.max(0.0) + (-score.abs()).exp().ln_1p() - score * truth);
            gradient.curve[0] += rise * cosine;
            gradient.curve[1] += rise;
            add(&mut rises[asked], rise * weights.curve[0], &units[stored]);
            add(&mut rises[stored], rise * weights.curve[0], &units[asked]);
        }
        loss
    }
}

/// Texts on their way through the weights.
struct Read<'a> {
    words: Vec<&'a WordVectors>,
    /// Without what is left out of it.
    seen: Vec<Seen>,
    /// By text and attention, what each number it sees counts: 0 when it is left out.
    counts: Vec<[f32; ATTENTIONS * DIMENSIONS]>,
    units: Vec<Vec<f32>>,
    lengths: Vec<f32>,
}

impl<'a> Read<'a> {
    fn new(words: Vec<&'a WordVectors>, weights: &Weights, rng: &mut StdRng) -> Self {
        let mut seen: Vec<Seen> = words.iter().map(|words| pooling::see(&weights.attention, words)).collect();
        let mut leave_out = |seen: &mut Seen| {
            let mut dice = [0; ATTENTIONS * DIMENSIONS];
            rng.fill(&mut dice);
            // What is kept need not grow for it: only directions count.
            let counts = dice.map(|die| if die < DROPPED { 0.0 } else { 1.0 });
            seen.pooled.iter_mut().zip(&counts).for_each(|(pooled, count)| *pooled *= count);
            counts
        };
        let counts = seen.iter_mut().map(&mut leave_out).collect();
        let mut units = pooling::narrow(&weights.narrowing, &seen);
        let lengths = units.iter_mut().map(|unit| pooling::scale_to_unit(unit)).collect();
        Self { words, seen, counts, units, lengths }
    }

    /// From how the loss rises with the unit vectors to how it rises with the weights.
    fn back(&self, rises: &[Vec<f32>], weights: &Weights, gradient: &mut Weights) {
        let units = self.units.iter().zip(&self.lengths);
        let rises: Vec<Vec<f32>> =
            rises.iter().zip(units).map(|(rise, unit)| before_unit(rise, unit)).collect();
        for at in 0..ATTENTIONS {
            let own = at * NARROW..(at + 1) * NARROW;
            let rises: Vec<f32> = rises.iter().flat_map(|rise| &rise[own.clone()]).copied().collect();
            let block = at * NARROW * DIMENSIONS..(at + 1) * NARROW * DIMENSIONS;
            let pooled = pooling::pooled_by(at, &self.seen);
            add_outer(&mut gradient.narrowing[block.clone()], &rises, &pooled, DIMENSIONS);
            let of_pooled = weighed(&rises, &weights.narrowing[block], DIMENSIONS);
            let own = at * DIMENSIONS..(at + 1) * DIMENSIONS;
            let attention = &mut gradient.attention[own.clone()];
            for (text, of_pooled) in of_pooled.chunks_exact(DIMENSIONS).enumerate() {
                let counts = &self.counts[text][own.clone()];
                let of_pooled: Vec<f32> = of_pooled.iter().zip(counts).map(|(x, count)| x * count).collect();
                self.back_to_attention(text, at, &of_pooled, attention);
            }
        }
    }

    /// From how the loss rises with what an attention sees of a text to how it rises with the attention.
    fn back_to_attention(&self, text: usize, at: usize, of_pooled: &[f32], attention: &mut [f32]) {
        let words = self.words[text];
        let shares = &self.seen[text].shares[at * words.len()..][..words.len()];
        let of_shares = products(of_pooled, words.numbers(), DIMENSIONS);
        let mean = dot(&of_shares, shares);
        let of_scores: Vec<f32> =
            shares.iter().zip(&of_shares).map(|(share, rise)| SHARPNESS * share * (rise - mean)).collect();
        add_outer(attention, &of_scores, words.numbers(), DIMENSIONS);
    }
}

/// From how the loss rises with a unit vector to how it rises with the vector that it was, of this length.
fn before_unit(rise: &[f32], (unit, length): (&Vec<f32>, &f32)) -> Vec<f32> {
    if *length == 0.0 {
        return vec![0.0; rise.len()];
    }
    let along = dot(rise, unit);
    rise.iter().zip(unit).map(|(rise, unit)| (rise - along * unit) / length).collect()
}

impl Weights {
    fn zeros() -> Self {
        Self {
            attention: vec![0.0; ATTENTIONS * DIMENSIONS],
            narrowing: vec![0.0; ATTENTIONS * NARROW * DIMENSIONS],
            curve: vec![0.0; 2],
        }
    }

    fn random(rng: &mut StdRng) -> Self {
        let mut weights = Self::zeros();
        // Attentions near to even; lengths do not matter.
        let spread = (3.0 / number(DIMENSIONS)).sqrt();
        weights.narrowing.iter_mut().for_each(|x| *x = rng.random_range(-spread..spread));
        weights.attention.iter_mut().for_each(|x| *x = rng.random_range(-0.03..0.03));
        weights.curve = vec![10.0, -5.0];
        weights
    }

    /// Each part, and its rate.
    fn parts_mut(&mut self) -> [(&mut Vec<f32>, f32); 3] {
        let Self { attention, narrowing, curve } = self;
        [(attention, RATE), (narrowing, RATE), (curve, CURVE_RATE)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many texts of three words each.
    fn texts(count: usize, rng: &mut StdRng) -> Vec<WordVectors> {
        let text = |_| WordVectors::new((0..3 * DIMENSIONS).map(|_| rng.random_range(-1.0..1.0)).collect());
        (0..count).map(text).collect()
    }

    #[test]
    fn the_gradient_is_how_the_loss_rises() {
        let mut rng = StdRng::seed_from_u64(3);
        let texts = texts(8, &mut rng);
        let contrasts = [
            Contrast { question: 0, same: vec![1, 2], other: vec![3] },
            Contrast { question: 4, same: vec![5], other: vec![6, 7] },
        ];
        let labelled = [Told { asked: 1, stored: 6, yes: true, weight: 0.7 }];
        let weights = Weights::random(&mut rng);
        let batch = Batch::draw(&contrasts.iter().collect::<Vec<_>>(), &labelled, &mut rng);
        // The same numbers are left out each time.
        let loss = |weights: &Weights| batch.loss(&texts, weights, &mut StdRng::seed_from_u64(5));
        let (_, gradient) = loss(&weights);
        let parts: [fn(&mut Weights) -> &mut Vec<f32>; 3] =
            [|w| &mut w.attention, |w| &mut w.narrowing, |w| &mut w.curve];
        for part in parts {
            // Along the gradient of one part, the loss rises by the square of its length.
            let rises = part(&mut gradient.clone()).clone();
            let square: f32 = rises.iter().map(|rise| rise * rise).sum();
            let by = 0.02 / square.sqrt();
            let along = |by: f32| {
                let mut moved = weights.clone();
                add(part(&mut moved), by, &rises);
                loss(&moved).0
            };
            let seen = (along(by) - along(-by)) / (2.0 * by);
            assert!(square > 0.0 && (seen / square - 1.0).abs() < 0.03, "{seen}, not {square}");
        }
    }

    #[test]
    fn texts_without_words_and_nothing_to_learn_from_do_no_harm() {
        let mut texts = texts(3, &mut StdRng::seed_from_u64(6));
        texts.push(WordVectors::none());
        let contrasts = [Contrast { question: 0, same: vec![1], other: vec![2, 3] }];
        let fitted = fit(&texts, &contrasts, &[]);
        let pooled = fitted.pool(&texts.iter().collect::<Vec<_>>());
        let to = |other: usize| dot(&pooled[0], &pooled[other]);
        assert!(to(1) > to(2), "{} {}", to(1), to(2));
        assert_eq!(fitted, fit(&texts, &contrasts, &[]), "one seed, one fit");
        assert_eq!(fit(&texts, &[], &[]), Pooling::blind());
        let mut rng = StdRng::seed_from_u64(7);
        let told = [Told { asked: 3, stored: 0, yes: false, weight: 1.0 }];
        let (loss, gradient) =
            Batch::draw(&[], &told, &mut rng).loss(&texts, &Weights::random(&mut rng), &mut rng);
        assert!(loss > 0.0 && gradient.narrowing.iter().all(|rise| rise.is_finite()));
    }

    /// Texts of which only the first word tells what is asked.
    #[test]
    fn what_tells_questions_apart_is_learned() {
        let mut rng = StdRng::seed_from_u64(4);
        let word =
            |rng: &mut StdRng| -> Vec<f32> { (0..DIMENSIONS).map(|_| rng.random_range(-1.0..1.0)).collect() };
        let telling: Vec<Vec<f32>> = (0..24).map(|_| word(&mut rng)).collect();
        let noise: Vec<Vec<f32>> = (0..6).map(|_| word(&mut rng)).collect();
        let mut texts = Vec::new();
        let mut text = |of: usize, around: usize| {
            let words =
                [&telling[of], &noise[around % 6], &noise[(around + 1) % 6], &noise[(around + 2) % 6]];
            texts.push(WordVectors::new(words.into_iter().flatten().copied().collect()));
            texts.len() - 1
        };
        let contrasts: Vec<Contrast> = (0..24)
            .map(|of| Contrast {
                question: text(of, of),
                same: vec![text(of, of + 3)],
                other: vec![text((of + 1) % 24, of)],
            })
            .collect();
        let pooling = fit(&texts, &contrasts, &[]);
        let pooled = pooling.pool(&texts.iter().collect::<Vec<_>>());
        let right = contrasts.iter().filter(|c| {
            let to = |other: usize| dot(&pooled[c.question], &pooled[other]);
            to(c.same[0]) > to(c.other[0])
        });
        assert_eq!(right.count(), contrasts.len());
    }
}
