//! Exact binomial bounds: Clopper-Pearson for rates, order statistics for quantiles.
//!
//! Both are questions about one binomial tail, which is summed here term by term in Loader's form ("Fast and accurate
//! computation of binomial probabilities", 2000). A continued fraction of the incomplete beta function would do for
//! few mismatches, but needs more steps the more there are; the sum holds its digits from 0 of 10 up to half of ten
//! million. The figures of an effective sample (`verdict/clusters.rs`) are not whole; there the last bit of the tail is
//! left to that fraction.

use statrs::function::beta::beta_reg;
use statrs::function::gamma::ln_gamma;

/// ln(n!) minus Stirling's formula.
fn stirling_error(n: f64) -> f64 {
    if n == 0.0 {
        return 0.0;
    }
    if n < 16.0 {
        return ln_gamma(n + 1.0) - (n + 0.5) * n.ln() + n - 0.5 * std::f64::consts::TAU.ln();
    }
    let square = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0) / square) / square) / square) / n
}

/// x ln(x / mean) + mean - x, without the cancellation where the two are near.
fn deviance(x: f64, mean: f64) -> f64 {
    let difference = x - mean;
    if difference.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() + mean - x;
    }
    let v = difference / (x + mean);
    let mut sum = difference * v;
    let mut term = 2.0 * x * v;
    for j in 1..1000 {
        term *= v * v;
        let next = sum + term / f64::from(2 * j + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// ln P(X = k) for X binomial with n trials of probability p, 0 < p < 1; k and n need not be whole (gamma functions
/// stand for the factorials), 0 <= k <= n.
pub(super) fn ln_probability(k: f64, n: f64, p: f64) -> f64 {
    if k == 0.0 {
        return n * (-p).ln_1p();
    }
    if k == n {
        return n * p.ln();
    }
    let rest = n - k;
    stirling_error(n) - stirling_error(k) - stirling_error(rest) - deviance(k, n * p) - deviance(rest, n * (1.0 - p))
        + 0.5 * (n / (std::f64::consts::TAU * k * rest)).ln()
}

fn probability(k: f64, n: f64, p: f64) -> f64 {
    ln_probability(k, n, p).exp()
}

/// The smallest share of the sum that a further term must have to be added.
const NEGLIGIBLE: f64 = 1e-17;

/// P(X <= k), each term from the one above it. Where k is not whole, what is left below 1 is an incomplete beta function
/// with a parameter below 1.
fn sum_down(mut k: f64, n: f64, p: f64) -> f64 {
    if k < 0.0 {
        return beta_reg(n - k, k + 1.0, 1.0 - p);
    }
    let mut term = probability(k, n, p);
    let mut sum = term;
    while k >= 1.0 && term > sum * NEGLIGIBLE {
        term *= k * (1.0 - p) / ((n - k + 1.0) * p);
        sum += term;
        k -= 1.0;
    }
    if k > 0.0 && k < 1.0 {
        sum += beta_reg(n - k + 1.0, k, 1.0 - p);
    }
    sum.min(1.0)
}

/// P(X >= k), each term from the one below it; the rest as in [`sum_down`].
fn sum_up(mut k: f64, n: f64, p: f64) -> f64 {
    if k > n {
        return beta_reg(k, n - k + 1.0, p);
    }
    let mut term = probability(k, n, p);
    let mut sum = term;
    while n - k >= 1.0 && term > sum * NEGLIGIBLE {
        term *= (n - k) * p / ((k + 1.0) * (1.0 - p));
        sum += term;
        k += 1.0;
    }
    if n - k > 0.0 && n - k < 1.0 {
        sum += beta_reg(k + 1.0, n - k, p);
    }
    sum.min(1.0)
}

/// P(X <= k) for X binomial with `n` trials of probability `p`.
pub fn at_most(k: u64, n: u64, p: f64) -> f64 {
    share_at_most(k as f64, n as f64, p)
}

/// P(X >= k) for X binomial with `n` trials of probability `p`.
pub fn at_least(k: u64, n: u64, p: f64) -> f64 {
    share_at_least(k as f64, n as f64, p)
}

/// As [`at_most`], for a k and an n that need not be whole: 1 - I_p(k + 1, n - k).
pub(super) fn share_at_most(k: f64, n: f64, p: f64) -> f64 {
    if k >= n || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    // The side of the mean where the terms fall is the short one, and the one without cancellation.
    if k < n * p { sum_down(k, n, p) } else { 1.0 - sum_up(k + 1.0, n, p) }
}

/// As [`at_least`], for a k and an n that need not be whole: I_p(k, n - k + 1).
pub(super) fn share_at_least(k: f64, n: f64, p: f64) -> f64 {
    if k == 0.0 || (p >= 1.0 && k <= n) {
        return 1.0;
    }
    if k > n || p <= 0.0 {
        return 0.0;
    }
    if k > n * p { sum_up(k, n, p) } else { 1.0 - sum_down(k - 1.0, n, p) }
}

/// The point between `low` and `high` where `above` turns true, to the last bit.
pub(super) fn bisect(mut low: f64, mut high: f64, above: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..1100 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if above(middle) { high = middle } else { low = middle }
    }
    low + (high - low) / 2.0
}

/// The one-sided Clopper-Pearson upper bound of a rate of which `k` of `n` were seen: the largest rate that `k` or
/// fewer do not contradict at that confidence (a share, 0.95). 1 where nothing was seen.
pub fn upper_bound(k: u64, n: u64, confidence: f64) -> f64 {
    effective_upper_bound(k as f64, n as f64, confidence)
}

/// The one-sided Clopper-Pearson lower bound. 0 where nothing was seen.
pub fn lower_bound(k: u64, n: u64, confidence: f64) -> f64 {
    effective_lower_bound(k as f64, n as f64, confidence)
}

/// [`upper_bound`] of an effective sample, whose figures are not whole: the beta quantile of Korn and Graubard
/// ("Confidence intervals for proportions with small expected number of positive counts estimated from survey data",
/// Survey Methodology 24, 1998).
pub fn effective_upper_bound(k: f64, n: f64, confidence: f64) -> f64 {
    let alpha = 1.0 - confidence;
    if k >= n {
        return 1.0;
    }
    if k == 0.0 {
        return -(alpha.ln() / n).exp_m1();
    }
    bisect(k / n, 1.0, |p| share_at_most(k, n, p) < alpha)
}

/// [`lower_bound`] of an effective sample.
pub fn effective_lower_bound(k: f64, n: f64, confidence: f64) -> f64 {
    let alpha = 1.0 - confidence;
    if k == 0.0 || n == 0.0 {
        return 0.0;
    }
    if k >= n {
        return (alpha.ln() / n).exp();
    }
    bisect(0.0, k / n, |p| share_at_least(k, n, p) > alpha)
}

/// The least sample of which `k` keep the upper bound below `limit`; None where no sample does (limit 0, or more than
/// 2^53).
pub fn sample_needed(k: u64, limit: f64, confidence: f64) -> Option<u64> {
    let alpha = 1.0 - confidence;
    let enough = |n: u64| n > k && at_most(k, n, limit) < alpha;
    if limit >= 1.0 {
        return Some(k + 1);
    }
    least_sample(k, enough)
}

/// The least sample of more than `k` that is enough, where more never are too few; None past 2^53.
pub(super) fn least_sample(k: u64, enough: impl Fn(u64) -> bool) -> Option<u64> {
    let mut high = k.max(1);
    while !enough(high) {
        high = high.checked_mul(2).filter(|n| *n < 1 << 53)?;
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The rank (from 1) of the value in a sorted sample of `n` that is an upper bound of the quantile `q` at that
/// one-sided confidence: the least s with P(Bin(n, q) <= s - 1) >= confidence. None where the sample is too small.
pub fn quantile_upper_rank(q: f64, n: u64, confidence: f64) -> Option<u64> {
    let enough = |s: u64| at_most(s - 1, n, q) >= confidence;
    // Rank n is as far as a sample reaches, and P(X <= n - 1) is 1 - q^n.
    if n == 0 || !enough(n) {
        return None;
    }
    let (mut low, mut high) = (0, n);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The rank of the value that is a lower bound: the largest r with P(Bin(n, q) >= r) >= confidence. None where the
/// sample is too small.
pub fn quantile_lower_rank(q: f64, n: u64, confidence: f64) -> Option<u64> {
    let holds = |r: u64| at_least(r, n, q) >= confidence;
    if n == 0 || !holds(1) {
        return None;
    }
    let (mut low, mut high) = (1, n + 1);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

/// The least sample in which the quantile has an upper bound at all: 59 for p95 at 95 %.
pub fn quantile_sample_needed(q: f64, confidence: f64) -> u64 {
    if q <= 0.0 || q >= 1.0 {
        return 1;
    }
    ((1.0 - confidence).ln() / q.ln()).ceil() as u64
}

#[cfg(test)]
mod tests;
