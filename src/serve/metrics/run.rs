//! The run itself: what it is, how it stands, and what it comes to.

use std::fmt;

use prometheus_client::registry::Unit;

use super::super::board::Phase;
use super::super::view::{Line, View};
use super::write::{Labels, Writer, label};
use crate::report::visible;
use crate::verdict::{Decision, Gate, GateResult, GateState};

/// Characters of a typed text in a label.
const MAX_TEXT: usize = 200;
const BREAKER: (&str, &[&str]) = ("state", &["closed", "half-open", "open"]);

fn typed(text: &Option<String>) -> String {
    visible(text.as_deref().unwrap_or_default()).chars().take(MAX_TEXT).collect()
}

pub(super) fn write(out: &mut Writer<'_>, view: &View, phase: Phase) -> fmt::Result {
    out.info("build", "The program that answers.", &label("version", env!("CARGO_PKG_VERSION")))?;
    let facts = &view.facts;
    let run = vec![("capability", typed(&facts.capability)), ("owner", typed(&facts.owner))];
    out.info("run", "What is to be cut over, and whose decision it is.", &run)?;
    let up = matches!(phase, Phase::Running | Phase::Waiting | Phase::Down);
    out.gauge(
        "run_active",
        "1 while the run goes on; of a run file that is served, the run in it.",
        None,
        f64::from(up),
    )?;
    let taken = view.taken.as_millisecond() as f64 / 1e3;
    out.gauge("view_timestamp", "When these figures were put together.", Some(&Unit::Seconds), taken)?;
    if let Some(last) = view.snapshot.last.as_ref().and_then(|last| last.parse::<jiff::Timestamp>().ok()) {
        let help = "When the latest exchange with an outcome began, by the clock of the source.";
        out.gauge("last_exchange_timestamp", help, Some(&Unit::Seconds), last.as_millisecond() as f64 / 1e3)?;
    }
    epoch(out, view)?;
    standing(out, view)?;
    spans(out, view)?;
    verdict(out, view, phase)
}

/// Which evidence the verdict and the ratios are about.
fn epoch(out: &mut Writer<'_>, view: &View) -> fmt::Result {
    let epoch = &view.snapshot.epoch;
    let help = "Which of the candidate's builds, counted from 1, the verdict and the ratios are about.";
    out.gauge("epoch", help, None, epoch.number as f64)?;
    let build = label("build", typed(&epoch.build));
    out.info("candidate", "The candidate's build that is judged, in its own words.", &build)
}

fn standing(out: &mut Writer<'_>, view: &View) -> fmt::Result {
    if let Some(standing) = &view.standing {
        let help = "1 while frames can come; 0 while the interface of the capture is down, or the capture has ended; of a tee, \
                    while it accepts connections.";
        out.gauge("capture_up", help, None, f64::from(standing.line == Line::Up))?;
        if let Some([open, most]) = standing.connections {
            out.gauge("tee_open_connections", "Connections that are open through the tee.", None, open as f64)?;
            let help = "Connections that may be open through the tee at once; who comes later waits.";
            out.gauge("tee_connections_limit", help, None, most as f64)?;
        }
        out.gauge(
            "in_flight_requests",
            "Shadow requests that wait for their answer.",
            None,
            standing.in_flight as f64,
        )?;
        let help = "Whole exchanges that wait for the decision whether they are asked.";
        out.gauge("queued_exchanges", help, None, standing.queued as f64)?;
        let help = "Whole exchanges without an outcome yet; no counter has them.";
        out.gauge("unsettled_exchanges", help, None, standing.unsettled.exchanges as f64)?;
        out.state("breaker_state", "Whether a failing candidate is left alone.", BREAKER, standing.breaker)?;
    } else if let Some(breaker) = view.facts.admission.as_ref().and_then(|noted| noted.breaker.as_ref()) {
        out.state("breaker_state", "Whether a failing candidate was left alone at the end.", BREAKER, &breaker.state)?;
    }
    Ok(())
}

/// Only where there is a collector that is to have them.
fn spans(out: &mut Writer<'_>, view: &View) -> fmt::Result {
    let noted = view.standing.as_ref().map_or(&view.facts.spans, |standing| &standing.spans);
    let Some(note) = noted else { return Ok(()) };
    let fates = [("sent", note.sent), ("dropped", note.dropped), ("failed", note.failed), ("rejected", note.rejected)];
    let help = "Sampled spans of shadow requests, by what became of them; dropped: the queue was full.";
    out.counters("spans", help, None, fates.map(|(fate, count)| (label("fate", fate), count)))
}

fn verdict(out: &mut Writer<'_>, view: &View, phase: Phase) -> fmt::Result {
    let decisions = [Decision::Go, Decision::NoGo, Decision::Inconclusive].map(Decision::as_str);
    // What was read before is no verdict on what is there now.
    let decided = if phase == Phase::Unreadable { "" } else { view.verdict.verdict.as_str() };
    let help = "May users be moved? All are 0 while the run file cannot be read.";
    out.state("verdict", help, ("verdict", &decisions), decided)?;
    if let Some(share) = view.share {
        let help = "Mismatched share of all compared exchanges.";
        out.gauge("mismatch_ratio", help, None, share.ratio)?;
        let help = "What the mismatched share is at most, at the policy's confidence.";
        out.gauge("mismatch_ratio_upper_bound", help, None, share.upper)?;
        let help = "What the mismatched share is at least, at the policy's confidence.";
        out.gauge("mismatch_ratio_lower_bound", help, None, share.lower)?;
        out.gauge("mismatch_ratio_limit", "What the policy allows.", None, share.limit)?;
    }
    // Failures come first, so the first of a gate that is asked of each endpoint is the worst.
    let worst: Vec<&GateResult> =
        Gate::ALL.iter().filter_map(|gate| view.verdict.gates.iter().find(|one| one.gate == *gate)).collect();
    let states = worst.iter().flat_map(|one| {
        GateState::ALL.iter().map(|state| {
            let labels = vec![("gate", one.gate.as_str().to_owned()), ("state", state.as_str().to_owned())];
            (labels, f64::from(one.state == *state))
        })
    });
    out.gauges("gate_state", "What the evidence says of each gate.", None, states)?;
    let figure = |of: fn(&GateResult) -> Option<f64>| -> Vec<(Labels, f64)> {
        worst.iter().filter_map(|one| Some((label("gate", one.gate.as_str()), of(one)?))).collect()
    };
    out.gauges("gate_figure", "What was seen of each gate's share or ratio.", None, figure(|one| one.figure))?;
    let help = "What each gate is judged by: the upper bound of its figure, or the lower one where it fails.";
    out.gauges("gate_bound", help, None, figure(|one| one.bound))?;
    out.gauges("gate_limit", "What the policy asks of each gate.", None, figure(|one| one.limit))
}
