//! Whether a group of differences looks like noise, and which answer would cover it. When in doubt: no.

use std::time::Duration;

use super::evidence::Group;
use super::facts::Facts;
use super::place::Spot;
use super::{arrays, identity, numbers, texts, times};
use crate::exchange::DifferenceKind;
use crate::rules::Shape;

/// Exchanges in which a group must have been seen before anything is said of it.
pub const MIN_EXCHANGES: usize = 8;
/// From this share of the pairs on, what is true of them is taken to be what the candidate does.
pub(super) const MOST: f64 = 0.8;

/// What a suggested rule says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Says {
    /// `shape: uuid`, `shape: [integer, ulid]`
    Shapes(Shape, Shape),
    /// `skew: 5s`
    Skew(Duration),
    /// `tolerance: 0.005`, as it is written.
    Tolerance(String),
    /// `order: unordered`
    Unordered,
    /// `keyed: sku`
    Keyed(String),
    /// `whitespace` and `case`, as the rule has them.
    Spelling(Option<&'static str>, bool),
    /// `null_is_absent: true`
    NullIsAbsent,
    /// `regex: ...`, for an opaque mark of known form.
    Regex(&'static str),
}

/// A reading of a group as noise.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    /// `id`, `time stamp`, `order`, `rounding`...: also a part of the rule's id.
    pub(super) what: &'static str,
    pub(super) says: Says,
    /// What was seen, in words without captured text.
    pub(super) seen: String,
    /// What the evidence cannot show.
    pub(super) doubts: Vec<String>,
}

/// What was made of a group.
#[derive(Debug, Clone)]
pub(super) enum Finding {
    Noise(Noise),
    /// Not noise, or not known to be: why.
    Not(String),
}

impl Finding {
    pub(super) fn not(why: impl Into<String>) -> Finding {
        Finding::Not(why.into())
    }
}

/// What the group's differences look like.
pub(super) fn read(group: &Group<'_>, facts: &Facts) -> Finding {
    if group.exchanges < MIN_EXCHANGES {
        return Finding::not(format!(
            "seen in {} exchanges only; {MIN_EXCHANGES} are needed to call it noise",
            group.exchanges
        ));
    }
    if group.spot == Spot::Untyped {
        return Finding::not(
            "a status, a line of text or a body as a whole has no shape that could be held; look at the examples",
        );
    }
    match group.name.kind {
        DifferenceKind::Value | DifferenceKind::Type => value(group, facts),
        DifferenceKind::Missing | DifferenceKind::Extra => presence(group, facts),
        DifferenceKind::Order => arrays::read(group, facts),
        DifferenceKind::Lexeme => Finding::not("a rule in force asks for numbers that are written alike"),
        DifferenceKind::DuplicateKey => {
            Finding::not("an object names a member twice: clients disagree about what it says")
        }
        DifferenceKind::Encoding => Finding::not("the body is not what its headers say"),
    }
}

fn value(group: &Group<'_>, facts: &Facts) -> Finding {
    if let Some(why) = borrowed(group, facts) {
        return Finding::Not(why);
    }
    if group.name.kind == DifferenceKind::Type {
        return texts::type_change(group, facts).unwrap_or_else(|| identity::read(group, facts));
    }
    // The first that knows what these values are answers.
    texts::spelling(group, facts)
        .or_else(|| times::read(group, facts))
        .or_else(|| numbers::read(group, facts))
        .unwrap_or_else(|| identity::read(group, facts))
}

/// Values that were not made but taken from the wrong place, whatever their shape.
fn borrowed(group: &Group<'_>, facts: &Facts) -> Option<String> {
    let pairs = facts.sides.len();
    if let Some((place, n)) = &facts.echo
        && share(*n, pairs) >= MOST
    {
        return Some(format!(
            "in {n} of {pairs} pairs of values the candidate has here what the legacy has at {place}: fields are swapped"
        ));
    }
    if share(facts.asked, pairs) >= 0.5 {
        let asked = facts.asked;
        return Some(format!(
            "in {asked} of {pairs} pairs of values the legacy gives back a value that was asked with, and the candidate another"
        ));
    }
    (group.exchanges < group.compared && facts.sides.is_empty())
        .then(|| "its values are too long to be looked at".to_owned())
}

fn presence(group: &Group<'_>, facts: &Facts) -> Finding {
    let there = |sides: &super::facts::Sides| sides.legacy.as_deref().or(sides.candidate.as_deref()) == Some("null");
    let nulls = facts.sides.iter().filter(|sides| there(sides)).count();
    let (who, not) = match group.name.kind {
        DifferenceKind::Missing => ("legacy", "candidate"),
        _ => ("candidate", "legacy"),
    };
    if !group.spot.is_json() || nulls == 0 {
        return Finding::not(format!("the {who} has it and the {not} does not: a change of the contract, not noise"));
    }
    if nulls < facts.sides.len() {
        let values = facts.sides.len() - nulls;
        return Finding::not(format!(
            "null at the {who} in {nulls} places, but a value in {values}, and the {not} has nothing"
        ));
    }
    Finding::Noise(Noise {
        what: "null",
        says: Says::NullIsAbsent,
        seen: format!("null at the {who} and absent at the {not} in each of {nulls} places"),
        doubts: vec!["a client that asks whether the member is there sees the difference".to_owned()],
    })
}

pub(super) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
