//! The counting itself.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exchange::{
    Answer, Asked, Comparison, Difference, Example, Failed, Failure, Fate, Observation, Outcome, RuleAnswer, Timestamp,
};
use crate::ledger::ShadowBooks;

use super::group::{DifferenceClass, Groups, general_place};
use super::latency::Recorder;
use super::snapshot::{Drift, FailureSample, RuleSample};

/// The request line of a sample is cut at so many characters.
const MAX_SAMPLE_CHARS: usize = 160;

/// What one endpoint number has gathered.
#[derive(Debug, Default)]
pub(super) struct EndpointTally {
    pub(super) books: ShadowBooks,
    pub(super) legacy_5xx: u64,
    pub(super) candidate_5xx: u64,
    pub(super) legacy: Recorder,
    pub(super) candidate: Recorder,
    pub(super) captured: Recorder,
    /// Exchanges that are accepted, by the accept rules that answered.
    pub(super) accepted_by: BTreeMap<Arc<str>, u64>,
    pub(super) failure_samples: BTreeMap<Failure, FailureSample>,
}

/// What one rule has answered for.
#[derive(Debug, Clone)]
pub(super) struct RuleTally {
    pub(super) answer: RuleAnswer,
    pub(super) differences: u64,
    pub(super) exchanges: u64,
    pub(super) sample: RuleSample,
}

/// The counters of one worker.
#[derive(Debug, Default)]
pub struct Tally {
    pub(super) endpoints: BTreeMap<u32, EndpointTally>,
    pub(super) groups: Groups,
    pub(super) rules: BTreeMap<Arc<str>, RuleTally>,
    pub(super) drift: Drift,
    pub(super) differences: u64,
    pub(super) more_differences: u64,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
}

impl Tally {
    /// An empty tally.
    pub fn new() -> Tally {
        Tally::default()
    }

    /// Counts one observation in the one class that its comparison gave it. `example` is called only where the
    /// observation is to be kept as an example, or something else of it: whatever of an exchange's texts stays here comes
    /// from its example, which has no secrets, and never from the observation or the comparison.
    pub fn absorb(&mut self, observation: &Observation, comparison: &Comparison, example: impl FnOnce() -> Example) {
        if let Some(started) = observation.exchange.moments.started() {
            self.first = earlier(self.first, Some(started));
            self.last = self.last.max(Some(started));
        }
        let example = LazyCell::new(example);
        let endpoint = self.endpoints.entry(observation.endpoint).or_default();
        count_outcome(&mut endpoint.books, comparison.outcome);
        if let Fate::Asked(asked) = &observation.fate {
            endpoint.absorb_asked(observation, asked, comparison, &|| example.request.clone());
        }
        self.more_differences += comparison.more_differences;
        if let Some(drifted) = comparison.legacy_drifted {
            self.drift.asked += 1;
            self.drift.drifted += u64::from(drifted);
        }
        self.absorb_rules(observation, comparison, &|at| example.differences.get(at).cloned());
        if let Some(class) = DifferenceClass::of(comparison.outcome) {
            self.differences += comparison.differences.iter().filter(|d| d.rule.is_none()).count() as u64;
            let (endpoint, sequence) = (observation.endpoint, observation.sequence);
            self.groups.absorb(class, endpoint, sequence, &comparison.differences, || example.clone());
        }
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
        for (number, tally) in other.endpoints {
            self.endpoints.entry(number).or_default().merge(tally);
        }
        self.groups.merge(other.groups);
        for (id, rule) in other.rules {
            match self.rules.get_mut(&id) {
                Some(known) => known.merge(rule),
                None => {
                    self.rules.insert(id, rule);
                }
            }
        }
        self.drift.asked += other.drift.asked;
        self.drift.drifted += other.drift.drifted;
        self.differences += other.differences;
        self.more_differences += other.more_differences;
        self.first = earlier(self.first, other.first);
        self.last = self.last.max(other.last);
    }
}

impl RuleTally {
    fn merge(&mut self, other: RuleTally) {
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
        let legacy_status = match &asked.legacy {
            Some(Ok(answer)) => Some(answer.response.status),
            Some(Err(_)) => None,
            None => observation.exchange.response.as_ref().map(|r| r.status),
        };
        let candidate_status = asked.candidate.as_ref().ok().map(|a| a.response.status);
        self.legacy_5xx += u64::from(legacy_status.is_some_and(|s| s >= 500));
        self.candidate_5xx += u64::from(candidate_status.is_some_and(|s| s >= 500));

        let reference = match &asked.legacy {
            Some(answer) => waited(answer),
            None => captured.map(|latency| (latency, false)),
        };
        // Only pairs: a side alone would compare two different populations. An error answered quickly is no speed.
        if let (Some(legacy), Some(candidate)) = (reference, waited(&asked.candidate))
            && comparison.outcome != Outcome::Failed(Failure::ServerError)
        {
            self.legacy.record(legacy.0, legacy.1);
            self.candidate.record(candidate.0, candidate.1);
        }

        match comparison.outcome {
            Outcome::Failed(failure) => self.keep_failure(failure, observation.sequence, line),
            Outcome::Accepted => {
                let accepting = comparison.differences.iter().filter_map(|d| d.rule.as_ref());
                let mut ids: Vec<_> = accepting.filter(|r| r.answer == RuleAnswer::Accept).map(|r| &r.id).collect();
                ids.sort_unstable();
                ids.dedup();
                for id in ids {
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

    pub(super) fn merge(&mut self, other: EndpointTally) {
        merge_books(&mut self.books, &other.books);
        self.legacy_5xx += other.legacy_5xx;
        self.candidate_5xx += other.candidate_5xx;
        self.legacy.merge(other.legacy);
        self.candidate.merge(other.candidate);
        self.captured.merge(other.captured);
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

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
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

pub(super) fn merge_books(books: &mut ShadowBooks, other: &ShadowBooks) {
    books.exchanges += other.exchanges;
    books.sent += other.sent;
    books.skipped.merge(&other.skipped);
    books.failed.merge(&other.failed);
    books.compared += other.compared;
    books.matched += other.matched;
    books.accepted += other.accepted;
    books.mismatched += other.mismatched;
    books.noisy += other.noisy;
    books.drifted += other.drifted;
    books.not_comparable.merge(&other.not_comparable);
}
