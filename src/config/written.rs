//! The policy file as it is written: keys and texts with their lines, and what each of them means.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::redaction::WrittenRedaction;
use super::{
    CoverageGate, Endpoints, Gates, LatencyGate, MismatchGate, Policy, Scope, ShareGate, Target, Targets, units,
};
use crate::exchange::EndpointPattern;
use safety::WrittenSafety;

mod safety;

/// A value with the line it stands in. Everything is read as text, so that what is wrong with it is ours to say.
pub(super) type Text = Spanned<String>;

/// What is wrong in which line (from 1).
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) line: u64,
    pub(super) message: String,
}

pub(super) type Checked<T> = Result<T, Problem>;

/// Reads one value where it is given, and leaves the default where it is not.
fn set<T, E: ToString>(
    meaning: &mut T,
    key: &str,
    written: Option<Text>,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Checked<()> {
    if let Some(text) = written {
        *meaning = one(key, &text, read)?;
    }
    Ok(())
}

pub(super) fn one<T, E: ToString>(key: &str, text: &Text, read: impl FnOnce(&str) -> Result<T, E>) -> Checked<T> {
    read(&text.value)
        .map_err(|why| Problem { line: text.referenced.line(), message: format!("{key}: {}", why.to_string()) })
}

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    capability: Option<String>,
    owner: Option<String>,
    targets: Option<WrittenTargets>,
    safety: Option<WrittenSafety>,
    endpoints: Option<WrittenEndpoints>,
    rules: Option<Vec<Text>>,
    gates: Option<WrittenGates>,
    redaction: Option<WrittenRedaction>,
}

impl Written {
    /// What it means. `folder`: where relative paths in it begin.
    pub(super) fn meaning(self, folder: &Path) -> Checked<Policy> {
        let rule =
            |text: Text| -> Checked<PathBuf> {
                one("rules", &text, |path| {
                    if path.is_empty() { Err("a rule file has no name") } else { Ok(folder.join(path)) }
                })
            };
        Ok(Policy {
            capability: self.capability,
            owner: self.owner,
            targets: self.targets.unwrap_or_default().meaning()?,
            safety: self.safety.unwrap_or_default().meaning()?,
            endpoints: self.endpoints.unwrap_or_default().meaning()?,
            rules: self.rules.unwrap_or_default().into_iter().map(rule).collect::<Checked<_>>()?,
            gates: self.gates.unwrap_or_default().meaning()?,
            redaction: self.redaction.unwrap_or_default().meaning()?,
            ..Policy::default()
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTargets {
    candidate: Option<Text>,
    legacy: Option<Text>,
}

impl WrittenTargets {
    fn meaning(self) -> Checked<Targets> {
        let mut targets = Targets::default();
        set(&mut targets.candidate, "targets.candidate", self.candidate, |text| text.parse::<Target>().map(Some))?;
        set(&mut targets.legacy, "targets.legacy", self.legacy, |text| text.parse::<Target>().map(Some))?;
        Ok(targets)
    }
}

/// `learned`, or `templates:` with a list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenEndpoints {
    #[default]
    Learned,
    Templates(Vec<Text>),
}

impl WrittenEndpoints {
    fn meaning(self) -> Checked<Endpoints> {
        let WrittenEndpoints::Templates(templates) = self else { return Ok(Endpoints::Learned) };
        let read = |text: &Text| one("endpoints.templates", text, str::parse::<EndpointPattern>);
        templates.iter().map(read).collect::<Checked<_>>().map(Endpoints::Templates)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenGates {
    mismatch_rate: Option<WrittenMismatch>,
    latency: Option<WrittenLatency>,
    candidate_errors: Option<WrittenShare>,
    loss: Option<WrittenShare>,
    coverage: Option<WrittenCoverage>,
}

impl WrittenGates {
    fn meaning(self) -> Checked<Gates> {
        let Gates { mut mismatch_rate, mut latency, mut candidate_errors, mut loss, mut coverage, rules } =
            Gates::default();
        if let Some(written) = self.mismatch_rate {
            let MismatchGate { below, confidence, each, looks, .. } = &mut mismatch_rate;
            set(below, "gates.mismatch_rate.below", written.below, units::share)?;
            set(confidence, "gates.mismatch_rate.confidence", written.confidence, units::confidence)?;
            set::<Scope, _>(each, "gates.mismatch_rate.each", written.each, units::scope)?;
            set(looks, "gates.mismatch_rate.looks", written.looks, |text| units::looks(text).map(Some))?;
        }
        if let Some(written) = self.latency {
            let LatencyGate { quantile, at_most, .. } = &mut latency;
            set(quantile, "gates.latency.quantile", written.quantile, units::quantile)?;
            set(at_most, "gates.latency.at_most", written.at_most, units::multiple)?;
        }
        let share = |gate: &mut ShareGate, key: &str, written: Option<WrittenShare>| {
            set(&mut gate.below, key, written.and_then(|w| w.below), units::share)
        };
        share(&mut candidate_errors, "gates.candidate_errors.below", self.candidate_errors)?;
        share(&mut loss, "gates.loss.below", self.loss)?;
        if let Some(written) = self.coverage {
            let CoverageGate { requests_per_endpoint: least, .. } = &mut coverage;
            let read = |text: &str| units::count(text, u64::from(u32::MAX), "3000");
            set(least, "gates.coverage.requests_per_endpoint", written.requests_per_endpoint, read)?;
        }
        Ok(Gates { mismatch_rate, latency, candidate_errors, loss, coverage, rules })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMismatch {
    below: Option<Text>,
    confidence: Option<Text>,
    each: Option<Text>,
    looks: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLatency {
    quantile: Option<Text>,
    at_most: Option<Text>,
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
}
