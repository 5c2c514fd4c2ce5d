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
        for status in e.interim().iter().chain(e.response.as_ref().map(|r| &r.status)) {
            *messages.entry(format!("{server} > {client} {status}")).or_default() += 1;
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

/// Where the two oracles disagree, what is right and why.
const DECIDED: &[(&str, &[&str], &str)] = &[
    (
        "arkime/http-tcp-seq-issue.pcap",
        &["13.12.11.10 80 > 10.11.12.13 54162 200: 0 by the oracle, 1 here"],
        "the answer's head is there and its body goes on until the connection closes, which is not in the capture",
    ),
    (
        "arkime/no-syn-ack.pcap",
        &["10.13.13.13 80 > 10.12.12.12 61181 200: 0 by the oracle, 1 here"],
        "the same: a whole head, then the capture ends in the body",
    ),
    (
        "arkime/twovlan.pcap",
        &["10.0.0.2 80 > 10.0.0.1 54422 200: 0 by the oracle, 1 here"],
        "the same: a whole head, then the capture ends in the body",
    ),
    (
        "zeek/http/http-09-content-length-confusion.pcap",
        &["127.0.0.1 46982 > 127.0.0.1 80 GET / host=: 1 by the oracle, 0 here"],
        "the request is HTTP/0.9, which is not supported; the answer, sent before it, is shown without a request",
    ),
    (
        "zeek/http/query-method-non-standard-port.pcap",
        &["10.0.0.1 54321 > 10.0.0.2 4711 QUERY /users host=example.com: 0 by the oracle, 1 here"],
        "QUERY is a method like any other; Zeek sees it, too",
    ),
    (
        "zeek/tcp-http-with-padding.pcap",
        &["167.221.30.181 59406 > 217.207.159.63 27272 GET / host=: 0 by the oracle, 1 here"],
        "a plain request on an odd port; Zeek sees it, too",
    ),
    (
        "zeek/tunnels/gtp/gtp1_gn_normal_incl_fragmentation.pcap",
        &["79.101.110.141 80 > 10.131.47.185 1923 206: 0 by the oracle, 1 here"],
        "the answer's head is there; some of its body is not, so it is shown as incomplete",
    ),
    ("zeek/wikipedia.pcap", &[], "all that tshark sees; Zeek's logs were made with another setting"),
];

#[test]
fn where_the_oracles_disagree_it_was_decided() {
    let Some(corpora) = corpora() else { return };
    let captures = corpora.join("captures");
    for (name, _) in index(&corpora).iter().filter(|(_, class)| class == "disagree") {
        let seen = see_frames(&frames(&captures.join(name)));
        let found = differences(&oracle(&captures, name), &ours(&seen.exchanges));
        let (_, decided, why) =
            DECIDED.iter().find(|(at, ..)| at == name).unwrap_or_else(|| panic!("{name}: undecided"));
        assert_eq!(found, *decided, "{name}: {why}");
    }
}

/// What is seen of a capture, in one line.
fn summary(captures: &Path, name: &str) -> String {
    let seen = see_frames(&frames(&captures.join(name)));
    let books = &seen.books;
    let mut statuses = Messages::new();
    for e in &seen.exchanges {
        for status in e.interim().iter().chain(e.response.as_ref().map(|r| &r.status)) {
            *statuses.entry(status.to_string()).or_default() += 1;
        }
    }
    let statuses: Vec<String> = statuses.iter().map(|(s, n)| format!("{s}x{n}")).collect();
    let reasons: Vec<String> = seen.books.requests_unpaired.iter().map(|(r, n)| format!("{r}x{n}")).collect();
    let deviations = differences(&oracle(captures, name), &ours(&seen.exchanges)).len();
    format!(
        "{name}\trequests={} answers={} paired={}\t[{}]\tincomplete=[{}]\tdeviations={deviations}",
        books.requests,
        books.answers,
        books.requests_paired,
        statuses.join(" "),
        reasons.join(" "),
    )
}

/// Deviations from the oracle in captures that have no second opinion, and why they are right.
const DEVIATIONS: &[(&str, &str)] = &[
    (
        "zeek/communityid/tcp.pcap",
        "the snap length cut the request line itself, and the answer's packets before the head's end",
    ),
    ("zeek/http/content-range-gap.pcap", "tshark gives up an answer whose body has a gap; it is shown, incomplete"),
    ("zeek/http/entity_gap2.pcap", "tshark gives up an answer whose body has a gap; it is shown, incomplete"),
    ("zeek/http/zero-length-bodies-with-drops.pcap", "messages after the gaps, which tshark does not find again"),
    ("zeek/pe/pe_files_timestamp.pcap.gz", "an answer that the capture's end cut is shown, incomplete"),
    ("zeek/redis/oss-fuzz-473580107.pcap", "a fuzzer's bytes, 'HTTP/5.' and not a digit, are no HTTP/1 answer"),
];

#[test]
fn without_a_second_opinion_nothing_changes_unseen() {
    let Some(corpora) = corpora() else { return };
    let captures = corpora.join("captures");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/baselines/captures.tsv");
    let names = index(&corpora).into_iter().filter(|(_, class)| class == "tshark_only").map(|(name, _)| name);
    let found: Vec<String> = names.map(|name| summary(&captures, &name)).collect();
    for line in found.iter().filter(|l| !l.ends_with("deviations=0")) {
        let name = line.split('\t').next().unwrap();
        assert!(DEVIATIONS.iter().any(|(at, _)| *at == name), "a deviation that nobody has looked at: {line}");
    }
    if std::env::var_os("TAPCOMPARE_NEW_BASELINE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found.join("\n") + "\n").unwrap();
    }
    let baseline = std::fs::read_to_string(&path).unwrap();
    let baseline: Vec<&str> = baseline.lines().collect();
    assert_eq!(found, baseline, "if this is right, run again with TAPCOMPARE_NEW_BASELINE=1");
}
