//! Streams that were sent to hurt: memory stays inside the limits, what a limit evicts is counted by its name, and the
//! books close.

#![allow(clippy::unwrap_used)] // What tests share between them may fail as tests do.

mod wire_support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tapcompare::exchange::{Exchange, Incomplete, Timestamp};
use tapcompare::ledger::Ledger;
use tapcompare::wire::{Segment, Wire, WireLimits, WireOptions};
use wire_support::talk::{Talk, answer, get};
use wire_support::{Dice, Seg, see, see_with};

/// Counts what is allocated, and the most at once.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
/// One test measures at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[allow(unsafe_code)] // The only way to count allocations; it adds two counters to the system's allocator.
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MIB: usize = 1 << 20;

/// Feeds segments as they are made, keeps no exchange, and gives the most memory that it took, with the wire's books.
fn measure(feed: impl FnOnce(&mut dyn FnMut(&Segment<'_>))) -> (usize, tapcompare::ledger::WireBooks) {
    let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut wire = Wire::new(WireOptions::default());
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    feed(&mut |segment| wire.segment(segment, &mut |_: Exchange| {}));
    wire.finish(&mut |_| {});
    let most = MOST.load(Ordering::Relaxed) - before;
    drop(alone);
    let books = wire.books();
    let ledger = Ledger { wire: books.clone(), ..Ledger::default() };
    assert_eq!(ledger.open_accounts(), []);
    (most, books)
}

fn segment<'a>(client: u32, from_client: bool, seq: u32, ack: u32, payload: &'a [u8]) -> Segment<'a> {
    let address = |ip: u32, port: u16| SocketAddr::from((std::net::Ipv4Addr::from(ip), port));
    let (c, s) = (address(0x0a00_0000 + client / 50_000, 1024 + (client % 50_000) as u16), address(0xc0a8_0001, 80));
    let (src, dst) = if from_client { (c, s) } else { (s, c) };
    let time = Timestamp(i64::from(client));
    Segment { time, src, dst, seq, ack: Some(ack), syn: false, fin: false, rst: false, payload, cut: 0, connection: 0 }
}

fn syn(client: u32) -> Segment<'static> {
    Segment { syn: true, ack: None, ..segment(client, true, 0, 0, b"") }
}

#[test]
fn a_flood_of_half_open_connections() {
    let (most, books) = measure(|feed| (0..100_000).for_each(|c| feed(&syn(c))));
    assert!(most < 48 * MIB, "{} MiB", most / MIB);
    assert_eq!(books.connections, 100_000);
    assert_eq!(books.evicted["connections"], 100_000 - WireLimits::default().connections as u64);
}

#[test]
fn heads_without_an_end_on_ten_thousand_connections() {
    let line = b"X-Padding: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n".repeat(50);
    let (most, books) = measure(|feed| {
        for c in 0..10_000 {
            feed(&syn(c));
            feed(&segment(c, true, 1, 1, b"GET / HTTP/1.1\r\n"));
            feed(&Segment { syn: true, ..segment(c, false, 0, 1, b"") });
        }
        for round in 0..5 {
            for c in 0..10_000 {
                feed(&segment(c, true, 17 + round * line.len() as u32, 1, &line));
            }
        }
    });
    assert!(most < 60 * MIB, "{} MiB", most / MIB);
    assert!(books.evicted["unfinished-bytes"] > 1000, "{:?}", books.evicted);
}

#[test]
fn one_head_without_an_end() {
    let mut talk = Talk::new(1448);
    talk.send(true, b"GET / HTTP/1.1\r\n");
    talk.send(true, &b"A: b\r\n".repeat(20_000));
    let seen = see(&talk.segments);
    assert_eq!(seen.books.evicted["head-bytes"], 1);
    assert_eq!(seen.books.requests, 0);
}

/// Each of these once sent the reader to and fro for ever between "a message begins here" and "it cannot be read".
#[test]
fn a_start_line_whose_message_cannot_be_read() {
    // Half a head, and no room to collect it.
    let limits = WireLimits { unfinished: 10, ..WireLimits::default() };
    for mut talk in [Talk::new(1448), Talk::midstream(1448)] {
        talk.send(true, b"GET / HTTP/1.1\r\nA: b\r\n");
        talk.send(true, b"\r\n");
        let seen = see_with(WireOptions { limits: limits.clone(), ..WireOptions::default() }, &talk.segments);
        assert_eq!((seen.books.requests, seen.books.evicted["unfinished-bytes"]), (0, 1));
        assert_eq!(seen.books.stream_bytes_not_http, seen.books.stream_bytes);
    }
    // A head beyond the limit in one segment, as offloading puts them together.
    let long = [&b"GET / HTTP/1.1\r\n"[..], &b"A: b\r\n".repeat(20_000)].concat();
    for mut talk in [Talk::new(long.len()), Talk::midstream(long.len())] {
        talk.send(true, &long);
        talk.send(true, b"\r\n");
        let seen = see(&talk.segments);
        assert_eq!((seen.books.requests, seen.books.evicted["head-bytes"]), (0, 1));
        assert_eq!(seen.books.stream_bytes_not_http, seen.books.stream_bytes);
    }
}

#[test]
fn chunks_without_an_end_and_a_body_beyond_the_limit() {
    let limits = WireLimits { body: 10_000, ..WireLimits::default() };
    let mut talk = Talk::new(1448);
    talk.send(true, &get("/"));
    talk.send(false, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    talk.send(false, &b"5\r\nhello\r\n".repeat(20_000));
    let seen = see_with(WireOptions { limits, ..WireOptions::default() }, &talk.segments);
    let exchange = &seen.exchanges[0];
    assert_eq!(exchange.incomplete, Some(Incomplete::EndOfCapture));
    let body = &exchange.response.as_ref().unwrap().body;
    assert_eq!((body.bytes.len(), body.length), (10_000, 100_000));
}

#[test]
fn holes_in_ten_thousand_connections() {
    let payload = [b'x'; 1400];
    let (most, books) = measure(|feed| {
        for c in 0..10_000 {
            feed(&syn(c));
            feed(&Segment { syn: true, ..segment(c, false, 0, 1, b"") });
        }
        for i in 0..6 {
            (0..10_000).for_each(|c| feed(&segment(c, true, 5000 + i * 2000, 1, &payload)));
        }
    });
    assert!(most < 48 * MIB, "{} MiB", most / MIB);
    assert!(books.evicted["out-of-order-bytes"] > 1000, "{:?}", books.evicted);
    assert!(books.stream_bytes_gap > 0);
}

#[test]
fn one_byte_segments_from_the_end_to_the_start() {
    let mut talk = Talk::new(1);
    talk.send(true, &get("/backwards"));
    talk.send(false, &answer("twelve bytes"));
    let handshake = talk.segments[..3].to_vec();
    let (mut requests, mut answers): (Vec<Seg>, Vec<Seg>) =
        talk.segments[3..].iter().cloned().partition(|s| s.dst.port() == 80);
    requests.reverse();
    answers.reverse();
    let seen = see(handshake.iter().chain(&requests).chain(&answers));
    assert_eq!(seen.exchanges.len(), 1);
    // More than the patience for segments that nobody acknowledged is not asked for, so this is whole.
    assert!(seen.exchanges[0].is_complete(), "{:?}", seen.exchanges);
}

#[test]
fn more_requests_than_may_wait() {
    let mut talk = Talk::new(1448);
    talk.send(true, &get("/").repeat(3000));
    let seen = see(&talk.segments);
    assert_eq!(seen.books.requests, 3000);
    assert_eq!(seen.books.evicted["unanswered-requests"], 3000 - WireLimits::default().unanswered as u64);
    assert!(seen.books.requests_unpaired.get(Incomplete::Evicted) > 0);
}

#[test]
fn silence_is_given_up_and_what_is_closed_is_forgotten() {
    let mut talk = Talk::new(1448);
    talk.send(true, &get("/"));
    let mut segments = talk.segments;
    let mut later = segments[0].clone();
    later.src = "10.9.9.9:1".parse().unwrap();
    later.time = Timestamp(later.time.0 + 601_000_000_000);
    segments.push(later);
    let seen = see(&segments);
    assert_eq!(seen.books.evicted["idle"], 1);
    assert_eq!(seen.exchanges[0].incomplete, Some(Incomplete::Evicted));
}

#[test]
fn random_segments_close_the_books() {
    let words: [&[u8]; 12] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"3\r\nabc\r\n0\r\n\r\n",
        b"CONNECT h:1 HTTP/1.1\r\n\r\n",
        b"\x05\x01\x00",
        b"\r\n\r\n",
        b"HEAD / HTTP/1.1\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"\xff\x00garbage",
    ];
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut segments = Vec::new();
        for i in 0..120 {
            let from_client = dice.once_in(500);
            let mut s = Talk::midstream(99).segments;
            assert!(s.is_empty());
            let (client, server) = ("10.0.0.1:4000".parse().unwrap(), "10.0.0.2:80".parse().unwrap());
            let (src, dst) = if from_client { (client, server) } else { (server, client) };
            s.push(Seg {
                time: Timestamp(i * 1_000_000 * dice.below(5) as i64),
                src,
                dst,
                seq: [dice.below(400) as u32, u32::MAX - dice.below(50) as u32, dice.roll() as u32]
                    [dice.below(20).min(2)],
                ack: (!dice.once_in(200)).then(|| dice.below(400) as u32),
                syn: dice.once_in(30),
                fin: dice.once_in(30),
                rst: dice.once_in(10),
                payload: words[dice.below(words.len())].to_vec(),
                cut: if dice.once_in(50) { dice.below(40) as u32 } else { 0 },
            });
            segments.extend(s);
        }
        // `see` checks the books.
        see(&segments);
    }
}
