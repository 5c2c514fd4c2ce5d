//! What a live source did not hand over, counted by the kernel.

/// What the kernel counted since the capture was opened; never goes back.
///
/// On Linux `received` counts the frames that the filter wanted, those included that were then dropped for lack of room
/// in the ring and those that still wait in it (libpcap's `ps_recv`; `tp_packets` of packet(7)). So once nothing more is
/// taken in and the ring was read empty, frames handed over + `kernel_dropped` = `received`, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LiveLosses {
    /// Frames that the filter wanted.
    pub received: u64,
    /// Of these, frames for which the ring (or the socket's buffer) had no room (`ps_drop`, `tp_drops`).
    pub kernel_dropped: u64,
    /// Frames that the interface or its driver dropped before anybody could look at them, whatever the filter would
    /// have said: no part of `received`. libpcap reads them from `rx_missed_errors` and `rx_fifo_errors` of
    /// `/sys/class/net/IFACE/statistics` (`ps_ifdrop`), in promiscuous mode only.
    pub interface_dropped: u64,
}

/// A counter of 64 bits over one of 32 that wraps. It must be fed at least once in 2^32 events.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wide {
    total: u64,
    last: u32,
}

impl Wide {
    /// A counter that begins to count where the other stands now.
    pub(super) fn from(last: u32) -> Wide {
        Wide { total: 0, last }
    }

    /// The sum, now that the narrow counter stands at `now`.
    pub(super) fn at(&mut self, now: u32) -> u64 {
        self.total += u64::from(now.wrapping_sub(self.last));
        self.last = now;
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_wraps_goes_on() {
        let mut wide = Wide::from(u32::MAX - 1);
        assert_eq!(wide.at(u32::MAX - 1), 0);
        assert_eq!(wide.at(u32::MAX), 1);
        assert_eq!(wide.at(3), 5);
        assert_eq!(wide.at(2), 5 + u64::from(u32::MAX), "a whole round, less one");
    }
}
