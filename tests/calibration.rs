//! The gates are wrong as seldom as their confidence says: `make calibrate` in short.

#[path = "../examples/calibrate/latencies.rs"]
mod latencies;
#[path = "../examples/calibrate/questions.rs"]
mod questions;
#[path = "../examples/calibrate/traffic.rs"]
mod traffic;

use latencies::LATENCY_QUESTIONS;
use questions::{Expected, QUESTIONS};

/// Enough to tell 5 % from the 17 % of repeated bounds for one look.
const RUNS: u64 = 100;
/// Of latencies, of which one run takes as long as many of the others.
const LATENCY_RUNS: u64 = 20;
/// So many pairs are enough for the short form.
const PAIRS: u64 = 10_000;

/// What chance may add with so few runs: three standard errors.
fn margin(share: f64, runs: u64) -> f64 {
    3.0 * (share * (1.0 - share) / runs as f64).sqrt()
}

fn assert_expected(name: &str, expected: Expected, wrong: f64, passed: f64, runs: u64) {
    match expected {
        Expected::AtMost(most) => assert!(wrong <= most + margin(most, runs), "{name}: {wrong} pass"),
        Expected::AtLeast(least) => assert!(passed >= least - margin(least, runs), "{name}: {passed} pass"),
        Expected::Shown => {}
    }
}

#[test]
fn a_candidate_at_the_limit_seldom_passes_and_one_at_half_of_it_mostly_does() {
    let mut shown = Vec::new();
    for question in QUESTIONS {
        let passed = question.passed(RUNS);
        assert_expected(question.name, question.expected, passed.all - passed.unmet, passed.all, RUNS);
        if matches!(question.expected, Expected::Shown) {
            shown.push((question.name, passed.all));
        }
        if question.name == "50 clients, 1 in 50 sees 5%, one look" {
            // 0.98^50 of the runs have no client that sees it.
            assert!((0.2..0.55).contains(&passed.unmet), "{passed:?}");
        }
    }
    // What it is compared with goes wrong, so that the simulation can tell.
    let [repeated, one_sequence, one_look, ..] = shown[..] else { panic!("rows are missing: {shown:?}") };
    assert!(repeated.1 > 0.08, "{repeated:?}");
    assert!(one_sequence.1 > 0.03, "{one_sequence:?}");
    assert!(one_look.1 > 0.15, "{one_look:?}");
}

#[test]
fn a_candidate_at_the_margin_of_latency_seldom_passes_and_one_as_fast_does() {
    for question in LATENCY_QUESTIONS.iter().filter(|question| question.pairs <= PAIRS) {
        let share = question.share_passed(LATENCY_RUNS);
        assert_expected(question.name, question.expected, share, share, LATENCY_RUNS);
    }
}
