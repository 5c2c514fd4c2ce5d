//! What the tests of the wire code share: captures as owned frames and segments, and short views of what came out.

#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)] // Each test takes what it needs of it.

pub mod bait;
pub mod talk;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tapcompare::capture::{Files, Frame};
use tapcompare::exchange::{Exchange, Timestamp};
use tapcompare::ledger::{Ledger, WireBooks};
use tapcompare::wire::{Decoded, Decoder, Segment, Wire, WireOptions};

/// The third-party material, or one line that says why the test is skipped.
pub fn corpora() -> Option<PathBuf> {
    let root = match std::env::var_os("TAPCOMPARE_CORPORA") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpora"),
    };
    if root.is_dir() {
        return Some(root);
    }
    eprintln!("skipped: no third-party material at {} (TAPCOMPARE_CORPORA names it)", root.display());
    None
}

/// Name and class of every capture of the index.
pub fn index(corpora: &Path) -> Vec<(String, String)> {
    let index = std::fs::read_to_string(corpora.join("captures/INDEX.tsv")).unwrap();
    let rows = index.lines().skip(1).map(|row| {
        let mut columns = row.split('\t');
        (columns.next().unwrap().to_owned(), columns.next().unwrap().to_owned())
    });
    rows.collect()
}

/// The names of the captures that both oracles agree on.
pub fn agreed(corpora: &Path) -> Vec<String> {
    index(corpora).into_iter().filter(|(_, class)| class == "agree").map(|(name, _)| name).collect()
}

/// A frame that is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    pub time: Timestamp,
    pub link: u16,
    pub data: Vec<u8>,
    pub wire_length: u32,
}

impl Kept {
    pub fn lend(&self) -> Frame<'_> {
        Frame { time: self.time, link: self.link, data: &self.data, wire_length: self.wire_length }
    }
}

pub fn frames(path: &Path) -> Vec<Kept> {
    let mut files = Files::open(&[path.to_owned()]).unwrap();
    let mut frames = Vec::new();
    while let Some(f) = files.next() {
        frames.push(Kept { time: f.time, link: f.link, data: f.data.to_vec(), wire_length: f.wire_length });
    }
    frames
}

/// A segment that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seg {
    pub time: Timestamp,
    pub src: SocketAddr,
    pub dst: SocketAddr,
    pub seq: u32,
    pub ack: Option<u32>,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    pub payload: Vec<u8>,
    pub cut: u32,
}

impl Seg {
    pub fn lend(&self) -> Segment<'_> {
        let Seg { time, src, dst, seq, ack, syn, fin, rst, ref payload, cut } = *self;
        Segment { time, src, dst, seq, ack, syn, fin, rst, payload, cut, connection: 0 }
    }
}

/// The segments of a capture.
pub fn segments(frames: &[Kept]) -> Vec<Seg> {
    let mut decoder = Decoder::new();
    let mut segments = Vec::new();
    for frame in frames {
        if let Decoded::Segment(s) = decoder.decode(&frame.lend()) {
            let Segment { time, src, dst, seq, ack, syn, fin, rst, payload, cut, connection: _ } = s;
            segments.push(Seg { time, src, dst, seq, ack, syn, fin, rst, payload: payload.to_vec(), cut });
        }
    }
    segments
}

/// What came of frames or segments; the books have been checked.
#[derive(Debug)]
pub struct Seen {
    pub exchanges: Vec<Exchange>,
    pub books: WireBooks,
}

fn checked(exchanges: Vec<Exchange>, books: WireBooks) -> Seen {
    let ledger = Ledger { wire: books.clone(), ..Ledger::default() };
    assert_eq!(ledger.open_accounts(), [], "the books do not close");
    assert_eq!(books.requests, exchanges.iter().filter(|e| e.request.is_some()).count() as u64, "requests given out");
    assert_eq!(books.answers, exchanges.iter().filter(|e| e.response.is_some()).count() as u64, "answers given out");
    assert!(books.stream_bytes_not_http <= books.stream_bytes_in_order);
    assert!(books.stream_bytes_tunnelled + books.stream_bytes_preamble <= books.stream_bytes_not_http);
    for exchange in &exchanges {
        assert!(exchange.is_complete() == exchange.incomplete.is_none(), "{exchange:?}");
    }
    Seen { exchanges, books }
}

pub fn see_frames<'a>(frames: impl IntoIterator<Item = &'a Kept>) -> Seen {
    let mut wire = Wire::new(WireOptions::default());
    let mut exchanges = Vec::new();
    frames.into_iter().for_each(|f| wire.frame(&f.lend(), &mut |e| exchanges.push(e)));
    wire.finish(&mut |e| exchanges.push(e));
    checked(exchanges, wire.books())
}

pub fn see_with<'a>(options: WireOptions, segments: impl IntoIterator<Item = &'a Seg>) -> Seen {
    let mut wire = Wire::new(options);
    let mut exchanges = Vec::new();
    segments.into_iter().for_each(|s| wire.segment(&s.lend(), &mut |e| exchanges.push(e)));
    wire.finish(&mut |e| exchanges.push(e));
    checked(exchanges, wire.books())
}

pub fn see<'a>(segments: impl IntoIterator<Item = &'a Seg>) -> Seen {
    see_with(WireOptions::default(), segments)
}

/// One line for each message and one for its fate, without times: what must not change when frames are moved about.
pub fn told(exchanges: &[Exchange]) -> Vec<String> {
    let mut lines: Vec<String> = exchanges.iter().map(line).collect();
    lines.sort();
    lines
}

/// An exchange in one line, bodies by digest.
pub fn line(e: &Exchange) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let digest = |bytes: &[u8], headers: &tapcompare::exchange::Headers| {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        headers.iter().for_each(|h| h.hash(&mut hasher));
        hasher.finish()
    };
    let request = e.request.as_ref().map(|r| {
        let digest = digest(&r.body.bytes, &r.headers);
        format!("{} {} {} {}+{:x}", r.method, r.target_text(), r.version.as_str(), r.body.length, digest)
    });
    let response = e.response.as_ref().map(|r| {
        let digest = digest(&r.body.bytes, &r.headers);
        format!("{:?}{} {} {}+{:x}", e.interim(), r.status, r.version.as_str(), r.body.length, digest)
    });
    format!("{} {} {:?} | {:?} | {:?}", e.client, e.server, request, response, e.incomplete)
}

/// A generator of numbers that is the same everywhere (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    /// True in so many of a thousand.
    pub fn once_in(&mut self, per_mille: u64) -> bool {
        self.roll() % 1000 < per_mille
    }

    /// Moves each by less than `window` places.
    pub fn shuffle_inside<T: Clone>(&mut self, items: &[T], window: usize) -> Vec<T> {
        let mut order: Vec<(usize, usize)> = (0..items.len()).map(|i| (i + self.below(window), i)).collect();
        order.sort();
        order.into_iter().map(|(_, i)| items[i].clone()).collect()
    }
}
