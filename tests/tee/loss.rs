//! Loss never becomes a lie: an ear that misses any pieces hears, of each exchange that still comes out whole, exactly what
//! was said; and whatever it misses, the two sides get every byte.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use tapcompare::config::Target;
use tapcompare::exchange::Exchange;
use tapcompare::tee::{Ear, Piece, Tee, TeeOptions, Upstream};
use tapcompare::wire::{Wire, WireLimits, WireOptions};

use super::support::{connect, head, server};

/// Hears what it is told to, and remembers it.
struct HardOfHearing<'a> {
    /// Whether it hears the n-th piece that has bytes; round and round.
    hears: Vec<bool>,
    pieces: &'static Mutex<Vec<(bool, Piece)>>,
    ended: &'a AtomicBool,
}

impl Ear for HardOfHearing<'static> {
    fn hear(&self, piece: Piece) -> bool {
        let mut pieces = self.pieces.lock().unwrap();
        let turn = pieces.iter().filter(|(_, piece)| !piece.bytes().is_empty()).count();
        let heard = piece.bytes().is_empty() || self.hears[turn % self.hears.len()];
        assert!(!self.ended.load(Ordering::Relaxed), "heard after the end");
        pieces.push((heard, piece));
        heard
    }
}

/// What one client asks and is answered, told apart by its number.
fn said(client: usize, n: usize) -> (String, String) {
    let body = format!("{{\"client\":{client},\"n\":{n},\"text\":\"{}\"}}", "x".repeat(n * 37 % 400));
    let request = format!("GET /{client}/{n} HTTP/1.1\r\nHost: shop.test\r\nX-N: {n}\r\n\r\n");
    let answer = match n % 3 {
        0 => format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        _ => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
    };
    (request, answer)
}

fn read_chunked_or_not(stream: &mut std::net::TcpStream, expected: &str) {
    let mut got = vec![0; expected.len()];
    std::io::Read::read_exact(stream, &mut got).unwrap();
    assert_eq!(String::from_utf8(got).unwrap(), expected, "the client has every byte");
}

fn exchanges(clients: usize, each: usize, hears: Vec<bool>) -> (Vec<Exchange>, u64, u64) {
    let legacy = server(|mut stream| {
        let mut read = Vec::new();
        while let Some(head) = head(&mut stream, &mut read) {
            let path = head.split(' ').nth(1).unwrap().trim_start_matches('/');
            let (client, n) = path.split_once('/').unwrap();
            let (_, answer) = said(client.parse().unwrap(), n.parse().unwrap());
            // In two pieces: a body may be missed and its head not.
            let (first, second) = answer.split_at(answer.len() / 2);
            stream.write_all(first.as_bytes()).unwrap();
            thread::sleep(Duration::from_millis(1));
            stream.write_all(second.as_bytes()).unwrap();
        }
    });
    let options = TeeOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        connections: None,
        lame_duck: Duration::ZERO,
        drain: Duration::from_secs(5),
        proxy_protocol: false,
        other_files: 100,
    };
    let tee = Tee::bind(options).unwrap();
    let (address, counts) = (tee.address(), tee.counts());
    let pieces: &'static Mutex<Vec<(bool, Piece)>> = Box::leak(Box::default());
    let ended: &'static AtomicBool = Box::leak(Box::default());
    let stop = AtomicBool::new(false);
    let target: Target = format!("http://{legacy}").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    thread::scope(|scope| {
        let relay = scope.spawn(|| {
            let upstream = runtime.block_on(Upstream::resolve(target)).unwrap();
            runtime.block_on(tee.run(upstream, HardOfHearing { hears, pieces, ended }, &stop)).unwrap();
        });
        let asking: Vec<_> = (0..clients).map(|client| scope.spawn(move || asks(address, client, each))).collect();
        asking.into_iter().for_each(|client| client.join().unwrap());
        stop.store(true, Ordering::Relaxed);
        relay.join().unwrap();
    });
    ended.store(true, Ordering::Relaxed);
    let limits = WireLimits { patience: 0, patience_unacknowledged: 0, ..WireLimits::default() };
    let mut wire = Wire::new(WireOptions { limits, ..WireOptions::default() });
    let mut found = Vec::new();
    for (heard, piece) in pieces.lock().unwrap().iter() {
        if *heard {
            wire.segment(&piece.segment(), &mut |exchange| found.push(exchange));
        }
    }
    wire.finish(&mut |exchange| found.push(exchange));
    let books = wire.books();
    assert_eq!(tapcompare::ledger::Ledger { wire: books, ..Default::default() }.open_accounts(), []);
    let now = counts.now();
    (found, now.read.iter().sum(), now.shed.iter().sum())
}

fn asks(address: SocketAddr, client: usize, each: usize) {
    let mut stream = connect(address);
    for n in 0..each {
        let (request, expected) = said(client, n);
        stream.write_all(request.as_bytes()).unwrap();
        read_chunked_or_not(&mut stream, &expected);
    }
}

/// The exchanges that came out whole; each must be one that was really had.
fn whole(found: &[Exchange]) -> BTreeSet<(usize, usize)> {
    let complete = found.iter().filter(|exchange| exchange.is_complete());
    complete
        .map(|exchange| {
            let (request, response) = (exchange.request.as_ref().unwrap(), exchange.response.as_ref().unwrap());
            let target = request.target_text().into_owned();
            let (client, n) = target.trim_start_matches('/').split_once('/').unwrap();
            let (client, n) = (client.parse().unwrap(), n.parse().unwrap());
            let (_, answer) = said(client, n);
            let body = String::from_utf8(response.body.bytes.to_vec()).unwrap();
            assert!(answer.contains(&body) && body.starts_with('{') && body.ends_with('}'), "{target}: {body}");
            (client, n)
        })
        .collect()
}

#[test]
fn who_hears_everything_has_every_exchange() {
    let (found, relayed, shed) = exchanges(4, 25, vec![true]);
    assert_eq!(whole(&found).len(), 100, "of {}", found.len());
    assert_eq!((found.len(), shed), (100, 0));
    let all: usize = (0..4).flat_map(|c| (0..25).map(move |n| said(c, n))).map(|(r, a)| r.len() + a.len()).sum();
    assert_eq!(relayed, all as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_missed_what_comes_out_whole_was_said(hears in prop::collection::vec(prop::bool::weighted(0.8), 5..60)) {
        let (found, relayed, shed) = exchanges(3, 12, hears.clone());
        let complete = found.iter().filter(|exchange| exchange.is_complete()).count();
        prop_assert_eq!(whole(&found).len(), complete, "none comes out twice");
        prop_assert!(complete <= 36 && shed <= relayed);
        prop_assert_eq!(shed == 0, hears.iter().all(|hears| *hears) || complete == 36);
    }
}

#[test]
fn who_hears_nothing_disturbs_nobody() {
    let (found, relayed, shed) = exchanges(2, 10, vec![false]);
    assert_eq!((found.iter().filter(|e| e.is_complete()).count(), shed), (0, relayed));
    assert!(relayed > 0);
}
