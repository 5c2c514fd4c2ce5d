//! Sequence numbers wrap every 4 GiB; positions in a stream do not.

/// Where a direction's first known number lies on the 64-bit line, with room before it.
const ORIGIN: u64 = 1 << 40;

/// Places 32-bit sequence numbers on a 64-bit line, by their distance from a number whose place is known
/// (RFC 9293, section 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axis {
    seq: u32,
    at: u64,
}

impl Axis {
    /// A line on which `seq` lies at the origin.
    pub(crate) fn new(seq: u32) -> Axis {
        Axis { seq, at: ORIGIN }
    }

    /// The place of `seq`: the one nearest to the last known place.
    pub(crate) fn place(&self, seq: u32) -> u64 {
        self.at.wrapping_add_signed(i64::from(seq.wrapping_sub(self.seq) as i32))
    }

    /// The sequence number at a place.
    pub(crate) fn number(&self, at: u64) -> u32 {
        self.seq.wrapping_add(at.wrapping_sub(self.at) as u32)
    }

    /// Moves the known place, so that long streams stay near it.
    pub(crate) fn move_to(&mut self, at: u64) {
        self.seq = self.seq.wrapping_add(at.wrapping_sub(self.at) as u32);
        self.at = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_go_on_past_the_wrap() {
        let mut axis = Axis::new(u32::MAX - 1);
        let start = axis.place(u32::MAX - 1);
        assert_eq!(axis.place(5), start + 7);
        assert_eq!(axis.place(u32::MAX - 11), start - 10);
        assert_eq!(axis.number(start + 7), 5);
        axis.move_to(start + 7);
        assert_eq!(axis.place(5), start + 7);
        axis.move_to(start + (3 << 30));
        assert_eq!(axis.place((u32::MAX - 1).wrapping_add(3 << 30)), start + (3 << 30));
    }
}
