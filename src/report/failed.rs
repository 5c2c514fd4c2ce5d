//! What is kept of a failure, in words: the same for every renderer.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::exchange::{Endpoint, Failure};
use crate::tally::{EndpointSnapshot, FailureGroup, FailureSample};

use super::Report;

/// One way in which an endpoint's requests are failed.
pub(super) struct Failing<'r> {
    pub(super) endpoint: &'r EndpointSnapshot,
    pub(super) failure: Failure,
    /// How many.
    pub(super) exchanges: u64,
    /// The first of them, by name.
    pub(super) sample: &'r FailureSample,
    /// The first of them, to be asked again, where that is kept.
    pub(super) group: Option<&'r FailureGroup>,
}

/// All of them, the most frequent first.
pub(super) fn all<'r>(report: &Report<'r>) -> Vec<Failing<'r>> {
    let groups: BTreeMap<(&Endpoint, Failure), &'r FailureGroup> =
        report.snapshot.failures.iter().map(|group| ((&group.endpoint, group.failure), group)).collect();
    let of_one = |endpoint: &'r EndpointSnapshot| {
        let groups = &groups;
        endpoint.failure_samples.iter().map(move |(failure, sample)| Failing {
            endpoint,
            failure: *failure,
            exchanges: endpoint.books.failed.get(*failure),
            sample,
            group: groups.get(&(&endpoint.endpoint, *failure)).copied(),
        })
    };
    let mut all: Vec<Failing<'r>> = report.snapshot.endpoints.iter().flat_map(of_one).collect();
    all.sort_by_key(|one| Reverse(one.exchanges));
    all
}

/// `legacy 200, candidate 503`.
pub(super) fn statuses(group: &FailureGroup) -> String {
    let side = |status: u16| if status == 0 { "no answer".to_owned() } else { status.to_string() };
    format!("legacy {}, candidate {}", side(group.example.status.0), side(group.example.status.1))
}

/// When it was seen; hostile. None where it is not known.
pub(super) fn seen(group: &FailureGroup) -> Option<String> {
    match (&group.first_seen, &group.last_seen) {
        (Some(first), Some(last)) if first == last => Some(format!("seen {first}")),
        (Some(first), Some(last)) => Some(format!("first seen {first}, last {last}")),
        (None, Some(last)) => Some(format!("last seen {last}")),
        (_, None) => None,
    }
}
