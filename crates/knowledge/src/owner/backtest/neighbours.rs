//! The plain baseline: the nearest by their embeddings vote.

use super::Example;

const NEAREST: usize = 10;

/// Every example's cosine with every other.
pub struct Likeness(Vec<Vec<f32>>);

impl Likeness {
    pub fn of(examples: &[Example]) -> Self {
        let cosine = |a: &Example, b: &Example| a.dense.iter().zip(&b.dense).map(|(x, y)| x * y).sum();
        Self(examples.iter().map(|a| examples.iter().map(|b| cosine(a, b)).collect()).collect())
    }

    /// The three owners with most votes of the nearest among `known`, and the first one's share.
    pub fn vote(&self, asked: usize, known: &[usize], truth: &[usize]) -> (Vec<usize>, f64) {
        let row = &self.0[asked];
        let mut nearest: Vec<usize> = known.iter().copied().filter(|at| *at != asked).collect();
        let nearer = |a: &usize, b: &usize| row[*b].total_cmp(&row[*a]);
        if nearest.len() > NEAREST {
            nearest.select_nth_unstable_by(NEAREST, nearer);
            nearest.truncate(NEAREST);
        }
        nearest.sort_unstable_by(nearer);
        let mut votes: Vec<(usize, f64)> = Vec::new();
        for at in nearest {
            let weight = f64::from(row[at]);
            match votes.iter_mut().find(|(owner, _)| *owner == truth[at]) {
                Some((_, sum)) => *sum += weight,
                None => votes.push((truth[at], weight)),
            }
        }
        votes.sort_by(|a, b| b.1.total_cmp(&a.1));
        let total: f64 = votes.iter().map(|(_, sum)| sum).sum();
        let share = votes.first().map_or(0.0, |(_, sum)| sum / total.max(f64::MIN_POSITIVE));
        (votes.into_iter().take(3).map(|(owner, _)| owner).collect(), share)
    }
}
