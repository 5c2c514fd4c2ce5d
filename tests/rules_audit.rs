//! The rules of a run under test, as they are met from the command line: `judge`, `rules audit`, and a rule that hides
//! everything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a run that cannot be made is a failed test")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Hides every value of every JSON body.
const EVERYTHING: &str = "rules:
- {id: everything, owner: me, reason: it was red, expires: 2099-12-31, at: {json: '$..*'}, ignore: {type: any, presence: any}}
";

fn tapcompare(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tapcompare"))
        .args(args)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("TAPCOMPARE_REDACTION_KEY")
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"))
}

/// A run of the demo in that folder; its report.
fn demo(folder: &Path, defect: &str) -> Value {
    json(&tapcompare(
        folder,
        &["demo", "--defect", defect, "--pace", "max", "--run", "shop.run", "--html", "shop.html", "-o", "json"],
    ))
}

fn rules_gates(report: &Value) -> Vec<&Value> {
    report["gates"].as_array().unwrap().iter().filter(|gate| gate["gate"] == "rules").collect()
}

#[test]
fn a_run_is_put_to_the_test_at_its_end_and_again_from_its_file_with_the_same_result() {
    let folder = tempfile::tempdir().unwrap();
    let report = demo(folder.path(), "none");
    let gates = rules_gates(&report);
    assert_eq!((gates.len(), &gates[0]["state"]), (1, &"pass".into()), "{gates:?}");
    let trial = &report["snapshot"]["trial"];
    assert!(gates[0]["sample"].as_u64().unwrap() > 2_000, "{gates:?}");
    assert_eq!((&gates[0]["figure"], &gates[0]["limit"]), (&1.0.into(), &0.95.into()));

    let judged = tapcompare(folder.path(), &["judge", "shop.run", "-o", "json"]);
    assert_eq!(&json(&judged)["snapshot"]["trial"], trial);
    assert_eq!(tapcompare(folder.path(), &["judge", "shop.run", "-o", "json"]).stdout, judged.stdout);

    let audited = json(&tapcompare(folder.path(), &["rules", "audit", "shop.run", "-o", "json"]));
    assert_eq!((&audited["schema_version"], &audited["trial"]["endpoints"]), (&1.into(), &trial["endpoints"]));
    let date = audited["trial"]["rules"].as_array().unwrap().iter().find(|rule| rule["id"] == "common-software");
    let date = date.unwrap();
    assert_eq!(date["exchanges"], 3400);
    assert!(date["needed"].as_u64() > Some(100) && date["needed"] == date["specimens"], "{date}");

    let text = tapcompare(folder.path(), &["rules", "audit", "shop.run"]);
    let text = String::from_utf8(text.stdout).unwrap();
    for piece in
        ["Rules under test", "ids-swapped", "GET /orders/{id}", "Every rule", "common-etag  match  header etag"]
    {
        assert!(text.contains(piece), "{piece}\n{text}");
    }
    let page = std::fs::read_to_string(folder.path().join("shop.html")).unwrap();
    assert!(page.contains("The rules under test") && page.contains("common-software"));
}

#[test]
fn rules_that_hide_everything_are_told_before_they_are_used() {
    let folder = tempfile::tempdir().unwrap();
    demo(folder.path(), "price-rounding");
    let rules = folder.path().join("everything.yaml");
    std::fs::write(&rules, EVERYTHING).unwrap();
    let audited = json(&tapcompare(
        folder.path(),
        &["rules", "audit", "shop.run", "--rules", "common", "--rules", "everything.yaml", "-o", "json"],
    ));
    let trial = &audited["trial"];
    let rule = trial["rules"].as_array().unwrap().last().unwrap();
    assert_eq!(rule["id"], "everything");
    assert!(rule["share"].as_f64() > Some(0.5) && rule["faults_hidden"].as_u64() > Some(1_000), "{rule}");
    // What `price-rounding` makes, and without the rule would be seen.
    assert!(rule["needed"].as_u64() > Some(0), "{rule}");
    let flaws: Vec<&str> = rule["findings"].as_array().unwrap().iter().map(|f| f["flaw"].as_str().unwrap()).collect();
    assert_eq!(flaws, ["over-broad", "over-broad"]);
    let unnoticed = trial["endpoints"].as_array().unwrap().iter().flat_map(|e| e["unnoticed"].as_array().unwrap());
    assert!(unnoticed.clone().count() > 20 && unnoticed.clone().all(|one| one["hidden_by"] == "everything"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_under_a_rule_that_hides_everything_is_not_go() {
    let candidate = tapcompare::demo::candidate("price-rounding,missing-field".parse().unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("everything.yaml"), EVERYTHING).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let (capture, policy) = (root.join("shop.pcap"), root.join("shop.yaml"));
    let url = candidate.url();
    let args = [
        "replay",
        capture.to_str().unwrap(),
        "--candidate",
        &url,
        "--policy",
        policy.to_str().unwrap(),
        "--pace",
        "max",
        "--rules",
        "common",
        "--rules",
        "everything.yaml",
        "-o",
        "json",
    ]
    .map(str::to_owned);
    let place = folder.path().to_owned();
    let run = move || tapcompare(&place, &args.each_ref().map(String::as_str));
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let report = json(&output);
    let books = &report["snapshot"]["ledger"]["shadow"];
    assert_eq!((&books["sent"], &books["matched"]), (&3400.into(), &3400.into()), "nothing is left to mismatch");
    assert_ne!(report["verdict"], "GO");
    assert_ne!(output.status.code(), Some(0));
    let gates = rules_gates(&report);
    assert!(gates.len() > 5 && gates.iter().all(|gate| gate["state"] == "not-enough"), "{gates:?}");
    let reasons: Vec<&str> = gates.iter().map(|gate| gate["reason"].as_str().unwrap()).collect();
    assert!(reasons[0].contains("would be hidden if they changed") && reasons[0].contains("everything"), "{reasons:?}");
    let of_whole = reasons.iter().find(|reason| reason.starts_with("only "));
    assert!(of_whole.is_some_and(|reason| reason.contains("hidden most by everything")), "{reasons:?}");
    let hidden_there = |reason: &str| reason.starts_with("GET /orders/{id}: ") && reason.contains("would be hidden");
    assert!(reasons.iter().any(|reason| hidden_there(reason)), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.starts_with("GET /orders/{id}: only ")), "{reasons:?}");
    candidate.stop().await;
}

#[test]
fn a_key_that_no_element_has_is_told() {
    let folder = tempfile::tempdir().unwrap();
    demo(folder.path(), "none");
    let rule = |key: &str| {
        let text = format!(
            "rules:\n- {{id: lines, owner: me, reason: no order, expires: 2099-12-31, at: {{json: '$..lines'}}, match: {{keyed: {key}}}}}\n"
        );
        std::fs::write(folder.path().join("lines.yaml"), text).unwrap();
        let args = ["rules", "audit", "shop.run", "--rules", "common", "--rules", "lines.yaml"];
        let audited = json(&tapcompare(folder.path(), &[&args[..], &["-o", "json"]].concat()));
        let rules = audited["trial"]["rules"].as_array().unwrap().clone();
        let text = String::from_utf8(tapcompare(folder.path(), &args).stdout).unwrap();
        (rules.into_iter().find(|rule| rule["id"] == "lines").unwrap()["findings"].clone(), text)
    };
    let (findings, text) = rule("skuuuu");
    assert_eq!(findings[0]["flaw"], "dead", "{findings}");
    assert!(findings[0]["why"].as_str().unwrap().contains("no element has this key, 'skuuuu'"), "{findings}");
    assert!(
        text.split_whitespace().collect::<Vec<_>>().join(" ").contains("no element has this key, 'skuuuu'"),
        "{text}"
    );
    assert_eq!(rule("sku").0, Value::Array(Vec::new()));
}

#[test]
fn what_cannot_be_audited_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let output = tapcompare(folder.path(), &["rules", "audit", "nowhere.run"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nowhere.run") && said.lines().count() == 1, "{said}");
}
