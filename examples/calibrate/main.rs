//! How often the mismatch gate is wrong, and how often it says what it could: simulated, with fixed seeds.
//!
//! `make calibrate`, or `cargo run --profile demo --example calibrate -- [RUNS]`. Each run is 14 days of 10,000
//! requests at a true rate that is known, against a limit of 0.1 % at 95 %. Ends with 1 if a share is not as it must be.

use std::process::ExitCode;

use questions::{Expected, QUESTIONS};

mod questions;
mod traffic;

/// Runs of each row, unless said otherwise.
const RUNS: u64 = 2000;

fn main() -> ExitCode {
    let Ok(runs) = std::env::args().nth(1).map_or(Ok(RUNS), |text| text.parse::<u64>()) else {
        eprintln!("usage: calibrate [RUNS]");
        return ExitCode::from(2);
    };
    let mut all_hold = true;
    println!("{runs} runs a row, of 14 days with 10,000 requests, against a limit of 0.1% at 95%\n");
    println!("{:<44} {:>8}  must be", "true rate, traffic and looks", "passed");
    for question in QUESTIONS {
        let share = question.share_passed(runs);
        let (must, holds) = match question.expected {
            Expected::AtMost(most) => (format!("at most {}%", most * 100.0), share <= most),
            Expected::AtLeast(least) => (format!("at least {}%", least * 100.0), share >= least),
            Expected::Shown => ("(to compare)".to_owned(), true),
        };
        all_hold &= holds;
        println!("{:<44} {:>7.2}%  {must}{}", question.name, share * 100.0, if holds { "" } else { "  MISSED" });
    }
    if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
