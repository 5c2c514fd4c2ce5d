//! How much the answers that are under way may take together.
//!
//! The budget of bodies counts an answer as large as the recorded one before it comes. A candidate that answers with far more
//! would take `in_flight` times the policy's `body`, 1 GiB by default: much for who listens beside a service, and too much for
//! who stands in its line. So what goes beyond is taken from a budget that all answers share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::budget::{Budget, Share};
use crate::shadow::Room;

/// Bytes of answers of a live run beyond what was expected.
pub(crate) const LIVE_EXCESS_BYTES: u64 = 64 << 20;
/// What every answer may have beyond it for nothing.
const LEEWAY: u64 = 128 << 10;
/// What is taken from the budget at a time.
const STEP: u64 = 256 << 10;

/// The room of one exchange's answers.
pub(crate) struct AnswersRoom {
    /// None: the policy's limits are all there is.
    excess: Option<Arc<Budget>>,
    /// What is left of what was expected and taken.
    left: AtomicU64,
    /// Nobody else has a hand on it at the same time: both answers are read by one task.
    taken: Mutex<Vec<Share>>,
}

impl AnswersRoom {
    /// For answers that are expected to have so many bytes together.
    pub(crate) fn new(excess: Option<Arc<Budget>>, expected: u64) -> AnswersRoom {
        AnswersRoom { excess, left: AtomicU64::new(expected.saturating_add(LEEWAY)), taken: Mutex::default() }
    }
}

impl Room for AnswersRoom {
    fn take(&self, bytes: u64) -> bool {
        let Some(excess) = &self.excess else { return true };
        let mut left = self.left.load(Ordering::Relaxed);
        while left < bytes {
            let step = STEP.max(bytes - left);
            let Some(share) = excess.try_take(step) else { return false };
            self.taken.lock().unwrap_or_else(PoisonError::into_inner).push(share);
            left += step;
        }
        self.left.store(left - bytes, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_expected_is_free_and_what_goes_beyond_is_shared_and_given_back() {
        let excess = Budget::new(1 << 20);
        let room = |expected| AnswersRoom::new(Some(Arc::clone(&excess)), expected);
        let (large, other) = (room(10 << 20), room(0));
        assert!(large.take(10 << 20) && large.take(LEEWAY), "as large as it was");
        assert!(excess.try_take(1 << 20).is_some(), "nothing was taken for it");
        assert!(other.take(LEEWAY + (1 << 20)), "all that there is");
        assert!(!large.take(1) && !other.take(1), "and no more for anybody");
        drop(other);
        assert!(large.take(1) && large.take(STEP - 1));
        assert!(!large.take(1 << 20));
        assert!(AnswersRoom::new(None, 0).take(u64::MAX), "a replay has the policy's limits");
    }
}
