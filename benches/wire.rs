//! Decoding, assembly and pairing over a real capture in memory, and the whole file from its bytes to its exchanges.

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

criterion_group!(benches, wire);
criterion_main!(benches);
