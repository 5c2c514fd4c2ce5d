//! How far a run has come: counters that the stages bump and the screen reads. Not the books: those are exact and
//! belong to the tallies.

use std::sync::atomic::{AtomicU64, Ordering};

/// Shared counters of a run.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of the files that were read.
    pub(crate) bytes: AtomicU64,
    /// Bytes of all files; 0: not known (standard input).
    pub(crate) total_bytes: AtomicU64,
    /// Shadow requests sent.
    pub(crate) sent: AtomicU64,
    /// Shadow requests answered or failed.
    pub(crate) answered: AtomicU64,
    /// Comparisons done.
    pub(crate) compared: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Bytes read.
    pub bytes: u64,
    /// Bytes of all files, where that is known.
    pub total_bytes: Option<u64>,
    /// Shadow requests sent.
    pub sent: u64,
    /// Shadow requests answered or failed.
    pub answered: u64,
    /// Comparisons done.
    pub compared: u64,
}

impl Progress {
    /// The counters now; each by itself is right, together they may be some microseconds apart.
    pub fn now(&self) -> Standing {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Standing {
            bytes: read(&self.bytes),
            total_bytes: Some(read(&self.total_bytes)).filter(|total| *total > 0),
            sent: read(&self.sent),
            answered: read(&self.answered),
            compared: read(&self.compared),
        }
    }
}

impl Standing {
    /// Requests that wait for their answer.
    pub fn in_flight(&self) -> u64 {
        self.sent.saturating_sub(self.answered)
    }
}

/// One more.
pub(crate) fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
