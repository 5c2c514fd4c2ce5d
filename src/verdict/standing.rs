//! How each endpoint stands by itself: which are shown to be worse than the policy allows, whatever the gates ask of the
//! whole.
//!
//! Many endpoints are looked at together, so that one of them is beyond its limit by chance sooner or later. Holm's
//! correction keeps the chance that any endpoint is named wrongly below 1 - confidence, for mismatches and for failures each.

use std::borrow::Cow;

use crate::config::Policy;
use crate::exchange::{Endpoint, Failure, RuleNote};
use crate::tally::Snapshot;

use super::bounds::{Bounds, looks};
use super::clusters::widening;
use super::holm;
use super::rates::Evidence;
use super::window::Window;

/// One endpoint against the policy's limits, by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Exchanges that say whether the sides agree.
    pub compared: u64,
    /// Of these, mismatched, and accepted beyond what the accept rules may answer for.
    pub mismatched: u64,
    /// The limit on the share of mismatches.
    pub mismatch_limit: f64,
    /// Whether the share of mismatches is shown to be above its limit.
    pub mismatches_shown: bool,
    /// Requests that were sent.
    pub sent: u64,
    /// Of these, failed by the candidate.
    pub failed: u64,
    /// The limit on the share of failures.
    pub failure_limit: f64,
    /// Whether the share of failures is shown to be above its limit, or one of them must not be at all.
    pub failures_shown: bool,
}

/// A share with what it is judged by.
struct Case {
    bad: u64,
    of: u64,
    bounds: Bounds,
}

/// How each endpoint of the snapshot stands, in the snapshot's order.
pub fn standings(snapshot: &Snapshot, policy: &Policy, rules: &[RuleNote]) -> Vec<Standing> {
    let gates = &policy.gates;
    let (confidence, looks) = (gates.mismatch_rate.confidence, looks(gates.mismatch_rate.looks, &snapshot.ledger));
    let window = Window::of(snapshot, gates.mismatch_rate.over);
    let in_window = window.map_or(Cow::Borrowed(snapshot), |window| window.evidence(snapshot));
    let evidence = Evidence::gather(&in_window, rules);
    let mismatches: Vec<Case> = evidence
        .endpoints
        .iter()
        .map(|e| {
            let (limit, widening) = (limit_of(e.endpoint, policy), widening(&e.counted.clients, confidence));
            Case { bad: e.mismatched, of: e.compared, bounds: Bounds { looks, confidence, limit, widening } }
        })
        .collect();
    let failures: Vec<Case> = snapshot
        .endpoints
        .iter()
        .map(|e| {
            let bounds = Bounds { looks, confidence, limit: gates.candidate_errors.below, widening: 1.0 };
            Case { bad: e.books.failed.total(), of: e.books.sent, bounds }
        })
        .collect();
    let (worse, failing) = (shown(&mismatches), shown(&failures));
    let both = mismatches.iter().zip(&failures).zip(worse.iter().zip(failing)).zip(&snapshot.endpoints);
    both.map(|(((mismatch, failure), (mismatches_shown, failures_shown)), endpoint)| Standing {
        compared: mismatch.of,
        mismatched: mismatch.bad,
        mismatch_limit: mismatch.bounds.limit,
        mismatches_shown: *mismatches_shown,
        sent: failure.of,
        failed: failure.bad,
        failure_limit: failure.bounds.limit,
        // A write that may have had its effect is one too many.
        failures_shown: failures_shown || endpoint.books.failed.get(Failure::EffectsNotDiscarded) > 0,
    })
    .collect()
}

/// The limit of an endpoint: its own where the policy names one.
fn limit_of(endpoint: &Endpoint, policy: &Policy) -> f64 {
    let gate = &policy.gates.mismatch_rate;
    let own = gate.endpoints.iter().find(|own| own.endpoint.means(endpoint));
    own.map_or(gate.below, |own| own.limit)
}

/// Which of the shares are shown to be at or above their limits. Where there is nothing, nothing was asked.
fn shown(cases: &[Case]) -> Vec<bool> {
    let asked = cases.iter().filter(|case| case.of > 0);
    let p_values: Vec<f64> = asked.map(|case| case.bounds.p_above(case.bad, case.of)).collect();
    let mut adjusted = holm::adjusted(&p_values).into_iter();
    let is_shown = |case: &Case, p: f64| case.bad > 0 && p <= 1.0 - case.bounds.confidence;
    cases.iter().map(|case| case.of > 0 && adjusted.next().is_some_and(|p| is_shown(case, p))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{EndpointLimit, Looks};
    use crate::tally::invented::{Invented, snapshot_of};

    const ENDPOINTS: &[&str] = &["GET /a", "GET /b/{id}", "POST /c"];

    /// 1,000 exchanges of each of two endpoints, so many of which mismatch or fail.
    fn run(mismatched: [u64; 2], failed: [u64; 2]) -> Snapshot {
        let one = |n: u64| {
            let (endpoint, at) = ((n % 2) as usize, n / 2);
            // Each client asks once, so that mismatches do not cluster.
            let mut one = Invented::new(n, endpoint as u32);
            one.observation.exchange.client = ([10, (n >> 16) as u8, (n >> 8) as u8, n as u8], 40_000).into();
            match at {
                _ if at < mismatched[endpoint] => one.differing(0, "price", None),
                _ if at < mismatched[endpoint] + failed[endpoint] => {
                    one.failed(Failure::Timeout, Duration::from_secs(2))
                }
                _ => one,
            }
        };
        let run: Vec<Invented> = (0..2_000).map(one).collect();
        snapshot_of(&run, ENDPOINTS)
    }

    fn shown_of(snapshot: &Snapshot, policy: &Policy) -> Vec<(bool, bool)> {
        standings(snapshot, policy, &[]).iter().map(|s| (s.mismatches_shown, s.failures_shown)).collect()
    }

    #[test]
    fn an_endpoint_is_named_where_its_own_share_is_shown_to_be_above_the_limit() {
        let policy = Policy::default();
        assert_eq!(shown_of(&run([0, 0], [0, 0]), &policy), [(false, false), (false, false)]);
        // 3 of 1,000 are above 0.1 %, and may be chance; 9 are not.
        assert_eq!(shown_of(&run([3, 9], [0, 0]), &policy), [(false, false), (true, false)]);
        assert_eq!(shown_of(&run([0, 0], [9, 3]), &policy), [(false, true), (false, false)]);
        let standing = standings(&run([3, 9], [0, 2]), &policy, &[])[1];
        assert_eq!((standing.compared, standing.mismatched, standing.sent, standing.failed), (998, 9, 1000, 2));
    }

    #[test]
    fn looking_at_many_endpoints_names_fewer_by_chance() {
        // By itself 5 of 1,000 show more than 0.1 % (P = 0.0036); among 50 endpoints they do not.
        let one = |bad: u64| Case {
            bad,
            of: 1000,
            bounds: Bounds { looks: Looks::Once, confidence: 0.95, limit: 0.001, widening: 1.0 },
        };
        assert_eq!(shown(&[one(5)]), [true]);
        let many: Vec<Case> = (0..50).map(|n| one(if n == 0 { 5 } else { 0 })).collect();
        assert!(shown(&many).iter().all(|shown| !shown));
        // Once the others are shown, it needs no more than it would by itself.
        let many: Vec<Case> = (0..50).map(|n| one(if n == 0 { 5 } else { 40 })).collect();
        assert!(shown(&many).iter().all(|shown| *shown));
    }

    #[test]
    fn an_endpoint_with_a_limit_of_its_own_is_judged_by_that() {
        let mut policy = Policy::default();
        let endpoint = "GET /b/{id}".parse().unwrap();
        policy.gates.mismatch_rate.endpoints = vec![EndpointLimit { endpoint, limit: 0.05 }];
        let snapshot = run([9, 9], [0, 0]);
        assert_eq!(shown_of(&snapshot, &policy), [(true, false), (false, false)]);
        assert_eq!(standings(&snapshot, &policy, &[])[1].mismatch_limit, 0.05);
    }

    #[test]
    fn one_write_that_may_have_had_its_effect_is_one_too_many() {
        let mut run: Vec<Invented> = (0..100_000).map(|n| Invented::new(n, 2)).collect();
        run[7] = Invented::new(7, 2).failed(Failure::EffectsNotDiscarded, Duration::from_millis(3));
        assert_eq!(shown_of(&snapshot_of(&run, ENDPOINTS), &Policy::default()), [(false, true)]);
    }
}
