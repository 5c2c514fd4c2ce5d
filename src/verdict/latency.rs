//! The latency gate: a quantile of the candidate against the same quantile of the legacy, over the same exchanges.
//!
//! GO needs harm to be excluded, not merely unproven: the candidate's upper bound at most so many times the legacy's
//! lower bound. The bounds are order statistics, so they hold whatever the distribution: x of rank s is above the
//! quantile q unless s or more of n values lie below it, of which each does with a probability of at most q (David and
//! Nagaraja, "Order Statistics", 2003, section 7.1). Values that are alike, as in the buckets of a histogram, only make
//! that rarer; a bucket counts with its upper edge for an upper bound and its lower edge for a lower one. A time-out is a
//! value of which only the lower end is known: a rank among the time-outs has no upper bound.
//!
//! **The level.** A candidate whose quantile is above the margin passes only if one of the two bounds misses. Both
//! sides come from the same exchanges, so no more can be said of both together than that the chances add up (Bonferroni):
//! each bound is at 1 - alpha / 2, so that GO is wrong with at most alpha, for any two distributions and however they depend on
//! each other. With alpha on each side, two samples with steps at the quantile would be wrong with nearly 2 alpha.
//!
//! **Any number of looks.** Where the run may be judged at any time, the ranks are those that the beta-binomial
//! confidence sequence rules out (`verdict/sequence.rs`), for the share of values beyond the quantile; for that share holds at
//! every look what Howard and Ramdas say in "Sequential estimation of quantiles with applications to A/B testing and
//! best-arm identification" (Bernoulli 28, 2022).
//!
//! **What is assumed**: exchanges whose latencies do not depend on each other. A quarter of an hour in which one side is slow
//! is one event and not thousands, and a run that met none says nothing of the next; `make calibrate` shows by how much the
//! bounds are then wrong. A remedy is a run over days, and a look at each.

use crate::config::{LatencyGate, Looks};
use crate::tally::{Latency, LatencyPair};

use super::interval::{least_sample, quantile_lower_rank, quantile_sample_needed, quantile_upper_rank};
use super::rates::Evidence;
use super::scope::Parts;
use super::sequence::Mixture;
use super::words::{count, latency, multiple_against, percent, quantile};
use super::{Gate, GateResult, GateState};

/// How a quantile is bounded.
#[derive(Clone, Copy)]
struct Level {
    quantile: f64,
    /// Of both sides together.
    confidence: f64,
    looks: Looks,
}

impl Level {
    /// Of one side.
    fn of_each(self) -> f64 {
        1.0 - (1.0 - self.confidence) / 2.0
    }

    fn upper_rank(self, n: u64) -> Option<u64> {
        match self.looks {
            Looks::Once => quantile_upper_rank(self.quantile, n, self.of_each()),
            Looks::Any => Mixture::around(1.0 - self.quantile).quantile_upper_rank(self.quantile, n, self.of_each()),
        }
    }

    fn lower_rank(self, n: u64) -> Option<u64> {
        match self.looks {
            Looks::Once => quantile_lower_rank(self.quantile, n, self.of_each()),
            Looks::Any => Mixture::around(1.0 - self.quantile).quantile_lower_rank(self.quantile, n, self.of_each()),
        }
    }

    /// The least sample that has an upper bound.
    fn sample_needed(self) -> u64 {
        match self.looks {
            Looks::Once => quantile_sample_needed(self.quantile, self.of_each()),
            Looks::Any => least_sample(0, |n| self.upper_rank(n).is_some()).unwrap_or(u64::MAX),
        }
    }

    fn method(self) -> String {
        let (name, each, both) = (quantile(self.quantile), percent(self.of_each()), percent(self.confidence));
        let looks = match self.looks {
            Looks::Once => "",
            Looks::Any => " of a confidence sequence, for any number of looks",
        };
        format!(
            "order-statistic bounds of {name}{looks}, at {each} confidence each and so at {both} both: it holds by the \
             candidate's upper against the legacy's lower, and fails by the lower against the upper, of exchanges taken as independent of each other"
        )
    }
}

/// A quantile's bounds in microseconds. `high` is infinite where time-outs hide how long it truly was, or the sample
/// is too small; `low` is 0 there.
struct Bounds {
    low: f64,
    high: f64,
}

impl Bounds {
    fn of(latency: &Latency, level: Level) -> Bounds {
        let n = latency.count;
        // What was cut off lies at the upper end: the true values of those ranks are unknown.
        let known = n.saturating_sub(latency.censored + latency.saturated);
        let low = level.lower_rank(n).and_then(|rank| latency.at_rank(rank));
        let high = level.upper_rank(n).filter(|rank| *rank <= known).and_then(|rank| latency.at_rank(rank));
        Bounds { low: low.map_or(0.0, |b| b.low as f64), high: high.map_or(f64::INFINITY, |b| b.high as f64) }
    }
}

/// The gate: of endpoints with a multiple of their own, and of all others together or each by itself.
pub(super) fn gates(evidence: &Evidence<'_>, gate: &LatencyGate, confidence: f64, looks: Looks) -> Vec<GateResult> {
    let parts = Parts::of(evidence, gate.each, gate.at_most, &gate.endpoints);
    let mut results = parts.unmet(Gate::Latency);
    let level = Level { quantile: gate.quantile, confidence, looks };
    results.extend(parts.parts.iter().map(|part| {
        let pairs = LatencyPair::together(part.endpoints.iter().map(|e| &e.counted.latency));
        let judged = judged(&pairs, level, part.limit);
        GateResult { endpoint: part.endpoint.cloned(), reason: part.named(judged.reason), ..judged }
    }));
    results
}

fn judged(pair: &LatencyPair, level: Level, limit: f64) -> GateResult {
    let Level { quantile: q, confidence, .. } = level;
    let n = pair.candidate.count;
    let candidate = Bounds::of(&pair.candidate, level);
    let legacy = Bounds::of(&pair.legacy, level);
    let state = match () {
        () if n == 0 || pair.legacy.count == 0 => GateState::NotEnough,
        () if candidate.high <= limit * legacy.low => GateState::Pass,
        () if candidate.low > limit * legacy.high => GateState::Fail,
        () => GateState::NotEnough,
    };
    let most = if legacy.low > 0.0 { candidate.high / legacy.low } else { f64::INFINITY };
    let ratios = Ratios { least: candidate.low / legacy.high, most, limit };
    GateResult {
        gate: Gate::Latency,
        endpoint: None,
        state,
        figure: ratio(pair, q),
        bound: Some(if state == GateState::Fail { ratios.least } else { most }).filter(|b| b.is_finite() && n > 0),
        limit: Some(limit),
        sample: n,
        method: level.method(),
        reason: reason(state, pair, q, confidence, &ratios),
        remedy: remedy(state, pair, level, most.is_finite()),
    }
}

/// What the bounds make of candidate / legacy.
struct Ratios {
    least: f64,
    most: f64,
    limit: f64,
}

fn ratio(pair: &LatencyPair, q: f64) -> Option<f64> {
    Some(pair.candidate.quantile(q)? as f64 / pair.legacy.quantile(q)?.max(1) as f64)
}

/// The quantile as text; a lower bound of the truth where time-outs reach down to it.
fn point(side: &Latency, q: f64) -> String {
    let cut_off = (q * side.count as f64).ceil() as u64 > side.count.saturating_sub(side.censored + side.saturated);
    let more = if cut_off { " or more" } else { "" };
    format!("{}{more}", latency(side.quantile(q).unwrap_or(0)))
}

fn reason(state: GateState, pair: &LatencyPair, q: f64, confidence: f64, ratios: &Ratios) -> String {
    let Some(figure) = ratio(pair, q) else {
        return "no exchange has latencies on both sides, so there is nothing to judge by.".to_owned();
    };
    let Ratios { least, most, limit } = *ratios;
    let seen = format!(
        "{} is {} for the candidate and {} for the legacy: {}",
        quantile(q),
        point(&pair.candidate, q),
        point(&pair.legacy, q),
        multiple_against(figure, limit)
    );
    let [least, most] = [least, most].map(|ratio| multiple_against(ratio, limit));
    let bounds = match state {
        GateState::Pass => format!("at most {most}"),
        GateState::Fail => format!("at least {least}"),
        GateState::NotEnough if ratios.most.is_finite() => format!("between {least} and {most}"),
        GateState::NotEnough => return format!("{seen}, with no upper bound from {}.", too_few(pair)),
    };
    let (at, limit) = (percent(confidence), multiple_against(limit, 0.0));
    format!("{seen}, or {bounds} at {at} confidence; the limit is {limit}.")
}

fn too_few(pair: &LatencyPair) -> String {
    let censored = pair.candidate.censored + pair.candidate.saturated;
    match censored {
        0 => format!("{} pairs", count(pair.candidate.count)),
        n => format!("{} pairs of which {} were cut off by the time-out", count(pair.candidate.count), count(n)),
    }
}

fn remedy(state: GateState, pair: &LatencyPair, level: Level, bounded: bool) -> Option<String> {
    let name = quantile(level.quantile);
    let needed = level.sample_needed();
    let n = pair.candidate.count;
    match state {
        GateState::Pass => None,
        GateState::Fail => Some("a faster candidate".to_owned()),
        GateState::NotEnough if n < needed => {
            Some(format!("a bound of {name} needs {} pairs: {} more at least", count(needed), count(needed - n)))
        }
        GateState::NotEnough if !bounded => Some("a candidate that answers in time, or more pairs".to_owned()),
        GateState::NotEnough => Some("more pairs: four times as many halve the distance of the bounds".to_owned()),
    }
}
