//! Coverage: what the legacy serves, against what was compared of it.
//!
//! By endpoint, which is method and path, and by the class of the status code that the legacy answered: an endpoint whose
//! 200s were compared a million times and whose 404s never were is not known. An endpoint that the legacy serves, or that
//! its document names, and that nobody compared, blocks GO: unless the policy says that it is not part of this cutover,
//! and then GO says so too.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::config::{CoverageGate, DocumentedStatus, Endpoints, Operation, Policy};
use crate::exchange::{Day, Endpoint, EndpointPattern, Hours, Skip, StatusClass};
use crate::tally::{DaySnapshot, EndpointSnapshot, Snapshot};

use super::cutover::is_excepted;
use super::words::{count, counted, names};
use super::{Gate, GateResult, GateState, NAMES};

crate::exchange::reasons! {
    /// How much is known of an endpoint, or of one of its status classes.
    Known {
        /// It is documented, and the legacy was not seen to serve it.
        NeverSeen = "never-seen",
        /// The legacy serves it, and nothing of it was compared.
        NeverCompared = "never-compared",
        /// Fewer were compared than the policy asks for.
        TooFew = "too-few",
        /// Enough were compared.
        Covered = "covered",
    }
}

/// What was compared of all that the legacy serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Coverage {
    /// Days in UTC on which something was compared of what GO is to hold for.
    pub days: Vec<Day>,
    /// Hours of the day in which something was, on whatever day.
    pub hours: Hours,
    /// By endpoint, in the order of their names; what is documented and was never seen is among them.
    pub endpoints: Vec<EndpointCoverage>,
}

/// What was compared of one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EndpointCoverage {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// How much is known of it.
    pub known: Known,
    /// Whether the policy says that it is not part of this cutover.
    pub excepted: bool,
    /// Complete exchanges of the legacy's clients.
    pub seen: u64,
    /// Of these, those whose two answers say whether they agree.
    pub compared: u64,
    /// Days on which something of it was compared.
    pub days: u64,
    /// Hours of the day in which something was.
    pub hours: Hours,
    /// Why the others were not compared, with how many; empty where all were.
    pub why: String,
    /// By the class of the legacy's status codes.
    pub statuses: BTreeMap<StatusClass, StatusCoverage>,
}

/// What was compared of one status class of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatusCoverage {
    /// How much is known of it.
    pub known: Known,
    /// Complete exchanges.
    pub seen: u64,
    /// Of these, those whose two answers say whether they agree.
    pub compared: u64,
    /// Of the compared, mismatched.
    pub mismatched: u64,
    /// Whether the legacy's document names it; None without a document that names the endpoint.
    pub documented: Option<bool>,
}

impl Coverage {
    /// Of this evidence, under the policy's gate, against what a document says there is. `days` are those on which something
    /// was seen that GO is to hold for.
    pub(super) fn of(snapshot: &Snapshot, days: &[DaySnapshot], policy: &Policy) -> Coverage {
        let documented: &[Operation] = match &policy.endpoints {
            Endpoints::OpenApi(document) => &document.operations,
            Endpoints::Learned | Endpoints::Templates(_) => &[],
        };
        let mut endpoints: Vec<EndpointCoverage> = snapshot
            .endpoints
            .iter()
            .filter(|endpoint| served(endpoint) > 0)
            .map(|endpoint| EndpointCoverage::of(endpoint, policy, documented))
            .collect();
        let seen = |operation: &Operation| endpoints.iter().any(|e| is_of(&operation.endpoint, &e.endpoint));
        let unseen: Vec<_> = documented.iter().filter(|operation| !seen(operation)).collect();
        endpoints.extend(unseen.into_iter().map(|operation| EndpointCoverage::never_seen(operation, policy)));
        endpoints.sort_by(|a, b| a.endpoint.cmp(&b.endpoint));
        let compared = days.iter().filter(|day| day.compared > 0);
        Coverage {
            days: compared.clone().map(|day| day.day).collect(),
            hours: compared.fold(Hours::NONE, |hours, day| hours.and(day.compared_hours)),
            endpoints,
        }
    }

    /// Those that GO does not hold for.
    pub fn excepted(&self) -> impl Iterator<Item = &EndpointCoverage> {
        self.endpoints.iter().filter(|endpoint| endpoint.excepted)
    }

    /// Whether it is one of them.
    pub fn excepts(&self, endpoint: &Endpoint) -> bool {
        self.excepted().any(|excepted| excepted.endpoint == *endpoint)
    }

    /// Those that GO must hold for.
    pub fn required(&self) -> impl Iterator<Item = &EndpointCoverage> {
        self.endpoints.iter().filter(|endpoint| !endpoint.excepted)
    }
}

/// Exchanges with the legacy's own clients: shadow requests of ours are none.
fn served(endpoint: &EndpointSnapshot) -> u64 {
    endpoint.books.exchanges.saturating_sub(endpoint.books.skipped.get(Skip::OwnTraffic))
}

/// Whether a documented endpoint is the one under which exchanges are counted. Its template must be the same: a
/// documented `/orders/{id}` is not covered by requests for `/orders/recent`.
fn is_of(pattern: &EndpointPattern, endpoint: &Endpoint) -> bool {
    pattern.template() == endpoint.template && pattern.method().is_none_or(|method| method == endpoint.method)
}

fn known(seen: u64, compared: u64, least: u64) -> Known {
    match compared {
        0 if seen == 0 => Known::NeverSeen,
        0 => Known::NeverCompared,
        n if n < least => Known::TooFew,
        _ => Known::Covered,
    }
}

/// The classes that a document names.
fn classes(statuses: &BTreeSet<DocumentedStatus>) -> BTreeSet<StatusClass> {
    let class = |status: &DocumentedStatus| match status {
        DocumentedStatus::Code(code) => Some(StatusClass::of(*code)),
        DocumentedStatus::Class(class) => Some(StatusClass::of(class.saturating_mul(100))),
        DocumentedStatus::Default => None,
    };
    statuses.iter().filter_map(class).collect()
}

impl EndpointCoverage {
    fn of(snapshot: &EndpointSnapshot, policy: &Policy, documented: &[Operation]) -> EndpointCoverage {
        let gate = &policy.gates.coverage;
        let books = &snapshot.books;
        let (seen, compared) = (served(snapshot), books.matched + books.accepted + books.mismatched);
        let document = documented.iter().find(|operation| is_of(&operation.endpoint, &snapshot.endpoint));
        let named = document.map(|operation| classes(&operation.statuses));
        let anything = document.is_some_and(|operation| operation.statuses.contains(&DocumentedStatus::Default));
        let all = snapshot.statuses.keys().chain(named.iter().flatten());
        let statuses = all.map(|class| {
            let counts = snapshot.statuses.get(class).copied().unwrap_or_default();
            let status = StatusCoverage {
                known: known(counts.seen, counts.compared, gate.requests_per_status_class),
                seen: counts.seen,
                compared: counts.compared,
                mismatched: counts.mismatched,
                documented: named.as_ref().map(|named| anything || named.contains(class)),
            };
            (*class, status)
        });
        let on = snapshot.days.iter().filter(|day| day.compared > 0);
        EndpointCoverage {
            endpoint: snapshot.endpoint.clone(),
            known: known(seen, compared, gate.requests_per_endpoint),
            excepted: is_excepted(policy, &snapshot.endpoint),
            seen,
            compared,
            days: on.clone().count() as u64,
            hours: on.fold(Hours::NONE, |hours, day| hours.and(day.compared_hours)),
            why: why(snapshot),
            statuses: statuses.collect(),
        }
    }

    fn never_seen(operation: &Operation, policy: &Policy) -> EndpointCoverage {
        let endpoint = operation.endpoint.endpoint();
        let status =
            StatusCoverage { known: Known::NeverSeen, seen: 0, compared: 0, mismatched: 0, documented: Some(true) };
        EndpointCoverage {
            known: Known::NeverSeen,
            excepted: is_excepted(policy, &endpoint),
            seen: 0,
            compared: 0,
            days: 0,
            hours: Hours::NONE,
            why: String::new(),
            statuses: classes(&operation.statuses).into_iter().map(|class| (class, status)).collect(),
            endpoint,
        }
    }
}

/// What became of what was not compared.
fn why(snapshot: &EndpointSnapshot) -> String {
    let books = &snapshot.books;
    let mut parts: Vec<String> = books
        .skipped
        .iter()
        .filter(|(why, _)| *why != Skip::OwnTraffic)
        .map(|(why, n)| format!("{why} {}", count(n)))
        .collect();
    parts.extend(books.failed.iter().map(|(why, n)| format!("failed by {why} {}", count(n))));
    parts.extend(books.not_comparable.iter().map(|(why, n)| format!("not comparable: {why} {}", count(n))));
    for (what, n) in [("noisy", books.noisy), ("drifted", books.drifted)] {
        parts.extend((n > 0).then(|| format!("{what} {}", count(n))));
    }
    parts.join(", ")
}

/// What is missing of what the policy asks for: each a sentence's part, and the ways out.
#[derive(Default)]
struct Lacking {
    what: Vec<String>,
    ways: BTreeSet<&'static str>,
}

impl Lacking {
    fn add(&mut self, what: String, way: &'static str) {
        self.what.push(what);
        self.ways.insert(way);
    }
}

const EXCEPT: &str = "naming what is not part of this cutover in gates.coverage.except";
const OPEN: &str = "opening under safety.endpoints what may be asked";
const LONGER: &str = "a longer run, on more days and at other hours";

/// Enough of everything that GO is to hold for was compared.
pub(super) fn gate(coverage: &Coverage, asked: bool, gate: &CoverageGate) -> GateResult {
    let required: Vec<&EndpointCoverage> = coverage.required().collect();
    let least = gate.requests_per_endpoint;
    let lacking = lacking(coverage, &required, gate);
    let nothing = required.iter().all(|endpoint| endpoint.compared == 0);
    let except = coverage.excepted().count() as u64;
    let excepted = match except {
        0 => String::new(),
        n => format!("; {} excepted by the policy", counted(n, "endpoint")),
    };
    let reason = match () {
        () if required.is_empty() && except > 0 => {
            "every endpoint is excepted by the policy, so there is nothing to judge.".to_owned()
        }
        () if !asked => "no endpoint was asked.".to_owned(),
        () if lacking.what.is_empty() => {
            let each = if required.len() == 1 { "" } else { "each " };
            let asked = counted(required.len() as u64, "endpoint");
            format!("{asked} asked, {each}with {} or more{excepted}.", counted(least, "compared request"))
        }
        () => format!("{}{excepted}.", lacking.what.join("; ")),
    };
    let missing: u64 = required.iter().map(|e| least.saturating_sub(e.compared)).sum();
    let remedy = match () {
        () if !asked || nothing => "traffic with requests that may be sent".to_owned(),
        () => {
            let more = format!("{} more compared requests to these endpoints", count(missing));
            let ways = (missing > 0).then_some(more.as_str()).into_iter().chain(lacking.ways.iter().copied());
            ways.collect::<Vec<_>>().join("; ")
        }
    };
    let holds = asked && !nothing && lacking.what.is_empty();
    GateResult {
        gate: Gate::Coverage,
        endpoint: None,
        // Missing evidence is missing, not bad.
        state: if holds { GateState::Pass } else { GateState::NotEnough },
        figure: required.iter().map(|e| e.compared).min().map(|n| n as f64),
        bound: None,
        limit: Some(least as f64),
        sample: required.iter().map(|e| e.compared).sum(),
        method: "compared requests of each endpoint, by the legacy's status class, on how many days and at which hours"
            .to_owned(),
        reason,
        remedy: (!holds).then_some(remedy),
    }
}

fn lacking(coverage: &Coverage, required: &[&EndpointCoverage], gate: &CoverageGate) -> Lacking {
    let mut lacking = Lacking::default();
    let of = counted(required.len() as u64, "endpoint");
    let known = |known: Known| required.iter().filter(move |e| e.known == known);
    let never: Vec<String> =
        known(Known::NeverCompared).map(|e| format!("{} ({}: {})", e.endpoint, count(e.seen), e.why)).collect();
    if !never.is_empty() {
        lacking.add(format!("{} of {of} never compared: {}", never.len(), names(&never, NAMES)), OPEN);
        lacking.ways.insert(EXCEPT);
    }
    let few: Vec<String> = known(Known::TooFew).map(|e| format!("{} ({})", e.endpoint, count(e.compared))).collect();
    if !few.is_empty() {
        let least = count(gate.requests_per_endpoint);
        lacking.add(format!("{} of {of} with fewer than {least} compared: {}", few.len(), names(&few, NAMES)), LONGER);
    }
    let unseen: Vec<&Endpoint> = known(Known::NeverSeen).map(|e| &e.endpoint).collect();
    if !unseen.is_empty() {
        lacking.add(format!("{} of {of} documented and never seen: {}", unseen.len(), names(&unseen, NAMES)), EXCEPT);
    }
    let least = gate.requests_per_status_class;
    let short: Vec<String> = required
        .iter()
        .flat_map(|e| e.statuses.iter().map(move |(class, status)| (&e.endpoint, class, status)))
        .filter(|(_, _, status)| status.seen > 0 && status.compared < least)
        .map(|(endpoint, class, status)| format!("{endpoint} {class} ({})", count(status.compared)))
        .collect();
    if !short.is_empty() {
        let classes =
            if short.len() == 1 { "1 status class".to_owned() } else { format!("{} status classes", short.len()) };
        lacking.add(format!("{classes} with fewer than {} compared: {}", count(least), names(&short, NAMES)), LONGER);
    }
    let covered = [
        (coverage.days.len() as u64, gate.days, "days"),
        (u64::from(coverage.hours.count()), gate.hours, "hours of the day"),
    ];
    for (there, asked, what) in covered {
        if there < u64::from(asked) {
            lacking.add(format!("{there} of {asked} {what} covered"), LONGER);
        }
    }
    lacking
}

#[cfg(test)]
mod tests;
