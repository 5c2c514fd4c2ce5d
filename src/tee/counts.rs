//! What a tee counts: connections and bytes. Counters that many tasks bump; the books are made of them.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::heard::Way;

/// Shared by all connections of a tee.
#[derive(Debug, Default)]
pub struct Counts {
    accepted: AtomicU64,
    unreachable: AtomicU64,
    cut: AtomicU64,
    open: AtomicU64,
    most: AtomicU64,
    full: AtomicU64,
    not_accepted: AtomicU64,
    /// What the system said last of a connection that could not be made, or not be accepted.
    trouble: Mutex<String>,
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
    /// How often all places were taken when the next could have come.
    pub full: u64,
    /// How often a connection could not be accepted.
    pub not_accepted: u64,
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
            full: get(&self.full),
            not_accepted: get(&self.not_accepted),
        }
    }

    /// What the system said last of a connection that failed.
    pub fn trouble(&self) -> String {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn troubled(&self, error: &io::Error) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
    }

    pub(super) fn accepted(&self) -> Open<'_> {
        let number = self.accepted.fetch_add(1, Ordering::Relaxed) + 1;
        self.open.fetch_add(1, Ordering::Relaxed);
        Open { counts: self, number }
    }

    pub(super) fn full(&self) {
        self.full.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn not_accepted(&self, error: &io::Error) {
        self.troubled(error);
        self.not_accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn at_most(&self, connections: usize) {
        self.most.store(connections as u64, Ordering::Relaxed);
    }

    pub(super) fn unreachable(&self, error: &io::Error) {
        self.troubled(error);
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
pub(super) struct Open<'a> {
    counts: &'a Counts,
    /// Its place among all, from 1.
    pub(super) number: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Ordering::Relaxed);
    }
}
