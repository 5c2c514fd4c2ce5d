//! `serve RUN`: a run file, also one that changes while it is served.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tapcompare::store::RunFile;
use tapcompare::tally::Tally;

use crate::store_support::{absorb, books, endpoints, facts};
use crate::support::{ANY_PORT, Serving, run_demo, run_file, serving, serving_run, wait_for};

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
        (&"NO-GO".into(), &1.into(), &"ended".into())
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
    assert_eq!(serving.get("/readyz").text(), "ready: the run in the file has ended\n");
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
    assert_eq!(serving.figures()["tapcompare_run_active"], 0.0);
    fs::write(&run, kept).unwrap();
    wait_for("that it is read again", || {
        page();
        (serving.get("/readyz").status == 200).then_some(())
    });
    assert_eq!(exchanges(), 2 * whole);
    let (_, said) = serving.interrupt();
    assert_eq!(said.matches("the run file cannot be read").count(), 1, "told once: {said}");
}

/// A run of so many exchanges under gates that hold; its file.
fn go(run: &Path, exchanges: u64, finished: bool) -> RunFile {
    let mut all = Tally::new();
    (0..exchanges).for_each(|n| absorb(&mut all, n));
    let mut file = RunFile::open(run, &facts()).unwrap();
    file.write(&all.into(), &books(exchanges), &endpoints()).unwrap();
    if finished {
        file.finish(&Tally::new().into(), &books(exchanges), &endpoints(), &facts().facts).unwrap();
    }
    file
}

/// Serves it under gates that hold.
fn served(folder: &Path) -> Serving {
    let (run, policy) = (folder.join("a.run"), folder.join("policy.yaml"));
    let gates = "gates:\n  mismatch_rate: {below: 30%}\n  coverage: {requests_per_endpoint: 100}\n  latency: {at_most: 2x}\n  \
                 loss: {below: 1%}\n  candidate_errors: {below: 1%}\n";
    fs::write(&policy, gates).unwrap();
    serving(&[&"serve", &run, &"--policy", &policy, &"--listen", &"127.0.0.1:0"], &[])
}

/// Nothing that a gate, a probe, a scrape or a person may look at says GO.
fn assert_no_verdict(serving: &Serving, how: &str) {
    for path in ["/api/v1/verdict", "/api/v1/report"] {
        let reply = wait_for(how, || Some(serving.get(path)).filter(|reply| reply.status == 503));
        assert_eq!(reply.field("content-type"), Some("application/problem+json"), "{how}");
        let problem: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((&problem["verdict"], &problem["exit_status"]), (&"INCONCLUSIVE".into(), &2.into()), "{how}");
        assert_eq!((&problem["phase"], &problem["status"]), (&"unreadable".into(), &503.into()), "{how}");
        assert!(problem["title"].as_str().unwrap().contains("cannot be read"), "{how}");
    }
    let figures = serving.figures();
    let verdicts: Vec<f64> =
        figures.iter().filter(|(name, _)| name.starts_with("tapcompare_verdict{")).map(|(_, value)| *value).collect();
    assert_eq!(verdicts, [0.0; 3], "{how}");
    assert_eq!(figures["tapcompare_run_active"], 0.0, "{how}");
    assert_eq!(serving.get("/readyz").status, 503, "{how}");
    let page = serving.get("/").text();
    let page = scraper::Html::parse_document(&page);
    let first = page.select(&scraper::Selector::parse("main > *").unwrap()).next().unwrap();
    assert_eq!(first.value().attr("role"), Some("alert"), "{how}");
    assert!(first.text().collect::<String>().starts_with("NO VERDICT"), "{how}");
    let title = page.select(&scraper::Selector::parse("title").unwrap()).next().unwrap().text().collect::<String>();
    assert!(title.starts_with("NO VERDICT") && !title.contains("GO "), "{how}: {title}");
}

fn assert_go(serving: &Serving, exchanges: u64, phase: &str) {
    let is_it = |verdict: &Value| verdict["sample"]["exchanges"] == exchanges && verdict["phase"] == phase;
    let look = || {
        let reply = serving.get("/api/v1/verdict");
        serde_json::from_slice(&reply.body).ok().filter(|verdict| reply.status == 200 && is_it(verdict))
    };
    let verdict: Value = wait_for("the verdict", look);
    assert_eq!(verdict["verdict"], "GO", "{verdict}");
    assert_eq!(serving.figures()["tapcompare_verdict{verdict=\"GO\"}"], 1.0);
    assert_eq!(serving.get("/readyz").status, 200);
    assert!(!serving.get("/").text().contains("role=\"alert\""));
}

#[test]
fn a_run_file_that_is_destroyed_is_no_verdict_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("a.run");
    drop(go(&run, 2_000, true));
    let whole = fs::read(&run).unwrap();
    let serving = served(folder.path());
    assert_go(&serving, 2_000, "ended");

    // In place, so that it is the same file of the same length.
    let mut zeroed = whole.clone();
    zeroed.iter_mut().skip(4096).for_each(|byte| *byte = 0);
    for (how, bytes) in [
        ("zeroed but for its beginning", zeroed),
        ("zeroed", vec![0; whole.len()]),
        ("empty", Vec::new()),
        ("another file", b"no run file".to_vec()),
    ] {
        let inode = fs::metadata(&run).unwrap().ino();
        fs::write(&run, bytes).unwrap();
        assert_eq!(fs::metadata(&run).unwrap().ino(), inode);
        assert_no_verdict(&serving, how);
        fs::write(&run, &whole).unwrap();
        assert_go(&serving, 2_000, "ended");
    }
    fs::remove_file(&run).unwrap();
    assert_no_verdict(&serving, "deleted");
    let (_, said) = serving.interrupt();
    assert_eq!(said.matches("the run file cannot be read").count(), 5, "{said}");
    assert_eq!(said.matches("the run file can be read again").count(), 4, "{said}");
}

/// A probe is all that looks at a service that is not ready.
#[test]
fn readiness_comes_back_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("a.run");
    drop(go(&run, 2_000, true));
    let serving = served(folder.path());
    let aside = folder.path().join("aside.run");
    let ready = || serving.get("/readyz").status;
    assert_eq!(ready(), 200);
    fs::rename(&run, &aside).unwrap();
    wait_for("that it is gone", || (ready() == 503).then_some(()));
    fs::rename(&aside, &run).unwrap();
    wait_for("that it is back", || (ready() == 200).then_some(()));
}

#[test]
fn a_file_that_is_made_anew_is_read_as_what_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let (run, next) = (folder.path().join("a.run"), folder.path().join("b.run"));
    drop(go(&run, 2_000, true));
    let serving = served(folder.path());
    assert_go(&serving, 2_000, "ended");
    fs::remove_file(&run).unwrap();
    drop(go(&run, 3_000, true));
    assert_go(&serving, 3_000, "ended");
    // Over the old one, at once.
    drop(go(&next, 4_000, true));
    fs::rename(&next, &run).unwrap();
    assert_go(&serving, 4_000, "ended");
    let (_, said) = serving.interrupt();
    assert_eq!(said.matches("the run file is another one now").count(), 2, "{said}");
}

#[test]
fn a_run_that_goes_on_is_running_and_one_that_has_come_to_its_end_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("a.run");
    let mut file = go(&run, 2_000, false);
    let serving = served(folder.path());
    assert_go(&serving, 2_000, "running");
    assert_eq!(serving.figures()["tapcompare_run_active"], 1.0);
    file.finish(&Tally::new().into(), &books(2_000), &endpoints(), &facts().facts).unwrap();
    drop(file);
    assert_go(&serving, 2_000, "ended");
    assert_eq!(serving.figures()["tapcompare_run_active"], 0.0);
    // Another stretch of it.
    let file = go(&run, 1_000, false);
    assert_go(&serving, 3_000, "running");
    drop(file);
}
