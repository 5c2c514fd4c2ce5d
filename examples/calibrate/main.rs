//! How often the gates are wrong, and how often they say what they could: simulated, with fixed seeds.
//!
//! `make calibrate`, or `cargo run --profile demo --example calibrate -- [RUNS [SEED [ROWS]]]`. Ends with 1 if a share is not as it
//! must be. The runs of a row are those of the seeds from SEED on, 0 where nothing is said; with another one they are runs
//! that nobody has looked at while the gates were made, of which some shares are above 5 % by chance: what lies within three
//! standard errors is said and is no miss. ROWS asks those alone whose names have this text in them.

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
        eprintln!("usage: calibrate [RUNS [SEED [ROWS]]]");
        return ExitCode::from(2);
    };
    let rows = std::env::args().nth(3).unwrap_or_default();
    let seeds = |runs: u64| first..first.saturating_add(runs);
    let chance = |runs: u64| if first == 0 { 0.0 } else { 3.0 / (runs as f64).sqrt() };
    let mut all_hold = true;
    println!(
        "{runs} runs a row (seeds from {first} on), of 14 days with 10,000 requests, against a limit of 0.1% at 95%."
    );
    println!(
        "Unmet: passed without one mismatch, because no client that sees any was in the run; 'at most' is of the others.\n"
    );
    println!("{:<44} {:>8} {:>8}  must be", "true rate, traffic and looks", "passed", "unmet");
    for question in QUESTIONS.iter().filter(|question| question.name.contains(&rows)) {
        let passed = question.passed(seeds(runs));
        let (must, holds) = must(question.expected, passed.all - passed.unmet, passed.all, chance(runs));
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
    for question in LATENCY_QUESTIONS.iter().filter(|question| question.name.contains(&rows)) {
        let share = question.share_passed(seeds(runs));
        let (must, holds) = must(question.expected, share, share, chance(runs));
        all_hold &= holds;
        println!("{:<44} {:>7.2}%  {must}", question.name, share * 100.0);
    }
    println!(
        "\nSlow minutes are one event each, and order statistics take a minute's 100 exchanges for 100 of them: the bounds"
    );
    println!("then miss more often than they say, the more of the spread lies between minutes.");
    if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What must be, and whether it is: `wrong` of the runs pass that must not, `passed` in all. `chance` is what chance may add,
/// in multiples of the standard deviation of one run.
fn must(expected: Expected, wrong: f64, passed: f64, chance: f64) -> (String, bool) {
    let (must, beyond, share) = match expected {
        Expected::AtMost(most) => (format!("at most {}%", most * 100.0), wrong - most, most),
        Expected::AtLeast(least) => (format!("at least {}%", least * 100.0), least - passed, least),
        Expected::Shown => return ("(to compare)".to_owned(), true),
    };
    let holds = beyond <= chance * (share * (1.0 - share)).sqrt();
    let told = match (beyond <= 0.0, holds) {
        (true, _) => "",
        (false, true) => "  (within chance)",
        (false, false) => "  MISSED",
    };
    (must + told, holds)
}
