//! Where much is asked, late and disliked at once. Pure.

use api::analytics::v1::Bottleneck;
use runtime::wilson;

use super::{Cell, Place};

/// A unit's field asked about less often in the period is not ranked.
const ASKED_MIN: u32 = 5;

/// The `most` worst; the formula and its bounds stand at [`Bottleneck`].
pub fn worst<'a>(cells: impl IntoIterator<Item = (&'a Place, &'a Cell)>, most: usize) -> Vec<Bottleneck> {
    let ranked: Vec<_> = cells.into_iter().filter(|(_, cell)| cell.asked >= ASKED_MIN).collect();
    let measures: Vec<[f64; 3]> = ranked.iter().map(|(_, cell)| measures(cell)).collect();
    let rank = |which: usize, value: f64| rank(value, measures.iter().map(|measured| measured[which]));
    let mut worst: Vec<Bottleneck> = ranked
        .iter()
        .zip(&measures)
        .filter(|((_, cell), _)| cell.deadlines.delayed() > 0 || unsatisfied(cell) > 0)
        .map(|((place, cell), [demand, delay, dissatisfaction])| {
            let ranks = [rank(0, *demand), rank(1, *delay), rank(2, *dissatisfaction)];
            Bottleneck {
                field: place.field.clone(),
                unit: place.unit.clone(),
                index: ranks.iter().product::<f64>().cbrt(),
                asked: cell.asked,
                delayed: cell.deadlines.delayed(),
                decided: cell.deadlines.decided(),
                unsatisfied: unsatisfied(cell),
                ratings: cell.ratings.count,
                demand_rank: ranks[0],
                delay_rank: ranks[1],
                dissatisfaction_rank: ranks[2],
            }
        })
        .collect();
    worst.sort_by(|a, b| b.index.total_cmp(&a.index).then_with(|| b.asked.cmp(&a.asked)));
    worst.truncate(most);
    worst
}

fn unsatisfied(cell: &Cell) -> u32 {
    cell.ratings.count - cell.ratings.satisfied
}

/// Demand, delay and dissatisfaction.
fn measures(cell: &Cell) -> [f64; 3] {
    let low = |bad, all| wilson(bad, all).0;
    let delay = low(cell.deadlines.delayed(), cell.deadlines.decided());
    [f64::from(cell.asked), delay, low(unsatisfied(cell), cell.ratings.count)]
}

/// The share of `all`, of which `value` is one, below it, and of half of those equal: above 0, below 1.
fn rank(value: f64, all: impl Iterator<Item = f64>) -> f64 {
    let (mut below, mut equal, mut count) = (0.0, 0.0, 0.0);
    for other in all {
        count += 1.0;
        match other.total_cmp(&value) {
            std::cmp::Ordering::Less => below += 1.0,
            std::cmp::Ordering::Equal => equal += 1.0,
            std::cmp::Ordering::Greater => {}
        }
    }
    (below + equal / 2.0) / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Deadlines, Ratings};

    fn cell(asked: u32, late: u32, on_time: u32, unhappy: u32, happy: u32) -> Cell {
        let deadlines = Deadlines { on_time, late, ..Deadlines::default() };
        let ratings = Ratings { count: unhappy + happy, score_sum: 0, satisfied: happy };
        Cell { asked, deadlines, ratings }
    }

    fn ranked(cells: &[Cell]) -> Vec<Bottleneck> {
        let places: Vec<_> =
            (0..cells.len()).map(|n| Place { unit: n.to_string(), field: "x".into() }).collect();
        worst(places.iter().zip(cells), 20)
    }

    #[test]
    fn what_is_hot_slow_and_unhappy_at_once_comes_first() {
        let cells = [
            cell(100, 0, 100, 0, 50), // hot only
            cell(50, 40, 10, 20, 5),  // all three
            cell(6, 5, 1, 5, 1),      // slow and unhappy, but rare
            cell(4, 4, 0, 4, 0),      // too rare to rank
        ];
        let found = ranked(&cells);
        let units: Vec<_> = found.iter().map(|one| one.unit.as_str()).collect();
        assert_eq!(units, ["1", "2"]);
        assert!(found.iter().all(|one| 0.0 < one.index && one.index < 1.0), "{found:?}");
        let first = &found[0];
        assert_eq!((first.delayed, first.decided, first.unsatisfied, first.ratings), (40, 50, 20, 25));
        assert!((first.demand_rank - 0.5).abs() < 1e-9, "{first:?}");
    }

    #[test]
    fn one_cell_is_in_the_middle_and_nothing_gives_nothing() {
        let found = ranked(&[cell(5, 1, 0, 0, 0)]);
        assert!((found[0].index - 0.5).abs() < 1e-9, "{found:?}");
        assert_eq!(ranked(&[]), []);
        assert_eq!(ranked(&[cell(9, 0, 9, 0, 9)]), []);
    }

    #[test]
    fn few_cases_do_not_top_the_list() {
        let found = ranked(&[cell(10, 1, 0, 1, 0), cell(10, 30, 10, 30, 10)]);
        assert_eq!(found[0].unit, "1", "{found:?}");
    }
}
