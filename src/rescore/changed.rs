//! Which rules are others than they were, and what these could concern.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exchange::Endpoint;
use crate::rules::{Answer, Part, Rule, RuleSet};
use crate::tally::{Element, MAX_ELEMENTS, Signature};

/// The difference between two rule sets, or between several old ones and the new one.
#[derive(Debug, Clone, Default)]
pub(super) struct Changed {
    pub(super) added: Vec<Arc<str>>,
    pub(super) removed: Vec<Arc<str>>,
    pub(super) changed: Vec<Arc<str>>,
    pub(super) reordered: bool,
    /// As they were and as they are.
    rules: Vec<Rule>,
}

impl Changed {
    pub(super) fn between(old: &[RuleSet], new: &RuleSet) -> Changed {
        let mut changed = Changed::default();
        for old in old {
            changed.one(old, new);
        }
        for ids in [&mut changed.added, &mut changed.removed, &mut changed.changed] {
            ids.sort_unstable();
            ids.dedup();
        }
        changed
    }

    fn one(&mut self, old: &RuleSet, new: &RuleSet) {
        let by_id = |set: &RuleSet| -> BTreeMap<Arc<str>, Rule> {
            let in_force = set.rules().iter().filter(|rule| !rule.expired);
            in_force.map(|rule| (Arc::clone(&rule.id), rule.clone())).collect()
        };
        let (before, after) = (by_id(old), by_id(new));
        for (id, rule) in &before {
            match after.get(id) {
                Some(other) if says(rule) == says(other) => {}
                Some(other) => {
                    self.changed.push(Arc::clone(id));
                    self.rules.extend([rule.clone(), other.clone()]);
                }
                None => {
                    self.removed.push(Arc::clone(id));
                    self.rules.push(rule.clone());
                }
            }
        }
        for (id, rule) in after.iter().filter(|(id, _)| !before.contains_key(*id)) {
            self.added.push(Arc::clone(id));
            self.rules.push(rule.clone());
        }
        // The first that answers for a difference wins, so their order says something too.
        let order = |set: &RuleSet, beside: &BTreeMap<Arc<str>, Rule>| -> Vec<Arc<str>> {
            let stayed = set.rules().iter().filter(|rule| !rule.expired && beside.contains_key(&rule.id));
            stayed.map(|rule| Arc::clone(&rule.id)).collect()
        };
        if order(old, &after) != order(new, &before) {
            self.reordered = true;
            self.rules.extend(before.into_values().chain(after.into_values()));
        }
    }

    /// Whether any of them could make something else of exchanges of this signature. In doubt yes.
    pub(super) fn may_concern(&self, signature: &Signature) -> bool {
        let full = !is_whole(signature);
        self.on(&signature.endpoint).any(|rule| {
            full || makes_differences(rule) || signature.elements.iter().any(|(element, _)| speaks_of(rule, element))
        })
    }

    /// Whether any of them could concern exchanges of this endpoint, whatever they came to.
    pub(super) fn may_concern_any_of(&self, endpoint: &Endpoint) -> bool {
        self.on(endpoint).next().is_some()
    }

    /// Those that may be asked at an endpoint.
    pub(super) fn on<'a>(&'a self, endpoint: &'a Endpoint) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(|rule| rule.place.endpoint.as_ref().is_none_or(|pattern| pattern.may_mean(endpoint)))
    }
}

/// Whether a signature's elements are all that its exchanges differ in.
pub(super) fn is_whole(signature: &Signature) -> bool {
    signature.elements.len() < MAX_ELEMENTS && !signature.elements.iter().any(|(element, _)| element.is_unseen())
}

/// All of a rule that decides: not who owns it, why it is there, or where it is written.
pub(super) fn says(rule: &Rule) -> String {
    format!("{:?} {:?}", rule.place, rule.answer)
}

/// Whether with it, or without it, differences are found that were not.
fn makes_differences(rule: &Rule) -> bool {
    matches!(&rule.answer, Answer::Match(m) if m.lexeme || m.arrays.is_some())
}

fn speaks_of(rule: &Rule, element: &Element) -> bool {
    let place = element.place.as_str();
    match &rule.place.part {
        Part::Json(_) => place == "body" || place.starts_with("body /"),
        Part::Header(names) => {
            place.strip_prefix("header ").is_some_and(|name| names.iter().any(|other| other == name))
        }
        Part::Cookie(_) => place == "header set-cookie",
        Part::Status(_) => place == "status",
        Part::Text(_) => place.starts_with("body line "),
        Part::Body => place == "body",
    }
}
