//! The counts of a back-test and the figures they come to.

use api::knowledge::v1::Band;
use serde::Serialize;

use super::{Asked, NEIGHBOURS};
use crate::matching::Found;

/// The figures of one kind of question, or of all.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    pub asked: usize,
    /// Of these, the store has an answer.
    pub answerable: usize,
    /// The verdict was `reuse`.
    pub drafted: usize,
    /// Drafted from an id that is right.
    pub correct: usize,
    /// Drafted from an id that is labelled as another question.
    pub forbidden: usize,
    /// `correct / drafted`; none when nothing was drafted.
    pub precision: Option<f64>,
    /// Wilson's lower bound of the precision, 95 %.
    pub precision_lower: Option<f64>,
    /// `correct / answerable`; none when there are none.
    pub coverage: Option<f64>,
    /// Drafted although the store has no answer.
    pub false_drafts: usize,
    /// The verdict was `suggest`.
    pub suggested: usize,
    /// Of the answerable: the best neighbour is right.
    pub top1: Option<f64>,
    /// Of the answerable: one of the five best is right.
    pub top5: Option<f64>,
    /// Of the answerable: mean reciprocal rank of the first right one among ten.
    pub mrr: Option<f64>,
}

#[derive(Default, Clone)]
pub(super) struct Counts {
    pub figures: Figures,
    top1: usize,
    top5: usize,
    reciprocal_ranks: f64,
}

/// One question's.
pub(super) fn counts(question: &Asked, found: &Found) -> Counts {
    let mut counts = Counts::default();
    let figures = &mut counts.figures;
    figures.asked = 1;
    let ids: Vec<&String> =
        found.neighbours.iter().take(NEIGHBOURS).map(|neighbour| &neighbour.passage.id).collect();
    let answerable = !question.expect.is_empty();
    if answerable {
        figures.answerable = 1;
        if let Some(at) = ids.iter().position(|id| question.expect.contains(*id)) {
            counts.top1 = usize::from(at == 0);
            counts.top5 = usize::from(at < 5);
            counts.reciprocal_ranks = 1.0 / number(at + 1);
        }
    }
    match (found.verdict.band, ids.first()) {
        (Band::Reuse, Some(id)) => {
            figures.drafted = 1;
            figures.correct = usize::from(question.expect.contains(*id));
            figures.forbidden = usize::from(question.forbid.contains(*id));
            figures.false_drafts = usize::from(!answerable);
        }
        (Band::Suggest, _) => figures.suggested = 1,
        _ => {}
    }
    counts
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.figures, &other.figures);
        mine.asked += theirs.asked;
        mine.answerable += theirs.answerable;
        mine.drafted += theirs.drafted;
        mine.correct += theirs.correct;
        mine.forbidden += theirs.forbidden;
        mine.false_drafts += theirs.false_drafts;
        mine.suggested += theirs.suggested;
        self.top1 += other.top1;
        self.top5 += other.top5;
        self.reciprocal_ranks += other.reciprocal_ranks;
    }

    pub(super) fn figures(self) -> Figures {
        let Self { mut figures, top1, top5, reciprocal_ranks } = self;
        let share = |part: f64, of: usize| (of > 0).then(|| part / number(of));
        figures.precision = share(number(figures.correct), figures.drafted);
        figures.precision_lower = wilson_lower(figures.correct, figures.drafted);
        figures.coverage = share(number(figures.correct), figures.answerable);
        figures.top1 = share(number(top1), figures.answerable);
        figures.top5 = share(number(top5), figures.answerable);
        figures.mrr = share(reciprocal_ranks, figures.answerable);
        figures
    }
}

/// The lower end of Wilson's 95 % interval of `right` in `all`; none of none.
pub fn wilson_lower(right: usize, all: usize) -> Option<f64> {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    (all > 0).then(|| runtime::wilson(count(right), count(all)).0)
}

#[expect(clippy::cast_precision_loss, reason = "counts of questions, far below 2^52")]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_bound_is_wilsons() {
        assert_eq!(wilson_lower(0, 0), None);
        assert!((wilson_lower(90, 100).unwrap() - 0.8256).abs() < 1e-4);
    }
}
