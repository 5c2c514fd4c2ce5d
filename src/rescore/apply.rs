//! The snapshot with what has become of its signatures in the place of what they were.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::again::{Again, Part, as_it_was, without_specimens};
use super::changed::Changed;
use super::over_time;
use super::spread::{Spreads, accepting, dealt, recount};
use super::{MAX_TOLD, outcomes};
use crate::compare::Comparer;
use crate::exchange::{Difference, Endpoint, EndpointChange, Example, Move, Outcome, Rescoring};
use crate::ledger::ShadowBooks;
use crate::tally::{
    DifferenceClass, DifferenceGroup, Element, MAX_EXAMPLES_PER_GROUP, MAX_GROUPS, RuleUse, Signature, Snapshot,
    general_place, outcome_name,
};

/// A snapshot under change.
pub(super) struct Applied<'a> {
    before: &'a Snapshot,
    after: Snapshot,
    spreads: Spreads,
    /// Exchanges with a signature, by endpoint and outcome.
    signed: BTreeMap<(Endpoint, Outcome), u64>,
    moves: Vec<Move>,
}

impl<'a> Applied<'a> {
    pub(super) fn new(before: &'a Snapshot) -> Applied<'a> {
        Applied {
            before,
            after: before.clone(),
            spreads: Spreads::default(),
            signed: BTreeMap::new(),
            moves: Vec::new(),
        }
    }

    /// A signature that nothing concerns.
    pub(super) fn stays(&mut self, signature: &Signature) {
        self.count_signed(signature);
        let parts = BTreeMap::from([(signature.outcome, as_it_was(signature))]);
        self.spreads.add(&signature.endpoint, &dealt(signature, &parts));
    }

    /// A signature that was asked again.
    pub(super) fn takes(&mut self, signature: &Signature, again: &Again, comparer: &Comparer) {
        self.count_signed(signature);
        let before = BTreeMap::from([(signature.outcome, as_it_was(signature))]);
        self.counts(signature, again);
        let (lay, lies) = (dealt(signature, &before), dealt(signature, &again.parts));
        self.spreads.add(&signature.endpoint, &lies);
        recount(&mut self.after, signature, (&lay, &before), |there, n| *there = there.saturating_sub(n));
        recount(&mut self.after, signature, (&lies, &again.parts), |there, n| *there = there.saturating_add(n));
        before.values().for_each(|part| self.take_out(&signature.endpoint, signature.outcome, part));
        for (outcome, part) in &again.parts {
            self.put_in(&signature.endpoint, *outcome, part, &again.shown, comparer);
        }
        self.accepted(&signature.endpoint, &before, |there, n| *there = there.saturating_sub(n));
        self.accepted(&signature.endpoint, &again.parts, |there, n| *there = there.saturating_add(n));
    }

    fn count_signed(&mut self, signature: &Signature) {
        *self.signed.entry((signature.endpoint.clone(), signature.outcome)).or_default() += signature.exchanges;
    }

    fn counts(&mut self, signature: &Signature, again: &Again) {
        let mut left = signature.exchanges;
        for (outcome, part) in again.parts.iter().filter(|(outcome, _)| **outcome != signature.outcome) {
            let exchanges = part.exchanges.min(left);
            left -= exchanges;
            self.moved(&signature.endpoint, signature.outcome, *outcome, exchanges);
            self.moves.push(Move {
                endpoint: signature.endpoint.clone(),
                from: outcome_name(signature.outcome),
                to: outcome_name(*outcome),
                exchanges,
                asked_of: again.compared,
                all: signature.exchanges,
            });
        }
    }

    fn moved(&mut self, endpoint: &Endpoint, from: Outcome, to: Outcome, exchanges: u64) {
        if let Some(there) = self.after.endpoints.iter_mut().find(|e| e.endpoint == *endpoint) {
            moved(&mut there.books, from, to, exchanges);
            there.refused_alone = there.refused_alone.min(there.books.mismatched);
        }
        if let Some(books) = &mut self.after.ledger.shadow {
            moved(books, from, to, exchanges);
        }
    }

    /// What was found in these exchanges, out of the groups and rules.
    fn take_out(&mut self, endpoint: &Endpoint, outcome: Outcome, part: &Part) {
        let class = DifferenceClass::of(outcome);
        for (element, (differences, exchanges)) in &part.elements {
            match (&element.rule, class) {
                (Some(rule), _) => {
                    if let Some(used) = self.after.rules.iter_mut().find(|used| used.id == rule.id) {
                        used.differences = used.differences.saturating_sub(*differences);
                    }
                }
                (None, Some(class)) => {
                    if let Some(group) = group_of(&mut self.after.groups, endpoint, element, class) {
                        group.differences = group.differences.saturating_sub(*differences);
                        group.exchanges = group.exchanges.saturating_sub(*exchanges);
                    }
                }
                (None, None) => {}
            }
        }
        for (id, exchanges) in &part.rules {
            if let Some(used) = self.after.rules.iter_mut().find(|used| used.id == *id) {
                used.exchanges = used.exchanges.saturating_sub(*exchanges);
            }
        }
    }

    fn put_in(
        &mut self,
        endpoint: &Endpoint,
        outcome: Outcome,
        part: &Part,
        shown: &[(crate::exchange::Observation, crate::exchange::Comparison)],
        comparer: &Comparer,
    ) {
        let examples: Vec<Example> =
            shown.iter().filter(|(_, c)| c.outcome == outcome).map(|(o, c)| comparer.example(o, c)).collect();
        for (element, (differences, exchanges)) in &part.elements {
            match (&element.rule, DifferenceClass::of(outcome)) {
                (Some(rule), _) => {
                    let used = rule_of(&mut self.after.rules, rule, endpoint, &examples);
                    used.differences += differences;
                }
                (None, Some(class)) => {
                    self.put_in_group(endpoint, element, class, (*differences, *exchanges), &examples)
                }
                (None, None) => {}
            }
        }
        for (id, exchanges) in &part.rules {
            if let Some(used) = self.after.rules.iter_mut().find(|used| used.id == *id) {
                used.exchanges += exchanges;
            }
        }
    }

    fn put_in_group(
        &mut self,
        endpoint: &Endpoint,
        element: &Element,
        class: DifferenceClass,
        (differences, exchanges): (u64, u64),
        examples: &[Example],
    ) {
        if group_of(&mut self.after.groups, endpoint, element, class).is_none() {
            if self.after.groups.len() >= MAX_GROUPS {
                self.after.ungrouped_differences += differences;
                return;
            }
            self.after.groups.push(DifferenceGroup {
                endpoint: endpoint.clone(),
                place: element.place.clone(),
                kind: element.kind,
                class,
                differences: 0,
                exchanges: 0,
                first_seen: examples.iter().filter_map(|e| e.started.clone()).min(),
                last_seen: examples.iter().filter_map(|e| e.started.clone()).max(),
                clients: None,
                examples: Vec::new(),
                explained: None,
                advice: None,
            });
        }
        let Some(group) = group_of(&mut self.after.groups, endpoint, element, class) else { return };
        group.differences += differences;
        group.exchanges += exchanges;
        let has = |example: &&Example| {
            example
                .differences
                .iter()
                .any(|d| d.rule.is_none() && d.kind == group.kind && general_place(&d.at) == group.place)
        };
        let known: Vec<u64> = group.examples.iter().map(|example| example.sequence).collect();
        let more = examples.iter().filter(has).filter(|example| !known.contains(&example.sequence));
        let more: Vec<_> = more.cloned().map(Arc::new).collect();
        let room = MAX_EXAMPLES_PER_GROUP.saturating_sub(group.examples.len());
        group.examples.extend(more.into_iter().take(room));
        group.examples.sort_by_key(|example| example.sequence);
    }

    fn accepted(&mut self, endpoint: &Endpoint, parts: &BTreeMap<Outcome, Part>, change: fn(&mut u64, u64)) {
        let Some(there) = self.after.endpoints.iter_mut().find(|e| e.endpoint == *endpoint) else { return };
        for (id, exchanges) in accepting(parts) {
            change(there.accepted_by.entry(id).or_default(), exchanges);
        }
        there.accepted_by.retain(|_, n| *n > 0);
    }

    /// Exchanges whose signatures are past the bound: nothing is kept of them.
    pub(super) fn past_bound(&mut self, changed: &Changed, known: &mut Rescoring) {
        let before = self.before;
        for endpoint in &before.endpoints {
            let books = &endpoint.books;
            for (outcome, n) in [
                (Outcome::Matched, books.matched),
                (Outcome::Accepted, books.accepted),
                (Outcome::Mismatched, books.mismatched),
                (Outcome::Noisy, books.noisy),
                (Outcome::Drifted, books.drifted),
            ] {
                let signed = self.signed.get(&(endpoint.endpoint.clone(), outcome)).copied().unwrap_or(0);
                let rest = n.saturating_sub(signed);
                if rest == 0 || !changed.may_concern_any_of(&endpoint.endpoint) {
                    known.exact += rest;
                    continue;
                }
                known.unknown += rest;
                let to = without_specimens(outcome);
                if to != outcome {
                    self.moved(&endpoint.endpoint, outcome, to, rest);
                }
            }
        }
    }

    /// The snapshot, the endpoints that came out otherwise, and the largest of what did.
    pub(super) fn finish(mut self) -> (Snapshot, Vec<EndpointChange>, Vec<Move>) {
        self.after.groups.retain(|group| group.exchanges > 0);
        self.after.groups.sort_by(|a, b| (&a.endpoint, &a.place, a.kind).cmp(&(&b.endpoint, &b.place, b.kind)));
        self.after.groups.sort_by_key(|g| (g.class, std::cmp::Reverse(g.exchanges), std::cmp::Reverse(g.differences)));
        self.after.rules.retain(|used| used.differences > 0);
        self.after.rules.sort_by(|a, b| a.id.cmp(&b.id));
        self.spreads.into_snapshot(self.before, &mut self.after);
        over_time::by_day(self.before, &mut self.after);
        let both = self.before.endpoints.iter().zip(&self.after.endpoints);
        let endpoints =
            both.filter(|(before, after)| before.books != after.books).map(|(before, after)| EndpointChange {
                endpoint: before.endpoint.clone(),
                before: outcomes(Some(&before.books)),
                after: outcomes(Some(&after.books)),
            });
        let endpoints = endpoints.collect();
        self.moves.retain(|one| one.exchanges > 0);
        // Stable: equals stay in the order of the signatures.
        self.moves.sort_by_key(|one| std::cmp::Reverse(one.exchanges));
        self.moves.truncate(MAX_TOLD);
        (self.after, endpoints, self.moves)
    }
}

fn group_of<'g>(
    groups: &'g mut [DifferenceGroup],
    endpoint: &Endpoint,
    element: &Element,
    class: DifferenceClass,
) -> Option<&'g mut DifferenceGroup> {
    groups
        .iter_mut()
        .find(|g| g.class == class && g.kind == element.kind && g.place == element.place && g.endpoint == *endpoint)
}

fn rule_of<'r>(
    rules: &'r mut Vec<RuleUse>,
    rule: &crate::exchange::RuleHit,
    endpoint: &Endpoint,
    examples: &[Example],
) -> &'r mut RuleUse {
    let at = match rules.iter().position(|used| used.id == rule.id) {
        Some(at) => at,
        None => {
            let answered = |d: &&Difference| d.rule.as_ref().is_some_and(|hit| hit.id == rule.id);
            let sample = examples.iter().flat_map(|example| &example.differences).find(answered);
            rules.push(RuleUse {
                id: Arc::clone(&rule.id),
                answer: rule.answer,
                differences: 0,
                exchanges: 0,
                sample_endpoint: endpoint.clone(),
                sample_place: sample.map_or(String::new(), |d| general_place(&d.at)),
                sample_legacy: sample.and_then(|d| d.legacy.clone()),
                sample_candidate: sample.and_then(|d| d.candidate.clone()),
            });
            rules.len() - 1
        }
    };
    &mut rules[at]
}

fn moved(books: &mut ShadowBooks, from: Outcome, to: Outcome, exchanges: u64) {
    let taken = match from {
        Outcome::NotComparable(why) => books.not_comparable.take_many(why, exchanges),
        other => match count_of(books, other) {
            Some(n) => {
                let taken = exchanges.min(*n);
                *n -= taken;
                taken
            }
            None => 0,
        },
    };
    match to {
        Outcome::NotComparable(why) => books.not_comparable.add_many(why, taken),
        Outcome::Failed(why) => {
            books.compared -= taken;
            books.failed.add_many(why, taken);
        }
        other => {
            if let Some(n) = count_of(books, other) {
                *n += taken;
            }
        }
    }
}

fn count_of(books: &mut ShadowBooks, outcome: Outcome) -> Option<&mut u64> {
    match outcome {
        Outcome::Matched => Some(&mut books.matched),
        Outcome::Accepted => Some(&mut books.accepted),
        Outcome::Mismatched => Some(&mut books.mismatched),
        Outcome::Noisy => Some(&mut books.noisy),
        Outcome::Drifted => Some(&mut books.drifted),
        Outcome::NotComparable(_) | Outcome::Failed(_) | Outcome::Skipped(_) => None,
    }
}
