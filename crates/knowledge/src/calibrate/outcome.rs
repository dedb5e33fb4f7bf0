//! What held-back questions say of a fit: rankings, thresholds, areas.

use std::collections::BTreeMap;

use super::{
    AtPrecision,
    examples::{Known, Of, Row, Sort},
};
use crate::{
    backtest::Scored,
    calibration::{Blend, Curve},
    trees::Example,
};

/// The best neighbour of each asked question, and the labelled pairs.
pub struct Outcome {
    /// Best score first.
    best: Vec<Best>,
    answerable: usize,
    strangers: usize,
    hard: usize,
    /// The same of them without diacritics.
    undiacritised: Vec<Best>,
    /// The same of questions asked of small stores.
    in_small_stores: Vec<Best>,
    /// Domain → score and label of its pairs.
    pairs: BTreeMap<String, Vec<(f64, bool)>>,
}

#[derive(Debug, Clone, Copy)]
struct Best {
    score: f64,
    right: bool,
    guarded: bool,
    forbidden: bool,
    sort: Sort,
}

impl Outcome {
    pub fn new(known: &Known, scores: &[f64], asked: usize) -> Self {
        let (mut best, mut bare) = (vec![None; asked], vec![None; asked]);
        let mut small = vec![None; known.in_small_stores];
        let mut pairs: BTreeMap<String, Vec<(f64, bool)>> = BTreeMap::new();
        for (row, &score) in known.rows.iter().zip(scores) {
            match &row.of {
                Of::Asked { at, sort } => keep_best(&mut best[*at], row, score, *sort),
                Of::Undiacritised { at, sort } => keep_best(&mut bare[*at], row, score, *sort),
                Of::SmallStore { at, sort } => keep_best(&mut small[*at], row, score, *sort),
                Of::Pair { domain } => {
                    pairs.entry(domain.clone()).or_default().push((score, row.example.yes));
                }
                Of::Edit => {}
            }
        }
        let mut best: Vec<Best> = best.into_iter().flatten().collect();
        best.sort_by(|a, b| b.score.total_cmp(&a.score));
        let count = |sort| best.iter().filter(|one| one.sort == sort).count();
        let (answerable, hard, strangers) =
            (count(Sort::Answerable), count(Sort::Hard), count(Sort::Stranger));
        let [undiacritised, in_small_stores] = [bare, small].map(|best| best.into_iter().flatten().collect());
        Self { best, answerable, strangers, hard, undiacritised, in_small_stores, pairs }
    }

    /// Score and rightness of each best neighbour.
    pub fn best_scores(&self) -> Vec<(f64, bool)> {
        self.best.iter().map(|one| (one.score, one.right)).collect()
    }

    pub fn top1(&self) -> f64 {
        share(self.best.iter().filter(|one| one.right).count(), self.answerable)
    }

    /// The score that this share of the right best neighbours reaches.
    pub fn right_score_at(&self, part: f64) -> f64 {
        let right: Vec<f64> = self.best.iter().filter(|one| one.right).map(|one| one.score).collect();
        let at = right.iter().enumerate().position(|(at, _)| share(at + 1, right.len()) >= part);
        at.and_then(|at| right.get(at)).copied().unwrap_or(0.0)
    }

    /// The most drafts whose precision is at least `target`, by their probability.
    pub fn coverage_at(&self, target: f64, curve: &Curve) -> AtPrecision {
        let scored = self.free().map(|one| Scored { score: curve.probability(one.score), right: one.right });
        AtPrecision::of(&scored.collect::<Vec<_>>(), self.answerable, target)
    }

    /// Of the first `drafts`.
    pub fn precision(&self, drafts: usize) -> f64 {
        share(self.free().take(drafts).filter(|one| one.right).count(), drafts)
    }

    pub fn false_drafts(&self, target: f64) -> f64 {
        let drafted = self.free().take(self.drafts(target));
        share(drafted.filter(|one| one.sort == Sort::Stranger).count(), self.strangers)
    }

    pub fn forbidden(&self, target: f64) -> f64 {
        share(self.free().take(self.drafts(target)).filter(|one| one.forbidden).count(), self.hard)
    }

    /// What is left of the coverage at a threshold on the probability when all is asked without diacritics.
    pub fn undiacritised(&self, threshold: f64, curve: &Curve) -> f64 {
        let is_drafted = |one: &&Best| one.right && !one.guarded && curve.probability(one.score) >= threshold;
        let [bare, asked] = [&self.undiacritised, &self.best].map(|of| of.iter().filter(is_drafted).count());
        share(bare, asked)
    }

    /// Of small stores, by a threshold on the probability: drafts, and the wrong ones among them.
    pub fn in_small_stores(&self, threshold: f64, curve: &Curve) -> (usize, usize) {
        let drafted = || {
            let free = self.in_small_stores.iter().filter(|one| !one.guarded);
            free.filter(|one| curve.probability(one.score) >= threshold)
        };
        (drafted().count(), drafted().filter(|one| !one.right).count())
    }

    /// Domain and area under the receiver's curve.
    pub fn pair_auc(&self) -> Vec<(String, f64)> {
        self.pairs.iter().map(|(domain, scored)| (domain.clone(), auc(scored))).collect()
    }

    /// Those that may be drafted at all.
    fn free(&self) -> impl Iterator<Item = &Best> {
        self.best.iter().filter(|one| !one.guarded)
    }

    fn drafts(&self, target: f64) -> usize {
        self.coverage_at(target, &Curve { slope: 1.0, intercept: 0.0 }).drafts
    }
}

fn keep_best(best: &mut Option<Best>, row: &Row, score: f64, sort: Sort) {
    if best.is_none_or(|before| before.score < score) {
        let (right, guarded, forbidden) = (row.example.yes, row.guarded, row.forbidden);
        *best = Some(Best { score, right, guarded, forbidden, sort });
    }
}

/// The share of pairs of one right and one wrong where the right one scores higher; equal: half.
fn auc(scored: &[(f64, bool)]) -> f64 {
    let of = |label: bool| scored.iter().filter(move |(_, is)| *is == label).map(|(score, _)| *score);
    let (mut won, mut all) = (0.0, 0.0);
    for right in of(true) {
        for wrong in of(false) {
            all += 1.0;
            won += match right.total_cmp(&wrong) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
    }
    if all > 0.0 { won / all } else { 0.5 }
}

/// Logistic regression of rightness on the trees' and the comparer's scores of what was found for the asked questions,
/// by Newton's method; the intercept is left to the curve. Neither counts below nothing.
pub fn blend(rows: &[Row], trees: &[f64], comparer: &[f32]) -> Blend {
    let scored = rows.iter().zip(trees).zip(comparer);
    let asked = scored.filter(|((row, _), _)| matches!(row.of, Of::Asked { .. }));
    let points: Vec<([f64; 3], &Example)> =
        asked.map(|((row, trees), comparer)| ([*trees, f64::from(*comparer), 1.0], &row.example)).collect();
    let mut shares = [1.0, 0.0, 0.0];
    for _ in 0..50 {
        let (mut slope, mut curvature) = ([0.0; 3], [[0.0; 3]; 3]);
        for (point, example) in &points {
            let score: f64 = shares.iter().zip(point).map(|(share, x)| share * x).sum();
            let (p, weight) = (1.0 / (1.0 + (-score).exp()), f64::from(example.weight));
            let error = weight * (f64::from(u8::from(example.yes)) - p);
            for row in 0..3 {
                slope[row] += error * point[row];
                for column in 0..3 {
                    curvature[row][column] += weight * (p * (1.0 - p)).max(1e-9) * point[row] * point[column];
                }
            }
        }
        let by = solve(curvature, slope);
        shares.iter_mut().zip(by).for_each(|(share, by)| *share += by);
        if by.iter().all(|by| by.abs() < 1e-9) {
            break;
        }
    }
    let [trees, comparer] = [shares[0], shares[1]].map(|share| share.max(0.0));
    // Of what one sort of rows or none tells there is no best: the trees alone then.
    let found = shares.iter().all(|share| share.is_finite()) && trees + comparer > 0.0;
    if found { Blend { trees, comparer } } else { Blend { trees: 1.0, comparer: 0.0 } }
}

/// Of a symmetric, positive definite matrix (Cramer's rule); zeros when it has no inverse.
fn solve(matrix: [[f64; 3]; 3], right: [f64; 3]) -> [f64; 3] {
    let determinant = |m: &[[f64; 3]; 3]| {
        let minor = |a: usize, b: usize| m[1][a] * m[2][b] - m[1][b] * m[2][a];
        m[0][0] * minor(1, 2) - m[0][1] * minor(0, 2) + m[0][2] * minor(0, 1)
    };
    let whole = determinant(&matrix);
    [0, 1, 2].map(|column| {
        let mut exchanged = matrix;
        for (row, right) in exchanged.iter_mut().zip(right) {
            row[column] = right;
        }
        if whole.abs() < 1e-12 { 0.0 } else { determinant(&exchanged) / whole }
    })
}

/// Logistic regression of rightness on the score, by Newton's method.
pub fn platt(scored: &[(f64, bool)]) -> Curve {
    let (mut slope, mut intercept) = (1.0, 0.0);
    for _ in 0..50 {
        let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, 1e-6, 0.0, 1e-6);
        for &(score, right) in scored {
            let p = Curve { slope, intercept }.probability(score);
            let error = f64::from(u8::from(right)) - p;
            let spread = (p * (1.0 - p)).max(1e-9);
            g0 += error;
            g1 += error * score;
            h00 += spread;
            h01 += spread * score;
            h11 += spread * score * score;
        }
        let determinant = h00 * h11 - h01 * h01;
        if determinant.abs() < 1e-12 {
            break;
        }
        let (by0, by1) = ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant);
        intercept += by0;
        slope = (slope + by1).max(1e-3);
        if by0.abs() + by1.abs() < 1e-9 {
            break;
        }
    }
    Curve { slope, intercept }
}

#[expect(clippy::cast_precision_loss, reason = "counts of questions, far below 2^52")]
fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_the_share_of_pairs_in_order() {
        assert!((auc(&[(3.0, true), (2.0, false), (1.0, true), (0.0, false)]) - 0.75).abs() < 1e-9);
        assert!((auc(&[(1.0, true), (1.0, false)]) - 0.5).abs() < 1e-9);
        assert!((auc(&[]) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn equations_are_solved() {
        let solved = solve([[2.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 4.0]], [4.0, 10.0, 14.0]);
        assert!(solved.iter().zip([1.0, 2.0, 3.0]).all(|(x, is)| (x - is).abs() < 1e-9), "{solved:?}");
        assert!(solve([[0.0; 3]; 3], [1.0; 3]).iter().all(|x| x.abs() < 1e-12));
    }

    #[test]
    fn what_tells_more_counts_more() {
        let rows: Vec<Row> = (0_u16..480)
            .map(|n| Row {
                example: Example { inputs: Vec::new(), yes: n % 2 == 0, weight: 1.0 },
                of: Of::Asked { at: 0, sort: Sort::Answerable },
                ..row()
            })
            .collect();
        // Each by itself, the trees are wrong of one in eight, the comparer of one in three: log-odds of ln 7 and ln 2.
        let says = |at: usize, wrong: bool| if rows[at].example.yes == wrong { -1.0_f32 } else { 1.0 };
        let trees: Vec<f64> = (0..480).map(|at| says(at, at / 2 % 8 == 0).into()).collect();
        let comparer: Vec<f32> = (0..480).map(|at| says(at, at / 2 % 3 == 0)).collect();
        let found = blend(&rows, &trees, &comparer);
        assert!((found.trees - 7_f64.ln()).abs() < 1e-3, "{found:?}");
        assert!((found.comparer - 2_f64.ln()).abs() < 1e-3, "{found:?}");
        assert_eq!(blend(&[], &[], &[]), Blend { trees: 1.0, comparer: 0.0 });
    }

    #[test]
    fn probabilities_are_what_was_seen() {
        let mut scored: Vec<(f64, bool)> = (0..100).map(|n| (1.0, n < 80)).collect();
        scored.extend((0..100).map(|n| (-1.0, n < 10)));
        let curve = platt(&scored);
        assert!((curve.probability(1.0) - 0.8).abs() < 0.01, "{curve:?}");
        assert!((curve.probability(-1.0) - 0.1).abs() < 0.01, "{curve:?}");
    }

    fn row() -> Row {
        let example = Example { inputs: Vec::new(), yes: false, weight: 1.0 };
        let (fold, stored_fold, of) = (0, 0, Of::Edit);
        Row { example, fold, stored_fold, of, guarded: false, forbidden: false, asked: 0, stored: 0 }
    }

    fn outcome(rights: &[(bool, bool)]) -> Outcome {
        let one = |(at, (right, guarded)): (usize, &(bool, bool))| Best {
            score: -f64::from(u8::try_from(at).unwrap()),
            right: *right,
            guarded: *guarded,
            forbidden: !*right,
            sort: if *right { Sort::Answerable } else { Sort::Hard },
        };
        let best: Vec<Best> = rights.iter().enumerate().map(one).collect();
        let answerable = rights.iter().filter(|(right, _)| *right).count();
        Outcome {
            hard: best.len() - answerable,
            in_small_stores: best.clone(),
            undiacritised: best[1..].to_vec(),
            best,
            answerable,
            strangers: 0,
            pairs: BTreeMap::new(),
        }
    }

    #[test]
    fn the_threshold_is_the_lowest_that_keeps_the_precision() {
        let curve = Curve { slope: 1.0, intercept: 0.0 };
        let some = outcome(&[(true, false), (false, true), (true, false), (false, false), (true, false)]);
        let at = some.coverage_at(0.75, &curve);
        assert_eq!((at.drafts, at.threshold), (4, Some(curve.probability(-4.0))));
        assert!((at.coverage - 1.0).abs() < 1e-9 && (some.forbidden(0.75) - 0.5).abs() < 1e-9);
        assert_eq!(some.coverage_at(0.9, &curve).drafts, 2);
        assert_eq!(outcome(&[(false, false)]).coverage_at(0.5, &curve).threshold, None);
        assert_eq!(
            some.in_small_stores(curve.probability(-4.0), &curve),
            (4, 1),
            "what is guarded is no draft"
        );
        assert_eq!(some.in_small_stores(curve.probability(-2.0), &curve), (2, 0));
        assert!((some.undiacritised(curve.probability(-4.0), &curve) - 2.0 / 3.0).abs() < 1e-9);
    }
}
