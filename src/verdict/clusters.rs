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
