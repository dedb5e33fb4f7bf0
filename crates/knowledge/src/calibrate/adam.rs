//! Going down a slope with a memory for it (Adam, Kingma and Ba 2015).

const FIRST: f32 = 0.9;
const SECOND: f32 = 0.999;

/// What is remembered of the gradients of some weights.
pub struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
}

impl Adam {
    pub fn new(weights: usize) -> Self {
        Self { first: vec![0.0; weights], second: vec![0.0; weights], steps: 0 }
    }

    /// Moves the weights against their gradient.
    pub fn descend(&mut self, weights: &mut [f32], gradient: &[f32], rate: f32) {
        self.steps += 1;
        let (full, full_square) = (1.0 - FIRST.powi(self.steps), 1.0 - SECOND.powi(self.steps));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((weight, rise), (first, second)) in weights.iter_mut().zip(gradient).zip(moments) {
            *first += (1.0 - FIRST) * (rise - *first);
            *second += (1.0 - SECOND) * (rise * rise - *second);
            *weight -= rate * (*first / full) / ((*second / full_square).sqrt() + 1e-8);
        }
    }
}

/// The share of the rate at a step: up within the first tenth, then down to 0 in a line.
pub fn schedule(step: usize, steps: usize) -> f32 {
    let warm_up = number(steps) / 10.0;
    let step = number(step);
    ((step + 1.0) / warm_up).min((number(steps) - step) / (number(steps) - warm_up))
}

pub fn add(to: &mut [f32], times: f32, what: &[f32]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += times * what);
}

#[expect(clippy::cast_precision_loss, reason = "counts of one batch")]
pub fn number(count: usize) -> f32 {
    count as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_the_bottom() {
        let (mut adam, mut weights) = (Adam::new(2), [3.0, -2.0]);
        for step in 0..500 {
            let gradient = [2.0 * (weights[0] - 1.0), 20.0 * weights[1]];
            adam.descend(&mut weights, &gradient, 0.1 * schedule(step, 500));
        }
        assert!((weights[0] - 1.0).abs() < 1e-2 && weights[1].abs() < 1e-2, "{weights:?}");
    }

    #[test]
    fn the_rate_goes_up_and_comes_down() {
        let rates: Vec<f32> = (0..100).map(|step| schedule(step, 100)).collect();
        assert!((rates[9] - 1.0).abs() < 1e-6 && rates[0] < 0.2 && rates[99] < 0.02);
        assert!(rates[..10].is_sorted() && rates[10..].is_sorted_by(|a, b| a >= b));
    }
}
