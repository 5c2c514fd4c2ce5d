//! Every bound of the wire code, by name. What a bound evicts is counted under the name given here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Bounds of memory. The defaults keep the wire code under about 48 MiB whatever the traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireLimits {
    /// TCP connections remembered at once; the one longest untouched makes room.
    pub connections: usize,
    /// Bytes of segments held back in one direction until what precedes them has come.
    pub out_of_order: usize,
    /// The same over all connections.
    pub out_of_order_total: usize,
    /// Bytes of one message head, or of one trailer section.
    pub head: usize,
    /// Bytes kept of one body; what is beyond is counted and not kept.
    pub body: usize,
    /// Bytes of heads and bodies held for exchanges that are not finished, over all connections.
    pub unfinished: usize,
    /// Requests of one connection that wait for their answers.
    pub unanswered: usize,
    /// By the capture's clock: how long a connection may be silent before it is given up.
    pub idle: Duration,
    /// By the capture's clock: how long a closed connection is remembered, for what comes late or again.
    pub linger: Duration,
    /// How many further segments of a connection are awaited before bytes that the peer has acknowledged, and that
    /// were not seen, are taken for lost (mirror ports swap neighbours).
    pub patience: u64,
    /// The same where no acknowledgement says that the bytes ever arrived.
    pub patience_unacknowledged: u64,
}

impl Default for WireLimits {
    fn default() -> WireLimits {
        WireLimits {
            connections: 16_384,
            out_of_order: 1 << 20,
            out_of_order_total: 8 << 20,
            head: 64 << 10,
            body: 4 << 20,
            unfinished: 16 << 20,
            unanswered: 1_024,
            idle: Duration::from_secs(600),
            linger: Duration::from_secs(60),
            patience: 32,
            patience_unacknowledged: 512,
        }
    }
}

/// Names of the limits in [`crate::ledger::WireBooks::evicted`].
pub(crate) mod name {
    pub(crate) const CONNECTIONS: &str = "connections";
    pub(crate) const IDLE: &str = "idle";
    pub(crate) const OUT_OF_ORDER: &str = "out-of-order-bytes";
    pub(crate) const HEAD: &str = "head-bytes";
    pub(crate) const UNFINISHED: &str = "unfinished-bytes";
    pub(crate) const UNANSWERED: &str = "unanswered-requests";
}

/// One more eviction by that limit.
pub(crate) fn evicted(book: &mut BTreeMap<Cow<'static, str>, u64>, limit: &'static str) {
    *book.entry(Cow::Borrowed(limit)).or_default() += 1;
}

/// A sum of bytes with a ceiling.
#[derive(Debug)]
pub(crate) struct Budget {
    used: usize,
    limit: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Budget {
        Budget { used: 0, limit }
    }

    /// Takes `bytes`, or takes nothing and says no.
    #[must_use]
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.limit.saturating_sub(self.used);
        if fits {
            self.used += bytes;
        }
        fits
    }

    pub(crate) fn give_back(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.used, "gave back more than was taken");
        self.used = self.used.saturating_sub(bytes);
    }

    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_gives_what_it_has_and_no_more() {
        let mut budget = Budget::new(10);
        assert!(budget.take(10));
        assert!(!budget.take(1));
        budget.give_back(4);
        assert!(budget.take(4));
        assert_eq!(budget.used(), 10);
    }
}
