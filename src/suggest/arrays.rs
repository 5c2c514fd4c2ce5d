//! Arrays with the same elements in another order: a set that has none, or an order that was lost.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use serde_json::Value;

use super::answers::{Answers, at, canonical};
use super::evidence::Group;
use super::facts::Facts;
use super::identity::names_identity;
use super::noise::{Finding, MOST, Noise, Says, share};
use crate::exchange::Segment;

/// Elements of one array that are looked at, at most; larger arrays say nothing here.
const MAX_ELEMENTS: usize = 2_000;
/// Members of an element that are looked at.
const MAX_MEMBERS: usize = 100;
/// Arrays of as many elements or more, all of them backwards, are no chance.
const TELLING: usize = 3;

/// How one array was arranged on both sides.
#[derive(Debug, Clone)]
pub(super) struct Arrangement {
    elements: usize,
    /// The candidate's order is the legacy's, backwards.
    backwards: bool,
    /// What the legacy's order goes by: a member (or, as an empty name, the element itself), and whether upwards.
    sorted: BTreeSet<(String, bool)>,
    /// Members that no two elements have in common.
    unique: BTreeSet<String>,
    /// What the array has, and in which order the legacy gave it, as digests.
    set: u64,
    order: u64,
}

impl Arrangement {
    pub(super) fn of(answers: &Answers, path: &[Segment]) -> Option<Arrangement> {
        let array = |document: &Option<Value>| Some(at(document.as_ref()?, path)?.as_array()?.clone());
        let (legacy, candidate) = (array(&answers.legacy)?, array(&answers.candidate)?);
        if legacy.len() > MAX_ELEMENTS {
            return None;
        }
        let ours: Vec<String> = legacy.iter().map(canonical).collect();
        let theirs: Vec<String> = candidate.iter().map(canonical).collect();
        let mut set = ours.clone();
        set.sort();
        Some(Arrangement {
            elements: ours.len(),
            backwards: ours.iter().rev().eq(theirs.iter()),
            sorted: sorted_by(&legacy),
            unique: unique(&legacy),
            set: digest(&set),
            order: digest(&ours),
        })
    }
}

/// The same on every machine, and for no one to guess against: only counts hang on it.
fn digest(texts: &[String]) -> u64 {
    let mut hasher = FxHasher::default();
    texts.hash(&mut hasher);
    hasher.finish()
}

fn member<'v>(element: &'v Value, name: &str) -> Option<&'v Value> {
    if name.is_empty() { Some(element) } else { element.get(name) }
}

fn names(elements: &[Value]) -> Vec<String> {
    match elements.first() {
        Some(Value::Object(members)) => {
            members.keys().filter(|name| !name.is_empty()).take(MAX_MEMBERS).cloned().collect()
        }
        Some(_) => vec![String::new()],
        None => Vec::new(),
    }
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// By what the elements rise or fall, with at least one step.
fn sorted_by(elements: &[Value]) -> BTreeSet<(String, bool)> {
    let mut found = BTreeSet::new();
    for name in names(elements) {
        let steps: Option<Vec<Ordering>> =
            elements.windows(2).map(|two| compare(member(two.first()?, &name)?, member(two.get(1)?, &name)?)).collect();
        let Some(steps) = steps else { continue };
        let (up, down) = (steps.iter().any(|s| s.is_lt()), steps.iter().any(|s| s.is_gt()));
        if up != down {
            found.insert((name, up));
        }
    }
    found
}

fn unique(elements: &[Value]) -> BTreeSet<String> {
    let is_unique = |name: &String| {
        let values: Option<BTreeSet<String>> = elements
            .iter()
            .map(|element| member(element, name).filter(|v| v.is_string() || v.is_number()).map(canonical))
            .collect();
        values.is_some_and(|values| values.len() == elements.len())
    };
    names(elements).into_iter().filter(|name| !name.is_empty() && is_unique(name)).collect()
}

fn in_all<T: Ord + Clone>(arrays: &[Arrangement], of: impl Fn(&Arrangement) -> &BTreeSet<T>) -> BTreeSet<T> {
    let mut sets = arrays.iter().map(of);
    let first = sets.next().cloned().unwrap_or_default();
    sets.fold(first, |all, set| all.intersection(set).cloned().collect())
}

/// Whether the order of these arrays looks as if it meant nothing.
pub(super) fn read(group: &Group<'_>, facts: &Facts) -> Finding {
    let arrays = &facts.arrays;
    if arrays.len() < facts.sides.len() {
        return Finding::not("some of the arrays are too large to be looked at");
    }
    if let Some(why) = meant(group, facts) {
        return Finding::Not(why);
    }
    let mut orders: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for array in arrays {
        orders.entry(array.set).or_default().insert(array.order);
    }
    let moving = orders.values().filter(|orders| orders.len() > 1).count();
    let mut doubts = Vec::new();
    let mut seen = format!("the same elements in another order in {} of {} arrays", group.differences, facts.covered);
    if moving > 0 {
        seen.push_str(&format!("; the legacy gave {moving} of them in several orders itself"));
    } else {
        doubts.push(
            "nothing shows that the legacy's own order means nothing: it was never seen in two orders".to_owned(),
        );
    }
    let unique = in_all(arrays, |array| &array.unique);
    let key = unique.iter().find(|name| names_identity(name)).or(unique.first()).cloned();
    let says = key.map_or(Says::Unordered, Says::Keyed);
    Finding::Noise(Noise { what: "order", says, seen, doubts })
}

/// Why the order looks meant, if it does.
fn meant(group: &Group<'_>, facts: &Facts) -> Option<String> {
    let arrays = &facts.arrays;
    let n = arrays.len();
    if share(facts.order_asked, n) >= 0.5 {
        return Some(format!("{} of {n} requests ask for an order", facts.order_asked));
    }
    let long = arrays.iter().filter(|array| array.elements >= TELLING).count();
    if arrays.iter().all(|array| array.backwards) && (long >= 5 || share(group.differences, facts.covered) > MOST) {
        return Some(format!("the candidate's order is the legacy's backwards, in each of {n} arrays"));
    }
    let sorted = in_all(arrays, |array| &array.sorted);
    sorted.first().map(|(name, up)| {
        let way = if *up { "rise" } else { "fall" };
        let by = if name.is_empty() { "by themselves".to_owned() } else { format!("by '{name}'") };
        format!(
            "the legacy's elements {way} {by} in each of {n} arrays, and the candidate's do not: an order that is meant"
        )
    })
}
