//! The gate on the rules, by trials that never were.

use super::tests::judge;
use super::*;
use crate::config::RulesGate;
use crate::exchange::{Outcome, RuleAnswer, RuleNote};
use crate::faults::invented::{depth, endpoint, trial};
use crate::faults::{Counted, FaultKind, Finding, Flaw, Hider, RuleAudit, Trial, Unnoticed};
use crate::tally::Snapshot;

fn note(id: &str, expired: bool) -> RuleNote {
    RuleNote {
        id: id.into(),
        owner: "me".into(),
        reason: "why".into(),
        expires: "2026-01-31".into(),
        expired,
        answer: RuleAnswer::Ignore,
        at: "json $.a".into(),
        source: "rules/a.yaml:3".into(),
        max_rate: None,
    }
}

fn gate(notes: &[RuleNote], trial: Option<&Trial>, compared: u64) -> Vec<GateResult> {
    rules::rules_gate(notes, trial, compared, &RulesGate::default())
}

fn good() -> Trial {
    trial(vec![endpoint("GET /a", 100, 100), endpoint("GET /b", 100, 99)])
}

#[test]
fn it_holds_in_one_line_that_states_figures_samples_and_limits() {
    let results = gate(&[note("a", false)], Some(&good()), 400);
    assert_eq!((results.len(), results[0].state), (1, GateState::Pass));
    assert_eq!((results[0].figure, results[0].limit, results[0].sample), (Some(0.995), Some(0.95), 200));
    assert_eq!(
        results[0].reason,
        "1 rule in force, none expired; 199 of 200 seeded faults noticed (99.5%, at least 95% is asked), and 0% of 1,000 values hidden."
    );
    assert!(results[0].method.contains("seeded into specimens"));
}

#[test]
fn nothing_was_compared_so_nothing_could_have_been_hidden() {
    assert!(gate(&[], None, 0).is_empty());
    let results = gate(&[note("a", false)], None, 0);
    assert_eq!((results.len(), results[0].state), (1, GateState::Pass));
    assert_eq!(results[0].reason, "1 rule in force, none expired.");
}

#[test]
fn a_run_without_specimens_leaves_it_open() {
    let results = gate(&[], None, 1);
    assert_eq!((results.len(), results[0].state), (1, GateState::NotEnough));
    assert!(results[0].reason.contains("no exchange was kept"), "{}", results[0].reason);
}

#[test]
fn an_expired_rule_leaves_it_open_whatever_the_trial_says() {
    let results = gate(&[note("old", true), note("new", false)], Some(&good()), 400);
    assert_eq!((results.len(), results[0].state), (1, GateState::NotEnough));
    assert_eq!(results[0].reason, "1 rule has expired and was not applied: old (2026-01-31).");
}

#[test]
fn the_hidden_share_is_judged_at_its_limit_and_the_rule_that_hides_most_is_named() {
    let hiding = |hidden| Trial { depth: depth(1_000, hidden), ..good() };
    assert_eq!(gate(&[], Some(&hiding(50)), 400)[0].state, GateState::Pass);
    let results = gate(&[], Some(&hiding(51)), 400);
    assert_eq!((results.len(), results[0].state, results[0].figure), (1, GateState::NotEnough, Some(0.051)));
    let reason = &results[0].reason;
    assert!(reason.contains("51 of 1,000 values") && reason.contains("most of them by wide (5.1%)"), "{reason}");
}

#[test]
fn an_endpoint_is_not_made_up_for_by_the_others() {
    let of = |noticed| trial(vec![endpoint("GET /many", 10_000, 10_000), endpoint("GET /few", 20, noticed)]);
    assert_eq!(gate(&[], Some(&of(19)), 400)[0].state, GateState::Pass);
    let results = gate(&[], Some(&of(18)), 400);
    assert_eq!((results.len(), results[0].state, results[0].figure), (1, GateState::NotEnough, Some(0.9)));
    assert_eq!(results[0].endpoint.as_ref().unwrap().to_string(), "GET /few");
    assert_eq!(
        results[0].reason,
        "GET /few: only 18 of 20 seeded faults noticed (90%, at least 95%); most often unnoticed: field-dropped (2); hidden most by wide (2)."
    );
    assert!(results[0].remedy.as_ref().unwrap().contains("a narrower place for wide"));
}

#[test]
fn an_endpoint_with_few_faults_must_notice_half_of_them_however_few_they_are() {
    let of = |seeded, noticed| trial(vec![endpoint("GET /a", 4_000, 4_000), endpoint("GET /ping", seeded, noticed)]);
    for (seeded, noticed) in [(19, 10), (8, 4), (1, 1)] {
        let results = gate(&[], Some(&of(seeded, noticed)), 400);
        assert_eq!((results.len(), results[0].state), (1, GateState::Pass), "{noticed} of {seeded}");
    }
    for (seeded, noticed) in [(19, 9), (19, 0), (8, 0), (1, 0)] {
        let results = gate(&[], Some(&of(seeded, noticed)), 400);
        assert_eq!((results.len(), results[0].state), (1, GateState::NotEnough), "{noticed} of {seeded}");
        assert_eq!(results[0].endpoint.as_ref().unwrap().to_string(), "GET /ping");
        let reason = &results[0].reason;
        assert!(reason.starts_with(&format!("GET /ping: only {noticed} of {seeded} seeded fault")), "{reason}");
        assert_eq!(results[0].limit, Some(0.5));
    }
    let results = gate(&[], Some(&trial(vec![endpoint("GET /a", 100, 100), endpoint("GET /b", 19, 10)])), 400);
    assert_eq!((results.len(), results[0].state), (1, GateState::NotEnough), "in the whole");
    assert_eq!(results[0].endpoint, None);
    // A policy that asks for less asks that of few, too.
    let lax = RulesGate { faults_detected: 0.0, ..RulesGate::default() };
    assert_eq!(rules::rules_gate(&[], Some(&of(8, 0)), 400, &lax)[0].state, GateState::Pass);
}

#[test]
fn a_whole_kind_that_goes_unnoticed_at_an_endpoint_is_not_made_up_for_by_the_other_kinds() {
    for kind in [FaultKind::StatusChanged, FaultKind::FieldAdded, FaultKind::CookieAttributeLost] {
        let of = |noticed| {
            let mut one = endpoint("GET /many", 4_000, 4_000);
            one.faults.insert(kind, Counted { seeded: 32, noticed });
            let hidden_by = Hider::Rule("extras".into());
            one.unnoticed.push(Unnoticed { fault: kind, place: "x".into(), hidden_by, faults: 32 - noticed });
            trial(vec![one])
        };
        assert_eq!(gate(&[], Some(&of(1)), 400)[0].state, GateState::Pass, "{kind}");
        let results = gate(&[], Some(&of(0)), 400);
        assert_eq!((results.len(), results[0].state), (1, GateState::NotEnough), "{kind}");
        let reason = &results[0].reason;
        assert!(reason.starts_with("GET /many: only 0 of 32 seeded faults noticed"), "{reason}");
        assert!(reason.contains(&format!("unnoticed: {kind} (32)")) && reason.contains("by extras"), "{reason}");
        let nothing = RulesGate { faults_detected: 0.0, ..RulesGate::default() };
        assert_eq!(rules::rules_gate(&[], Some(&of(0)), 400, &nothing)[0].state, GateState::Pass);
    }
}

#[test]
fn few_faults_in_all_say_nothing() {
    let results = gate(&[], Some(&trial(vec![endpoint("GET /a", 19, 19)])), 400);
    assert_eq!(results[0].state, GateState::NotEnough);
    assert!(results[0].reason.starts_with("19 faults could be put into 8 specimens"), "{}", results[0].reason);
}

#[test]
fn many_blind_endpoints_are_counted_and_not_all_told() {
    let blind = (0..50).map(|n| endpoint(&format!("GET /{n}"), 100, 10)).collect();
    let results = gate(&[], Some(&trial(blind)), 400);
    assert!(results.iter().all(|result| result.state == GateState::NotEnough));
    assert_eq!(results.len(), 22);
    assert!(results[21].reason.contains("30 further endpoints"), "{}", results[21].reason);
}

#[test]
fn what_nothing_hid_is_a_defect_of_ours_and_says_so() {
    let mut blind = endpoint("GET /a", 100, 0);
    blind.unnoticed[0].hidden_by = Hider::Nothing;
    assert_eq!(blind.all(), Counted { seeded: 100, noticed: 0 });
    let results = gate(&[], Some(&trial(vec![blind])), 400);
    assert!(results[0].remedy.as_ref().unwrap().contains("please report it"), "{:?}", results[0].remedy);
}

#[test]
fn what_is_hidden_at_one_endpoint_is_not_made_up_for_by_what_is_compared_at_the_others() {
    let of = |values, hidden| {
        let mut one = endpoint("GET /few", 100, 100);
        one.depth = depth(values, hidden);
        Trial { depth: depth(10_000, hidden), ..trial(vec![endpoint("GET /many", 100, 100), one]) }
    };
    assert_eq!(
        gate(&[], Some(&of(100, 50)), 400)[0].state,
        GateState::Pass,
        "a session cookie of few values is no blindness"
    );
    let results = gate(&[], Some(&of(100, 51)), 400);
    assert_eq!((results.len(), results[0].state), (1, GateState::NotEnough));
    assert_eq!((results[0].figure, results[0].limit), (Some(0.51), Some(0.5)));
    assert_eq!(results[0].endpoint.as_ref().unwrap().to_string(), "GET /few");
    let reason = &results[0].reason;
    assert!(reason.starts_with("GET /few: 51 of 100 values") && reason.contains("by wide (51%)"), "{reason}");
    // A policy that lets more than half be hidden means endpoints, too.
    let lax = RulesGate { hidden_at_most: 0.6, ..RulesGate::default() };
    assert_eq!(rules::rules_gate(&[], Some(&of(100, 60)), 400, &lax)[0].state, GateState::Pass);
}

#[test]
fn a_rule_that_means_no_place_keeps_it_open_and_is_named() {
    let audit = |id: &str, flaw| RuleAudit {
        findings: vec![Finding { flaw, why: String::new() }],
        ..crate::faults::invented::audit(id)
    };
    let with = |rules| Trial { rules, ..good() };
    assert_eq!(gate(&[], Some(&with(vec![audit("a", Flaw::ExpiresSoon)])), 400)[0].state, GateState::Pass);
    let results = gate(&[], Some(&with(vec![audit("a", Flaw::ExpiresSoon), audit("slip", Flaw::Dead)])), 400);
    assert_eq!((results.len(), results[0].state), (1, GateState::NotEnough));
    assert_eq!(results[0].reason, "1 rule never matched, and no answer that was looked at has such a place: slip.");
    let many = (0..40).map(|n| audit(&format!("slip-{n}"), Flaw::Dead)).collect();
    let results = gate(&[], Some(&with(many)), 400);
    assert!(results[0].reason.starts_with("40 rules never matched"), "{}", results[0].reason);
    assert!(results[0].reason.len() < 400, "their names are bounded: {}", results[0].reason);
}

#[test]
fn an_endpoint_whose_turn_has_not_come_keeps_it_open() {
    let results = gate(&[], Some(&Trial { waiting: 40, untried: 2, ..good() }), 400);
    assert_eq!((results.len(), results[0].state), (1, GateState::NotEnough));
    assert_eq!(results[0].reason, "rules were not put to the test yet at 2 endpoints.");
    // Those that wait are more of what is known.
    assert_eq!(gate(&[], Some(&Trial { waiting: 40, ..good() }), 400)[0].state, GateState::Pass);
}

#[test]
fn it_is_part_of_the_verdict_and_never_no_go() {
    use crate::tally::invented::{Invented, snapshot_of};
    let observations: Vec<Invented> = (0..4_000).map(|n| Invented::new(n, 0)).collect();
    let mut snapshot = snapshot_of(&observations, &["GET /a"]);
    let policy = Policy::default();
    assert_eq!(judge(&snapshot, &policy, &[]).verdict, Decision::Go);
    for trial in [None, Some(trial(vec![endpoint("GET /a", 100, 0)]))] {
        snapshot.trial = trial;
        let verdict = judge(&snapshot, &policy, &[]);
        assert_eq!(verdict.verdict, Decision::Inconclusive);
        assert!(verdict.headline.contains("rules"), "{}", verdict.headline);
    }
}

/// A run of two endpoints; of `GET /big` nothing was kept, and a rule answered at that place in its exchanges.
fn with_a_large_endpoint(place: &str, outcome: Outcome, answered: bool) -> Snapshot {
    use crate::exchange::{DifferenceKind, RuleHit, StatusClass};
    use crate::tally::invented::{Invented, snapshot_of};
    use crate::tally::{Element, Signature};
    let observations: Vec<Invented> = (0..8_000).map(|n| Invented::new(n, (n % 2) as u32)).collect();
    let mut snapshot = snapshot_of(&observations, &["GET /a", "GET /big"]);
    snapshot.trial = Some(trial(vec![endpoint("GET /a", 100, 100)]));
    let hit = RuleHit { id: "all-of-it".into(), answer: RuleAnswer::Ignore };
    let element = Element { place: place.to_owned(), kind: DifferenceKind::Value, rule: answered.then_some(hit) };
    snapshot.signatures = vec![Signature {
        endpoint: crate::tally::invented::endpoint("GET /big"),
        class: StatusClass::of(200),
        outcome,
        elements: vec![(element, 4_000)],
        exchanges: 4_000,
        spread: Vec::new(),
        kept: Vec::new(),
    }];
    snapshot
}

#[test]
fn an_endpoint_whose_rules_nothing_could_test_keeps_it_open_and_is_named() {
    let policy = Policy::default();
    let big = |place| with_a_large_endpoint(place, Outcome::Matched, true);
    for place in ["body", "body /items/*/price", "status", "header location", "header set-cookie"] {
        let verdict = judge(&big(place), &policy, &[]);
        assert_eq!(verdict.verdict, Decision::Inconclusive, "{place}");
        let open: Vec<_> = verdict.gates.iter().filter(|gate| gate.state != GateState::Pass).collect();
        assert_eq!((open.len(), open[0].gate), (1, Gate::Rules), "{place}");
        let reason = &open[0].reason;
        assert!(reason.starts_with("GET /big: rules answered in 4,000 exchanges that agree"), "{reason}");
        assert!(open[0].remedy.as_ref().unwrap().contains("gates.coverage.except"));
        assert!(verdict.gates.iter().all(|gate| gate.gate != Gate::Rules || gate.state != GateState::Pass));
    }
    // What differs between any two answers, or what no rule answered for, hides nothing.
    for fine in [
        big("header date"),
        big("header etag"),
        with_a_large_endpoint("body", Outcome::Matched, false),
        with_a_large_endpoint("body", Outcome::Mismatched, true),
    ] {
        assert_eq!(judge(&fine, &policy, &[]).verdict, Decision::Go);
    }
    // Past the bound on signatures nobody knows.
    let mut past = Snapshot { signatures: Vec::new(), ..big("body") };
    assert_eq!(judge(&past, &policy, &[]).verdict, Decision::Go);
    past.kept.past_bound = 4_000;
    assert_eq!(judge(&past, &policy, &[]).verdict, Decision::Inconclusive);
    // An endpoint that is tested, and one that the policy excepts.
    let mut tested = big("body");
    tested.trial = Some(trial(vec![endpoint("GET /a", 100, 100), endpoint("GET /big", 100, 100)]));
    assert_eq!(judge(&tested, &policy, &[]).verdict, Decision::Go);
    let mut excepting = Policy::default();
    excepting.gates.coverage.except = vec!["GET /big".parse().unwrap()];
    assert_eq!(judge(&big("body"), &excepting, &[]).verdict, Decision::Go);
}
