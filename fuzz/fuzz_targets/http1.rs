//! Any bytes as the two directions of a connection, cut in any places: the cuts must not matter.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use tapcompare::exchange::{Exchange, Moments, Timestamp};
use tapcompare::ledger::Ledger;
use tapcompare::wire::{Keep, Segment, Wire, WireOptions};

#[derive(Debug, Arbitrary)]
struct Talk<'a> {
    request: &'a [u8],
    response: &'a [u8],
    cuts: Vec<u8>,
}

fn read(talk: &Talk<'_>, cuts: &[u8]) -> Vec<Exchange> {
    let mut wire = Wire::new(WireOptions { keep: Keep::Bodies, ..WireOptions::default() });
    let client = ([10, 0, 0, 1], 40_000).into();
    let server = ([10, 0, 0, 2], 80).into();
    let mut out = Vec::new();
    let segment = |from_client, seq, ack, syn, fin, payload| Segment {
        time: Timestamp(0),
        src: if from_client { client } else { server },
        dst: if from_client { server } else { client },
        seq,
        ack,
        syn,
        fin,
        rst: false,
        payload,
        cut: 0,
        connection: 0,
    };
    wire.segment(&segment(true, 0, None, true, false, b""), &mut |e| out.push(e));
    wire.segment(&segment(false, 0, Some(1), true, false, b""), &mut |e| out.push(e));
    let (mut asked, mut answered) = (1_u32, 1_u32);
    let mut cuts = cuts.iter().map(|c| usize::from(*c).max(1)).chain(std::iter::repeat(usize::MAX));
    let mut rest = talk.request;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
        wire.segment(&segment(true, asked, Some(answered), false, false, now), &mut |e| out.push(e));
        asked = asked.wrapping_add(now.len() as u32);
        rest = later;
    }
    rest = talk.response;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
        wire.segment(&segment(false, answered, Some(asked), false, false, now), &mut |e| out.push(e));
        answered = answered.wrapping_add(now.len() as u32);
        rest = later;
    }
    wire.segment(&segment(false, answered, Some(asked), false, true, b""), &mut |e| out.push(e));
    wire.segment(&segment(true, asked, Some(answered.wrapping_add(1)), false, true, b""), &mut |e| out.push(e));
    wire.finish(&mut |e| out.push(e));
    let ledger = Ledger { wire: wire.books(), ..Ledger::default() };
    assert_eq!(ledger.open_accounts(), []);
    out.retain(Exchange::is_complete);
    out.iter_mut().for_each(|e| e.moments = Moments::default());
    out
}

fuzz_target!(|talk: Talk<'_>| {
    // A resynchronisation happens at segment boundaries, so cuts may legitimately show more or fewer messages in what
    // is not HTTP at its beginning; what begins as HTTP must be the same.
    if talk.request.starts_with(b"GET /") && talk.response.starts_with(b"HTTP/1.1 2") {
        let whole = read(&talk, &[]);
        let cut = read(&talk, &talk.cuts);
        assert_eq!(whole.first(), cut.first());
    } else {
        read(&talk, &talk.cuts);
    }
});
