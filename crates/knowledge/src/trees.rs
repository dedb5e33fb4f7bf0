//! Gradient-boosted decision trees for a yes or no, with a direction for each input: more of it may
//! only raise, or only lower, the outcome. Small data, so splits are searched over quantile bins, and
//! one seed gives one model. (Friedman 2001; second-order gains as Chen and Guestrin 2016.)

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde::{Deserialize, Serialize};

/// Bins of one input, at most.
const BINS: usize = 64;

/// A row's input and what is known of it.
#[derive(Debug, Clone)]
pub struct Example {
    pub inputs: Vec<f32>,
    pub yes: bool,
    /// How much it counts, above 0.
    pub weight: f32,
}

/// Which way an input may move the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
    Free,
}

/// How the trees grow.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    pub trees: usize,
    pub rate: f64,
    pub leaves: usize,
    /// Weight of the examples in a leaf, at least.
    pub leaf_weight: f64,
    /// Pulls leaves to 0.
    pub ridge: f64,
    /// Share of the inputs that one tree sees.
    pub inputs_share: f64,
    /// Share of the examples that one tree sees.
    pub examples_share: f64,
    pub seed: u64,
}

/// A fitted model: log-odds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trees {
    base: f64,
    trees: Vec<Tree>,
}

/// Node 0 is the root; a child below 0 is the leaf `-1 - child`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Tree {
    /// The input each node looks at.
    input: Vec<usize>,
    /// At most this: left, else right.
    at_most: Vec<f32>,
    left: Vec<i32>,
    right: Vec<i32>,
    leaf: Vec<f32>,
}

impl Trees {
    /// The log-odds of yes.
    pub fn score(&self, inputs: &[f32]) -> f64 {
        self.base + self.trees.iter().map(|tree| f64::from(tree.value(inputs))).sum::<f64>()
    }

    /// Whether every node looks at one of `inputs` inputs and leads onwards.
    pub fn is_sound(&self, inputs: usize) -> bool {
        self.base.is_finite() && self.trees.iter().all(|tree| tree.is_sound(inputs))
    }

    /// Fits a model; no examples give one that says nothing.
    pub fn fit(examples: &[Example], directions: &[Direction], growth: &Growth) -> Self {
        let total: f64 = examples.iter().map(|e| f64::from(e.weight)).sum();
        let yes: f64 = examples.iter().filter(|e| e.yes).map(|e| f64::from(e.weight)).sum();
        let base = ((yes + 1.0) / (total - yes + 1.0)).ln();
        let binned = Binned::new(examples, directions.len());
        let mut rng = StdRng::seed_from_u64(growth.seed);
        let mut scores = vec![base; examples.len()];
        let mut trees = Vec::with_capacity(growth.trees);
        for _ in 0..growth.trees {
            let gradients: Vec<Sum> =
                examples.iter().zip(&scores).map(|(example, score)| Sum::of(example, *score)).collect();
            let rows = (0..examples.len()).filter(|_| rng.random_bool(growth.examples_share)).collect();
            let mut inputs: Vec<usize> = (0..directions.len()).collect();
            inputs.shuffle(&mut rng);
            let seen = (number(inputs.len()) * growth.inputs_share).ceil();
            inputs.retain({
                let mut taken = 0.0;
                move |_| {
                    taken += 1.0;
                    taken <= seen
                }
            });
            let grower =
                Grower { binned: &binned, gradients: &gradients, directions, growth, inputs: &inputs };
            let tree = grower.grow(rows);
            for (score, example) in scores.iter_mut().zip(examples) {
                *score += f64::from(tree.value(&example.inputs));
            }
            trees.push(tree);
        }
        Self { base, trees }
    }
}

impl Tree {
    fn value(&self, inputs: &[f32]) -> f32 {
        let mut at = if self.input.is_empty() { -1 } else { 0 };
        while let Ok(node) = usize::try_from(at) {
            let left = inputs[self.input[node]] <= self.at_most[node];
            at = if left { self.left[node] } else { self.right[node] };
        }
        self.leaf[leaf_of(at)]
    }

    fn is_sound(&self, inputs: usize) -> bool {
        let nodes = self.input.len();
        let sized = [self.at_most.len(), self.left.len(), self.right.len()].iter().all(|n| *n == nodes);
        // A child comes after its parent, so every walk ends.
        let onwards = |(node, child): (usize, &i32)| match usize::try_from(*child) {
            Ok(child) => child > node && child < nodes,
            Err(_) => leaf_of(*child) < self.leaf.len(),
        };
        sized
            && !self.leaf.is_empty()
            && self.leaf.iter().chain(&self.at_most).all(|value| value.is_finite())
            && self.input.iter().all(|input| *input < inputs)
            && self.left.iter().enumerate().all(onwards)
            && self.right.iter().enumerate().all(onwards)
    }
}

fn leaf_of(child: i32) -> usize {
    usize::try_from(-1 - i64::from(child)).unwrap_or(0)
}

/// Sums of gradients and of their derivatives.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    gradient: f64,
    hessian: f64,
    weight: f64,
}

impl Sum {
    fn of(example: &Example, score: f64) -> Self {
        let (probability, weight) = (1.0 / (1.0 + (-score).exp()), f64::from(example.weight));
        let truth = if example.yes { 1.0 } else { 0.0 };
        Self {
            gradient: weight * (truth - probability),
            hessian: weight * (probability * (1.0 - probability)).max(1e-9),
            weight,
        }
    }

    fn add(&mut self, other: &Self) {
        self.gradient += other.gradient;
        self.hessian += other.hessian;
        self.weight += other.weight;
    }

    fn less(&self, other: &Self) -> Self {
        Self {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
            weight: self.weight - other.weight,
        }
    }

    fn value(&self, growth: &Growth) -> f64 {
        self.gradient / (self.hessian + growth.ridge)
    }

    fn gain(&self, growth: &Growth) -> f64 {
        self.gradient * self.gradient / (self.hessian + growth.ridge)
    }
}

/// Every example's inputs as bins.
struct Binned {
    /// Input → upper ends of its bins but the last.
    ends: Vec<Vec<f32>>,
    /// Input → bin of each example.
    bins: Vec<Vec<u8>>,
}

impl Binned {
    fn new(examples: &[Example], inputs: usize) -> Self {
        let mut ends = Vec::with_capacity(inputs);
        let mut bins = Vec::with_capacity(inputs);
        for input in 0..inputs {
            let mut values: Vec<f32> = examples.iter().map(|e| e.inputs[input]).collect();
            values.sort_by(f32::total_cmp);
            let mut own: Vec<f32> =
                (1..BINS).filter_map(|part| values.get(values.len() * part / BINS).copied()).collect();
            own.dedup();
            if values.last() == own.last() {
                own.pop();
            }
            let bin = |e: &Example| {
                u8::try_from(own.partition_point(|end| *end < e.inputs[input])).unwrap_or(u8::MAX)
            };
            bins.push(examples.iter().map(bin).collect());
            ends.push(own);
        }
        Self { ends, bins }
    }
}

struct Grower<'a> {
    binned: &'a Binned,
    gradients: &'a [Sum],
    directions: &'a [Direction],
    growth: &'a Growth,
    inputs: &'a [usize],
}

/// A leaf that may be split.
struct Open {
    rows: Vec<usize>,
    sum: Sum,
    /// The bounds that splits above have set for the values below.
    low: f64,
    high: f64,
    /// Where the leaf hangs: the node, and whether on its left.
    parent: Option<(usize, bool)>,
    split: Option<Split>,
}

#[derive(Clone, Copy)]
struct Split {
    input: usize,
    /// The last bin that goes left.
    bin: usize,
    gain: f64,
    left: Sum,
}

impl Grower<'_> {
    /// Splits the leaf that gains most until there are enough.
    fn grow(&self, rows: Vec<usize>) -> Tree {
        let mut sum = Sum::default();
        for row in &rows {
            sum.add(&self.gradients[*row]);
        }
        let mut tree = Tree::default();
        let mut open = vec![self.open(rows, sum, (f64::NEG_INFINITY, f64::INFINITY), None)];
        while open.len() < self.growth.leaves {
            let gain = |leaf: &Open| leaf.split.map_or(f64::NEG_INFINITY, |split| split.gain);
            let best = (0..open.len()).max_by(|a, b| gain(&open[*a]).total_cmp(&gain(&open[*b])));
            let Some((leaf, split)) = best.and_then(|at| open[at].split.map(|split| (at, split))) else {
                break;
            };
            let leaf = open.swap_remove(leaf);
            let node = tree.input.len();
            tree.input.push(split.input);
            tree.at_most.push(self.binned.ends[split.input][split.bin]);
            tree.left.push(0);
            tree.right.push(0);
            hang(&mut tree, leaf.parent, node);
            open.extend(self.children(leaf, split, node));
        }
        for leaf in open {
            let value = leaf.sum.value(self.growth).clamp(leaf.low, leaf.high) * self.growth.rate;
            #[expect(clippy::cast_possible_truncation, reason = "a leaf's value is below 100")]
            tree.leaf.push(value as f32);
            let child = -i32::try_from(tree.leaf.len()).unwrap_or(i32::MAX);
            match leaf.parent {
                Some((node, true)) => tree.left[node] = child,
                Some((node, false)) => tree.right[node] = child,
                None => {}
            }
        }
        tree
    }

    fn children(&self, leaf: Open, split: Split, node: usize) -> [Open; 2] {
        let bins = &self.binned.bins[split.input];
        let (left, right): (Vec<usize>, Vec<usize>) =
            leaf.rows.into_iter().partition(|row| usize::from(bins[*row]) <= split.bin);
        let rest = leaf.sum.less(&split.left);
        let value = |sum: &Sum| sum.value(self.growth).clamp(leaf.low, leaf.high);
        let middle = f64::midpoint(value(&split.left), value(&rest));
        let (low, high) = (leaf.low, leaf.high);
        let (of_left, of_right) = match self.directions[split.input] {
            Direction::Up => ((low, middle), (middle, high)),
            Direction::Down => ((middle, high), (low, middle)),
            Direction::Free => ((low, high), (low, high)),
        };
        [
            self.open(left, split.left, of_left, Some((node, true))),
            self.open(right, rest, of_right, Some((node, false))),
        ]
    }

    fn open(&self, rows: Vec<usize>, sum: Sum, bounds: (f64, f64), parent: Option<(usize, bool)>) -> Open {
        let splits = self.inputs.iter().filter_map(|input| self.best_split(&rows, &sum, *input, bounds));
        let split = splits.max_by(|a, b| a.gain.total_cmp(&b.gain));
        Open { rows, sum, low: bounds.0, high: bounds.1, parent, split }
    }

    fn best_split(&self, rows: &[usize], all: &Sum, input: usize, bounds: (f64, f64)) -> Option<Split> {
        let ends = &self.binned.ends[input];
        if ends.is_empty() {
            return None;
        }
        let mut sums = [Sum::default(); BINS];
        let bins = &self.binned.bins[input];
        for row in rows {
            sums[usize::from(bins[*row])].add(&self.gradients[*row]);
        }
        let (mut left, mut best) = (Sum::default(), None::<Split>);
        for (bin, sum) in sums.iter().enumerate().take(ends.len()) {
            left.add(sum);
            let right = all.less(&left);
            if left.weight < self.growth.leaf_weight || right.weight < self.growth.leaf_weight {
                continue;
            }
            let value = |sum: &Sum| sum.value(self.growth).clamp(bounds.0, bounds.1);
            let forbidden = match self.directions[input] {
                Direction::Up => value(&left) > value(&right),
                Direction::Down => value(&left) < value(&right),
                Direction::Free => false,
            };
            let gain = left.gain(self.growth) + right.gain(self.growth) - all.gain(self.growth);
            if !forbidden && gain > best.map_or(1e-6, |best| best.gain) {
                best = Some(Split { input, bin, gain, left });
            }
        }
        best
    }
}

fn hang(tree: &mut Tree, parent: Option<(usize, bool)>, node: usize) {
    let node = i32::try_from(node).unwrap_or(i32::MAX);
    match parent {
        Some((above, true)) => tree.left[above] = node,
        Some((above, false)) => tree.right[above] = node,
        None => {}
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of inputs")]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GROWTH: Growth = Growth {
        trees: 60,
        rate: 0.2,
        leaves: 6,
        leaf_weight: 3.0,
        ridge: 1.0,
        inputs_share: 1.0,
        examples_share: 0.9,
        seed: 1,
    };

    /// Yes where both inputs are large: no single one tells.
    fn both_large() -> Vec<Example> {
        let grid = (0..20_u8).flat_map(|a| (0..20_u8).map(move |b| (a, b)));
        grid.map(|(a, b)| Example { inputs: vec![a.into(), b.into()], yes: a > 9 && b > 9, weight: 1.0 })
            .collect()
    }

    #[test]
    fn two_inputs_together_are_learned_and_the_file_says_the_same() {
        let examples = both_large();
        let trees = Trees::fit(&examples, &[Direction::Up, Direction::Free], &GROWTH);
        assert!(examples.iter().all(|e| (trees.score(&e.inputs) > 0.0) == e.yes));
        assert!(trees.is_sound(2) && !trees.is_sound(1));
        assert_eq!(trees, Trees::fit(&examples, &[Direction::Up, Direction::Free], &GROWTH));
        let file = toml::to_string(&trees).unwrap();
        assert_eq!(toml::from_str::<Trees>(&file).unwrap(), trees);
    }

    #[test]
    fn nothing_to_learn_from_gives_a_model_that_says_nothing() {
        assert!(Trees::fit(&[], &[Direction::Free], &GROWTH).score(&[1.0]).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn more_of_an_upward_input_never_lowers_the_score(
            noise in proptest::collection::vec((0.0_f32..10.0, 0.0_f32..10.0, any::<bool>()), 30..120),
            low in 0.0_f32..10.0, more in 0.0_f32..5.0, other in 0.0_f32..10.0,
        ) {
            let examples: Vec<Example> =
                noise.into_iter().map(|(a, b, yes)| Example { inputs: vec![a, b], yes, weight: 1.0 }).collect();
            let trees = Trees::fit(&examples, &[Direction::Up, Direction::Down], &GROWTH);
            prop_assert!(trees.score(&[low + more, other]) >= trees.score(&[low, other]) - 1e-5);
            prop_assert!(trees.score(&[other, low + more]) <= trees.score(&[other, low]) + 1e-5);
        }
    }
}
