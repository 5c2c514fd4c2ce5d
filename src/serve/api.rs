//! `GET /api/v1/verdict`: the decision as a small JSON object, for programs that gate a rollout.

use bytes::Bytes;
use serde::Serialize;

use super::board::Phase;
use super::view::View;
use crate::exchange::Endpoint;
use crate::verdict::{Decision, Gate, GateState};

/// The version of this object's shape; it changes when a reader must change.
const SCHEMA_VERSION: u32 = 1;

/// One gate.
#[derive(Serialize)]
struct GateNote<'a> {
    gate: Gate,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a Endpoint>,
    state: GateState,
    figure: Option<f64>,
    bound: Option<f64>,
    limit: Option<f64>,
    sample: u64,
    reason: &'a str,
}

/// What the decision rests on, in exchanges.
#[derive(Serialize)]
struct Sample {
    exchanges: u64,
    sent: u64,
    compared: u64,
    mismatched: u64,
    failed: u64,
    lost: u64,
}

/// RFC 3339.
#[derive(Serialize)]
struct Times<'a> {
    started: &'a str,
    /// None while the run goes on.
    finished: Option<&'a str>,
    as_of: String,
    first_exchange: Option<&'a str>,
    last_exchange: Option<&'a str>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    verdict: Decision,
    headline: &'a str,
    /// `waiting`, `running`, `down`, `ending`, `ended`, `unreadable`.
    phase: &'static str,
    exit_status: u8,
    capability: Option<&'a str>,
    owner: Option<&'a str>,
    candidate: &'a str,
    gates: Vec<GateNote<'a>>,
    sample: Sample,
    remarks: &'a [String],
    worst_case: Option<f64>,
    times: Times<'a>,
}

/// What is answered in the place of a verdict, or of a report, while the run file cannot be read: a problem (RFC 9457) that
/// no gate takes for a decision. `verdict` is there for those that look at nothing else.
#[derive(Serialize)]
struct Problem {
    schema_version: u32,
    title: &'static str,
    status: u16,
    detail: &'static str,
    verdict: Decision,
    phase: &'static str,
    exit_status: u8,
    /// When the file was last read, RFC 3339.
    last_read: String,
}

/// None where it cannot be written as JSON, which it always can.
pub(super) fn problem(view: &View, phase: Phase) -> Option<Bytes> {
    let problem = Problem {
        schema_version: SCHEMA_VERSION,
        title: "the run file cannot be read",
        status: 503,
        detail: "There is no verdict without evidence. The file is gone, or is no run file any more; standard error says \
                 which. It is tried again.",
        verdict: Decision::Inconclusive,
        phase: phase.as_str(),
        exit_status: 2,
        last_read: format!("{:.0}", view.taken),
    };
    let mut text = serde_json::to_string(&problem).ok()?;
    text.push('\n');
    Some(Bytes::from(text))
}

/// None where it cannot be written as JSON, which no verdict is.
pub(super) fn verdict(view: &View, phase: Phase) -> Option<Bytes> {
    let (verdict, facts, snapshot) = (&view.verdict, &view.facts, &view.snapshot);
    let shadow = snapshot.ledger.shadow.clone().unwrap_or_default();
    let gates = verdict.gates.iter().map(|gate| GateNote {
        gate: gate.gate,
        endpoint: gate.endpoint.as_ref(),
        state: gate.state,
        figure: gate.figure,
        bound: gate.bound,
        limit: gate.limit,
        sample: gate.sample,
        reason: &gate.reason,
    });
    let document = Document {
        schema_version: SCHEMA_VERSION,
        verdict: verdict.verdict,
        headline: &verdict.headline,
        phase: phase.as_str(),
        exit_status: verdict.exit_code(),
        capability: facts.capability.as_deref(),
        owner: facts.owner.as_deref(),
        candidate: &facts.candidate,
        gates: gates.collect(),
        sample: Sample {
            exchanges: shadow.exchanges,
            sent: shadow.sent,
            compared: shadow.compared,
            mismatched: shadow.mismatched,
            failed: shadow.failed.total(),
            lost: snapshot.ledger.wire.loss().0,
        },
        remarks: &verdict.remarks,
        worst_case: verdict.worst_case,
        times: Times {
            started: &facts.started,
            finished: (!facts.finished.is_empty()).then_some(&facts.finished),
            as_of: format!("{:.0}", view.taken),
            first_exchange: snapshot.first.as_deref(),
            last_exchange: snapshot.last.as_deref(),
        },
    };
    let mut text = serde_json::to_string(&document).ok()?;
    text.push('\n');
    Some(Bytes::from(text))
}
