//! What the policy asks beside the whole: endpoints with limits of their own, critical ones, and the checklist.

use std::time::Duration;

use jiff::civil::date;

use super::*;
use crate::config::{ChecklistItem, EndpointLimit, Scope, Signature};
use crate::exchange::{Failure, Skip};
use crate::tally::invented::{Invented, snapshot_of};

const ENDPOINTS: &[&str] = &["GET /orders/{id}", "GET /products", "POST /orders"];
const TODAY: Date = date(2026, 11, 25);

/// A policy under which 300 clean exchanges are enough.
fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.gates.mismatch_rate.below = 0.01;
    policy.gates.candidate_errors.below = 0.01;
    policy.gates.coverage.requests_per_endpoint = 100;
    policy
}

fn judged(run: &[Invented], policy: &Policy) -> Verdict {
    judge(&snapshot_of(run, ENDPOINTS), policy, &[], TODAY)
}

/// So many matches of each of the three endpoints, and after them so many mismatches.
fn run(matches: [u64; 3], mismatches: [u64; 3]) -> Vec<Invented> {
    let mut run = Vec::new();
    for endpoint in 0..3 {
        for bad in [false, true] {
            for _ in 0..if bad { mismatches[endpoint] } else { matches[endpoint] } {
                let mut one = Invented::new(run.len() as u64, endpoint as u32);
                let n = run.len() as u64 % 97;
                one.observation.exchange.client = ([10, 1, (n / 256) as u8, (n % 256) as u8], 40_000).into();
                run.push(if bad { one.differing(0, "price", None) } else { one });
            }
        }
    }
    run
}

fn limits(of: &[(&str, f64)]) -> Vec<EndpointLimit> {
    of.iter().map(|(endpoint, limit)| EndpointLimit { endpoint: endpoint.parse().unwrap(), limit: *limit }).collect()
}

/// Gate, endpoint and state of each result of a gate, in the order of the endpoints.
fn states(verdict: &Verdict, gate: Gate) -> Vec<(String, GateState)> {
    let endpoint = |g: &GateResult| g.endpoint.as_ref().map_or("all".to_owned(), ToString::to_string);
    let of = verdict.gates.iter().filter(|g| g.gate == gate);
    let mut states: Vec<_> = of.map(|g| (endpoint(g), g.state)).collect();
    states.sort();
    states
}

fn expected(states: &[(&str, GateState)]) -> Vec<(String, GateState)> {
    states.iter().map(|(endpoint, state)| ((*endpoint).to_owned(), *state)).collect()
}

#[test]
fn an_endpoint_with_a_limit_of_its_own_is_judged_by_it_and_left_out_of_the_whole() {
    use GateState::{Fail, NotEnough, Pass};
    // 8 % of one endpoint, which makes 4 % of all.
    let run = run([460, 500, 0], [40, 0, 0]);
    let mut policy = policy();
    assert_eq!(states(&judged(&run, &policy), Gate::MismatchRate), expected(&[("all", Fail)]));
    policy.gates.mismatch_rate.endpoints = limits(&[("GET /orders/{id}", 0.12)]);
    let verdict = judged(&run, &policy);
    assert_eq!(verdict.verdict, Decision::Go, "{verdict:#?}");
    assert_eq!(states(&verdict, Gate::MismatchRate), expected(&[("GET /orders/{id}", Pass), ("all", Pass)]));
    let whole = verdict.gates.iter().find(|g| g.gate == Gate::MismatchRate && g.endpoint.is_none()).unwrap();
    assert_eq!((whole.sample, whole.figure, whole.limit), (500, Some(0.0), Some(0.01)));
    let own = verdict.gates.iter().find(|g| g.endpoint.is_some()).unwrap();
    assert_eq!((own.sample, own.limit), (500, Some(0.12)));
    assert!(own.reason.starts_with("GET /orders/{id}: 40 mismatches in 500 compared requests"), "{}", own.reason);

    // The first that means it holds, also a stricter one; what nobody named is still judged with the others.
    policy.gates.mismatch_rate.endpoints = limits(&[("/orders/**", 0.05), ("GET /products", 0.5)]);
    let verdict = judged(&run, &policy);
    assert_eq!(
        states(&verdict, Gate::MismatchRate),
        expected(&[("GET /orders/{id}", Fail), ("GET /products", Pass)]),
        "nothing is left for a whole"
    );
    // Each endpoint by itself, and one of them by its own limit.
    policy.gates.mismatch_rate.each = Scope::Endpoint;
    policy.gates.mismatch_rate.endpoints = limits(&[("GET /orders/{id}", 0.12)]);
    let verdict = judged(&run, &policy);
    assert_eq!(states(&verdict, Gate::MismatchRate), expected(&[("GET /orders/{id}", Pass), ("GET /products", Pass)]));
    // Somebody named an endpoint that nobody has seen: that is no evidence of it.
    policy.gates.mismatch_rate.endpoints = limits(&[("GET /orders/{id}", 0.12), ("GET /carts", 0.5)]);
    let verdict = judged(&run, &policy);
    assert_eq!((verdict.verdict, verdict.gates[0].state), (Decision::Inconclusive, NotEnough));
    assert_eq!(verdict.reasons, ["GET /carts: it has a limit of its own, and no request of it was asked."]);
}

#[test]
fn what_is_left_is_judged_as_if_the_endpoints_left_out_had_never_been() {
    // One client has all the mismatches of the named endpoint, and some of the others'.
    let mut run = run([300, 2000, 300], [0, 9, 9]);
    for (at, one) in run.iter_mut().enumerate().filter(|(at, _)| *at < 40 || *at % 5 == 0) {
        one.observation.exchange.client = ([10, 9, 9, 9], 1).into();
        if at < 40 {
            *one = one.clone().differing(0, "price", None);
        }
    }
    let mut policy = policy();
    let others: Vec<_> = run.iter().filter(|one| one.observation.endpoint != 0).cloned().collect();
    let alone = judged(&others, &policy);
    policy.gates.mismatch_rate.endpoints = limits(&[("GET /orders/{id}", 0.9)]);
    policy.gates.latency.endpoints = limits(&[("GET /orders/{id}", 9.0)]);
    let verdict = judged(&run, &policy);
    for gate in [Gate::MismatchRate, Gate::Latency] {
        let of = |verdict: &Verdict| verdict.gates.iter().find(|g| g.gate == gate && g.endpoint.is_none()).cloned();
        assert!(of(&alone).is_some_and(|whole| whole.sample > 2000));
        assert_eq!(of(&verdict), of(&alone));
    }
    let own = verdict.gates.iter().find(|g| g.gate == Gate::MismatchRate && g.endpoint.is_some()).unwrap();
    assert!(own.reason.contains("they lie on 1 of"), "{}", own.reason);
}

#[test]
fn latency_is_judged_of_the_whole_of_each_endpoint_and_by_multiples_of_their_own() {
    use GateState::{Fail, NotEnough, Pass};
    let ms = |n: f64| Duration::from_secs_f64(n / 1e3);
    // The second endpoint is slower by half; so few requests of the third that no bound is to be had.
    let run: Vec<_> = (0..1_000_u64)
        .map(|i| {
            let endpoint = if i < 20 { 2 } else { i % 2 };
            let legacy = 10.0 + (i * 7919 % 100) as f64 / 10.0;
            let factor = if endpoint == 1 { 1.5 } else { 1.0 };
            Invented::new(i, endpoint as u32).times(ms(legacy), ms(legacy * factor))
        })
        .collect();
    let mut policy = policy();
    policy.gates.coverage.requests_per_endpoint = 20;
    let of = |policy: &Policy| states(&judged(&run, policy), Gate::Latency);
    assert_eq!(of(&policy), expected(&[("all", Fail)]));
    policy.gates.latency.endpoints = limits(&[("GET /products", 1.6)]);
    assert_eq!(of(&policy), expected(&[("GET /products", Pass), ("all", Pass)]));
    policy.gates.latency.each = Scope::Endpoint;
    let each = [("GET /orders/{id}", Pass), ("GET /products", Pass), ("POST /orders", NotEnough)];
    assert_eq!(of(&policy), expected(&each));
    policy.gates.latency.endpoints = limits(&[("GET /products", 1.2), ("GET /carts", 2.0)]);
    let verdict = judged(&run, &policy);
    let each =
        [("GET /carts", NotEnough), ("GET /orders/{id}", Pass), ("GET /products", Fail), ("POST /orders", NotEnough)];
    assert_eq!(states(&verdict, Gate::Latency), expected(&each));
    assert!(verdict.reasons[0].starts_with("GET /products: p95 is"), "{:?}", verdict.reasons);
    assert!(verdict.reasons[0].contains("the limit is 1.2x"), "{:?}", verdict.reasons);
}

#[test]
fn a_critical_endpoint_must_be_shown_to_be_ready_by_itself() {
    use GateState::{Fail, NotEnough, Pass};
    let critical = |patterns: &[&str]| {
        let mut policy = policy();
        policy.critical = patterns.iter().map(|pattern| pattern.parse().unwrap()).collect();
        policy
    };
    // 20 mismatches of 120 drown in 5,000; and so do 20 failures.
    let mut run = run([5_000, 400, 100], [0, 0, 20]);
    assert_eq!(judged(&run, &policy()).verdict, Decision::Go);
    let verdict = judged(&run, &critical(&["POST /orders"]));
    assert_eq!((verdict.verdict, verdict.exit_code()), (Decision::NoGo, 1));
    assert_eq!(verdict.reasons.len(), 1);
    assert!(verdict.reasons[0].starts_with("POST /orders (critical): 20 mismatches in 120"), "{:?}", verdict.reasons);
    assert_eq!(states(&verdict, Gate::MismatchRate), expected(&[("POST /orders", Fail), ("all", Pass)]));
    assert_eq!(states(&verdict, Gate::CandidateErrors), expected(&[("POST /orders", NotEnough), ("all", Pass)]));
    assert_eq!(states(&verdict, Gate::Coverage), expected(&[("POST /orders", Pass), ("all", Pass)]));

    // A pattern may mean several, and nothing is said twice.
    let all = ["GET /orders/{id}", "GET /products", "POST /orders"];
    let verdict = judged(&run, &critical(&["/**", "POST /orders"]));
    let endpoints: Vec<String> = states(&verdict, Gate::Coverage).into_iter().map(|(endpoint, _)| endpoint).collect();
    assert_eq!(endpoints, [all[0], all[1], all[2], "all"]);
    let mut each = critical(&["POST /orders"]);
    each.gates.mismatch_rate.each = Scope::Endpoint;
    assert_eq!(states(&judged(&run, &each), Gate::MismatchRate).len(), 3);

    // Its failures count by themselves too, and so does what was compared of it.
    run.truncate(5_400);
    run.extend((0..400).map(|i| Invented::new(6_000 + i, 2)));
    run.extend((0..20).map(|i| Invented::new(7_000 + i, 2).failed(Failure::Closed, Duration::ZERO)));
    let verdict = judged(&run, &critical(&["POST /orders"]));
    assert!(
        verdict.reasons[0].starts_with("POST /orders (critical): 20 failures in 420 requests sent"),
        "{verdict:#?}"
    );
    run.truncate(5_499);
    let verdict = judged(&run, &critical(&["POST /orders"]));
    let coverage = verdict.gates.iter().find(|g| g.gate == Gate::Coverage && g.endpoint.is_some()).unwrap();
    assert_eq!(coverage.reason, "POST /orders (critical): 99 compared requests, fewer than the 100 are asked for.");
    assert_eq!(coverage.remedy.as_deref(), Some("1 more compared request of it"));
}

#[test]
fn a_critical_endpoint_that_was_never_asked_blocks_go() {
    let mut policy = policy();
    policy.critical = vec!["GET /carts/{id}".parse().unwrap()];
    let mut run = run([400, 400, 0], [0; 3]);
    let verdict = judged(&run, &policy);
    assert_eq!((verdict.verdict, verdict.exit_code()), (Decision::Inconclusive, 3));
    assert_eq!(verdict.reasons, ["GET /carts/{id} (critical): it was never seen."]);
    // Seen, and kept back by the policy: the mark and the coverage both say so.
    run.extend((0..30).map(|i| Invented::new(800 + i, 2).skipped(Skip::UnsafeMethod)));
    policy.critical = vec!["POST /orders".parse().unwrap()];
    let verdict = judged(&run, &policy);
    assert_eq!(verdict.verdict, Decision::Inconclusive);
    assert_eq!(
        verdict.reasons,
        [
            "1 of 3 endpoints never compared: POST /orders (30: unsafe-method 30).",
            "POST /orders (critical): 30 exchanges of it were seen, and none was asked."
        ]
    );
    assert!(verdict.gates[0].remedy.as_deref().unwrap().contains("safety.endpoints"));
    // Nor is an endpoint enough of which nothing is asked for.
    policy.gates.coverage.requests_per_endpoint = 0;
    assert_eq!(judged(&run, &policy).verdict, Decision::Inconclusive);
}

#[test]
fn what_is_critical_cannot_be_excepted_whatever_the_coverage_says() {
    use GateState::{Fail, Pass};
    let mut policy = policy();
    policy.gates.coverage.except = vec!["POST /orders".parse().unwrap()];
    // 20 of 120 are excepted, and said to be.
    let few = run([5_000, 400, 100], [0, 0, 20]);
    let whole = judged(&few, &policy);
    assert_eq!((whole.verdict, whole.gates[0].sample), (Decision::Go, 5_400));
    assert!(whole.remarks[0].contains("POST /orders (20 mismatches in 120 compared, 16.7%)"), "{:?}", whole.remarks);
    policy.critical = vec!["POST /orders".parse().unwrap()];
    let verdict = judged(&few, &policy);
    assert_eq!(verdict.verdict, Decision::NoGo);
    assert_eq!(states(&verdict, Gate::MismatchRate), expected(&[("POST /orders", Fail), ("all", Pass)]));
    let sample = |g: &&GateResult| g.gate == Gate::MismatchRate && g.endpoint.is_none();
    assert_eq!(verdict.gates.iter().find(sample).unwrap().sample, 5_520, "a part of the whole again");
    assert!(verdict.remarks.iter().all(|remark| !remark.contains("POST /orders")), "{:?}", verdict.remarks);
    // Never asked, it blocks.
    let never = run([5_000, 400, 0], [0; 3]);
    let verdict = judged(&never, &policy);
    assert_eq!(verdict.verdict, Decision::Inconclusive);
    assert_eq!(verdict.reasons, ["POST /orders (critical): it was never seen."]);
}

fn item(id: &str, on: Option<Date>, expires: Option<Date>) -> ChecklistItem {
    let signed = on.map(|on| Signature { by: "sre".into(), evidence: "https://wiki".into(), on });
    ChecklistItem { id: id.into(), what: None, signed, expires }
}

#[test]
fn what_is_not_signed_or_has_lapsed_blocks_go_and_each_is_named() {
    let run = run([400, 400, 0], [0; 3]);
    let signed = Some(date(2026, 11, 20));
    for (on, expires, state, reason) in [
        (signed, None, ItemState::Signed, "1 item signed."),
        (signed, Some(TODAY), ItemState::Signed, "1 item signed."),
        (signed, Some(date(2026, 11, 24)), ItemState::Lapsed, "1 of 1 item open: a has lapsed on 2026-11-24."),
        (None, None, ItemState::Unsigned, "1 of 1 item open: a is not signed."),
        (None, Some(date(2026, 11, 1)), ItemState::Unsigned, "1 of 1 item open: a is not signed."),
        (Some(date(2026, 11, 26)), None, ItemState::Signed, "1 item signed."),
        (
            Some(date(2026, 11, 27)),
            None,
            ItemState::Ahead,
            "1 of 1 item open: a is dated 2026-11-27, which is yet to come.",
        ),
    ] {
        let mut policy = policy();
        policy.checklist = vec![item("a", on, expires)];
        let verdict = judged(&run, &policy);
        let gate = verdict.gates.iter().find(|g| g.gate == Gate::Checklist).unwrap();
        assert_eq!((verdict.checklist[0].state, gate.reason.as_str()), (state, reason));
        let holds = state == ItemState::Signed;
        assert_eq!(verdict.verdict, if holds { Decision::Go } else { Decision::Inconclusive }, "{reason}");
        assert_eq!(gate.remedy.is_none(), holds);
        // However bad it stands, it is never NO-GO, and it never covers NO-GO either.
        let bad = super::policy_tests::run([100, 100, 0], [50, 0, 0]);
        assert_eq!(judged(&bad, &policy).verdict, Decision::NoGo);
    }
    let mut policy = policy();
    policy.checklist = (0..9).map(|n| item(&format!("item-{n}"), signed.filter(|_| n % 2 == 0), None)).collect();
    let verdict = judged(&run, &policy);
    let names = ["item-1", "item-3", "item-5", "item-7"];
    assert!(names.iter().all(|name| verdict.reasons[0].contains(name)), "{:?}", verdict.reasons);
    assert!(verdict.reasons[0].starts_with("4 of 9 items open: "));
    assert_eq!(verdict.headline, "Nothing fails, but the evidence leaves 1 gate open: checklist.");
    assert!(judged(&run, &super::policy_tests::policy()).gates.iter().all(|g| g.gate != Gate::Checklist));
}

#[test]
fn the_same_evidence_on_the_same_day_is_the_same_verdict_and_lapses_with_the_days() {
    let mut policy = policy();
    policy.checklist = vec![item("a", Some(date(2026, 11, 20)), Some(date(2026, 12, 1)))];
    let snapshot = snapshot_of(&run([400, 400, 0], [0; 3]), ENDPOINTS);
    let on = |day: Date| serde_json::to_string(&judge(&snapshot, &policy, &[], day)).unwrap();
    assert_eq!(on(date(2026, 12, 1)), on(TODAY), "the day itself is no part of it");
    assert!(on(TODAY).contains("\"verdict\":\"GO\"") && on(date(2026, 12, 2)).contains("\"verdict\":\"INCONCLUSIVE\""));
}
