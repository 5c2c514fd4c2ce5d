//! Frames packed into one buffer, so that they travel from thread to thread without an allocation each.

use super::Frame;
use crate::exchange::Timestamp;

/// Most frames of one batch.
pub const BATCH_FRAMES: usize = 1024;

/// Most bytes of one batch, a frame that is longer by itself aside. What was taken is still in the second-level cache
/// when it is looked at.
pub const BATCH_BYTES: usize = 256 << 10;

/// What is known of a frame beside its bytes.
#[derive(Debug, Clone, Copy)]
struct Entry {
    time: Timestamp,
    /// Where its bytes end in the buffer; they begin where those of the frame before end.
    end: usize,
    wire_length: u32,
    link: u16,
}

/// Frames in the order in which they were pushed, in one buffer that is used again after [`Batch::clear`].
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Batch {
    /// An empty one with all its memory.
    pub fn new() -> Batch {
        Batch { bytes: Vec::with_capacity(BATCH_BYTES), entries: Vec::with_capacity(BATCH_FRAMES) }
    }

    /// Forgets the frames and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        // One oversized frame must not stay as memory of every batch for the rest of the run.
        self.bytes.shrink_to(BATCH_BYTES);
    }

    /// Adds a frame; false, and nothing is added, where it is full: [`BATCH_FRAMES`] are in it, or the bytes would pass
    /// [`BATCH_BYTES`] and it is not empty.
    #[inline]
    pub fn push(&mut self, time: Timestamp, link: u16, wire_length: u32, data: &[u8]) -> bool {
        let end = self.bytes.len() + data.len();
        if self.entries.len() >= BATCH_FRAMES || (end > BATCH_BYTES && !self.entries.is_empty()) {
            return false;
        }
        self.push_over(time, link, wire_length, data);
        true
    }

    /// Adds a frame whatever is in it already: for a source that has taken a frame and cannot put it back.
    #[inline]
    pub(super) fn push_over(&mut self, time: Timestamp, link: u16, wire_length: u32, data: &[u8]) {
        self.bytes.extend_from_slice(data);
        self.entries.push(Entry { time, end: self.bytes.len(), wire_length, link });
    }

    /// The frames in the order of their coming.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let data = self.bytes.get(start..entry.end).unwrap_or_default();
            start = entry.end;
            Frame { time: entry.time, link: entry.link, data, wire_length: entry.wire_length }
        })
    }

    /// How many frames are in it.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all its frames.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let mut batch = Batch::new();
        assert!(batch.is_empty());
        for n in 0..10u8 {
            assert!(batch.push(Timestamp(i64::from(n)), u16::from(n), 100 + u32::from(n), &vec![n; usize::from(n)]));
        }
        assert_eq!((batch.len(), batch.bytes()), (10, 45));
        for (n, frame) in (0..10u8).zip(batch.frames()) {
            assert_eq!((frame.time, frame.link), (Timestamp(i64::from(n)), u16::from(n)));
            assert_eq!((frame.wire_length, frame.data), (100 + u32::from(n), &vec![n; usize::from(n)][..]));
        }
        batch.clear();
        assert!(batch.is_empty() && batch.frames().next().is_none());
    }

    #[test]
    fn what_is_full_takes_nothing_more() {
        let mut batch = Batch::new();
        for _ in 0..BATCH_FRAMES {
            assert!(batch.push(Timestamp(0), 1, 1, &[1]));
        }
        assert!(!batch.push(Timestamp(0), 1, 1, &[]), "frames are bounded, empty ones too");
        assert_eq!((batch.len(), batch.bytes()), (BATCH_FRAMES, BATCH_FRAMES));

        batch.clear();
        assert!(batch.push(Timestamp(0), 1, 1, &vec![0; BATCH_BYTES]), "exactly full");
        assert!(!batch.push(Timestamp(0), 1, 1, &[1]));
        assert_eq!(batch.frames().count(), 1);
    }

    #[test]
    fn one_oversized_frame_fits_and_its_memory_is_given_back() {
        let mut batch = Batch::new();
        let long = vec![7; 3 * BATCH_BYTES];
        assert!(batch.push(Timestamp(0), 1, long.len() as u32, &long));
        assert!(!batch.push(Timestamp(0), 1, 1, &[1]), "it is alone");
        assert_eq!(batch.frames().next().map(|f| f.data.len()), Some(long.len()));
        batch.clear();
        assert!(batch.bytes.capacity() <= 2 * BATCH_BYTES);
        assert!(batch.push(Timestamp(0), 1, 1, &[1]));
        assert!(!batch.push(Timestamp(0), 1, 1, &long), "an oversized one needs an empty batch");
    }
}
