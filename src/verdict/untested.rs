//! Endpoints at which rules have answered, and of which no specimen could say what they hide.
//!
//! Exchanges of more than 256 KiB of text, or of more than 24 KiB compressed, are not kept. Where nothing else is kept of an
//! endpoint, its rules are tested by nothing, and a rule that hides all of it would be as quiet as one that hides a date.

use std::collections::BTreeSet;

use crate::exchange::{Endpoint, Outcome};
use crate::faults::value_is_of_the_answer;
use crate::tally::{Element, Signature, Snapshot};

use super::GateResult;
use super::coverage::Coverage;
use super::rules::{FAULTS, MAX_LINES, further, open};
use super::words::counted;

/// One line for each of them that is part of the cutover. In a run that goes on, endpoints whose turn has not come yet are
/// told by the gate on the rules itself.
pub(super) fn gate(snapshot: &Snapshot, coverage: &Coverage) -> Vec<GateResult> {
    let Some(trial) = snapshot.trial.as_ref().filter(|trial| trial.untried == 0) else {
        return Vec::new();
    };
    let tried: BTreeSet<&Endpoint> = trial.endpoints.iter().filter(|e| e.sound > 0).map(|e| &e.endpoint).collect();
    let excepted: BTreeSet<&Endpoint> = coverage.excepted().map(|e| &e.endpoint).collect();
    let untested: Vec<(&Endpoint, u64)> = snapshot
        .endpoints
        .iter()
        .map(|e| (&e.endpoint, e.books.matched + e.books.accepted))
        .filter(|(endpoint, agreed)| *agreed > 0 && !tried.contains(endpoint) && !excepted.contains(endpoint))
        .filter(|(endpoint, _)| rules_answered(snapshot, endpoint))
        .collect();
    let line = |(endpoint, agreed): &(&Endpoint, u64)| {
        let reason = format!(
            "{endpoint}: rules answered in {} that agree, and none of them could be kept to put the rules to the test: too \
             large, or a rule looks at a secret.",
            counted(*agreed, "exchange")
        );
        let remedy = "smaller answers of it in the traffic; no rule on what its answers say; or \
                      gates.coverage.except, and judging it by other means"
            .to_owned();
        GateResult { endpoint: Some((*endpoint).clone()), ..open(FAULTS, 0, reason, remedy) }
    };
    let mut results: Vec<GateResult> = untested.iter().take(MAX_LINES).map(line).collect();
    results.extend(further(FAULTS, untested.len()));
    results
}

/// Whether rules answered for what exchanges of it say that agree. Where its signatures are past the bound nobody knows.
fn rules_answered(snapshot: &Snapshot, endpoint: &Endpoint) -> bool {
    let mut of_it = snapshot.signatures.iter().filter(|signature| signature.endpoint == *endpoint).peekable();
    if of_it.peek().is_none() {
        return snapshot.kept.past_bound > 0;
    }
    let agrees = |signature: &&Signature| matches!(signature.outcome, Outcome::Matched | Outcome::Accepted);
    of_it.filter(agrees).any(|signature| signature.elements.iter().any(|(element, _)| is_of_the_answer(element)))
}

/// Not the fields that differ between any two answers: of these nothing is hidden that was said.
fn is_of_the_answer(element: &Element) -> bool {
    element.rule.is_some() && element.place.strip_prefix("header ").is_none_or(value_is_of_the_answer)
}
