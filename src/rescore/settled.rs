//! Whether a signature says by itself what other rules make of all of its exchanges.
//!
//! Its exchanges differ at the same general places, in the same ways, and the same rules answered for it. What a new rule
//! answers is the same for all of them only where it depends on nothing else: on an endpoint, a place and a kind, and not on
//! values, positions, or names that are values. Of a rule that was asked before, and is as it was, the answer is known too. All
//! else is known of the exchanges that are compared again, and of no others, however many of these agree: a few say nothing of
//! a limit of one in a thousand.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::changed::{Changed, is_whole, says};
use crate::compare::Comparer;
use crate::exchange::{
    Comparison, Difference, DifferenceKind, Endpoint, EndpointPattern, Location, Observation, Outcome,
};
use crate::rules::{Answer, Arrays, Closeness, JsonPath, Match, Part, Rule, RuleSet};
use crate::tally::{MAX_PLACE_BYTES, Signature, looks_like_a_value};

/// The old rules and the new ones, to be asked side by side.
#[derive(Debug)]
pub(super) struct Settled<'a> {
    old: Vec<Comparer>,
    new: &'a Comparer,
    changed: &'a Changed,
    /// Of the rules that are the same in all old sets, their positions there.
    positions: BTreeMap<Arc<str>, Vec<usize>>,
}

impl<'a> Settled<'a> {
    pub(super) fn new(old: &[RuleSet], new: &'a Comparer, changed: &'a Changed) -> Settled<'a> {
        let mut positions = BTreeMap::new();
        for rule in in_force(new.rules()) {
            let same = |set: &RuleSet| {
                set.rules().iter().position(|other| !other.expired && other.id == rule.id && says(other) == says(rule))
            };
            if let Some(at) = old.iter().map(same).collect::<Option<Vec<usize>>>() {
                positions.insert(Arc::clone(&rule.id), at);
            }
        }
        let under = |set: &RuleSet| new.under(Arc::new(RuleSet::default().followed_by(set)));
        Settled { old: old.iter().map(under).collect(), new, changed, positions }
    }

    /// Whether all exchanges of a signature come out as this one of them does.
    pub(super) fn is(&self, signature: &Signature, one: &Observation) -> bool {
        let elements = &signature.elements;
        let is_whole = is_whole(signature) && elements.iter().all(|(e, _)| e.place.len() < MAX_PLACE_BYTES);
        if !is_whole || self.changed.on(&signature.endpoint).any(|rule| may_find_others(rule, signature)) {
            return false;
        }
        let after = self.new.compare_unshown(one);
        let before: Vec<Comparison> = self.old.iter().map(|old| old.compare_unshown(one)).collect();
        let alike = |other: &Comparison| {
            let places = |comparison: &Comparison| {
                comparison.differences.iter().map(|d| (d.at.clone(), d.kind)).collect::<Vec<_>>()
            };
            other.more_differences == 0 && places(other) == places(&after)
        };
        let says_all = matches!(after.outcome, Outcome::Matched | Outcome::Accepted | Outcome::Mismatched);
        if after.more_differences > 0 || !says_all || !before.iter().all(alike) {
            return false;
        }
        after.differences.iter().enumerate().all(|(nth, difference)| {
            let hits = before.iter().map(|before| before.differences.get(nth).and_then(|d| d.rule.as_ref()));
            let mut hits: Vec<Option<&Arc<str>>> = hits.map(|hit| hit.map(|hit| &hit.id)).collect();
            hits.dedup();
            // Of an exchange that comes out otherwise under each of the old sets nobody knows under which it was.
            let hit = if hits.len() == 1 { hits.first().copied() } else { None };
            self.answers_all(&signature.endpoint, difference, hit)
        })
    }

    /// Whether the first new rule that answers for a difference does so in all exchanges, and those before it in none.
    /// `hit` is what answered under the old rules, where that is one thing.
    fn answers_all(&self, endpoint: &Endpoint, difference: &Difference, hit: Option<Option<&Arc<str>>>) -> bool {
        for rule in in_force(self.new.rules()) {
            let answers = difference.rule.as_ref().is_some_and(|new| new.id == rule.id);
            let known = hit.is_some_and(|hit| match hit {
                Some(hit) if *hit == rule.id => self.positions.contains_key(&rule.id),
                hit => self.declined(rule, hit),
            });
            if !known && !is_same_for_all(rule, endpoint, difference) {
                return false;
            }
            if answers {
                return true;
            }
        }
        true
    }

    /// Whether a rule that is as it was has been asked before what answered, and has said nothing.
    fn declined(&self, rule: &Rule, hit: Option<&Arc<str>>) -> bool {
        let Some(at) = self.positions.get(&rule.id) else { return false };
        let Some(hit) = hit else { return true };
        at.iter()
            .zip(&self.old)
            .all(|(at, old)| old.rules().rules().iter().position(|other| other.id == *hit).is_some_and(|hit| *at < hit))
    }
}

fn in_force(rules: &RuleSet) -> impl Iterator<Item = &Rule> {
    rules.rules().iter().filter(|rule| !rule.expired)
}

/// Whether with a rule, or without it, other differences may be found than these. Where arrays have no order, another order
/// is found all the same, so that JSON without a difference has none in either way; elements with a key and such without
/// one may change places unseen.
fn may_find_others(rule: &Rule, signature: &Signature) -> bool {
    let Answer::Match(m) = &rule.answer else { return false };
    let in_json = |place: &str| place == "body" || place.starts_with("body /");
    match m.arrays {
        _ if m.lexeme => true,
        Some(Arrays::Keyed(_)) => true,
        Some(Arrays::Unordered) => signature.elements.iter().any(|(element, _)| in_json(&element.place)),
        None => false,
    }
}

/// Whether a rule says the same of every difference of that kind at that general place.
fn is_same_for_all(rule: &Rule, endpoint: &Endpoint, difference: &Difference) -> bool {
    if answers_never(&rule.answer, difference.kind) {
        return true;
    }
    let on = rule.place.endpoint.as_ref().map_or(Some(true), |pattern| means_all_of(pattern, endpoint));
    match (on, means_place(&rule.place.part, &difference.at)) {
        (Some(false), _) | (_, Some(false)) => true,
        (Some(true), Some(true)) => goes_by_kind(&rule.answer, difference.kind),
        _ => false,
    }
}

/// Whether a pattern means every request of an endpoint, or none; None: some, perhaps.
fn means_all_of(pattern: &EndpointPattern, endpoint: &Endpoint) -> Option<bool> {
    let open = endpoint.method.starts_with('{') || ["{rest}", "**"].iter().any(|rest| endpoint.template.contains(rest));
    match (pattern.may_mean(endpoint), pattern.means(endpoint)) {
        (false, _) => Some(false),
        (true, true) if !open => Some(true),
        _ => None,
    }
}

/// Whether a part means a general place; None where that goes by a position, a value, or which cookie it is.
fn means_place(part: &Part, at: &Location) -> Option<bool> {
    let if_there = |there: bool| if there { None } else { Some(false) };
    match (part, at) {
        (Part::Header(names), Location::Header(name)) => Some(names.contains(name)),
        // Cookies are one place, whatever they are called.
        (Part::Cookie(_), Location::Header(name)) => if_there(name == "set-cookie"),
        (Part::Status(codes), Location::Status) => {
            if codes.is_none() {
                Some(true)
            } else {
                None
            }
        }
        (Part::Text(_), Location::Text(_)) => None,
        (Part::Body, Location::Body) => None,
        (Part::Body, Location::Json(path)) => if_there(path.is_empty()),
        // A body as a whole and the root of a JSON body have one name.
        (Part::Json(paths), Location::Body) => if_there(paths.iter().any(|path| path.selects(&[]).any())),
        (Part::Json(paths), Location::Json(path)) if path.is_empty() => {
            if_there(paths.iter().any(|path| !is_general(path) || path.selects(&[]).any()))
        }
        (Part::Json(paths), Location::Json(path)) => {
            paths.iter().all(is_general).then(|| paths.iter().any(|one| one.selects(path).any()))
        }
        _ => Some(false),
    }
}

fn is_general(path: &JsonPath) -> bool {
    path.goes_by_names(|name| !looks_like_a_value(name))
}

/// Whether an answer is never given for differences of that kind.
fn answers_never(answer: &Answer, kind: DifferenceKind) -> bool {
    match answer {
        Answer::Ignore { .. } => false,
        Answer::Accept { kinds, .. } => !kinds.is_empty() && !kinds.contains(&kind),
        Answer::Match(m) => match kind {
            DifferenceKind::Missing | DifferenceKind::Extra => !m.null_is_absent,
            DifferenceKind::Order => m.arrays.is_none(),
            DifferenceKind::Type => !matches!(m.comparison, Some(Closeness::Shapes(..))),
            DifferenceKind::Value | DifferenceKind::Lexeme => !m.speaks_of_values(),
            DifferenceKind::DuplicateKey | DifferenceKind::Encoding => true,
        },
    }
}

/// Whether at a place that a rule means it answers by the kind alone.
fn goes_by_kind(answer: &Answer, kind: DifferenceKind) -> bool {
    match answer {
        Answer::Ignore { .. } | Answer::Accept { .. } => true,
        Answer::Match(m) => match kind {
            DifferenceKind::Order => true,
            DifferenceKind::Value => asks_for_the_type_alone(m),
            _ => false,
        },
    }
}

/// A difference of kind `value` has one type on both sides.
fn asks_for_the_type_alone(m: &Match) -> bool {
    let as_it_is = m.whitespace.is_none() && !m.any_case && m.regex.is_none();
    as_it_is && matches!(m.comparison, Some(Closeness::SameType))
}
