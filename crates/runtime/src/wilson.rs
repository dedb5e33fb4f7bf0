//! How sure a share is.

/// The 97.5 % quantile of the normal distribution: two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// The 95 % score interval of a share, each end 0 to 1: honest also for few trials, or all alike.
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
}
