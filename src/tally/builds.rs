//! Counts by the build of the candidate that has answered: evidence about one build says nothing of another.
//!
//! An answer says its build in a header that the policy names. What has no answer of the candidate (a failure, a request
//! that was held back, a 5xx of whoever stands before it) belongs to no build when it is counted; it is given to the one
//! that was in force at its minute, once all of them are known ([`Builds::epochs`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Tally;
use super::over_time::{OverTime, RunOverTime};
use super::timeline::Timeline;
use crate::compare::Comparer;
use crate::config::{BuildMark, Policy};
use crate::exchange::{Comparison, Day, Endpoint, EpochNote, Failure, Fate, Observation, Outcome, Skip};

/// Builds that are told apart. Of more, those are put together whose names have the largest digests.
pub const MAX_BUILDS: usize = 32;
/// Bytes of a build's name.
pub const MAX_BUILD_NAME: usize = 120;
/// The name of the builds past the bound.
pub const OTHER_BUILDS: &str = "{other builds}";
/// Raw names that are known again.
const MAX_KNOWN: usize = 256;

/// None: of no build yet, or builds are not told apart. An empty name: answers that do not say theirs.
pub type BuildName = Option<Arc<str>>;

/// What belongs to one build.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    pub(crate) tally: Tally,
    /// When it answered.
    pub(crate) answers: Timeline,
}

/// The counters of one worker, by build.
#[derive(Debug, Clone, Default)]
pub struct Builds {
    parts: BTreeMap<BuildName, Part>,
    /// What the header says, and what it is called where it is shown.
    known: FxHashMap<Vec<u8>, Arc<str>>,
}

/// The evidence about one build.
#[derive(Debug, Clone)]
pub(crate) struct BuildEpoch {
    pub(crate) build: BuildName,
    pub(crate) tally: Tally,
    /// Its answers.
    pub(crate) answers: u64,
    /// Answers of other builds at its time.
    pub(crate) out_of_turn: u64,
    /// Answers of builds past the bound.
    pub(crate) past_bound: u64,
}

impl From<Tally> for Builds {
    /// Counts of no build.
    fn from(tally: Tally) -> Builds {
        let part = Part { tally, answers: Timeline::default() };
        Builds { parts: BTreeMap::from([(None, part)]), known: FxHashMap::default() }
    }
}

impl Builds {
    /// Nothing counted.
    pub fn new() -> Builds {
        Builds::default()
    }

    /// Counts one compared observation, and keeps it where it is one of those that are kept.
    pub fn observe(
        &mut self,
        observation: &Observation,
        comparison: &Comparison,
        policy: &Policy,
        comparer: &Comparer,
    ) {
        let build = self.build_of(observation, comparison, &policy.build, comparer);
        let answered = build.is_some();
        if !self.parts.contains_key(&build) {
            self.parts.insert(build.clone(), Part::default());
        }
        let Some(part) = self.parts.get_mut(&build) else { return };
        let example = || comparer.example(observation, comparison);
        part.tally.absorb(observation, comparison, &policy.clients, example);
        part.tally.keep(observation, comparison, &policy.clients, comparer);
        if answered && let Some(started) = observation.exchange.moments.started() {
            part.answers.count(started);
        }
        self.bound();
    }

    /// Counts an exchange whose way ended before it was asked.
    pub fn skip(&mut self, observation: &Observation, skip: Skip) {
        self.parts.entry(None).or_default().tally.skip(observation, skip);
    }

    /// The name of the build that has answered; none where nobody did, or perhaps somebody else.
    fn build_of(
        &mut self,
        observation: &Observation,
        comparison: &Comparison,
        mark: &BuildMark,
        comparer: &Comparer,
    ) -> BuildName {
        let (BuildMark::Header(name), Fate::Asked(asked)) = (mark, &observation.fate) else { return None };
        let answer = asked.candidate.as_ref().ok()?;
        if comparison.outcome == Outcome::Failed(Failure::ServerError) {
            return None;
        }
        let value = answer.response.headers.get(name).unwrap_or_default();
        if let Some(known) = self.known.get(value) {
            return Some(Arc::clone(known));
        }
        // A build is shown and written down: its name has no secrets, and an end.
        let shown = comparer.header_of(observation, name, &String::from_utf8_lossy(value));
        let shown: Arc<str> = cut(&shown).into();
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(value.to_owned(), Arc::clone(&shown));
        Some(shown)
    }

    /// By the names of the builds; what belongs to none comes first.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&BuildName, &Part)> {
        self.parts.iter()
    }

    /// Puts one in beside what is there.
    pub(crate) fn add(&mut self, build: BuildName, part: Part) {
        let there = self.parts.entry(build).or_default();
        there.tally.merge(part.tally);
        there.answers.merge(part.answers);
        self.bound();
    }

    /// The whole of it over time, whichever build it was.
    pub(crate) fn over_time(&self, endpoints: &[Endpoint]) -> RunOverTime {
        let mut whole = OverTime::default();
        self.parts.values().for_each(|part| whole.merge(&part.tally.over_time));
        whole.resolve(endpoints)
    }

    /// See [`Tally::is_large`].
    pub fn is_large(&self) -> bool {
        self.parts.values().any(|part| part.tally.is_large()) || self.keys() >= super::LARGE_CELLS
    }

    /// See [`Tally::keys`].
    pub fn keys(&self) -> usize {
        self.parts.values().map(|part| part.tally.keys()).sum()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.parts.values().all(|part| part.tally.is_empty())
    }

    /// How many exchanges it has counted.
    pub fn exchanges(&self) -> u64 {
        self.parts.values().map(|part| part.tally.exchanges()).sum()
    }

    /// See [`Tally::hand_over`].
    pub fn hand_over(&mut self) -> Builds {
        let mut handed = Builds::default();
        for (build, part) in &mut self.parts {
            let delta = Part { tally: part.tally.hand_over(), answers: std::mem::take(&mut part.answers) };
            if !delta.tally.is_empty() {
                handed.parts.insert(build.clone(), delta);
            }
        }
        handed
    }

    /// The counts of all builds together, where there are several: outcomes and latencies by endpoint, and nothing of what is
    /// kept beside them. No evidence of anything, since builds are not to be mixed, but what only grows while a run goes on.
    pub(crate) fn together(&self) -> Option<Tally> {
        if self.parts.keys().flatten().count() < 2 {
            return None;
        }
        let mut all = Tally::new();
        for part in self.parts.values() {
            all.cells.merge(part.tally.cells.clone());
        }
        Some(all)
    }

    /// Adds another worker's counts. The order of merging does not show.
    pub fn merge(&mut self, other: Builds) {
        for (build, part) in other.parts {
            self.add(build, part);
        }
    }

    /// Lets go of when in its stretch something was, where that is of no use any more: what belongs to a build is known
    /// to, and what belongs to none yet keeps its minutes.
    pub fn forget_minutes(&mut self) {
        for (_, part) in self.parts.iter_mut().filter(|(build, _)| build.is_some()) {
            while part.tally.coarsen() {}
        }
    }

    fn bound(&mut self) {
        let named = |name: &BuildName| name.as_deref().is_some_and(|name| name != OTHER_BUILDS);
        while self.parts.keys().filter(|name| named(name)).count() > MAX_BUILDS {
            let names = self.parts.keys().filter(|name| named(name));
            let Some(last) = names.max_by_key(|name| digest(name.as_deref().unwrap_or_default())).cloned() else {
                return;
            };
            if let Some(part) = self.parts.remove(&last) {
                let there = self.parts.entry(Some(OTHER_BUILDS.into())).or_default();
                there.tally.merge(part.tally);
                there.answers.merge(part.answers);
            }
        }
    }

    /// The evidence build by build, in the order in which they were first heard. There is one at least.
    pub(crate) fn epochs(mut self) -> Vec<BuildEpoch> {
        let of_none = self.parts.remove(&None).unwrap_or_default().tally;
        let past_bound = self.parts.get(&Some(OTHER_BUILDS.into())).map_or(0, |part| part.answers.total());
        let mut parts: Vec<(BuildName, Part)> = self.parts.into_iter().collect();
        parts.sort_by(|(a, left), (b, right)| (left.tally.first, a).cmp(&(right.tally.first, b)));
        let whole = |build, tally, answers| BuildEpoch { build, tally, answers, out_of_turn: 0, past_bound };
        if parts.len() < 2 {
            let (build, part) = parts.pop().unwrap_or_default();
            let mut tally = part.tally;
            tally.merge(of_none);
            return vec![whole(build, tally, part.answers.total())];
        }
        let began: Vec<i64> =
            parts.iter().map(|(_, part)| part.tally.first.map_or(i64::MIN, |first| first.0)).collect();
        let in_turn: Vec<u64> = (0..parts.len()).map(|at| out_of_turn(&parts, at)).collect();
        let rest = of_none.split(&began);
        let epochs = parts.into_iter().zip(rest).zip(in_turn);
        epochs
            .map(|(((build, part), rest), out_of_turn)| {
                let answers = part.answers.total();
                let mut tally = part.tally;
                // When it was heard first and last is its own.
                let (first, last) = (tally.first, tally.last);
                tally.merge(rest);
                (tally.first, tally.last) = (first, last);
                BuildEpoch { out_of_turn, ..whole(build, tally, answers) }
            })
            .collect()
    }
}

impl BuildEpoch {
    /// What is told of it; its rules and policy are known elsewhere.
    pub(crate) fn note(&self) -> EpochNote {
        let mut note = EpochNote {
            build: self.build.as_deref().map(str::to_owned),
            first: self.tally.first.map(|time| time.to_string()),
            last: self.tally.last.map(|time| time.to_string()),
            ..EpochNote::default()
        };
        for (_, cell) in self.tally.cells.iter() {
            let books = &cell.books;
            note.exchanges += books.exchanges;
            note.compared += books.matched + books.accepted + books.mismatched;
            note.mismatched += books.mismatched;
        }
        note
    }
}

/// Answers of older builds after the first of this one, and of newer ones before its last.
fn out_of_turn(parts: &[(BuildName, Part)], at: usize) -> u64 {
    let Some((_, own)) = parts.get(at) else { return 0 };
    let (Some(first), Some(last)) = (own.tally.first, own.tally.last) else { return 0 };
    let older = parts.iter().take(at).map(|(_, part)| part.answers.after(first));
    let newer = parts.iter().skip(at + 1).map(|(_, part)| part.answers.before(last));
    older.chain(newer).fold(0, |sum, n| sum.saturating_add(n))
}

/// The position of the build in force at a moment: the latest that was heard before it, or within `width` nanoseconds
/// from it.
pub(super) fn in_force(began: &[i64], moment: i64, width: i64) -> usize {
    let until = moment.saturating_add(width - 1);
    began.iter().rposition(|first| *first <= until).unwrap_or(0)
}

/// The position of the build in force at the end of a day; of what has no day, the latest: nothing of what is not known is
/// to speak for it.
pub(super) fn in_force_on(began: &[i64], day: Option<Day>) -> usize {
    const NANOS_A_DAY: i64 = 86_400_000_000_000;
    match day {
        Some(Day(day)) => in_force(began, i64::from(day).saturating_mul(NANOS_A_DAY), NANOS_A_DAY),
        None => began.len().saturating_sub(1),
    }
}

fn cut(name: &str) -> &str {
    let end = (0..=MAX_BUILD_NAME.min(name.len())).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    &name[..end]
}

/// FNV-1a, 64 bits.
fn digest(name: &str) -> (u64, &str) {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    (hash, name)
}

#[cfg(test)]
mod tests;
