//! Any segments between few hosts, under the usual limits or such as are met all the time: no panic, no endless loop,
//! the books close after every segment, and nothing complete is made of nothing.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tapcompare::exchange::Timestamp;
use tapcompare::ledger::Ledger;
use tapcompare::wire::{Segment, Wire, WireLimits, WireOptions};

#[derive(Debug, Arbitrary)]
struct Sent<'a> {
    from_client: bool,
    port: u8,
    seq: u16,
    ack: Option<u16>,
    flags: u8,
    later_ms: u8,
    cut: u8,
    payload: &'a [u8],
}

fn tight() -> WireLimits {
    WireLimits {
        connections: 2,
        out_of_order: 64,
        out_of_order_total: 400,
        head: 48,
        body: 16,
        unfinished: 128,
        unanswered: 2,
        patience: 4,
        patience_unacknowledged: 9,
        ..WireLimits::default()
    }
}

fn closes(wire: &Wire) -> Ledger {
    let ledger = Ledger { wire: wire.books(), ..Ledger::default() };
    assert_eq!(ledger.open_accounts(), []);
    ledger
}

fuzz_target!(|input: (u32, bool, Vec<Sent<'_>>)| {
    let (base, usual, sent) = input;
    let limits = if usual { WireLimits::default() } else { tight() };
    let mut wire = Wire::new(WireOptions { limits, ..WireOptions::default() });
    let mut time = 0;
    let mut complete = 0;
    let mut sink = |exchange: tapcompare::exchange::Exchange| complete += u64::from(exchange.is_complete());
    for one in &sent {
        time += i64::from(one.later_ms) * 1_000_000;
        let client = ([10, 0, 0, 1], 40_000 + u16::from(one.port % 4)).into();
        let server = ([10, 0, 0, 2], 80).into();
        let (src, dst) = if one.from_client { (client, server) } else { (server, client) };
        wire.segment(
            &Segment {
                time: Timestamp(time),
                src,
                dst,
                seq: base.wrapping_add(u32::from(one.seq)),
                ack: one.ack.map(|ack| base.wrapping_add(u32::from(ack))),
                syn: one.flags & 1 != 0,
                fin: one.flags & 2 != 0,
                rst: one.flags & 4 != 0,
                payload: one.payload,
                cut: u32::from(one.cut),
                connection: 0,
            },
            &mut sink,
        );
        closes(&wire);
    }
    wire.finish(&mut sink);
    let ledger = closes(&wire);
    assert_eq!(ledger.wire.requests_paired, complete);
});
