//! The verdict: a snapshot judged against the policy's gates. Pure: the same snapshot gives the same verdict.
//!
//! A gate that is shown to be missed fails, and one failure is NO-GO. A gate that is shown to hold passes, and GO
//! needs all of them. In between there is not enough evidence: INCONCLUSIVE, with what would change it.

mod bounds;
pub mod clusters;
mod evidence;
pub mod interval;
mod latency;
mod mismatch;
mod rates;
mod rules;
#[cfg(test)]
mod rules_tests;
pub mod sequence;
pub mod words;

use std::fmt;

pub use mismatch::{MismatchShare, mismatch_share};

use serde::Serialize;

use crate::config::Policy;
use crate::exchange::{Endpoint, RuleNote};
use crate::tally::Snapshot;

use rates::Evidence;

/// May users be moved?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Yes, as far as the policy asks.
    Go,
    /// No.
    NoGo,
    /// The evidence does not say.
    Inconclusive,
}

impl Decision {
    /// `GO`, `NO-GO`, `INCONCLUSIVE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Go => "GO",
            Decision::NoGo => "NO-GO",
            Decision::Inconclusive => "INCONCLUSIVE",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Decision {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

crate::exchange::reasons! {
    /// The conditions of GO.
    Gate {
        /// Share of compared exchanges that mismatch.
        MismatchRate = "mismatch-rate",
        /// Share of sent requests that the candidate failed.
        CandidateErrors = "candidate-errors",
        /// A quantile of the candidate's latency against the legacy's.
        Latency = "latency",
        /// Enough compared exchanges of each endpoint.
        Coverage = "coverage",
        /// Share of exchanges that the capture lost.
        Loss = "loss",
        /// No rule past its last day, little hidden by them, and seeded faults noticed under them.
        Rules = "rules",
        /// Every account of the ledger closes.
        Books = "books",
    }
}

impl Gate {
    /// The name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Gate::MismatchRate => "mismatch rate",
            Gate::CandidateErrors => "candidate errors",
            Gate::Latency => "latency",
            Gate::Coverage => "coverage",
            Gate::Loss => "loss",
            Gate::Rules => "rules",
            Gate::Books => "books",
        }
    }
}

crate::exchange::reasons! {
    /// What the evidence says of a gate.
    GateState {
        /// It is shown to be missed.
        Fail = "fail",
        /// Neither is shown.
        NotEnough = "not-enough",
        /// It is shown to hold.
        Pass = "pass",
    }
}

/// One gate, judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateResult {
    /// Which.
    pub gate: Gate,
    /// Of which endpoint; None: of all traffic together.
    pub endpoint: Option<Endpoint>,
    /// What the evidence says.
    pub state: GateState,
    /// What was seen: a share, or a ratio of latencies.
    pub figure: Option<f64>,
    /// What the confidence makes of it: what the gate is judged by.
    pub bound: Option<f64>,
    /// What the policy asks for.
    pub limit: Option<f64>,
    /// How many exchanges the figure is made of.
    pub sample: u64,
    /// How it was judged.
    pub method: String,
    /// Why it came out so, in one sentence.
    pub reason: String,
    /// What would change it; None where it passes.
    pub remedy: Option<String>,
}

/// An endpoint that the legacy serves and of which no request went out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NeverAsked {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// How many exchanges were captured of it.
    pub exchanges: u64,
    /// Why they were not sent.
    pub why: String,
}

/// The decision with everything that it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The decision.
    pub verdict: Decision,
    /// It in one sentence.
    pub headline: String,
    /// Why: the reasons of the gates that decided.
    pub reasons: Vec<String>,
    /// Every gate, failures first.
    pub gates: Vec<GateResult>,
    /// Endpoints for which the verdict says nothing.
    pub never_asked: Vec<NeverAsked>,
    /// The share of mismatches if all that is missing had mismatched: (mismatched + missing) / (compared + missing).
    /// None where nothing was lost.
    pub worst_case: Option<f64>,
    /// The quantile that the latency gate looks at: 0.95 is p95.
    pub latency_quantile: f64,
}

impl Verdict {
    /// The exit status, as diff(1) has it: 0 GO, 1 NO-GO, 3 INCONCLUSIVE (2 is trouble, and no verdict).
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            Decision::Go => 0,
            Decision::NoGo => 1,
            Decision::Inconclusive => 3,
        }
    }
}

/// Judges what was counted. The books' rules, where they have notes, say how much an accept rule may answer for and
/// which rules have expired.
pub fn judge(snapshot: &Snapshot, policy: &Policy, notes: &[RuleNote]) -> Verdict {
    let evidence = Evidence::gather(snapshot, notes);
    let gates = &policy.gates;
    let looks = bounds::looks(gates.mismatch_rate.looks, &snapshot.ledger);
    let mut results = rates::mismatch_gate(&evidence, &gates.mismatch_rate, looks);
    let confidence = gates.mismatch_rate.confidence;
    results.push(rates::error_gate(snapshot, &gates.candidate_errors, confidence, looks));
    results.push(latency::gate(&snapshot.latency, &gates.latency, gates.mismatch_rate.confidence));
    results.push(evidence::coverage_gate(&evidence, &gates.coverage));
    results.push(evidence::loss_gate(snapshot, &gates.loss));
    results.extend(rules::rules_gate(notes, snapshot.trial.as_ref(), evidence.compared, &gates.rules));
    results.push(evidence::books_gate(&snapshot.ledger));
    results.sort_by_key(|result| result.state);

    let decision = match results.first().map(|worst| worst.state) {
        Some(GateState::Fail) => Decision::NoGo,
        Some(GateState::Pass) => Decision::Go,
        Some(GateState::NotEnough) | None => Decision::Inconclusive,
    };
    let never_asked = evidence::never_asked(snapshot);
    let worst = results.first().map(|r| r.state);
    Verdict {
        verdict: decision,
        headline: headline(decision, &results, &never_asked, &evidence),
        reasons: results.iter().filter(|r| Some(r.state) == worst).map(|r| r.reason.clone()).collect(),
        gates: results,
        never_asked,
        worst_case: evidence::worst_case(snapshot, &evidence),
        latency_quantile: gates.latency.quantile,
    }
}

/// How many names a sentence bears.
const NAMES: usize = 3;

fn headline(decision: Decision, gates: &[GateResult], never_asked: &[NeverAsked], evidence: &Evidence) -> String {
    let of = |state: GateState| {
        let mut names: Vec<&str> = gates.iter().filter(|g| g.state == state).map(|g| g.gate.name()).collect();
        names.dedup();
        (names.len(), words::names(&names, Gate::ALL.len()))
    };
    match decision {
        Decision::NoGo => {
            let (n, names) = of(GateState::Fail);
            format!("The candidate fails {}: {names}.", words::counted(n as u64, "gate"))
        }
        Decision::Inconclusive => {
            let (n, names) = of(GateState::NotEnough);
            format!("Nothing fails, but the evidence leaves {} open: {names}.", words::counted(n as u64, "gate"))
        }
        Decision::Go => {
            let compared = words::counted(evidence.compared, "compared request");
            let asked = evidence.endpoints.iter().filter(|e| e.asked).count() as u64;
            let endpoints = words::counted(asked, "endpoint");
            if never_asked.is_empty() {
                return format!("Every gate holds, by {compared} of {endpoints}.");
            }
            let names: Vec<&Endpoint> = never_asked.iter().map(|n| &n.endpoint).collect();
            let unasked = words::counted(names.len() as u64, "endpoint");
            let verb = if names.len() == 1 { "was" } else { "were" };
            let names = words::names(&names, NAMES);
            format!("For what was asked: {compared} of {endpoints}. {unasked} {verb} never asked: {names}.")
        }
    }
}

#[cfg(test)]
mod tests;
