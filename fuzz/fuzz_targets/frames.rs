//! Any bytes as frames of any link type: no panic, and the books close after every frame.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tapcompare::capture::Frame;
use tapcompare::exchange::Timestamp;
use tapcompare::ledger::Ledger;
use tapcompare::wire::{Wire, WireOptions};

#[derive(Debug, Arbitrary)]
struct Captured<'a> {
    link: u16,
    later_ms: u16,
    missing: u8,
    data: &'a [u8],
}

fn closes(wire: &Wire) -> Ledger {
    let ledger = Ledger { wire: wire.books(), ..Ledger::default() };
    assert_eq!(ledger.open_accounts(), []);
    ledger
}

fuzz_target!(|frames: Vec<Captured<'_>>| {
    let mut wire = Wire::new(WireOptions::default());
    let mut time = 0;
    let mut complete = 0;
    for captured in &frames {
        time += i64::from(captured.later_ms) * 1_000_000;
        let wire_length = captured.data.len() as u32 + u32::from(captured.missing);
        let frame = Frame { time: Timestamp(time), link: captured.link % 300, data: captured.data, wire_length };
        wire.frame(&frame, &mut |exchange| complete += u64::from(exchange.is_complete()));
        closes(&wire);
    }
    wire.finish(&mut |exchange| complete += u64::from(exchange.is_complete()));
    let ledger = closes(&wire);
    assert_eq!(ledger.wire.frames, frames.len() as u64);
    assert_eq!(ledger.wire.requests_paired, complete);
});
