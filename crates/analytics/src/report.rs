//! The reports' numbers. Pure.

use runtime::wilson;

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
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            on_time: self.on_time + other.on_time,
            late: self.late + other.late,
            extended_on_time: self.extended_on_time + other.extended_on_time,
            extended_late: self.extended_late + other.extended_late,
            open: self.open + other.open,
            open_overdue: self.open_overdue + other.open_overdue,
        }
    }

    /// The share answered by the first promised date, 0 to 1, of those whose fate is known: an open question counts
    /// only once its deadline has passed. `None`: none is known.
    pub fn on_time_share(self) -> Option<f64> {
        let known = self.decided();
        (known > 0).then(|| f64::from(self.on_time) / f64::from(known))
    }

    /// Those whose fate is known.
    pub fn decided(self) -> u32 {
        self.on_time + self.extended_on_time + self.delayed()
    }

    pub fn delayed(self) -> u32 {
        self.late + self.extended_late + self.open_overdue
    }
}

/// The ratings of one field and unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ratings {
    pub count: u32,
    pub score_sum: u32,
    /// Scores of 4 and 5.
    pub satisfied: u32,
}

impl Ratings {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            score_sum: self.score_sum + other.score_sum,
            satisfied: self.satisfied + other.satisfied,
        }
    }

    /// 1 to 5; 0 when there are none.
    pub fn mean_score(self) -> f64 {
        f64::from(self.score_sum) / f64::from(self.count.max(1))
    }

    /// 0 to 1; 0 when there are none.
    pub fn satisfied_share(self) -> f64 {
        f64::from(self.satisfied) / f64::from(self.count.max(1))
    }
}

/// Drafts that officers judged, and what was sent without a hand, of one week and field.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Drafts {
    pub accepted: u32,
    pub edited: u32,
    pub rejected: u32,
    /// Of the edited ones, 0 to 1.
    pub mean_edit_share: f64,
    /// The verdicts' mean probability.
    pub expected_share: f64,
    pub sent: u32,
    pub sent_rejected: u32,
}

impl Drafts {
    pub fn judged(self) -> u32 {
        self.right().saturating_add(self.rejected)
    }

    /// Accepted or edited: the stored answer was the right one.
    pub fn right(self) -> u32 {
        self.accepted.saturating_add(self.edited)
    }

    /// 0 to 1; 0 when none was judged.
    pub fn right_share(self) -> f64 {
        f64::from(self.right()) / f64::from(self.judged().max(1))
    }

    /// The 95 % interval of the right share.
    pub fn right_interval(self) -> (f64, f64) {
        wilson(self.right(), self.judged())
    }

    /// More was promised than the interval allows. Better than promised is no drift to warn of.
    pub fn drifted(self) -> bool {
        self.judged() > 0 && self.expected_share > self.right_interval().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn drift_is_told_only_beyond_chance() {
        let drafts =
            Drafts { accepted: 5, edited: 2, rejected: 3, expected_share: 0.95, ..Drafts::default() };
        assert_eq!((drafts.judged(), drafts.right_share()), (10, 0.7));
        assert!(drafts.drifted(), "{:?}", drafts.right_interval());
        assert!(!Drafts { rejected: 0, ..drafts }.drifted());
        assert!(!Drafts { expected_share: 0.5, ..drafts }.drifted());
        assert!(!Drafts::default().drifted());
    }
}
