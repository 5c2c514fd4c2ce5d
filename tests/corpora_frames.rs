//! Frames of every third-party capture: none makes the reader or the decoder stumble, the books balance, and each
//! HTTP message that tshark found ends in a segment that is found here too, between the same two ends.

#![allow(clippy::unwrap_used)] // What tests share between them may fail as tests do.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use tapcompare::capture::Files;
use tapcompare::wire::{Decoded, Decoder};

fn captures() -> Option<PathBuf> {
    let root = match std::env::var_os("TAPCOMPARE_CORPORA") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"),
    };
    let captures = root.join("captures");
    if captures.is_dir() {
        return Some(captures);
    }
    eprintln!("skipped: no captures at {} (TAPCOMPARE_CORPORA names the folder above)", captures.display());
    None
}

/// Path and class of each capture.
fn index(captures: &Path) -> Vec<(PathBuf, String)> {
    let index = std::fs::read_to_string(captures.join("INDEX.tsv")).unwrap();
    let rows = index.lines().skip(1).map(|row| {
        let mut columns = row.split('\t');
        (captures.join(columns.next().unwrap()), columns.next().unwrap().to_owned())
    });
    rows.collect()
}

/// Sender and receiver of each frame's segment, by frame number from 1.
fn ends(path: &Path) -> HashMap<u64, (SocketAddr, SocketAddr)> {
    let mut files = Files::open(&[path.to_owned()]).unwrap();
    let mut decoder = Decoder::new();
    let mut ends = HashMap::new();
    let mut number = 0;
    while let Some(frame) = files.next() {
        number += 1;
        if let Decoded::Segment(segment) = decoder.decode(&frame) {
            ends.insert(number, (segment.src, segment.dst));
        }
    }
    decoder.finish();
    let books = decoder.books();
    assert_eq!(books.frames, number);
    assert_eq!(books.frames, books.used + books.refused.total(), "{}", path.display());
    assert!(files.books().finished);
    assert_eq!(files.books().damage, Vec::<String>::new(), "{}", path.display());
    assert_eq!(Some(files.bytes_read()), files.total_bytes(), "{}", path.display());
    ends
}

/// In one capture (IPv6 in AYIYA) tshark's column shows the address of the tunnel's end with the port inside of it.
/// Zeek's own log of that capture has the addresses inside.
const INSIDE: [(&str, &str); 2] = [("192.168.3.101", "2001:4978:f:4c::2"), ("216.14.98.22", "2001:4860:b002::68")];

/// `10.0.0.1:80`, and IPv6 without brackets.
fn address(text: &str, tunnel: bool) -> SocketAddr {
    let (ip, port) = text.rsplit_once(':').unwrap();
    let ip = INSIDE.iter().find(|(outside, _)| tunnel && *outside == ip).map_or(ip, |(_, inside)| inside);
    SocketAddr::new(ip.trim_matches(['[', ']']).parse::<IpAddr>().unwrap(), port.parse().unwrap())
}

#[test]
fn every_message_of_the_oracle_ends_in_a_segment_that_is_found() {
    let Some(captures) = captures() else { return };
    let (mut rows, mut wrong) = (0, Vec::new());
    for (path, class) in index(&captures) {
        let found = ends(&path);
        if class != "agree" {
            continue;
        }
        let mut oracle = path.clone().into_os_string();
        oracle.push(".oracle.tsv");
        for row in std::fs::read_to_string(&oracle).unwrap().lines().filter(|l| !l.starts_with('#')) {
            let columns: Vec<&str> = row.split('\t').collect();
            let tunnel = path.ends_with("zeek/tunnels/ayiya3.pcap");
            let expected = (address(columns[2], tunnel), address(columns[3], tunnel));
            let frame: u64 = columns[0].parse().unwrap();
            rows += 1;
            if found.get(&frame) != Some(&expected) {
                wrong.push(format!("{} frame {frame}: {expected:?}, not {:?}", path.display(), found.get(&frame)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {rows} rows\n{}", wrong.len(), wrong.join("\n"));
    assert!(rows > 150, "only {rows} rows");
}
