//! Whether a matter is asked about more than before, or whether that may be chance. Pure.

use api::analytics::v1::Trend;

use crate::wilson;

/// Below this many in both periods together nothing is said.
const COUNT_MIN: u32 = 10;

/// What two counts of equally long periods tell of the ratio of their means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told {
    pub trend: Trend,
    /// The 95 % interval's ends, 0 or more; `None`: too few, or no upper end.
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// Given their sum, the first of two Poisson counts is binomial with the share p = mean / (mean + mean before)
/// (J. Przyborowski, H. Wilenski, "Homogeneity of results in testing samples from Poisson series", Biometrika 31, 1940,
/// pages 313-323). The share has a Wilson interval; the ratio of the means is p / (1 - p).
pub fn trend(asked: u32, before: u32) -> Told {
    let both = asked.saturating_add(before);
    if both < COUNT_MIN {
        return Told { trend: Trend::Unspecified, low: None, high: None };
    }
    let (low, high) = wilson(asked, both);
    let ratio = |share: f64| share / (1.0 - share);
    let trend = if low > 0.5 {
        Trend::Rising
    } else if high < 0.5 {
        Trend::Falling
    } else {
        Trend::Steady
    };
    // Where one count is nothing, rounding would leave something of the end that is 0 or 1.
    let low = if asked == 0 { 0.0 } else { ratio(low) };
    Told { trend, low: Some(low), high: (before > 0).then(|| ratio(high)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_is_told_only_beyond_chance() {
        assert_eq!(trend(9, 0), Told { trend: Trend::Unspecified, low: None, high: None });
        assert_eq!(trend(12, 8).trend, Trend::Steady);
        assert_eq!(trend(16, 4).trend, Trend::Rising);
        assert_eq!(trend(4, 16).trend, Trend::Falling);
        let all_new = trend(10, 0);
        assert_eq!((all_new.trend, all_new.high), (Trend::Rising, None));
        let gone = trend(0, 10);
        assert_eq!((gone.trend, gone.low), (Trend::Falling, Some(0.0)));
    }

    #[test]
    fn the_interval_holds_the_ratio() {
        for (asked, before) in [(10, 10), (300, 100), (7, 93), (u32::MAX - 1, 1)] {
            let told = trend(asked, before);
            let ratio = f64::from(asked) / f64::from(before);
            assert!(told.low.unwrap() <= ratio, "{told:?}");
            assert!(told.high.is_none_or(|high| ratio <= high), "{told:?}");
        }
        // Turned round, the interval turns round.
        let (there, back) = (trend(30, 12), trend(12, 30));
        assert!((there.low.unwrap() * back.high.unwrap() - 1.0).abs() < 1e-9);
    }
}
