//! The books close at any moment, not only at the end: what is not settled stands in a class of its own, and is what a
//! witness outside counts who knows what went in and what came out.

#![allow(clippy::unwrap_used)] // What tests share between them may fail as tests do.

mod wire_support;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tapcompare::exchange::{Exchange, Incomplete, Timestamp};
use tapcompare::ledger::{Ledger, Refusal, Waiting, WireBooks};
use tapcompare::wire::{Decoded, Decoder, Segment, Wire, WireLimits, WireOptions};
use wire_support::talk::{Talk, answer, chunked, get};
use wire_support::{Dice, Kept, Seg, corpora, frames, index, segments};

/// The wire code, and what an outsider knows of it.
struct Witness {
    wire: Wire,
    exchanges: Vec<Exchange>,
    payload: u64,
    /// The most that ever waited, of each kind.
    most: Waiting,
}

impl Witness {
    fn new(limits: WireLimits) -> Witness {
        let wire = Wire::new(WireOptions { limits, ..WireOptions::default() });
        Witness { wire, exchanges: Vec::new(), payload: 0, most: Waiting::default() }
    }

    fn frame(&mut self, frame: &Kept) {
        self.wire.frame(&frame.lend(), &mut |e| self.exchanges.push(e));
    }

    fn segment(&mut self, segment: &Segment<'_>) {
        self.note(segment);
        self.wire.segment(segment, &mut |e| self.exchanges.push(e));
    }

    /// Text that a reset carries is no part of the stream.
    fn note(&mut self, segment: &Segment<'_>) {
        self.payload += if segment.rst { 0 } else { segment.payload.len() as u64 };
    }

    /// Looks at the books as they are now.
    fn look(&mut self, name: &str) -> WireBooks {
        let books = self.wire.books();
        let ledger = Ledger { wire: books.clone(), ..Ledger::default() };
        assert_eq!(ledger.open_accounts(), [], "{name}: the books do not close");
        let given = |has: fn(&Exchange) -> bool| self.exchanges.iter().filter(|e| has(e)).count() as u64;
        assert_eq!(books.requests - books.waiting.requests, given(|e| e.request.is_some()), "{name}: requests");
        assert_eq!(books.answers - books.waiting.answers, given(|e| e.response.is_some()), "{name}: answers");
        assert_eq!(books.requests_paired, given(Exchange::is_complete), "{name}: pairs");
        let arrived = books.stream_bytes_in_order + books.stream_bytes_repeated + books.waiting.stream_bytes;
        assert_eq!(arrived, self.payload, "{name}: bytes that segments carried");
        let (most, now) = (&mut self.most, books.waiting);
        most.frames = most.frames.max(now.frames);
        most.stream_bytes = most.stream_bytes.max(now.stream_bytes);
        most.requests = most.requests.max(now.requests);
        most.answers = most.answers.max(now.answers);
        books
    }

    fn finish(mut self, name: &str) -> Waiting {
        self.wire.finish(&mut |e| self.exchanges.push(e));
        let books = self.look(name);
        assert_eq!(books.waiting, Waiting::default(), "{name}: nothing waits any more");
        assert_eq!(self.wire.books(), books, "{name}: looking changes nothing");
        self.most
    }
}

/// Limits that are met all the time.
fn tight() -> WireLimits {
    WireLimits {
        connections: 2,
        out_of_order: 300,
        out_of_order_total: 400,
        head: 120,
        body: 100,
        unfinished: 600,
        unanswered: 2,
        patience: 4,
        patience_unacknowledged: 9,
        ..WireLimits::default()
    }
}

fn watch(name: &str, segments: &[Seg], limits: WireLimits) -> Waiting {
    let mut witness = Witness::new(limits);
    for (at, segment) in segments.iter().enumerate() {
        witness.segment(&segment.lend());
        witness.look(&format!("{name}, after segment {at}"));
    }
    witness.finish(name)
}

fn add(sum: &mut Waiting, more: Waiting) {
    sum.frames += more.frames;
    sum.stream_bytes += more.stream_bytes;
    sum.requests += more.requests;
    sum.answers += more.answers;
}

#[test]
fn after_frames_of_every_capture() {
    let Some(corpora) = corpora() else { return };
    let mut seen = Waiting::default();
    for (name, _) in index(&corpora) {
        let frames = frames(&corpora.join("captures").join(&name));
        let every = frames.len() / 200 + 1;
        let (mut witness, mut decoder) = (Witness::new(WireLimits::default()), Decoder::new());
        for (at, frame) in frames.iter().enumerate() {
            if let Decoded::Segment(segment) = decoder.decode(&frame.lend()) {
                witness.note(&segment);
            }
            witness.frame(frame);
            if at % every == 0 {
                witness.look(&format!("{name}, after frame {at}"));
            }
        }
        add(&mut seen, witness.finish(&name));
    }
    assert!(seen.frames > 0 && seen.stream_bytes > 0 && seen.requests > 0 && seen.answers > 0, "{seen:?}");
}

#[test]
fn after_segments_of_captures_that_meet_every_limit() {
    let Some(corpora) = corpora() else { return };
    for (name, _) in index(&corpora) {
        let segments = segments(&frames(&corpora.join("captures").join(&name)));
        watch(&name, &segments[..segments.len().min(2000)], tight());
    }
}

/// Conversations of some clients at once; one in five of their segments is lost, cut, doubled or late.
fn noisy(seed: u64) -> Vec<Seg> {
    let mut dice = Dice(seed);
    let mut talks = Vec::new();
    for client in 0..1 + dice.below(4) {
        let mss = [40, 100, 1448][dice.below(3)];
        let mut talk = if dice.once_in(500) { Talk::new(mss) } else { Talk::midstream(mss) };
        for number in 0..1 + dice.below(6) {
            let batch = 1 + dice.below(3);
            for i in 0..batch {
                let path = format!("/{number}-{i}");
                let body = "b".repeat(dice.below(200));
                let post = format!("POST {path} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                talk.send(true, if dice.once_in(500) { post.into_bytes() } else { get(&path) }.as_slice());
            }
            for _ in 0..batch {
                let text = "a".repeat(dice.below(400));
                match dice.below(4) {
                    0 => talk.send(false, &chunked(&text, 1 + dice.below(90))),
                    1 => talk.send(false, &[&b"HTTP/1.1 100 Continue\r\n\r\n"[..], &answer(&text)].concat()),
                    2 => talk.send(false, b"HTTP/1.0 200 OK\r\n\r\nuntil the end"),
                    _ => talk.send(false, &answer(&text)),
                };
            }
            if dice.once_in(300) {
                talk.ack(true);
            }
        }
        match dice.below(4) {
            0 => talk.close(),
            1 => talk.rst(dice.once_in(500)),
            _ => {}
        }
        for segment in &mut talk.segments {
            let end = if segment.dst.port() == 80 { &mut segment.src } else { &mut segment.dst };
            end.set_port(end.port() + client as u16);
        }
        talks.push(talk.segments);
    }
    let mut out = Vec::new();
    while talks.iter().any(|t| !t.is_empty()) {
        let at = dice.below(talks.len());
        if talks[at].is_empty() {
            continue;
        }
        let mut segment = talks[at].remove(0);
        match dice.below(20) {
            0 => continue,
            1 => out.push(segment.clone()),
            2 if !segment.payload.is_empty() => {
                let keep = dice.below(segment.payload.len());
                segment.cut = (segment.payload.len() - keep) as u32;
                segment.payload.truncate(keep);
            }
            3 if !segment.payload.is_empty() => segment.payload[0] ^= 1,
            _ => {}
        }
        out.push(segment);
    }
    dice.shuffle_inside(&out, 4)
}

#[test]
fn after_every_segment_of_conversations() {
    let mut seen = Waiting::default();
    for seed in 0..300 {
        let segments = noisy(seed);
        add(&mut seen, watch(&format!("seed {seed}"), &segments, WireLimits::default()));
        watch(&format!("seed {seed}, tight"), &segments, tight());
    }
    assert!(seen.stream_bytes > 0 && seen.requests > 0 && seen.answers > 0, "{seen:?}");
}

const RAW_IP: u16 = 101;

/// The segment as IPv4 fragments of at most 24 bytes each.
fn fragments(segment: &Seg, id: u16) -> Vec<Kept> {
    let mut tcp = Vec::new();
    tcp.extend(segment.src.port().to_be_bytes());
    tcp.extend(segment.dst.port().to_be_bytes());
    tcp.extend(segment.seq.to_be_bytes());
    tcp.extend(segment.ack.unwrap_or(0).to_be_bytes());
    let flags = u8::from(segment.fin) | u8::from(segment.syn) << 1 | u8::from(segment.ack.is_some()) << 4;
    tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(&segment.payload);
    let octets = |end: SocketAddr| match end.ip() {
        IpAddr::V4(ip) => ip.octets(),
        IpAddr::V6(_) => unreachable!("talks are IPv4"),
    };
    let parts = tcp.chunks(24).enumerate();
    let last = tcp.len().div_ceil(24) - 1;
    let frames = parts.map(|(at, part)| {
        let place = (at as u16 * 3) | if at == last { 0 } else { 1 << 13 };
        let mut data = vec![0x45, 0];
        data.extend((20 + part.len() as u16).to_be_bytes());
        data.extend(id.to_be_bytes());
        data.extend(place.to_be_bytes());
        data.extend([64, 6, 0, 0]);
        data.extend(octets(segment.src));
        data.extend(octets(segment.dst));
        data.extend(part);
        Kept { time: segment.time, link: RAW_IP, wire_length: data.len() as u32, data }
    });
    frames.collect()
}

#[test]
fn after_every_frame_where_datagrams_come_in_pieces() {
    let mut seen = Waiting::default();
    for seed in 0..100 {
        let mut dice = Dice(seed);
        let all: Vec<Kept> = noisy(seed)
            .iter()
            .filter(|s| s.cut == 0 && !s.rst)
            .enumerate()
            .flat_map(|(id, s)| fragments(s, id as u16))
            .collect();
        let kept: Vec<Kept> = all.into_iter().filter(|_| !dice.once_in(20)).collect();
        let (mut witness, mut decoder) = (Witness::new(WireLimits::default()), Decoder::new());
        for frame in &dice.shuffle_inside(&kept, 5) {
            if let Decoded::Segment(segment) = decoder.decode(&frame.lend()) {
                witness.note(&segment);
            }
            witness.frame(frame);
            witness.look(&format!("seed {seed}"));
        }
        add(&mut seen, witness.finish(&format!("seed {seed}")));
    }
    assert!(seen.frames > 100, "{seen:?}");
}

#[test]
fn a_silent_source_s_clock_gives_up_what_waits() {
    let mut talk = Talk::new(1448);
    talk.send(true, &get("/never-answered"));
    let last = talk.segments.last().unwrap().time;
    let mut witness = Witness::new(WireLimits::default());
    talk.segments.iter().for_each(|s| witness.segment(&s.lend()));
    let piece = &fragments(&talk.segments[3], 7)[0];
    witness.frame(piece);
    assert_eq!(witness.look("asked").waiting, Waiting { frames: 1, requests: 1, ..Waiting::default() });

    let later = |d: Duration| Timestamp(last.0 + d.as_nanos() as i64);
    let idle = WireLimits::default().idle;
    witness.wire.tick(later(Duration::from_secs(31)), &mut |e| panic!("too early: {e:?}"));
    let books = witness.look("the fragment was given up");
    assert_eq!((books.waiting.frames, books.frames_refused.get(Refusal::Fragment)), (0, 1));
    assert_eq!(books.waiting.requests, 1);
    witness.wire.tick(later(idle - Duration::from_secs(3)), &mut |e| panic!("too early: {e:?}"));
    witness.wire.tick(later(idle), &mut |e| witness.exchanges.push(e));
    let books = witness.look("the connection was given up");
    assert_eq!((books.waiting, books.evicted["idle"]), (Waiting::default(), 1));
    assert_eq!(witness.exchanges[0].incomplete, Some(Incomplete::Evicted));
    // A clock that goes back changes nothing.
    witness.wire.tick(last, &mut |e| panic!("twice: {e:?}"));
    witness.finish("end");
}
