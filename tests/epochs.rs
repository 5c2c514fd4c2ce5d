//! Evidence that is judged again: under other rules as if it had run under them, build by build, and the same each time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a run that cannot be made is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;
use tapcompare::demo::{self, Defects, Shop};

const COMMON: &str = include_str!("../rules/common.yaml");
const POLICY: &str = include_str!("../captures/shop.yaml");

/// A folder with the rules and policies of a test.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Desk {
        Desk(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        name.to_owned()
    }

    fn tapcompare(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
        // The key: marks of two processes can be compared only under one.
        command.args(arguments).current_dir(self.0.path()).env("TAPCOMPARE_REDACTION_KEY", "0123456789abcdef");
        command.output().unwrap()
    }

    fn replay(&self, candidate: &str, more: &[&str]) -> Output {
        let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/shop.pcap");
        let common = [
            "replay",
            capture,
            "--candidate",
            candidate,
            "--policy",
            "policy.yaml",
            "--pace",
            "max",
            "--output",
            "json",
        ];
        self.tapcompare(&[&common, more].concat())
    }
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

struct Candidate {
    shop: Shop,
    _runtime: tokio::runtime::Runtime,
}

fn candidate(defects: &str) -> Candidate {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let shop = runtime.block_on(demo::candidate(defects.parse::<Defects>().unwrap())).unwrap();
    Candidate { shop, _runtime: runtime }
}

/// Exchanges by endpoint and outcome.
fn outcomes(report: &Value) -> BTreeMap<String, BTreeMap<String, u64>> {
    let endpoints = report["snapshot"]["endpoints"].as_array().unwrap();
    endpoints
        .iter()
        .map(|endpoint| {
            let books = &endpoint["books"];
            let mut counts: BTreeMap<String, u64> = ["matched", "accepted", "mismatched", "compared", "sent"]
                .into_iter()
                .map(|name| (name.to_owned(), books[name].as_u64().unwrap()))
                .collect();
            let sum = |name: &str| books[name].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
            counts.insert("not_comparable".into(), sum("not_comparable"));
            counts.insert("failed".into(), sum("failed"));
            (endpoint["endpoint"].as_str().unwrap().to_owned(), counts)
        })
        .collect()
}

/// The shipped rules without one.
fn without(id: &str) -> String {
    let mut kept = String::new();
    let mut skipping = false;
    for line in COMMON.lines() {
        if line.trim_start().starts_with("- id: ") {
            skipping = line.ends_with(&format!("- id: {id}"));
        }
        if !skipping {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    assert!(kept.len() < COMMON.len(), "{id} is no rule");
    kept
}

fn with(rule: &str) -> String {
    format!("{COMMON}\n  - {{id: one-more, owner: o, reason: r, expires: 2099-12-31, {rule}}}\n")
}

/// Rules that answer by values: what is not kept is not known, and never counts in favour of the candidate.
fn by_values(name: &str, judged: &Value, expected: &Value) {
    assert!(judged["facts"]["rescored"]["known"]["unknown"].as_u64() > Some(0), "{name}");
    let agreed = |report: &Value| {
        let sums = outcomes(report).into_values().map(|counts| counts["matched"] + counts["accepted"]);
        sums.collect::<Vec<_>>()
    };
    assert!(agreed(judged).iter().zip(agreed(expected)).all(|(judged, run)| *judged <= run), "{name}");
    let rescoring = gate(judged, "rescoring").unwrap();
    assert_eq!(rescoring["state"], "not-enough", "{name}");
    assert!(rescoring["remedy"].as_str().unwrap().contains("replaying the capture"), "{rescoring}");
    assert_ne!(judged["verdict"], "GO", "{name}");
}

#[test]
fn judged_under_other_rules_it_is_as_a_run_under_them() {
    let desk = Desk::new();
    desk.file("policy.yaml", &POLICY.replace("rules: [../rules/common.yaml]\n", ""));
    let candidate = candidate("price-rounding,missing-field,line-order");
    let url = candidate.shop.url();
    let first = desk.replay(&url, &["--run", "a.run"]);
    assert_eq!(first.status.code(), Some(1));
    let before = outcomes(&json(&first));
    let mut changed = 0;
    for (name, rules) in [
        ("the same", COMMON.to_owned()),
        ("prices may be rounded", with("at: {json: '$..tax'}, match: {tolerance: 0.05}")),
        ("prices are ignored", with("at: {json: $..tax}, ignore: true")),
        ("prices may rise, it is wanted", with("at: {json: $..tax}, accept: {max_rate: 100%}")),
        ("an order that means nothing", with("at: {json: $..*}, match: {order: unordered}")),
        ("numbers as text", with("at: {json: $..*}, match: {lexeme: true}")),
        ("one endpoint", with("at: {endpoint: 'GET /orders/{id}', json: $..*}, ignore: {type: any, presence: any}")),
        ("software is compared", without("common-software")),
        ("dates are compared", without("common-date")),
        ("a rule that hides everything", with("at: {json: $..*}, ignore: {type: any, presence: any}")),
    ] {
        let file = desk.file("b.yaml", &rules);
        let judged = desk.tapcompare(&["judge", "a.run", "--rules", &file, "--output", "json"]);
        let (report, expected) = (json(&judged), json(&desk.replay(&url, &["--rules", &file])));
        let told = &report["facts"]["rescored"];
        let known = |what: &str| told["known"][what].as_u64().unwrap();
        if ["prices may be rounded", "an order that means nothing", "numbers as text"].contains(&name) {
            by_values(name, &report, &expected);
            continue;
        }
        assert_eq!(known("unknown"), 0, "{name}: {}", told["known"]);
        assert_eq!(outcomes(&report), outcomes(&expected), "{name}");
        assert_eq!(
            gate(&report, "mismatch-rate").unwrap()["state"],
            gate(&expected, "mismatch-rate").unwrap()["state"],
            "{name}"
        );
        let compared: u64 = before.values().map(|counts| counts["compared"]).sum();
        assert_eq!(known("exact") + known("inferred"), compared, "{name}");
        assert_eq!(told["verdict_before"], "NO-GO", "{name}");
        let differ = outcomes(&report) != before;
        changed += usize::from(differ);
        assert_eq!(!told["endpoints"].as_array().unwrap().is_empty(), differ, "{name}");
        let groups = |report: &Value| {
            let groups = report["snapshot"]["groups"].as_array().unwrap();
            let mut rows: Vec<String> = groups
                .iter()
                .map(|g| format!("{} {} {} {}", g["endpoint"], g["place"], g["kind"], g["exchanges"]))
                .collect();
            rows.sort();
            rows
        };
        assert_eq!(groups(&report).len(), groups(&expected).len(), "{name}");
        let again = desk.tapcompare(&["judge", "a.run", "--rules", &file, "--output", "json"]);
        assert_eq!(again.stdout, judged.stdout, "{name}: judged again, the same bytes");
        assert_eq!(judged.status.code(), again.status.code());
    }
    assert!(changed >= 4, "{changed} of the edits changed something");
    // Without rules nothing is asked again, and what was judged stays.
    assert_eq!(outcomes(&json(&desk.tapcompare(&["judge", "a.run", "--output", "json"]))), before);
    let text = desk.tapcompare(&["judge", "a.run", "--rules", "b.yaml", "--html", "page.html"]);
    let (text, page) = (String::from_utf8(text.stdout).unwrap(), fs::read_to_string(desk.path("page.html")).unwrap());
    for shown in ["Under other rules than were in force", "one-more", "mismatched"] {
        assert!(text.contains(shown) && page.contains(shown), "{shown}: {text}");
    }
}

#[test]
fn a_tolerance_that_all_kept_exchanges_keep_to_is_no_go_for_those_that_are_not_kept() {
    let desk = Desk::new();
    desk.file("policy.yaml", &POLICY.replace("rules: [../rules/common.yaml]\n", ""));
    let candidate = candidate("price-rounding");
    let ran = desk.replay(&candidate.shop.url(), &["--run", "a.run"]);
    assert_eq!(json(&ran)["verdict"], "NO-GO");
    let at = "endpoint: 'GET /orders/{id}', json: '$..*'";
    let near = desk.file("near.yaml", &with(&format!("at: {{{at}}}, match: {{tolerance: 0.05}}")));
    let report = json(&desk.tapcompare(&["judge", "a.run", "--rules", &near, "--output", "json"]));
    let mismatched = outcomes(&report).into_values().map(|counts| counts["mismatched"]).sum::<u64>();
    assert_eq!((mismatched, &report["verdict"]), (0, &"INCONCLUSIVE".into()), "all that are kept are near enough");
    let (rescoring, known) = (gate(&report, "rescoring").unwrap(), &report["facts"]["rescored"]["known"]);
    assert_eq!((&rescoring["state"], &known["inferred"]), (&"not-enough".into(), &0.into()));
    assert!(known["unknown"].as_u64() > Some(200), "{known}");
    // What goes by the place alone is known of all.
    let ignored = desk.file("ignored.yaml", &with(&format!("at: {{{at}}}, ignore: true")));
    let report = json(&desk.tapcompare(&["judge", "a.run", "--rules", &ignored, "--output", "json"]));
    assert_eq!(gate(&report, "rescoring").unwrap()["state"], "pass");
    assert!(report["facts"]["rescored"]["known"]["inferred"].as_u64() > Some(200));
}

#[test]
fn rules_that_cannot_be_read_are_said_in_one_line() {
    let desk = Desk::new();
    desk.file("policy.yaml", &POLICY.replace("rules: [../rules/common.yaml]\n", ""));
    desk.replay("http://127.0.0.1:1", &["--run", "a.run"]);
    desk.file("bad.yaml", "rules:\n- {id: a}\n");
    for (rules, expected) in [("absent.yaml", "absent.yaml"), ("bad.yaml", "bad.yaml:2")] {
        let judged = desk.tapcompare(&["judge", "a.run", "--rules", rules]);
        let said = String::from_utf8(judged.stderr).unwrap();
        assert_eq!(judged.status.code(), Some(2), "{said}");
        assert!(said.contains(expected) && said.lines().count() == 1, "{said}");
    }
    // Nobody answered: there is nothing to compare again, and nothing to be GO.
    desk.file("common.yaml", COMMON);
    let judged = desk.tapcompare(&["judge", "a.run", "--rules", "common.yaml", "--output", "json"]);
    assert_eq!(json(&judged)["verdict"], "NO-GO");
}

/// A server that says of which build it is by how often it was asked; `None` answers nothing.
fn builds(build: fn(usize) -> Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, asked) = (stream.unwrap(), Arc::clone(&asked));
            thread::spawn(move || answers(stream, build, &asked));
        }
    });
    address
}

fn answers(stream: TcpStream, build: fn(usize) -> Option<&'static str>, asked: &AtomicUsize) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let Some(build) = build(asked.fetch_add(1, Ordering::Relaxed)) else { return };
        let answer = format!("HTTP/1.1 200 OK\r\nServer: {build}\r\nContent-Length: 0\r\n\r\n");
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// One after the other, so that the n-th question is the n-th exchange.
const IN_ORDER: [&str; 4] = ["--in-flight", "1", "--run", "a.run"];

fn gate<'r>(report: &'r Value, name: &str) -> Option<&'r Value> {
    report["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == name)
}

#[test]
fn a_build_that_changes_begins_another_epoch_and_the_verdict_speaks_of_the_latest() {
    let desk = Desk::new();
    desk.file("policy.yaml", &POLICY.replace("rules: [../rules/common.yaml]\n", ""));
    let address = builds(|n| match n {
        0..1000 => Some("app/1.0"),
        // A proxy's word for nobody being there: it belongs to the build in force.
        1000..1004 => None,
        _ => Some("app/2.0"),
    });
    let ran = desk.replay(&format!("http://{address}"), &IN_ORDER);
    let report = json(&ran);
    let (epoch, ledger) = (&report["snapshot"]["epoch"], &report["snapshot"]["ledger"]);
    assert_eq!((&epoch["build"], &epoch["number"], &epoch["of"]), (&"app/2.0".into(), &2.into(), &2.into()));
    let count = |value: &Value| value.as_u64().unwrap();
    let epochs = report["facts"]["epochs"].as_array().unwrap();
    let exchanges: Vec<u64> = epochs.iter().map(|epoch| count(&epoch["exchanges"])).collect();
    assert_eq!(exchanges.iter().sum::<u64>(), 3540);
    assert_eq!(count(&ledger["shadow"]["exchanges"]), exchanges[1]);
    assert_eq!(count(&ledger["elsewhere"]), exchanges[0]);
    assert_eq!((count(&epochs[0]["compared"]), count(&epochs[1]["compared"])), (1000, 2396));
    assert_eq!((&epochs[0]["build"], &epochs[1]["build"]), (&"app/1.0".into(), &"app/2.0".into()));
    assert_eq!(gate(&report, "epochs").unwrap()["state"], "pass");
    assert_eq!(gate(&report, "books").unwrap()["state"], "pass", "{:?}", gate(&report, "books"));

    let judged = desk.tapcompare(&["judge", "a.run", "--output", "json"]);
    assert_eq!(json(&judged), without_books_of_writing(report.clone(), &json(&judged)));
    assert_eq!(desk.tapcompare(&["judge", "a.run", "--output", "json"]).stdout, judged.stdout);
    let first = json(&desk.tapcompare(&["judge", "a.run", "--epoch", "1", "--output", "json"]));
    assert_eq!(
        (&first["snapshot"]["epoch"]["build"], count(&first["snapshot"]["ledger"]["shadow"]["exchanges"])),
        (&"app/1.0".into(), exchanges[0])
    );
    assert_eq!(gate(&first, "books").unwrap()["state"], "pass");
    let rescored =
        json(&desk.tapcompare(&["judge", "a.run", "--rules", &desk.file("common.yaml", COMMON), "--output", "json"]));
    assert_eq!(rescored["snapshot"]["epoch"]["of"], 2, "other rules do not put builds together");
    let text = String::from_utf8(desk.tapcompare(&["judge", "a.run", "--html", "page.html"]).stdout).unwrap();
    let page = fs::read_to_string(desk.path("page.html")).unwrap();
    for shown in ["app/1.0", "app/2.0", "this one is judged"] {
        assert!(
            text.split_whitespace().collect::<Vec<_>>().join(" ").contains(shown) && page.contains(shown),
            "{shown}: {text}"
        );
    }

    // The same build once more, in the same file: its epoch goes on.
    let address = builds(|_| Some("app/2.0"));
    desk.replay(&format!("http://{address}"), &IN_ORDER);
    let both = desk.tapcompare(&["judge", "a.run", "--output", "json"]);
    assert_eq!(both.status.code(), Some(2), "another address is another candidate");
}

/// Only the run file's own books may differ between a run and its judging: there is none of the last write in the run's.
fn without_books_of_writing(mut report: Value, judged: &Value) -> Value {
    report["snapshot"]["ledger"]["store"] = judged["snapshot"]["ledger"]["store"].clone();
    report
}

#[test]
fn two_builds_in_turn_decide_nothing() {
    let desk = Desk::new();
    // Whatever it answers is accepted: only who answers is in doubt.
    let all = "rules:\n- {id: s, owner: o, reason: r, expires: 2099-01-31, at: {status: true}, accept: true}\n\
               - {id: b, owner: o, reason: r, expires: 2099-01-31, at: {body: true}, accept: true}\n";
    desk.file("policy.yaml", &POLICY.replace("rules: [../rules/common.yaml]\n", ""));
    let rules = desk.file("all.yaml", all);
    let address = builds(|n| Some(if n % 2 == 0 { "app/1.0" } else { "app/2.0" }));
    let report = json(&desk.replay(&format!("http://{address}"), &[&IN_ORDER[..], &["--rules", &rules]].concat()));
    let gate_of = |report: &Value| gate(report, "epochs").map(|gate| gate["state"].clone());
    assert_eq!(gate_of(&report), Some("not-enough".into()));
    assert_ne!(report["verdict"], "GO");
    let reason = gate(&report, "epochs").unwrap()["reason"].as_str().unwrap();
    assert!(reason.contains("answer in turn"), "{reason}");

    // A policy that says that builds are not to be told apart.
    let off = POLICY.replace("rules: [../rules/common.yaml]\n", "build: off\n");
    desk.file("policy.yaml", &off);
    let address = builds(|n| Some(if n % 2 == 0 { "app/1.0" } else { "app/2.0" }));
    let report = json(&desk.replay(&format!("http://{address}"), &["--in-flight", "1"]));
    assert_eq!((gate_of(&report), &report["snapshot"]["epoch"]["of"]), (None, &1.into()));
}

#[test]
fn other_rules_and_other_gates_are_other_epochs_unless_they_are_said() {
    let desk = Desk::new();
    let policy = POLICY.replace("rules: [../rules/common.yaml]\n", "");
    let candidate = candidate("none");
    let url = candidate.shop.url();
    let other = desk.file("other.yaml", &with("at: {json: $.nothing}, ignore: true"));
    desk.file("policy.yaml", &policy);
    desk.replay(&url, &["--run", "a.run"]);
    desk.replay(&url, &["--run", "a.run", "--rules", &other]);
    desk.file("policy.yaml", &policy.replace("requests_per_endpoint: 100", "requests_per_endpoint: 99"));
    desk.replay(&url, &["--run", "a.run", "--rules", &other]);
    // Words that decide nothing part nothing.
    desk.file(
        "policy.yaml",
        &policy.replace("requests_per_endpoint: 100", "requests_per_endpoint: 99").replace("shop-team", "a-team"),
    );
    desk.replay(&url, &["--run", "a.run", "--rules", &other]);
    let judged = |more: &[&str]| json(&desk.tapcompare(&[&["judge", "a.run", "--output", "json"], more].concat()));
    let epoch = |report: &Value| {
        let exchanges = report["snapshot"]["ledger"]["shadow"]["exchanges"].as_u64().unwrap();
        (
            report["snapshot"]["epoch"]["number"].as_u64().unwrap(),
            report["snapshot"]["epoch"]["of"].as_u64().unwrap(),
            exchanges,
        )
    };
    assert_eq!(epoch(&judged(&[])), (3, 3, 2 * 3540));
    assert_eq!(epoch(&judged(&["--epoch", "1"])), (1, 3, 3540));
    assert_eq!(epoch(&judged(&["--policy", "policy.yaml"])), (2, 2, 3 * 3540));
    assert_eq!(epoch(&judged(&["--rules", &other])), (2, 2, 2 * 3540));
    let whole = judged(&["--rules", &other, "--policy", "policy.yaml"]);
    assert_eq!(epoch(&whole), (1, 1, 4 * 3540));
    assert_eq!(whole["facts"]["rescored"]["known"]["unknown"], 0);
    assert_eq!(whole["facts"]["rescored"]["added"], serde_json::json!(["one-more"]));
}

/// What is measured by a clock, or made of what is.
const TIMED: [&str; 10] = [
    "latency",
    "paired_latency",
    "overhead",
    "facts",
    "gates",
    "reasons",
    "headline",
    "verdict",
    "store",
    "sample_candidate",
];

/// Without what is measured by a clock.
fn untimed(mut report: Value) -> Value {
    fn without(value: &mut Value) {
        match value {
            Value::Object(members) => {
                // Latencies and what is made of them; a `Date` that the candidate gave.
                for name in TIMED {
                    members.remove(name);
                }
                if members.get("at").is_some_and(|at| at == "header date") {
                    members.remove("candidate");
                }
                members.values_mut().for_each(without);
            }
            Value::Array(all) => all.iter_mut().for_each(without),
            _ => {}
        }
    }
    without(&mut report);
    report
}

/// Where two documents differ.
fn differing(one: &Value, other: &Value, at: &str) -> Vec<String> {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            a.iter().flat_map(|(name, value)| differing(value, &b[name], &format!("{at}/{name}"))).collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().flat_map(|(n, (a, b))| differing(a, b, &format!("{at}/{n}"))).collect()
        }
        _ if one == other => Vec::new(),
        _ => vec![format!("{at}: {one} {other}")],
    }
}

#[test]
fn the_same_evidence_whatever_the_number_of_workers() {
    let desk = Desk::new();
    desk.file("policy.yaml", &POLICY.replace("rules: [../rules/common.yaml]\n", ""));
    let candidate = candidate("price-rounding,missing-field");
    let url = candidate.shop.url();
    let mut reports = Vec::new();
    for workers in ["1", "2", "8"] {
        let file = format!("{workers}.run");
        let ran = desk.replay(&url, &["--workers", workers, "--run", &file]);
        let judged = desk.tapcompare(&["judge", &file, "--output", "json"]);
        assert_eq!(json(&ran), json(&judged), "{workers} workers");
        assert_eq!(ran.stdout, judged.stdout, "{workers} workers: byte by byte");
        assert_eq!(desk.tapcompare(&["judge", &file, "--output", "json"]).stdout, judged.stdout);
        let rules = desk.file("b.yaml", &with("at: {json: $..tax}, accept: {max_rate: 1%}"));
        let rescored = desk.tapcompare(&["judge", &file, "--rules", &rules, "--output", "json"]);
        let told = json(&rescored)["facts"]["rescored"].clone();
        reports.push((untimed(json(&judged)), untimed(json(&rescored)), told["moves"].clone(), told["known"].clone()));
    }
    for other in &reports[1..] {
        for (first, other) in [(&reports[0].0, &other.0), (&reports[0].1, &other.1)] {
            assert_eq!(differing(first, other, ""), Vec::<String>::new());
        }
        assert_eq!((&reports[0].2, &reports[0].3), (&other.2, &other.3));
    }
    assert!(Path::new(&desk.path("8.run")).exists());
    for workers in ["0", "257", "many"] {
        assert_eq!(desk.replay(&url, &["--workers", workers]).status.code(), Some(2));
    }
}
