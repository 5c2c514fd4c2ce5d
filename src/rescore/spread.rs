//! On which days and of which clients mismatches are under other rules: by the spread of the signatures.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::again::{Part, badness};
use crate::exchange::{Day, Endpoint, Outcome, RuleAnswer};
use crate::ledger::ShadowBooks;
use crate::tally::{ClientGroups, Clustering, DayClients, DaySnapshot, EARLIER, Signature, Snapshot};

/// Compared and mismatched.
type Share = (u64, u64);
/// A day since 1970-01-01 and a group of clients.
type Cell = (i64, u16);
/// So many exchanges in a cell that came to an outcome.
pub(super) type Dealt = (Cell, Outcome, u64);
/// What a signature came to, outcome by outcome.
pub(super) type Parts = BTreeMap<Outcome, Part>;

/// Gathers it.
#[derive(Debug, Default)]
pub(super) struct Spreads {
    endpoints: BTreeMap<Endpoint, BTreeMap<Cell, Share>>,
}

/// Where the exchanges of a signature lie, the largest part first. Where it came to several outcomes nobody knows which
/// exchange came to which: what speaks against the candidate is taken to be together, on as few days and clients as hold
/// it, which widens every bound.
pub(super) fn dealt(signature: &Signature, parts: &Parts) -> Vec<Dealt> {
    let mut cells: Vec<(Cell, u64)> = signature.spread.iter().map(|(day, group, n)| ((*day, *group), *n)).collect();
    cells.sort_by_key(|(cell, n)| (std::cmp::Reverse(*n), *cell));
    let mut outcomes: Vec<(Outcome, u64)> = parts.iter().map(|(outcome, part)| (*outcome, part.exchanges)).collect();
    outcomes.sort_by_key(|(outcome, _)| std::cmp::Reverse(badness(*outcome)));
    let mut cells = cells.into_iter();
    let (mut cell, mut room) = ((EARLIER, 0), 0);
    let mut dealt = Vec::new();
    for (outcome, mut left) in outcomes {
        while left > 0 {
            if room == 0 {
                (cell, room) = cells.next().unwrap_or(((EARLIER, 0), left));
            }
            let n = left.min(room);
            dealt.push((cell, outcome, n));
            (left, room) = (left - n, room - n);
        }
    }
    dealt
}

impl Spreads {
    pub(super) fn add(&mut self, endpoint: &Endpoint, dealt: &[Dealt]) {
        let there = self.endpoints.entry(endpoint.clone()).or_default();
        for (cell, outcome, n) in dealt.iter().filter(|(_, outcome, _)| says_something(*outcome)) {
            let share = there.entry(*cell).or_default();
            share.0 += n;
            share.1 += if *outcome == Outcome::Mismatched { *n } else { 0 };
        }
    }

    /// Puts it in the place of what was, where mismatches are others now. Exchanges without a signature are one group.
    pub(super) fn into_snapshot(self, before: &Snapshot, after: &mut Snapshot) {
        let mut all: BTreeMap<u16, Share> = BTreeMap::new();
        let mut by_day: BTreeMap<(Day, u16), Share> = BTreeMap::new();
        let mut of_each: Vec<(Endpoint, u16, Share)> = Vec::new();
        let mut changed = false;
        for (before, after) in before.endpoints.iter().zip(&mut after.endpoints) {
            let mut groups: BTreeMap<u16, Share> = BTreeMap::new();
            for ((day, group), share) in self.endpoints.get(&after.endpoint).into_iter().flatten() {
                add(groups.entry(*group).or_default(), *share);
                if let Ok(day) = i32::try_from(*day) {
                    add(by_day.entry((Day(day), *group)).or_default(), *share);
                }
            }
            let known = groups.values().fold((0, 0), |sum, (c, m)| (sum.0 + c, sum.1 + m));
            let (compared, mismatched) = compared(&after.books);
            let rest = (compared.saturating_sub(known.0), mismatched.saturating_sub(known.1));
            if rest != (0, 0) {
                add(groups.entry(u16::MAX).or_default(), (rest.0.max(rest.1), rest.1));
            }
            groups.iter().for_each(|(group, share)| add(all.entry(*group).or_default(), *share));
            of_each.extend(groups.iter().map(|(group, share)| (after.endpoint.clone(), *group, *share)));
            if self::compared(&before.books) != (compared, mismatched) {
                changed = true;
                after.clients = Clustering::from_counts(groups.into_values());
            }
        }
        if changed {
            after.clients = Clustering::from_counts(all.into_values());
            after.client_groups = ClientGroups::from_counts(of_each);
            after.day_clients = DayClients::from_counts(by_day);
        }
    }
}

fn add(there: &mut Share, more: Share) {
    there.0 += more.0;
    there.1 += more.1;
}

fn compared(books: &ShadowBooks) -> Share {
    (books.matched + books.accepted + books.mismatched, books.mismatched)
}

fn says_something(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Matched | Outcome::Accepted | Outcome::Mismatched)
}

/// Takes exchanges out of the counts of a snapshot by day and status class, or puts them in.
pub(super) fn recount(
    snapshot: &mut Snapshot,
    signature: &Signature,
    (dealt, parts): (&[Dealt], &Parts),
    change: fn(&mut u64, u64),
) {
    let Some(endpoint) = snapshot.endpoints.iter_mut().find(|e| e.endpoint == signature.endpoint) else { return };
    if let Some(status) = endpoint.statuses.get_mut(&signature.class) {
        for (_, outcome, n) in dealt.iter().filter(|(_, outcome, _)| says_something(*outcome)) {
            change(&mut status.compared, *n);
            change(&mut status.mismatched, if *outcome == Outcome::Mismatched { *n } else { 0 });
        }
    }
    let accepting = accepting(parts);
    for days in [&mut snapshot.days, &mut endpoint.days] {
        for ((day, _), outcome, n) in dealt.iter().filter(|(_, outcome, _)| says_something(*outcome)) {
            let Some(day) = days.iter_mut().find(|known| i64::from(known.day.0) == *day) else { continue };
            one_day(day, *outcome, *n, change);
        }
        // As many as lie there, the largest part first.
        for (id, exchanges) in &accepting {
            let mut left = *exchanges;
            for ((day, _), _, n) in dealt.iter().filter(|(_, outcome, _)| *outcome == Outcome::Accepted) {
                let n = (*n).min(left);
                left -= n;
                let Some(day) = days.iter_mut().find(|known| i64::from(known.day.0) == *day) else { continue };
                change(day.accepted_by.entry(Arc::clone(id)).or_default(), n);
            }
        }
        days.iter_mut().for_each(|day| day.accepted_by.retain(|_, n| *n > 0));
    }
}

fn one_day(day: &mut DaySnapshot, outcome: Outcome, n: u64, change: fn(&mut u64, u64)) {
    change(&mut day.compared, n);
    match outcome {
        Outcome::Accepted => change(&mut day.accepted, n),
        Outcome::Mismatched => change(&mut day.mismatched, n),
        _ => {}
    }
    day.refused_alone = day.refused_alone.min(day.mismatched);
}

/// The accept rules of what was accepted, with the exchanges in which they answer.
pub(super) fn accepting(parts: &Parts) -> Vec<(Arc<str>, u64)> {
    let Some(part) = parts.get(&Outcome::Accepted) else { return Vec::new() };
    let accepts = |id: &Arc<str>| {
        let rules = part.elements.keys().filter_map(|element| element.rule.as_ref());
        rules.filter(|rule| rule.answer == RuleAnswer::Accept).any(|rule| rule.id == *id)
    };
    part.rules.iter().filter(|(id, _)| accepts(id)).map(|(id, n)| (Arc::clone(id), *n)).collect()
}
