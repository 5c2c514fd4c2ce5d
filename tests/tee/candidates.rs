//! The client never waits: whatever the candidate does, the clients' requests are answered by the legacy, all of them, and
//! what was not asked is counted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::child::run;
use super::support::{Nginx, Tee, answering, ask, free_port, head, installed, ok, reset, server};

/// Reads heads for ever and answers nothing.
fn silent(mut stream: TcpStream) {
    stream.set_read_timeout(None).unwrap();
    let mut piece = [0; 4096];
    while let Ok(1..) = stream.read(&mut piece) {}
}

/// A byte now and then.
fn dripping(mut stream: TcpStream) {
    if head(&mut stream, &mut Vec::new()).is_some() {
        let answer = ok("{\"slow\":true}");
        answer.iter().all(|byte| {
            thread::sleep(Duration::from_millis(200));
            stream.write_all(&[*byte]).is_ok()
        });
    }
}

/// Much, and for ever.
fn flooding(mut stream: TcpStream) {
    if head(&mut stream, &mut Vec::new()).is_some() {
        let begun = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = format!("10000\r\n{}\r\n", "y".repeat(0x10000));
        if stream.write_all(begun).is_ok() {
            while stream.write_all(chunk.as_bytes()).is_ok() {}
        }
    }
}

fn breaking(mut stream: TcpStream) {
    if head(&mut stream, &mut Vec::new()).is_some() {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Le");
        reset(stream);
    }
}

fn mad(mut stream: TcpStream) {
    if head(&mut stream, &mut Vec::new()).is_some() {
        let _ = stream.write_all("HTTP/9.9 -1 \0\r\nhttp://\r\n\r\n".repeat(1000).as_bytes());
    }
}

/// Nobody accepts: the connections are made by the kernel, and then no more.
fn full() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Kept open for as long as the test program runs.
    std::mem::forget(listener);
    address
}

#[test]
fn whatever_the_candidate_does_the_clients_have_their_answers() {
    if !installed("whatever_the_candidate_does", "nginx") || !installed("whatever_the_candidate_does", "wrk") {
        return;
    }
    let port = free_port();
    let servers = format!("server {{ listen 127.0.0.1:{port}; root FOLDER; access_log off; }}");
    let body = "0123456789abcdef".repeat(256);
    let _nginx = Nginx::start(port, &servers, &[("body", body.as_bytes())]);
    let candidates: [(&str, SocketAddr); 7] = [
        ("dead", ([127, 0, 0, 1], free_port()).into()),
        ("full", full()),
        ("silent", server(silent)),
        ("dripping", server(dripping)),
        ("flooding", server(flooding)),
        ("breaking", server(breaking)),
        ("mad", server(mad)),
    ];
    for (name, candidate) in candidates {
        let tee = Tee::before(([127, 0, 0, 1], port).into(), &format!("http://{candidate}"), &[]);
        let mut wrk = Command::new("nice");
        wrk.args(["-n", "19", "wrk", "-t1", "-c16", "-d1s", &format!("http://{}/body", tee.address)]);
        let said = run(wrk);
        let requests: u64 = said
            .lines()
            .find_map(|line| line.trim().split_once(" requests in ").map(|(n, _)| n.parse().unwrap()))
            .unwrap_or_else(|| panic!("{said}"));
        assert!(requests > 0, "{name}: {said}");
        assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{name}: {said}");
        let peak = peak_mib(tee.running.pid());
        // However many answers of 16 MiB are under way, they share 64 MiB.
        assert!(peak < 250, "{name}: {peak} MiB");
        let report = tee.report();
        assert_eq!(report.gate("books")["state"], "pass", "{name}: {}", report.gate("books"));
        let shed = report.ledger("capture/tee/from_legacy/shed") + report.ledger("capture/tee/from_clients/shed");
        // What wrk broke off at its end came on top.
        let seen = report.ledger("wire/requests");
        assert!(seen >= requests || shed > 0, "{name}: {seen} of {requests} seen, and nothing shed");
        let (sent, failed) = (report.ledger("shadow/sent"), report.at("/snapshot/ledger/shadow/failed"));
        let failures: u64 = failed.as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum();
        assert!(sent > 0 && failures == sent, "{name}: {sent} sent, failed: {failed}");
        assert_ne!(report.at("/verdict"), "GO", "{name}");
    }
}

/// If one of them waited for the candidate, this would take minutes.
#[test]
fn no_request_waits_for_a_candidate_that_is_silent() {
    let legacy = answering(|_| ok("{}"));
    let candidate = format!("http://{}", server(silent));
    let tee = Tee::before(legacy, &candidate, &["--in-flight", "1", "--timeout", "60s"]);
    let mut client = tee.connect();
    for _ in 0..300 {
        assert_eq!(ask(&mut client, "/").1, b"{}");
    }
    // Ended twice: the one that is asked would be waited for.
    tee.running.signal("TERM");
    tee.running.wait_for_err("stopping");
    tee.running.signal("TERM");
    tee.running.wait(super::child::PATIENCE);
}

/// The most memory that a process has had.
fn peak_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}
