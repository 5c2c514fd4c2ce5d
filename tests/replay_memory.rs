//! What a replay holds at once, with bodies as large as the limits let through.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a command that cannot be run is a failed test"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

const MIB: usize = 1 << 20;
/// What one frame carries: as much as an IP packet holds.
const SEGMENT: usize = 65_000;

/// A compressed capture of one connection for each of these answers to `GET /0`, `GET /1` and so on.
fn capture(file: &Path, answers: &[Vec<u8>]) {
    let mut out = GzEncoder::new(std::fs::File::create(file).unwrap(), Compression::fast());
    out.write_all(&0xa1b2_c3d4_u32.to_le_bytes()).unwrap();
    out.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]).unwrap();
    let mut micros = 0u32;
    for (n, answer) in answers.iter().enumerate() {
        let port = 20_000 + n as u16;
        let request = format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes();
        let mut record = |from_client: bool, (seq, ack): (u32, u32), flags: u8, payload: &[u8]| {
            micros += 1;
            let frame = frame(from_client, port, (seq, ack), flags, payload);
            let length = (frame.len() as u32).to_le_bytes();
            for field in [&0u32.to_le_bytes()[..], &micros.to_le_bytes(), &length, &length, &frame] {
                out.write_all(field).unwrap();
            }
        };
        record(true, (99, 0), 0x02, b"");
        record(false, (499, 100), 0x12, b"");
        record(true, (100, 500), 0x18, &request);
        let asked = 100 + request.len() as u32;
        let mut seq = 500;
        for segment in answer.chunks(SEGMENT) {
            record(false, (seq, asked), 0x18, segment);
            seq += segment.len() as u32;
        }
        record(true, (asked, seq), 0x11, b"");
        record(false, (seq, asked + 1), 0x11, b"");
    }
    out.finish().unwrap();
}

fn frame(from_client: bool, port: u16, (seq, ack): (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
    let (client, server) = (([10, 0, 0, 1], port), ([10, 0, 0, 2], 80));
    let ((src, sport), (dst, dport)) = if from_client { (client, server) } else { (server, client) };
    let mut f = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
    f.extend(((40 + payload.len()) as u16).to_be_bytes());
    f.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    f.extend(src);
    f.extend(dst);
    f.extend([sport, dport].map(u16::to_be_bytes).concat());
    f.extend([seq, ack].map(u32::to_be_bytes).concat());
    f.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    f.extend(payload);
    f
}

fn answer(media: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A server that takes its time, gives everybody the same answer, and tells how many it had at once.
struct Candidate {
    url: String,
    most: Arc<AtomicUsize>,
}

fn candidate(answer: Vec<u8>, delay: Duration) -> Candidate {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (now, most, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(answer));
    let seen = Arc::clone(&most);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (now, seen, answer) = (Arc::clone(&now), Arc::clone(&seen), Arc::clone(&answer));
            thread::spawn(move || serve(stream.unwrap(), &answer, delay, &now, &seen));
        }
    });
    Candidate { url, most }
}

fn serve(mut stream: TcpStream, answer: &[u8], delay: Duration, now: &AtomicUsize, most: &AtomicUsize) {
    let mut head = [0; 4096];
    while stream.read(&mut head).is_ok_and(|n| n > 0) {
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(delay);
        now.fetch_sub(1, Ordering::SeqCst);
        if stream.write_all(answer).is_err() {
            return;
        }
    }
}

fn replay(file: &Path, candidate: &Candidate) -> Child {
    Command::new(env!("CARGO_BIN_EXE_tapcompare"))
        .args(["replay", "--pace", "max", "--timeout", "60s", "--output", "json", "--candidate", &candidate.url])
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn few_large_exchanges_are_under_way_at_once_though_there_are_places_for_more() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.pcap.gz");
    let large = answer("application/octet-stream", &vec![0; 15 * MIB]);
    capture(&file, &vec![large; 8]);
    let candidate = candidate(answer("application/octet-stream", b"small"), Duration::from_secs(3));
    let output = replay(&file, &candidate).wait_with_output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["snapshot"]["ledger"]["shadow"]["mismatched"], 8, "{}", report["snapshot"]["ledger"]);
    let most = candidate.most.load(Ordering::SeqCst);
    // 128 MiB, of which each takes 30: the recorded body, and as much for the answer.
    assert!((2..=4).contains(&most), "{most}");
}

#[cfg(target_os = "linux")]
#[test]
fn an_example_of_a_large_document_costs_no_tree_of_it() {
    let elements: Vec<String> = (0..300_000).map(|n| format!("{{\"id\":{n},\"of\":\"{n}\"}}")).collect();
    let document = format!("[{}]", elements.join(","));
    let peak = peak_of(std::slice::from_ref(&document), "{}");
    let limit = 10 * document.len() / 1024 + 64 * 1024;
    assert!(peak > 0 && peak < limit, "{peak} kB for a document of {} kB", document.len() / 1024);
}

#[cfg(target_os = "linux")]
#[test]
fn differences_inside_of_a_member_with_a_huge_name_do_not_each_hold_that_name() {
    let name = "k".repeat(MIB);
    let document = |value: u32| {
        let members: Vec<String> = (0..40).map(|n| format!("\"a{n}\":{value}")).collect();
        format!("{{\"{name}\":{{{}}}}}", members.join(","))
    };
    let peak = peak_of(&[document(1)], &document(2));
    // 23 GB for four of these with a name of 3 MB and 100 members.
    assert!(peak > 0 && peak < 128 * 1024, "{peak} kB");
}

/// The largest resident memory, in kB, of a replay of these JSON answers against a candidate that gives another one.
#[cfg(target_os = "linux")]
fn peak_of(documents: &[String], other: &str) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("documents.pcap.gz");
    let answers: Vec<_> = documents.iter().map(|text| answer("application/json", text.as_bytes())).collect();
    capture(&file, &answers);
    let candidate = candidate(answer("application/json", other.as_bytes()), Duration::from_millis(300));
    let mut child = replay(&file, &candidate);
    let mut out = child.stdout.take().unwrap();
    let drained = thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let high = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = high.unwrap_or(0).max(peak);
        thread::sleep(Duration::from_millis(2));
    }
    drained.join().unwrap().unwrap();
    peak
}
