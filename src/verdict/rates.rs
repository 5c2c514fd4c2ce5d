//! Gates on shares that are samples: mismatches, and the candidate's failures.

use crate::config::{Looks, MismatchGate, ShareGate};
use crate::exchange::{Endpoint, Failure, RuleAnswer, RuleNote, Skip};
use crate::ledger::ShadowBooks;
use crate::tally::{Clustering, EndpointSnapshot, Snapshot};

use super::bounds::Bounds;
use super::clusters::{unseen, widening};
use super::scope::{Part, Parts};
use super::words::{count, counted, percent, percent_against};
use super::{Gate, GateResult, GateState};

/// What the answers say, endpoint by endpoint.
pub(super) struct Evidence<'a> {
    pub(super) endpoints: Vec<EndpointEvidence<'a>>,
    /// Over all endpoints.
    pub(super) compared: u64,
    pub(super) mismatched: u64,
    pub(super) snapshot: &'a Snapshot,
}

/// From this division of the sample on, how mismatches lie on clients is told.
const TOLD_WIDENING: f64 = 1.1;

/// From this share of the mismatches on, refusals by the candidate alone are told.
const MANY_REFUSED: f64 = 0.1;

/// Reasons to skip that lie with what is asked and what the policy opens. Whatever was skipped for another one lies with
/// the run, or with a choice among what is to be asked: an endpoint of which nothing went out for it should have been asked.
const NEVER_MEANT: [Skip; 4] = [Skip::UnsafeMethod, Skip::Tunnel, Skip::OwnTraffic, Skip::DryRun];

/// What the answers of one endpoint say. `compared` are the exchanges that say whether the sides agree: matched,
/// accepted and mismatched. What is noisy, drifted or could not be compared says nothing either way, and counting it
/// as agreement would make the bound smaller than the evidence allows.
pub(super) struct EndpointEvidence<'a> {
    pub(super) endpoint: &'a Endpoint,
    /// All that was counted of it.
    pub(super) counted: &'a EndpointSnapshot,
    /// Whether the run meant to ask it.
    pub(super) asked: bool,
    pub(super) compared: u64,
    /// Mismatched, and accepted beyond what the accept rules may answer for.
    pub(super) mismatched: u64,
    /// The accept rules that answered for more than they may: id, exchanges answered for, the most they may.
    pub(super) exceeded: Vec<(&'a str, u64, f64)>,
    /// Of the mismatched, those in which the candidate alone refuses whoever asks.
    pub(super) refused_alone: u64,
}

impl<'a> Evidence<'a> {
    pub(super) fn gather(snapshot: &'a Snapshot, rules: &[RuleNote]) -> Evidence<'a> {
        let endpoints: Vec<_> = snapshot.endpoints.iter().map(|e| EndpointEvidence::of(e, rules)).collect();
        Evidence {
            compared: endpoints.iter().map(|e| e.compared).sum(),
            mismatched: endpoints.iter().map(|e| e.mismatched).sum(),
            snapshot,
            endpoints,
        }
    }
}

impl<'a> EndpointEvidence<'a> {
    fn of(snapshot: &'a EndpointSnapshot, rules: &[RuleNote]) -> EndpointEvidence<'a> {
        let books = &snapshot.books;
        let compared = books.matched + books.accepted + books.mismatched;
        let mut excess = 0;
        let mut exceeded = Vec::new();
        for (id, exchanges) in &snapshot.accepted_by {
            let rule = rules.iter().find(|r| r.id == *id && r.answer == RuleAnswer::Accept);
            let Some(max_rate) = rule.and_then(|r| r.max_rate) else { continue };
            let allowed = (max_rate * compared as f64 + 1e-9).floor() as u64;
            if *exchanges > allowed {
                excess += exchanges - allowed;
                exceeded.push((&**id, *exchanges, max_rate));
            }
        }
        // Two rules may answer for one exchange; it cannot mismatch twice.
        let mismatched = books.mismatched + excess.min(books.accepted);
        let asked = books.sent > 0 || books.skipped.iter().any(|(why, _)| !NEVER_MEANT.contains(&why));
        let refused_alone = snapshot.refused_alone;
        EndpointEvidence {
            endpoint: &snapshot.endpoint,
            counted: snapshot,
            asked,
            compared,
            mismatched,
            exceeded,
            refused_alone,
        }
    }
}

/// The mismatch gate: of endpoints with a limit of their own, and of all others together or each by itself.
pub(super) fn mismatch_gate(evidence: &Evidence<'_>, gate: &MismatchGate, looks: Looks) -> Vec<GateResult> {
    let parts = Parts::of(evidence, gate.each, gate.below, &gate.endpoints);
    let mut results = parts.unmet(Gate::MismatchRate);
    results.extend(parts.parts.iter().map(|part| mismatches_of(part, gate.confidence, looks)));
    results
}

/// The mismatches of one part against its limit.
pub(super) fn mismatches_of(part: &Part<'_>, confidence: f64, looks: Looks) -> GateResult {
    let (k, n) = part.endpoints.iter().fold((0, 0), |(k, n), e| (k + e.mismatched, n + e.compared));
    let clients = part.clients;
    let widening = widening(&clients, part.limit, confidence);
    let bounds = Bounds { looks, confidence, limit: part.limit, widening };
    let judged = judge_share(k, n, &bounds, "mismatch", "compared request");
    let asked: Vec<&EndpointEvidence<'_>> = part.endpoints.iter().copied().filter(|e| e.asked).collect();
    let known = format!("{}{}", clustered(&clients, widening), beyond(&clients, judged.state, &bounds));
    let note = format!("{known}{}{}", exceeded(&asked), refused_alone(&asked));
    GateResult {
        gate: Gate::MismatchRate,
        endpoint: part.endpoint.cloned(),
        reason: part.named(format!("{}{note}.", judged.reason)),
        ..judged
    }
}

/// Says so where accept rules answered for more than they may.
fn exceeded(endpoints: &[&EndpointEvidence<'_>]) -> String {
    let notes = endpoints.iter().flat_map(|e| e.exceeded.iter().map(move |x| (e.endpoint, x)));
    notes
        .map(|(endpoint, (id, n, max))| {
            format!("; rule {id} answered for {} of {endpoint}, more than its {}", count(*n), percent(*max))
        })
        .collect()
}

/// Says so where few clients have the mismatches.
fn clustered(clients: &Clustering, widening: f64) -> String {
    if widening < TOLD_WIDENING {
        return String::new();
    }
    let (of, requests) = (counted(clients.clients, "client"), counted(clients.compared, "request"));
    let effective = ((clients.compared as f64 / widening).round() as u64).max(1);
    format!(
        "; they lie on {} of {of}, {} on one, so that these {requests} prove no more than {} unrelated ones",
        count(clients.with_mismatch),
        count(clients.most_mismatched),
        count(effective)
    )
}

/// What the figures rest on where clients are not known apart, and what they say nothing of where they are.
fn beyond(clients: &Clustering, state: GateState, bounds: &Bounds) -> String {
    let Bounds { confidence, limit, .. } = *bounds;
    match unseen(clients, confidence) {
        _ if clients.compared == 0 => String::new(),
        None => "; all came from one client, so requests are taken as independent of each other (the policy's 'clients' may \
                 name a header that tells users apart)"
            .to_owned(),
        Some(share) if state == GateState::Pass && share >= limit => format!(
            "; it holds for clients like the {} that were seen: a defect that none of them met may be there for up to {} of \
             clients",
            count(clients.clients),
            percent(share)
        ),
        Some(_) => String::new(),
    }
}

/// Says so where many mismatches are refusals: they are a mistake of the run far more often than of the candidate.
fn refused_alone(endpoints: &[&EndpointEvidence<'_>]) -> String {
    let refused: u64 = endpoints.iter().map(|e| e.refused_alone).sum();
    let mismatched: u64 = endpoints.iter().map(|e| e.mismatched).sum();
    let share = refused as f64 / mismatched.max(1) as f64;
    if refused == 0 || share < MANY_REFUSED {
        return String::new();
    }
    format!(
        "; {} of the mismatches are 401 or 403 of the candidate alone, to requests with credentials: such as have expired \
         or do not hold there are no defect; set safety.credentials to 'replace' with ones that hold",
        percent(share)
    )
}

/// The candidate's failures among the requests sent. Writes that may have had their effect are one too many wherever in
/// the `whole` they were.
pub(super) fn error_gate(
    snapshot: &Snapshot,
    whole: &Snapshot,
    gate: &ShareGate,
    confidence: f64,
    looks: Looks,
) -> GateResult {
    let empty = ShadowBooks::default();
    let [books, all] = [snapshot, whole].map(|evidence| evidence.ledger.shadow.as_ref().unwrap_or(&empty));
    let judged = errors_of(books, gate, confidence, looks);
    let broken = |books: &ShadowBooks| books.failed.get(Failure::EffectsNotDiscarded);
    match (broken(books), broken(all)) {
        (0, all) if all > 0 => agreement_broken(judged, all),
        _ => judged,
    }
}

/// The failures in some books: of the whole run, or of an endpoint.
pub(super) fn errors_of(books: &ShadowBooks, gate: &ShareGate, confidence: f64, looks: Looks) -> GateResult {
    let failed = books.failed.total();
    let bounds = Bounds { looks, confidence, limit: gate.below, widening: 1.0 };
    let judged = judge_share(failed, books.sent, &bounds, "failure", "request sent");
    let kinds: Vec<String> = books.failed.iter().map(|(why, n)| format!("{why} {}", count(n))).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!("; {}", kinds.join(", ")) };
    let judged = GateResult { gate: Gate::CandidateErrors, reason: format!("{}{kinds}.", judged.reason), ..judged };
    match books.failed.get(Failure::EffectsNotDiscarded) {
        0 => judged,
        broken => agreement_broken(judged, broken),
    }
}

/// No share of them is small enough: each may be an order that nobody has placed.
fn agreement_broken(judged: GateResult, broken: u64) -> GateResult {
    let answers = if broken == 1 { "1 answer".to_owned() } else { format!("{} answers", count(broken)) };
    GateResult {
        state: GateState::Fail,
        reason: format!(
            "{answers} to sandboxed requests did not say 'Shadow-Effects: discarded', so that writes may have had their \
             effect on the candidate; {}",
            judged.reason
        ),
        remedy: Some(
            "a candidate that discards what a request with 'Shadow-Request: 1' does, and says so in each answer; or \
             taking these endpoints out of safety.endpoints"
                .to_owned(),
        ),
        ..judged
    }
}

/// `k` bad ones of `n`, against a limit: passes if the upper bound is below it, fails if the lower bound is not.
fn judge_share(k: u64, n: u64, bounds: &Bounds, bad: &str, unit: &str) -> GateResult {
    let Bounds { confidence, limit, .. } = *bounds;
    let (upper, lower) = (bounds.upper(k, n), bounds.lower(k, n));
    let state = match () {
        () if n == 0 => GateState::NotEnough,
        () if upper < limit => GateState::Pass,
        () if k > 0 && lower >= limit => GateState::Fail,
        () => GateState::NotEnough,
    };
    let at = percent(confidence);
    let (limit_text, unit) = (percent(limit), plural(unit));
    let share = if n > 0 && k > 0 { format!(" ({})", percent(k as f64 / n as f64)) } else { String::new() };
    let seen = format!("{} in {} {unit}{share}", counted(k, bad), count(n));
    let reason = match state {
        GateState::Pass => {
            let upper = percent_against(upper, limit);
            format!("{seen}: at {at} confidence the share is at most {upper}; the limit is {limit_text}")
        }
        GateState::Fail => {
            let lower = percent_against(lower, limit);
            format!("{seen}: at {at} confidence the share is at least {lower}; the limit is {limit_text}")
        }
        GateState::NotEnough if n == 0 => format!("no {unit}, so there is nothing to judge by"),
        GateState::NotEnough => format!(
            "{seen}: at {at} confidence the share is between {} and {}; the limit is {limit_text}",
            percent_against(lower, limit),
            percent_against(upper, limit)
        ),
    };
    let remedy = match state {
        GateState::Pass => None,
        GateState::Fail => Some(format!("a candidate whose share of {} is below {limit_text}", plural_of(bad))),
        GateState::NotEnough => Some(remedy(k, n, bounds, bad, &unit)),
    };
    GateResult {
        gate: Gate::MismatchRate,
        endpoint: None,
        state,
        figure: (n > 0).then(|| k as f64 / n as f64),
        bound: (n > 0).then_some(if state == GateState::Fail { lower } else { upper }),
        limit: Some(limit),
        sample: n,
        method: bounds.method(),
        reason: reason + &bounds.beside(k, n, state == GateState::Fail),
        remedy,
    }
}

/// What would change it.
fn remedy(k: u64, n: u64, bounds: &Bounds, bad: &str, unit: &str) -> String {
    let Some(needed) = bounds.sample_needed(k) else {
        return format!(
            "no sample can show a share below {}; the policy's limit must be larger",
            percent(bounds.limit)
        );
    };
    let so_many = |k: u64| match k {
        0 => format!("without {bad}"),
        k => format!("with {}", counted(k, bad)),
    };
    let one_more = bounds.sample_needed(k + 1).unwrap_or(u64::MAX);
    format!(
        "{} {unit} {} are enough, or {} {}: {} more at least",
        count(needed),
        so_many(k),
        count(one_more),
        so_many(k + 1),
        count(needed.saturating_sub(n))
    )
}

fn plural_of(bad: &str) -> &'static str {
    if bad == "mismatch" { "mismatches" } else { "failures" }
}

/// `compared request` and `request sent`, in the plural.
fn plural(unit: &str) -> String {
    unit.replacen("request", "requests", 1)
}
