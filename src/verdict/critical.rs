//! Critical endpoints: each must be shown to be ready by itself, whatever the gates ask of the whole.

use crate::config::{Looks, Policy};

use super::rates::{EndpointEvidence, Evidence, errors_of, mismatches_of};
use super::scope::Part;
use super::words::{count, counted};
use super::{Gate, GateResult, GateState};

/// The gates of each critical endpoint: its mismatches, the candidate's failures, and how much was compared. `others`
/// are those judged already: where one of them speaks of the endpoint alone, it is not repeated.
pub(super) fn gates(evidence: &Evidence<'_>, policy: &Policy, looks: Looks, others: &[GateResult]) -> Vec<GateResult> {
    let mut results: Vec<GateResult> = Vec::new();
    for pattern in &policy.critical {
        let meant: Vec<_> = evidence.endpoints.iter().filter(|e| pattern.means(e.endpoint)).collect();
        if !meant.iter().any(|e| e.asked) {
            let seen: u64 = meant.iter().map(|e| e.counted.books.exchanges).sum();
            results.push(never_asked(&pattern.to_string(), pattern.endpoint(), seen));
        }
        for endpoint in meant.into_iter().filter(|e| e.asked) {
            for result in of_one(endpoint, policy, looks) {
                let same = |other: &GateResult| other.gate == result.gate && other.endpoint == result.endpoint;
                if !others.iter().chain(&results).any(same) {
                    results.push(result);
                }
            }
        }
    }
    results
}

fn of_one(evidence: &EndpointEvidence<'_>, policy: &Policy, looks: Looks) -> [GateResult; 3] {
    let gates = &policy.gates;
    let confidence = gates.mismatch_rate.confidence;
    let mismatches = mismatches_of(&Part::one(evidence, gates.mismatch_rate.below), confidence, looks);
    let errors = errors_of(&evidence.counted.books, &gates.candidate_errors, confidence, looks);
    let errors = GateResult { reason: format!("{}: {}", evidence.endpoint, errors.reason), ..errors };
    let coverage = coverage(evidence, gates.coverage.requests_per_endpoint);
    [mismatches, errors, coverage].map(|result| GateResult {
        endpoint: Some(evidence.endpoint.clone()),
        reason: result.reason.replacen(": ", " (critical): ", 1),
        ..result
    })
}

fn coverage(evidence: &EndpointEvidence<'_>, least: u64) -> GateResult {
    let (endpoint, compared) = (evidence.endpoint, evidence.compared);
    let enough = compared >= least && compared > 0;
    let than = if enough { "" } else { "fewer than the " };
    GateResult {
        gate: Gate::Coverage,
        endpoint: None,
        state: if enough { GateState::Pass } else { GateState::NotEnough },
        figure: Some(compared as f64),
        bound: None,
        limit: Some(least as f64),
        sample: compared,
        method: "compared requests of a critical endpoint".to_owned(),
        reason: format!("{endpoint}: {}, {than}{} are asked for.", counted(compared, "compared request"), count(least)),
        remedy: (!enough)
            .then(|| format!("{} of it", counted(least.max(1).saturating_sub(compared), "more compared request"))),
    }
}

fn never_asked(named: &str, endpoint: crate::exchange::Endpoint, seen: u64) -> GateResult {
    let what = match seen {
        0 => "it was never seen".to_owned(),
        n => format!("{} of it were seen, and none was asked", counted(n, "exchange")),
    };
    GateResult {
        gate: Gate::Coverage,
        endpoint: Some(endpoint),
        state: GateState::NotEnough,
        figure: Some(0.0),
        bound: None,
        limit: None,
        sample: 0,
        method: "compared requests of a critical endpoint".to_owned(),
        reason: format!("{named} (critical): {what}."),
        remedy: Some(
            "requests of this endpoint that may be sent: opened under safety.endpoints where its method is not safe, and \
             named as it is counted"
                .to_owned(),
        ),
    }
}
