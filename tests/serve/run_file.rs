//! `serve RUN`: a run file, also one that changes while it is served.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::support::{ANY_PORT, run_demo, run_file, serving, serving_run, wait_for};

#[test]
fn what_is_served_is_what_judge_says() {
    let serving = serving_run(&ANY_PORT, &[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    let judged = command.arg("judge").arg(run_file()).args(["--output", "json"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&judged.stdout), serving.get("/api/v1/report").text());

    let judged: Value = serde_json::from_slice(&judged.stdout).unwrap();
    let verdict = serving.json("/api/v1/verdict");
    for key in ["verdict", "headline", "worst_case"] {
        assert_eq!(verdict[key], judged[key], "{key}");
    }
    assert_eq!(
        (&verdict["verdict"], &verdict["exit_status"], &verdict["phase"]),
        (&"NO-GO".into(), &1.into(), &"running".into())
    );
    let (gates, whole) = (verdict["gates"].as_array().unwrap(), judged["gates"].as_array().unwrap());
    assert_eq!(gates.len(), whole.len());
    for (gate, whole) in gates.iter().zip(whole) {
        for key in ["gate", "state", "figure", "bound", "limit", "sample", "reason"] {
            assert_eq!(gate[key], whole[key], "{key}");
        }
    }
    let shadow = &judged["snapshot"]["ledger"]["shadow"];
    for key in ["exchanges", "sent", "compared", "mismatched"] {
        assert_eq!(verdict["sample"][key], shadow[key], "{key}");
    }
    assert_eq!(verdict["times"]["finished"], judged["facts"]["finished"]);
    assert_eq!(verdict["capability"], judged["facts"]["capability"]);
    assert!(serving.get("/api/v1/verdict").body.len() < 8 << 10, "it is small");

    let figures = serving.figures();
    let of = |outcome: &str| figures[&format!("tapcompare_exchanges_total{{outcome=\"{outcome}\",reason=\"\"}}")];
    assert_eq!(of("mismatched"), shadow["mismatched"].as_f64().unwrap());
    assert_eq!(of("matched"), shadow["matched"].as_f64().unwrap());
    assert_eq!(figures["tapcompare_verdict{verdict=\"NO-GO\"}"], 1.0);
    assert_eq!(serving.get("/readyz").text(), "ready\n");
    let (status, said) = serving.interrupt();
    assert_eq!(status.code(), Some(0), "{said}");
}

#[test]
fn a_file_that_grows_is_read_again_and_one_that_breaks_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("a.run");
    fs::copy(run_file(), &run).unwrap();
    let serving = serving(&[&"serve", &run, &"--listen", &"127.0.0.1:0"], &[]);
    let exchanges = || serving.json("/api/v1/verdict")["sample"]["exchanges"].as_u64().unwrap();
    let page = || serving.get("/").text();
    let view = || page().split("tapcompare-view\" content=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (first, whole) = (view(), exchanges());
    assert_eq!(whole, 3540);
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    assert_eq!(view(), first, "what has not changed is not made again");

    run_demo(&run);
    wait_for("the second stretch", || (exchanges() == 2 * whole).then_some(()));
    assert_ne!(view(), first);

    let kept = fs::read(&run).unwrap();
    fs::write(&run, b"no run file").unwrap();
    wait_for("that it is seen to be broken", || {
        page();
        (serving.get("/readyz").status == 503).then_some(())
    });
    assert!(serving.get("/readyz").text().contains("the run file cannot be read"));
    assert_eq!(serving.get("/healthz").status, 200, "the process lives");
    assert_eq!(exchanges(), 2 * whole, "what was read last is shown");
    assert_eq!(serving.json("/api/v1/verdict")["phase"], "unreadable");
    assert_eq!(serving.figures()["tapcompare_run_active"], 0.0);
    fs::write(&run, kept).unwrap();
    wait_for("that it is read again", || {
        page();
        (serving.get("/readyz").status == 200).then_some(())
    });
    let (_, said) = serving.interrupt();
    assert_eq!(said.matches("what was read last is shown").count(), 1, "told once: {said}");
}
