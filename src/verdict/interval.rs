//! Exact binomial bounds: Clopper-Pearson for rates, order statistics for quantiles.
//!
//! Both are questions about one binomial tail, which is summed here term by term in Loader's form ("Fast and accurate
//! computation of binomial probabilities", 2000). A continued fraction of the incomplete beta function would do for
//! few mismatches, but needs more steps the more there are; the sum holds its digits from 0 of 10 up to half of ten
//! million.

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

/// P(X = k) for X binomial with n trials of probability p, 0 < p < 1.
fn probability(k: f64, n: f64, p: f64) -> f64 {
    if k == 0.0 {
        return (n * (-p).ln_1p()).exp();
    }
    if k == n {
        return (n * p.ln()).exp();
    }
    let rest = n - k;
    let exponent = stirling_error(n)
        - stirling_error(k)
        - stirling_error(rest)
        - deviance(k, n * p)
        - deviance(rest, n * (1.0 - p));
    exponent.exp() * (n / (std::f64::consts::TAU * k * rest)).sqrt()
}

/// The smallest share of the sum that a further term must have to be added.
const NEGLIGIBLE: f64 = 1e-17;

/// P(X <= k), each term from the one above it.
fn sum_down(k: u64, n: u64, p: f64) -> f64 {
    let (mut k, n) = (k as f64, n as f64);
    let mut term = probability(k, n, p);
    let mut sum = term;
    while k > 0.0 && term > sum * NEGLIGIBLE {
        term *= k * (1.0 - p) / ((n - k + 1.0) * p);
        sum += term;
        k -= 1.0;
    }
    sum.min(1.0)
}

/// P(X >= k), each term from the one below it.
fn sum_up(k: u64, n: u64, p: f64) -> f64 {
    let (mut k, n) = (k as f64, n as f64);
    let mut term = probability(k, n, p);
    let mut sum = term;
    while k < n && term > sum * NEGLIGIBLE {
        term *= (n - k) * p / ((k + 1.0) * (1.0 - p));
        sum += term;
        k += 1.0;
    }
    sum.min(1.0)
}

/// P(X <= k) for X binomial with `n` trials of probability `p`.
pub fn at_most(k: u64, n: u64, p: f64) -> f64 {
    if k >= n || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    // The side of the mean where the terms fall is the short one, and the one without cancellation.
    if (k as f64) < n as f64 * p { sum_down(k, n, p) } else { 1.0 - sum_up(k + 1, n, p) }
}

/// P(X >= k) for X binomial with `n` trials of probability `p`.
pub fn at_least(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 || (p >= 1.0 && k <= n) {
        return 1.0;
    }
    if k > n || p <= 0.0 {
        return 0.0;
    }
    if (k as f64) > n as f64 * p { sum_up(k, n, p) } else { 1.0 - sum_down(k - 1, n, p) }
}

/// The point between `low` and `high` where `above` turns true, to the last bit.
fn bisect(mut low: f64, mut high: f64, above: impl Fn(f64) -> bool) -> f64 {
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
    let alpha = 1.0 - confidence;
    if k >= n {
        return 1.0;
    }
    if k == 0 {
        return -(alpha.ln() / n as f64).exp_m1();
    }
    bisect(k as f64 / n as f64, 1.0, |p| at_most(k, n, p) < alpha)
}

/// The one-sided Clopper-Pearson lower bound. 0 where nothing was seen.
pub fn lower_bound(k: u64, n: u64, confidence: f64) -> f64 {
    let alpha = 1.0 - confidence;
    if k == 0 || n == 0 {
        return 0.0;
    }
    if k >= n {
        return (alpha.ln() / n as f64).exp();
    }
    bisect(0.0, k as f64 / n as f64, |p| at_least(k, n, p) > alpha)
}

/// The least sample of which `k` keep the upper bound below `limit`; None where no sample does (limit 0, or more than
/// 2^53).
pub fn sample_needed(k: u64, limit: f64, confidence: f64) -> Option<u64> {
    let alpha = 1.0 - confidence;
    let enough = |n: u64| n > k && at_most(k, n, limit) < alpha;
    if limit >= 1.0 {
        return Some(k + 1);
    }
    let mut high = k.max(1);
    while !enough(high) {
        high = high.checked_mul(2).filter(|n| *n < 1 << 53)?;
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(if low > k && enough(low) { low } else { high })
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
