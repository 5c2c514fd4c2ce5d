//! The one class that an exchange ends in.

use rustc_hash::FxHashSet;

use super::findings::{Bench, Findings};
use super::{bodies, headers};
use crate::exchange::{
    Asked, Carried, Comparison, Difference, DifferenceKind, Failure, Location, NotComparable, Outcome, Request,
    Response, Segment, path_of,
};
use crate::redact::Veil;
use crate::rules::{RuleSet, Spot};

/// Compares what was heard when an exchange was asked again with the reference.
///
/// - The candidate failed: that is the outcome.
/// - The reference is the live legacy's answer where it was asked. Where that failed, or is a 5xx that the record is not,
///   there is nothing to compare with.
/// - The candidate answers 401 or 403 to a request whose credentials were stripped, and the captured answer, or the
///   reference, is none of these: it was asked in nobody's name, and its answer says nothing of what it would have said
///   to whoever had asked. That the live legacy, asked in nobody's name too, refuses as well makes it no evidence.
/// - The candidate answers 5xx and the reference does not: a failure, whatever rules say. The differences are listed.
/// - Else what the rules leave decides, see [`Findings::outcome`].
/// - A mismatch whose every place is one in which the live legacy itself no longer answers as recorded is drift: such
///   places change between two questions, and the candidate was asked at another moment than the legacy. Elsewhere
///   a mismatch stays one, however far the legacy has moved.
pub(super) fn judge<'r>(
    rules: &RuleSet,
    request: &Request,
    recorded: Option<&Response>,
    asked: &Asked,
    veil: Option<&dyn Fn() -> Veil<'r>>,
) -> Comparison {
    let Sides { reference, candidate, live } = match sides(recorded, asked) {
        Ok(sides) => sides,
        Err(outcome) => return without_differences(outcome),
    };
    let withheld = asked.credentials == Carried::Stripped && refuses(candidate);
    if withheld && !(refuses(reference) && recorded.is_none_or(refuses)) {
        return without_differences(Outcome::NotComparable(NotComparable::Credentials));
    }
    let mut findings = beside(rules, request, (reference, candidate), false, None);
    let drift = match (live, recorded) {
        (Some(live), Some(recorded)) => Some(beside(rules, request, (recorded, live), true, None)),
        _ => None,
    };
    let mut outcome = findings.outcome();
    if candidate.status >= 500 && reference.status < 500 {
        outcome = Outcome::Failed(Failure::ServerError);
    } else if outcome == Outcome::Mismatched && drift.as_ref().is_some_and(|drift| explains(drift, &findings)) {
        outcome = Outcome::Drifted;
    }
    // These are grouped by their places.
    if let Some(veil) = veil
        && matches!(outcome, Outcome::Mismatched | Outcome::Drifted | Outcome::Noisy)
    {
        findings.hide_places(&veil());
    }
    findings.into_comparison(outcome, drift.as_ref().and_then(has_drifted))
}

/// Whether the answer says that whoever asks may not (RFC 9110, sections 15.5.2 and 15.5.4).
fn refuses(response: &Response) -> bool {
    matches!(response.status, 401 | 403)
}

/// The differences once more, as they are shown: the same, in the same order, without secrets.
pub(super) fn shown(
    rules: &RuleSet,
    request: &Request,
    recorded: Option<&Response>,
    asked: &Asked,
    veil: &Veil<'_>,
) -> Vec<Difference> {
    match sides(recorded, asked) {
        Ok(Sides { reference, candidate, .. }) => {
            let findings = beside(rules, request, (reference, candidate), false, Some(veil));
            findings.into_comparison(Outcome::Matched, None).differences
        }
        Err(_) => Vec::new(),
    }
}

/// Two answers that can be compared, and the live legacy's, where it was asked.
struct Sides<'a> {
    reference: &'a Response,
    candidate: &'a Response,
    live: Option<&'a Response>,
}

fn sides<'a>(recorded: Option<&'a Response>, asked: &'a Asked) -> Result<Sides<'a>, Outcome> {
    let candidate = match &asked.candidate {
        Ok(answer) => &answer.response,
        Err(failed) => return Err(Outcome::Failed(failed.failure)),
    };
    let reference_failed = Err(Outcome::NotComparable(NotComparable::ReferenceFailed));
    let live = match &asked.legacy {
        None => None,
        Some(Ok(answer)) => Some(&answer.response),
        Some(Err(_)) => return reference_failed,
    };
    let reference = match (live, recorded) {
        (Some(live), Some(recorded)) if live.status >= 500 && recorded.status < 500 => return reference_failed,
        (Some(live), _) => live,
        (None, Some(recorded)) => recorded,
        (None, None) => return reference_failed,
    };
    Ok(Sides { reference, candidate, live })
}

/// An outcome for which no two answers were compared.
pub(super) fn without_differences(outcome: Outcome) -> Comparison {
    Findings::default().into_comparison(outcome, None)
}

/// Two answers to one request, the legacy's and the candidate's, side by side.
fn beside(
    rules: &RuleSet,
    request: &Request,
    (legacy, candidate): (&Response, &Response),
    legacy_twice: bool,
    veil: Option<&Veil<'_>>,
) -> Findings {
    let judge = rules.judge(&request.method, path_of(&request.target));
    let mut bench = Bench { judge: &judge, legacy_twice, veil, findings: Findings::default() };
    if legacy.status != candidate.status {
        let (ours, theirs) = (legacy.status.to_string(), candidate.status.to_string());
        bench.note_texts(Location::Status, Spot::Status, DifferenceKind::Value, (Some(&ours), Some(&theirs)));
    }
    headers::compare(&legacy.headers, &candidate.headers, &mut bench);
    bodies::compare(&request.method, legacy, candidate, &mut bench);
    bench.findings
}

/// Whether the live legacy still answers as recorded; None where that could not be told.
fn has_drifted(drift: &Findings) -> Option<bool> {
    match (drift.unanswered().next().is_some(), drift.hindrance()) {
        (true, _) => Some(true),
        (false, None) => Some(false),
        (false, Some(_)) => None,
    }
}

/// Whether every mismatch lies where the legacy differs from its own record, or inside of such a place.
fn explains(drift: &Findings, findings: &Findings) -> bool {
    let moved: FxHashSet<&Location> = drift.unanswered().map(|difference| &difference.at).collect();
    let moved_values: FxHashSet<&[Segment]> = moved.iter().filter_map(|at| json_path(at)).collect();
    let explained = |mismatch: &Difference| match json_path(&mismatch.at) {
        Some(path) => (0..=path.len()).any(|n| path.get(..n).is_some_and(|outer| moved_values.contains(outer))),
        None => moved.contains(&mismatch.at),
    };
    findings.hindrance().is_none() && findings.unanswered().all(explained)
}

fn json_path(at: &Location) -> Option<&[Segment]> {
    match at {
        Location::Json(path) => Some(path),
        _ => None,
    }
}
