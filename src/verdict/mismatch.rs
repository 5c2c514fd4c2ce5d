//! The mismatch rate of all traffic as one figure with both its bounds, whatever the gate came to.
//!
//! A gate tells the bound that it is judged by: the lower one where it fails. Who watches a run over time wants the same
//! line always.

use crate::config::Policy;
use crate::exchange::RuleNote;
use crate::tally::Snapshot;

use super::bounds::{self, Bounds};
use super::clusters::widening;
use super::rates::Evidence;

/// A share with what the gate's confidence makes of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MismatchShare {
    /// What was seen: mismatched of compared.
    pub ratio: f64,
    /// What it is at most, by the method that the gate is judged by.
    pub upper: f64,
    /// What it is at least.
    pub lower: f64,
    /// What the policy asks for.
    pub limit: f64,
}

/// The mismatch rate over all endpoints; None where nothing was compared.
pub fn mismatch_share(snapshot: &Snapshot, policy: &Policy, rules: &[RuleNote]) -> Option<MismatchShare> {
    let evidence = Evidence::gather(snapshot, rules);
    let (k, n) = (evidence.mismatched, evidence.compared);
    let gate = &policy.gates.mismatch_rate;
    let bounds = Bounds {
        looks: bounds::looks(gate.looks, &snapshot.ledger),
        confidence: gate.confidence,
        limit: gate.below,
        widening: widening(&evidence.clients, gate.confidence),
    };
    (n > 0).then(|| MismatchShare {
        ratio: k as f64 / n as f64,
        upper: bounds.upper(k, n),
        lower: bounds.lower(k, n),
        limit: gate.below,
    })
}
