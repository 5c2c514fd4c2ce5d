//! The design effect: how much less a sample says because its requests come in clusters, a client each.
//!
//! Ten mismatches of one client in 10,000 requests of a hundred are one finding and not ten. The variance of the rate is
//! estimated between clients (linearised ratio: with k of n for each of m clients and p = K / N, m / (m - 1) times the
//! sum of (k - p n)^2, over N^2) and divided by what it would be if every request stood for itself, p (1 - p) / N. A
//! bound is then one of k / deff in n / deff (Kish, "Survey Sampling", 1965; Korn and Graubard, Survey Methodology 24,
//! 1998; Dean and Pagano, "Evaluating confidence interval methods for binomial proportions in clustered surveys",
//! Journal of Survey Statistics and Methodology 3, 2015). One client with very many requests counts the same way,
//! whether they mismatch or not.
//!
//! What no sample shows is a client that is not in it: without a mismatch, or with one client alone, there is no spread
//! to estimate, and the effect is 1.

use statrs::function::beta::inv_beta_reg;
use statrs::function::erf::erf_inv;

use crate::tally::Clustering;

/// The variance of the mismatch rate as the clients show it, in multiples of that of single requests. Not below 1: that
/// clients are more alike than chance is chance.
pub fn design_effect(clustering: &Clustering) -> f64 {
    let (m, n, k) = (clustering.clients as f64, clustering.compared as f64, clustering.mismatched as f64);
    if clustering.clients < 2 || clustering.mismatched == 0 || clustering.mismatched >= clustering.compared {
        return 1.0;
    }
    let p = k / n;
    let spread = clustering.mismatched_squared - 2.0 * p * clustering.product + p * p * clustering.compared_squared;
    (m / (m - 1.0) * spread / (n * p * (1.0 - p))).max(1.0)
}

/// What a sample is divided by: the design effect, and more where it is estimated from few clients. The bound of a mean
/// is as many standard errors away as Student's t says and not the normal distribution, so the effect is multiplied by
/// the square of their ratio (Korn and Graubard, 1998). The degrees of freedom are those of the clients that have the
/// mismatches, each weighed by how many (Kish's effective number, K^2 over the sum of k^2), less one: a thousand clients
/// without any say little about the spread of those with some.
pub fn widening(clustering: &Clustering, confidence: f64) -> f64 {
    let effect = design_effect(clustering);
    if effect <= 1.0 {
        return 1.0;
    }
    let behind = (clustering.mismatched as f64).powi(2) / clustering.mismatched_squared;
    let freedom = (behind - 1.0).max(1.0);
    effect * (student(confidence, freedom) / normal(confidence)).powi(2).max(1.0)
}

/// The quantile of Student's t, for more than a half.
fn student(confidence: f64, freedom: f64) -> f64 {
    let x = inv_beta_reg(freedom / 2.0, 0.5, 2.0 * (1.0 - confidence));
    (freedom * (1.0 - x) / x).sqrt()
}

/// The quantile of the normal distribution.
fn normal(confidence: f64) -> f64 {
    std::f64::consts::SQRT_2 * erf_inv(2.0 * confidence - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(found: f64, golden: f64, within: f64) {
        assert!((found / golden - 1.0).abs() < within, "{found} against {golden}");
    }

    #[test]
    fn the_effect_agrees_with_scipy() {
        // 100 clients of 100 requests: one has all ten mismatches, or ten have one each.
        let one = Clustering::from_counts((0..100).map(|n| (100, if n == 0 { 10 } else { 0 })));
        assert_close(design_effect(&one), 10.01001001, 5e-10);
        assert_close(one.compared as f64 / design_effect(&one), 999.0, 5e-10);
        assert_close(one.mismatched as f64 / design_effect(&one), 0.999, 5e-10);
        let ten = Clustering::from_counts((0..100).map(|n| (100, u64::from(n < 10))));
        assert_eq!(design_effect(&ten), 1.0, "0.910000910001, which is chance");
    }

    #[test]
    fn the_quantiles_are_those_of_the_tables() {
        assert_close(normal(0.95), 1.6448536269514722, 1e-9);
        for (confidence, freedom, quantile) in [
            (0.95, 1.0, 6.313751514675),
            (0.95, 9.0, 1.833112932653),
            (0.99, 4.0, 3.746947387979),
            (0.95, 100.0, 1.660234326),
        ] {
            assert_close(student(confidence, freedom), quantile, 1e-6);
        }
    }

    #[test]
    fn what_few_clients_show_is_widened_more() {
        let spread =
            |behind: u64| Clustering::from_counts((0..1000).map(move |n| (100, if n < behind { 10 } else { 0 })));
        let over = |behind| widening(&spread(behind), 0.95) / design_effect(&spread(behind));
        assert_close(over(1), (6.313751514675_f64 / 1.644853626951).powi(2), 1e-6);
        assert!(over(1) >= over(2) && over(2) > over(5) && over(5) > over(50) && over(50) > 1.0);
        assert!(over(500) < 1.01, "{}", over(500));
    }

    #[test]
    fn one_client_with_most_of_the_requests_counts_too() {
        // It has no mismatch; of the thousand small ones, a tenth has.
        let small = (0..1000_u64).map(|n| (10, u64::from(n % 10 == 0)));
        let even = Clustering::from_counts(small.clone());
        let led = Clustering::from_counts(small.chain([(90_000, 0)]));
        assert_eq!(design_effect(&even), 1.0);
        assert!(design_effect(&led) > 50.0, "{}", design_effect(&led));
    }

    #[test]
    fn without_a_spread_to_see_there_is_none() {
        for clients in [vec![], vec![(1000, 7)], vec![(1000, 0), (20, 0)], vec![(10, 10), (5, 5)]] {
            assert_eq!(widening(&Clustering::from_counts(clients.iter().copied()), 0.95), 1.0, "{clients:?}");
        }
    }
}
