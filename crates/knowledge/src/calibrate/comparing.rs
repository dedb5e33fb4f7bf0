//! Fits a [`Comparer`] to labelled pairs of questions: cross-entropy of its score, in batches that are drawn half
//! from pairs that are the same and half from those that are not. Adam (Kingma and Ba 2015). One seed, one fit.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use rand::{
    Rng as _, SeedableRng as _,
    distr::{Distribution as _, weighted::WeightedIndex},
    rngs::StdRng,
};

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::{
    FOLDS,
    adam::{Adam, add, number, schedule},
    desks::Couple,
    examples::{Known, Of, Row},
};
use crate::{
    backtest::Progress,
    comparer::{
        COUPLE, Compared, Comparer, GIST, Look, Looks, NARROW, NOTED, Narrowed, SIDE, Side, WHOLE, Weights,
    },
    embed::DIMENSIONS,
    matrix::{add_outer, weighed},
    trees::Example,
    words::WordVectors,
};

/// One without each fold, and one with all.
#[expect(clippy::cast_possible_truncation, reason = "a handful")]
const FITS: usize = FOLDS as usize + 1;

const STEPS: usize = 700;
const SEED: u64 = 1;

/// Pairs of one step.
const PAIRS: usize = 128;

/// Share of them that is drawn from desks, where there are any.
const FROM_DESKS: f64 = 2.0 / 3.0;

/// Rate of the weights after the warm-up.
const RATE: f32 = 2e-3;

/// Two places among the texts, their sentences' cosine, and whether they are the same question.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    pub asked: usize,
    pub stored: usize,
    pub cosine: f32,
    pub yes: bool,
    pub weight: f32,
    pub of_desk: bool,
}

/// Every row's score by a comparer that saw no question of the row's fold, and the comparer that saw all. Edits have
/// none: they are left to the trees.
pub fn cross_fit(known: &Known, progress: Progress<'_>) -> (Vec<f32>, Comparer) {
    let done = AtomicUsize::new(0);
    progress("fitting comparers", 0, FITS);
    let fit = |left_out: Option<u64>| {
        let comparer = fit(&known.texts, &told(known, left_out));
        let scores = left_out.map(|fold| scores(known, &comparer, fold)).unwrap_or_default();
        progress("fitting comparers", done.fetch_add(1, Ordering::Relaxed) + 1, FITS);
        (comparer, scores)
    };
    let held_back = || (0..FOLDS).into_par_iter().flat_map_iter(|fold| fit(Some(fold)).1).collect::<Vec<_>>();
    let (held_back, (of_all, _)) = rayon::join(held_back, || fit(None));
    let mut of_rows = vec![0.0; known.rows.len()];
    for (at, score) in held_back {
        of_rows[at] = score;
    }
    (of_rows, of_all)
}

/// The rows of a fold, by their places, and their scores.
fn scores(known: &Known, comparer: &Comparer, fold: u64) -> Vec<(usize, f32)> {
    let rows = known.rows.iter().enumerate();
    let rows = rows.filter(|(_, row)| row.fold == fold && row.of != Of::Edit);
    let mut narrowed: HashMap<usize, Narrowed> = HashMap::new();
    let score = |(at, row): (usize, &Row)| {
        for place in [row.asked, row.stored] {
            let narrow = || comparer.narrow(&[&known.texts[place]]).pop().unwrap_or_default();
            narrowed.entry(place).or_insert_with(narrow);
        }
        let likeness = known.texts[row.asked].likeness(&known.texts[row.stored]);
        let cosine = row.example.inputs[0];
        (at, comparer.score(&narrowed[&row.asked], &narrowed[&row.stored], &likeness, cosine))
    };
    rows.map(score).collect()
}

/// What is labelled and what was asked of desks, where neither question is of the fold that is left out. What is asked of
/// small stores was asked of the whole one.
fn told(known: &Known, left_out: Option<u64>) -> Vec<Told> {
    let is_seen = |fold: u64, stored_fold: u64| left_out != Some(fold) && left_out != Some(stored_fold);
    let is_labelled =
        |row: &&Row| matches!(row.of, Of::Asked { .. } | Of::Undiacritised { .. } | Of::Pair { .. });
    let labelled = known.rows.iter().filter(is_labelled);
    let of_rows = labelled.filter(|row| is_seen(row.fold, row.stored_fold)).map(|row| {
        let Example { yes, weight, .. } = row.example;
        let (asked, stored, cosine) = (row.asked, row.stored, row.example.inputs[0]);
        Told { asked, stored, cosine, yes, weight, of_desk: false }
    });
    let at_desks = known.couples.iter().filter(|couple| is_seen(couple.fold, couple.stored_fold));
    let of_desks = at_desks.map(|couple| {
        let Couple { asked, stored, cosine, yes, weight, .. } = *couple;
        Told { asked, stored, cosine, yes, weight, of_desk: true }
    });
    of_rows.chain(of_desks).collect()
}

/// Fits on what there is of both sorts; where one is missing there is nothing to tell apart.
pub fn fit(texts: &[WordVectors], told: &[Told]) -> Comparer {
    let has_words = |one: &&Told| !texts[one.asked].is_empty() && !texts[one.stored].is_empty();
    let told = || told.iter().filter(has_words);
    let pool = |of_desk, yes| Pool::new(told().filter(|one| one.of_desk == of_desk && one.yes == yes));
    let pools = [false, true].map(|of_desk| Option::zip(pool(of_desk, true), pool(of_desk, false)));
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut weights = random(&mut rng);
    let mut adam = weights.parts().map(|part| Adam::new(part.len()));
    for step in 0..STEPS {
        let mut gradient = Weights::zeros();
        for _ in 0..PAIRS {
            let pools = match &pools {
                [Some(own), Some(desks)] => {
                    if rng.random_bool(FROM_DESKS) {
                        desks
                    } else {
                        own
                    }
                }
                [Some(pools), None] | [None, Some(pools)] => pools,
                [None, None] => return Comparer::blind(),
            };
            let pool = if rng.random_bool(0.5) { &pools.0 } else { &pools.1 };
            let pair = Pair::read(pool.draw(&mut rng), texts, &weights);
            pair.back(&weights, &mut gradient);
        }
        let parts = weights.parts_mut().into_iter().zip(gradient.parts()).zip(&mut adam);
        for ((weights, gradient), adam) in parts {
            adam.descend(weights, gradient, RATE * schedule(step, STEPS));
        }
    }
    Comparer { weights }
}

/// Pairs of one sort, drawn by their weight.
struct Pool<'a> {
    told: Vec<&'a Told>,
    weights: WeightedIndex<f32>,
}

impl<'a> Pool<'a> {
    /// `None` when there is nothing to draw.
    fn new(told: impl Iterator<Item = &'a Told>) -> Option<Self> {
        let told: Vec<&Told> = told.collect();
        let weights = WeightedIndex::new(told.iter().map(|one| one.weight)).ok()?;
        Some(Self { told, weights })
    }

    fn draw(&self, rng: &mut StdRng) -> &'a Told {
        self.told[self.weights.sample(rng)]
    }
}

/// A pair on its way through the weights.
struct Pair<'a> {
    told: &'a Told,
    asked: &'a WordVectors,
    stored: &'a WordVectors,
    looks: Looks,
    compared: Compared,
}

impl<'a> Pair<'a> {
    fn read(told: &'a Told, texts: &'a [WordVectors], weights: &Weights) -> Self {
        let (asked, stored) = (&texts[told.asked], &texts[told.stored]);
        let looks = Looks::new(&asked.likeness(stored), asked.len());
        let [of_asked, of_stored] = [asked, stored].map(|words| weights.narrow(words.numbers()));
        let compared = weights.compare(&of_asked, &of_stored, &looks, told.cosine);
        Self { told, asked, stored, looks, compared }
    }

    /// The pair's loss; adds to `gradient` which way it rises.
    fn back(&self, weights: &Weights, gradient: &mut Weights) -> f32 {
        let whole = &self.compared.whole;
        let (gist, score) = weights.judge(whole);
        let truth = if self.told.yes { 1.0 } else { 0.0 };
        let rise = (1.0 / (1.0 + (-score).exp()) - truth) / number(PAIRS);
        add(&mut gradient.score, rise, &gist);
        gradient.score_bias[0] += rise;
        let rises: Vec<f32> =
            gist.iter().zip(&weights.score).map(|(x, weight)| above_zero(*x, rise * weight)).collect();
        let of_whole =
            back_through(&weights.gist, whole, &rises, &mut gradient.gist, &mut gradient.gist_bias);
        let (sum, difference) = of_whole[..2 * SIDE].split_at(SIDE);
        let signs = self.compared.asked.told.iter().zip(&self.compared.stored.told).map(|(a, s)| sign(a - s));
        let turned: Vec<f32> = difference.iter().zip(signs).map(|(rise, sign)| rise * sign).collect();
        let (mut of_asked, mut of_stored) = (sum.to_vec(), sum.to_vec());
        add(&mut of_asked, 1.0, &turned);
        add(&mut of_stored, -1.0, &turned);
        let mut rises = [self.asked, self.stored].map(|words| vec![0.0; words.len() * NARROW]);
        let [asked, stored] = &mut rises;
        let (Compared { asked: own, stored: other, .. }, Looks { asked: look, stored: other_look }) =
            (&self.compared, &self.looks);
        back_side((own, look), &of_asked, weights, (asked, stored), gradient);
        back_side((other, other_look), &of_stored, weights, (stored, asked), gradient);
        for (rises, words) in rises.iter().zip([self.asked, self.stored]) {
            add_outer(&mut gradient.narrowing, rises, words.numbers(), DIMENSIONS);
        }
        // ln(1 + e^x) - x y, without overflow.
        (score.max(0.0) + (-score.abs()).exp().ln_1p() - score * truth) / number(PAIRS)
    }
}

/// From how the loss rises with what is told of a side to how it rises with the narrowed words of both.
fn back_side(
    (side, look): (&Side, &Look),
    rises: &[f32],
    weights: &Weights,
    (own, other): (&mut [f32], &mut [f32]),
    gradient: &mut Weights,
) {
    let words = own.len() / NARROW;
    let (of_most, of_mean) = rises.split_at(NOTED);
    let mut of_noted = vec![0.0; side.noted.len()];
    for (unit, (of_most, of_mean)) in of_most.iter().zip(of_mean).enumerate() {
        let noted = |word: usize| side.noted[word * NOTED + unit];
        for word in (0..words).filter(|word| noted(*word) > 0.0) {
            of_noted[word * NOTED + unit] += of_mean / number(words);
        }
        let most = (0..words).max_by(|a, b| noted(*a).total_cmp(&noted(*b)));
        if let Some(word) = most.filter(|word| noted(*word) > 0.0) {
            of_noted[word * NOTED + unit] += of_most;
        }
    }
    let (of_rows, of_bias) = (&mut gradient.noting, &mut gradient.noting_bias);
    let of_couples = back_through(&weights.noting, &side.couples, &of_noted, of_rows, of_bias);
    let mut of_counterparts = vec![0.0; own.len()];
    let couples = side.couples.chunks_exact(COUPLE).zip(of_couples.chunks_exact(COUPLE));
    let places = own.chunks_exact_mut(NARROW).zip(of_counterparts.chunks_exact_mut(NARROW));
    for ((couple, of_couple), (own, of_counterpart)) in couples.zip(places) {
        for place in 0..NARROW {
            let (word, counterpart) = (couple[place], couple[NARROW + place]);
            let apart = sign(word - counterpart) * of_couple[2 * NARROW + place];
            let product = of_couple[3 * NARROW + place];
            own[place] += of_couple[place] + apart + counterpart * product;
            of_counterpart[place] = of_couple[NARROW + place] - apart + word * product;
        }
    }
    add_outer(other, &look.shares, &of_counterparts, NARROW);
}

/// From how the loss rises with a layer's outcomes to how it rises with its inputs, and with its weights.
fn back_through(
    rows: &[f32],
    inputs: &[f32],
    rises: &[f32],
    of_rows: &mut [f32],
    of_bias: &mut [f32],
) -> Vec<f32> {
    let width = rows.len() / of_bias.len();
    add_outer(of_rows, rises, inputs, width);
    for rises in rises.chunks_exact(of_bias.len()) {
        add(of_bias, 1.0, rises);
    }
    weighed(rises, rows, width)
}

fn above_zero(x: f32, rise: f32) -> f32 {
    if x > 0.0 { rise } else { 0.0 }
}

fn sign(x: f32) -> f32 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// Of such a spread that numbers neither grow nor fade on their way.
fn random(rng: &mut StdRng) -> Weights {
    let mut weights = Weights::zeros();
    let rows = [
        (&mut weights.narrowing, DIMENSIONS),
        (&mut weights.noting, COUPLE),
        (&mut weights.gist, WHOLE),
        (&mut weights.score, GIST),
    ];
    for (rows, width) in rows {
        let spread = (3.0 / number(width)).sqrt();
        for x in rows.iter_mut() {
            *x = rng.random_range(-spread..spread);
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many texts of three words each.
    fn texts(count: usize, rng: &mut StdRng) -> Vec<WordVectors> {
        let text = |_| WordVectors::new((0..3 * DIMENSIONS).map(|_| rng.random_range(-1.0..1.0)).collect());
        (0..count).map(text).collect()
    }

    fn pair(asked: usize, stored: usize, yes: bool, of_desk: bool) -> Told {
        Told { asked, stored, cosine: 0.9, yes, weight: 1.0, of_desk }
    }

    #[test]
    fn the_gradient_is_how_the_loss_rises() {
        let mut rng = StdRng::seed_from_u64(3);
        let texts = texts(4, &mut rng);
        let weights = random(&mut rng);
        let pairs = [pair(0, 1, true, false), pair(2, 3, false, false)];
        let loss = |weights: &Weights| {
            let mut gradient = Weights::zeros();
            let back = |told| Pair::read(told, &texts, weights).back(weights, &mut gradient);
            (pairs.iter().map(back).sum::<f32>(), gradient)
        };
        let (_, gradient) = loss(&weights);
        for part in 0..gradient.parts().len() {
            // Along the gradient of one part, the loss rises by the square of its length.
            let rises = gradient.parts()[part].clone();
            let square: f32 = rises.iter().map(|rise| rise * rise).sum();
            let by = 0.002 / square.sqrt();
            let along = |by: f32| {
                let mut moved = weights.clone();
                add(moved.parts_mut()[part], by, &rises);
                loss(&moved).0
            };
            let seen = (along(by) - along(-by)) / (2.0 * by);
            assert!(square > 0.0 && (seen / square - 1.0).abs() < 0.05, "{part}: {seen}, not {square}");
        }
    }

    #[test]
    fn no_question_of_a_fold_that_is_left_out_is_learned_from() {
        let example = || Example { inputs: vec![0.5], yes: true, weight: 1.0 };
        let row = |asked, fold, stored_fold, of| {
            let example = example();
            Row { example, fold, stored_fold, of, guarded: false, forbidden: false, asked, stored: 9 }
        };
        let labelled = || Of::Pair { domain: String::new() };
        let couple = |asked, fold, stored_fold| Couple {
            asked,
            stored: 9,
            cosine: 0.5,
            yes: false,
            weight: 1.0,
            fold,
            stored_fold,
        };
        let known = Known {
            rows: vec![
                row(0, 0, 0, labelled()),
                row(1, 0, 1, labelled()),
                row(2, 0, 0, Of::Edit),
                row(6, 1, 0, labelled()),
            ],
            edits: 1,
            in_small_stores: 0,
            texts: vec![WordVectors::none(); 10],
            contrasts: Vec::new(),
            couples: vec![couple(3, 0, 0), couple(4, 1, 0), couple(5, 0, 1)],
        };
        let asked = |left_out| told(&known, left_out).iter().map(|one| one.asked).collect::<Vec<_>>();
        assert_eq!(asked(None), [0, 1, 6, 3, 4, 5]);
        assert_eq!(asked(Some(1)), [0, 3]);
        assert!(asked(Some(0)).is_empty());
        let places =
            |fold| scores(&known, &Comparer::blind(), fold).iter().map(|(at, _)| *at).collect::<Vec<_>>();
        assert_eq!(
            (places(0), places(1), places(2)),
            (vec![0, 1], vec![3], vec![]),
            "its own fold, and no edits"
        );
    }

    #[test]
    fn what_is_told_is_learned() {
        let mut rng = StdRng::seed_from_u64(6);
        let texts = texts(6, &mut rng);
        let pairs = [
            pair(0, 1, true, false),
            pair(0, 2, false, false),
            pair(3, 4, true, true),
            pair(3, 5, false, true),
        ];
        let fitted = fit(&texts, &pairs);
        let score = |asked: usize, stored: usize| {
            let likeness = texts[asked].likeness(&texts[stored]);
            let narrowed = fitted.narrow(&[&texts[asked], &texts[stored]]);
            fitted.score(&narrowed[0], &narrowed[1], &likeness, 0.9)
        };
        assert!(score(0, 1) > score(0, 2) + 1.0 && score(3, 4) > score(3, 5) + 1.0);
        assert_eq!(fit(&texts, &pairs[..1]), Comparer::blind(), "nothing to tell apart");
        let without_words = [pairs[0], pair(0, 6, false, false)];
        assert_eq!(fit(&[texts, vec![WordVectors::none()]].concat(), &without_words), Comparer::blind());
    }
}
