//! The verdict: a snapshot judged against the policy's gates. Pure: the same snapshot gives the same verdict.
//!
//! A gate that is shown to be missed fails, and one failure is NO-GO. A gate that is shown to hold passes, and GO
//! needs all of them. In between there is not enough evidence: INCONCLUSIVE, with what would change it.

mod age;
mod bounds;
mod checklist;
pub mod clusters;
mod coverage;
mod critical;
mod cutover;
mod days;
mod epochs;
mod evidence;
mod failing;
mod findings;
pub mod holm;
pub mod interval;
mod latency;
mod mismatch;
mod paired;
mod rates;
mod rules;
#[cfg(test)]
mod rules_tests;
mod scope;
pub mod sequence;
mod untested;
mod window;
pub mod words;

use std::borrow::Cow;
use std::fmt;

use jiff::civil::Date;
pub use mismatch::{MismatchShare, mismatch_share};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::config::Policy;
use crate::exchange::{Endpoint, RuleNote};
use crate::tally::Snapshot;

pub use checklist::{ItemResult, ItemState};
pub use coverage::{Coverage, EndpointCoverage, Known, StatusCoverage};
pub use days::{DayResult, Days};
pub use failing::Failing;
pub use findings::Finding;
pub use paired::PairedLatency;

use rates::Evidence;
use window::Window;

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

impl JsonSchema for Decision {
    fn schema_name() -> Cow<'static, str> {
        "Decision".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": ["GO", "NO-GO", "INCONCLUSIVE"]})
    }
}

crate::exchange::reasons! {
    /// The conditions of GO.
    Gate {
        /// Share of compared exchanges that mismatch.
        MismatchRate = "mismatch-rate",
        /// The same share on every single day.
        MismatchDays = "mismatch-days",
        /// Share of sent requests that the candidate failed.
        CandidateErrors = "candidate-errors",
        /// A quantile of the candidate's latency against the legacy's.
        Latency = "latency",
        /// Enough compared exchanges of each endpoint that is part of the cutover, on enough days, at enough hours.
        Coverage = "coverage",
        /// No day of the evidence yet to come, or older than the policy has it.
        Age = "age",
        /// Share of exchanges that were lost or say nothing, and of what went through a tee and was not looked at or could not be
        /// read.
        Loss = "loss",
        /// No rule past its last day, little hidden by them, and seeded faults noticed under them.
        Rules = "rules",
        /// Everything on the checklist is signed, and no signature has lapsed.
        Checklist = "checklist",
        /// Every account of the ledger closes.
        Books = "books",
        /// One build of the candidate at a time.
        Epochs = "epochs",
        /// Enough of the evidence is known under rules that were not in force.
        Rescoring = "rescoring",
    }
}

impl Gate {
    /// The name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Gate::MismatchRate => "mismatch rate",
            Gate::MismatchDays => "mismatch rate of single days",
            Gate::CandidateErrors => "candidate errors",
            Gate::Latency => "latency",
            Gate::Coverage => "coverage",
            Gate::Age => "age of the evidence",
            Gate::Loss => "loss",
            Gate::Rules => "rules",
            Gate::Checklist => "checklist",
            Gate::Books => "books",
            Gate::Epochs => "epochs",
            Gate::Rescoring => "rescoring",
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
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NeverAsked {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// How many exchanges were seen of it.
    pub exchanges: u64,
    /// Why they were not sent.
    pub why: String,
}

/// The decision with everything that it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Verdict {
    /// The decision.
    pub verdict: Decision,
    /// It in one sentence.
    pub headline: String,
    /// Why: the reasons of the gates that decided.
    pub reasons: Vec<String>,
    /// Every gate, failures first.
    pub gates: Vec<GateResult>,
    /// Every compared endpoint against the limit of the mismatch gate: what stands out, no gate.
    pub findings: Vec<Finding>,
    /// The same of the requests that the candidate failed.
    pub failing: Vec<Failing>,
    /// What of all that the legacy serves was compared.
    pub coverage: Coverage,
    /// The mismatch rate day by day.
    pub days: Days,
    /// By how much each request got slower or faster; None where no two latencies are a pair.
    pub paired_latency: Option<PairedLatency>,
    /// Endpoints for which the verdict says nothing.
    pub never_asked: Vec<NeverAsked>,
    /// What somebody should know beside the gates, a sentence each.
    pub remarks: Vec<String>,
    /// The share of mismatches if all that is missing had mismatched: (mismatched + missing) / (compared + missing).
    /// None where nothing was lost.
    pub worst_case: Option<f64>,
    /// The policy's checklist, in its order.
    pub checklist: Vec<ItemResult>,
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
/// which rules have expired. `today` is the day of the decision (UTC): signatures lapse, and there is no clock in here.
/// The same evidence judged on the same day gives the same verdict.
pub fn judge(snapshot: &Snapshot, policy: &Policy, notes: &[RuleNote], today: Date) -> Verdict {
    let whole = snapshot;
    let cutover = cutover::evidence(whole, policy);
    let snapshot = &*cutover;
    let evidence = Evidence::gather(snapshot, notes);
    let gates = &policy.gates;
    let looks = bounds::looks(gates.mismatch_rate.looks, &snapshot.ledger);
    let confidence = gates.mismatch_rate.confidence;
    let window = Window::of(snapshot, gates.mismatch_rate.over);
    let in_window = window.map_or(Cow::Borrowed(snapshot), |window| window.evidence(snapshot));
    let judged = Evidence::gather(&in_window, notes);
    let in_full = |result: GateResult| match window {
        Some(window) if result.gate == Gate::MismatchRate => window.require(result),
        _ => result,
    };
    let mut results: Vec<GateResult> =
        rates::mismatch_gate(&judged, &gates.mismatch_rate, looks).into_iter().map(in_full).collect();
    let (days, day_gates) = days::judge(snapshot, &judged, &gates.mismatch_rate, window, looks);
    results.extend(day_gates);
    results.push(rates::error_gate(snapshot, whole, &gates.candidate_errors, confidence, looks));
    results.extend(latency::gates(&evidence, &gates.latency, confidence, looks));
    let coverage = Coverage::of(whole, &snapshot.days, policy);
    results.push(coverage::gate(&coverage, evidence.endpoints.iter().any(|e| e.asked), &gates.coverage));
    results.extend(age::gate(whole, window, &gates.age, today));
    results.push(evidence::loss_gate(whole, &gates.loss));
    results.extend(evidence::unusable_gate(whole, snapshot, &gates.loss));
    let untested = untested::gate(whole, &coverage);
    let of_rules = rules::rules_gate(notes, snapshot.trial.as_ref(), evidence.compared, &gates.rules);
    results.extend(of_rules.into_iter().filter(|result| result.state != GateState::Pass || untested.is_empty()));
    results.extend(untested);
    results.extend(critical::gates(&judged, policy, looks, &results).into_iter().map(in_full));
    let checklist = checklist::judged(&policy.checklist, today);
    results.extend(checklist::gate(&checklist));
    results.push(evidence::books_gate(&whole.ledger));
    results.extend(epochs::gate(&snapshot.epoch));
    results.extend(epochs::rescoring_gate(snapshot.rescoring, &gates.loss));
    results.sort_by_key(|result| result.state);

    let decision = match results.first().map(|worst| worst.state) {
        Some(GateState::Fail) => Decision::NoGo,
        Some(GateState::Pass) => Decision::Go,
        Some(GateState::NotEnough) | None => Decision::Inconclusive,
    };
    let never_asked = evidence::never_asked(whole);
    let worst = results.first().map(|r| r.state);
    Verdict {
        verdict: decision,
        headline: headline(decision, &results, &coverage, &judged),
        reasons: results.iter().filter(|r| Some(r.state) == worst).map(|r| r.reason.clone()).collect(),
        gates: results,
        findings: findings::findings(&judged, &gates.mismatch_rate),
        failing: failing::failing(snapshot, gates),
        coverage,
        days,
        paired_latency: paired::of(&snapshot.latency.difference, confidence),
        never_asked,
        remarks: [
            cutover::remark(whole, policy),
            age::remark(whole, window, today),
            evidence::unread(&whole.ledger, &policy.gates.loss),
            evidence::tunnelled(&whole.ledger),
        ]
        .into_iter()
        .flatten()
        .collect(),
        worst_case: evidence::worst_case(snapshot, &evidence),
        checklist,
        latency_quantile: gates.latency.quantile,
    }
}

/// How many names a sentence bears.
const NAMES: usize = 3;

fn headline(decision: Decision, gates: &[GateResult], coverage: &Coverage, evidence: &Evidence) -> String {
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
            let endpoints = words::counted(coverage.required().count() as u64, "endpoint");
            let excepted: Vec<&Endpoint> = coverage.excepted().map(|e| &e.endpoint).collect();
            if excepted.is_empty() {
                return format!("Every gate holds, by {compared} of {endpoints}.");
            }
            let left_out = words::counted(excepted.len() as u64, "endpoint");
            let names = words::names(&excepted, NAMES);
            format!("For {endpoints}, by {compared}. It does not hold for {left_out} that the policy excepts: {names}.")
        }
    }
}

#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unread_tests;
