//! One direction of a connection: which byte comes next, what waits, and what is known of the peer's view.

use super::held::Held;
use super::recent::Recent;
use super::seq::Axis;

/// A segment that starts this far beyond what is expected is not of this stream (the largest window is 1 GiB, RFC
/// 7323, but no capture worth reading loses this much at once).
const FAR: u64 = 128 << 20;

/// How far the first bytes may lie behind what was taken for the start when there was no handshake.
const NEAR: u64 = 1 << 20;

/// How much of a direction is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    /// No byte and no SYN of it was seen.
    #[default]
    Unseen,
    /// Bytes were seen, no SYN: they are held until it is plausible that none comes before them.
    Collecting,
    /// The next byte is known.
    Running,
}

/// Where a segment stands against what is expected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Nothing in it is new.
    Old,
    /// It carries the next byte; that many of its bytes came before.
    Next(usize),
    /// It lies ahead.
    Ahead,
    /// It is not of this stream.
    Alien,
}

/// The state of one direction.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    axis: Option<Axis>,
    pub(crate) phase: Phase,
    /// Any segment of it was seen, be it without data.
    pub(crate) heard: bool,
    /// The place of the first byte, where the handshake told it.
    pub(crate) base: Option<u64>,
    /// The place of the next byte in order. A FIN that came in order counts as a byte.
    pub(crate) next: u64,
    /// The place of the FIN.
    pub(crate) fin: Option<u64>,
    /// What the FIN acknowledged.
    pub(crate) fin_ack: Option<u64>,
    /// The FIN came in order.
    pub(crate) ended: bool,
    /// The highest place the peer has acknowledged.
    pub(crate) acked: u64,
    /// What waits for its turn.
    pub(crate) held: Held,
    /// Cost of what is held beyond the budget, for the moment until it is read.
    pub(crate) unpaid: usize,
    pub(crate) recent: Recent,
    /// End of the last segment delivered, and the acknowledgement that it carried.
    pub(crate) last: Option<(u64, Option<u64>)>,
    /// Whether that segment may have ended with an empty line.
    pub(crate) last_blank: bool,
    /// Length of the gap that lies directly before `next`, 0 for none.
    pub(crate) gap_before: u64,
    /// The connection's segment count when the first of `held` was found to be stuck.
    pub(crate) stuck_since: Option<u64>,
    /// The peer sends, this direction is not in the capture.
    pub(crate) absent: bool,
    /// Segments in a row that were not of this stream.
    pub(crate) aliens: u8,
}

impl Stream {
    /// The place of a sequence number.
    pub(crate) fn place(&mut self, seq: u32) -> u64 {
        self.axis.get_or_insert_with(|| Axis::new(seq)).place(seq)
    }

    /// The sequence numbers from the SYN to where the stream stands, where a handshake was seen.
    pub(crate) fn span(&self) -> Option<(u32, u32)> {
        let (axis, base) = (self.axis?, self.base?);
        Some((axis.number(base - 1), axis.number(self.next)))
    }

    /// The handshake told the first byte's place.
    pub(crate) fn begin_at(&mut self, base: u64) {
        if self.phase == Phase::Running {
            return;
        }
        self.base = Some(base);
        self.start(base);
    }

    /// Without a handshake, the stream is taken to begin here.
    pub(crate) fn start(&mut self, at: u64) {
        self.phase = Phase::Running;
        self.next = at;
        self.absent = false;
    }

    /// Whether a SYN whose first byte would lie at `base` belongs to a new connection.
    pub(crate) fn is_other_incarnation(&self, base: u64) -> bool {
        let first = match self.phase {
            Phase::Unseen => return false,
            Phase::Collecting => self.held.first().map_or(base, |(at, _)| at),
            Phase::Running => match self.base {
                Some(known) => return known != base,
                None => self.next,
            },
        };
        // Without a known base: a SYN that comes late, for bytes that lie a little ahead of it, is this stream's.
        base > first || first - base > NEAR
    }

    /// Where a segment of that length at that place stands.
    pub(crate) fn judge(&self, start: u64, length: u64) -> Arrival {
        if self.phase != Phase::Running {
            let first = self.held.first().map_or(start, |(at, _)| at);
            return if start.abs_diff(first) > FAR { Arrival::Alien } else { Arrival::Ahead };
        }
        if start > self.next {
            return if start - self.next > FAR { Arrival::Alien } else { Arrival::Ahead };
        }
        let known = self.next - start;
        if known < length {
            Arrival::Next(known as usize)
        } else if known - length > FAR {
            Arrival::Alien
        } else {
            Arrival::Old
        }
    }

    /// Moves on to `next`.
    pub(crate) fn advance(&mut self, next: u64) {
        self.next = next;
        self.gap_before = 0;
        self.stuck_since = None;
        if let Some(axis) = &mut self.axis {
            axis.move_to(next);
        }
    }

    /// Whether bytes at `next` are known to have reached the peer.
    pub(crate) fn hole_is_acknowledged(&self) -> bool {
        self.acked > self.next
    }

    /// An acknowledgement without the place of the FIN, which is not a byte of any message.
    pub(crate) fn without_fin(&self, ack: u64) -> u64 {
        match self.fin {
            Some(fin) if ack == fin + 1 => fin,
            _ => ack,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_judged_against_the_next_byte() {
        let mut stream = Stream::default();
        let base = stream.place(1000);
        assert_eq!(stream.judge(base, 4), Arrival::Ahead);
        stream.begin_at(base);
        assert_eq!(stream.judge(base, 4), Arrival::Next(0));
        assert_eq!(stream.judge(base - 3, 4), Arrival::Next(3));
        assert_eq!(stream.judge(base - 1, 1), Arrival::Old);
        assert_eq!(stream.judge(base + 1, 1), Arrival::Ahead);
        assert_eq!(stream.judge(base + FAR + 1, 1), Arrival::Alien);
    }

    #[test]
    fn a_syn_with_another_number_is_another_connection() {
        let mut stream = Stream::default();
        let base = stream.place(1000);
        assert!(!stream.is_other_incarnation(base));
        stream.begin_at(base);
        assert!(!stream.is_other_incarnation(base));
        assert!(stream.is_other_incarnation(base + 1));
    }
}
