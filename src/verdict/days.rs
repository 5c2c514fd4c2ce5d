//! No single day may be above the limit: a bad Monday must not vanish in a good fortnight.
//!
//! Each day's mismatches are held against the limit by themselves, as a sample of its own with the design effect of its
//! own clients. Whoever looks at fourteen days looks fourteen times, so the days share the error of one look (Holm): the
//! chance that even one of them is called bad by chance stays below 1 - confidence. A day that is over is one look, however
//! often the run is judged; the last one of a live run still goes on, and is bounded as the run itself is.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::{Looks, MismatchGate};
use crate::exchange::{Day, Hours};
use crate::tally::{DaySnapshot, EndpointSnapshot, Snapshot};

use super::bounds::Bounds;
use super::clusters::widening;
use super::holm;
use super::rates::Evidence;
use super::scope::{Part, Parts};
use super::window::Window;
use super::words::{count, counted, names, percent, percent_against};
use super::{Gate, GateResult, GateState, NAMES};

/// Every day that is judged: of the endpoints that the mismatch gate judges together, or of all where it judges each.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Days {
    /// The limit of the mismatch gate, as a share.
    pub limit: f64,
    /// How many days share the error of one look.
    pub looked_at: u64,
    /// How each is judged.
    pub method: String,
    /// From the first to the last; days on which nothing began are not among them.
    pub days: Vec<DayResult>,
}

/// One day against the limit.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DayResult {
    /// The day, in UTC.
    pub day: Day,
    /// Complete exchanges that began on it.
    pub exchanges: u64,
    /// The sample: those whose two answers say whether they agree.
    pub compared: u64,
    /// Of the compared, mismatched.
    pub mismatched: u64,
    /// Hours in which something was compared.
    pub hours: Hours,
    /// Mismatched among compared; None where nothing was compared.
    pub share: Option<f64>,
    /// The lower bound of the share, at the confidence that is its part of the whole's.
    pub at_least: Option<f64>,
    /// Its upper bound, at the gate's confidence and for this day alone.
    pub at_most: Option<f64>,
    /// What its sample is divided by for its clusters by client.
    pub widening: f64,
    /// The chance of so many mismatches if the share were exactly the limit, among so many days (Holm).
    pub adjusted: f64,
    /// Whether it is above the limit for certain enough.
    pub above_limit: bool,
}

/// What a day's sample is divided by for its clusters by client.
type Widening<'a> = &'a dyn Fn(&DaySnapshot) -> f64;

/// What the days of some endpoints are held against.
struct Terms {
    limit: f64,
    confidence: f64,
    looks: Looks,
    /// The day that may still go on.
    last: Day,
    /// How many days share the error.
    looked_at: usize,
}

impl Terms {
    fn judge(&self, days: &[DaySnapshot], widening: Widening<'_>) -> Vec<DayResult> {
        let alpha = 1.0 - self.confidence;
        let bounds = |day: &DaySnapshot, confidence: f64| {
            let looks = if day.day == self.last { self.looks } else { Looks::Once };
            Bounds { looks, confidence, limit: self.limit, widening: widening(day) }
        };
        let of_one = |day: &DaySnapshot| bounds(day, self.confidence).p_above(day.mismatched, day.compared);
        let mut p_values: Vec<f64> = days.iter().map(of_one).collect();
        p_values.resize(self.looked_at.max(days.len()), 1.0);
        let adjusted = holm::adjusted(&p_values);
        let above = adjusted.iter().filter(|p| **p <= alpha).count();
        let result = |(day, adjusted): (&DaySnapshot, f64)| {
            let above_limit = adjusted <= alpha && day.mismatched > 0;
            // The step at which Holm's procedure accepts or rejects it.
            let before = if above_limit { p_values.iter().filter(|p| **p < of_one(day)).count() } else { above };
            let level = alpha / (p_values.len() - before).max(1) as f64;
            let (k, n) = (day.mismatched, day.compared);
            DayResult {
                day: day.day,
                exchanges: day.exchanges,
                compared: n,
                mismatched: k,
                hours: day.compared_hours,
                share: (n > 0).then(|| k as f64 / n as f64),
                at_least: (n > 0).then(|| bounds(day, 1.0 - level).lower(k, n)),
                at_most: (n > 0).then(|| bounds(day, self.confidence).upper(k, n)),
                widening: widening(day),
                adjusted,
                above_limit,
            }
        };
        days.iter().zip(adjusted.iter().copied()).map(result).collect()
    }
}

/// Days of these endpoints, added up.
fn together<'a>(endpoints: impl Iterator<Item = &'a EndpointSnapshot>, window: Option<Window>) -> Vec<DaySnapshot> {
    let mut days: BTreeMap<Day, DaySnapshot> = BTreeMap::new();
    for day in endpoints.flat_map(|endpoint| &endpoint.days) {
        if window.is_none_or(|window| window.has(day)) {
            days.entry(day.day).or_insert_with(|| DaySnapshot::of(day.day)).add(day);
        }
    }
    days.into_values().collect()
}

fn compared_on(days: &[DaySnapshot]) -> usize {
    days.iter().filter(|day| day.compared > 0).count()
}

/// The days of what is judged together, or of all endpoints where each is judged by itself; and the gates that come of
/// them, one for each part that the mismatch gate judges. No gate of a part that has not two days to tell apart. Accepted
/// differences are none here, however many.
pub(super) fn judge(
    snapshot: &Snapshot,
    evidence: &Evidence<'_>,
    gate: &MismatchGate,
    window: Option<Window>,
    looks: Looks,
) -> (Days, Vec<GateResult>) {
    let parts = Parts::of(evidence, gate.each, gate.below, &gate.endpoints);
    let all = together(snapshot.endpoints.iter(), window);
    let looked_at = compared_on(&all).max(window.map_or(0, |window| window.days as usize));
    let last = snapshot.days.last().map_or(Day::default(), |day| day.day);
    let terms = |limit: f64| Terms { limit, confidence: gate.confidence, looks, last, looked_at };
    let of_day =
        |day: &DaySnapshot| widening(&snapshot.day_clients.between(day.day, day.day), gate.below, gate.confidence);
    let days_of = |part: &Part<'_>| together(part.endpoints.iter().map(|e| e.counted), window);
    let known = !snapshot.day_clients.is_empty();
    let is_all = |part: &Part<'_>| part.endpoint.is_none() && part.endpoints.len() == evidence.endpoints.len() && known;
    let judge_part = |part: &Part<'_>| {
        let as_a_whole = widening(&part.clients, part.limit, gate.confidence);
        let (clusters, each): (_, Widening<'_>) = match is_all(part) {
            true => ("its clusters by client", &of_day),
            false => ("the clusters by client of all its days", &|_| as_a_whole),
        };
        let days = terms(part.limit).judge(&days_of(part), each);
        (days, method(gate, looked_at, clusters))
    };
    let together = parts.parts.iter().find(|part| part.endpoint.is_none() && !part.endpoints.is_empty());
    let (days, method) = match together {
        Some(part) => judge_part(part),
        None if known => (terms(gate.below).judge(&all, &of_day), method(gate, looked_at, "its clusters by client")),
        None => {
            let as_a_whole = widening(&evidence.snapshot.clients, gate.below, gate.confidence);
            let clusters = "the clusters by client of all its days";
            (terms(gate.below).judge(&all, &|_| as_a_whole), method(gate, looked_at, clusters))
        }
    };
    let results = parts.parts.iter().filter(|part| compared_on(&days_of(part)) > 1).map(|part| {
        let (days, method) = judge_part(part);
        result(part, &days, gate, method)
    });
    let results = summed_up(results.collect());
    (Days { limit: gate.below, looked_at: looked_at as u64, method, days }, results)
}

/// The whole, failures one by one, and the other endpoints in one line.
fn summed_up(each: Vec<GateResult>) -> Vec<GateResult> {
    let (mut told, good): (Vec<_>, Vec<_>) =
        each.into_iter().partition(|result| result.state == GateState::Fail || result.endpoint.is_none());
    let all = good.len() as u64;
    if let Some(worst) = good.into_iter().max_by(|a, b| a.bound.unwrap_or(0.0).total_cmp(&b.bound.unwrap_or(0.0))) {
        let of = if told.iter().any(|result| result.endpoint.is_some()) { "further endpoint" } else { "endpoint" };
        let reason = format!("of {}, the nearest: {}", counted(all, of), worst.reason);
        told.push(GateResult { endpoint: None, reason, ..worst });
    }
    told
}

fn method(gate: &MismatchGate, looked_at: usize, clusters: &str) -> String {
    let together = match looked_at {
        0 | 1 => String::new(),
        n => format!(" for all of {} together (Holm)", counted(n as u64, "day")),
    };
    format!(
        "one-sided Clopper-Pearson lower bound of each day, at {} confidence{together}, of a sample divided for {clusters}",
        percent(gate.confidence)
    )
}

fn result(part: &Part<'_>, days: &[DayResult], gate: &MismatchGate, method: String) -> GateResult {
    let (limit, at) = (part.limit, percent(gate.confidence));
    let in_words = |day: &DayResult| {
        let share = percent_against(day.share.unwrap_or(0.0), limit);
        let least = percent_against(day.at_least.unwrap_or(0.0), limit);
        let of = counted(day.compared, "compared request");
        format!("{} with {} in {of} ({share}, at least {least})", day.day, counted(day.mismatched, "mismatch"))
    };
    let worst = days.iter().filter(|day| day.compared > 0).min_by(|a, b| {
        let least = |day: &DayResult| day.at_least.unwrap_or(0.0);
        a.adjusted.total_cmp(&b.adjusted).then(least(b).total_cmp(&least(a)))
    });
    let above: Vec<String> = days.iter().filter(|day| day.above_limit).map(in_words).collect();
    let of = counted(days.iter().filter(|day| day.compared > 0).count() as u64, "day");
    let limit_text = percent(limit);
    let reason = match (above.len() as u64, worst) {
        (0, Some(worst)) if worst.mismatched > 0 => {
            format!("none of {of} is above {limit_text} for certain enough; the worst is {}.", in_words(worst))
        }
        (0, _) => format!("none of {of} has a mismatch."),
        (n, _) => {
            let above = names(&above, NAMES);
            format!("{} of {of} above {limit_text} at {at} confidence for all of them: {above}.", count(n))
        }
    };
    let fails = !above.is_empty();
    GateResult {
        gate: Gate::MismatchDays,
        endpoint: part.endpoint.cloned(),
        state: if fails { GateState::Fail } else { GateState::Pass },
        figure: worst.and_then(|day| day.share),
        bound: worst.and_then(|day| day.at_least),
        limit: Some(limit),
        sample: worst.map_or(0, |day| day.compared),
        method,
        reason: part.named(reason),
        remedy: fails.then(|| format!("a candidate whose share of mismatches is below {limit_text} on every day")),
    }
}

#[cfg(test)]
mod tests;
