//! What is kept of a failure, in words: the same for every renderer.

use crate::exchange::{Endpoint, Failure};
use crate::tally::FailureGroup;

use super::Report;

/// What is kept of one way in which an endpoint is failed.
pub(super) fn group<'r>(report: &Report<'r>, endpoint: &Endpoint, failure: Failure) -> Option<&'r FailureGroup> {
    report.snapshot.failures.iter().find(|group| group.endpoint == *endpoint && group.failure == failure)
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
