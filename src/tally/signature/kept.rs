//! The exchanges of one signature that are kept: so many, of so many bytes, whichever way they came.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::form::{self, SpecimenError};
use super::key::SignatureKey;
use crate::compare::Comparer;
use crate::exchange::{Endpoint, Observation, Specimen};

/// Exchanges that are kept of one signature.
pub const MAX_KEPT: usize = 16;
/// Bytes of them together, compressed; so a run has at most [`super::MAX_SIGNATURES`] times as many.
pub const MAX_KEPT_BYTES: usize = 24 << 10;

crate::exchange::reasons! {
    /// What a kept exchange is good for.
    KeptState {
        /// It compares as it did with its secrets.
        Faithful = "faithful",
        /// Without its secrets it compares otherwise: a rule has looked at one.
        Unfaithful = "unfaithful",
        /// It was chosen and is too large: nothing of it is here.
        TooLarge = "too-large",
    }
}

/// One exchange that was chosen to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its position in the source.
    pub sequence: u64,
    /// What it is good for.
    pub state: KeptState,
    /// Written down and compressed; empty where it is too large.
    pub(crate) bytes: Arc<[u8]>,
}

impl Kept {
    pub(super) fn of(observation: &Observation, key: &SignatureKey, comparer: &Comparer) -> Kept {
        let sequence = observation.sequence;
        let too_large = || Kept { sequence, state: KeptState::TooLarge, bytes: Arc::from([]) };
        let Ok(hidden) = comparer.specimen(observation) else { return too_large() };
        let again = comparer.compare(&hidden);
        let (again, _) =
            SignatureKey::of(key.endpoint, key.class, &again, &mut |name| comparer.redactor().sealed(name));
        let state = if again == *key { KeptState::Faithful } else { KeptState::Unfaithful };
        match form::written(&hidden) {
            Some(bytes) if bytes.len() <= MAX_KEPT_BYTES => Kept { sequence, state, bytes: bytes.into() },
            _ => too_large(),
        }
    }

    /// The exchange, where it is here.
    ///
    /// # Errors
    /// [`SpecimenError`]: what was read from a file is none of ours.
    pub fn specimen(&self, endpoint: &Endpoint) -> Result<Option<Specimen>, SpecimenError> {
        if self.state == KeptState::TooLarge {
            return Ok(None);
        }
        let observation = form::read(&self.bytes, self.sequence)?;
        Ok(Some(Specimen { endpoint: endpoint.clone(), observation }))
    }
}

/// Where an exchange stands in the choice: first a digest of its position, so that early and late ones have the same chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    pub(crate) digest: u64,
    pub(crate) sequence: u64,
}

impl Rank {
    pub(super) const MAX: Rank = Rank { digest: u64::MAX, sequence: u64::MAX };

    pub(crate) fn of(sequence: u64) -> Rank {
        // The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection whose values look random.
        let mut z = sequence.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Rank { digest: z ^ (z >> 31), sequence }
    }

    pub(crate) fn read(digest: u64, sequence: u64) -> Rank {
        Rank { digest, sequence }
    }
}

/// Those with the smallest ranks, up to the first that is too much. Whatever the order they come in: what is before that
/// first one in all of them is before the first one in each part.
#[derive(Debug, Clone)]
pub(crate) struct Examples {
    kept: BTreeMap<Rank, Arc<Kept>>,
    /// The first that was too much: from it on nothing is kept.
    cut: Rank,
}

impl Default for Examples {
    fn default() -> Self {
        Examples { kept: BTreeMap::new(), cut: Rank::MAX }
    }
}

impl Examples {
    pub(super) fn wants(&self, rank: Rank) -> bool {
        rank < self.cut
    }

    /// From here on nothing is kept.
    pub(crate) fn cut(&self) -> Rank {
        self.cut
    }

    pub(crate) fn insert(&mut self, rank: Rank, kept: Arc<Kept>) {
        self.kept.insert(rank, kept);
        self.trim();
    }

    pub(crate) fn merge(&mut self, other: Examples) {
        self.cut = self.cut.min(other.cut);
        self.kept.extend(other.kept);
        self.trim();
    }

    /// By rank.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Rank, &Arc<Kept>)> {
        self.kept.iter().map(|(rank, kept)| (*rank, kept))
    }

    /// With the cut that was read from a file.
    pub(crate) fn cut_at(&mut self, cut: Rank) {
        self.cut = self.cut.min(cut);
        self.trim();
    }

    pub(super) fn moved(self, moved: impl Fn(u64) -> u64) -> Examples {
        let kept = self.kept.into_iter().map(|(rank, kept)| {
            let sequence = moved(rank.sequence);
            (Rank { sequence, ..rank }, Arc::new(Kept { sequence, ..Arc::unwrap_or_clone(kept) }))
        });
        Examples { kept: kept.collect(), cut: self.cut }
    }

    pub(super) fn into_kept(self) -> Vec<Arc<Kept>> {
        self.kept.into_values().collect()
    }

    fn trim(&mut self) {
        let (mut count, mut bytes) = (0, 0);
        for (rank, kept) in &self.kept {
            count += 1;
            bytes += kept.bytes.len();
            if *rank >= self.cut || count > MAX_KEPT || bytes > MAX_KEPT_BYTES {
                self.cut = *rank.min(&self.cut);
                break;
            }
        }
        let cut = self.cut;
        self.kept.retain(|rank, _| *rank < cut);
    }
}
