//! One TCP connection: two streams read in the order of cause and effect.
//!
//! A segment's turn comes when it carries the next byte of its direction, and when everything that it acknowledges
//! has been read in the other. So an answer is never read before its request, however the capture swapped the two,
//! and a hole shows as soon as somebody acknowledges what was not seen.

mod order;
mod rest;

use std::net::SocketAddr;

use super::Segment;
use super::context::Ctx;
use super::http::{Piece, Reader, Role, Sight};
use super::pair::Desk;
use super::tcp::{Arrival, Phase, Stream};
use crate::exchange::{Incomplete, Timestamp};

/// So many segments in a row that are not of the stream as it is known, and it is another stream.
const ALIENS: u8 = 8;
/// For so many segments a connection expects stragglers of the one that had the port pair before.
const YOUNG: u64 = 64;
/// An acknowledgement further ahead than this says nothing (see the same bound for segments).
const FAR: u64 = 128 << 20;

#[derive(Debug)]
struct Side {
    stream: Stream,
    reader: Reader,
}

/// What is to be done with a connection after a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum After {
    GoOn,
    /// The segment belongs to another connection of the same port pair; it was not used.
    Replace,
}

/// A connection and its two directions.
#[derive(Debug)]
pub(crate) struct Connection {
    sides: [Side; 2],
    /// The addresses, by direction.
    addresses: [SocketAddr; 2],
    desk: Desk,
    client: Option<usize>,
    segments: u64,
    /// When it last was heard of.
    pub(crate) heard: Timestamp,
    reset: bool,
    left: bool,
    /// The source knows its connections: nothing of them comes again, so nothing is noted for the case that it does.
    pub(crate) known: bool,
    /// By direction: the numbers of the connection that had the port pair before, from its SYN to its FIN.
    before: [Option<(u32, u32)>; 2],
    /// Its place in the order of connections.
    pub(crate) ordinal: u64,
    /// Touched since the table last looked.
    pub(crate) touched: bool,
}

impl Connection {
    pub(crate) fn new(addresses: [SocketAddr; 2], ordinal: u64) -> Connection {
        let side = || Side { stream: Stream::default(), reader: Reader::default() };
        Connection {
            sides: [side(), side()],
            addresses,
            desk: Desk::new(addresses[0], addresses[1]),
            client: None,
            segments: 0,
            heard: Timestamp::default(),
            reset: false,
            left: false,
            known: false,
            before: [None; 2],
            ordinal,
            touched: true,
        }
    }

    /// The connection that has the port pair after this one.
    pub(crate) fn successor(&self, addresses: [SocketAddr; 2], ordinal: u64) -> Connection {
        let mut next = Connection { known: self.known, ..Connection::new(addresses, ordinal) };
        for (before, side) in next.before.iter_mut().zip(&self.sides) {
            *before = side.stream.span();
        }
        next
    }

    /// Whether the segment is one that comes late, or again, from the connection that had the port pair before.
    fn is_from_before(&self, d: usize, segment: &Segment<'_>) -> bool {
        self.segments < YOUNG
            && self.before[d].is_some_and(|(first, last)| segment.seq.wrapping_sub(first) <= last.wrapping_sub(first))
    }

    /// Whether both directions have ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.reset || self.sides.iter().all(|s| s.stream.ended)
    }

    /// Takes a segment of direction `d`.
    pub(crate) fn segment(&mut self, d: usize, segment: &Segment<'_>, ctx: &mut Ctx<'_>) -> After {
        self.segments += 1;
        self.touched = true;
        self.heard = self.heard.max(segment.time);
        if self.is_from_before(d, segment) {
            ctx.books.stream_bytes_repeated += segment.payload.len() as u64;
            return After::GoOn;
        }
        if segment.syn && self.is_other_incarnation(d, segment) {
            return After::Replace;
        }
        self.sides[d].stream.heard = true;
        let ack = segment.ack.map(|ack| self.sides[1 - d].stream.place(ack));
        let start = self.sides[d].stream.place(segment.seq) + u64::from(segment.syn);
        if segment.syn {
            self.handshake(d, start, ack);
        }
        if let Some(ack) = ack {
            self.acknowledged(d, start, ack, segment);
        }
        if segment.rst {
            self.reset = true;
        } else {
            let length = segment.payload.len() as u64 + u64::from(segment.cut);
            if self.arrive(d, start, length, ack, segment, ctx) == After::Replace {
                return After::Replace;
            }
        }
        let waits = self.sides.iter().any(|s| !s.stream.held.is_empty() || s.stream.fin.is_some() != s.stream.ended);
        if waits {
            self.pump(false, ctx);
        }
        After::GoOn
    }

    fn is_other_incarnation(&mut self, d: usize, segment: &Segment<'_>) -> bool {
        let stream = &mut self.sides[d].stream;
        let base = stream.place(segment.seq) + 1;
        stream.is_other_incarnation(base)
    }

    fn handshake(&mut self, d: usize, base: u64, ack: Option<u64>) {
        self.sides[d].stream.begin_at(base);
        if let Some(ack) = ack {
            // A stream that begins later than what is acknowledged here was guessed wrong; it keeps its guess.
            self.sides[1 - d].stream.begin_at(ack);
        }
        self.desk.handshake = true;
        if self.client.is_none() {
            self.set_client(if ack.is_some() { 1 - d } else { d });
        }
    }

    fn set_client(&mut self, d: usize) {
        self.client = Some(d);
        self.sides[d].reader.role = Some(Role::Request);
        self.sides[1 - d].reader.role = Some(Role::Response);
        self.desk.client = self.addresses[d];
        self.desk.server = self.addresses[1 - d];
    }

    fn acknowledged(&mut self, d: usize, start: u64, ack: u64, segment: &Segment<'_>) {
        let peer = &mut self.sides[1 - d].stream;
        if peer.phase != Phase::Running || ack.saturating_sub(peer.next) < FAR {
            peer.acked = peer.acked.max(ack);
        }
        let bare = segment.payload.is_empty() && segment.cut == 0 && !segment.fin && !segment.rst;
        if bare && self.client == Some(d) {
            self.desk.heard(start, ack);
        }
    }

    fn arrive(
        &mut self,
        d: usize,
        start: u64,
        length: u64,
        ack: Option<u64>,
        segment: &Segment<'_>,
        ctx: &mut Ctx<'_>,
    ) -> After {
        let stream = &mut self.sides[d].stream;
        let kept = segment.payload.len() as u64;
        if stream.ended {
            ctx.books.stream_bytes_repeated += kept;
            return After::GoOn;
        }
        let arrival = stream.judge(start, length);
        if arrival == Arrival::Alien {
            stream.aliens += 1;
            if stream.aliens >= ALIENS {
                return After::Replace;
            }
            ctx.books.stream_bytes_repeated += kept;
            return After::GoOn;
        }
        stream.aliens = 0;
        if segment.fin && stream.fin.is_none() {
            stream.fin = Some(start + length);
            stream.fin_ack = ack;
        }
        if length == 0 {
            if segment.fin && stream.phase == Phase::Unseen {
                stream.phase = Phase::Collecting;
            }
            return After::GoOn;
        }
        let old = match arrival {
            Arrival::Old => length,
            Arrival::Next(n) => n as u64,
            _ => 0,
        };
        if old > 0 {
            self.again(d, start, &segment.payload[..old.min(kept) as usize], ctx);
        }
        if old == length {
            return After::GoOn;
        }
        let cut = u64::from(segment.cut).min(length - old) as u32;
        let new = New {
            at: start + old,
            bytes: &segment.payload[old.min(kept) as usize..],
            time: segment.time,
            ack,
            starts: old == 0,
            cut,
            conflict: false,
        };
        let stream = &self.sides[d].stream;
        if arrival != Arrival::Ahead && stream.held.is_empty() && self.is_caused(d, ack) {
            self.deliver(d, new, ctx);
        } else {
            self.hold(d, new, ctx);
        }
        After::GoOn
    }

    /// Bytes that were read already came again; they must be the same.
    fn again(&mut self, d: usize, start: u64, bytes: &[u8], ctx: &mut Ctx<'_>) {
        let end = start + bytes.len() as u64;
        ctx.books.stream_bytes_repeated += bytes.len() as u64;
        let side = &mut self.sides[d];
        // A keep-alive probe repeats the last byte's number with a byte that means nothing (RFC 9293, section 3.8.4).
        let probe = bytes.len() <= 1 && side.stream.phase == Phase::Running && end == side.stream.next;
        if !probe && side.stream.recent.contradicts(start, bytes) {
            side.reader.contradicted(start, end, &mut self.desk);
        }
    }

    /// Without a handshake a direction begins where it is first seen, and what came before is not known.
    fn start(&mut self, d: usize, at: u64) {
        self.sides[d].stream.start(at);
        self.sides[d].reader.begin_anywhere();
    }

    fn sight(&self, d: usize, ack: Option<u64>) -> Sight {
        let (own, peer) = (&self.sides[d].stream, &self.sides[1 - d].stream);
        Sight {
            ack: ack.map(|ack| peer.without_fin(ack)),
            peer_seen: peer.phase != Phase::Unseen,
            peer_next: peer.next - u64::from(peer.ended),
            peer_last: peer.last.map(|(end, acked)| (end, acked.map(|a| own.without_fin(a)))),
            peer_said: self.sides[1 - d].reader.said(peer.last_blank),
            peer_base: peer.base,
            own_base: own.base,
            own_last_ack: own.last.and_then(|(_, acked)| acked),
        }
    }

    /// Hands bytes to the reader: the only place where bytes count as arrived.
    fn deliver(&mut self, d: usize, new: New<'_>, ctx: &mut Ctx<'_>) {
        let New { at, bytes, time, ack, starts, cut, conflict } = new;
        if self.sides[d].stream.phase != Phase::Running {
            self.start(d, at);
        }
        let end = at + bytes.len() as u64;
        if !bytes.is_empty() {
            ctx.books.stream_bytes += bytes.len() as u64;
            ctx.books.stream_bytes_in_order += bytes.len() as u64;
            let sight = self.sight(d, ack);
            let side = &mut self.sides[d];
            side.reader.feed(Piece { at, bytes, time, starts, conflict, sight }, &mut self.desk, ctx);
            side.stream.advance(end);
            side.stream.last = Some((end, ack));
            side.stream.last_blank = may_end_a_head(bytes);
            if !self.known {
                side.stream.recent.note(at, bytes);
            }
            if side.reader.role.is_some() {
                self.follow_role(d);
            }
            if self.desk.holds_back() && self.client == Some(1 - d) {
                self.desk.said(end, sight.ack, ctx);
            }
        }
        if cut > 0 {
            self.lose(d, end + u64::from(cut), Incomplete::Truncated, ctx);
        }
        if self.desk.left && !self.left {
            self.left = true;
            for side in &mut self.sides {
                side.reader.leave(&mut self.desk, ctx);
            }
        }
    }

    /// The reader found out what its direction carries.
    fn follow_role(&mut self, d: usize) {
        let client = if self.sides[d].reader.role == Some(Role::Request) { d } else { 1 - d };
        if self.client != Some(client) {
            self.set_client(client);
        }
    }

    /// Bytes up to `until` are not in the capture.
    fn lose(&mut self, d: usize, until: u64, reason: Incomplete, ctx: &mut Ctx<'_>) {
        let side = &mut self.sides[d];
        let Some(length) = until.checked_sub(side.stream.next).filter(|n| *n > 0) else { return };
        ctx.books.stream_bytes += length;
        ctx.books.stream_bytes_gap += length;
        side.reader.gap(length, reason, &mut self.desk, ctx);
        side.stream.advance(until);
        side.stream.gap_before = length;
    }

    /// The FIN, when its turn has come.
    fn end(&mut self, d: usize, ctx: &mut Ctx<'_>) -> bool {
        let side = &mut self.sides[d];
        let stream = &mut side.stream;
        if stream.ended || stream.phase != Phase::Running || !stream.held.is_empty() {
            return false;
        }
        let Some(fin) = stream.fin.filter(|fin| *fin <= stream.next) else { return false };
        stream.ended = true;
        stream.advance(fin.max(stream.next) + 1);
        let ack = stream.fin_ack;
        side.reader.end(&mut self.desk, ctx);
        let ack = ack.map(|ack| self.sides[1 - d].stream.without_fin(ack));
        if self.client == Some(d) {
            self.desk.client_closes(fin, ack, ctx);
        } else {
            self.desk.server_closes(fin, ctx);
        }
        true
    }

    /// Nothing more will come: everything that waits is given out. `why`: what ended it, where the connection itself
    /// does not tell.
    pub(crate) fn close(&mut self, why: Incomplete, ctx: &mut Ctx<'_>) {
        self.pump(true, ctx);
        let mut missing_end = false;
        for d in 0..2 {
            missing_end |= self.lose_end(d, ctx);
        }
        self.pump(true, ctx);
        let client = self.client.unwrap_or(0);
        let why = if self.reset { Incomplete::Reset } else { why };
        for d in [client, 1 - client] {
            self.sides[d].reader.close(why, &mut self.desk, ctx);
        }
        let server = &self.sides[1 - client].stream;
        let missing = if missing_end || !server.heard {
            Incomplete::Gap
        } else if self.sides[1 - client].reader.uncertain && (self.desk.loss || self.desk.orphans) {
            Incomplete::PairingLost
        } else if self.reset {
            Incomplete::Reset
        } else if server.ended {
            Incomplete::NoResponse
        } else {
            why
        };
        self.desk.close(missing, ctx);
    }

    /// Bytes at the end that the peer acknowledged and that were not seen. Whether there are any.
    fn lose_end(&mut self, d: usize, ctx: &mut Ctx<'_>) -> bool {
        let stream = &mut self.sides[d].stream;
        if stream.phase != Phase::Running || stream.ended {
            return false;
        }
        if stream.gap_before == 1 && stream.fin.is_none() {
            // One number and nothing after it: a FIN that was not seen, and no byte.
            ctx.books.stream_bytes -= 1;
            ctx.books.stream_bytes_gap -= 1;
            return false;
        }
        let until = stream.fin.unwrap_or(stream.acked);
        let missing = until.saturating_sub(stream.next);
        let is_fin = missing == 1 && stream.fin.is_none();
        if missing == 0 || missing > FAR || is_fin {
            return false;
        }
        self.lose(d, until, Incomplete::Gap, ctx);
        true
    }
}

/// Whether the bytes may be the last of a message's head: an empty line, or the end of one.
fn may_end_a_head(bytes: &[u8]) -> bool {
    matches!(bytes, [.., b'\n', b'\n'] | [.., b'\n', b'\r', b'\n'] | [b'\n'] | [b'\r', b'\n'])
}

/// Bytes of a segment that were not there before.
#[derive(Debug, Clone, Copy)]
struct New<'a> {
    at: u64,
    bytes: &'a [u8],
    time: Timestamp,
    ack: Option<u64>,
    starts: bool,
    cut: u32,
    conflict: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_small() {
        // The table holds WireLimits::connections of them.
        assert!(size_of::<Connection>() <= 1536, "{}", size_of::<Connection>());
    }
}
