//! IP fragments put together again, in bounded memory (RFC 791, section 3.2; RFC 8200, section 4.5; RFC 5722).

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::ip::{Carried, Place};
use crate::exchange::Timestamp;
use crate::ledger::Refusal;

/// Datagrams that wait for their missing pieces, at most.
pub(super) const MAX_DATAGRAMS: usize = 512;

/// Bytes that they may hold together, holes included.
pub(super) const MAX_BYTES: usize = 4 << 20;

/// How long they wait, by the capture's clock: what Linux waits too.
pub(super) const MAX_AGE: Duration = Duration::from_secs(30);

/// Separate stretches of one datagram, at most.
pub(super) const MAX_STRETCHES: usize = 64;

/// No datagram is longer (the length fields have 16 bits).
const MAX_DATAGRAM: usize = 65_535;

/// Datagrams that became whole and are still remembered, so that a piece that was captured twice does not wait
/// for others that will not come again, and for how long.
const REMEMBERED: usize = 64;
const REMEMBERED_FOR: Duration = Duration::from_secs(1);

/// What makes fragments belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    id: u32,
    protocol: u8,
    src: IpAddr,
    dst: IpAddr,
}

/// A datagram in the making.
#[derive(Debug)]
struct Datagram {
    key: Key,
    since: Timestamp,
    bytes: Vec<u8>,
    /// What of `bytes` is there: sorted, apart from each other.
    stretches: Vec<(usize, usize)>,
    total: Option<usize>,
    /// Frames that wait with it.
    frames: u64,
    /// Its pieces disagreed; what else comes of it is refused.
    broken: bool,
}

/// A datagram that has all its pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) protocol: u8,
    pub(super) bytes: Vec<u8>,
    /// Frames that it came in.
    pub(super) frames: u64,
}

impl Default for Whole {
    fn default() -> Self {
        let nobody = IpAddr::from([0, 0, 0, 0]);
        Whole { src: nobody, dst: nobody, protocol: 59, bytes: Vec::new(), frames: 0 }
    }
}

/// What came of one piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It waits for others.
    Held,
    /// It was the last one missing.
    Whole(Whole),
    /// Its datagram was whole already.
    Repeated,
    /// It is of no use.
    Refused(Refusal),
}

/// All datagrams in the making, oldest first.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    waiting: VecDeque<Datagram>,
    bytes: usize,
    done: VecDeque<(Key, Timestamp)>,
    /// Frames whose datagram was given up, not yet taken by [`Fragments::take_lost`].
    lost: u64,
    evicted: BTreeMap<&'static str, u64>,
}

impl Fragments {
    /// Puts a piece in its place. `frames` is how many frames it came in (more than one where it was itself in
    /// a datagram that had been in pieces).
    pub(super) fn place(&mut self, time: Timestamp, carried: &Carried<'_>, place: Place, frames: u64) -> Placed {
        self.expire(time);
        let data = carried.payload.data;
        let end = place.offset + data.len();
        if carried.payload.missing > 0 {
            return Placed::Refused(Refusal::Truncated);
        }
        if data.is_empty() || end > MAX_DATAGRAM || (place.more && !data.len().is_multiple_of(8)) {
            return Placed::Refused(Refusal::Malformed);
        }
        let key = Key { id: place.id, protocol: carried.protocol, src: carried.src, dst: carried.dst };
        let at = match self.waiting.iter().rposition(|d| d.key == key) {
            Some(at) => at,
            None if self.was_whole(&key, time) => return Placed::Repeated,
            None => {
                self.waiting.push_back(Datagram::new(key, time));
                self.waiting.len() - 1
            }
        };
        let datagram = &mut self.waiting[at];
        let before = datagram.bytes.len();
        if datagram.broken || !datagram.add(place, data) {
            self.lost += std::mem::take(&mut datagram.frames);
            datagram.broken = true;
            self.bytes -= before;
            datagram.bytes = Vec::new();
            return Placed::Refused(Refusal::Fragment);
        }
        datagram.frames += frames;
        self.bytes += datagram.bytes.len() - before;
        if datagram.is_whole() {
            return self.finish(at, time);
        }
        self.make_room();
        Placed::Held
    }

    /// Frames whose datagram never became whole since this was last asked.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Frames that wait for others.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.iter().map(|d| d.frames).sum()
    }

    /// Gives up all that still waits.
    pub(super) fn give_up(&mut self) {
        self.lost += self.waiting.drain(..).map(|d| d.frames).sum::<u64>();
        self.bytes = 0;
    }

    /// Datagrams given up, by the limit that did it.
    pub(super) fn evicted(&self) -> &BTreeMap<&'static str, u64> {
        &self.evicted
    }

    fn finish(&mut self, at: usize, time: Timestamp) -> Placed {
        let Some(datagram) = self.waiting.remove(at) else { return Placed::Held };
        self.bytes -= datagram.bytes.len();
        if self.done.len() == REMEMBERED {
            self.done.pop_front();
        }
        self.done.push_back((datagram.key, time));
        let Key { src, dst, protocol, .. } = datagram.key;
        Placed::Whole(Whole { src, dst, protocol, bytes: datagram.bytes, frames: datagram.frames })
    }

    fn was_whole(&self, key: &Key, time: Timestamp) -> bool {
        self.done.iter().any(|(k, when)| k == key && time.since(*when) <= REMEMBERED_FOR)
    }

    /// Gives up what has waited too long.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self.waiting.front().is_some_and(|d| now.since(d.since) > MAX_AGE) {
            self.evict("fragment-age");
        }
    }

    fn make_room(&mut self) {
        while self.waiting.len() > MAX_DATAGRAMS {
            self.evict("fragment-datagrams");
        }
        while self.bytes > MAX_BYTES {
            self.evict("fragment-bytes");
        }
    }

    fn evict(&mut self, limit: &'static str) {
        if let Some(datagram) = self.waiting.pop_front() {
            self.bytes -= datagram.bytes.len();
            self.lost += datagram.frames;
            *self.evicted.entry(limit).or_default() += 1;
        }
    }
}

impl Datagram {
    fn new(key: Key, since: Timestamp) -> Datagram {
        Datagram { key, since, bytes: Vec::new(), stretches: Vec::new(), total: None, frames: 0, broken: false }
    }

    /// False: the piece contradicts what is there, or there are too many holes to remember.
    fn add(&mut self, place: Place, data: &[u8]) -> bool {
        let (start, end) = (place.offset, place.offset + data.len());
        let reach = self.stretches.last().map_or(0, |s| s.1);
        match self.total {
            Some(total) if end > total || (!place.more && end != total) => return false,
            None if !place.more && reach > end => return false,
            _ => {}
        }
        if !place.more {
            self.total = Some(end);
        }
        for &(from, to) in &self.stretches {
            let (from, to) = (from.max(start), to.min(end));
            if from < to && self.bytes[from..to] != data[from - start..to - start] {
                return false;
            }
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(data);
        self.remember(start, end);
        self.stretches.len() <= MAX_STRETCHES
    }

    fn remember(&mut self, mut start: usize, mut end: usize) {
        self.stretches.retain(|&(from, to)| {
            let apart = to < start || from > end;
            if !apart {
                start = start.min(from);
                end = end.max(to);
            }
            apart
        });
        let at = self.stretches.partition_point(|&(from, _)| from < start);
        self.stretches.insert(at, (start, end));
    }

    fn is_whole(&self) -> bool {
        self.total.is_some_and(|total| self.stretches == [(0, total)])
    }
}

#[cfg(test)]
#[path = "fragments_tests.rs"]
mod tests;
