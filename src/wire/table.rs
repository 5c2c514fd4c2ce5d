//! The connections that are remembered.

use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashMap;

use super::connection::{After, Connection};
use super::context::Common;
use super::limits::{evicted, name};
use super::{Segment, WireOptions};
use crate::exchange::{Exchange, Incomplete, Timestamp};
use crate::ledger::{Waiting, WireBooks};

/// By the capture's clock: how often silent and closed connections are looked for, in nanoseconds.
const SWEEP: i64 = 2_000_000_000;

/// A port pair, the same for both directions, and which connection of it, where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    low: (u128, u32),
    high: (u128, u32),
    connection: u64,
}

/// An address as numbers; the second tells IPv4 from IPv6 beside the port.
fn end(address: SocketAddr) -> (u128, u32) {
    let port = u32::from(address.port());
    match address.ip() {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), port | 1 << 16),
        IpAddr::V6(ip) => (ip.to_bits(), port),
    }
}

impl Key {
    /// The key, and the segment's direction: 0 from the lower end.
    fn of(segment: &Segment<'_>) -> (Key, usize) {
        let (src, dst, connection) = (end(segment.src), end(segment.dst), segment.connection);
        let (low, high, d) = if src <= dst { (src, dst, 0) } else { (dst, src, 1) };
        (Key { low, high, connection }, d)
    }
}

#[derive(Debug)]
struct Slot {
    key: Key,
    connection: Box<Connection>,
}

/// All connections, and what is counted of them.
#[derive(Debug)]
pub(crate) struct Table {
    common: Common,
    index: FxHashMap<Key, u32>,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    /// The slot of the last segment: most segments have the neighbour's key.
    last: Option<(Key, u32)>,
    /// Where the search for the longest untouched goes on.
    hand: usize,
    now: Timestamp,
    swept: Timestamp,
}

impl Table {
    pub(crate) fn new(options: WireOptions) -> Table {
        Table {
            common: Common::new(options),
            index: FxHashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            last: None,
            hand: 0,
            now: Timestamp(i64::MIN),
            swept: Timestamp(i64::MIN),
        }
    }

    /// What was counted of the connections so far; what waits is not in it.
    pub(crate) fn books(&self) -> &WireBooks {
        &self.common.books
    }

    /// What waits in the connections, counted by looking at each.
    pub(crate) fn waiting(&self) -> Waiting {
        let mut waiting = Waiting::default();
        for slot in self.slots.iter().flatten() {
            slot.connection.count_waiting(&mut waiting);
        }
        waiting
    }

    /// It is `now`, or later.
    pub(crate) fn tick(&mut self, now: Timestamp, sink: &mut dyn FnMut(Exchange)) {
        if now > self.now {
            self.now = now;
            if now.0.saturating_sub(self.swept.0) >= SWEEP {
                self.sweep(sink);
            }
        }
    }

    pub(crate) fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn FnMut(Exchange)) {
        self.tick(segment.time, sink);
        let (key, d) = Key::of(segment);
        let slot = self.find(key, segment, d, sink);
        for _ in 0..2 {
            let Some(Slot { connection, .. }) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
                return;
            };
            let mut ctx = self.common.lend(sink);
            if connection.segment(d, segment, &mut ctx) == After::GoOn {
                // Where the source knows its connections nothing comes late, so nothing is kept for it.
                if segment.connection != 0 && connection.is_closed() {
                    self.remove(slot as usize, Incomplete::Closed, sink);
                }
                return;
            }
            // The port pair is used again.
            connection.close(Incomplete::Closed, &mut ctx);
            self.common.books.connections += 1;
            **connection = connection.successor(addresses(segment, d), self.common.books.connections);
        }
    }

    /// Whether nothing is open on that connection, and that is known.
    pub(crate) fn is_at_rest(&self, segment: &Segment<'_>) -> bool {
        let (key, _) = Key::of(segment);
        let last = self.last.filter(|(last, _)| *last == key).map(|(_, slot)| slot);
        let slot = last.or_else(|| self.index.get(&key).copied());
        let slot = slot.and_then(|at| self.slots.get(at as usize)).and_then(Option::as_ref);
        slot.is_some_and(|slot| slot.connection.is_at_rest())
    }

    fn find(&mut self, key: Key, segment: &Segment<'_>, d: usize, sink: &mut dyn FnMut(Exchange)) -> u32 {
        if let Some((_, slot)) = self.last.filter(|(last, _)| *last == key) {
            return slot;
        }
        let slot = match self.index.get(&key) {
            Some(slot) => *slot,
            None => self.insert(key, addresses(segment, d), sink),
        };
        self.last = Some((key, slot));
        slot
    }

    fn insert(&mut self, key: Key, addresses: [SocketAddr; 2], sink: &mut dyn FnMut(Exchange)) -> u32 {
        if self.index.len() >= self.common.options.limits.connections.max(1) {
            self.make_room(sink);
        }
        self.common.books.connections += 1;
        let mut connection = Box::new(Connection::new(addresses, self.common.books.connections));
        connection.known = key.connection != 0;
        let slot = Slot { key, connection };
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.slots.push(None);
                self.slots.len() as u32 - 1
            }
        };
        if let Some(place) = self.slots.get_mut(at as usize) {
            *place = Some(slot);
        }
        self.index.insert(key, at);
        at
    }

    /// The first connection that was not touched since the hand last passed goes; closed ones are no loss.
    fn make_room(&mut self, sink: &mut dyn FnMut(Exchange)) {
        for _ in 0..=2 * self.slots.len() {
            self.hand = (self.hand + 1) % self.slots.len().max(1);
            let Some(Some(slot)) = self.slots.get_mut(self.hand) else { continue };
            if slot.connection.touched && !slot.connection.is_closed() {
                slot.connection.touched = false;
                continue;
            }
            if !slot.connection.is_closed() {
                evicted(&mut self.common.books.evicted, name::CONNECTIONS);
            }
            return self.remove(self.hand, Incomplete::Evicted, sink);
        }
    }

    fn remove(&mut self, at: usize, why: Incomplete, sink: &mut dyn FnMut(Exchange)) {
        let Some(mut slot) = self.slots.get_mut(at).and_then(Option::take) else { return };
        slot.connection.close(why, &mut self.common.lend(sink));
        self.index.remove(&slot.key);
        self.free.push(at as u32);
        self.last = None;
    }

    /// Closed connections have lingered, silent ones were waited for.
    fn sweep(&mut self, sink: &mut dyn FnMut(Exchange)) {
        self.swept = self.now;
        for at in 0..self.slots.len() {
            let Some(Some(slot)) = self.slots.get(at) else { continue };
            let silent = self.now.since(slot.connection.heard);
            if slot.connection.is_closed() && silent >= self.common.options.limits.linger {
                self.remove(at, Incomplete::Closed, sink);
            } else if silent >= self.common.options.limits.idle {
                evicted(&mut self.common.books.evicted, name::IDLE);
                self.remove(at, Incomplete::Evicted, sink);
            }
        }
    }

    /// The capture is at its end: everything that waits is given out, oldest connection first.
    pub(crate) fn finish(&mut self, sink: &mut dyn FnMut(Exchange)) {
        let mut order: Vec<(u64, usize)> = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(at, slot)| slot.as_ref().map(|slot| (slot.connection.ordinal, at)))
            .collect();
        order.sort_unstable();
        for (_, at) in order {
            self.remove(at, Incomplete::EndOfCapture, sink);
        }
        self.slots = Vec::new();
        self.free = Vec::new();
    }
}

/// By direction.
fn addresses(segment: &Segment<'_>, d: usize) -> [SocketAddr; 2] {
    if d == 0 { [segment.src, segment.dst] } else { [segment.dst, segment.src] }
}
