//! From a run to a rule: the shop's capture asked of a candidate that issues identities of another kind, rules suggested
//! of the run file, copied, and the capture asked again.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tapcompare::demo;
use tapcompare::rules::RuleSet;

use crate::invented::TODAY;

const CAPTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/shop.pcap");

async fn tapcompare(args: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    // Nothing of the folder in which the tests run is to be read.
    command.args(args).current_dir(std::env::temp_dir()).output().await.unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Mismatches of a replay, by endpoint and place.
fn mismatched(output: &Output) -> (u64, Vec<String>) {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    let groups = report["snapshot"]["groups"].as_array().unwrap();
    let named = |group: &Value| format!("{} {}", group["endpoint"].as_str().unwrap(), group["place"].as_str().unwrap());
    let mismatched = report["snapshot"]["ledger"]["shadow"]["mismatched"].as_u64().unwrap();
    (mismatched, groups.iter().map(named).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_are_suggested_of_a_run_and_copied_settle_the_noise_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (run, rules) = (folder.path().join("shop.run"), folder.path().join("suggested.yaml"));
    let candidate = demo::candidate("ulid-ids,price-rounding,local-time,line-order".parse().unwrap()).await.unwrap();
    let url = candidate.url();
    let replay = ["replay", CAPTURE, "--candidate", &url, "--pace", "max", "--output", "json"];
    let before = tapcompare(&[&replay[..], &["--run", text(&run)]].concat()).await;

    let yaml = tapcompare(&["rules", "suggest", text(&run)]).await;
    let said = String::from_utf8(yaml.stdout).unwrap();
    assert_eq!((yaml.status.code(), String::from_utf8_lossy(&yaml.stderr).as_ref()), (Some(0), ""), "{said}");
    let read = RuleSet::parse("stdout", &said, TODAY).unwrap_or_else(|error| panic!("{error}\n{said}"));
    let ids: Vec<&str> = read.rules().iter().map(|rule| &*rule.id).collect();
    assert_eq!(ids, ["get-payments-id-ledgerentry-id"], "{said}");
    // 90 days after the capture's.
    assert_eq!(read.rules()[0].expires.to_string(), "2027-02-19");
    assert!(said.contains("In the whole run: 190 differences in 190 exchanges."), "{said}");
    let joined: String = said.lines().map(|line| format!("{} ", line.trim_start_matches([' ', '#']))).collect();
    let doubt = joined.split("Doubt: ").nth(1).unwrap_or_else(|| panic!("{said}"));
    let looked_at: u64 = doubt.split(' ').next().unwrap().parse().unwrap();
    assert!((8..190).contains(&looked_at), "{doubt}");
    let rest = doubt.split_once(' ').unwrap().1;
    assert!(rest.starts_with("of 190 exchanges with this difference were looked at"), "{rest}");
    assert!(rest.contains("'judge --rules' cannot decide it"), "{rest}");
    assert!(said.contains("body /createdAt (value)") && said.contains("looks like a time zone"), "{said}");
    assert!(said.lines().all(|line| line.len() <= 160), "{said}");

    let json = tapcompare(&["rules", "suggest", "--output", "json", text(&run)]).await;
    let found: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&found["schema_version"], &found["rules"][0]["id"]), (&1.into(), &ids[0].into()), "{found}");
    assert!(said.contains(found["rules"][0]["yaml"].as_str().unwrap()));
    let again = tapcompare(&["rules", "suggest", "--output", "json", text(&run)]).await;
    assert_eq!(json.stdout, again.stdout, "the same evidence gives the same suggestions");

    std::fs::write(&rules, &said).unwrap();
    let common = concat!(env!("CARGO_MANIFEST_DIR"), "/rules/common.yaml");
    let after = tapcompare(&[&replay[..], &["--rules", common, "--rules", text(&rules)]].concat()).await;
    let ((before, of_before), (after, of_after)) = (mismatched(&before), mismatched(&after));
    assert_eq!(before - after, 190);
    let rest: Vec<String> = of_before.iter().filter(|at| !at.contains("ledgerEntry")).cloned().collect();
    assert!(rest.len() < of_before.len() && rest == of_after, "{of_before:?} {of_after:?}");
}

#[test]
fn what_goes_with_the_mismatches_of_a_run_is_said_beside_each_group() {
    let folder = tempfile::tempdir().unwrap();
    let (run, page) = (folder.path().join("shop.run"), folder.path().join("page.html"));
    let program = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_tapcompare")).args(args).current_dir(folder.path()).output().unwrap()
    };
    // One goes with the status, one with what the client takes and the status, and one with nothing that was asked.
    let defects = "soft-404,false-gzip,price-rounding";
    let demo = program(&["demo", "--defect", defects, "--pace", "max", "--output", "json", "--run", text(&run)]);
    assert_eq!(demo.status.code(), Some(1));
    let plain = program(&["judge", "--output", "json", text(&run)]);
    assert!(!String::from_utf8_lossy(&plain.stdout).contains("\"explained\""));

    let json = program(&["judge", "--explain", "--output", "json", "--html", text(&page), text(&run)]);
    assert_eq!(json.status.code(), Some(1), "the verdict is the same");
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    let explanations = |endpoint: &str| {
        let groups = report["snapshot"]["groups"].as_array().unwrap();
        let group = groups.iter().find(|group| group["endpoint"] == endpoint).unwrap();
        assert!(group["explained"]["mismatches"].as_u64().unwrap() >= 8, "{group}");
        group["explained"]["explanations"].as_array().unwrap().clone()
    };
    assert_eq!(explanations("GET /orders/{id}"), Vec::<Value>::new());
    let soft = explanations("GET /products/{sku}");
    let condition = serde_json::json!([{"is": {"value": "404"}, "feature": "legacy-status"}]);
    assert_eq!((&soft[0]["conditions"], &soft[0]["of_mismatches"]), (&condition, &1.0.into()));
    // Some products that are not there were asked for again and again; that goes with a part of them alone.
    assert!(soft[1..].iter().all(|other| other["of_mismatches"].as_f64() < Some(0.6)), "{soft:?}");
    let packed = explanations("GET /customers/{id}");
    let is_coding = |c: &Value| *c == serde_json::json!({"is": "present", "feature": {"header": "accept-encoding"}});
    assert!(packed[0]["conditions"].as_array().unwrap().iter().any(is_coding), "{packed:?}");

    let terminal = String::from_utf8(program(&["report", "--explain", text(&run)]).stdout).unwrap();
    let told = "100% of the mismatches have legacy status=404, 0% of the others";
    assert!(terminal.contains(told) && std::fs::read_to_string(&page).unwrap().contains(told), "{terminal}");
    assert!(terminal.contains("no feature of the requests tells the"), "{terminal}");
    assert!(terminal.lines().all(|line| line.chars().count() <= 80));

    // Under other rules too: what they answer for is no mismatch to be explained, and the others are explained as before.
    let rounding = "rules:\n  - {id: cents, owner: me, reason: rounding, expires: 2099-12-31, \
                    at: {endpoint: 'GET /orders/{id}', json: '$.totals.*'}, match: {tolerance: 0.02}}\n";
    std::fs::write(folder.path().join("rounding.yaml"), rounding).unwrap();
    let (markdown, common) =
        (folder.path().join("report.md"), concat!(env!("CARGO_MANIFEST_DIR"), "/rules/common.yaml"));
    let rules = ["--rules", common, "--rules", "rounding.yaml"];
    let flags = ["judge", "--explain", "--output", "json", "--markdown", text(&markdown), text(&run)];
    let other: Value = serde_json::from_slice(&program(&[&flags[..], &rules].concat()).stdout).unwrap();
    assert_eq!(other["facts"]["rescored"]["added"], serde_json::json!(["cents"]));
    let groups = other["snapshot"]["groups"].as_array().unwrap();
    assert!(groups.iter().all(|group| group["endpoint"] != "GET /orders/{id}"), "{groups:?}");
    let soft_now = groups.iter().find(|group| group["endpoint"] == "GET /products/{sku}").unwrap();
    assert_eq!(soft_now["explained"]["explanations"], serde_json::json!(soft));
    let markdown = std::fs::read_to_string(markdown).unwrap();
    assert!(markdown.contains("### Under other rules") && markdown.contains("| added | cents |"), "{markdown}");
    assert!(markdown.contains(told), "{markdown}");
}

#[test]
fn what_is_no_run_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, line) in [
        (&["rules", "suggest"][..], "RUN"),
        (&["rules", "suggest", "no-such.run"], "no-such.run"),
        (&["rules", "propose", "a"], "unrecognized subcommand 'propose'"),
        (&["rules", "suggest", "no-such.run", "--rules"], "--rules"),
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_tapcompare")).args(arguments).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len(), said.lines().count()), (Some(2), 0, 1), "{said}");
        assert!(said.contains(line), "{said}");
    }
}
