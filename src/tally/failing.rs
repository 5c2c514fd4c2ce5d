//! Requests that the candidate failed, by endpoint and way of failing, each with its first one laid out to be asked again.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::exchange::{Endpoint, Example, Failure, Observation, Timestamp};

use super::count::earlier;
use super::group::digest;
use super::snapshot::endpoint_of;

/// At most so many, as with groups of differences: those with the smallest digests. The failures of the others are in the
/// books, and the first request of each is named with its endpoint.
pub const MAX_FAILURE_GROUPS: usize = 256;

/// One way in which the candidate fails an endpoint's requests. How many these are stands in the endpoint's books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailureGroup {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// In what way.
    pub failure: Failure,
    /// When the first such exchange began, RFC 3339, by the clock of the capture; None where that is not known, as of an
    /// epoch whose failures go back to an earlier one's.
    pub first_seen: Option<String>,
    /// When the last one began.
    pub last_seen: Option<String>,
    /// The first of them, by their position in the source, without the legacy's body.
    pub example: Arc<Example>,
}

/// What names one before endpoints are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FailureKey {
    pub(crate) digest: u64,
    pub(crate) endpoint: u32,
    pub(crate) failure: Failure,
}

impl FailureKey {
    pub(crate) fn new(endpoint: u32, failure: Failure) -> FailureKey {
        FailureKey { digest: digest(endpoint, failure.as_str().bytes()), endpoint, failure }
    }
}

/// What is kept of one.
#[derive(Debug, Clone)]
pub(crate) struct Failing {
    pub(crate) first: Option<Timestamp>,
    pub(crate) last: Option<Timestamp>,
    pub(crate) example: Arc<Example>,
}

impl Failing {
    fn merge(&mut self, other: Failing) {
        self.first = earlier(self.first, other.first);
        self.last = self.last.max(other.last);
        if other.example.sequence < self.example.sequence {
            self.example = other.example;
        }
    }
}

/// Those with the smallest digests: one that is among the smallest of all is among the smallest of each part.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failures {
    pub(crate) groups: BTreeMap<FailureKey, Failing>,
}

impl Failures {
    /// Counts one failed exchange. `example` is called only where it is to be kept.
    pub(super) fn absorb(&mut self, observation: &Observation, failure: Failure, example: impl FnOnce() -> Example) {
        let key = FailureKey::new(observation.endpoint, failure);
        let started = observation.exchange.moments.started();
        if let Some(there) = self.groups.get_mut(&key) {
            there.first = earlier(there.first, started);
            there.last = there.last.max(started);
            if observation.sequence < there.example.sequence {
                there.example = Arc::new(to_be_asked(example()));
            }
        } else if self.has_room_for(&key) {
            let example = Arc::new(to_be_asked(example()));
            self.groups.insert(key, Failing { first: started, last: started, example });
            self.trim();
        }
    }

    /// Puts one in beside what is there.
    pub(crate) fn add(&mut self, key: FailureKey, failing: Failing) {
        if let Some(there) = self.groups.get_mut(&key) {
            there.merge(failing);
        } else if self.has_room_for(&key) {
            self.groups.insert(key, failing);
            self.trim();
        }
    }

    pub(super) fn merge(&mut self, other: Failures) {
        other.groups.into_iter().for_each(|(key, failing)| self.add(key, failing));
    }

    /// The same under other endpoint numbers, and with positions that are moved.
    pub(super) fn renumbered(self, number: impl Fn(u32) -> u32, moved: impl Fn(u64) -> u64) -> Failures {
        let mut failures = Failures::default();
        for (key, failing) in self.groups {
            let mut example = Arc::unwrap_or_clone(failing.example);
            example.sequence = moved(example.sequence);
            let failing = Failing { example: Arc::new(example), ..failing };
            failures.add(FailureKey::new(number(key.endpoint), key.failure), failing);
        }
        failures
    }

    pub(super) fn resolve(self, endpoints: &[Endpoint]) -> Vec<FailureGroup> {
        let mut joined: BTreeMap<(Endpoint, Failure), Failing> = BTreeMap::new();
        for (key, failing) in self.groups {
            let name = (endpoint_of(endpoints, key.endpoint), key.failure);
            match joined.get_mut(&name) {
                Some(there) => there.merge(failing),
                None => drop(joined.insert(name, failing)),
            }
        }
        let group = |((endpoint, failure), failing): ((Endpoint, Failure), Failing)| FailureGroup {
            endpoint,
            failure,
            first_seen: failing.first.map(|time| time.to_string()),
            last_seen: failing.last.map(|time| time.to_string()),
            example: failing.example,
        };
        joined.into_iter().map(group).collect()
    }

    fn has_room_for(&self, key: &FailureKey) -> bool {
        self.groups.len() < MAX_FAILURE_GROUPS || self.groups.last_key_value().is_none_or(|(last, _)| key < last)
    }

    fn trim(&mut self) {
        while self.groups.len() > MAX_FAILURE_GROUPS {
            self.groups.pop_last();
        }
    }
}

/// A failure is no difference: what was asked, and what the candidate made of it.
fn to_be_asked(example: Example) -> Example {
    Example { differences: Vec::new(), patch: None, text_diff: None, legacy: String::new(), ..example }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::tally::Snapshot;
    use crate::tally::invented::{Invented, snapshot_of, tally_of};

    fn failed(sequence: u64, endpoint: u32, failure: Failure) -> Invented {
        Invented::new(sequence, endpoint).failed(failure, Duration::from_millis(7))
    }

    fn shown(snapshot: &Snapshot) -> Vec<(String, Failure, u64)> {
        let one = |group: &FailureGroup| (group.endpoint.to_string(), group.failure, group.example.sequence);
        snapshot.failures.iter().map(one).collect()
    }

    #[test]
    fn each_way_of_failing_has_its_first_request_and_when_it_was_first_and_last_seen() {
        let run = [
            failed(9, 0, Failure::Timeout),
            failed(3, 0, Failure::Timeout),
            Invented::new(1, 0),
            failed(5, 0, Failure::Closed),
            failed(4, 1, Failure::Timeout),
            Invented::new(2, 1).differing(0, "x", None),
        ];
        let snapshot = snapshot_of(&run, &["GET /a", "GET /b"]);
        assert_eq!(
            shown(&snapshot),
            [
                ("GET /a".to_owned(), Failure::Timeout, 3),
                ("GET /a".to_owned(), Failure::Closed, 5),
                ("GET /b".to_owned(), Failure::Timeout, 4),
            ]
        );
        let [timeouts, ..] = &snapshot.failures[..] else { panic!("{:?}", snapshot.failures) };
        let at = |sequence| Invented::new(sequence, 0).exchange().moments.started().map(|time| time.to_string());
        assert_eq!((&timeouts.first_seen, &timeouts.last_seen), (&at(3), &at(9)));
        assert_eq!(timeouts.example.request, "GET /things/3");
        assert!(timeouts.example.differences.is_empty() && timeouts.example.patch.is_none());
        assert!(timeouts.example.legacy.is_empty() && !timeouts.example.candidate.is_empty());
        // Two numbers that turn out to be one endpoint.
        let snapshot = snapshot_of(&run, &["GET /a", "GET /a"]);
        assert_eq!(shown(&snapshot).len(), 2);
    }

    #[test]
    fn past_the_bound_some_have_no_example_and_all_are_counted() {
        let many = MAX_FAILURE_GROUPS as u64 + 40;
        let run: Vec<Invented> = (0..many).map(|n| failed(n, n as u32, Failure::Closed)).collect();
        let names: Vec<String> = (0..many).map(|n| format!("GET /{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let snapshot = snapshot_of(&run, &names);
        assert_eq!(snapshot.failures.len(), MAX_FAILURE_GROUPS);
        assert!(snapshot.endpoints.iter().all(|e| e.books.failed.total() == 1 && e.failure_samples.len() == 1));
        let reversed: Vec<Invented> = run.into_iter().rev().collect();
        assert_eq!(snapshot_of(&reversed, &names).failures, snapshot.failures);
    }

    proptest! {
        #[test]
        fn however_they_are_spread_the_same_are_kept(
            run in prop::collection::vec((0_u32..400, 0..Failure::ALL.len()), 1..700),
            workers in 1_usize..5,
            offset in 0_u64..3,
        ) {
            let run: Vec<Invented> = run
                .into_iter()
                .enumerate()
                .map(|(at, (endpoint, failure))| failed(at as u64, endpoint, Failure::ALL[failure]))
                .collect();
            let whole = tally_of(&run).renumbered(|number| number / 2, offset);
            let mut merged = tally_of(&[]);
            for worker in (0..workers).rev() {
                let share = tally_of(run.iter().skip(worker).step_by(workers));
                merged.merge(share.renumbered(|number| number / 2, offset));
            }
            // As long as none is past its bound before numbers are put together.
            prop_assume!(run.iter().map(|one| (one.observation.endpoint, one.comparison.outcome)).collect::<std::collections::BTreeSet<_>>().len() <= MAX_FAILURE_GROUPS);
            let kept = |tally: crate::tally::Tally| {
                tally.failures.groups.into_iter().map(|(key, one)| (key, one.first, one.last, one.example.sequence)).collect::<Vec<_>>()
            };
            prop_assert_eq!(kept(whole), kept(merged));
        }
    }
}
