//! What must never be GO: each told in the verdict's own words, or refused with status 2 and the place of the mistake.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a binary that cannot be run is a failed test")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tapcompare::demo::{self, Defects, Shop};

/// The header of a capture of Ethernet frames that holds none.
const EMPTY: [u8; 24] = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0];

/// The gates of the demo, of which a perfect candidate passes every one.
const POLICY: &str = "\
capability: orders
endpoints: {templates: [GET /health, GET /products, 'GET /products/{sku}', 'HEAD /products/{sku}', 'GET /products/{sku}/image',
  'GET /p/{sku}', GET /search, 'GET /customers/{id}', 'GET /customers/{id}/orders', 'GET /orders/{id}',
  'GET /orders/{id}/invoice.txt', 'GET /payments/{id}', GET /notifications]}
gates:
  mismatch_rate: {below: 0.1%}
  latency: {quantile: p95, at_most: 100x}
  candidate_errors: {below: 0.1%}
  coverage: {requests_per_endpoint: LEAST, except: [POST /orders, POST /payments, 'PUT /customers/{id}', 'DELETE /notifications/{id}']}
";

struct Place {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Place {
    fn new() -> Place {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Place { folder: tempfile::tempdir().unwrap(), runtime }
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn candidate(&self) -> Shop {
        self.runtime.block_on(demo::candidate(Defects::none())).unwrap()
    }

    fn replay(&self, capture: &Path, candidate: &str, more: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tapcompare"))
            .args(["replay", "--pace", "max", "--output", "json", "--candidate", candidate])
            .args(more)
            .arg(capture)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }
}

fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/shop.pcap")
}

fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"))
}

/// The reasons of the gates that are not passed, and the remedies.
fn open(report: &Value) -> String {
    let gates = report["gates"].as_array().unwrap().iter().filter(|gate| gate["state"] != "pass");
    gates.map(|g| format!("{} {}: {}\n", g["gate"], g["state"], g["reason"])).collect()
}

#[test]
fn an_empty_run_is_inconclusive_and_sends_nothing_to_the_candidate_or_the_legacy() {
    let place = Place::new();
    let capture = place.file("empty.pcap", EMPTY);
    let [candidate_heard, legacy_heard] = [(); 2].map(|()| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        listener
    });
    let [candidate, legacy] =
        [&candidate_heard, &legacy_heard].map(|listener| format!("http://{}", listener.local_addr().unwrap()));
    let lax = place.file("lax.yaml", "gates: {coverage: {requests_per_endpoint: 1}, mismatch_rate: {below: 49%}}\n");
    for more in [&[][..], &["--policy", lax.to_str().unwrap()], &["--no-overhead"], &["--legacy", &legacy]] {
        let output = place.replay(&capture, &candidate, more);
        let report = json(&output);
        assert_eq!((output.status.code(), &report["verdict"]), (Some(3), &"INCONCLUSIVE".into()), "{more:?}");
        let said = open(&report);
        for part in
            ["the capture holds no exchange", "no endpoint was asked", "no compared requests, so there is nothing"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        // Our own client was measured meanwhile, against a server of our own: nobody else heard of it.
        assert!(candidate_heard.accept().is_err(), "a connection came to the candidate");
        assert!(legacy_heard.accept().is_err(), "a connection came to the legacy");
        if more.contains(&"--no-overhead") {
            assert_eq!((&report["overhead"], &report["facts"]["overhead"]), (&Value::Null, &Value::Null));
        } else if let Some(overhead) = report["overhead"].as_object() {
            // On a machine too busy for a figure there is none.
            assert!(overhead["requests"].as_u64().unwrap() >= 50 && overhead["p50_us"].as_u64().unwrap() > 0);
            assert_eq!(overhead["p95_us"], report["facts"]["overhead"]["p95_us"]);
            assert!(overhead["told"].as_str().unwrap().contains("requests to a null server"), "{overhead:?}");
        }
    }
}

#[test]
fn a_run_without_answers_of_the_candidate_is_no_go() {
    let place = Place::new();
    // Bound and closed again: nobody listens there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = place.replay(&shop(), &format!("http://{address}"), &[]);
    let report = json(&output);
    assert_eq!((output.status.code(), &report["verdict"]), (Some(1), &"NO-GO".into()));
    let said = open(&report);
    assert!(said.contains("candidate-errors") && said.contains("connect"), "{said}");
    assert!(said.contains("no compared requests, so there is nothing to judge by"), "{said}");
}

#[test]
fn an_endpoint_with_one_request_too_few_is_named_and_keeps_the_others_from_go() {
    let place = Place::new();
    let candidate = place.candidate();
    for (least, status) in [("120", 0), ("121", 3)] {
        let policy = place.file("policy.yaml", POLICY.replace("LEAST", least));
        let output = place.replay(&shop(), &candidate.url(), &["--policy", policy.to_str().unwrap()]);
        let report = json(&output);
        assert_eq!(output.status.code(), Some(status), "{least}: {}", open(&report));
        if status == 3 {
            let said = open(&report);
            assert!(said.contains("GET /health (120)") && said.lines().count() == 1, "{said}");
        }
    }
    // An endpoint that the legacy serves and of which nothing may be sent is no part of GO by itself.
    let all = POLICY.replace("LEAST", "120").replace(", except: [POST /orders,", ", except: [");
    let policy = place.file("policy.yaml", all);
    let output = place.replay(&shop(), &candidate.url(), &["--policy", policy.to_str().unwrap()]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(3), "{}", open(&report));
    assert!(open(&report).contains("POST /orders"), "{}", open(&report));
    place.runtime.block_on(candidate.stop());
}

#[test]
fn a_mistake_in_the_policy_is_refused_with_its_place() {
    let place = Place::new();
    let capture = place.file("empty.pcap", EMPTY);
    for (text, parts) in [
        ("gates:\n  mismatch_rate: {bellow: 0.1%}\n", &["policy.yaml", "2", "bellow", "below"][..]),
        ("gates:\n  mismatch_rate: {below: 0.1}\n", &["policy.yaml", "below", "0.1%"]),
        ("gates:\n  latency: {quantile: 95}\n", &["policy.yaml", "quantile", "p95"]),
        ("gate: {}\n", &["policy.yaml", "1", "gate"]),
    ] {
        let policy = place.file("policy.yaml", text);
        let output = place.replay(&capture, "http://127.0.0.1:1", &["--policy", policy.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), &output.stdout[..]), (Some(2), &b""[..]), "{text}: {said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{text}: {said}");
    }
}

/// A candidate under the shipped rules and these, which alone stand between it and GO where it is perfect.
fn under(place: &Place, candidate: &Shop, rules: &str, more: &[&str]) -> (Option<i32>, Value) {
    let rules = place.file("rules.yaml", format!("rules:\n{rules}"));
    let policy = place.file("policy.yaml", POLICY.replace("LEAST", "100"));
    let common = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/common.yaml");
    let flags =
        ["--policy", policy.to_str().unwrap(), "--rules", common.to_str().unwrap(), "--rules", rules.to_str().unwrap()];
    let output = place.replay(&shop(), &candidate.url(), &[&flags[..], more].concat());
    (output.status.code(), json(&output))
}

fn rule(id: &str, at: &str, answer: &str) -> String {
    format!("  - {{id: {id}, owner: me, reason: why, expires: 2099-12-31, at: {{{at}}}, {answer}}}\n")
}

/// What keeps the gate on the rules open; nothing else is.
fn only_rules(report: &Value) -> String {
    let said = open(report);
    assert!(said.lines().all(|line| line.starts_with("\"rules\" \"not-enough\": ")), "{said}");
    said
}

#[test]
fn a_rule_that_never_matched_is_told_and_keeps_a_run_from_go() {
    let place = Place::new();
    let candidate = place.candidate();
    // Of the same shape, with a place that is there.
    let right = rule("there", "endpoint: 'GET /orders/{id}', json: $.totals.grand", "match: {tolerance: 0.001}");
    assert_eq!(under(&place, &candidate, &right, &[]).0, Some(0));
    let page = place.folder.path().join("page.html");
    for (at, answer) in [
        ("endpoint: GET /never, json: $.id", "ignore: true"),
        ("endpoint: 'GET /orders/{id}', json: $.totals.grnad", "match: {tolerance: 0.001}"),
        ("header: X-Never", "ignore: {presence: any}"),
    ] {
        let wrong = rule("never-there", at, answer);
        let (status, report) = under(&place, &candidate, &wrong, &["--html", page.to_str().unwrap()]);
        assert_eq!((status, &report["verdict"]), (Some(3), &"INCONCLUSIVE".into()), "{at}");
        let said = only_rules(&report);
        assert!(said.contains("1 rule never matched") && said.contains("never-there"), "{said}");
        let used = report["snapshot"]["rules"].as_array().unwrap();
        assert!(used.iter().all(|rule| rule["id"] != "never-there") && !used.is_empty());
        let page = std::fs::read_to_string(&page).unwrap();
        assert!(page.contains("answered for nothing") && page.contains("never-there"), "the page names it");
    }
    place.runtime.block_on(candidate.stop());
}

#[test]
fn a_rule_that_compares_everything_loosely_is_caught_by_depth_and_by_the_faults() {
    let place = Place::new();
    let candidate = place.candidate();
    let loose = rule("anything-goes", "json: '$..*'", "match: {type: same}");
    let (status, report) = under(&place, &candidate, &loose, &[]);
    assert_eq!((status, &report["verdict"]), (Some(3), &"INCONCLUSIVE".into()));
    let depth = &report["snapshot"]["trial"]["depth"];
    let [values, hidden, loose] = ["values", "hidden", "loose"].map(|field| depth[field].as_f64().unwrap());
    assert!(loose > values / 2.0 && hidden < values / 20.0, "{depth}");
    let said = only_rules(&report);
    assert!(said.contains("seeded faults noticed") && said.contains("hidden most by anything-goes"), "{said}");
    assert!(said.contains("GET /orders/{id}: only "), "each endpoint by itself: {said}");
    place.runtime.block_on(candidate.stop());
}

#[test]
fn a_rule_that_hides_all_of_one_endpoint_is_caught_though_the_whole_looks_fine() {
    let place = Place::new();
    let candidate = place.candidate();
    let blind =
        rule("paid-is-paid", "endpoint: 'GET /payments/{id}', json: '$..*'", "ignore: {type: any, presence: any}");
    let (status, report) = under(&place, &candidate, &blind, &[]);
    assert_eq!((status, &report["verdict"]), (Some(3), &"INCONCLUSIVE".into()));
    let trial = &report["snapshot"]["trial"];
    let share = |depth: &Value| depth["hidden"].as_f64().unwrap() / depth["values"].as_f64().unwrap();
    assert!(share(&trial["depth"]) < 0.05, "the whole is within the policy's limit: {}", trial["depth"]);
    let endpoints = trial["endpoints"].as_array().unwrap();
    let payments = endpoints.iter().find(|one| one["endpoint"] == "GET /payments/{id}").unwrap();
    assert!(share(&payments["depth"]) > 0.5, "{payments}");
    let said = only_rules(&report);
    assert!(said.lines().all(|line| line.contains("GET /payments/{id}: ")), "no other endpoint is blamed: {said}");
    assert!(said.contains("would be hidden if they changed") && said.contains("seeded faults noticed"), "{said}");
    place.runtime.block_on(candidate.stop());
}

#[test]
fn a_difference_that_is_accepted_counts_as_a_mismatch_beyond_its_rate() {
    let place = Place::new();
    // The weight of some products is missing, which is known and wanted.
    let candidate = place.runtime.block_on(demo::candidate("missing-field@5%".parse().unwrap())).unwrap();
    let wanted = |most: &str| {
        let at = "endpoint: 'GET /products/{sku}', json: $.dimensions.weightGrams";
        rule("no-weights", at, &format!("accept: {{kind: missing, max_rate: {most}}}"))
    };
    let (status, report) = under(&place, &candidate, &wanted("20%"), &[]);
    let books = &report["snapshot"]["ledger"]["shadow"];
    let (accepted, mismatched) = (books["accepted"].as_u64().unwrap(), books["mismatched"].as_u64().unwrap());
    assert!(accepted > 5 && mismatched == 0, "{books}");
    assert_eq!((status, &report["verdict"]), (Some(0), &"GO".into()), "{}", open(&report));
    let (status, report) = under(&place, &candidate, &wanted("0.1%"), &[]);
    assert_ne!(status, Some(0));
    let said = open(&report);
    assert!(said.contains("mismatch-rate") && said.contains("no-weights"), "{said}");
    // Another kind of difference at that place is no part of what is wanted.
    let other = wanted("20%").replace("kind: missing", "kind: value");
    let (status, report) = under(&place, &candidate, &other, &[]);
    assert_eq!(status, Some(1), "{}", open(&report));
    assert_eq!(report["snapshot"]["ledger"]["shadow"]["mismatched"], accepted);
    place.runtime.block_on(candidate.stop());
}

/// The shop's capture, with every frame at another time of the same distance.
fn shop_at(seconds: u32) -> Vec<u8> {
    let mut bytes = std::fs::read(shop()).unwrap();
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(bytes[..4], EMPTY[..4], "microseconds, little-endian");
    let first = word(&bytes, 24);
    let mut at = 24;
    while at < bytes.len() {
        let moved = seconds + (word(&bytes, at) - first);
        let length = word(&bytes, at + 8) as usize;
        bytes[at..at + 4].copy_from_slice(&moved.to_le_bytes());
        at += 16 + length;
    }
    bytes
}

#[test]
fn evidence_from_the_future_is_not_go_and_old_evidence_is_told_of() {
    let place = Place::new();
    let candidate = place.candidate();
    let policy = POLICY.replace("LEAST", "120");
    let aged = format!("{policy}  age: {{at_most: 90d}}\n");
    let [plain, aged] = [("plain.yaml", policy), ("aged.yaml", aged)].map(|(name, text)| place.file(name, text));
    let old = "the evidence is old: its last exchange is of 1970-01-01";
    let ahead = "the source's clock is ahead: its last exchange is of 2106-02-07";
    for (seconds, policy, status, remark, gate) in [
        (1, &plain, 0, Some(old), None),
        (1, &aged, 3, Some(old), Some("what is judged begins on 1970-01-01, more than 90 days before the decision")),
        (u32::MAX - 4_000, &plain, 3, None, Some(ahead)),
        (u32::MAX - 4_000, &aged, 3, None, Some(ahead)),
    ] {
        let capture = place.file("moved.pcap", shop_at(seconds));
        let output = place.replay(&capture, &candidate.url(), &["--policy", policy.to_str().unwrap(), "--no-overhead"]);
        let report = json(&output);
        assert_eq!(output.status.code(), Some(status), "{seconds}: {}", open(&report));
        let remarks = report["remarks"].to_string();
        assert_eq!(remarks.contains("is old"), remark.is_some(), "{remarks}");
        assert!(remark.is_none_or(|remark| remarks.contains(remark)), "{remarks}");
        match gate {
            Some(gate) => {
                assert!(open(&report).contains(gate) && open(&report).lines().count() == 1, "{}", open(&report))
            }
            None => assert_eq!(open(&report), ""),
        }
    }
    place.runtime.block_on(candidate.stop());
}

#[test]
fn what_the_policy_excepts_proves_nothing_of_the_rest() {
    let place = Place::new();
    // Orders are wrong and products are not: whichever is excepted, the other is what is judged.
    let candidate = place.runtime.block_on(demo::candidate("price-rounding".parse().unwrap())).unwrap();
    let others =
        "/products, '/products/**', '/p/**', '/search', '/customers/**', '/notifications', '/payments/**', /health";
    let lax = POLICY.replace("LEAST", "30").replace("0.1%", "0.2%");
    let excepting = |more: &str| lax.replace("except: [", &format!("except: [{more}, "));
    for (more, status) in [("'GET /orders/{id}'", 0), (others, 1), (&format!("{others}, 'GET /orders/{{id}}'"), 3)] {
        let policy = place.file("policy.yaml", excepting(more));
        let output = place.replay(&shop(), &candidate.url(), &["--policy", policy.to_str().unwrap(), "--no-overhead"]);
        let report = json(&output);
        assert_eq!(output.status.code(), Some(status), "{more}: {}", open(&report));
        let books = |e: &Value, key: &str| e["books"][key].as_u64().unwrap();
        let compared = |e: &Value| books(e, "matched") + books(e, "mismatched") + books(e, "accepted");
        let orders =
            report["snapshot"]["endpoints"].as_array().unwrap().iter().find(|e| e["endpoint"] == "GET /orders/{id}");
        let (wrong, of_orders) = (books(orders.unwrap(), "mismatched"), compared(orders.unwrap()));
        let rate = report["gates"].as_array().unwrap().iter().find(|g| g["gate"] == "mismatch-rate").unwrap();
        match status {
            0 => {
                assert_eq!(rate["sample"], 3_400 - of_orders);
                assert!(report["headline"].as_str().unwrap().contains("It does not hold for 5 endpoints"), "{report}");
                let remark = format!("GET /orders/{{id}} ({wrong} mismatches in {of_orders} compared");
                assert!(report["remarks"][0].as_str().unwrap().contains(&remark), "{}", report["remarks"]);
            }
            1 => assert!(rate["figure"].as_f64().unwrap() > 0.2, "hundreds of good answers beside it: {rate}"),
            _ => assert!(rate["sample"].as_u64().unwrap() < 1_000, "invoices are left: {rate}"),
        }
    }
    place.runtime.block_on(candidate.stop());
}
