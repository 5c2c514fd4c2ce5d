//! The replay command as a person meets it: stopping it, watching it, piping it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a command that cannot be run is a failed test"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tapcompare::demo::{self, Defects, Shop};

/// A candidate that answers while the test runs the binary against it.
struct Candidate {
    shop: Shop,
    _runtime: tokio::runtime::Runtime,
}

fn candidate(defects: &str) -> Candidate {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let shop = runtime.block_on(demo::candidate(defects.parse::<Defects>().unwrap())).unwrap();
    Candidate { shop, _runtime: runtime }
}

fn capture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/shop.pcap")
}

fn policy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/shop.yaml")
}

fn replay(candidate: &Candidate) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    command.args(["replay", "--candidate", &candidate.shop.url(), "--policy"]).arg(policy());
    command
}

fn report(stdout: &[u8]) -> Value {
    serde_json::from_slice(stdout).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(stdout)))
}

#[test]
fn an_interrupt_ends_the_run_and_still_reports_what_was_compared() {
    let candidate = candidate("none");
    let child = replay(&candidate)
        .arg(capture())
        .args(["--pace", "original", "--output", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_secs(2));
    let interrupted = Instant::now();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(interrupted.elapsed() < Duration::from_secs(4), "{:?}", interrupted.elapsed());

    let report = report(&output.stdout);
    let ledger = &report["snapshot"]["ledger"];
    let (sent, exchanges) =
        (ledger["shadow"]["sent"].as_u64().unwrap(), ledger["shadow"]["exchanges"].as_u64().unwrap());
    assert!(sent > 20 && sent < 1_000, "{sent}");
    assert_eq!(ledger["shadow"]["matched"].as_u64(), Some(sent), "what was sent was compared");
    assert_eq!(ledger["wire"]["requests_paired"].as_u64(), Some(exchanges));
    assert!(report["facts"]["stopped_early"].is_string());
    assert_eq!(report["verdict"], "INCONCLUSIVE");
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("stopping"), "{said}");
}

#[test]
fn a_pipe_gets_plain_text_of_eighty_columns_and_no_progress() {
    let candidate = candidate("price-rounding");
    let output = replay(&candidate).arg(capture()).args(["--pace", "max"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("NO-GO"), "{text}");
    assert!(!text.contains('\x1b'), "no colour");
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 80, "{widest}");
    assert!(text.contains("GET /orders/{id}") && text.contains("/totals/tax"), "{text}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "nothing to say beside the report");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn standard_input_is_a_capture_too() {
    let candidate = candidate("none");
    let output = replay(&candidate)
        .args(["-", "--pace", "max", "--output", "json", "--in-flight", "16"])
        .stdin(File::open(capture()).unwrap())
        .output()
        .unwrap();
    let report = report(&output.stdout);
    assert_eq!(report["snapshot"]["ledger"]["shadow"]["matched"], 3400, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(report["facts"]["sources"], serde_json::json!(["-"]));
}

#[test]
fn a_terminal_sees_how_far_it_has_come() {
    if Command::new("script").arg("--version").output().is_err() {
        eprintln!("skipped: script(1) is not installed, and without it there is no terminal to look at");
        return;
    }
    let candidate = candidate("none");
    let typed = format!(
        "{} replay --candidate {} --policy {} --pace 8x {}",
        env!("CARGO_BIN_EXE_tapcompare"),
        candidate.shop.url(),
        policy().display(),
        capture().display()
    );
    let output = Command::new("script").args(["-qec", &typed, "/dev/null"]).stdin(Stdio::null()).output().unwrap();
    let screen = String::from_utf8_lossy(&output.stdout);
    assert!(screen.contains("in flight") && screen.contains("compared"), "{screen}");
    assert!(screen.contains("\x1b["), "colour on a terminal");
}

#[test]
fn a_capture_cut_short_is_used_up_to_the_cut_and_the_damage_told() {
    let candidate = candidate("none");
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(capture()).unwrap();
    let cut = folder.path().join("cut.pcap");
    std::fs::write(&cut, &bytes[..bytes.len() / 2 + 7]).unwrap();
    let output = replay(&candidate).arg(&cut).args(["--pace", "max", "--output", "json"]).output().unwrap();
    let report = report(&output.stdout);
    let ledger = &report["snapshot"]["ledger"];
    let damage = ledger["capture"]["damage"].as_array().unwrap();
    assert!(damage.len() == 1 && damage[0].as_str().unwrap().contains("cut.pcap"), "{damage:?}");
    let matched = ledger["shadow"]["matched"].as_u64().unwrap();
    assert!((1_000..3_400).contains(&matched), "{matched}");
    assert_eq!(ledger["shadow"]["sent"].as_u64(), Some(matched));
}

#[test]
fn the_page_that_cannot_be_written_costs_nothing_of_the_run() {
    let candidate = candidate("none");
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    // Writable when the run begins, full when it ends.
    std::os::unix::fs::symlink("/dev/full", &page).unwrap();
    let output = replay(&candidate).arg(capture()).args(["--pace", "max", "--html"]).arg(&page).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("page.html") && said.lines().count() == 1, "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("mismatch"), "the report itself was printed");
}

#[test]
fn the_page_is_written_where_standard_output_is_full_and_no_half_page_replaces_a_whole_one() {
    let candidate = candidate("none");
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let link = folder.path().join("link.html");
    std::os::unix::fs::symlink(&page, &link).unwrap();
    std::fs::write(&page, "<!doctype html>of the last run").unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = replay(&candidate).arg(capture()).args(["--pace", "max", "--html"]).arg(&link).stdout(full).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output cannot be written"));
    assert!(std::fs::read_to_string(&page).unwrap().ends_with("</html>"));
    assert!(link.is_symlink());
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing else is left: {names:?}");
}

#[test]
fn a_run_that_ends_in_trouble_leaves_no_empty_page() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    command.args(["replay", "--candidate", "http://no-such-host.invalid", "--html"]).arg(&page).arg(capture());
    assert_eq!(command.output().unwrap().status.code(), Some(2));
    assert!(!page.exists());
}

#[test]
fn an_address_where_nobody_listens_is_told_at_once_and_once() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tapcompare"));
    command.args(["replay", "--pace", "max", "--candidate", &format!("http://{free}")]).arg(capture());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&free.to_string()) && said.contains("refused"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}
