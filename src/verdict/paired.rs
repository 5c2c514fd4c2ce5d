//! The difference of each request: told beside the latency gate, and no gate.
//!
//! The gate compares two distributions; this says what single requests have to expect.

use schemars::JsonSchema;
use serde::Serialize;

use crate::tally::Paired;

use super::interval;

/// Candidate less reference over the same exchanges, in microseconds; below 0 the candidate is faster.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PairedLatency {
    /// How many pairs.
    pub sample: u64,
    /// The share of them in which the candidate was slower.
    pub slower: f64,
    /// Its one-sided Clopper-Pearson upper bound.
    pub slower_at_most: f64,
    /// The median of the differences; None where time-outs hide it.
    pub p50_us: Option<i64>,
    /// Its order-statistic upper bound; None where the sample is too small or time-outs hide it.
    pub p50_at_most_us: Option<i64>,
    /// The 95th percentile.
    pub p95_us: Option<i64>,
    /// Its upper bound.
    pub p95_at_most_us: Option<i64>,
    /// Pairs in which a time-out hides by how much the candidate was slower, or whether it was.
    pub cut_off: u64,
    /// How the bounds were made.
    pub method: String,
}

/// None where there are no pairs.
pub(super) fn of(pairs: &Paired, confidence: f64) -> Option<PairedLatency> {
    let n = pairs.count();
    let at_most = |q: f64| {
        let rank = interval::quantile_upper_rank(q, n, confidence)?;
        pairs.at_rank(rank).map(|(_, high)| high)
    };
    let slower = pairs.slower_share()?;
    Some(PairedLatency {
        sample: n,
        slower,
        slower_at_most: interval::upper_bound((slower * n as f64).round() as u64, n, confidence),
        p50_us: pairs.quantile(0.5),
        p50_at_most_us: at_most(0.5),
        p95_us: pairs.quantile(0.95),
        p95_at_most_us: at_most(0.95),
        cut_off: pairs.cut_off + pairs.unknown,
        method: format!(
            "one-sided Clopper-Pearson and order-statistic bounds at {} confidence, each for one fixed look",
            super::words::percent(confidence)
        ),
    })
}
