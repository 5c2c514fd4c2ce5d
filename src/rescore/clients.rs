//! How mismatches lie on clients under other rules: by the spread of the signatures.

use std::collections::BTreeMap;

use crate::exchange::{Endpoint, Outcome};
use crate::tally::{Clustering, Signature, Snapshot};

/// Compared and mismatched, by group of clients.
type Groups = BTreeMap<u16, (u64, u64)>;

/// Gathers it.
#[derive(Debug, Default)]
pub(super) struct ByClients {
    groups: BTreeMap<Endpoint, Groups>,
}

impl ByClients {
    pub(super) fn stays(&mut self, signature: &Signature) {
        self.takes(signature, &BTreeMap::from([(signature.outcome, signature.exchanges)]));
    }

    /// Where a signature came to several outcomes, nobody knows of whom which are: its mismatches are taken to be together,
    /// in as few groups as hold them.
    pub(super) fn takes(&mut self, signature: &Signature, outcomes: &BTreeMap<Outcome, u64>) {
        let of = |wanted: fn(&Outcome) -> bool| -> u64 {
            outcomes.iter().filter(|(outcome, _)| wanted(outcome)).map(|(_, n)| n).sum()
        };
        let mut mismatched = of(|o| *o == Outcome::Mismatched);
        let mut compared = of(|o| matches!(o, Outcome::Matched | Outcome::Accepted | Outcome::Mismatched));
        let mut by_group: BTreeMap<u16, u64> = BTreeMap::new();
        for (_, group, n) in &signature.spread {
            *by_group.entry(*group).or_default() += n;
        }
        let mut by_size: Vec<(u16, u64)> = by_group.into_iter().collect();
        by_size.sort_by_key(|(group, n)| (std::cmp::Reverse(*n), *group));
        let there = self.groups.entry(signature.endpoint.clone()).or_default();
        for (group, n) in by_size {
            let (c, m) = (n.min(compared), n.min(mismatched));
            (compared, mismatched) = (compared - c, mismatched - m);
            let share = there.entry(group).or_default();
            share.0 += c;
            share.1 += m;
        }
    }

    /// Puts it in the place of what was, where mismatches are others now. Exchanges without a signature are one group.
    pub(super) fn into_snapshot(self, before: &Snapshot, after: &mut Snapshot) {
        let mut all: Groups = BTreeMap::new();
        let mut changed = false;
        for (before, after) in before.endpoints.iter().zip(&mut after.endpoints) {
            let mut groups = self.groups.get(&after.endpoint).cloned().unwrap_or_default();
            let books = &after.books;
            let known = groups.values().fold((0, 0), |sum, (c, m)| (sum.0 + c, sum.1 + m));
            let compared = books.matched + books.accepted + books.mismatched;
            let rest = (compared.saturating_sub(known.0), books.mismatched.saturating_sub(known.1));
            if rest != (0, 0) {
                groups.insert(u16::MAX, (rest.0.max(rest.1), rest.1));
            }
            for (group, (c, m)) in &groups {
                let share = all.entry(*group).or_default();
                share.0 += c;
                share.1 += m;
            }
            if compared_of(&before.books) != compared_of(books) {
                changed = true;
                after.clients = Clustering::from_counts(groups.into_values().filter(|(c, _)| *c > 0));
            }
        }
        if changed {
            after.clients = Clustering::from_counts(all.into_values().filter(|(c, _)| *c > 0));
        }
    }
}

fn compared_of(books: &crate::ledger::ShadowBooks) -> (u64, u64) {
    (books.matched + books.accepted, books.mismatched)
}
