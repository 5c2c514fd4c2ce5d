//! The latency gate: a quantile of the candidate against the same quantile of the legacy, over the same exchanges.
//!
//! GO needs harm to be excluded, not merely unproven: the candidate's upper bound at most so many times the legacy's
//! lower bound. The bounds are order statistics, so they hold whatever the distribution.

use crate::config::LatencyGate;
use crate::tally::{Latency, LatencyPair};

use super::interval::{quantile_lower_rank, quantile_sample_needed, quantile_upper_rank};
use super::rates::Evidence;
use super::scope::Parts;
use super::words::{count, latency, multiple_against, percent, quantile};
use super::{Gate, GateResult, GateState};

/// A quantile's bounds in microseconds. `high` is infinite where time-outs hide how long it truly was, or the sample
/// is too small; `low` is 0 there.
struct Bounds {
    low: f64,
    high: f64,
}

impl Bounds {
    fn of(latency: &Latency, quantile: f64, confidence: f64) -> Bounds {
        let n = latency.count;
        // What was cut off lies at the upper end: the true values of those ranks are unknown.
        let known = n.saturating_sub(latency.censored + latency.saturated);
        let low = quantile_lower_rank(quantile, n, confidence).and_then(|rank| latency.at_rank(rank));
        let high = quantile_upper_rank(quantile, n, confidence)
            .filter(|rank| *rank <= known)
            .and_then(|rank| latency.at_rank(rank));
        Bounds { low: low.map_or(0.0, |b| b.low as f64), high: high.map_or(f64::INFINITY, |b| b.high as f64) }
    }
}

/// The gate: of endpoints with a multiple of their own, and of all others together or each by itself.
pub(super) fn gates(evidence: &Evidence<'_>, gate: &LatencyGate, confidence: f64) -> Vec<GateResult> {
    let parts = Parts::of(evidence, gate.each, gate.at_most, &gate.endpoints);
    let mut results = parts.unmet(Gate::Latency);
    results.extend(parts.parts.iter().map(|part| {
        let pairs = LatencyPair::together(part.endpoints.iter().map(|e| &e.counted.latency));
        let judged = judged(&pairs, gate.quantile, part.limit, confidence);
        GateResult { endpoint: part.endpoint.cloned(), reason: part.named(judged.reason), ..judged }
    }));
    results
}

fn judged(pair: &LatencyPair, q: f64, limit: f64, confidence: f64) -> GateResult {
    let n = pair.candidate.count;
    let candidate = Bounds::of(&pair.candidate, q, confidence);
    let legacy = Bounds::of(&pair.legacy, q, confidence);
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
        method: format!(
            "order-statistic bounds of {} at {} confidence each: candidate's upper against legacy's lower",
            quantile(q),
            percent(confidence)
        ),
        reason: reason(state, pair, q, confidence, &ratios),
        remedy: remedy(state, pair, q, confidence, most.is_finite()),
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
    format!("{seen}, or {bounds} with {at} bounds on each side; the limit is {limit}.")
}

fn too_few(pair: &LatencyPair) -> String {
    let censored = pair.candidate.censored + pair.candidate.saturated;
    match censored {
        0 => format!("{} pairs", count(pair.candidate.count)),
        n => format!("{} pairs of which {} were cut off by the time-out", count(pair.candidate.count), count(n)),
    }
}

fn remedy(state: GateState, pair: &LatencyPair, q: f64, confidence: f64, bounded: bool) -> Option<String> {
    let name = quantile(q);
    let needed = quantile_sample_needed(q, confidence);
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
