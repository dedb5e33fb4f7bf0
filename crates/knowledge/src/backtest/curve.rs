//! What a cut-off on a score would give: coverage against precision, and how true probabilities are.

use serde::Serialize;

use super::figures::{number, wilson_lower};

/// Precisions whose coverage is told.
const TARGETS: [f64; 5] = [0.8, 0.85, 0.9, 0.95, 0.99];

/// Points of a drawn curve, at most.
const POINTS: usize = 100;

/// The best neighbour of one question.
#[derive(Debug, Clone, Copy)]
pub struct Scored {
    pub score: f64,
    pub right: bool,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Curve {
    pub at_precision: Vec<AtPrecision>,
    /// Coverage and precision of ever more drafts, the surest first.
    pub points: Vec<(f64, f64)>,
    /// By tenths of the probability; of other scores: none.
    pub reliability: Vec<Bin>,
}

/// The most drafts whose precision is at least a target.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AtPrecision {
    pub precision: f64,
    pub drafts: usize,
    /// Wilson's lower bound of what they reach, 95 %.
    pub precision_lower: Option<f64>,
    /// Right drafts by the questions that have a stored answer.
    pub coverage: f64,
    /// The least score; none: no threshold reaches this precision.
    pub threshold: Option<f64>,
}

/// Questions whose best neighbour has a probability in this range.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bin {
    pub from: f64,
    pub questions: usize,
    pub mean_probability: f64,
    /// The share whose best neighbour is right.
    pub right: f64,
}

impl AtPrecision {
    /// `scored` with the best first.
    pub fn of(scored: &[Scored], answerable: usize, target: f64) -> Self {
        let (mut right, mut kept) = (0, (0, 0));
        for (at, one) in scored.iter().enumerate() {
            right += usize::from(one.right);
            if number(right) >= target * number(at + 1) {
                kept = (at + 1, right);
            }
        }
        let (drafts, right) = kept;
        Self {
            precision: target,
            drafts,
            precision_lower: wilson_lower(right, drafts),
            coverage: number(right) / number(answerable.max(1)),
            threshold: drafts.checked_sub(1).map(|last| scored[last].score),
        }
    }
}

impl Curve {
    pub fn new(mut scored: Vec<Scored>, answerable: usize, probabilities: bool) -> Self {
        scored.sort_by(|a, b| b.score.total_cmp(&a.score));
        let every = scored.len().div_ceil(POINTS).max(1);
        let mut right = 0;
        let mut points = Vec::new();
        for (at, one) in scored.iter().enumerate() {
            right += usize::from(one.right);
            if (at + 1) % every == 0 {
                points.push((number(right) / number(answerable.max(1)), number(right) / number(at + 1)));
            }
        }
        Self {
            at_precision: TARGETS
                .iter()
                .map(|target| AtPrecision::of(&scored, answerable, *target))
                .collect(),
            points,
            reliability: if probabilities {
                (0..10).filter_map(|tenth| bin(&scored, tenth)).collect()
            } else {
                Vec::new()
            },
        }
    }
}

fn bin(scored: &[Scored], tenth: u8) -> Option<Bin> {
    let from = f64::from(tenth) / 10.0;
    let inside = scored.iter().filter(|one| (from..from + 0.1).contains(&one.score.min(0.999)));
    let inside: Vec<&Scored> = inside.collect();
    let of_all = |sum: f64| sum / number(inside.len());
    (!inside.is_empty()).then(|| Bin {
        from,
        questions: inside.len(),
        mean_probability: of_all(inside.iter().map(|one| one.score).sum()),
        right: of_all(number(inside.iter().filter(|one| one.right).count())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(rights: &[bool]) -> Vec<Scored> {
        let score = |at: usize| 0.95 - number(at) / 10.0;
        rights.iter().enumerate().map(|(at, right)| Scored { score: score(at), right: *right }).collect()
    }

    #[test]
    fn the_threshold_is_the_lowest_that_keeps_the_precision() {
        let some = scored(&[true, true, false, true]);
        let at = AtPrecision::of(&some, 4, 0.75);
        assert_eq!((at.drafts, at.threshold), (4, Some(some[3].score)));
        assert!((at.coverage - 0.75).abs() < 1e-9);
        assert_eq!(AtPrecision::of(&some, 4, 0.9).drafts, 2);
        assert_eq!(AtPrecision::of(&scored(&[false]), 4, 0.5).threshold, None);
    }

    #[test]
    fn curves_and_bins_hold_every_question() {
        let curve = Curve::new(scored(&[true, false, true]), 2, true);
        assert_eq!(curve.points, [(0.5, 1.0), (0.5, 0.5), (1.0, 2.0 / 3.0)]);
        assert_eq!(curve.reliability.iter().map(|bin| bin.questions).sum::<usize>(), 3);
        assert!(Curve::new(scored(&[true]), 0, false).reliability.is_empty());
    }
}
