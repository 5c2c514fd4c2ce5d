//! The whole walk against each fault: every exchange is a counted failure, the books close, and it is never GO.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::server::{Peer, Server};

/// A few connections of the capture that ships: enough exchanges to count, few enough to wait for, and no HEAD, whose
/// answer is whole where that to a GET is cut off.
pub(crate) const FILTER: &str = "tcp[0:2] & 63 = 8 or tcp[2:2] & 63 = 8 or tcp[0:2] & 63 = 32 or tcp[2:2] & 63 = 32 or \
                      tcp[0:2] & 63 = 52 or tcp[2:2] & 63 = 52";

struct Run {
    status: Option<i32>,
    report: Value,
    /// On standard error.
    said: String,
}

impl Run {
    fn shadow(&self, account: &str) -> Value {
        self.report["snapshot"]["ledger"]["shadow"][account].clone()
    }

    fn count(&self, account: &str) -> u64 {
        match self.shadow(account) {
            Value::Object(reasons) => reasons.values().filter_map(Value::as_u64).sum(),
            number => number.as_u64().unwrap(),
        }
    }
}

async fn replay_against(url: &str) -> Run {
    replay_under("safety: {limits: {body: 64KiB}}", url, FILTER).await
}

async fn replay_under(policy: &str, url: &str, filter: &str) -> Run {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    // Read by itself, because it lies where the command runs.
    std::fs::write(folder.path().join("tapcompare.yaml"), policy).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tapcompare"))
        .args(["replay", "--pace", "max", "--timeout", "300ms", "--in-flight", "32", "--output", "json"])
        .args(["--filter", filter, "--candidate", url])
        .arg(root.join("captures/shop.pcap"))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    Run { status: output.status.code(), report, said: said.into_owned() }
}

/// Every exchange that was sent failed in that way, no other was counted, and the verdict is NO-GO.
fn assert_all_failed(name: &str, run: &Run, failure: &str) {
    let failed: BTreeMap<String, u64> = serde_json::from_value(run.shadow("failed")).unwrap();
    let sent = run.count("sent");
    assert!(sent > 20, "{name}: only {sent} were sent");
    assert_eq!(failed, BTreeMap::from([(failure.to_owned(), sent)]), "{name}");
    assert_eq!(run.count("compared"), 0, "{name}");
    assert_eq!(run.count("exchanges"), sent + run.count("skipped"), "{name}: the books close");
    assert_eq!(run.report["snapshot"]["ledger"]["wire"]["requests_paired"], run.shadow("exchanges"), "{name}");
    assert_eq!((run.status, run.report["verdict"].as_str()), (Some(1), Some("NO-GO")), "{name}");
}

/// What is wrong, what is answered, what follows the answer, and what it must be counted as.
type Fault = (&'static str, &'static [u8], fn(Peer), &'static str);

async fn after_each_request(mut peer: Peer, answer: &'static [u8], end: fn(Peer)) {
    if peer.request().await.is_some() {
        peer.write(answer).await;
        end(peer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_a_counted_failure_and_never_go() {
    let hang = |mut peer: Peer| drop(tokio::spawn(async move { peer.hang().await }));
    let endless = |mut peer: Peer| drop(tokio::spawn(async move { while peer.write([b'a'; 4096]).await {} }));
    let interim = |mut peer: Peer| {
        drop(tokio::spawn(async move { while peer.write("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000)).await {} }));
    };
    let faults: [Fault; 11] = [
        ("hangs before the head", b"", hang, "timeout"),
        ("hangs after the head", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", hang, "timeout"),
        ("closes without a word", b"", drop, "closed"),
        ("resets", b"", Peer::reset, "closed"),
        ("promises more than it sends", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", drop, "closed"),
        ("garbage", b"\x16\x03\x01 nonsense\r\n\r\n", drop, "malformed"),
        ("an endless head", b"HTTP/1.1 200 OK\r\nX: ", endless, "malformed"),
        ("an endless body", b"HTTP/1.1 200 OK\r\n\r\n", endless, "too-large"),
        ("interim answers without end", b"", interim, "malformed"),
        ("more than it says", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more", drop, "unexpected-bytes"),
        ("all 500", b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno", drop, "server-error"),
    ];
    for (name, answer, end, failure) in faults {
        let server = Server::start(move |peer| after_each_request(peer, answer, end)).await;
        let run = replay_against(&server.url()).await;
        assert_all_failed(name, &run, failure);
        assert_eq!(server.requests().len() as u64, run.count("sent"), "{name}: one attempt each");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_refuses_or_drips_is_never_go() {
    let closed = Server::trap().await.url();
    assert_all_failed("refuses", &replay_against(&closed).await, "connect");

    let drip = Server::start(|mut peer| async move {
        if peer.request().await.is_some() && peer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n").await {
            while peer.write("a").await {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    })
    .await;
    assert_all_failed("drips", &replay_against(&drip.url()).await, "timeout");
}

/// A policy that opens writes as sandboxed, and one that opens them all by their method.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_without_the_agreement_gets_one_write_and_everybody_is_told() {
    let server = Server::start(|mut peer| async move {
        peer.answer_all("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok").await;
    })
    .await;
    let writes = || server.requests().iter().filter(|head| head.starts_with("POST ")).count() as u64;
    let policy = "safety: {endpoints: [{endpoint: POST /orders, as: sandboxed}]}";
    let run = replay_under(policy, &server.url(), "tcp").await;
    assert_eq!(writes(), 1);
    assert_eq!(run.shadow("failed")["effects-not-discarded"], 1);
    let held = |reason: &str| run.shadow("skipped")[reason].as_u64().unwrap_or(0);
    assert!(held("sandbox-closed") > 20, "{}", run.shadow("skipped"));
    assert_eq!(run.count("exchanges"), run.count("sent") + run.count("skipped"), "the books close");
    assert_eq!((run.status, run.report["verdict"].as_str()), (Some(1), Some("NO-GO")));
    let told = run.said.matches("POST /orders is closed for this run").count();
    assert_eq!(told, 1, "{}", run.said);
    assert!(
        run.report["gates"].to_string().contains("did not say 'Shadow-Effects: discarded'"),
        "{}",
        run.report["gates"]
    );

    let run = replay_under("safety: {methods: [GET, POST]}", &server.url(), "tcp").await;
    assert!(writes() > 20, "somebody has named the method");
    assert!(run.said.contains("safety.methods lists POST, which is not safe"), "{}", run.said);
}
