//! What is heard of a connection: pieces of its two streams, numbered as TCP numbers them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use bytes::Bytes;

use super::counts::Counts;
use crate::exchange::Timestamp;
use crate::wire::Segment;

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the client to the legacy.
    Up,
    /// From the legacy to the client.
    Down,
}

impl Way {
    /// That of the two which is of this direction.
    pub fn of<T>(self, up: T, down: T) -> T {
        match self {
            Way::Up => up,
            Way::Down => down,
        }
    }

    fn back(self) -> Way {
        self.of(Way::Down, Way::Up)
    }
}

/// One connection that goes through the tee.
#[derive(Debug)]
pub struct Link {
    /// Its place among the connections of the tee, from 1: ports are used again, and numbers are not.
    pub number: u64,
    /// Who connected.
    pub client: SocketAddr,
    /// The address of ours that was connected to.
    pub here: SocketAddr,
    /// Bytes that were read of the client's stream, its end counted as one.
    up: AtomicU64,
    /// The same of the legacy's.
    down: AtomicU64,
    /// Of both directions together: so many had been looked at when nothing was open, plus one; 0: never.
    settled: AtomicU64,
    /// Directions of which something was read and is not written on yet.
    held: AtomicU32,
    /// The directions whose end was told.
    ended: [AtomicBool; 2],
}

impl Link {
    pub(super) fn new(number: u64, client: SocketAddr, here: SocketAddr) -> Link {
        Link {
            number,
            client,
            here,
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            held: AtomicU32::new(0),
            ended: Default::default(),
        }
    }

    /// Says that something is held that was read, as long as what is given back lives.
    pub(super) fn holds(&self) -> Holds<'_> {
        self.held.fetch_add(1, Ordering::AcqRel);
        Holds(self)
    }

    /// How many bytes went that way.
    pub(super) fn read(&self, way: Way) -> u64 {
        self.counter(way).load(Ordering::Relaxed)
    }

    fn counter(&self, way: Way) -> &AtomicU64 {
        way.of(&self.up, &self.down)
    }

    fn all(&self) -> u64 {
        self.read(Way::Up) + self.read(Way::Down)
    }

    /// Says that nothing of this connection is open once everything up to, and with, this piece was looked at.
    pub fn settle(&self, piece: &Piece) {
        self.settled.store(piece.total + 1, Ordering::Release);
    }

    /// Whether everything that was read was written on and looked at, and nothing of it is open: no request waits for its
    /// answer.
    pub(super) fn is_settled(&self) -> bool {
        self.held.load(Ordering::Acquire) == 0 && self.settled.load(Ordering::Acquire) == self.all() + 1
    }

    /// Whether nothing was read of it.
    pub(super) fn is_silent(&self) -> bool {
        self.all() == 0
    }
}

/// See [`Link::holds`].
pub(super) struct Holds<'a>(&'a Link);

impl Drop for Holds<'_> {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A piece of a connection that went by.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Whose.
    pub link: Arc<Link>,
    /// Which way.
    pub way: Way,
    /// The sequence number of its first byte.
    seq: u32,
    /// Up to where the other direction had been read.
    ack: Option<u32>,
    /// Bytes of both directions that were read up to here.
    total: u64,
    /// When it was read.
    pub time: Timestamp,
    /// What it is.
    pub what: What,
}

/// What a piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// This direction begins.
    Begin,
    /// It goes on.
    Bytes(Bytes),
    /// It ends.
    End,
    /// The connection was broken off.
    Broken,
}

impl Piece {
    /// The bytes that it carries.
    pub fn bytes(&self) -> &[u8] {
        match &self.what {
            What::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    /// As the wire code takes it: a segment from one end to the other, as it would be seen between the two.
    pub fn segment(&self) -> Segment<'_> {
        let Link { number, client, here, .. } = *self.link;
        let (src, dst) = self.way.of((client, here), (here, client));
        Segment {
            time: self.time,
            src,
            dst,
            seq: self.seq,
            ack: self.ack,
            syn: self.what == What::Begin,
            fin: self.what == What::End,
            rst: self.what == What::Broken,
            payload: self.bytes(),
            cut: 0,
            connection: number,
        }
    }
}

#[cfg(test)]
impl Piece {
    /// One of a connection that is none.
    pub(crate) fn sample(what: What) -> Piece {
        let link = Arc::new(Link::new(1, ([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into()));
        Piece { link, way: Way::Up, seq: 1, ack: None, total: 0, time: Timestamp(0), what }
    }
}

/// Who listens.
pub trait Ear: Send + Sync + 'static {
    /// Takes a piece, at once; false where there is no room for it. The pieces of one connection come in the order in which
    /// their bytes were read.
    fn hear(&self, piece: Piece) -> bool;
}

/// One connection's way to the ear.
pub(super) struct Tap<'a, E: Ear> {
    pub(super) ear: &'a E,
    pub(super) link: &'a Arc<Link>,
    pub(super) counts: &'a Counts,
}

impl<E: Ear> Tap<'_, E> {
    /// Both directions begin.
    pub(super) fn begin(&self) {
        self.tell(Way::Up, What::Begin, 0);
        self.tell(Way::Down, What::Begin, 0);
    }

    /// Bytes were read. To be called before they are written on: so no answer is heard before its request.
    pub(super) fn bytes(&self, way: Way, bytes: &[u8]) {
        let length = bytes.len() as u64;
        self.counts.read(way, length);
        if !self.tell(way, What::Bytes(Bytes::copy_from_slice(bytes)), length) {
            self.counts.shed(way, length);
        }
    }

    /// A direction has ended.
    pub(super) fn end(&self, way: Way) {
        let [up, down] = &self.link.ended;
        if !way.of(up, down).swap(true, Ordering::AcqRel) {
            self.tell(way, What::End, 1);
        }
    }

    /// The connection is over, however it came to that: where a direction has not ended, it is broken off.
    fn over(&self) {
        for way in [Way::Up, Way::Down] {
            let [up, down] = &self.link.ended;
            if !way.of(up, down).load(Ordering::Acquire) {
                self.tell(way, What::Broken, 0);
                return;
            }
        }
    }

    /// `length`: how far it takes the direction on. Whether there was room for it.
    fn tell(&self, way: Way, what: What, length: u64) -> bool {
        let link = self.link;
        // Only this connection's own task counts here.
        let before = link.counter(way).fetch_add(length, Ordering::Relaxed);
        // A stream's number is that of its beginning, 0, and then one more for each byte; it goes round as TCP's does.
        let begins = what == What::Begin;
        let seq = if begins { 0 } else { (before as u32).wrapping_add(1) };
        let ack = (!begins || way == Way::Down).then(|| (link.read(way.back()) as u32).wrapping_add(1));
        let total = link.all();
        self.ear.hear(Piece { link: Arc::clone(link), way, seq, ack, total, time: Timestamp::now(), what })
    }
}

/// Whatever has become of a connection, its end is told: what comes after keeps what is open.
impl<E: Ear> Drop for Tap<'_, E> {
    fn drop(&mut self) {
        self.over();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Keeps(Mutex<Vec<Piece>>);

    impl Ear for Keeps {
        fn hear(&self, piece: Piece) -> bool {
            self.0.lock().unwrap().push(piece);
            true
        }
    }

    /// What is heard is what a mirror between the two would have seen: numbers that go on, and acknowledge what was read.
    #[test]
    fn pieces_are_numbered_as_tcp_numbers_them() {
        let (ear, counts) = (Keeps::default(), Counts::default());
        let link = Arc::new(Link::new(7, ([10, 0, 0, 1], 4_000).into(), ([10, 0, 0, 2], 80).into()));
        let tap = Tap { ear: &ear, link: &link, counts: &counts };
        tap.begin();
        tap.bytes(Way::Up, b"abc");
        tap.bytes(Way::Down, b"defgh");
        tap.end(Way::Up);
        tap.end(Way::Up);
        drop(tap);
        let pieces = ear.0.into_inner().unwrap();
        let seen: Vec<_> = pieces
            .iter()
            .map(|piece| {
                let s = piece.segment();
                (s.src.port(), s.seq, s.ack, [s.syn, s.fin, s.rst], s.payload.len())
            })
            .collect();
        let none = [false; 3];
        assert_eq!(
            seen,
            [
                (4_000, 0, None, [true, false, false], 0),
                (80, 0, Some(1), [true, false, false], 0),
                (4_000, 1, Some(1), none, 3),
                (80, 1, Some(4), none, 5),
                (4_000, 4, Some(6), [false, true, false], 0),
                (80, 6, Some(5), [false, false, true], 0),
            ]
        );
        assert!(pieces.iter().all(|piece| piece.segment().connection == 7));
        assert_eq!((counts.now().read, counts.now().shed), ([3, 5], [0, 0]));
    }

    #[test]
    fn a_connection_is_at_rest_when_all_that_was_read_was_looked_at_and_nothing_is_open() {
        let (ear, counts) = (Keeps::default(), Counts::default());
        let link = Arc::new(Link::new(7, ([10, 0, 0, 1], 4_000).into(), ([10, 0, 0, 2], 80).into()));
        let tap = Tap { ear: &ear, link: &link, counts: &counts };
        let last = || ear.0.lock().unwrap().last().unwrap().clone();
        assert!(!link.is_settled(), "nobody has looked");
        tap.begin();
        link.settle(&last());
        assert!(link.is_settled());
        tap.bytes(Way::Up, b"GET / HTTP/1.1\r\n\r\n");
        let asked = last();
        assert!(!link.is_settled());
        tap.bytes(Way::Down, b"HTTP/1.1 204 No Content\r\n\r\n");
        link.settle(&asked);
        assert!(!link.is_settled(), "that was of an earlier moment");
        link.settle(&last());
        assert!(link.is_settled());
    }
}
