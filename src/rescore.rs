//! The same evidence under other rules, without asking anybody again.
//!
//! Where no rule that has changed could concern a signature, its count stays as it is. Else the exchanges that are kept of it
//! are compared under the new rules. Where the answers of these go by what is the same in all of its exchanges (`settled`),
//! the whole takes what they say, by inference. Where they go by values, or nothing is kept, the rest is not known, and never
//! counted in favour of the candidate: as mismatched where any of them mismatches, else as not comparable, which is missing
//! evidence.
//!
//! Pure: the same snapshot and rules give the same.

mod again;
mod apply;
mod changed;
mod over_time;
mod settled;
mod spread;

use std::collections::BTreeMap;

use crate::compare::Comparer;
use crate::exchange::{Outcome, Rescored, Rescoring};
use crate::rules::RuleSet;
use crate::tally::Snapshot;

use apply::Applied;
use changed::Changed;
use settled::Settled;

/// Signatures that are told of as having come out otherwise; the largest.
pub const MAX_TOLD: usize = 50;

/// Judges the snapshot's exchanges under the comparer's rules; they were judged under `old` ones: several where stretches
/// of different rules were put together. What is kept has no secrets, so the comparer's redactor need know of none.
pub fn rescore(snapshot: &Snapshot, old: &[RuleSet], comparer: &Comparer) -> (Snapshot, Rescored) {
    let changed = Changed::between(old, comparer.rules());
    let settled = Settled::new(old, comparer, &changed);
    let mut applied = Applied::new(snapshot);
    let mut known = Rescoring::default();
    for signature in &snapshot.signatures {
        if !changed.may_concern(signature) {
            known.exact += signature.exchanges;
            applied.stays(signature);
            continue;
        }
        let again = again::again(signature, comparer, &settled);
        known.exact += again.compared;
        known.inferred += again.inferred;
        known.unknown += again.unknown;
        applied.takes(signature, &again, comparer);
    }
    applied.past_bound(&changed, &mut known);
    let (mut after, endpoints, moves) = applied.finish();
    after.rescoring = Some(known);
    let told = Rescored {
        added: changed.added.clone(),
        removed: changed.removed.clone(),
        changed: changed.changed.clone(),
        reordered: changed.reordered,
        known,
        endpoints,
        before: outcomes(snapshot.ledger.shadow.as_ref()),
        after: outcomes(after.ledger.shadow.as_ref()),
        moves,
        verdict_before: String::new(),
    };
    (after, told)
}

/// Exchanges by outcome, those that occurred.
fn outcomes(books: Option<&crate::ledger::ShadowBooks>) -> BTreeMap<String, u64> {
    let Some(books) = books else { return BTreeMap::new() };
    [
        (Outcome::Matched, books.matched),
        (Outcome::Accepted, books.accepted),
        (Outcome::Mismatched, books.mismatched),
        (Outcome::Noisy, books.noisy),
        (Outcome::Drifted, books.drifted),
    ]
    .into_iter()
    .map(|(outcome, n)| (crate::tally::outcome_name(outcome), n))
    .chain([("not-comparable".to_owned(), books.not_comparable.total()), ("failed".to_owned(), books.failed.total())])
    .filter(|(_, n)| *n > 0)
    .collect()
}

#[cfg(test)]
mod tests;
