//! How often the gates are wrong, and how often they say what they could: simulated, with fixed seeds.
//!
//! `make calibrate`, or `cargo run --profile demo --example calibrate -- [RUNS [SEED]]`. Ends with 1 if a share is not as it
//! must be. The runs of a row are those of the seeds from SEED on, 0 where nothing is said; with another one they are runs
//! that nobody has looked at while the gates were made.

use std::process::ExitCode;

use latencies::LATENCY_QUESTIONS;
use questions::{Expected, QUESTIONS};

mod latencies;
mod questions;
mod traffic;

/// Runs of each row, unless said otherwise.
const RUNS: u64 = 2000;
/// For so many fewer runs are latencies asked: each run is up to 100,000 of them, twice.
const FEWER: u64 = 4;

fn main() -> ExitCode {
    let argument = |at, absent: u64| std::env::args().nth(at).map_or(Ok(absent), |text| text.parse::<u64>());
    let (Ok(runs), Ok(first)) = (argument(1, RUNS), argument(2, 0)) else {
        eprintln!("usage: calibrate [RUNS [SEED]]");
        return ExitCode::from(2);
    };
    let seeds = |runs: u64| first..first.saturating_add(runs);
    let mut all_hold = true;
    println!(
        "{runs} runs a row (seeds from {first} on), of 14 days with 10,000 requests, against a limit of 0.1% at 95%."
    );
    println!(
        "Unmet: passed without one mismatch, because no client that sees any was in the run; 'at most' is of the others.\n"
    );
    println!("{:<44} {:>8} {:>8}  must be", "true rate, traffic and looks", "passed", "unmet");
    for question in QUESTIONS {
        let passed = question.passed(seeds(runs));
        let (must, holds) = must(question.expected, passed.all - passed.unmet, passed.all);
        all_hold &= holds;
        let [all, unmet] = [passed.all, passed.unmet].map(|share| share * 100.0);
        println!("{:<44} {all:>7.2}% {unmet:>7.2}%  {must}", question.name);
    }
    println!(
        "\nWhat was not met no bound on what was met can know: so GO says for which clients it holds, and for how many"
    );
    println!("others it does not ('a defect that none of them met may be there for up to 5.82% of clients').");

    let runs = (runs / FEWER).max(1);
    println!(
        "\n{runs} runs a row: p95 of the candidate against 1.1 times the legacy's, at 95%; one look at 10,000 pairs"
    );
    println!("where nothing else is said. 'At the margin' is 0.01% above it.\n");
    println!("{:<44} {:>8}  must be", "true ratio, latencies and looks", "passed");
    for question in LATENCY_QUESTIONS {
        let share = question.share_passed(seeds(runs));
        let (must, holds) = must(question.expected, share, share);
        all_hold &= holds;
        println!("{:<44} {:>7.2}%  {must}", question.name, share * 100.0);
    }
    println!(
        "\nSlow minutes are one event each, and order statistics take a minute's 100 exchanges for 100 of them: the bounds"
    );
    println!("then miss more often than they say, the more of the spread lies between minutes.");
    if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What must be, and whether it is: `wrong` of the runs pass that must not, `passed` in all.
fn must(expected: Expected, wrong: f64, passed: f64) -> (String, bool) {
    let (must, holds) = match expected {
        Expected::AtMost(most) => (format!("at most {}%", most * 100.0), wrong <= most),
        Expected::AtLeast(least) => (format!("at least {}%", least * 100.0), passed >= least),
        Expected::Shown => ("(to compare)".to_owned(), true),
    };
    (if holds { must } else { must + "  MISSED" }, holds)
}
