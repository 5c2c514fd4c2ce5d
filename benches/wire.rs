//! Decoding, assembly and pairing over frames in memory: a real capture, and the many small exchanges of a load test;
//! the whole file from its bytes to its exchanges; and the books at a moment when many connections are open.

#![allow(clippy::expect_used, reason = "a bench without its capture is no bench")]
#![allow(missing_docs, reason = "what criterion makes of a bench has none")]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tapcompare::capture::{Files, Frame};
use tapcompare::exchange::Timestamp;
use tapcompare::pipeline::Source;
use tapcompare::wire::{Decoder, Keep, Wire, WireOptions};

const CAPTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/shop.pcap");

struct Kept {
    time: Timestamp,
    link: u16,
    data: Vec<u8>,
    wire_length: u32,
}

fn frames() -> Vec<Kept> {
    let mut files = Files::open(&[Path::new(CAPTURE).to_owned()]).expect("the capture ships");
    let mut kept = Vec::new();
    while let Some(frame) = files.next() {
        kept.push(Kept {
            time: frame.time,
            link: frame.link,
            data: frame.data.to_vec(),
            wire_length: frame.wire_length,
        });
    }
    kept
}

fn lent(kept: &Kept) -> Frame<'_> {
    Frame { time: kept.time, link: kept.link, data: &kept.data, wire_length: kept.wire_length }
}

fn assemble(frames: &[Kept], keep: Keep) -> u64 {
    let mut wire = Wire::new(WireOptions { keep, ..WireOptions::default() });
    let mut complete = 0;
    for frame in frames {
        wire.frame(&lent(frame), &mut |exchange| complete += u64::from(exchange.is_complete()));
    }
    wire.finish(&mut |exchange| complete += u64::from(exchange.is_complete()));
    complete
}

fn wire(c: &mut Criterion) {
    let frames = frames();
    let exchanges = assemble(&frames, Keep::Nothing);
    let mut group = c.benchmark_group("frames");
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function("decode", |b| {
        b.iter(|| {
            let mut decoder = Decoder::new();
            for frame in &frames {
                black_box(decoder.decode(&lent(frame)));
            }
        });
    });
    group.finish();

    let mut group = c.benchmark_group("exchanges");
    group.throughput(Throughput::Elements(exchanges));
    group.bench_function("assemble and pair, bodies counted", |b| b.iter(|| assemble(&frames, Keep::Nothing)));
    group.bench_function("assemble and pair, bodies kept", |b| b.iter(|| assemble(&frames, Keep::Bodies)));
    group.bench_function("whole file", |b| {
        b.iter(|| {
            let files = [Path::new(CAPTURE).to_owned()];
            let mut source = Source::open(&files, None, Keep::Nothing, None).expect("the capture ships");
            let mut seen = 0_u64;
            while source.step(&mut |_| seen += 1) {}
            black_box(seen)
        });
    });
    group.finish();
}

/// One end of a made-up connection: last octet of its address, port, next sequence number.
type End = (u8, u16, u32);

/// An Ethernet frame with IPv4 and TCP (time stamps option) from one end to the other.
fn ethernet(time: i64, from: End, to: End, flags: u8, payload: &[u8]) -> Kept {
    let mut data = vec![2, 0, 0, 0, 0, to.0, 2, 0, 0, 0, 0, from.0, 8, 0, 0x45, 0];
    data.extend((20 + 32 + payload.len() as u16).to_be_bytes());
    data.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, from.0, 10, 0, 0, to.0]);
    data.extend(from.1.to_be_bytes());
    data.extend(to.1.to_be_bytes());
    data.extend(from.2.to_be_bytes());
    data.extend(to.2.to_be_bytes());
    data.extend([0x80, flags, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1]);
    data.extend(payload);
    Kept { time: Timestamp(time), link: 1, wire_length: data.len() as u32, data }
}

const ACK: u8 = 0x10;
const PUSH: u8 = 0x18;
const SYN: u8 = 0x02;

/// What a load generator and a server of small files say to each other: keep-alive, five frames an exchange, namely
/// the request, its ACK, the answer's head, its body, and their ACK. Connections take turns.
fn small_exchanges(connections: u16, rounds: usize) -> Vec<Kept> {
    const REQUEST: &[u8] = b"GET /orders/48213?expand=items HTTP/1.1\r\nHost: shop.internal\r\nUser-Agent: load/1.0\r\nAccept: */*\r\n\r\n";
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 300\r\nLast-Modified: Sat, 21 Nov 2026 11:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"6740a1b2-12c\"\r\nAccept-Ranges: bytes\r\n\r\n";
    let body = [b'b'; 300];
    let mut ends: Vec<(End, End)> = (0..connections).map(|n| ((1, 20_000 + n, 1000), (2, 80, 5000))).collect();
    let mut frames = Vec::new();
    let mut time = 1_700_000_000_000_000_000;
    let mut tick = || {
        time += 4_000;
        time
    };
    for (client, server) in &mut ends {
        frames.push(ethernet(tick(), *client, (2, 80, 0), SYN, b""));
        client.2 += 1;
        frames.push(ethernet(tick(), *server, *client, SYN | ACK, b""));
        server.2 += 1;
        frames.push(ethernet(tick(), *client, *server, ACK, b""));
    }
    for _ in 0..rounds {
        for (client, server) in &mut ends {
            frames.push(ethernet(tick(), *client, *server, PUSH, REQUEST));
            client.2 += REQUEST.len() as u32;
            frames.push(ethernet(tick(), *server, *client, ACK, b""));
            for part in [HEAD, &body] {
                frames.push(ethernet(tick(), *server, *client, PUSH, part));
                server.2 += part.len() as u32;
            }
            frames.push(ethernet(tick(), *client, *server, ACK, b""));
        }
    }
    frames
}

fn load(c: &mut Criterion) {
    const CONNECTIONS: u16 = 64;
    const ROUNDS: usize = 200;
    let frames = small_exchanges(CONNECTIONS, ROUNDS);
    let exchanges = u64::from(CONNECTIONS) * ROUNDS as u64;
    assert_eq!(assemble(&frames, Keep::Bodies), exchanges);
    let mut group = c.benchmark_group("small exchanges, five frames each");
    group.throughput(Throughput::Elements(exchanges));
    group.bench_function("decode", |b| {
        b.iter(|| {
            let mut decoder = Decoder::new();
            for frame in &frames {
                black_box(decoder.decode(&lent(frame)));
            }
        });
    });
    group.bench_function("assemble and pair, bodies counted", |b| b.iter(|| assemble(&frames, Keep::Nothing)));
    group.bench_function("assemble and pair, bodies kept", |b| b.iter(|| assemble(&frames, Keep::Bodies)));
    group.finish();
}

/// What it costs to look at the books while as many connections are open as may be, each with a request that waits.
fn books(c: &mut Criterion) {
    let connections = WireOptions::default().limits.connections;
    let mut wire = Wire::new(WireOptions::default());
    // A round and its last request's frame: what follows it is left out for each connection.
    for (at, frame) in small_exchanges(connections as u16, 1).iter().enumerate() {
        if at < 3 * connections || (at - 3 * connections) % 5 < 2 {
            wire.frame(&lent(frame), &mut |_| {});
        }
    }
    assert_eq!(wire.books().waiting.requests, connections as u64);
    c.bench_function("books of 16,384 open connections", |b| b.iter(|| black_box(wire.books())));
}

criterion_group!(benches, wire, load, books);
criterion_main!(benches);
