//! The demo, as a newcomer runs it: each defect is found at the right place and in the right kind, and nothing else is;
//! with none the verdict is GO.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a demo that cannot be run is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tapcompare::demo::{Defect, Expected, Place};

struct Demo {
    status: Option<i32>,
    report: Value,
    page: String,
}

fn demo(defects: &str, pace: &str, more: &[&str]) -> Demo {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let output = Command::new(env!("CARGO_BIN_EXE_tapcompare"))
        .args(["demo", "--defect", defects, "--pace", pace, "--output", "json", "--html"])
        .arg(&page)
        .args(more)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    if let Err(error) = jsonschema::validate(&tapcompare::report::schema(), &report) {
        panic!("{defects}: {error} at {}", error.instance_path());
    }
    assert!(said.contains("page.html"), "it says where the page is: {said}");
    Demo { status: output.status.code(), report, page: std::fs::read_to_string(&page).unwrap() }
}

impl Demo {
    fn shadow(&self) -> &Value {
        &self.report["snapshot"]["ledger"]["shadow"]
    }

    /// Endpoint, place and kind of everything that made an exchange mismatch.
    fn found(&self) -> BTreeSet<(String, String, String)> {
        let text = |group: &Value, field: &str| group[field].as_str().unwrap().to_owned();
        let groups = self.report["snapshot"]["groups"].as_array().unwrap();
        groups.iter().map(|g| (text(g, "endpoint"), text(g, "place"), text(g, "kind"))).collect()
    }

    fn failed(&self, endpoint: &str) -> BTreeMap<String, u64> {
        serde_json::from_value(self.endpoint(endpoint)["books"]["failed"].clone()).unwrap()
    }

    fn endpoint(&self, name: &str) -> &Value {
        let endpoints = self.report["snapshot"]["endpoints"].as_array().unwrap();
        endpoints.iter().find(|e| e["endpoint"] == name).unwrap_or_else(|| panic!("{name} is not in the report"))
    }
}

/// How a place is written in the report.
fn shown(place: Place) -> String {
    match place {
        Place::Status => "status".to_owned(),
        Place::Header(name) => format!("header {name}"),
        Place::Json("") | Place::Body => "body".to_owned(),
        Place::Json(pointer) => format!("body {pointer}"),
        Place::Text => "body line *".to_owned(),
    }
}

/// Each defect touches one endpoint, so one of each endpoint can be on at once without hiding another.
fn rounds() -> Vec<Vec<&'static Defect>> {
    let mut rounds: Vec<Vec<&Defect>> = Vec::new();
    for defect in Defect::ALL {
        match rounds.iter_mut().find(|round| round.iter().all(|other| other.endpoint != defect.endpoint)) {
            Some(round) => round.push(defect),
            None => rounds.push(vec![defect]),
        }
    }
    rounds
}

#[test]
fn each_defect_is_found_in_its_place_and_kind_and_nothing_else_is() {
    assert!(Defect::ALL.len() >= 10);
    for round in rounds() {
        let names: Vec<&str> = round.iter().map(|d| d.name).collect();
        let demo = demo(&names.join(","), "max", &[]);
        let mut expected = BTreeSet::new();
        for defect in &round {
            match defect.expected {
                Expected::Differences(places) => expected.extend(
                    places.iter().map(|(at, kind)| (defect.endpoint.to_owned(), shown(*at), kind.as_str().to_owned())),
                ),
                Expected::Failure(failure) => {
                    let failed = demo.failed(defect.endpoint);
                    assert_eq!(failed.keys().collect::<Vec<_>>(), [failure.as_str()], "{}", defect.name);
                }
                // At full speed latencies are a matter of the machine: the verdict's test is below.
                Expected::Latency(_) => {}
            }
        }
        let failures = round.iter().any(|d| matches!(d.expected, Expected::Failure(_)));
        let found: BTreeSet<_> = demo.found();
        let of_failures = |found: &(String, String, String)| {
            failures && round.iter().any(|d| matches!(d.expected, Expected::Failure(_)) && d.endpoint == found.0)
        };
        let found: BTreeSet<_> = found.into_iter().filter(|f| !of_failures(f)).collect();
        assert_eq!(found, expected, "{names:?}");
        assert_eq!((demo.status, demo.report["verdict"].as_str()), (Some(1), Some("NO-GO")), "{names:?}");
        assert!(demo.page.contains("NO-GO"));
    }
}

#[test]
fn without_defects_the_verdict_is_go_and_there_is_no_difference() {
    // The reference's latencies are the record's: a machine that is busy with something else may need another try.
    let tries = (0..3).map(|_| demo("none", "2x", &[])).find(|demo| demo.status == Some(0));
    let demo = tries.unwrap_or_else(|| demo("none", "2x", &[]));
    assert_eq!(demo.found(), BTreeSet::new());
    assert_eq!(demo.shadow()["sent"], 3400);
    assert_eq!(demo.shadow()["matched"], 3400);
    assert_eq!(demo.shadow()["skipped"], serde_json::json!({"unsafe-method": 140}));
    assert_eq!((demo.status, demo.report["verdict"].as_str()), (Some(0), Some("GO")), "{}", demo.report["gates"]);
    assert_eq!(demo.report["schema_version"], 1);
    let page = &demo.page;
    assert!(page.contains("Content-Security-Policy") && page.matches("<script").count() == 1, "self-contained");
}

#[test]
fn a_slow_search_is_a_matter_of_latency_alone() {
    let demo = demo("slow-search", "2x", &[]);
    assert_eq!(demo.found(), BTreeSet::new());
    let latency = &demo.endpoint("GET /search")["latency"];
    let p95 = |side: &str| latency[side]["p95_us"].as_u64().unwrap_or_else(|| panic!("{latency}"));
    assert!(p95("candidate") > p95("legacy") + 40_000, "{latency}");
    let gates = demo.report["gates"].as_array().unwrap();
    let failing: Vec<&str> = gates.iter().filter(|g| g["state"] == "fail").filter_map(|g| g["gate"].as_str()).collect();
    assert_eq!((demo.status, failing), (Some(1), vec!["latency"]));
}

#[test]
fn a_rate_touches_some_of_an_endpoint_and_one_is_enough_for_no_go() {
    let demo = demo("flaky-stock@2%", "max", &[]);
    let mismatched = demo.shadow()["mismatched"].as_u64().unwrap();
    assert!((1..40).contains(&mismatched), "{mismatched}");
    assert_ne!(demo.status, Some(0));
}

#[test]
fn the_running_legacy_can_be_asked_too_and_has_not_drifted() {
    let demo = demo("none", "max", &["--live-legacy"]);
    assert_eq!(demo.found(), BTreeSet::new());
    let drift = &demo.report["snapshot"]["drift"];
    assert_eq!((&drift["asked"], &drift["drifted"]), (&3400.into(), &0.into()), "{drift}");
}

#[test]
fn the_capture_that_is_shipped_is_the_one_that_is_described() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(env!("CARGO_BIN_EXE_tapcompare"))
        .args(["inspect", "--output", "json"])
        .arg(root.join("captures/shop.pcap"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let ledger: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(ledger["kind"], "ledger");
    assert_eq!(ledger["balanced"], true);
    assert_eq!((&ledger["wire"]["requests"], &ledger["wire"]["requests_paired"]), (&3540.into(), &3540.into()));
    assert_eq!(text.lines().count(), 3541);
}

#[test]
fn a_run_file_goes_on_with_the_same_defects_though_the_addresses_are_others() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("shop.run");
    for _ in 0..2 {
        demo("none", "max", &["--live-legacy", "--run", run.to_str().unwrap()]);
    }
    let judged = Command::new(env!("CARGO_BIN_EXE_tapcompare")).args(["judge", "--output", "json"]).arg(&run).output();
    let judged = judged.unwrap();
    let json: Value = serde_json::from_slice(&judged.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&judged.stderr)));
    assert_eq!(json["facts"]["stretches"].as_array().unwrap().len(), 2);
}

/// A defect of each endpoint, so that a rate is one of nearly all traffic.
const EVERYWHERE: [&str; 11] = [
    "string-quantity",
    "missing-field",
    "missing-cache-control",
    "duplicate-element",
    "float-ids",
    "false-gzip",
    "duplicate-key",
    "wrong-charset",
    "decimal-comma",
    "recompressed-image",
    "lost-redirect",
];

/// One capture of 3,400 requests says little about a limit of 0.1 %: without a mismatch that the share is below, with
/// one to eight nothing either way, with more that it is above. (`verdict/tests.rs` has the same rates with 140,000 requests.)
#[test]
fn defects_at_rates_about_the_limit_are_judged_as_the_statistics_say_and_never_go_at_or_above_it() {
    use tapcompare::verdict::interval;
    for (rate, at_or_above) in [("0.02%", false), ("0.08%", false), ("0.1%", true), ("0.2%", true), ("1%", true)] {
        let defects: Vec<String> = EVERYWHERE.iter().map(|name| format!("{name}@{rate}")).collect();
        let demo = demo(&defects.join(","), "max", &[]);
        let (k, n) = (demo.shadow()["mismatched"].as_u64().unwrap(), demo.shadow()["compared"].as_u64().unwrap());
        assert_eq!(n, 3400, "{rate}");
        let gate = demo.report["gates"].as_array().unwrap().iter().find(|g| g["gate"] == "mismatch-rate").unwrap();
        let expected = match () {
            () if interval::upper_bound(k, n, 0.95) < 0.001 => "pass",
            () if interval::lower_bound(k, n, 0.95) >= 0.001 => "fail",
            () => "not-enough",
        };
        assert_eq!(gate["state"], expected, "{k} of {n} at {rate}: {}", gate["reason"]);
        let in_words = match k {
            0 => "pass",
            1..=7 => "not-enough",
            _ => "fail",
        };
        assert_eq!(expected, in_words, "{k} of {n} at {rate}");
        if at_or_above {
            assert!(k > 0 && demo.status != Some(0), "{rate}: {k} mismatches and {:?}", demo.status);
        }
        if rate == "1%" {
            assert_eq!((demo.status, expected), (Some(1), "fail"), "{k}");
        }
    }
}

#[test]
fn a_small_share_of_an_endpoint_is_some_of_it() {
    for defect in ["price-rounding", "missing-field", "null-email"] {
        let demo = demo(&format!("{defect}@1%"), "max", &[]);
        let mismatched = demo.shadow()["mismatched"].as_u64().unwrap();
        assert!((1..=20).contains(&mismatched), "{defect}: {mismatched}");
        assert_ne!(demo.status, Some(0), "{defect}");
    }
}
