//! What names a signature.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::super::endpoints::looks_like_a_value;
use super::super::group::{MAX_PLACE_BYTES, general_place};
use crate::exchange::{Comparison, Difference, DifferenceKind, Location, Outcome, RuleHit, Segment, StatusClass};

/// Things found that tell one signature from another: the first in their order. Exchanges that differ in later ones only
/// have the same signature.
pub const MAX_ELEMENTS: usize = 32;

/// One thing that comparing found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Element {
    /// The general place. In signatures whose differences rules answer for, names in JSON paths stand under marks: the
    /// places of such differences keep their secrets in memory, and nobody needs to read these.
    pub place: String,
    /// In what way the sides disagree.
    pub kind: DifferenceKind,
    /// The rule that answers for it.
    pub rule: Option<RuleHit>,
}

/// The place of the element that says that there may be more than the others say: the comparison was given up, or found more
/// than it lists. No place of an answer is called so.
const UNSEEN: &str = "…";

impl Element {
    fn unseen() -> Element {
        Element { place: UNSEEN.to_owned(), kind: DifferenceKind::Encoding, rule: None }
    }

    /// Whether it stands for what was not seen.
    pub(crate) fn is_unseen(&self) -> bool {
        self.place == UNSEEN
    }
}

/// Whether a comparison says less than there is.
fn has_unseen(comparison: &Comparison) -> bool {
    comparison.more_differences > 0 || (comparison.hindrance.is_some() && places_are_open(comparison.outcome))
}

/// Ordered by a digest of the rest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SignatureKey {
    digest: u64,
    pub(crate) endpoint: u32,
    /// Of the legacy's answer.
    pub(crate) class: StatusClass,
    pub(crate) outcome: Outcome,
    /// In order, each once.
    pub(crate) elements: Vec<Element>,
}

impl SignatureKey {
    /// By which signatures are kept or not.
    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    /// The signature of a comparison, and how many of its differences each element is.
    pub(crate) fn of(
        endpoint: u32,
        class: StatusClass,
        comparison: &Comparison,
        seal: &mut dyn FnMut(&str) -> String,
    ) -> (SignatureKey, Vec<u64>) {
        let outcome = comparison.outcome;
        let unseen = has_unseen(comparison).then(Element::unseen);
        let all: Vec<Element> =
            comparison.differences.iter().map(|d| element(d, outcome, seal)).chain(unseen).collect();
        let mut counts: BTreeMap<&Element, u64> = BTreeMap::new();
        for element in &all {
            *counts.entry(element).or_default() += 1;
        }
        let counts = counts.into_values().take(MAX_ELEMENTS).collect();
        (SignatureKey::new(endpoint, class, outcome, all), counts)
    }

    pub(crate) fn new(endpoint: u32, class: StatusClass, outcome: Outcome, mut elements: Vec<Element>) -> SignatureKey {
        elements.sort_unstable();
        elements.dedup();
        elements.truncate(MAX_ELEMENTS);
        let mut digest = Fnv::new();
        digest.add(&endpoint.to_be_bytes());
        digest.add(class.as_str().as_bytes());
        digest.add(outcome_name(outcome).as_bytes());
        for element in &elements {
            digest.add(element.place.as_bytes());
            digest.add(element.kind.as_str().as_bytes());
            if let Some(rule) = &element.rule {
                digest.add(rule.id.as_bytes());
            }
            digest.add(b"\0");
        }
        SignatureKey { digest: digest.0, endpoint, class, outcome, elements }
    }
}

/// Whether comparing has taken the secrets out of the places already.
fn places_are_open(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Mismatched | Outcome::Drifted | Outcome::Noisy)
}

fn element(difference: &Difference, outcome: Outcome, seal: &mut dyn FnMut(&str) -> String) -> Element {
    let place = match &difference.at {
        Location::Json(path) if !path.is_empty() && !places_are_open(outcome) => {
            let mut step = |segment: &Segment| match segment {
                Segment::Key(key) if !looks_like_a_value(key) => format!("/{}", seal(key)),
                _ => "/*".to_owned(),
            };
            let mut place: String = std::iter::once("body ".to_owned()).chain(path.iter().map(&mut step)).collect();
            // Marks are ASCII.
            place.truncate(MAX_PLACE_BYTES);
            place
        }
        other => general_place(other),
    };
    Element { place, kind: difference.kind, rule: difference.rule.clone() }
}

/// `matched`, `failed timeout`: an outcome with its reason.
pub(crate) fn outcome_name(outcome: Outcome) -> String {
    match outcome {
        Outcome::Matched => "matched".to_owned(),
        Outcome::Accepted => "accepted".to_owned(),
        Outcome::Mismatched => "mismatched".to_owned(),
        Outcome::Noisy => "noisy".to_owned(),
        Outcome::Drifted => "drifted".to_owned(),
        Outcome::NotComparable(why) => format!("not-comparable {why}"),
        Outcome::Failed(why) => format!("failed {why}"),
        Outcome::Skipped(why) => format!("skipped {why}"),
    }
}

/// The outcome of that name, where it is one that signatures have.
pub(crate) fn outcome_named(name: &str) -> Option<Outcome> {
    Some(match name {
        "matched" => Outcome::Matched,
        "accepted" => Outcome::Accepted,
        "mismatched" => Outcome::Mismatched,
        "noisy" => Outcome::Noisy,
        "drifted" => Outcome::Drifted,
        other => {
            let why = other.strip_prefix("not-comparable ")?;
            let named = crate::exchange::NotComparable::ALL.iter().find(|reason| reason.as_str() == why);
            Outcome::NotComparable(*named?)
        }
    })
}

/// An endpoint number with what a comparison found, hashed without writing a place down. Equal signatures need not have
/// equal hashes, but equal hashes have equal signatures, and as many differences of each element.
pub(super) struct Quick<'a>(pub(super) u32, pub(super) StatusClass, pub(super) &'a Comparison);

impl Hash for Quick<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Quick(endpoint, class, comparison) = self;
        endpoint.hash(state);
        class.hash(state);
        comparison.outcome.hash(state);
        has_unseen(comparison).hash(state);
        for Difference { at, kind, rule, .. } in &comparison.differences {
            match at {
                Location::Json(path) => {
                    state.write_u8(1);
                    for segment in path {
                        match segment {
                            Segment::Key(key) if !looks_like_a_value(key) => key.hash(state),
                            _ => state.write_u8(2),
                        }
                    }
                    state.write_u8(3);
                }
                Location::Text(_) => state.write_u8(4),
                other => other.hash(state),
            }
            kind.hash(state);
            rule.hash(state);
        }
    }
}

/// FNV-1a, 64 bits: the same on every machine.
struct Fnv(u64);

impl Fnv {
    fn new() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// The longest place that is written.
pub(crate) const MAX_WRITTEN_PLACE: usize = MAX_PLACE_BYTES + '…'.len_utf8();
