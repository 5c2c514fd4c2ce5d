//! Exchanges by what comparing them gave, counted exactly, each with some that are kept whole.
//!
//! A signature is an endpoint, an outcome, and the set of what was found: general place, kind, rule. Exchanges of one
//! signature are what other rules may judge otherwise together. Which are kept is decided by a digest of the position in
//! the source, so that they lie all over a run and not at its beginning, and so that however the work was spread the same
//! are kept.

mod form;
mod kept;
mod key;
mod spread;

pub use form::SpecimenError;
pub(crate) use kept::{Examples, Rank};
pub use kept::{Kept, KeptState, MAX_KEPT, MAX_KEPT_BYTES};
pub use key::{Element, MAX_ELEMENTS};
pub(crate) use key::{MAX_WRITTEN_PLACE, SignatureKey, outcome_name, outcome_named};
pub(crate) use spread::Spread;
pub use spread::{EARLIER, MAX_SPREAD_DAYS, SPREAD_GROUPS};

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::compare::Comparer;
use crate::exchange::{Comparison, Endpoint, Fate, NotComparable, Observation, Outcome, StatusClass};

/// At most so many signatures: those with the smallest digests, as with groups. The exchanges of the others are counted.
pub const MAX_SIGNATURES: usize = 2048;
/// Signatures that are known again without being spelled out. Past it they are spelled out anew.
const MAX_KNOWN: usize = 4096;

/// How many exchanges came out in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Of the status codes that the legacy answered.
    pub class: StatusClass,
    /// The class they ended in.
    pub outcome: Outcome,
    /// What was found, each once, with how many differences it was in all of them together. Names in JSON places are
    /// sealed where rules answer for everything: see [`Element::place`].
    pub elements: Vec<(Element, u64)>,
    /// How many exchanges.
    pub exchanges: u64,
    /// How they lie on days since 1970-01-01 ([`EARLIER`]: before those that are told apart) and on groups of clients.
    pub spread: Vec<(i64, u16, u64)>,
    /// Some of them, by their digests.
    pub kept: Vec<Arc<Kept>>,
}

/// What was kept of a run to be compared again, in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct KeptBooks {
    /// Exchanges that were compared and have a signature.
    pub exchanges: u64,
    /// Of these, those whose signature is past the bound.
    pub past_bound: u64,
    /// Signatures.
    pub signatures: u64,
    /// Exchanges that are kept whole and compare as they did.
    pub specimens: u64,
    /// Kept, but without their secrets they compare otherwise.
    pub unfaithful: u64,
    /// Chosen, and too large to be kept.
    pub too_large: u64,
}

impl KeptBooks {
    pub(super) fn of(exchanges: u64, signatures: &[Signature]) -> KeptBooks {
        let kept = |state| signatures.iter().flat_map(|s| &s.kept).filter(|kept| kept.state == state).count() as u64;
        KeptBooks {
            exchanges,
            past_bound: exchanges.saturating_sub(signatures.iter().map(|s| s.exchanges).sum()),
            signatures: signatures.len() as u64,
            specimens: kept(KeptState::Faithful),
            unfaithful: kept(KeptState::Unfaithful),
            too_large: kept(KeptState::TooLarge),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) exchanges: u64,
    /// Differences by element.
    pub(crate) differences: Vec<u64>,
    pub(crate) spread: Spread,
    pub(crate) examples: Examples,
}

impl Entry {
    fn count(&mut self, exchanges: u64, differences: &[u64]) {
        self.exchanges += exchanges;
        if self.differences.len() < differences.len() {
            self.differences.resize(differences.len(), 0);
        }
        for (mine, more) in self.differences.iter_mut().zip(differences) {
            *mine += more;
        }
    }

    pub(crate) fn merge(&mut self, other: Entry) {
        self.count(other.exchanges, &other.differences);
        self.spread.merge(other.spread);
        self.examples.merge(other.examples);
    }
}

/// The signatures of one worker.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signatures {
    pub(crate) entries: BTreeMap<Arc<SignatureKey>, Entry>,
    /// All exchanges that have a signature.
    pub(crate) exchanges: u64,
    known: Known,
}

/// Signatures by a quick hash of what was compared. It outlives handing the counts over, so that what this worker has kept
/// once is not made anew every second.
#[derive(Debug, Clone, Default)]
struct Known {
    /// With keys of this process: nobody can choose texts that collide.
    hasher: RandomState,
    signatures: FxHashMap<u64, KnownSignature>,
    /// The marks of names.
    seals: FxHashMap<String, String>,
}

#[derive(Debug, Clone)]
struct KnownSignature {
    key: Arc<SignatureKey>,
    /// Differences by element, the same in each comparison of that hash.
    differences: Arc<[u64]>,
    /// From here on nothing is kept of it.
    cut: kept::Rank,
}

impl Known {
    fn look(
        &mut self,
        observation: &Observation,
        comparison: &Comparison,
        comparer: &Comparer,
    ) -> (u64, KnownSignature) {
        let (endpoint, class) = (observation.endpoint, class_of(observation));
        let quick = self.hasher.hash_one(key::Quick(endpoint, class, comparison));
        if let Some(known) = self.signatures.get(&quick) {
            return (quick, known.clone());
        }
        let seals = &mut self.seals;
        let mut seal = |name: &str| -> String {
            if let Some(mark) = seals.get(name) {
                return mark.clone();
            }
            if seals.len() >= MAX_KNOWN {
                seals.clear();
            }
            let mark = comparer.redactor().sealed(name);
            seals.insert(name.to_owned(), mark.clone());
            mark
        };
        let (key, differences) = SignatureKey::of(endpoint, class, comparison, &mut seal);
        let known = KnownSignature { key: Arc::new(key), differences: differences.into(), cut: kept::Rank::MAX };
        if self.signatures.len() >= MAX_KNOWN {
            self.signatures.clear();
        }
        self.signatures.insert(quick, known.clone());
        (quick, known)
    }
}

impl Signatures {
    /// Counts one compared exchange, and keeps it where it is one of those that are kept.
    pub(super) fn absorb(
        &mut self,
        observation: &Observation,
        comparison: &Comparison,
        group: u16,
        comparer: &Comparer,
    ) {
        if !can_come_out_otherwise(observation, comparison.outcome) {
            return;
        }
        self.exchanges += 1;
        let (quick, KnownSignature { key, differences, cut }) = self.known.look(observation, comparison, comparer);
        if self.is_past_the_bound(&key) {
            return;
        }
        let entry = self.entries.entry(Arc::clone(&key)).or_default();
        entry.count(1, &differences);
        entry.spread.count(observation.exchange.moments.started(), group);
        let rank = kept::Rank::of(observation.sequence);
        if rank < cut && entry.examples.wants(rank) {
            entry.examples.insert(rank, Arc::new(Kept::of(observation, &key, comparer)));
            let cut = entry.examples.cut();
            if let Some(known) = self.known.signatures.get_mut(&quick) {
                known.cut = known.cut.min(cut);
            }
        }
        self.trim();
    }

    /// What was counted, with what is known left behind.
    pub(super) fn hand_over(&mut self) -> Signatures {
        let known = std::mem::take(&mut self.known);
        std::mem::replace(self, Signatures { known, ..Signatures::default() })
    }

    pub(super) fn merge(&mut self, other: Signatures) {
        self.exchanges += other.exchanges;
        for (key, entry) in other.entries {
            self.add(key, entry);
        }
    }

    /// Puts one in beside what is there.
    pub(crate) fn add(&mut self, key: Arc<SignatureKey>, entry: Entry) {
        self.entries.entry(key).or_default().merge(entry);
        self.trim();
    }

    /// The same under other endpoint numbers, and with positions that begin at `offset`.
    pub(super) fn renumbered(self, number: impl Fn(u32) -> u32, moved: impl Fn(u64) -> u64) -> Signatures {
        let mut signatures = Signatures { exchanges: self.exchanges, ..Signatures::default() };
        for (key, entry) in self.entries {
            let key = Arc::unwrap_or_clone(key);
            let key = SignatureKey::new(number(key.endpoint), key.class, key.outcome, key.elements);
            signatures.add(Arc::new(key), Entry { examples: entry.examples.moved(&moved), ..entry });
        }
        signatures
    }

    /// By endpoint, status class, outcome and what was found.
    pub(super) fn resolve(self, endpoint: impl Fn(u32) -> Endpoint) -> Vec<Signature> {
        type Name = (Endpoint, StatusClass, Outcome, Vec<Element>);
        let mut joined: BTreeMap<Name, Entry> = BTreeMap::new();
        for (key, entry) in self.entries {
            let name = (endpoint(key.endpoint), key.class, key.outcome, key.elements.clone());
            joined.entry(name).or_default().merge(entry);
        }
        let signature = |((endpoint, class, outcome, elements), entry): (Name, Entry)| {
            let counts = entry.differences.into_iter().chain(std::iter::repeat(0));
            Signature {
                endpoint,
                class,
                outcome,
                elements: elements.into_iter().zip(counts).collect(),
                exchanges: entry.exchanges,
                spread: entry.spread.iter().collect(),
                kept: entry.examples.into_kept(),
            }
        };
        joined.into_iter().map(signature).collect()
    }

    fn is_past_the_bound(&self, key: &Arc<SignatureKey>) -> bool {
        self.entries.len() >= MAX_SIGNATURES
            && self.entries.last_key_value().is_some_and(|(last, _)| key > last)
            && !self.entries.contains_key(key)
    }

    fn trim(&mut self) {
        while self.entries.len() > MAX_SIGNATURES {
            self.entries.pop_last();
        }
    }
}

fn class_of(observation: &Observation) -> StatusClass {
    StatusClass::of(observation.exchange.response.as_ref().map_or(0, |response| response.status))
}

/// Whether other rules could make something else of it: the candidate answered, there is something to compare it with, and
/// what it came to does not rest on the status alone.
fn can_come_out_otherwise(observation: &Observation, outcome: Outcome) -> bool {
    let answered = matches!(&observation.fate, Fate::Asked(asked) if asked.candidate.is_ok());
    answered
        && match outcome {
            Outcome::Failed(_) | Outcome::Skipped(_) => false,
            Outcome::NotComparable(why) => {
                !matches!(why, NotComparable::Credentials | NotComparable::ReferenceFailed | NotComparable::NotKept)
            }
            Outcome::Matched | Outcome::Accepted | Outcome::Mismatched | Outcome::Noisy | Outcome::Drifted => true,
        }
}

#[cfg(test)]
pub(crate) mod tests;
