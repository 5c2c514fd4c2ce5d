//! What a run reports and what its run file says afterwards are the same, to the byte.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a command that cannot be run or gives no JSON is a failed test")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn tapcompare(folder: &Path, arguments: &[&str]) -> Output {
    // The key: marks of two processes can be compared only under one.
    Command::new(env!("CARGO_BIN_EXE_tapcompare"))
        .args(arguments)
        .current_dir(folder)
        .env("TAPCOMPARE_REDACTION_KEY", "0123456789abcdef")
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn judging_the_run_file_gives_the_report_of_the_run_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let demo =
        ["demo", "--defect", "price-rounding,missing-field", "--pace", "max", "--output", "json", "--run", "a.run"];
    let ran = tapcompare(folder.path(), &demo);
    let judged = tapcompare(folder.path(), &["judge", "a.run", "--output", "json"]);
    assert_eq!((ran.status.code(), judged.status.code()), (Some(1), Some(1)), "{ran:?}");
    assert_eq!(json(&ran), json(&judged));
    let snapshot = &json(&judged)["snapshot"];
    assert_eq!(snapshot["ledger"]["shadow"]["exchanges"], 3540);
    assert!(!snapshot["groups"].as_array().unwrap().is_empty());
    assert!(!snapshot["ledger"]["losses"].as_array().unwrap().is_empty());

    let again = tapcompare(folder.path(), &["judge", "a.run", "--output", "json"]);
    assert_eq!(again.stdout, judged.stdout, "judged twice, the same bytes");
}

#[test]
fn a_run_that_goes_on_in_the_same_file_adds_up_exactly() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody answers there: what is counted is the same each time.
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/shop.pcap");
    let replay = ["replay", shop, "--candidate", "http://127.0.0.1:1", "--pace", "max", "--run", "a.run"];
    for _ in 0..2 {
        assert_eq!(tapcompare(folder.path(), &replay).status.code(), Some(1));
    }
    let judged = json(&tapcompare(folder.path(), &["judge", "a.run", "--output", "json"]));
    let ledger = &judged["snapshot"]["ledger"];
    assert_eq!((&ledger["shadow"]["exchanges"], &ledger["wire"]["requests"]), (&7080.into(), &7080.into()));
    assert_eq!(ledger["shadow"]["failed"]["connect"], 6800);
    assert_eq!(judged["facts"]["stretches"].as_array().unwrap().len(), 2);
    let whole: u64 = ledger["losses"].as_array().unwrap().iter().map(|row| row["complete"].as_u64().unwrap()).sum();
    assert_eq!(whole, 7080);
}
