//! What GO is to hold for: everything but the endpoints that the policy excepts.
//!
//! An excepted endpoint is no part of this cutover, so nothing of it may speak for the rest: 3,260 matches of it beside 140
//! of what users are moved to are 140. It is in no numerator and in no denominator of a gate on a share, on latencies, on
//! days or on what the rules notice. What a capture lost, and whether the books close, is asked of all: nobody knows what the
//! lost exchanges were. Its own figures are told beside the verdict.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::config::Policy;
use crate::exchange::{Day, Endpoint};
use crate::ledger::{Ledger, ShadowBooks};
use crate::tally::{DayClients, DaySnapshot, EndpointSnapshot, LatencyPair, Snapshot};

use super::NAMES;
use super::words::{count, counted, names, percent};

/// Whether the policy leaves an endpoint out. What is counted under no path (`CONNECT`, `{other}`) is under `/**`. What is
/// critical cannot be left out.
pub(super) fn is_excepted(policy: &Policy, endpoint: &Endpoint) -> bool {
    let slash = if endpoint.template.starts_with('/') { "" } else { "/" };
    let path = format!("{slash}{}", endpoint.template);
    let except = &policy.gates.coverage.except;
    except.iter().any(|pattern| pattern.matches(&endpoint.method, path.as_bytes()))
        && !policy.critical.iter().any(|pattern| pattern.means(endpoint))
}

/// The evidence without what is excepted, as if its exchanges had never been: counts, latencies, days, clients and the trial
/// of the rules. The books of frames and of the capture are those of everything.
pub(super) fn evidence<'a>(snapshot: &'a Snapshot, policy: &Policy) -> Cow<'a, Snapshot> {
    let (excepted, endpoints): (Vec<&EndpointSnapshot>, Vec<&EndpointSnapshot>) =
        snapshot.endpoints.iter().partition(|e| is_excepted(policy, &e.endpoint));
    if excepted.is_empty() {
        return Cow::Borrowed(snapshot);
    }
    let mut shadow = ShadowBooks::default();
    endpoints.iter().for_each(|endpoint| shadow.merge(&endpoint.books));
    // Of which endpoints they were is not known.
    shadow.interrupted = snapshot.ledger.shadow.as_ref().map_or(0, |books| books.interrupted);
    let exchanges: u64 = endpoints.iter().map(|endpoint| endpoint.books.exchanges).sum();
    let days = days(&endpoints);
    let dated: u64 = days.iter().map(|day| day.exchanges).sum();
    Cow::Owned(Snapshot {
        ledger: Ledger { shadow: snapshot.ledger.shadow.is_some().then_some(shadow), ..snapshot.ledger.clone() },
        undated: exchanges.saturating_sub(dated),
        days,
        // By client and day only all endpoints together are known.
        day_clients: DayClients::default(),
        clients: snapshot.client_groups.over(endpoints.iter().map(|endpoint| &endpoint.endpoint)),
        client_groups: snapshot.client_groups.clone(),
        latency: LatencyPair::together(endpoints.iter().map(|endpoint| &endpoint.latency)),
        trial: snapshot.trial.as_ref().map(|trial| trial.of(|endpoint| !is_excepted(policy, endpoint))),
        endpoints: endpoints.into_iter().cloned().collect(),
        first: snapshot.first.clone(),
        last: snapshot.last.clone(),
        epoch: snapshot.epoch.clone(),
        rescoring: snapshot.rescoring,
        ..Snapshot::default()
    })
}

fn days(endpoints: &[&EndpointSnapshot]) -> Vec<DaySnapshot> {
    let mut days: BTreeMap<Day, DaySnapshot> = BTreeMap::new();
    for day in endpoints.iter().flat_map(|endpoint| &endpoint.days) {
        days.entry(day.day).or_insert_with(|| DaySnapshot::of(day.day)).add(day);
    }
    days.into_values().collect()
}

/// What is told beside the verdict of excepted endpoints that do not agree: they are no part of it, and somebody should know.
pub(super) fn remark(snapshot: &Snapshot, policy: &Policy) -> Option<String> {
    let wrong: Vec<String> = snapshot
        .endpoints
        .iter()
        .filter(|e| e.books.mismatched > 0 || e.books.failed.total() > 0)
        .filter(|e| is_excepted(policy, &e.endpoint))
        .map(in_words)
        .collect();
    let which = match wrong.len() as u64 {
        0 => return None,
        n => counted(n, "endpoint"),
    };
    Some(format!(
        "not part of the verdict, by gates.coverage.except, and not right: {which}: {}.",
        names(&wrong, NAMES)
    ))
}

fn in_words(endpoint: &EndpointSnapshot) -> String {
    let books = &endpoint.books;
    let (compared, failed) = (books.matched + books.accepted + books.mismatched, books.failed.total());
    let mut parts = Vec::new();
    if books.mismatched > 0 {
        let share = percent(books.mismatched as f64 / compared.max(1) as f64);
        parts.push(format!("{} in {} compared, {share}", counted(books.mismatched, "mismatch"), count(compared)));
    }
    if failed > 0 {
        let share = percent(failed as f64 / books.sent.max(1) as f64);
        parts.push(format!("{} in {} sent, {share}", counted(failed, "failure"), count(books.sent)));
    }
    format!("{} ({})", endpoint.endpoint, parts.join("; "))
}

#[cfg(test)]
mod tests;
