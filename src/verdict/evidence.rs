//! Gates on the evidence itself: whether there is enough, whether some is missing, whether the books close.

use crate::config::{CoverageGate, ShareGate};
use crate::exchange::RuleNote;
use crate::ledger::Ledger;
use crate::tally::Snapshot;

use super::rates::Evidence;
use super::words::{count, counted, names, percent, percent_against};
use super::{Gate, GateResult, GateState, NAMES, NeverAsked};

fn result(gate: Gate, holds: bool, sample: u64, method: &str, reason: String, remedy: String) -> GateResult {
    GateResult {
        gate,
        endpoint: None,
        // Missing evidence is missing, not bad: none of these gates can be NO-GO.
        state: if holds { GateState::Pass } else { GateState::NotEnough },
        figure: None,
        bound: None,
        limit: None,
        sample,
        method: method.to_owned(),
        reason,
        remedy: (!holds).then_some(remedy),
    }
}

/// Each endpoint that was to be asked has enough compared exchanges.
pub(super) fn coverage_gate(evidence: &Evidence<'_>, gate: &CoverageGate) -> GateResult {
    let least = gate.requests_per_endpoint;
    let asked: Vec<_> = evidence.endpoints.iter().filter(|e| e.asked).collect();
    let short: Vec<_> = asked.iter().filter(|e| e.compared < least).collect();
    let missing: u64 = short.iter().map(|e| least - e.compared).sum();
    let reason = match (asked.len(), short.len()) {
        (0, _) => "no endpoint was asked.".to_owned(),
        (n, 0) => {
            format!(
                "{} asked, each with {} or more.",
                counted(n as u64, "endpoint"),
                counted(least, "compared request")
            )
        }
        (n, k) => {
            let shown: Vec<String> = short.iter().map(|e| format!("{} ({})", e.endpoint, count(e.compared))).collect();
            let of = counted(n as u64, "endpoint");
            format!("{k} of {of} asked with fewer than {} compared: {}.", count(least), names(&shown, NAMES))
        }
    };
    let remedy = format!("{} more compared requests to these endpoints", count(missing));
    let remedy = if asked.is_empty() { "a capture of requests that may be sent".to_owned() } else { remedy };
    let holds = !asked.is_empty() && short.is_empty();
    GateResult {
        limit: Some(least as f64),
        figure: asked.iter().map(|e| e.compared).min().map(|n| n as f64),
        ..result(Gate::Coverage, holds, evidence.compared, "compared requests of each endpoint", reason, remedy)
    }
}

/// Little enough was lost.
pub(super) fn loss_gate(snapshot: &Snapshot, gate: &ShareGate) -> GateResult {
    let (lost, total) = snapshot.ledger.wire.loss();
    let share = if total > 0 { lost as f64 / total as f64 } else { 0.0 };
    let holds = total > 0 && (lost == 0 || share < gate.below);
    let damage = snapshot.ledger.capture.damage.len() as u64;
    let damage =
        if damage > 0 { format!("; {} in the capture files", counted(damage, "damaged place")) } else { String::new() };
    let reason = match total {
        0 => format!("the capture holds no exchange{damage}."),
        _ => format!(
            "{} of {} lost: {}; the limit is {}{damage}.",
            count(lost),
            counted(total, "exchange"),
            percent_against(share, gate.below),
            percent(gate.below)
        ),
    };
    let remedy = "a capture that misses less: a larger capture buffer, the full snap length, both directions";
    GateResult {
        figure: (total > 0).then_some(share),
        limit: Some(gate.below),
        ..result(Gate::Loss, holds, total, "share of captured exchanges, counted", reason, remedy.to_owned())
    }
}

/// No rule is past its last day. None where there are no rules at all.
pub(super) fn rules_gate(rules: &[RuleNote]) -> Option<GateResult> {
    if rules.is_empty() {
        return None;
    }
    let expired: Vec<String> =
        rules.iter().filter(|r| r.expired).map(|r| format!("{} ({})", r.id, r.expires)).collect();
    let reason = match expired.len() as u64 {
        0 => format!("{} in force, none expired.", counted(rules.len() as u64, "rule")),
        1 => format!("1 rule has expired and was not applied: {}.", names(&expired, NAMES)),
        n => format!("{} rules have expired and were not applied: {}.", count(n), names(&expired, NAMES)),
    };
    let remedy = "renew or remove what has expired, and judge again".to_owned();
    Some(result(Gate::Rules, expired.is_empty(), rules.len() as u64, "each rule's last day", reason, remedy))
}

/// Every account closes. One that does not is a defect of this program: then its other figures prove nothing.
pub(super) fn books_gate(ledger: &Ledger) -> GateResult {
    let open = ledger.open_accounts();
    let reason = match open.len() {
        0 => "every account of the ledger closes.".to_owned(),
        _ => format!("the books do not close: {}.", names(&open, NAMES)),
    };
    let remedy = "a defect of tapcompare: please report it with the ledger".to_owned();
    result(Gate::Books, open.is_empty(), ledger.wire.frames, "sums of the ledger", reason, remedy)
}

/// What the verdict says nothing of: endpoints that the policy kept from being asked.
pub(super) fn never_asked(snapshot: &Snapshot) -> Vec<NeverAsked> {
    let unsent = snapshot.endpoints.iter().filter(|e| e.books.sent == 0 && e.books.exchanges > 0);
    unsent
        .map(|e| NeverAsked {
            endpoint: e.endpoint.clone(),
            exchanges: e.books.exchanges,
            why: e.books.skipped.iter().map(|(why, n)| format!("{why} {}", count(n))).collect::<Vec<_>>().join(", "),
        })
        .collect()
}

/// The share of mismatches if everything lost had mismatched; None where nothing was lost.
pub(super) fn worst_case(snapshot: &Snapshot, evidence: &Evidence<'_>) -> Option<f64> {
    let (lost, _) = snapshot.ledger.wire.loss();
    let all = evidence.compared + lost;
    (lost > 0).then(|| (evidence.mismatched + lost) as f64 / all as f64)
}
