//! The reports' numbers. Pure.

/// The 97.5 % quantile of the normal distribution: two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % score interval of a share, each end 0 to 1: honest also for few ratings, or all alike.
/// `successes` of `trials`; without trials nothing is known: 0 to 1.
///
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal
/// of the American Statistical Association 22 (158), 1927, pages 209-212.
pub fn wilson(successes: u32, trials: u32) -> (f64, f64) {
    if trials == 0 {
        return (0.0, 1.0);
    }
    let n = f64::from(trials);
    let p = f64::from(successes) / n;
    let z2 = Z * Z;
    let centre = p + z2 / (2.0 * n);
    let margin = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    (((centre - margin) / scale).max(0.0), ((centre + margin) / scale).min(1.0))
}

/// One unit's questions by what became of their deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deadlines {
    /// By a deadline that was never extended.
    pub on_time: u32,
    pub late: u32,
    pub extended_on_time: u32,
    pub extended_late: u32,
    /// The deadline is still ahead, or its clock stands.
    pub open: u32,
    pub open_overdue: u32,
}

impl Deadlines {
    /// The share answered by the first promised date, 0 to 1, of those whose fate is known: an open question counts
    /// only once its deadline has passed. `None`: none is known.
    pub fn on_time_share(self) -> Option<f64> {
        let ended = [self.on_time, self.late, self.extended_on_time, self.extended_late];
        let known: f64 = ended.into_iter().chain([self.open_overdue]).map(f64::from).sum();
        (known > 0.0).then(|| f64::from(self.on_time) / known)
    }
}

/// The ratings of one field and unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratings {
    pub count: u32,
    pub score_sum: u32,
    /// Scores of 4 and 5.
    pub satisfied: u32,
}

impl Ratings {
    /// 1 to 5; 0 when there are none.
    pub fn mean_score(self) -> f64 {
        f64::from(self.score_sum) / f64::from(self.count.max(1))
    }

    /// 0 to 1; 0 when there are none.
    pub fn satisfied_share(self) -> f64 {
        f64::from(self.satisfied) / f64::from(self.count.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: (f64, f64), low: f64, high: f64) {
        assert!(
            (found.0 - low).abs() < 5e-5 && (found.1 - high).abs() < 5e-5,
            "{found:?} is not {low} {high}"
        );
    }

    #[test]
    fn wilson_agrees_with_worked_examples() {
        // R. G. Newcombe, Statistics in Medicine 17, 1998, table I, method 3.
        near(wilson(81, 263), 0.2553, 0.3662);
        near(wilson(15, 148), 0.0624, 0.1605);
        near(wilson(0, 20), 0.0, 0.1611);
        near(wilson(1, 29), 0.0061, 0.1718);
    }

    #[test]
    fn wilson_stays_within_bounds() {
        near(wilson(0, 0), 0.0, 1.0);
        for trials in [1, 2, 7, 1_000, u32::MAX] {
            for successes in [0, trials / 2, trials] {
                let (low, high) = wilson(successes, trials);
                let share = f64::from(successes) / f64::from(trials);
                let bounds = [0.0, low, share, high, 1.0];
                assert!(bounds.is_sorted_by(|a, b| *a <= b + 1e-12), "{bounds:?}");
            }
        }
    }

    #[test]
    fn the_share_leaves_out_what_is_not_decided() {
        let unit = Deadlines { on_time: 3, late: 1, open: 10, open_overdue: 2, ..Deadlines::default() };
        assert_eq!(unit.on_time_share(), Some(0.5));
        let extended = Deadlines { extended_on_time: 4, extended_late: 2, ..unit };
        assert_eq!(extended.on_time_share(), Some(0.25));
        assert_eq!(Deadlines { open: 10, ..Deadlines::default() }.on_time_share(), None);
        assert_eq!(Deadlines { open_overdue: 1, ..Deadlines::default() }.on_time_share(), Some(0.0));
    }

    #[test]
    fn ratings_are_averaged() {
        let ratings = Ratings { count: 4, score_sum: 14, satisfied: 3 };
        assert_eq!((ratings.mean_score(), ratings.satisfied_share()), (3.5, 0.75));
    }
}
