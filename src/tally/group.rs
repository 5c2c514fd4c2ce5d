//! Differences grouped by what they have in common: the endpoint, the place, the kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::exchange::{
    Difference, DifferenceKind, Endpoint, Example, Location, Observation, Outcome, Segment, Timestamp,
};

use crate::suggest::DifferenceName;
use crate::suggest::explain::Explained;

use super::affected::Affected;
use super::count::earlier;
use super::endpoints::looks_like_a_value;
use super::explained::Advice;

/// At most so many groups. Which are kept is decided by a digest of what names the group, so that it does not depend
/// on how the work was spread; the differences of the others are counted.
pub const MAX_GROUPS: usize = 512;
/// At most so many examples a group: those that came first in the source.
pub const MAX_EXAMPLES_PER_GROUP: usize = 3;
/// A longer place is cut, at the end.
pub(crate) const MAX_PLACE_BYTES: usize = 256;

crate::exchange::reasons! {
    /// What became of the exchanges in which a group's differences were found.
    DifferenceClass {
        /// They count as mismatches.
        Mismatched = "mismatched",
        /// The legacy differs from itself in this way.
        Noisy = "noisy",
        /// The live legacy has moved on.
        Drifted = "drifted",
    }
}

impl DifferenceClass {
    pub(crate) fn of(outcome: Outcome) -> Option<DifferenceClass> {
        match outcome {
            Outcome::Mismatched => Some(DifferenceClass::Mismatched),
            Outcome::Noisy => Some(DifferenceClass::Noisy),
            Outcome::Drifted => Some(DifferenceClass::Drifted),
            _ => None,
        }
    }
}

/// Differences of one kind at one place of one endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DifferenceGroup {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The place, array positions and keys that are values shown as `*`: `body /items/*/price`.
    pub place: String,
    /// In what way the sides disagree.
    pub kind: DifferenceKind,
    /// What became of the exchanges.
    pub class: DifferenceClass,
    /// How many such differences.
    pub differences: u64,
    /// In how many exchanges.
    pub exchanges: u64,
    /// When the first of these exchanges began, RFC 3339, by the clock of the capture.
    pub first_seen: Option<String>,
    /// When the last one began.
    pub last_seen: Option<String>,
    /// About how many clients saw it, as the policy tells clients apart (up to about 7,000); None where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<u64>,
    /// The first of these exchanges, by their position in the source.
    pub examples: Vec<Arc<Example>>,
    /// What goes with it; None where nobody asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained: Option<Explained>,
    /// A rule that would answer for it; None where nobody asked, or no rule is narrow enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<Advice>,
}

impl DifferenceGroup {
    /// What names it among kept exchanges.
    pub fn name(&self) -> DifferenceName {
        DifferenceName { endpoint: self.endpoint.clone(), place: self.place.clone(), kind: self.kind }
    }
}

/// What names a group before endpoints are resolved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) digest: u64,
    pub(crate) endpoint: u32,
    pub(crate) place: String,
    pub(crate) kind: DifferenceKind,
    pub(crate) class: DifferenceClass,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) differences: u64,
    pub(crate) exchanges: u64,
    pub(crate) first: Option<Timestamp>,
    pub(crate) last: Option<Timestamp>,
    pub(crate) affected: Affected,
    pub(crate) examples: BTreeMap<u64, Arc<Example>>,
}

impl Group {
    pub(crate) fn merge(&mut self, other: Group) {
        self.differences += other.differences;
        self.exchanges += other.exchanges;
        self.first = earlier(self.first, other.first);
        self.last = self.last.max(other.last);
        self.affected.merge(&other.affected);
        self.examples.extend(other.examples);
        while self.examples.len() > MAX_EXAMPLES_PER_GROUP {
            self.examples.pop_last();
        }
    }

    fn wants(&self, sequence: u64) -> bool {
        self.examples.len() < MAX_EXAMPLES_PER_GROUP
            || self.examples.last_key_value().is_some_and(|(last, _)| sequence < *last)
    }
}

/// The groups with the smallest digests. Whatever the order: a group that is among the smallest of all is among the
/// smallest of each part, so nothing of it is ever evicted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups {
    pub(crate) groups: BTreeMap<Key, Group>,
}

impl Groups {
    /// Counts one exchange's differences that no rule answers for, as seen by a client of that group.
    pub(crate) fn absorb(
        &mut self,
        class: DifferenceClass,
        observation: &Observation,
        client: u16,
        differences: &[Difference],
        example: impl FnOnce() -> Example,
    ) {
        let (sequence, started) = (observation.sequence, observation.exchange.moments.started());
        let mut counts: BTreeMap<Key, u64> = BTreeMap::new();
        for difference in differences.iter().filter(|d| d.rule.is_none()) {
            *counts.entry(Key::of(observation.endpoint, difference, class)).or_default() += 1;
        }
        let mut wanting = Vec::new();
        for (key, differences) in counts {
            if self.is_past_the_bound(&key) {
                continue;
            }
            let group = self.groups.entry(key.clone()).or_default();
            group.differences += differences;
            group.exchanges += 1;
            group.first = earlier(group.first, started);
            group.last = group.last.max(started);
            group.affected.add(client);
            if group.wants(sequence) {
                wanting.push(key);
            }
        }
        self.trim();
        wanting.retain(|key| self.groups.contains_key(key));
        if wanting.is_empty() {
            return;
        }
        let example = Arc::new(example());
        for key in wanting {
            if let Some(group) = self.groups.get_mut(&key) {
                group.merge(Group { examples: BTreeMap::from([(sequence, Arc::clone(&example))]), ..Group::default() });
            }
        }
    }

    pub(crate) fn merge(&mut self, other: Groups) {
        for (key, group) in other.groups {
            self.groups.entry(key).or_default().merge(group);
        }
        self.trim();
    }

    fn is_past_the_bound(&self, key: &Key) -> bool {
        self.groups.len() >= MAX_GROUPS
            && self.groups.last_key_value().is_some_and(|(last, _)| key > last)
            && !self.groups.contains_key(key)
    }

    fn trim(&mut self) {
        while self.groups.len() > MAX_GROUPS {
            self.groups.pop_last();
        }
    }
}

impl Key {
    fn of(endpoint: u32, difference: &Difference, class: DifferenceClass) -> Key {
        Key::new(endpoint, general_place(&difference.at), difference.kind, class)
    }

    pub(crate) fn new(endpoint: u32, place: String, kind: DifferenceKind, class: DifferenceClass) -> Key {
        let text = place.bytes().chain(kind.as_str().bytes()).chain(class.as_str().bytes());
        Key { digest: digest(endpoint, text), endpoint, place, kind, class }
    }
}

/// FNV-1a, 64 bits: the same on every machine, which the standard hashers do not promise.
pub(super) fn digest(endpoint: u32, text: impl Iterator<Item = u8>) -> u64 {
    endpoint
        .to_be_bytes()
        .into_iter()
        .chain(text)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The place with everything left out that differs from exchange to exchange.
pub fn general_place(at: &Location) -> String {
    let mut place = match at {
        Location::Json(path) if !path.is_empty() => {
            let general = path.iter().map(|segment| match segment {
                Segment::Index(_) => "/*".to_owned(),
                Segment::Key(key) if looks_like_a_value(key) => "/*".to_owned(),
                Segment::Key(_) => crate::exchange::pointer(std::slice::from_ref(segment)),
            });
            std::iter::once("body ".to_owned()).chain(general).collect()
        }
        Location::Text(_) => "body line *".to_owned(),
        other => other.to_string(),
    };
    if place.len() > MAX_PLACE_BYTES {
        let end = (0..=MAX_PLACE_BYTES).rev().find(|at| place.is_char_boundary(*at)).unwrap_or(0);
        place.truncate(end);
        place.push('…');
    }
    place
}
