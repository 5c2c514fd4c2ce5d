//! Bytes of bodies that are under way at once: places in flight alone do not bound memory, bodies differ by a million.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Bytes of bodies between the source and the end of the comparison: those recorded, and as much again for each answer
/// that is expected. An exchange that is larger by itself goes alone. Answers larger than the recorded one are bounded by
/// the limits of the policy only: places in flight, times the size of a body.
pub(crate) const BODY_BYTES: u64 = 128 << 20;

/// What is left.
pub(crate) struct Budget {
    all: u64,
    free: Mutex<u64>,
    freed: Condvar,
}

/// A part of the budget; falls back to it when dropped.
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Arc<Budget> {
        Arc::new(Budget { all: bytes, free: Mutex::new(bytes), freed: Condvar::new() })
    }

    /// Waits until there are so many bytes, or the whole budget where that is less.
    pub(crate) fn take(self: &Arc<Self>, bytes: u64) -> Share {
        let bytes = bytes.min(self.all);
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.freed.wait_while(free, |free| *free < bytes).unwrap_or_else(PoisonError::into_inner);
        *free -= bytes;
        Share { budget: Arc::clone(self), bytes }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        *self.budget.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_comes_late_waits_until_there_is_enough() {
        let budget = Budget::new(100);
        let (large, small) = (budget.take(60), budget.take(30));
        let (told, taken) = mpsc::channel();
        let waiting = thread::spawn({
            let budget = Arc::clone(&budget);
            move || {
                let share = budget.take(50);
                told.send(share.bytes).unwrap();
                share
            }
        });
        drop(small);
        assert!(taken.recv_timeout(Duration::from_millis(100)).is_err(), "40 are free");
        drop(large);
        assert_eq!(taken.recv_timeout(Duration::from_secs(10)), Ok(50));
        drop(waiting.join());
        assert_eq!(*budget.free.lock().unwrap(), 100);
    }

    #[test]
    fn what_is_larger_than_all_goes_alone_and_what_is_empty_never_waits() {
        let budget = Budget::new(100);
        let all = budget.take(u64::MAX);
        assert_eq!((all.bytes, budget.take(0).bytes), (100, 0));
        drop(all);
        assert_eq!(*budget.free.lock().unwrap(), 100);
    }
}
