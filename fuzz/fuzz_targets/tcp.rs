//! Any segments between few hosts: no panic, the books close, and nothing complete is made of nothing.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tapcompare::exchange::Timestamp;
use tapcompare::ledger::Ledger;
use tapcompare::wire::{Segment, Wire, WireOptions};

#[derive(Debug, Arbitrary)]
struct Sent<'a> {
    from_client: bool,
    port: bool,
    seq: u16,
    ack: Option<u16>,
    flags: u8,
    later_ms: u8,
    cut: u8,
    payload: &'a [u8],
}

fuzz_target!(|input: (u32, Vec<Sent<'_>>)| {
    let (base, sent) = input;
    let mut wire = Wire::new(WireOptions::default());
    let mut time = 0;
    let mut complete = 0;
    let mut sink = |exchange: tapcompare::exchange::Exchange| complete += u64::from(exchange.is_complete());
    for one in &sent {
        time += i64::from(one.later_ms) * 1_000_000;
        let client = ([10, 0, 0, 1], 40_000 + u16::from(one.port)).into();
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
            },
            &mut sink,
        );
    }
    wire.finish(&mut sink);
    let ledger = Ledger { wire: wire.books(), ..Ledger::default() };
    assert_eq!(ledger.open_accounts(), []);
    assert_eq!(ledger.wire.requests_paired, complete);
});
