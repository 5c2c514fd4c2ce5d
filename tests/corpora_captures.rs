//! Every third-party capture against what other engines found in it.

#![allow(clippy::unwrap_used)] // What tests share between them may fail as tests do.

mod wire_support;

use std::collections::BTreeMap;
use std::path::Path;

use tapcompare::exchange::Exchange;
use wire_support::{agreed, corpora, frames, index, see_frames};

/// Messages with their number of occurrences.
type Messages = BTreeMap<String, usize>;

/// In one capture (IPv6 in AYIYA) tshark's column shows the address of the tunnel's end with the port inside of it.
/// Zeek's own log of that capture has the addresses inside.
const INSIDE: [(&str, &str); 2] = [("192.168.3.101", "2001:4978:f:4c::2"), ("216.14.98.22", "2001:4860:b002::68")];

fn oracle(captures: &Path, name: &str) -> Messages {
    let text = std::fs::read_to_string(captures.join(format!("{name}.oracle.tsv"))).unwrap();
    let mut messages = Messages::new();
    for row in text.lines().filter(|l| !l.starts_with('#')) {
        let c: Vec<&str> = row.split('\t').collect();
        if c[4] != "1" {
            continue;
        }
        let end = |text: &str| {
            let (ip, port) = text.rsplit_once(':').unwrap();
            let inside = INSIDE.iter().find(|(outside, _)| name.ends_with("ayiya3.pcap") && *outside == ip);
            format!("{} {port}", inside.map_or(ip, |(_, inside)| inside).trim_matches(['[', ']']))
        };
        let key = if c[5] == "req" {
            format!("{} > {} {} {} host={}", end(c[2]), end(c[3]), c[6], c[7], c[9])
        } else {
            format!("{} > {} {}", end(c[2]), end(c[3]), c[8])
        };
        *messages.entry(key).or_default() += 1;
    }
    messages
}

fn ours(exchanges: &[Exchange]) -> Messages {
    let mut messages = Messages::new();
    for e in exchanges {
        let end = |a: std::net::SocketAddr| format!("{} {}", a.ip(), a.port());
        let (client, server) = (end(e.client), end(e.server));
        if let Some(r) = &e.request {
            let host = r.host().unwrap_or("");
            let key = format!("{client} > {server} {} {} host={host}", r.method, r.target_text());
            *messages.entry(key).or_default() += 1;
        }
        if let Some(r) = &e.response {
            for status in r.interim.iter().chain([&r.status]) {
                *messages.entry(format!("{server} > {client} {status}")).or_default() += 1;
            }
        }
    }
    messages
}

/// What only one side has, a line each.
fn differences(expected: &Messages, found: &Messages) -> Vec<String> {
    let all = expected.keys().chain(found.keys().filter(|k| !expected.contains_key(*k)));
    all.filter_map(|key| {
        let (e, f) = (expected.get(key).copied().unwrap_or(0), found.get(key).copied().unwrap_or(0));
        (e != f).then(|| format!("{key}: {e} by the oracle, {f} here"))
    })
    .collect()
}

#[test]
fn what_two_oracles_agree_on_is_found() {
    let Some(corpora) = corpora() else { return };
    let captures = corpora.join("captures");
    let mut wrong = Vec::new();
    for name in agreed(&corpora) {
        let seen = see_frames(&frames(&captures.join(&name)));
        let found = differences(&oracle(&captures, &name), &ours(&seen.exchanges));
        wrong.extend(found.into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn dump_rest() {
    let Some(corpora) = corpora() else { return };
    let captures = corpora.join("captures");
    for (name, class) in index(&corpora) {
        if class == "agree" {
            continue;
        }
        let seen = see_frames(&frames(&captures.join(&name)));
        for line in differences(&oracle(&captures, &name), &ours(&seen.exchanges)) {
            println!("{class} {name}: {line}");
        }
    }
}

#[test]
fn dump_one() {
    let Some(corpora) = corpora() else { return };
    let Ok(name) = std::env::var("ONE") else { return };
    let seen = see_frames(&frames(&corpora.join("captures").join(name)));
    seen.exchanges.iter().for_each(|e| println!("{}", wire_support::line(e)));
    println!("{:?}", seen.books);
}
