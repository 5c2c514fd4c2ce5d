//! The gates are wrong as seldom as their confidence says: `make calibrate` in short.

#[path = "../examples/calibrate/latencies.rs"]
mod latencies;
#[path = "../examples/calibrate/questions.rs"]
mod questions;
#[path = "../examples/calibrate/traffic.rs"]
mod traffic;

use latencies::LATENCY_QUESTIONS;
use questions::{Expected, QUESTIONS};

/// Enough to tell 5 % from 15 %.
const RUNS: u64 = 100;
/// Of daily looks, each of which is fourteen of the others.
const DAILY_RUNS: u64 = 40;
/// Of latencies, of which one run takes as long as many of the others.
const LATENCY_RUNS: u64 = 20;
/// So many pairs are enough for the short form.
const PAIRS: u64 = 10_000;

/// The rows that are asked here, one of each kind; `make calibrate` asks all of them.
const ASKED: [&str; 14] = [
    "at the limit, daily looks",
    "  ... with a bound for one look",
    "at the limit, one look",
    "half the limit, one look",
    "half, 1 client in 20 sees 1%, one look",
    "1 client in 20 sees 2%, one look",
    "  ... not knowing the clients",
    "beta of 0.01, one look",
    "50 clients, beta of 0.01, one look",
    "very uneven (1.5), 1 in 20, one look",
    "Zipf's clients, 1 in 20, one look",
    "Zipf's clients, beta of 0.002, one look",
    "50 clients, 1 in 50 sees 5%, one look",
    "2,000 clients, 1 in 200 sees 20%, one look",
];

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
    let asked: Vec<_> = QUESTIONS.iter().filter(|q| ASKED.contains(&q.name)).collect();
    assert!(ASKED.iter().all(|name| asked.iter().any(|q| q.name == *name)), "a row has another name");
    let mut shown = Vec::new();
    for question in asked.iter().filter(|q| q.by_client || !q.daily) {
        let runs = if question.daily { DAILY_RUNS } else { RUNS };
        let passed = question.passed(0..runs);
        assert_expected(question.name, question.expected, passed.all - passed.unmet, passed.all, runs);
        if matches!(question.expected, Expected::Shown) {
            shown.push((question.name, passed.all));
        }
        if question.name == "50 clients, 1 in 50 sees 5%, one look" {
            // 0.98^50 of the runs have no client that sees it.
            assert!((0.2..0.55).contains(&passed.unmet), "{passed:?}");
        }
    }
    // What it is compared with goes wrong, so that the simulation can tell.
    let [repeated, unknowing] = shown[..] else { panic!("rows are missing: {shown:?}") };
    assert!(repeated.1 >= 0.1, "{repeated:?}");
    assert!(unknowing.1 > 0.15, "{unknowing:?}");
}

#[test]
fn a_candidate_at_the_margin_of_latency_seldom_passes_and_one_as_fast_does() {
    for question in LATENCY_QUESTIONS.iter().filter(|question| question.pairs <= PAIRS) {
        let share = question.share_passed(0..LATENCY_RUNS);
        assert_expected(question.name, question.expected, share, share, LATENCY_RUNS);
    }
}
