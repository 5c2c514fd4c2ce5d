//! The mismatch rate of all traffic as one figure with both its bounds, whatever the gate came to.
//!
//! A gate tells the bound that it is judged by: the lower one where it fails. Who watches a run over time wants the same
//! line always.

use std::borrow::Cow;

use crate::config::Policy;
use crate::exchange::RuleNote;
use crate::tally::Snapshot;

use super::bounds::{self, Bounds};
use super::clusters::widening;
use super::cutover;
use super::rates::Evidence;
use super::window::Window;

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

/// The mismatch rate over all endpoints that GO is to hold for, of the window where the policy has one; None where nothing was compared.
pub fn mismatch_share(snapshot: &Snapshot, policy: &Policy, rules: &[RuleNote]) -> Option<MismatchShare> {
    let gate = &policy.gates.mismatch_rate;
    let snapshot = &*cutover::evidence(snapshot, policy);
    let window = Window::of(snapshot, gate.over);
    let judged = window.map_or(Cow::Borrowed(snapshot), |window| window.evidence(snapshot));
    let evidence = Evidence::gather(&judged, rules);
    let (k, n) = (evidence.mismatched, evidence.compared);
    let bounds = Bounds {
        looks: bounds::looks(gate.looks, &snapshot.ledger),
        confidence: gate.confidence,
        limit: gate.below,
        widening: widening(&judged.clients, gate.below, gate.confidence),
    };
    (n > 0).then(|| MismatchShare {
        ratio: k as f64 / n as f64,
        upper: bounds.upper(k, n),
        lower: bounds.lower(k, n),
        limit: gate.below,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Outcome;
    use crate::tally::invented::{Invented, snapshot_of};
    use crate::verdict::{Gate, GateState, judge};

    fn share_and_gate(mismatches: u64, of: u64) -> (MismatchShare, GateState, f64) {
        let policy = Policy::default();
        let one = |n| {
            let outcome = if n < mismatches { Outcome::Mismatched } else { Outcome::Matched };
            Invented::new(n, 0).outcome(outcome)
        };
        let snapshot = snapshot_of(&(0..of).map(one).collect::<Vec<_>>(), &["GET /a"]);
        let verdict = judge(&snapshot, &policy, &[], jiff::civil::date(2026, 11, 25));
        let gate = verdict.gates.iter().find(|gate| gate.gate == Gate::MismatchRate).unwrap();
        (mismatch_share(&snapshot, &policy, &[]).unwrap(), gate.state, gate.bound.unwrap())
    }

    #[test]
    fn the_bounds_are_those_that_the_gate_is_judged_by() {
        let (share, state, bound) = share_and_gate(0, 4_000);
        assert_eq!((state, share.upper), (GateState::Pass, bound));
        assert!(share.lower <= share.ratio && share.ratio < share.upper && share.upper < share.limit);
        let (share, state, bound) = share_and_gate(50, 1_000);
        assert_eq!((state, share.lower, share.ratio), (GateState::Fail, bound, 0.05));
        assert!(share.lower < share.ratio && share.ratio < share.upper);
        assert_eq!(mismatch_share(&Snapshot::default(), &Policy::default(), &[]), None);
    }
}
