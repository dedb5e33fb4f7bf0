//! Products of matrices whose rows lie one after the other in a slice. The library takes the vector instructions that
//! the processor has.

use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};

/// Each row of `left` times each row of `right`, row by row; rows of both are of `width` numbers.
pub(crate) fn products(left: &[f32], right: &[f32], width: usize) -> Vec<f32> {
    let (rows, columns) = (left.len() / width, right.len() / width);
    let mut products = vec![0.0; rows * columns];
    if rows * columns > 0 {
        let into = &mut seen_mut(&mut products, columns);
        general_mat_mul(1.0, &seen(left, width), &seen(right, width).t(), 0.0, into);
    }
    products
}

/// For each row of `shares`, the rows of `rows`, which are of `width` numbers, weighed by it and summed.
pub(crate) fn weighed(shares: &[f32], rows: &[f32], width: usize) -> Vec<f32> {
    let count = rows.len() / width;
    if count == 0 {
        return Vec::new();
    }
    let mut sums = vec![0.0; shares.len() / count * width];
    general_mat_mul(1.0, &seen(shares, count), &seen(rows, width), 0.0, &mut seen_mut(&mut sums, width));
    sums
}

/// Adds to `sums` the product of every number of a row of `left` with the row of `right` in the same place: of all rows
/// together a row of `width` numbers for each number of a row of `left`.
pub(crate) fn add_outer(sums: &mut [f32], left: &[f32], right: &[f32], width: usize) {
    let (rows, count) = (sums.len() / width, right.len() / width);
    if rows * count > 0 {
        general_mat_mul(1.0, &seen(left, rows).t(), &seen(right, width), 1.0, &mut seen_mut(sums, width));
    }
}

/// Rows of `width` numbers, what is left over left out.
fn seen(numbers: &[f32], width: usize) -> ArrayView2<'_, f32> {
    let rows = numbers.len() / width;
    ArrayView2::from_shape((rows, width), &numbers[..rows * width]).expect("as many numbers as the shape has")
}

fn seen_mut(numbers: &mut [f32], width: usize) -> ArrayViewMut2<'_, f32> {
    let rows = numbers.len() / width;
    let numbers = &mut numbers[..rows * width];
    ArrayViewMut2::from_shape((rows, width), numbers).expect("as many numbers as the shape has")
}

/// Summed in sixteen lanes, which the compiler makes vector instructions of: one sum after the other may not be
/// reordered.
pub(crate) fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    let (left, left_rest) = left.as_chunks::<16>();
    let (right, right_rest) = right.as_chunks::<16>();
    for (left, right) in left.iter().zip(right) {
        for (lane, (l, r)) in lanes.iter_mut().zip(left.iter().zip(right)) {
            *lane += l * r;
        }
    }
    lanes.iter().sum::<f32>() + left_rest.iter().zip(right_rest).map(|(l, r)| l * r).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    const RIGHT: [f32; 4] = [1.0, -1.0, 10.0, 100.0];

    fn is(seen: &[f32], expected: &[f32]) {
        assert_eq!(seen.len(), expected.len());
        assert!(seen.iter().zip(expected).all(|(x, y)| (x - y).abs() < 1e-3), "{seen:?}, not {expected:?}");
    }

    #[test]
    fn every_row_meets_every_row() {
        is(&products(&LEFT, &RIGHT, 2), &[-1.0, 210.0, -1.0, 430.0, -1.0, 650.0]);
        is(&products(&[], &RIGHT, 2), &[]);
        is(&products(&LEFT, &[], 2), &[]);
    }

    #[test]
    fn rows_are_weighed() {
        is(&weighed(&LEFT, &RIGHT, 2), &[21.0, 199.0, 43.0, 397.0, 65.0, 595.0]);
        is(&weighed(&[], &RIGHT, 2), &[]);
        is(&weighed(&[], &[], 2), &[]);
    }

    #[test]
    fn what_is_summed_is_added() {
        let mut sums = [1.0; 6];
        add_outer(&mut sums, &LEFT, &RIGHT, 2);
        is(&sums, &[42.0, 400.0, 53.0, 499.0, 64.0, 598.0]);
        add_outer(&mut sums, &[], &[], 2);
        is(&sums, &[42.0, 400.0, 53.0, 499.0, 64.0, 598.0]);
    }

    #[test]
    fn lanes_and_rest_are_all_summed() {
        let numbers: Vec<f32> = (1_u16..=19).map(f32::from).collect();
        let is = |sum: f32, expected: f32| assert!((sum - expected).abs() < 1e-3, "{sum}, not {expected}");
        is(dot(&numbers, &[1.0; 19]), 190.0);
        is(dot(&numbers[..3], &numbers[..3]), 14.0);
        is(dot(&[], &[]), 0.0);
    }
}
