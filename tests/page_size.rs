//! How large the page of a run can get: everything at its bound, hard to show, and differing wherever it can.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a run that cannot be made is a failed test")]

mod large_run;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use large_run::Shape;

/// What a person can open, send and keep: 1.5 MB.
const LARGEST: u64 = 1_500_000;

/// A policy that asks everything of each endpoint, with a long checklist.
fn policy() -> String {
    let mut policy = String::from(
        "capability: everything\nowner: everybody\nbuild: {header: X-Build}\ngates:\n  \
         mismatch_rate: {below: 0.1%, each: endpoint, over: 14d}\n  latency: {at_most: 1.1x, each: endpoint}\n  \
         coverage: {requests_per_endpoint: 3000, requests_per_status_class: 50, days: 14, hours: 24}\ncritical:\n",
    );
    for number in 0..50 {
        let _ = writeln!(policy, "  - 'GET /critical/{number}'");
    }
    policy.push_str("checklist:\n");
    for item in 0..100 {
        let _ = writeln!(policy, "  - {{id: item-{item}, what: {}}}", "what must be so ".repeat(8));
    }
    policy
}

/// So many rules, some of which answer for something.
fn rules(many: u64) -> Vec<(String, String)> {
    let mut text = String::from("rules:\n");
    for rule in 0..many {
        let _ = writeln!(
            text,
            "  - {{id: rule-{rule}, owner: team-{rule}, reason: {}, expires: 2027-01-31, \
             at: {{json: $.m{rule}}}, match: {{shape: [string, integer]}}}}",
            "because of something ".repeat(8)
        );
    }
    vec![("many.yaml".to_owned(), text)]
}

/// The size of the page that `judge` writes.
fn page_of(run: &Path) -> u64 {
    let page = run.with_extension("html");
    let mut judge = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    let done = judge.arg("judge").arg(run).arg("--html").arg(&page).output().unwrap();
    assert!([1, 3].contains(&done.status.code().unwrap()), "{}", String::from_utf8_lossy(&done.stderr));
    fs::metadata(page).unwrap().len()
}

#[test]
fn the_page_stays_below_its_bound_whatever_a_run_holds() {
    let folder = tempfile::tempdir().unwrap();
    // As many endpoints as can be told apart, each with a long name; values that take most letters to be shown.
    let everything = Shape {
        exchanges: 3_100,
        endpoints: 1_024,
        word: 60,
        days: 90,
        members: 24,
        value: 20,
        differs: 2,
        together: 6,
        policy: policy(),
        rules: rules(40),
        spice: "<&'\\u0000\\u202e>",
        builds: 12,
    };
    // Few endpoints, so that each has much, and large answers.
    let deep =
        Shape { exchanges: 400, endpoints: 4, members: 60, value: 60, together: 12, builds: 1, ..everything.clone() };
    for (name, shape) in [("everything", everything), ("deep", deep)] {
        let run = folder.path().join(name);
        shape.keep(&run);
        let size = page_of(&run);
        assert!(size < LARGEST, "{name}: {size} bytes");
        assert!(size > 200_000, "{name}: {size} bytes: is it the page of a large run?");
    }
}
