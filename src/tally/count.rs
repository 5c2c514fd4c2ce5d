//! The counting itself.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::compare::Comparer;
use crate::config::ClientMark;
use crate::exchange::{
    Answer, Asked, Carried, Comparison, Day, Difference, Example, Failed, Failure, Fate, NotComparable, Observation,
    Outcome, RuleAnswer, Skip, StatusClass, Timestamp,
};
use crate::ledger::ShadowBooks;

use super::cells::Cells;
use super::clients::{Clients, group_of};
use super::days::Days;
use super::failing::Failures;
use super::group::{DifferenceClass, Groups, general_place};
use super::latency::{PairedRecorder, Recorder};
use super::over_time::OverTime;
use super::signature::Signatures;
use super::snapshot::{Drift, FailureSample, RuleSample};

/// The request line of a sample is cut at so many characters.
const MAX_SAMPLE_CHARS: usize = 160;

/// What one endpoint number has gathered in one minute, or in all.
#[derive(Debug, Clone, Default)]
pub(crate) struct EndpointTally {
    pub(crate) books: ShadowBooks,
    pub(crate) legacy_5xx: u64,
    pub(crate) candidate_5xx: u64,
    pub(crate) refused_alone: u64,
    pub(crate) legacy: Recorder,
    pub(crate) candidate: Recorder,
    pub(crate) captured: Recorder,
    pub(crate) difference: PairedRecorder,
    /// Exchanges that are accepted, by the accept rules that answered.
    pub(crate) accepted_by: BTreeMap<Arc<str>, u64>,
    pub(crate) failure_samples: BTreeMap<Failure, FailureSample>,
}

/// What one rule has answered for.
#[derive(Debug, Clone)]
pub(crate) struct RuleTally {
    pub(crate) answer: RuleAnswer,
    pub(crate) differences: u64,
    pub(crate) exchanges: u64,
    pub(crate) sample: RuleSample,
}

/// The counters of one worker.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub(crate) cells: Cells,
    pub(crate) clients: Clients,
    pub(crate) days: Days,
    pub(crate) over_time: OverTime,
    /// Of all endpoints together.
    pub(crate) day_clients: Clients<Day>,
    pub(crate) groups: Groups,
    pub(crate) failures: Failures,
    pub(crate) rules: BTreeMap<Arc<str>, RuleTally>,
    pub(crate) signatures: Signatures,
    pub(crate) drift: Drift,
    pub(crate) differences: u64,
    pub(crate) more_differences: u64,
    pub(crate) first: Option<Timestamp>,
    pub(crate) last: Option<Timestamp>,
}

impl Tally {
    /// An empty tally.
    pub fn new() -> Tally {
        Tally::default()
    }

    /// Counts one observation in the one class that its comparison gave it, as one of the client that `mark` makes it
    /// one of. `example` is called only where the
    /// observation is to be kept as an example, or something else of it: whatever of an exchange's texts stays here comes
    /// from its example, which has no secrets, and never from the observation or the comparison.
    pub fn absorb(
        &mut self,
        observation: &Observation,
        comparison: &Comparison,
        mark: &ClientMark,
        example: impl FnOnce() -> Example,
    ) {
        let started = observation.exchange.moments.started();
        self.first = earlier(self.first, started);
        self.last = self.last.max(started);
        let example = LazyCell::new(example);
        let client = LazyCell::new(|| group_of(mark, &observation.exchange));
        self.cells.count(started, observation.endpoint, |cell| {
            count_outcome(&mut cell.books, comparison.outcome);
            if let Fate::Asked(asked) = &observation.fate {
                cell.absorb_asked(observation, asked, comparison, &|| example.request.clone());
            }
        });
        self.over_time.count(started, observation.endpoint, comparison.outcome);
        self.count_day(observation, comparison.outcome, Some(comparison));
        if let Outcome::Matched | Outcome::Accepted | Outcome::Mismatched = comparison.outcome {
            let mismatched = comparison.outcome == Outcome::Mismatched;
            self.clients.count(observation.endpoint, *client, mismatched);
            started.into_iter().for_each(|at| self.day_clients.count(at.day(), *client, mismatched));
        }
        self.more_differences += comparison.more_differences;
        if let Some(drifted) = comparison.legacy_drifted {
            self.drift.asked += 1;
            self.drift.drifted += u64::from(drifted);
        }
        self.absorb_rules(observation, comparison, &|at| example.differences.get(at).cloned());
        if let Some(class) = DifferenceClass::of(comparison.outcome) {
            self.differences += comparison.differences.iter().filter(|d| d.rule.is_none()).count() as u64;
            self.groups.absorb(class, observation, *client, &comparison.differences, || example.clone());
        }
        if let Outcome::Failed(failure) = comparison.outcome {
            self.failures.absorb(observation, failure, || example.clone());
        }
    }

    /// Counts the exchange under what comparing it gave, and keeps it whole where it is one of those that are kept. Beside
    /// [`Tally::absorb`], for the same observation.
    pub fn keep(&mut self, observation: &Observation, comparison: &Comparison, mark: &ClientMark, comparer: &Comparer) {
        let group = group_of(mark, &observation.exchange);
        self.signatures.absorb(observation, comparison, group, comparer);
    }

    /// What was counted since it was last handed over. What is left is empty, and knows what is kept already.
    pub fn hand_over(&mut self) -> Tally {
        let signatures = self.signatures.hand_over();
        let left = Tally { signatures: std::mem::take(&mut self.signatures), ..Tally::default() };
        Tally { signatures, ..std::mem::replace(self, left) }
    }

    /// Counts an exchange whose way ended before it was asked.
    pub fn skip(&mut self, observation: &Observation, skip: Skip) {
        let started = observation.exchange.moments.started();
        self.first = earlier(self.first, started);
        self.last = self.last.max(started);
        self.cells.count(started, observation.endpoint, |cell| count_outcome(&mut cell.books, Outcome::Skipped(skip)));
        self.over_time.count(started, observation.endpoint, Outcome::Skipped(skip));
        self.count_day(observation, Outcome::Skipped(skip), None);
    }

    fn count_day(&mut self, observation: &Observation, outcome: Outcome, comparison: Option<&Comparison>) {
        let started = observation.exchange.moments.started();
        let status = observation.exchange.response.as_ref().map_or(0, |response| response.status);
        self.days.count(started, observation.endpoint, StatusClass::of(status), |share| {
            share.count(started, outcome);
            let Some(comparison) = comparison else { return };
            if outcome == Outcome::Accepted {
                for id in accepting(comparison) {
                    *share.accepted_by.entry(Arc::clone(id)).or_default() += 1;
                }
            }
            if let Fate::Asked(asked) = &observation.fate {
                share.refused_alone += u64::from(refused_in_a_name(observation, asked, outcome));
            }
        });
    }

    /// How many counts it has: one a minute and endpoint number. Bounded by [`super::MAX_CELLS`], or by the endpoint
    /// numbers where these are more.
    pub fn keys(&self) -> usize {
        self.cells.len()
    }

    /// Whether it is time to hand it over (with `mem::take`), however short the time since it last was.
    pub fn is_large(&self) -> bool {
        self.cells.are_large()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.cells.len() == 0
    }

    /// How many exchanges it has counted.
    pub fn exchanges(&self) -> u64 {
        self.cells.iter().map(|(_, cell)| cell.books.exchanges).sum()
    }

    /// Puts minutes together, the next step of: hours, days, all. Done by itself past the bounds; nothing is lost but
    /// when it was. False where nothing is left to put together.
    pub fn coarsen(&mut self) -> bool {
        self.cells.coarsen()
    }

    fn absorb_rules(
        &mut self,
        observation: &Observation,
        comparison: &Comparison,
        shown: &dyn Fn(usize) -> Option<Difference>,
    ) {
        let mut touched: Vec<&Arc<str>> = Vec::new();
        for (at, difference) in comparison.differences.iter().enumerate() {
            let Some(hit) = &difference.rule else { continue };
            let first = !touched.contains(&&hit.id);
            if first {
                touched.push(&hit.id);
            }
            let sample = || {
                let (sequence, endpoint) = (observation.sequence, observation.endpoint);
                match shown(at) {
                    Some(Difference { at, legacy, candidate, .. }) => {
                        RuleSample { sequence, endpoint, place: general_place(&at), legacy, candidate }
                    }
                    None => RuleSample { sequence, endpoint, place: String::new(), legacy: None, candidate: None },
                }
            };
            let tally = self.rules.entry(Arc::clone(&hit.id)).or_insert_with(|| RuleTally {
                answer: hit.answer,
                differences: 0,
                exchanges: 0,
                sample: sample(),
            });
            tally.differences += 1;
            tally.exchanges += u64::from(first);
            if observation.sequence < tally.sample.sequence {
                tally.sample = sample();
            }
        }
    }

    /// Adds another worker's counts. The order of merging does not show.
    pub fn merge(&mut self, other: Tally) {
        self.cells.merge(other.cells);
        self.clients.merge(other.clients);
        self.days.merge(other.days);
        self.over_time.merge(&other.over_time);
        self.day_clients.merge(other.day_clients);
        self.groups.merge(other.groups);
        self.failures.merge(other.failures);
        for (id, rule) in other.rules {
            match self.rules.get_mut(&id) {
                Some(known) => known.merge(rule),
                None => {
                    self.rules.insert(id, rule);
                }
            }
        }
        self.signatures.merge(other.signatures);
        self.drift.asked += other.drift.asked;
        self.drift.drifted += other.drift.drifted;
        self.differences += other.differences;
        self.more_differences += other.more_differences;
        self.first = earlier(self.first, other.first);
        self.last = self.last.max(other.last);
    }
}

impl RuleTally {
    pub(crate) fn merge(&mut self, other: RuleTally) {
        self.differences += other.differences;
        self.exchanges += other.exchanges;
        if other.sample.sequence < self.sample.sequence {
            self.sample = other.sample;
        }
    }
}

impl EndpointTally {
    fn absorb_asked(
        &mut self,
        observation: &Observation,
        asked: &Asked,
        comparison: &Comparison,
        line: &dyn Fn() -> String,
    ) {
        let captured = observation.exchange.moments.latency();
        if let Some(latency) = captured {
            self.captured.record(latency, false);
        }
        let (legacy_status, candidate_status) = statuses(observation, asked);
        self.legacy_5xx += u64::from(legacy_status.is_some_and(|s| s >= 500));
        self.candidate_5xx += u64::from(candidate_status.is_some_and(|s| s >= 500));

        self.refused_alone += u64::from(refused_in_a_name(observation, asked, comparison.outcome));

        let reference = match &asked.legacy {
            Some(answer) => waited(answer),
            None => captured.map(|latency| (latency, false)),
        };
        // Only pairs: a side alone would compare two different populations. An error answered quickly is no speed, nor
        // is a refusal.
        let other_work = matches!(
            comparison.outcome,
            Outcome::Failed(Failure::ServerError) | Outcome::NotComparable(NotComparable::Credentials)
        );
        if let (Some(legacy), Some(candidate)) = (reference, waited(&asked.candidate))
            && !other_work
            && !refuses_alone(observation, asked)
        {
            self.legacy.record(legacy.0, legacy.1);
            self.candidate.record(candidate.0, candidate.1);
            self.difference.record(legacy, candidate);
        }

        match comparison.outcome {
            Outcome::Failed(failure) => self.keep_failure(failure, observation.sequence, line),
            Outcome::Accepted => {
                for id in accepting(comparison) {
                    *self.accepted_by.entry(Arc::clone(id)).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    fn keep_failure(&mut self, failure: Failure, sequence: u64, line: &dyn Fn() -> String) {
        let new = || FailureSample { sequence, request: line().chars().take(MAX_SAMPLE_CHARS).collect() };
        let kept = self.failure_samples.entry(failure).or_insert_with(new);
        if sequence < kept.sequence {
            *kept = new();
        }
    }

    /// Bytes that its histograms take.
    pub(super) fn heap(&self) -> usize {
        self.legacy.heap() + self.candidate.heap() + self.captured.heap() + self.difference.heap()
    }

    pub(crate) fn merge(&mut self, other: EndpointTally) {
        self.books.merge(&other.books);
        self.legacy_5xx += other.legacy_5xx;
        self.candidate_5xx += other.candidate_5xx;
        self.refused_alone += other.refused_alone;
        self.legacy.merge(other.legacy);
        self.candidate.merge(other.candidate);
        self.captured.merge(other.captured);
        self.difference.merge(other.difference);
        for (id, exchanges) in other.accepted_by {
            *self.accepted_by.entry(id).or_default() += exchanges;
        }
        for (failure, sample) in other.failure_samples {
            let kept = self.failure_samples.entry(failure).or_insert_with(|| sample.clone());
            if sample.sequence < kept.sequence {
                *kept = sample;
            }
        }
    }
}

/// The accept rules that answered, each once.
fn accepting(comparison: &Comparison) -> Vec<&Arc<str>> {
    let rules = comparison.differences.iter().filter_map(|difference| difference.rule.as_ref());
    let mut ids: Vec<_> = rules.filter(|rule| rule.answer == RuleAnswer::Accept).map(|rule| &rule.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The reference's status and the candidate's.
fn statuses(observation: &Observation, asked: &Asked) -> (Option<u16>, Option<u16>) {
    let legacy = match &asked.legacy {
        Some(Ok(answer)) => Some(answer.response.status),
        Some(Err(_)) => None,
        None => observation.exchange.response.as_ref().map(|r| r.status),
    };
    (legacy, asked.candidate.as_ref().ok().map(|answer| answer.response.status))
}

/// Whether the candidate alone answers 401 or 403.
fn refuses_alone(observation: &Observation, asked: &Asked) -> bool {
    let refused = |status: Option<u16>| matches!(status, Some(401 | 403));
    let (legacy, candidate) = statuses(observation, asked);
    refused(candidate) && !refused(legacy)
}

/// Whether it is a mismatch by such a refusal of a request that went out with credentials.
fn refused_in_a_name(observation: &Observation, asked: &Asked, outcome: Outcome) -> bool {
    outcome == Outcome::Mismatched && asked.credentials == Carried::Sent && refuses_alone(observation, asked)
}

pub(super) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// How long was waited, and whether the truth is longer. A failure that is no time-out says nothing of latency.
fn waited(answer: &Result<Answer, Failed>) -> Option<(std::time::Duration, bool)> {
    match answer {
        Ok(answer) => Some((answer.latency, false)),
        Err(failed) => (failed.failure == Failure::Timeout).then_some((failed.after, true)),
    }
}

fn count_outcome(books: &mut ShadowBooks, outcome: Outcome) {
    books.exchanges += 1;
    match outcome {
        Outcome::Skipped(skip) => return books.skipped.add(skip),
        Outcome::Failed(failure) => {
            books.sent += 1;
            return books.failed.add(failure);
        }
        _ => {}
    }
    books.sent += 1;
    books.compared += 1;
    match outcome {
        Outcome::Matched => books.matched += 1,
        Outcome::Accepted => books.accepted += 1,
        Outcome::Mismatched => books.mismatched += 1,
        Outcome::Noisy => books.noisy += 1,
        Outcome::Drifted => books.drifted += 1,
        Outcome::NotComparable(why) => books.not_comparable.add(why),
        Outcome::Failed(_) | Outcome::Skipped(_) => {}
    }
}
