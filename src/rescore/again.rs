//! What is kept of one signature, compared again.

use std::collections::BTreeMap;

use super::settled::Settled;
use crate::compare::Comparer;
use crate::exchange::{Comparison, NotComparable, Observation, Outcome, StatusClass};
use crate::tally::{Element, KeptState, Signature, SignatureKey};

/// Exchanges that came to the same outcome.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub(super) exchanges: u64,
    /// Differences by element, and the exchanges that have it.
    pub(super) elements: BTreeMap<Element, (u64, u64)>,
    /// By the id of the rule: exchanges in which it answers.
    pub(super) rules: BTreeMap<std::sync::Arc<str>, u64>,
}

/// What has become of a signature.
#[derive(Debug, Default)]
pub(super) struct Again {
    pub(super) parts: BTreeMap<Outcome, Part>,
    pub(super) compared: u64,
    pub(super) inferred: u64,
    pub(super) unknown: u64,
    /// What was compared again, to show of it what is new.
    pub(super) shown: Vec<(Observation, Comparison)>,
}

/// Compares again what is kept, and takes it for the rest as far as the signature says that it is so there too.
pub(super) fn again(signature: &Signature, comparer: &Comparer, settled: &Settled<'_>) -> Again {
    let mut again = Again::default();
    let faithful = signature.kept.iter().filter(|kept| kept.state == KeptState::Faithful);
    for specimen in faithful.filter_map(|kept| kept.specimen(&signature.endpoint).ok().flatten()) {
        let comparison = comparer.compare(&specimen.observation);
        again.parts.entry(comparison.outcome).or_default().add(&comparison);
        again.shown.push((specimen.observation, comparison));
    }
    again.compared = again.shown.len() as u64;
    let rest = signature.exchanges.saturating_sub(again.compared);
    if rest == 0 {
        return again;
    }
    let one = again.parts.len() == 1 && again.shown.iter().all(|(kept, _)| settled.is(signature, kept));
    if one {
        again.inferred = rest;
        again.parts.values_mut().for_each(|part| part.grow(rest));
    } else {
        again.unknown = rest;
        again.take_rest(signature, rest);
    }
    again
}

impl Again {
    /// What is not known counts as what speaks most against the candidate of what is, and where nothing does for nothing.
    fn take_rest(&mut self, signature: &Signature, rest: u64) {
        let worst = self.parts.iter_mut().max_by_key(|(outcome, _)| badness(**outcome));
        match worst {
            Some((Outcome::Mismatched | Outcome::NotComparable(_), part)) => part.grow(rest),
            Some(_) => {
                self.parts.insert(Outcome::NotComparable(NotComparable::NotKept), counted(rest));
            }
            None => {
                let outcome = without_specimens(signature.outcome);
                let part = if outcome == signature.outcome { as_it_was(signature) } else { counted(rest) };
                self.parts.insert(outcome, part);
            }
        }
    }
}

/// What speaks against the candidate first, then what says nothing.
pub(super) fn badness(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Mismatched => 5,
        Outcome::Failed(_) => 4,
        Outcome::NotComparable(_) | Outcome::Skipped(_) => 3,
        Outcome::Drifted | Outcome::Noisy => 2,
        Outcome::Accepted => 1,
        Outcome::Matched => 0,
    }
}

/// What may be said of exchanges of which none is kept: a mismatch stays one, anything else is no evidence any more.
pub(super) fn without_specimens(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Mismatched => Outcome::Mismatched,
        Outcome::NotComparable(why) => Outcome::NotComparable(why),
        _ => Outcome::NotComparable(NotComparable::NotKept),
    }
}

fn counted(exchanges: u64) -> Part {
    Part { exchanges, ..Part::default() }
}

/// A signature as it was counted.
pub(super) fn as_it_was(signature: &Signature) -> Part {
    let mut part = counted(signature.exchanges);
    for (element, differences) in &signature.elements {
        part.elements.insert(element.clone(), (*differences, signature.exchanges));
        if let Some(rule) = &element.rule {
            part.rules.insert(rule.id.clone(), signature.exchanges);
        }
    }
    part
}

impl Part {
    fn add(&mut self, comparison: &Comparison) {
        let mut seal = |name: &str| name.to_owned();
        let (key, differences) = SignatureKey::of(0, StatusClass::of(0), comparison, &mut seal);
        self.exchanges += 1;
        let mut rules: Vec<_> =
            key.elements.iter().filter_map(|e| e.rule.as_ref().map(|rule| rule.id.clone())).collect();
        for (element, differences) in key.elements.into_iter().zip(differences).filter(|(e, _)| !e.is_unseen()) {
            let there = self.elements.entry(element).or_default();
            there.0 += differences;
            there.1 += 1;
        }
        rules.sort_unstable();
        rules.dedup();
        for id in rules {
            *self.rules.entry(id).or_default() += 1;
        }
    }

    /// More exchanges, that are as those counted here.
    fn grow(&mut self, more: u64) {
        let (of, more) = (u128::from(self.exchanges), u128::from(more));
        if of == 0 {
            return;
        }
        let grown = |n: u64| n.saturating_add(u64::try_from((u128::from(n) * more + of / 2) / of).unwrap_or(u64::MAX));
        self.elements.values_mut().for_each(|(differences, exchanges)| {
            (*differences, *exchanges) = (grown(*differences), grown(*exchanges));
        });
        self.rules.values_mut().for_each(|exchanges| *exchanges = grown(*exchanges));
        self.exchanges = grown(self.exchanges);
    }
}
