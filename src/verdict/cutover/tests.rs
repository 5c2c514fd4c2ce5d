//! What is excepted is in no figure of a gate: the verdict on the rest is that of a run in which it had never been.

use std::time::Duration;

use super::*;
use crate::config::{Endpoints, Scope};
use crate::exchange::{Failure, NotComparable, Outcome, Timestamp};
use crate::faults::invented as faults;
use crate::tally::invented::{Invented, snapshot_of};
use crate::verdict::tests::{ENDPOINTS, judge, judged, policy};
use crate::verdict::{Decision, Gate, GateResult, GateState, MismatchShare, Verdict, mismatch_share};

/// `GET /products` is not part of the cutover.
fn excepting() -> Policy {
    let mut policy = policy();
    policy.gates.coverage.except = vec!["GET /products".parse().unwrap()];
    policy
}

fn of(verdict: &Verdict, gate: Gate) -> &GateResult {
    verdict.gates.iter().find(|g| g.gate == gate).unwrap()
}

/// So many of the endpoint that is judged, changed, and 3,260 clean ones of the one that is not.
fn beside_many(n: u64, change: impl Fn(u64, Invented) -> Invented) -> Vec<Invented> {
    let judged = (0..n).map(|i| change(i, Invented::new(i, 0)));
    judged.chain((0..3_260).map(|i| Invented::new(n + i, 1))).collect()
}

#[test]
fn exchanges_of_excepted_endpoints_prove_nothing_of_the_others() {
    let few = judged(&beside_many(140, |_, one| one), &excepting());
    assert_eq!(few.verdict, Decision::Inconclusive);
    let mismatches = of(&few, Gate::MismatchRate);
    assert_eq!((mismatches.state, mismatches.sample), (GateState::NotEnough, 140));
    assert_eq!((of(&few, Gate::CandidateErrors).sample, of(&few, Gate::Latency).sample), (140, 140));
    assert_eq!(of(&few, Gate::Coverage).sample, 140);
    let enough = judged(&beside_many(400, |_, one| one), &excepting());
    assert_eq!(
        enough.headline,
        "For 1 endpoint, by 400 compared requests. It does not hold for 1 endpoint that the policy excepts: GET /products."
    );
    assert!(of(&enough, Gate::Coverage).reason.starts_with("1 endpoint asked, with 100 compared requests or more; 1"));
}

#[test]
fn a_defect_does_not_drown_in_what_is_excepted() {
    let slow = |_: u64, one: Invented| one.times(Duration::from_millis(10), Duration::from_millis(30));
    let third =
        |what: fn(Invented) -> Invented| move |i: u64, one: Invented| if i.is_multiple_of(3) { what(one) } else { one };
    let failing = third(|one| one.failed(Failure::Timeout, Duration::from_secs(2)));
    let unreadable = third(|one| one.outcome(Outcome::NotComparable(NotComparable::LimitReached)));
    let mismatching = third(|one| one.differing(0, "price", None));
    for (run, gate, state) in [
        (beside_many(400, slow), Gate::Latency, GateState::Fail),
        (beside_many(30, mismatching), Gate::MismatchRate, GateState::Fail),
        (beside_many(30, failing), Gate::CandidateErrors, GateState::Fail),
    ] {
        let verdict = judged(&run, &excepting());
        assert_eq!((verdict.verdict, of(&verdict, gate).state), (Decision::NoGo, state), "{gate}");
    }
    // Enough compared of it, and much that says nothing: a tenth of a per cent of everything.
    let mut lax = excepting();
    lax.gates.loss.below = 0.05;
    let verdict = judged(&beside_many(450, unreadable), &lax);
    let open = of(&verdict, Gate::Loss);
    assert_eq!((verdict.verdict, open.state, open.sample), (Decision::Inconclusive, GateState::NotEnough, 450));
    assert_eq!(
        open.reason,
        "of the endpoints that are part of the cutover alone, 150 of 450 exchanges say nothing: 33.3%; the limit is 5%; \
         150 more not comparable."
    );
}

#[test]
fn what_is_wrong_with_an_excepted_endpoint_is_told_and_decides_nothing() {
    let run: Vec<Invented> = (0..800)
        .map(|i| Invented::new(i, (i % 2) as u32))
        .map(|one| match one.observation.sequence {
            n if n % 2 == 0 => one,
            n if n % 5 == 0 => one.failed(Failure::Timeout, Duration::from_secs(2)),
            _ => one.differing(0, "price", None),
        })
        .collect();
    assert_eq!(judged(&run, &policy()).verdict, Decision::NoGo);
    let verdict = judged(&run, &excepting());
    assert_eq!(verdict.verdict, Decision::Go, "{:?}", verdict.reasons);
    assert_eq!(
        verdict.remarks[0],
        "not part of the verdict, by gates.coverage.except, and not right: 1 endpoint: GET /products (320 mismatches in 320 \
         compared, 100%; 80 failures in 400 sent, 20%)."
    );
    assert_eq!(
        (verdict.findings.len(), verdict.failing.len()),
        (1, 1),
        "nor is it one of those that are corrected for"
    );
    let excepted: Vec<_> = verdict.coverage.excepted().map(|e| (e.compared, e.statuses.len())).collect();
    assert_eq!(excepted, [(320, 1)], "its figures are shown");
}

#[test]
fn a_write_that_may_have_had_its_effect_is_one_too_many_wherever_it_was() {
    let mut run = beside_many(400, |_, one| one);
    run[1_000] = Invented::new(1_000, 1).failed(Failure::EffectsNotDiscarded, Duration::from_millis(3));
    let verdict = judged(&run, &excepting());
    assert_eq!(verdict.verdict, Decision::NoGo);
    assert!(verdict.reasons[0].starts_with("1 answer to sandboxed requests did not say"), "{:?}", verdict.reasons);
}

#[test]
fn faults_and_depths_are_those_of_what_is_judged() {
    let mut snapshot = snapshot_of(&beside_many(400, |_, one| one), ENDPOINTS);
    // 19 faults an endpoint are too few to be judged by themselves; the whole would be fine.
    let blind = faults::endpoint("GET /orders/{id}", 25, 10);
    let mut fine = faults::endpoint("GET /products", 900, 900);
    fine.depth = faults::depth(10_000, 0);
    let mut trial = faults::trial(vec![blind, fine]);
    trial.endpoints[0].depth = faults::depth(100, 20);
    snapshot.trial = Some(trial);
    let verdict = judge(&snapshot, &excepting(), &[]);
    assert_eq!(verdict.verdict, Decision::Inconclusive);
    let lines: Vec<_> = verdict.gates.iter().filter(|g| g.gate == Gate::Rules && g.endpoint.is_none()).collect();
    let shown: Vec<_> = lines.iter().map(|g| (g.figure.unwrap(), g.sample)).collect();
    assert_eq!(shown, [(0.2, 100), (0.4, 25)], "{lines:?}");
}

/// A run over ten days in which clients differ, mismatches cluster, and one day is bad.
fn mixed() -> Vec<Invented> {
    let day = 86_400_000_000_000;
    let one = |n: u64| {
        let (at, client) = ((n / 2 % 10) as i64, (n / 20 % 40) as u8);
        let mut one = Invented::new(n, (n % 2) as u32).starting(Timestamp(at * day + 3_600_000_000_000));
        one.observation.exchange.client = ([10, 0, 0, client], 40_000).into();
        let one = one.times(Duration::from_micros(10_000 + n % 97), Duration::from_micros(9_000 + n % 311));
        match n % 2 {
            0 if client < 3 && n % 6 == 0 => one.differing(0, "price", None),
            0 if at == 4 && n % 5 == 0 => one.differing(0, "tax", None),
            0 if n % 502 == 0 => one.failed(Failure::Timeout, Duration::from_secs(2)),
            1 if n % 3 == 0 => one.differing(1, "name", None),
            _ => one,
        }
    };
    (0..8_000).map(one).collect()
}

/// The figures of all gates that are of the cutover alone; `None` for the sentences that say what was left out.
fn figures(verdict: &Verdict) -> Vec<GateResult> {
    let alone = |g: &&GateResult| !matches!(g.gate, Gate::Coverage | Gate::Loss | Gate::Books);
    verdict.gates.iter().filter(alone).cloned().collect()
}

#[test]
fn the_verdict_on_the_rest_is_that_of_a_run_in_which_the_excepted_had_never_been() {
    let run = mixed();
    let rest: Vec<Invented> = run.iter().filter(|one| one.observation.endpoint == 0).cloned().collect();
    for (each, over) in
        [(Scope::Whole, None), (Scope::Endpoint, None), (Scope::Whole, Some(Duration::from_secs(3 * 86_400)))]
    {
        let mut policy = excepting();
        policy.endpoints = Endpoints::Learned;
        (policy.gates.mismatch_rate.each, policy.gates.latency.each) = (each, each);
        policy.gates.mismatch_rate.over = over;
        let (with, mut without) = (snapshot_of(&run, ENDPOINTS), snapshot_of(&rest, ENDPOINTS));
        // By client and day only all endpoints together are known; the clusters are then those of all days.
        without.day_clients = DayClients::default();
        without.trial = without.trial.map(|trial| trial.of(|endpoint| endpoint.template != "/products"));
        let [all, alone] = [&with, &without].map(|snapshot| judge(snapshot, &policy, &[]));
        assert_eq!(figures(&all), figures(&alone), "{each:?} {over:?}");
        assert_eq!((&all.days, &all.findings, &all.failing), (&alone.days, &alone.findings, &alone.failing));
        assert_eq!((&all.paired_latency, all.worst_case), (&alone.paired_latency, alone.worst_case));
        assert_eq!((&all.coverage.days, all.coverage.hours), (&alone.coverage.days, alone.coverage.hours));
        let [share, expected] = [&with, &without].map(|snapshot| mismatch_share(snapshot, &policy, &[]).unwrap());
        assert_eq!(share, expected);
        if each == Scope::Whole {
            assert_eq!(bound(&share, of(&all, Gate::MismatchRate)), of(&all, Gate::MismatchRate).bound);
        }
        assert!(all.days.days.iter().any(|day| day.widening > 1.0), "clients matter here");
    }
}

/// What the metric says that the gate is judged by.
fn bound(share: &MismatchShare, gate: &GateResult) -> Option<f64> {
    Some(if gate.state == GateState::Fail { share.lower } else { share.upper })
}

#[test]
fn days_on_which_only_excepted_endpoints_were_asked_cover_nothing() {
    let day = |n: i64| Timestamp(n * 86_400_000_000_000);
    let run: Vec<Invented> = beside_many(400, |_, one| one.starting(day(0)))
        .into_iter()
        .map(|one| if one.observation.endpoint == 1 { one.starting(day(1)) } else { one })
        .collect();
    let mut policy = excepting();
    policy.gates.coverage.days = 2;
    let verdict = judged(&run, &policy);
    assert_eq!((verdict.verdict, verdict.coverage.days.len()), (Decision::Inconclusive, 1));
    assert!(verdict.reasons[0].starts_with("1 of 2 days covered"), "{:?}", verdict.reasons);
}
