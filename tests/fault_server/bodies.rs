//! Bodies that are made to cost much: each is counted, in bounded memory, and the run comes to its end.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tokio::process::Command;

use super::server::Server;
use super::walk::FILTER;

/// KiB that the whole process may take at most: two comparing workers, each with a decoded body of 64 MiB at a time, and
/// room for what lies beside.
const MOST: u64 = 400 << 10;

/// What a run against a candidate that always answers so comes to: its shadow books, and the most memory it took.
async fn run_against(head: &str, body: Vec<u8>) -> (Value, u64) {
    let mut answer = format!("HTTP/1.1 200 OK\r\n{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend(body);
    let answer: &'static [u8] = answer.leak();
    let server = Server::start(move |mut peer| async move {
        while let Some(request) = peer.request().await {
            let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
            let said = if request.starts_with("HEAD") { &answer[..end] } else { answer };
            if !peer.write(said).await {
                return;
            }
        }
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tapcompare.yaml"), "safety: {limits: {body: 8MiB}}").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tapcompare"))
        .args(["replay", "--pace", "max", "--timeout", "30s", "--in-flight", "4", "--output", "json"])
        .args(["--run", "bodies.run", "--html", "bodies.html", "--filter", FILTER, "--candidate", &server.url()])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/shop.pcap"))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(fs::File::create(folder.path().join("report.json")).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id().unwrap());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let high = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = high.unwrap_or(0).max(peak);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let report: Value = serde_json::from_slice(&fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    let books = report["snapshot"]["ledger"]["shadow"].clone();
    assert!(books["sent"].as_u64().unwrap() > 20, "{books}");
    assert_ne!(report["verdict"], "GO");
    assert!(peak > 0);
    (books, peak)
}

/// 1 GiB of blanks, in 1 MB.
fn bomb() -> Vec<u8> {
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    member.write_all(&vec![b' '; 16 << 20]).unwrap();
    // Members follow each other (RFC 1952, section 2.2).
    member.finish().unwrap().repeat(64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gzip_bomb_is_a_mismatch_and_is_not_inflated_past_the_bound() {
    let bomb = bomb();
    assert!((1_000_000..2_000_000).contains(&bomb.len()), "{}", bomb.len());
    let (books, peak) = run_against("Content-Type: application/json\r\nContent-Encoding: gzip\r\n", bomb).await;
    assert_eq!(books["compared"], books["sent"]);
    // Without a body there is nothing to decode; all others differ.
    assert!(books["mismatched"].as_u64() > Some(20), "{books}");
    assert!(peak < MOST, "{peak} kB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_line_of_two_mebibytes_is_compared() {
    let json = |inside: &str| format!("{{\"id\":\"{inside}\"}}").into_bytes();
    for (name, kind, body) in [
        ("JSON", "application/json", json(&"x".repeat(2 << 20))),
        ("a secret", "application/json", format!("{{\"password\":\"{}\"}}", "a".repeat(2 << 20)).into_bytes()),
        ("text", "text/plain", "y".repeat(2 << 20).into_bytes()),
    ] {
        let (books, peak) = run_against(&format!("Content-Type: {kind}\r\n"), body).await;
        assert_eq!(books["compared"], books["sent"], "{name}");
        assert!(books["mismatched"].as_u64() > Some(20), "{name}: {books}");
        assert!(peak < MOST, "{name}: {peak} kB");
    }
}

/// Such a text is not read past 512 levels: what lies deeper is a secret, and its pieces repeat themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_of_twenty_thousand_levels_holds_nobody_up() {
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000)).into_bytes();
    let (books, peak) = run_against("Content-Type: application/json\r\n", deep).await;
    // The headers differ, too, so that a verdict is possible; what is said of such bodies alone, `compare` tests.
    assert!(books["mismatched"].as_u64() > Some(20), "{books}");
    assert!(peak < MOST, "{peak} kB");
}
