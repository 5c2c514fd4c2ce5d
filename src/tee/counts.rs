//! What a tee counts: connections and bytes. Counters that many tasks bump; the books are made of them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::heard::Way;

/// Shared by all connections of a tee.
#[derive(Debug, Default)]
pub struct Counts {
    accepted: AtomicU64,
    unreachable: AtomicU64,
    cut: AtomicU64,
    open: AtomicU64,
    most: AtomicU64,
    /// By direction.
    read: [AtomicU64; 2],
    shed: [AtomicU64; 2],
}

/// The counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Of these, connections for which the legacy could not be reached: they were reset.
    pub unreachable: u64,
    /// Of these, connections that were cut off because they did not come to their end when the tee was stopped.
    pub cut: u64,
    /// Of these, connections that are open.
    pub open: u64,
    /// So many may be open at once.
    pub most: u64,
    /// By direction: bytes that were read.
    pub read: [u64; 2],
    /// By direction: bytes that were passed on and not heard, because there was no room.
    pub shed: [u64; 2],
}

impl Counts {
    /// All of them. What was shed is never more than what was read.
    pub fn now(&self) -> Standing {
        let get = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        let shed = self.shed.each_ref().map(get);
        Standing {
            shed,
            read: self.read.each_ref().map(get),
            accepted: get(&self.accepted),
            unreachable: get(&self.unreachable),
            cut: get(&self.cut),
            open: get(&self.open),
            most: get(&self.most),
        }
    }

    pub(super) fn accepted(&self) -> Open<'_> {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(self)
    }

    pub(super) fn at_most(&self, connections: usize) {
        self.most.store(connections as u64, Ordering::Relaxed);
    }

    pub(super) fn unreachable(&self) {
        self.unreachable.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn cut(&self, connections: u64) {
        self.cut.fetch_add(connections, Ordering::Relaxed);
    }

    pub(super) fn read(&self, way: Way, bytes: u64) {
        let [up, down] = &self.read;
        way.of(up, down).fetch_add(bytes, Ordering::AcqRel);
    }

    pub(super) fn shed(&self, way: Way, bytes: u64) {
        let [up, down] = &self.shed;
        way.of(up, down).fetch_add(bytes, Ordering::AcqRel);
    }
}

/// A connection is open as long as this lives, however it ends.
pub(super) struct Open<'a>(&'a Counts);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
