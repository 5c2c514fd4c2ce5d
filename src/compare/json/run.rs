//! How far two texts run along with each other.

/// Bytes that are measured at least when a run is asked about; more only as they are needed. Without this bound texts
/// that repeat themselves could make every question cost their whole length.
const AHEAD: usize = 512;

/// The last run that was measured: from some place on, the second text's bytes are the first's, `shift` bytes off.
/// Remembering it makes many questions about one run cost one comparison of bytes.
#[derive(Debug)]
pub(super) struct Run {
    shift: i64,
    /// Offsets in the first text between which the two are the same.
    start: usize,
    end: usize,
    /// Whether they part at `end`, or were only not measured further.
    parted: bool,
}

impl Default for Run {
    /// Nothing was measured: no place lies between these two.
    fn default() -> Run {
        Run { shift: 0, start: 1, end: 0, parted: true }
    }
}

impl Run {
    /// Whether `first[from..to]` is what `second` has at `at`.
    pub(super) fn covers(&mut self, first: &[u8], from: usize, to: usize, second: &[u8], at: usize) -> bool {
        let shift = at as i64 - from as i64;
        if shift != self.shift || from < self.start || from > self.end {
            *self = Run { shift, start: from, end: from, parted: false };
        }
        if to > self.end && !self.parted {
            let wanted = (to - self.end).max(AHEAD);
            let there = at + (self.end - from);
            let length = common_prefix(part(first, self.end, wanted), part(second, there, wanted));
            self.end += length;
            self.parted = length < wanted;
        }
        to <= self.end
    }
}

fn part(text: &[u8], from: usize, most: usize) -> &[u8] {
    text.get(from..text.len().min(from.saturating_add(most))).unwrap_or_default()
}

/// How many bytes two slices have in common at their beginning.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const WIDE: usize = 32;
    const WORD: usize = 8;
    let wide = a.chunks_exact(WIDE).zip(b.chunks_exact(WIDE)).take_while(|(x, y)| x == y).count() * WIDE;
    let (a, b) = (a.get(wide..).unwrap_or_default(), b.get(wide..).unwrap_or_default());
    let mut done = wide;
    for (x, y) in a.chunks_exact(WORD).zip(b.chunks_exact(WORD)) {
        let part = word(x) ^ word(y);
        if part != 0 {
            return done + part.trailing_zeros() as usize / 8;
        }
        done += WORD;
    }
    let tail = done - wide;
    done + a.iter().zip(b).skip(tail).take_while(|(x, y)| x == y).count()
}

/// Eight bytes as a little-endian number; fewer give zero, which no caller hands in.
pub(super) fn word(bytes: &[u8]) -> u64 {
    bytes.try_into().map(u64::from_le_bytes).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_prefix_is_right_at_every_length_and_place() {
        for length in 0..100 {
            let a: Vec<u8> = (0..length).map(|i| i as u8).collect();
            assert_eq!(common_prefix(&a, &a), length);
            for place in 0..length {
                let mut b = a.clone();
                b[place] ^= 0x80;
                assert_eq!(common_prefix(&a, &b), place);
                assert_eq!(common_prefix(&a[..place], &a), place);
            }
        }
    }

    #[test]
    fn a_remembered_run_answers_as_a_fresh_one() {
        let (a, b) = (b"xxabcdefgh", b"abcdeXgh");
        assert!(Run::default().covers(b"null", 0, 4, b"null ", 0));
        let mut run = Run::default();
        assert!(run.covers(a, 2, 7, b, 0));
        assert!(run.covers(a, 3, 7, b, 1));
        assert!(!run.covers(a, 3, 8, b, 1));
        assert!(run.covers(a, 8, 10, b, 6));
        assert!(!run.covers(a, 8, 11, b, 6));
        assert!(run.covers(a, 2, 3, b, 0));
    }

    #[test]
    fn a_run_is_measured_further_when_it_is_asked_about_further() {
        let a = "x".repeat(5 * AHEAD);
        let b = format!("{}y", "x".repeat(3 * AHEAD));
        let mut run = Run::default();
        assert!(run.covers(a.as_bytes(), 0, 10, b.as_bytes(), 0));
        assert_eq!(run.end, AHEAD);
        assert!(run.covers(a.as_bytes(), 5, 3 * AHEAD, b.as_bytes(), 5));
        assert!(!run.covers(a.as_bytes(), 5, 3 * AHEAD + 1, b.as_bytes(), 5));
        assert!(!run.covers(a.as_bytes(), 2 * AHEAD, 5 * AHEAD, b.as_bytes(), 2 * AHEAD));
        assert!(run.covers(a.as_bytes(), 2 * AHEAD, 3 * AHEAD, b.as_bytes(), 2 * AHEAD));
    }
}
