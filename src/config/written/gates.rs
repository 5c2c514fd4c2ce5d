//! The `gates:` part of the policy file, as it is written and as it is meant.

use serde::Deserialize;

use super::{Checked, MAX_LIST, Problem, Text, bounded, many, one, set};
use crate::config::{
    CoverageGate, EndpointLimit, Gates, LatencyGate, MismatchGate, RulesGate, Scope, ShareGate, limits, units,
};
use crate::exchange::EndpointPattern;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenGates {
    mismatch_rate: Option<WrittenMismatch>,
    latency: Option<WrittenLatency>,
    candidate_errors: Option<WrittenShare>,
    loss: Option<WrittenShare>,
    coverage: Option<WrittenCoverage>,
    rules: Option<WrittenRules>,
    age: Option<WrittenAge>,
}

impl WrittenGates {
    pub(super) fn meaning(self) -> Checked<Gates> {
        let mut gates = Gates::default();
        if let Some(written) = self.coverage {
            written.into(&mut gates.coverage)?;
        }
        let except = &gates.coverage.except;
        if let Some(written) = self.mismatch_rate {
            written.into(&mut gates.mismatch_rate, except)?;
        }
        if let Some(written) = self.latency {
            written.into(&mut gates.latency, except)?;
        }
        let share = |gate: &mut ShareGate, key: &str, written: Option<WrittenShare>| {
            set(&mut gate.below, key, written.and_then(|w| w.below), limits::of_share)
        };
        share(&mut gates.candidate_errors, "gates.candidate_errors.below", self.candidate_errors)?;
        share(&mut gates.loss, "gates.loss.below", self.loss)?;
        if let Some(written) = self.rules {
            let RulesGate { hidden_at_most, faults_detected } = &mut gates.rules;
            set(hidden_at_most, "gates.rules.hidden_at_most", written.hidden_at_most, limits::of_hidden)?;
            set(faults_detected, "gates.rules.faults_detected", written.faults_detected, limits::of_detected)?;
        }
        let at_most = self.age.and_then(|written| written.at_most);
        set(&mut gates.age.at_most, "gates.age.at_most", at_most, |text| units::window(text).map(Some))?;
        Ok(gates)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMismatch {
    below: Option<Text>,
    confidence: Option<Text>,
    each: Option<Text>,
    looks: Option<Text>,
    over: Option<Text>,
    endpoints: Option<Vec<WrittenShareOf>>,
}

impl WrittenMismatch {
    fn into(self, gate: &mut MismatchGate, except: &[EndpointPattern]) -> Checked<()> {
        let MismatchGate { below, confidence, each, looks, over, endpoints } = gate;
        set(below, "gates.mismatch_rate.below", self.below, limits::of_share)?;
        set(confidence, "gates.mismatch_rate.confidence", self.confidence, units::confidence)?;
        set::<Scope, _>(each, "gates.mismatch_rate.each", self.each, units::scope)?;
        set(looks, "gates.mismatch_rate.looks", self.looks, |text| units::looks(text).map(Some))?;
        set(over, "gates.mismatch_rate.over", self.over, |text| units::window(text).map(Some))?;
        let named_ones = self.endpoints.unwrap_or_default().into_iter().map(|of| (of.endpoint, of.below)).collect();
        *endpoints = named("gates.mismatch_rate.endpoints", "below", named_ones, except, limits::of_share)?;
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenShareOf {
    endpoint: Text,
    below: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLatency {
    quantile: Option<Text>,
    at_most: Option<Text>,
    each: Option<Text>,
    endpoints: Option<Vec<WrittenMultipleOf>>,
}

impl WrittenLatency {
    fn into(self, gate: &mut LatencyGate, except: &[EndpointPattern]) -> Checked<()> {
        let LatencyGate { quantile, at_most, each, endpoints } = gate;
        set(quantile, "gates.latency.quantile", self.quantile, limits::of_quantile)?;
        set(at_most, "gates.latency.at_most", self.at_most, limits::of_latency)?;
        set::<Scope, _>(each, "gates.latency.each", self.each, units::scope)?;
        let named_ones = self.endpoints.unwrap_or_default().into_iter().map(|of| (of.endpoint, of.at_most)).collect();
        *endpoints = named("gates.latency.endpoints", "at_most", named_ones, except, limits::of_latency)?;
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMultipleOf {
    endpoint: Text,
    at_most: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenShare {
    below: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCoverage {
    requests_per_endpoint: Option<Text>,
    requests_per_status_class: Option<Text>,
    days: Option<Text>,
    hours: Option<Text>,
    except: Option<Vec<Text>>,
}

impl WrittenCoverage {
    fn into(self, gate: &mut CoverageGate) -> Checked<()> {
        let CoverageGate { requests_per_endpoint, days, hours, requests_per_status_class, except } = gate;
        let requests = |text: &str| units::count(text, u64::from(u32::MAX), "3000");
        let small = |text: &str, most: u64, example: &str| {
            units::count(text, most, example).and_then(|n| u32::try_from(n).map_err(|error| error.to_string()))
        };
        set(requests_per_endpoint, "gates.coverage.requests_per_endpoint", self.requests_per_endpoint, requests)?;
        let key = "gates.coverage.requests_per_status_class";
        set(requests_per_status_class, key, self.requests_per_status_class, requests)?;
        set(days, "gates.coverage.days", self.days, |text| small(text, 366, "14"))?;
        set(hours, "gates.coverage.hours", self.hours, |text| small(text, 24, "24"))?;
        *except = many("gates.coverage.except", self.except.unwrap_or_default(), MAX_LIST, str::parse)?;
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRules {
    hidden_at_most: Option<Text>,
    faults_detected: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAge {
    at_most: Option<Text>,
}

/// Endpoints with limits of their own. The first that matches holds, so that one behind a wider one never would; what is
/// left out of the cutover is held against no limit.
fn named(
    key: &str,
    limit_key: &str,
    written: Vec<(Text, Text)>,
    except: &[EndpointPattern],
    read: fn(&str) -> Result<f64, String>,
) -> Checked<Vec<EndpointLimit>> {
    bounded(key, &written, MAX_LIST, |(endpoint, _)| endpoint)?;
    let mut limits: Vec<EndpointLimit> = Vec::new();
    for (text, limit) in &written {
        let endpoint: EndpointPattern = one(key, text, str::parse)?;
        if let Some(before) = limits.iter().find(|before| before.endpoint.covers(&endpoint)) {
            let before = &before.endpoint;
            let message = format!(
                "{key}: '{endpoint}' is never asked for, because '{before}' before it means it too; put it first"
            );
            return Err(Problem { line: text.referenced.line(), message });
        }
        if let Some(except) = except.iter().find(|except| except.covers(&endpoint)) {
            let message = format!(
                "{key}: '{endpoint}' has a limit of its own, and '{except}' of gates.coverage.except leaves it out; keep one"
            );
            return Err(Problem { line: text.referenced.line(), message });
        }
        limits.push(EndpointLimit { endpoint, limit: one(&format!("{key}: {limit_key}"), limit, read)? });
    }
    Ok(limits)
}
