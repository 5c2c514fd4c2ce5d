//! The demo's defects at rates around the policy's limit: the verdict is what the binomial distribution says of what was
//! found, and no candidate at the limit or above it comes out as GO.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a binary that cannot be run is a failed test")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tapcompare::demo::{self, Defect, Defects, Expected};

/// The limit of the gate, and what it may be wrong by.
const LIMIT: f64 = 0.001;
const ALPHA: f64 = 0.05;

/// Gates that a perfect candidate passes, whatever the machine is busy with.
const POLICY: &str = "\
gates:
  mismatch_rate: {below: 0.1%, confidence: 95%}
  latency: {at_most: 100x}
  coverage: {requests_per_endpoint: 1, except: [POST /**, PUT /**, DELETE /**]}
endpoints: {templates: [GET /health, GET /products, 'GET /products/{sku}', 'HEAD /products/{sku}', 'GET /products/{sku}/image',
  'GET /p/{sku}', GET /search, 'GET /customers/{id}', 'GET /customers/{id}/orders', 'GET /orders/{id}',
  'GET /orders/{id}/invoice.txt', 'GET /payments/{id}', GET /notifications]}
";

/// Defects that make answers differ, one an endpoint: so that a rate is one of the endpoint's requests, and of no failures
/// and no latencies.
fn defects(rate: &str) -> String {
    let mut chosen: Vec<&Defect> = Vec::new();
    for defect in Defect::ALL.iter().filter(|defect| matches!(defect.expected, Expected::Differences(_))) {
        if chosen.iter().all(|other| other.endpoint != defect.endpoint) {
            chosen.push(defect);
        }
    }
    assert!(chosen.len() >= 6, "most endpoints have one");
    chosen.iter().map(|defect| format!("{}@{rate}", defect.name)).collect::<Vec<_>>().join(",")
}

/// P(X <= k) of n requests at the rate p, term by term.
fn at_most(k: u64, n: u64, p: f64) -> f64 {
    let mut term = (n as f64 * (-p).ln_1p()).exp();
    let mut sum = term;
    for i in 1..=k {
        term *= (n - i + 1) as f64 / i as f64 * p / (1.0 - p);
        sum += term;
    }
    sum
}

/// What Clopper and Pearson say of k in n: both bounds at once, by the tails that they are the inverse of.
fn said_by_the_statistics(k: u64, n: u64) -> &'static str {
    if at_most(k, n, LIMIT) <= ALPHA {
        "pass"
    } else if k > 0 && 1.0 - at_most(k - 1, n, LIMIT) <= ALPHA {
        "fail"
    } else {
        "not-enough"
    }
}

#[test]
fn the_reference_says_what_is_known_of_clopper_and_pearson() {
    assert_eq!([2_994, 2_995].map(|n| said_by_the_statistics(0, n)), ["not-enough", "pass"]);
    assert_eq!(said_by_the_statistics(5, 10_000), "not-enough", "5 in 10,000 do not prove less than 0.1 %");
    assert_eq!(said_by_the_statistics(8, 3_400), "fail");
}

struct Run {
    status: Option<i32>,
    report: Value,
}

impl Run {
    fn of(defects: Defects, folder: &Path) -> Run {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let candidate = runtime.block_on(demo::candidate(defects)).unwrap();
        let policy = folder.join("policy.yaml");
        std::fs::write(&policy, POLICY).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_tapcompare"))
            .args(["replay", "--pace", "max", "--output", "json", "--no-overhead", "--candidate", &candidate.url()])
            .args(["--policy", policy.to_str().unwrap()])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/shop.pcap"))
            .current_dir(folder)
            .output()
            .unwrap();
        runtime.block_on(candidate.stop());
        let said = String::from_utf8_lossy(&output.stderr);
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
        Run { status: output.status.code(), report }
    }

    fn books(&self, name: &str) -> u64 {
        self.report["snapshot"]["ledger"]["shadow"][name].as_u64().unwrap()
    }

    fn mismatch_gate(&self) -> &Value {
        let gates = self.report["gates"].as_array().unwrap();
        gates.iter().find(|gate| gate["gate"] == "mismatch-rate").unwrap()
    }
}

#[test]
fn verdicts_are_as_the_statistics_say_and_never_go_at_or_above_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    for (rate, at_or_above) in [("0.02%", false), ("0.08%", false), ("0.1%", true), ("0.2%", true), ("1%", true)] {
        let run = Run::of(defects(rate).parse().unwrap(), folder.path());
        let (n, k) = (run.books("compared"), run.books("mismatched"));
        assert_eq!(n, 3_400);
        let (state, expected) = (run.mismatch_gate()["state"].as_str().unwrap(), said_by_the_statistics(k, n));
        // Mismatches that lie on few clients may widen both bounds, so what the binomial says to be certain may be open.
        assert!(state == expected || state == "not-enough", "{rate}: {k} in {n}: {state}, {expected}");
        if k == 0 || expected == "not-enough" {
            assert_eq!(state, expected, "{rate}: {k} in {n}");
        }
        let status = match state {
            "pass" => 0,
            "fail" => 1,
            _ => 3,
        };
        assert_eq!(run.status, Some(status), "{rate}: {}", run.report["gates"]);
        if at_or_above {
            assert_ne!(run.status, Some(0), "{rate}");
        }
        found.push((rate, k, state.to_owned()));
    }
    eprintln!("{found:?}");
    assert!(found.is_sorted_by_key(|(_, k, _)| *k), "the higher the rate the more: {found:?}");
    assert_eq!((found[0].2.as_str(), found[4].2.as_str()), ("pass", "fail"), "{found:?}");
}
