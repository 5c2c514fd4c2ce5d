//! Whether faults are noticed, and what hid those that are not.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::look::Place;
use super::seed::{Fault, faults};
use super::trial::Counted;
use super::{FaultKind, Laid};
use crate::compare::Comparer;
use crate::exchange::{Comparison, Difference, Location, Outcome, Specimen};

/// Places of one endpoint at which faults went unnoticed that are told apart; the others are counted as one.
pub const MAX_UNNOTICED: usize = 64;
/// What stands for those others.
const ELSEWHERE: &str = "…";

/// Why a fault went unnoticed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hider {
    /// A rule answered for the difference.
    Rule(Arc<str>),
    /// The live legacy no longer answers as recorded just there, so that the difference counts as drift.
    Drift,
    /// The comparison was given up: a limit was reached.
    GivenUp,
    /// The comparison saw no difference. A defect of tapcompare.
    Nothing,
}

impl fmt::Display for Hider {
    /// A rule's id; the others in brackets, which no id has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hider::Rule(id) => id,
            Hider::Drift => "(drift of the legacy)",
            Hider::GivenUp => "(comparison given up)",
            Hider::Nothing => "(nothing)",
        })
    }
}

impl Serialize for Hider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Hider {
    fn schema_name() -> Cow<'static, str> {
        "Hider".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "The id of a rule; other reasons in brackets."})
    }
}

/// Faults of one kind at one place that went unnoticed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unnoticed {
    /// What was wrong.
    pub fault: FaultKind,
    /// Where, array positions shown as `*`; without secrets, and hostile.
    pub place: String,
    /// What hid it.
    pub hidden_by: Hider,
    /// How many such faults.
    pub faults: u64,
}

/// A fault that went unnoticed.
#[derive(Debug)]
struct Missed {
    kind: FaultKind,
    place: Arc<Place>,
    hider: Hider,
}

/// The faults of one specimen.
#[derive(Debug, Default)]
pub(super) struct Tried {
    counts: BTreeMap<FaultKind, Counted>,
    missed: Vec<Missed>,
}

/// Puts every fault into a specimen whose answers agree, each by itself, and looks what becomes of it. `place` names a place.
pub(super) fn try_all(
    specimen: &Specimen,
    laid: &Laid,
    before: &Comparison,
    comparer: &Comparer,
    place: &mut dyn FnMut(&Location) -> Arc<Place>,
) -> Tried {
    let mut tried = Tried::default();
    for Fault { kind, at, response } in faults(specimen, laid) {
        let found = comparer.compare_unshown(&laid.answered(response));
        let noticed = matches!(found.outcome, Outcome::Mismatched | Outcome::Failed(_));
        if !noticed {
            let Some(hider) = hider(before, &found, &at) else { continue };
            tried.missed.push(Missed { kind, place: place(&at), hider });
        }
        let counted = tried.counts.entry(kind).or_default();
        counted.seeded += 1;
        counted.noticed += u64::from(noticed);
    }
    tried
}

/// The faults of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Detection {
    pub(super) counts: BTreeMap<FaultKind, Counted>,
    /// By the real names of places, which must not be shown; with the name to show.
    unnoticed: BTreeMap<(FaultKind, String, Hider), (String, u64)>,
}

impl Detection {
    /// Adds those of one specimen.
    pub(super) fn take(&mut self, tried: &Tried) {
        for (kind, counted) in &tried.counts {
            let sum = self.counts.entry(*kind).or_default();
            *sum = sum.add(*counted);
        }
        for missed in &tried.missed {
            self.miss(missed);
        }
    }

    fn miss(&mut self, Missed { kind, place, hider }: &Missed) {
        let mut key = (*kind, place.real.clone(), hider.clone());
        if self.unnoticed.len() >= MAX_UNNOTICED && !self.unnoticed.contains_key(&key) {
            key.1 = ELSEWHERE.to_owned();
            self.unnoticed.entry(key).or_insert_with(|| (ELSEWHERE.to_owned(), 0)).1 += 1;
        } else {
            self.unnoticed.entry(key).or_insert_with(|| (place.shown.clone(), 0)).1 += 1;
        }
    }

    /// What went unnoticed, the most frequent first.
    pub(super) fn unnoticed(&self) -> Vec<Unnoticed> {
        let mut joined: BTreeMap<(FaultKind, &str, &Hider), u64> = BTreeMap::new();
        for ((kind, _, hider), (place, faults)) in &self.unnoticed {
            *joined.entry((*kind, place, hider)).or_default() += faults;
        }
        let mut all: Vec<Unnoticed> = joined
            .into_iter()
            .map(|((fault, place, hider), faults)| Unnoticed {
                fault,
                place: place.to_owned(),
                hidden_by: hider.clone(),
                faults,
            })
            .collect();
        // Stable: equals stay in the order of their names.
        all.sort_by_key(|unnoticed| std::cmp::Reverse(unnoticed.faults));
        all
    }
}

/// What hid a fault; None where it is none: it took away a difference that was there and made no other, so that the
/// answer has come nearer to the legacy's (a field that only the candidate has is dropped, a tolerated value becomes the
/// legacy's).
fn hider(before: &Comparison, after: &Comparison, at: &Location) -> Option<Hider> {
    let mut new = after.differences.iter().filter(|difference| !before.differences.contains(difference));
    let nearer = before.differences.iter().any(|difference| !after.differences.contains(difference));
    let by_rule = |difference: &Difference| difference.rule.as_ref().map(|hit| Hider::Rule(Arc::clone(&hit.id)));
    match (after.outcome, new.find_map(by_rule)) {
        (Outcome::Drifted, _) => Some(Hider::Drift),
        (Outcome::NotComparable(_), _) => Some(Hider::GivenUp),
        (_, Some(rule)) => Some(rule),
        (_, None) if nearer => None,
        // The difference that is there looks as before: its texts are cut where they differ now.
        (_, None) => {
            let there = |difference: &&Difference| holds(&difference.at, at);
            Some(before.differences.iter().find(there).and_then(by_rule).unwrap_or(Hider::Nothing))
        }
    }
}

/// Whether a place is another, or lies in it.
fn holds(outer: &Location, inner: &Location) -> bool {
    match (outer, inner) {
        (Location::Json(outer), Location::Json(inner)) => inner.starts_with(outer),
        _ => outer == inner,
    }
}
