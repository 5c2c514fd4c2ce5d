//! Segments that came before their turn, sorted, without overlap: the bytes first seen win.

use std::collections::BTreeMap;

use crate::exchange::Timestamp;

/// What one held segment costs beside its bytes, for the limits: one-byte segments must not be free.
const OVERHEAD: usize = 128;

/// A segment, or what was new of it, waiting for its turn.
#[derive(Debug)]
pub(crate) struct Fragment {
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// When it was captured.
    pub(crate) time: Timestamp,
    /// The acknowledgement it carried, on the peer's line.
    pub(crate) ack: Option<u64>,
    /// Whether a segment began here (and not what was left of one).
    pub(crate) starts: bool,
    /// Bytes after these that the capture did not keep.
    pub(crate) cut: u32,
    /// Whether other bytes were seen at the same place.
    pub(crate) conflict: bool,
}

impl Fragment {
    fn end(&self, start: u64) -> u64 {
        start + self.bytes.len() as u64
    }
}

/// The held segments of one direction.
#[derive(Debug, Default)]
pub(crate) struct Held {
    fragments: BTreeMap<u64, Fragment>,
    size: usize,
}

/// What became of a segment that was to be held.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// What it costs by the limits.
    pub(crate) size: usize,
    /// Bytes that were held already.
    pub(crate) repeated: u64,
}

impl Held {
    pub(crate) fn is_empty(&self) -> bool {
        self.fragments.is_empty()
    }

    /// How many bytes are held.
    pub(crate) fn bytes(&self) -> u64 {
        self.fragments.values().map(|f| f.bytes.len() as u64).sum()
    }

    /// What all of it costs by the limits.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The place and the fragment whose turn comes first.
    pub(crate) fn first(&self) -> Option<(u64, &Fragment)> {
        self.fragments.first_key_value().map(|(at, f)| (*at, f))
    }

    /// Takes out the first, and what it cost.
    pub(crate) fn pop(&mut self) -> Option<(u64, Fragment, usize)> {
        let (at, fragment) = self.fragments.pop_first()?;
        let cost = fragment.bytes.len() + OVERHEAD;
        self.size = self.size.saturating_sub(cost);
        Some((at, fragment, cost))
    }

    /// Holds what is new of a segment at `start`.
    pub(crate) fn insert(&mut self, start: u64, segment: Fragment) -> Kept {
        let end = segment.end(start);
        let mut kept = Kept::default();
        let first = self.fragments.range(..=start).next_back().map_or(start, |(at, _)| *at);
        let mut pieces = Vec::new();
        let mut free_from = start;
        let mut conflict = segment.conflict;
        for (at, other) in self.fragments.range_mut(first..end) {
            let (from, to) = ((*at).max(start), other.end(*at).min(end));
            if from >= to {
                continue;
            }
            let again = &segment.bytes[(from - start) as usize..(to - start) as usize];
            let before = &other.bytes[(from - at) as usize..(to - at) as usize];
            if again != before {
                other.conflict = true;
                conflict = true;
            }
            kept.repeated += to - from;
            if free_from < from {
                pieces.push((free_from, from));
            }
            free_from = to;
        }
        if free_from < end || (segment.cut > 0 && !self.fragments.contains_key(&free_from)) {
            pieces.push((free_from, end));
        }
        for (from, to) in pieces {
            let bytes = segment.bytes[(from - start) as usize..(to - start) as usize].to_vec();
            let starts = segment.starts && from == start;
            let cut = if to == end { segment.cut } else { 0 };
            kept.size += bytes.len() + OVERHEAD;
            let piece = Fragment { bytes, starts, cut, conflict, time: segment.time, ack: segment.ack };
            self.fragments.insert(from, piece);
        }
        self.size += kept.size;
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(bytes: &[u8]) -> Fragment {
        Fragment { bytes: bytes.to_vec(), time: Timestamp(0), ack: None, starts: true, cut: 0, conflict: false }
    }

    fn all(held: &mut Held) -> Vec<(u64, String, bool, bool)> {
        std::iter::from_fn(|| held.pop())
            .map(|(at, f, _)| (at, String::from_utf8(f.bytes).unwrap(), f.starts, f.conflict))
            .collect()
    }

    #[test]
    fn only_what_is_new_is_held_and_the_first_seen_wins() {
        let mut held = Held::default();
        held.insert(10, fragment(b"cd"));
        held.insert(14, fragment(b"gh"));
        let kept = held.insert(8, fragment(b"abcdefghij"));
        assert_eq!(kept.repeated, 4);
        let pieces = all(&mut held);
        let expected = [(8, "ab", true), (10, "cd", true), (12, "ef", false), (14, "gh", true), (16, "ij", false)];
        assert_eq!(pieces, expected.map(|(at, s, starts)| (at, s.to_owned(), starts, false)));
        assert_eq!(held.size(), 0);
    }

    #[test]
    fn bytes_that_disagree_are_marked_on_both() {
        let mut held = Held::default();
        held.insert(10, fragment(b"abcd"));
        held.insert(12, fragment(b"cXyz"));
        assert_eq!(all(&mut held), [(10, "abcd".into(), true, true), (14, "yz".into(), false, true)]);
    }
}
