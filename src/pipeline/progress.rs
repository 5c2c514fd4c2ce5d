//! How far a run has come: counters that the stages bump and the screen reads. Not the books: those are exact and
//! belong to the tallies.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares the counters once: as they are shared, and as they stood at one moment.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// Shared counters of a run.
        #[derive(Debug, Default)]
        pub struct Progress { $($(#[$doc])* pub(crate) $name: AtomicU64,)+ }

        /// The counters at one moment.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Standing { $($(#[$doc])* pub $name: u64,)+ }

        impl Progress {
            /// The counters now; each by itself is right, together they may be some microseconds apart.
            pub fn now(&self) -> Standing {
                Standing { $($name: self.$name.load(Ordering::Relaxed),)+ }
            }
        }
    };
}

counters! {
    /// Bytes of the files that were read, or of the frames that were taken.
    bytes,
    /// Bytes of all files; 0: not known.
    total_bytes,
    /// Frames taken from a live source; of a tee, the pieces that it heard.
    frames,
    /// Frames that the kernel or the interface dropped; of a tee, bytes that nobody looked at.
    dropped,
    /// Exchanges that came whole off the wire.
    exchanges,
    /// Exchanges that did not.
    incomplete,
    /// Exchanges that were not sent.
    skipped,
    /// Of these, those let go because there was no room.
    shed,
    /// Shadow requests sent.
    sent,
    /// Shadow requests answered or failed.
    answered,
    /// Comparisons done, failures included.
    compared,
    /// Of these, mismatches.
    mismatched,
    /// Of these, failures of the candidate.
    failed,
    /// How a live line is: 0 it is listened to, 1 its interface is down, 2 nothing is taken from it any more.
    line,
    /// Connections that are open through a tee.
    connections,
    /// So many may be.
    most_connections,
    /// Whether the breaker keeps requests back: 0 closed, 1 half open, 2 open.
    breaker,
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
