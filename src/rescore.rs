//! The same evidence under other rules, without asking anybody again.
//!
//! The exchanges that are kept of a signature are compared under the new rules, and say what has become of all of it. Where
//! no rule that has changed could concern a signature, its count stays as it is. Where all that is kept of it agrees, the
//! whole takes what they say, by inference. Where they disagree, or nothing is kept, what is not known is never counted in
//! favour of the candidate: as mismatched where any of them mismatches, else as not comparable, which is missing evidence.
//!
//! Pure: the same snapshot and rules give the same.

mod again;
mod apply;
mod changed;
mod clients;

pub use again::Rescoring;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::compare::Comparer;
use crate::config::Redaction;
use crate::exchange::{Endpoint, Outcome};
use crate::redact::{Key, RedactError, Redactor};
use crate::rules::RuleSet;
use crate::tally::Snapshot;

use apply::Applied;
use changed::Changed;

/// Signatures that are told of as having come out otherwise; the largest.
pub const MAX_TOLD: usize = 50;

/// What other rules made of the evidence.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Rescored {
    /// Rules that are in force now and were not, by id.
    pub added: Vec<Arc<str>>,
    /// Rules that were in force and are not.
    pub removed: Vec<Arc<str>>,
    /// Rules that say something else than they did.
    pub changed: Vec<Arc<str>>,
    /// Whether rules that stayed are asked in another order.
    pub reordered: bool,
    /// How well the new counts are known.
    pub known: Rescoring,
    /// The endpoints whose outcomes are others now.
    pub endpoints: Vec<EndpointChange>,
    /// Outcomes of all endpoints together, before.
    pub before: BTreeMap<String, u64>,
    /// And after.
    pub after: BTreeMap<String, u64>,
    /// What came out otherwise: the largest parts.
    pub moves: Vec<Move>,
    /// The verdict under the rules that were in force, and the same gates.
    pub verdict_before: Option<String>,
}

/// One endpoint's outcomes under the old rules and under the new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointChange {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Exchanges by outcome, before.
    pub before: BTreeMap<String, u64>,
    /// And after.
    pub after: BTreeMap<String, u64>,
}

/// Exchanges of one signature that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// What they were.
    pub from: String,
    /// What they are.
    pub to: String,
    /// How many.
    pub exchanges: u64,
    /// How many of the signature's exchanges were compared again.
    pub asked_of: u64,
    /// Of how many.
    pub all: u64,
}

/// Judges the snapshot's exchanges under `new` rules; they were judged under `old` ones: several where stretches of
/// different rules were put together.
///
/// # Errors
/// None: what hides secrets needs nothing that could be missing.
pub fn rescore(snapshot: &Snapshot, old: &[RuleSet], new: Arc<RuleSet>) -> Result<(Snapshot, Rescored), RedactError> {
    let changed = Changed::between(old, &new);
    // What is kept has no secrets. What is taken for one again has a mark of a mark; so that it is the same each time,
    // the key is one that everybody knows.
    let key = Key::given(Some("nothing secret is left in specimens".as_ref())).or_else(|_| Key::random());
    let key = key.map_err(|error| RedactError::Path(error.to_string()))?;
    let comparer = Comparer::new(new, Arc::new(Redactor::new(&Redaction::default(), key)?));

    let mut applied = Applied::new(snapshot);
    let mut known = Rescoring::default();
    for signature in &snapshot.signatures {
        if !changed.may_concern(signature) {
            known.exact += signature.exchanges;
            applied.stays(signature);
            continue;
        }
        let again = again::again(signature, &comparer);
        known.add(&again);
        applied.takes(signature, &again, &comparer);
    }
    applied.past_bound(&changed, &mut known);
    let (after, endpoints, moves) = applied.finish();
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
        verdict_before: None,
    };
    Ok((after, told))
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
