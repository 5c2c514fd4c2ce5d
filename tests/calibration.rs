//! The mismatch gate is wrong as seldom as its confidence says: `make calibrate` in short.

#[path = "../examples/calibrate/questions.rs"]
mod questions;
#[path = "../examples/calibrate/traffic.rs"]
mod traffic;

use questions::{Expected, QUESTIONS};

/// Enough to tell 5 % from the 17 % of repeated bounds for one look.
const RUNS: u64 = 150;

/// What chance may add with so few runs: three standard errors.
fn margin(share: f64) -> f64 {
    3.0 * (share * (1.0 - share) / RUNS as f64).sqrt()
}

#[test]
fn a_candidate_at_the_limit_seldom_passes_and_one_at_half_of_it_mostly_does() {
    let mut shown = Vec::new();
    for question in QUESTIONS {
        let passed = question.share_passed(RUNS);
        match question.expected {
            Expected::AtMost(most) => assert!(passed <= most + margin(most), "{}: {passed}", question.name),
            Expected::AtLeast(least) => assert!(passed >= least - margin(least), "{}: {passed}", question.name),
            Expected::Shown => shown.push((question.name, passed)),
        }
    }
    // What it is compared with goes wrong, so that the simulation can tell.
    let [repeated, one_sequence, one_look, ..] = shown[..] else { panic!("rows are missing: {shown:?}") };
    assert!(repeated.1 > 0.10, "{repeated:?}");
    assert!(one_sequence.1 > 0.05, "{one_sequence:?}");
    assert!(one_look.1 > 0.15, "{one_look:?}");
}
