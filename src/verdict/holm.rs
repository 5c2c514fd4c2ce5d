//! Many questions asked of one run: Holm's correction.
//!
//! Gates need none, because all of them must hold: one that passes by chance does not make a GO. Whoever goes through
//! twenty endpoints and points at those that stand out asks twenty questions, and one in twenty stands out by chance at 95 %.
//! Holm, "A simple sequentially rejective multiple test procedure" (Scandinavian Journal of Statistics 6, 1979): the
//! chance of even one wrong finding stays below alpha, however the questions depend on each other.

/// Adjusted p-values, in the order of what was given: each is to be compared with alpha itself. The least p is multiplied
/// by how many there are, the next by one less, and so on; none is smaller than one before it, or larger than 1.
pub fn adjusted(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least: f64 = 0.0;
    for (at, index) in order.into_iter().enumerate() {
        least = least.max((p.len() - at) as f64 * p[index]).min(1.0);
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_are_those_of_the_table() {
        let found = adjusted(&[0.01, 0.04, 0.03, 0.005]);
        for (found, golden) in found.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - golden).abs() < 1e-15, "{found} against {golden}");
        }
        assert_eq!(adjusted(&[]), Vec::<f64>::new());
        assert_eq!(adjusted(&[0.2]), [0.2]);
        assert_eq!(adjusted(&[0.9, 0.8]), [1.0, 1.0]);
    }
}
