//! The design effect: how much less a sample says because its requests come in clusters, a client each.
//!
//! Ten mismatches of one client in 10,000 requests of a hundred are one finding and not ten. A bound is then one of
//! k / effect in n / effect (Kish, "Survey Sampling", 1965; Korn and Graubard, Survey Methodology 24, 1998; Dean and
//! Pagano, "Evaluating confidence interval methods for binomial proportions in clustered surveys", Journal of Survey
//! Statistics and Methodology 3, 2015). Its parts, of which the largest counts ([`widening`]):
//!
//! 1. The variance of the rate between clients as they are (linearised ratio: with k of n for each of m clients and
//!    p = K / N, m / (m - 1) times the sum of (k - p n)^2, over N^2), divided by what it would be if every request stood
//!    for itself, p (1 - p) / N. It is multiplied by Student's t over the normal quantile, squared, with the degrees of
//!    freedom of the clients that have the mismatches, for where these are few the variance is hardly known.
//! 2. The same at the limit. Where few mismatches were seen, few clients were met that have them, and the effect of those
//!    few is too small in the same measure: what the bound must refuse is a rate at the limit whose clients differ as these
//!    do, relative to their mean, so the excess over 1 grows by limit / p (the variance under the hypothesis, as in a score
//!    test), beside the same multiple of t.
//! 3. What clients of this size do to a sample if the rate of a client has nothing to do with its size: Kish's
//!    1 + (size - 1) correlation, the size being the one that a request meets (sum of n^2 over N) and the correlation
//!    (r - limit) / (1 - limit), where r is the rate that a mismatch meets on its own client beside itself (the sum of
//!    k (k - 1) / (n - 1), over K; an estimator by pairs, as that of Fleiss and Cuzick, Applied Psychological Measurement
//!    3, 1979). Ten large clients without a mismatch say little where small ones have them all, and the first part, which
//!    sees the large ones agree, would take that for agreement.
//!
//! The excess over 1 is multiplied by the square of t over the normal quantile once more, with the effective number of
//! clients, N^2 over the sum of n^2.
//!
//! **What is assumed.** The clients of the sample are as good as drawn by chance from those that will be moved; they may
//! differ in size and in rate in any way that the sample shows. **What no bound can hold**: a defect that no client of the
//! sample has. With m clients without it, a share of clients up to 1 - 0.05^(1/m) may have it ([`unseen`]; the
//! Clopper-Pearson bound of none in m, of clients and not of requests), and to show that this share is below 0.1 % would
//! take 2,995 clients, whatever their requests. So it is told beside the verdict and is no gate: for the clients that were
//! seen the verdict holds, since requests with rates of their own vary less than such with one rate (Hoeffding, "On the
//! distribution of the number of successes in independent trials", Annals of Mathematical Statistics 27, 1956). With one
//! client alone (a load balancer's address) there is no spread to estimate, and requests are taken as independent; without
//! a mismatch too.

use statrs::function::beta::inv_beta_reg;
use statrs::function::erf::erf_inv;

use crate::tally::Clustering;

/// Whose spread can be estimated: of two clients at least, with some mismatches and not all.
fn has_spread(clustering: &Clustering) -> bool {
    clustering.clients >= 2 && clustering.mismatched > 0 && clustering.mismatched < clustering.compared
}

/// The variance of the mismatch rate as the clients show it, in multiples of that of single requests (the first part
/// of the module's three). Not below 1: that clients are more alike than chance is chance.
pub fn design_effect(clustering: &Clustering) -> f64 {
    if has_spread(clustering) { linearised(clustering).max(1.0) } else { 1.0 }
}

/// The ratio of variances itself, which chance brings below 1 too.
pub fn linearised(clustering: &Clustering) -> f64 {
    let (m, n, k) = (clustering.clients as f64, clustering.compared as f64, clustering.mismatched as f64);
    let p = k / n;
    let spread = clustering.mismatched_squared - 2.0 * p * clustering.product + p * p * clustering.compared_squared;
    m / (m - 1.0) * spread / (n * p * (1.0 - p))
}

/// Kish's effect of clusters of that size whose members correlate so: 1 + (size - 1) correlation.
pub fn kish(size: f64, correlation: f64) -> f64 {
    1.0 + (size - 1.0) * correlation
}

/// How many clients of one size would say as much: N^2 over the sum of n^2. 0 where there are none.
pub fn effective_clients(clustering: &Clustering) -> f64 {
    if clustering.compared == 0 { 0.0 } else { (clustering.compared as f64).powi(2) / clustering.compared_squared }
}

/// What a sample is divided by, to judge its share against `limit` (a share above 0) at that confidence: the largest of
/// the module's three parts. 1 where nothing can be estimated.
pub fn widening(clustering: &Clustering, limit: f64, confidence: f64) -> f64 {
    if !has_spread(clustering) {
        return 1.0;
    }
    let (n, k) = (clustering.compared as f64, clustering.mismatched as f64);
    let beyond_normal = |freedom: f64| (student(confidence, freedom.max(1.0)) / normal(confidence)).powi(2).max(1.0);

    let effect = design_effect(clustering);
    let behind = k * k / clustering.mismatched_squared;
    let few_behind = beyond_normal(behind - 1.0);
    let seen = if effect > 1.0 { effect * few_behind } else { 1.0 };
    let at_limit = 1.0 + (effect - 1.0) * few_behind * (limit * n / k).max(1.0);
    let met = clustering.within / k;
    let by_size = kish(clustering.compared_squared / n, ((met - limit) / (1.0 - limit)).max(0.0));
    let largest = seen.max(at_limit).max(by_size);
    if largest > 1.0 { 1.0 + (largest - 1.0) * beyond_normal(effective_clients(clustering) - 1.0) } else { 1.0 }
}

/// The largest share of clients that may have a defect of which none of these has met anything, at that confidence: none
/// of the effective number of clients. None with fewer than two clients, which are not known apart.
pub fn unseen(clustering: &Clustering, confidence: f64) -> Option<f64> {
    let clients = effective_clients(clustering);
    (clustering.clients >= 2).then(|| super::interval::effective_upper_bound(0.0, clients, confidence))
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
        let rate = |all: &Clustering| all.mismatched as f64 / all.compared as f64;
        let over = |behind| {
            let all = spread(behind);
            widening(&all, rate(&all), 0.95) / design_effect(&all)
        };
        // For the thousand clients, t over the normal quantile is 1.0009, squared, of what exceeds 1.
        assert_close(over(1), (6.313751514675_f64 / 1.644853626951).powi(2), 2e-3);
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
            assert_eq!(widening(&Clustering::from_counts(clients.iter().copied()), 0.001, 0.95), 1.0, "{clients:?}");
        }
    }

    #[test]
    fn large_clients_without_a_mismatch_do_not_hide_how_small_ones_cluster() {
        // 200 clients of 50 requests, of which ten have 5 each; and one of 20,000 that has none.
        let small = (0..200_u64).map(|n| (50, if n < 10 { 5 } else { 0 }));
        let led = Clustering::from_counts(small.chain([(20_000, 0)]));
        // r is 4 / 49, the size 13,350: 1 + 13,349 (0.0816 - 0.01) / 0.99.
        let by_size = kish(led.compared_squared / 30_000.0, (4.0 / 49.0 - 0.01) / 0.99);
        assert_close(by_size, 966.8831, 1e-6);
        assert!(widening(&led, 0.01, 0.95) > by_size);
    }

    #[test]
    fn at_the_limit_clients_differ_as_much_as_those_that_were_seen() {
        let few = Clustering::from_counts((0..100_u64).map(|n| (1000, if n < 60 { 2 * (n % 2) } else { 0 })));
        let effect = design_effect(&few);
        assert!(effect > 1.2 && effect < 2.0, "{effect}");
        // 60 in 100,000 are 0.06 %; at a limit of 1 % the excess is 16.7 times as large.
        assert!(widening(&few, 0.01, 0.95) >= 1.0 + (effect - 1.0) * 0.01 / 0.0006);
        assert!(widening(&few, 0.0006, 0.95) < 1.2 * effect);
    }

    #[test]
    fn what_clients_that_were_not_seen_may_have_is_bounded_by_how_many_were() {
        let even = |m: u64| Clustering::from_counts((0..m).map(|_| (7, 0)));
        // scipy.stats.beta.ppf(0.95, 1, m)
        for (m, share) in [(50, 0.058155079), (1000, 0.0029912495451), (2995, 0.000999744420901)] {
            assert_close(unseen(&even(m), 0.95).unwrap(), share, 1e-7);
        }
        // One client with nine tenths of the traffic leaves as many effective clients as 1.23.
        let led = Clustering::from_counts((0..100_u64).map(|_| (1, 0)).chain([(900, 0)]));
        assert_close(effective_clients(&led), 1000.0 * 1000.0 / 810_100.0, 1e-12);
        assert!(unseen(&led, 0.95).unwrap() > 0.9);
        assert_eq!(unseen(&Clustering::from_counts([(1000, 0)]), 0.95), None, "one address: clients are not known");
        assert_eq!(unseen(&Clustering::default(), 0.95), None);
    }
}
