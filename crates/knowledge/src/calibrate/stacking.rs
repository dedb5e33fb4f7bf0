//! The pooling is fitted first and the trees on what it says, so the trees must see it say what it would of
//! questions that it has not met: each row is described by a pooling that was fitted without the row's fold
//! (stacking, Wolpert 1992). When a fold is held back to measure, the poolings have not seen that one either.

use std::{
    collections::{BTreeSet, HashMap},
    sync::atomic::{AtomicUsize, Ordering},
};

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::{
    FOLDS,
    examples::{Known, Of, Row},
    learning::{self, Told},
};
use crate::{
    backtest::Progress,
    matrix::dot,
    pair::{OF_POOLING, POOLED, of_pooling},
    pooling::Pooling,
    trees::Example,
    words::WordVectors,
};

/// Texts that are pooled at once.
const TEXTS: usize = 256;

/// Two folds that were left out, the lower first; twice the same when it was one.
type LeftOut = (u64, u64);

/// Poolings, and what they say of the rows.
pub struct Stacked {
    /// By each pooling, every row's pooled cosine.
    cosines: HashMap<LeftOut, Vec<f32>>,
    /// The pooling that left out nothing.
    pub of_all: Pooling,
}

impl Stacked {
    /// Fits sixteen poolings, as many at once as there are processors.
    pub fn fit(known: &Known, progress: Progress<'_>) -> Self {
        let sets: Vec<LeftOut> =
            (0..FOLDS).flat_map(|low| (low..FOLDS).map(move |high| (low, high))).collect();
        let (total, done) = (sets.len() + 1, AtomicUsize::new(0));
        progress("fitting", 0, total);
        let fit = |left_out: Option<LeftOut>| {
            let pooling = learning::fit(&known.texts, &known.contrasts, &told(&known.rows, left_out));
            progress("fitting", done.fetch_add(1, Ordering::Relaxed) + 1, total);
            pooling
        };
        let held_back = || {
            let cosines = |left_out| (left_out, cosines(known, &fit(Some(left_out))));
            sets.into_par_iter().map(cosines).collect()
        };
        let (cosines, of_all) = rayon::join(held_back, || fit(None));
        Self { cosines, of_all }
    }

    /// Every row as trees may see it that are fitted without the fold `held`, or with all.
    pub fn examples(&self, known: &Known, held: Option<u64>) -> Vec<Example> {
        let rows = known.rows.iter().enumerate();
        rows.map(|(at, row)| {
            let mut example = row.example.clone();
            let cosine = self.cosines[&left_out(row.fold, held)][at];
            let told = of_pooling(cosine, example.inputs[0]);
            example.inputs[OF_POOLING..OF_POOLING + POOLED].copy_from_slice(&told);
            example
        })
        .collect()
    }
}

/// What was left out by the pooling that describes a row of this fold, when `held` is held back.
fn left_out(fold: u64, held: Option<u64>) -> LeftOut {
    let held = held.unwrap_or(fold);
    (held.min(fold), held.max(fold))
}

/// What is labelled, where neither question is of a fold that is left out. Edits are left to the trees, and what
/// is asked of small stores was asked of the whole one.
fn told(rows: &[Row], left_out: Option<LeftOut>) -> Vec<Told> {
    let is_out = |fold: u64| left_out.is_some_and(|(low, high)| fold == low || fold == high);
    let labelled = rows.iter().filter(|row| matches!(row.of, Of::Asked { .. } | Of::Pair { .. }));
    let seen = labelled.filter(|row| !is_out(row.fold) && !is_out(row.stored_fold));
    let told = |row: &Row| {
        let Example { yes, weight, .. } = row.example;
        Told { asked: row.asked, stored: row.stored, yes, weight }
    };
    seen.map(told).collect()
}

fn cosines(known: &Known, pooling: &Pooling) -> Vec<f32> {
    let places: BTreeSet<usize> = known.rows.iter().flat_map(|row| [row.asked, row.stored]).collect();
    let mut pooled: HashMap<usize, Vec<f32>> = HashMap::with_capacity(places.len());
    for places in places.into_iter().collect::<Vec<_>>().chunks(TEXTS) {
        let texts: Vec<&WordVectors> = places.iter().map(|at| &known.texts[*at]).collect();
        pooled.extend(places.iter().copied().zip(pooling.pool(&texts)));
    }
    known.rows.iter().map(|row| dot(&pooled[&row.asked], &pooled[&row.stored])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::FEATURES;

    fn row(asked: usize, fold: u64, stored_fold: u64, of: Of) -> Row {
        let example = Example { inputs: vec![0.5; FEATURES.len()], yes: true, weight: 1.0 };
        Row { example, fold, stored_fold, of, guarded: false, forbidden: false, asked, stored: 9 }
    }

    fn pair() -> Of {
        Of::Pair { domain: String::new() }
    }

    #[test]
    fn neither_question_of_a_fold_that_is_left_out_is_learned_from() {
        let rows = [row(0, 0, 0, pair()), row(1, 0, 1, pair()), row(2, 2, 0, pair()), row(3, 0, 0, Of::Edit)];
        let asked = |left_out| told(&rows, left_out).iter().map(|told| told.asked).collect::<Vec<_>>();
        assert_eq!(asked(None), [0, 1, 2]);
        assert_eq!(asked(Some((1, 1))), [0, 2]);
        assert_eq!(asked(Some((1, 2))), [0]);
        assert!(asked(Some((0, 4))).is_empty());
    }

    #[test]
    fn a_row_is_described_by_a_pooling_that_left_out_its_fold_and_the_held_one() {
        let cosines = [((1, 1), vec![0.1]), ((1, 3), vec![0.9])].into();
        let stacked = Stacked { cosines, of_all: Pooling::blind() };
        let rows = vec![row(0, 3, 0, pair())];
        let (texts, contrasts, couples) = (Vec::new(), Vec::new(), Vec::new());
        let known = Known { rows, edits: 0, in_small_stores: 0, texts, contrasts, couples };
        let inputs = stacked.examples(&known, Some(1)).remove(0).inputs;
        let names = FEATURES[OF_POOLING..OF_POOLING + POOLED].iter().map(|(name, _)| *name);
        assert!(names.eq(["pooled", "pooled_gain"]));
        assert_eq!(inputs[OF_POOLING..OF_POOLING + POOLED], of_pooling(0.9, 0.5));
        assert_eq!((left_out(1, None), left_out(0, Some(4)), left_out(4, Some(0))), ((1, 1), (0, 4), (0, 4)));
    }
}
