use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::{Policy, Scope};
use crate::exchange::{Outcome, RuleAnswer, RuleNote, Timestamp};
use crate::ledger::LiveBooks;
use crate::tally::invented::{Invented, snapshot_of};
use crate::verdict::tests::{ENDPOINTS, judge, policy};
use crate::verdict::{Decision, Verdict, interval};

const DAY: i64 = 86_400_000_000_000;
const FIRST: i64 = 20_000;

/// For each day how many are compared and how many of them mismatch; all from one address, so that there is no spread
/// between clients to see.
fn days(counts: &[(u64, u64)]) -> Vec<Invented> {
    let mut run = Vec::new();
    for (day, (n, k)) in counts.iter().enumerate() {
        for i in 0..*n {
            let sequence = run.len() as u64;
            let start = Timestamp((FIRST + day as i64) * DAY + i as i64 * 1_000_000_000);
            let one = Invented::new(sequence, (i % 2) as u32).starting(start);
            run.push(if i < *k { one.differing(0, "price", None) } else { one });
        }
    }
    run
}

/// The same run, each exchange of a client of its own.
fn of_many_clients(mut run: Vec<Invented>) -> Vec<Invented> {
    for (n, one) in run.iter_mut().enumerate() {
        one.observation.exchange.client = ([10, 0, (n / 256) as u8, (n % 256) as u8], 40_000).into();
    }
    run
}

fn over(days: u64) -> Policy {
    let mut policy = policy();
    policy.gates.mismatch_rate.over = Some(Duration::from_secs(days * 86_400));
    policy
}

fn judged(run: &[Invented], policy: &Policy) -> Verdict {
    judge(&snapshot_of(run, ENDPOINTS), policy, &[])
}

fn gates(verdict: &Verdict, gate: Gate) -> Vec<&GateResult> {
    verdict.gates.iter().filter(|g| g.gate == gate).collect()
}

#[test]
fn only_the_window_is_judged_and_all_of_it_must_be_covered() {
    // Compared, mismatched by day; the window; what the pooled gate says.
    let bad_past: &[(u64, u64)] = &[(300, 60), (300, 0), (300, 0), (300, 0)];
    for (counts, window, expected, sample) in [
        (bad_past, None, GateState::Fail, 1_200),
        (bad_past, Some(4), GateState::Fail, 1_200),
        (bad_past, Some(3), GateState::Pass, 900),
        (bad_past, Some(1), GateState::Pass, 300),
        (bad_past, Some(5), GateState::Fail, 1_200),
        (&[(300, 0), (300, 0)], Some(2), GateState::Pass, 600),
        (&[(300, 0), (300, 0)], Some(14), GateState::NotEnough, 600),
        (&[(300, 0), (0, 0), (300, 0)], Some(3), GateState::NotEnough, 600),
        (&[(300, 0), (300, 0), (100, 0)], Some(1), GateState::NotEnough, 100),
    ] {
        let policy = window.map_or_else(policy, over);
        let verdict = judged(&days(counts), &policy);
        let gate = gates(&verdict, Gate::MismatchRate)[0];
        assert_eq!((gate.state, gate.sample), (expected, sample), "{counts:?} {window:?}: {}", gate.reason);
    }
    let verdict = judged(&days(&[(300, 0); 6]), &over(14));
    assert_eq!(verdict.verdict, Decision::Inconclusive);
    let gate = gates(&verdict, Gate::MismatchRate)[0];
    assert!(gate.reason.ends_with("; 6 of 14 days are covered."), "{}", gate.reason);
    assert!(gate.method.ends_with(", of the 14 days to 2024-10-09 (UTC)"), "{}", gate.method);
    assert_eq!(gate.remedy.as_deref(), Some("8 more days on which something is compared"));
    assert_eq!(judged(&days(&[(300, 0); 14]), &over(14)).verdict, Decision::Go);
    let verdict = judge(&Snapshot::default(), &over(14), &[]);
    assert!(gates(&verdict, Gate::MismatchRate)[0].reason.ends_with("; 0 of 14 days are covered."));
}

#[test]
fn a_part_of_a_day_is_a_day_and_the_last_exchange_says_which_is_the_last() {
    let mut policy = policy();
    policy.gates.mismatch_rate.over = Some(Duration::from_secs(25 * 3600));
    let mut run = days(&[(300, 9), (300, 0), (300, 0)]);
    assert_eq!(gates(&judged(&run, &policy), Gate::MismatchRate)[0].sample, 600);
    // A last exchange that was only seen moves the window.
    let late = Timestamp((FIRST + 3) * DAY);
    run.push(Invented::new(900, 0).skipped(crate::exchange::Skip::NotSampled).starting(late));
    let verdict = judged(&run, &policy);
    let gate = gates(&verdict, Gate::MismatchRate)[0];
    assert_eq!((gate.sample, gate.state), (300, GateState::NotEnough), "{}", gate.reason);
}

#[test]
fn the_clients_and_the_accepted_of_the_window_are_its_own() {
    // All mismatches of the window are one client's; before it many had some.
    let mut run = of_many_clients(days(&[(400, 40), (1_000, 0)]));
    for one in run.iter_mut().skip(400).take(12) {
        one.observation.exchange.client = ([10, 9, 9, 9], 40_000).into();
        *one = one.clone().differing(0, "price", None);
    }
    let verdict = judged(&run, &over(1));
    let gate = gates(&verdict, Gate::MismatchRate)[0];
    assert!(
        gate.reason.contains("12 mismatches in 1,000") && gate.reason.contains("they lie on 1 of"),
        "{}",
        gate.reason
    );
    assert_eq!(gate.state, GateState::NotEnough);
    // An accept rule is held to its rate by what it answered for in the window.
    let accepted = |one: &Invented| {
        let hit = Some(("renamed", RuleAnswer::Accept));
        one.clone().differing(0, "name", hit).outcome(Outcome::Accepted)
    };
    let mut run = days(&[(400, 0), (400, 0)]);
    for one in run.iter_mut().take(200) {
        *one = accepted(one);
    }
    let rule = RuleNote {
        id: Arc::from("renamed"),
        owner: "team".into(),
        reason: "because".into(),
        expires: "2026-01-31".into(),
        expired: false,
        answer: RuleAnswer::Accept,
        at: "GET /products".into(),
        source: "rules/a.yaml:3".into(),
        max_rate: Some(0.05),
    };
    let state = |policy: &Policy| {
        let verdict = judge(&snapshot_of(&run, ENDPOINTS), policy, std::slice::from_ref(&rule));
        gates(&verdict, Gate::MismatchRate)[0].state
    };
    assert_eq!((state(&policy()), state(&over(1))), (GateState::Fail, GateState::Pass));
}

#[test]
fn one_bad_day_is_named_though_the_whole_passes() {
    // 20 of 4,000 pass at 1 %, and 20 of 400 on one day do not.
    let mut counts = [(400, 0); 10];
    counts[6] = (400, 20);
    let verdict = judged(&days(&counts), &policy());
    assert_eq!(gates(&verdict, Gate::MismatchRate)[0].state, GateState::Pass);
    assert_eq!((verdict.verdict, verdict.exit_code()), (Decision::NoGo, 1));
    let gate = gates(&verdict, Gate::MismatchDays)[0];
    assert_eq!(verdict.headline, "The candidate fails 1 gate: mismatch rate of single days.");
    // One-sided Clopper-Pearson at 95 % for ten days: 1 - 0.05 / 10.
    let bound = interval::lower_bound(20, 400, 0.995);
    assert!((gate.bound.unwrap() / bound - 1.0).abs() < 1e-9 && gate.figure == Some(0.05) && gate.sample == 400);
    let reason = "1 of 10 days above 1% at 95% confidence for all of them: \
                  2024-10-10 with 20 mismatches in 400 compared requests (5%, at least 2.62%).";
    assert_eq!(gate.reason, reason);
    assert!(
        gate.method
            .starts_with("one-sided Clopper-Pearson lower bound of each day, at 95% confidence for all of 10 days")
    );
    let above: Vec<String> = verdict.days.days.iter().filter(|d| d.above_limit).map(|d| d.day.to_string()).collect();
    assert_eq!((verdict.days.days.len(), above), (10, vec!["2024-10-10".to_owned()]));
    // Before the window it is nobody's business.
    assert_eq!(judged(&days(&counts), &over(3)).verdict, Decision::Go);
}

#[test]
fn so_many_days_share_the_error_of_one() {
    // 10 of 400 at a limit of 1 %: p = 0.0077, which is enough for 6 days and not for 7.
    for (n, expected) in [(2, GateState::Fail), (6, GateState::Fail), (7, GateState::Pass), (14, GateState::Pass)] {
        let mut counts = vec![(400, 0); n];
        counts[1] = (400, 10);
        let verdict = judged(&days(&counts), &policy());
        assert_eq!(gates(&verdict, Gate::MismatchDays)[0].state, expected, "{n} days");
    }
    // A window counts its days from the first one on.
    let verdict = judged(&days(&[(400, 0), (400, 10)]), &over(14));
    assert_eq!((verdict.days.looked_at, gates(&verdict, Gate::MismatchDays)[0].state), (14, GateState::Pass));
    // What Holm adds to Bonferroni: once one is above, the next shares with one day less.
    let mut counts = vec![(400, 0); 7];
    (counts[1], counts[4]) = ((400, 20), (400, 10));
    let verdict = judged(&days(&counts), &policy());
    let above: Vec<bool> = verdict.days.days.iter().map(|day| day.above_limit).collect();
    assert_eq!(above, [false, true, false, false, true, false, false]);
    for day in &verdict.days.days {
        assert_eq!(day.above_limit, day.at_least.unwrap() >= 0.01, "{day:?}");
    }
}

#[test]
fn a_day_has_its_own_clients() {
    // 20 of 400 on one day, all of them one client's.
    let mut run = of_many_clients(days(&[(400, 0), (400, 20), (400, 0)]));
    for one in run.iter_mut().skip(400).take(20) {
        one.observation.exchange.client = ([10, 9, 9, 9], 40_000).into();
    }
    let verdict = judged(&run, &policy());
    let day = &verdict.days.days[1];
    assert!(day.widening > 15.0 && !day.above_limit, "{day:?}");
    assert_eq!(gates(&verdict, Gate::MismatchDays)[0].state, GateState::Pass);
    assert_eq!(verdict.days.days[0].widening, 1.0);
}

#[test]
fn one_day_is_the_whole_and_no_gate_but_it_is_shown() {
    for run in [days(&[(400, 20)]), days(&[(0, 0), (400, 20)])] {
        let verdict = judged(&run, &policy());
        assert!(gates(&verdict, Gate::MismatchDays).is_empty());
        let day = &verdict.days.days[0];
        assert_eq!((day.compared, day.mismatched, day.share), (400, 20, Some(0.05)));
        assert_eq!((day.at_least, verdict.days.days.len()), (Some(interval::lower_bound(20, 400, 0.95)), 1));
    }
}

#[test]
fn each_endpoint_has_its_days_where_each_is_judged() {
    // The first endpoint has half of the requests and all the mismatches of one day.
    let mut counts = [(400, 0); 5];
    counts[2] = (400, 12);
    let mut run = days(&counts);
    for one in &mut run {
        if one.comparison.outcome == Outcome::Mismatched {
            one.observation.endpoint = 0;
        }
    }
    let mut each = policy();
    each.gates.mismatch_rate.each = Scope::Endpoint;
    let verdict = judged(&run, &each);
    let results = gates(&verdict, Gate::MismatchDays);
    let failed = results.iter().find(|result| result.state == GateState::Fail).unwrap();
    assert!(failed.reason.starts_with("GET /orders/{id}: 1 of 5 days above 1%"), "{}", failed.reason);
    assert_eq!(results.len(), 2, "the others in one line");
    assert!(
        results[1].reason.starts_with("of 1 further endpoint, the nearest: GET /products"),
        "{}",
        results[1].reason
    );
    let verdict = judged(&days(&[(400, 1); 5]), &each);
    let results = gates(&verdict, Gate::MismatchDays);
    assert_eq!((results.len(), results[0].state, &results[0].endpoint), (1, GateState::Pass, &None));
    assert!(results[0].reason.starts_with("of 2 endpoints, the nearest: GET /"), "{}", results[0].reason);
}

#[test]
fn an_endpoint_with_a_limit_of_its_own_has_its_days_held_against_it() {
    let mut counts = [(400, 0); 5];
    counts[2] = (400, 12);
    let mut run = days(&counts);
    run.iter_mut()
        .filter(|one| one.comparison.outcome == Outcome::Mismatched)
        .for_each(|one| one.observation.endpoint = 0);
    let mut own = policy();
    for (limit, expected) in [(0.1, GateState::Pass), (0.01, GateState::Fail)] {
        let endpoint = "GET /orders/{id}".parse().unwrap();
        own.gates.mismatch_rate.endpoints = vec![crate::config::EndpointLimit { endpoint, limit }];
        let verdict = judged(&run, &own);
        let results = gates(&verdict, Gate::MismatchDays);
        let of = |part: &str| results.iter().find(|result| result.reason.contains(part)).unwrap();
        assert_eq!(of("GET /orders/{id}: ").state, expected, "{limit}");
        assert_eq!(of("none of 5 days has a mismatch").endpoint, None);
        assert_eq!(verdict.days.days.iter().map(|day| day.mismatched).sum::<u64>(), 0, "what is left of the whole");
    }
}

#[test]
fn a_critical_endpoint_is_judged_in_the_window_too() {
    let run = days(&[(400, 80), (1_200, 0)]);
    for (window, expected) in [(2, GateState::Fail), (1, GateState::Pass), (14, GateState::Fail)] {
        let mut policy = over(window);
        policy.critical = vec!["GET /products".parse().unwrap()];
        let verdict = judged(&run, &policy);
        let of_it = |gate: &&&GateResult| gate.endpoint.as_ref().is_some_and(|e| e.template == "/products");
        let gates = gates(&verdict, Gate::MismatchRate);
        let gate = gates.iter().find(of_it).unwrap();
        assert_eq!(gate.state, expected, "{window}: {}", gate.reason);
        assert!(gate.method.contains(" (UTC)"), "{}", gate.method);
    }
}

#[test]
fn what_is_left_of_the_whole_keeps_its_clients_in_a_window() {
    // All mismatches of both days are one client's; the third endpoint has a limit of its own.
    let mut run = of_many_clients(days(&[(400, 0), (1_000, 12)]));
    for one in run.iter_mut().filter(|one| one.comparison.outcome == Outcome::Mismatched) {
        one.observation.exchange.client = ([10, 9, 9, 9], 40_000).into();
    }
    let n = run.len() as u64;
    run.extend((n..n + 300).map(|n| Invented::new(n, 2).starting(Timestamp((FIRST + 1) * DAY))));
    let mut policy = over(1);
    let endpoint = "POST /orders".parse().unwrap();
    policy.gates.mismatch_rate.endpoints = vec![crate::config::EndpointLimit { endpoint, limit: 0.1 }];
    let verdict = judged(&run, &policy);
    let whole = verdict.gates.iter().find(|g| g.gate == Gate::MismatchRate && g.endpoint.is_none()).unwrap();
    assert!(
        whole.reason.contains("12 mismatches in 1,000") && whole.reason.contains("they lie on 1 of"),
        "{}",
        whole.reason
    );
}

#[test]
fn the_last_day_of_a_live_run_still_goes_on() {
    // 10 of 400 on a day that is over fail for two days; on the last one of a live run they are one look of many.
    for (counts, live, expected) in [
        ([(400, 10), (400, 0)], false, true),
        ([(400, 10), (400, 0)], true, true),
        ([(400, 0), (400, 10)], false, true),
        ([(400, 0), (400, 10)], true, false),
        ([(400, 0), (400, 30)], true, true),
    ] {
        let mut snapshot = snapshot_of(&days(&counts), ENDPOINTS);
        snapshot.ledger.capture.live = live.then(LiveBooks::default);
        let verdict = judge(&snapshot, &policy(), &[]);
        let above = verdict.days.days.iter().any(|day| day.above_limit);
        assert_eq!(above, expected, "{counts:?} live: {live}");
    }
}

#[test]
fn a_window_over_all_there_is_changes_nothing_of_the_evidence() {
    let snapshot = snapshot_of(&days(&[(300, 3), (300, 1)]), ENDPOINTS);
    let window = Window::of(&snapshot, Some(Duration::from_secs(9 * 86_400))).unwrap();
    assert!(matches!(window.evidence(&snapshot), Cow::Borrowed(_)));
    // One day less, and its figures are those of a run of that day alone.
    let window = Window::of(&snapshot, Some(Duration::from_secs(86_400))).unwrap();
    let of_window = window.evidence(&snapshot);
    let alone = snapshot_of(&days(&[(0, 0), (300, 1)]), ENDPOINTS);
    assert_eq!(of_window.clients, alone.clients);
    for (found, expected) in of_window.endpoints.iter().zip(&alone.endpoints) {
        assert_eq!(found.days, expected.days);
        let counts = |books: &crate::ledger::ShadowBooks| (books.matched, books.accepted, books.mismatched);
        assert_eq!(counts(&found.books), counts(&expected.books));
    }
}
