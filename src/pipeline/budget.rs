//! Bytes of bodies that are under way at once: places in flight alone do not bound memory, bodies differ by a million.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of bodies between the source and the end of the comparison: those recorded, and as much again for each answer
/// that is expected. An exchange that is larger by itself goes alone. Answers larger than the recorded one are bounded by
/// the limits of the policy only: places in flight, times the size of a body.
pub(crate) const BODY_BYTES: u64 = 128 << 20;
/// The same of a live run, which must be a small guest: what does not fit is let go, and counted.
pub(crate) const LIVE_BODY_BYTES: u64 = 32 << 20;

/// Between two looks of one who waits. Only a recorded source waits, and for a network: this is no spinning.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// What is left, without a lock.
pub(crate) struct Budget {
    all: u64,
    free: AtomicU64,
}

/// A part of the budget; falls back to it when dropped.
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Arc<Budget> {
        Arc::new(Budget { all: bytes, free: AtomicU64::new(bytes) })
    }

    /// So many bytes, or the whole budget where that is less; None where they are not free.
    pub(crate) fn try_take(self: &Arc<Self>, bytes: u64) -> Option<Share> {
        let bytes = bytes.min(self.all);
        let less = |free: u64| free.checked_sub(bytes);
        self.free.fetch_update(Ordering::AcqRel, Ordering::Acquire, less).ok()?;
        Some(Share { budget: Arc::clone(self), bytes })
    }

    /// Waits for [`Budget::try_take`], for so long at most.
    pub(crate) fn take(self: &Arc<Self>, bytes: u64, patience: Duration) -> Option<Share> {
        let begun = Instant::now();
        loop {
            match self.try_take(bytes) {
                None if begun.elapsed() < patience => thread::sleep(LOOK_EVERY),
                taken => return taken,
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.free.fetch_add(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn who_comes_late_waits_until_there_is_enough() {
        let budget = Budget::new(100);
        let (large, small) = (budget.take(60, LONG).unwrap(), budget.try_take(30).unwrap());
        assert!(budget.try_take(50).is_none() && budget.take(50, Duration::ZERO).is_none());
        let (told, taken) = mpsc::channel();
        let waiting = thread::spawn({
            let budget = Arc::clone(&budget);
            move || {
                let share = budget.take(50, LONG).unwrap();
                told.send(share.bytes).unwrap();
                share
            }
        });
        drop(small);
        assert!(taken.recv_timeout(Duration::from_millis(100)).is_err(), "40 are free");
        drop(large);
        assert_eq!(taken.recv_timeout(LONG), Ok(50));
        drop(waiting.join());
        assert_eq!(budget.free.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn what_is_larger_than_all_goes_alone_and_what_is_empty_never_waits() {
        let budget = Budget::new(100);
        let all = budget.try_take(u64::MAX).unwrap();
        assert_eq!((all.bytes, budget.try_take(0).map(|none| none.bytes)), (100, Some(0)));
        drop(all);
        assert_eq!(budget.free.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn many_at_once_never_take_more_than_there_is() {
        let budget = Budget::new(1000);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for bytes in 0..5_000 {
                        drop(budget.take(bytes % 600, LONG));
                        assert!(budget.free.load(Ordering::Relaxed) <= 1000);
                    }
                });
            }
        });
        assert_eq!(budget.free.load(Ordering::Relaxed), 1000);
    }
}
