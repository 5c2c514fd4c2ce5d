//! What the last segments of a direction said, as digests: a retransmission that says something else is noticed
//! without keeping the bytes.

use std::hash::Hasher;

/// How many segments are remembered in each direction.
const SEGMENTS: usize = 4;

#[derive(Debug, Clone, Copy, Default)]
struct Said {
    start: u64,
    end: u64,
    digest: u64,
}

/// Digests of the last segments delivered.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    said: [Said; SEGMENTS],
    at: u8,
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

impl Recent {
    /// Remembers what was delivered at `start`.
    pub(crate) fn note(&mut self, start: u64, bytes: &[u8]) {
        let at = usize::from(self.at) % SEGMENTS;
        self.said[at] = Said { start, end: start + bytes.len() as u64, digest: digest(bytes) };
        self.at = (self.at + 1) % SEGMENTS as u8;
    }

    /// Whether bytes that come again at `start` say something else than when they came first, as far as it is
    /// remembered: every remembered segment that lies wholly inside is compared.
    pub(crate) fn contradicts(&self, start: u64, bytes: &[u8]) -> bool {
        let end = start + bytes.len() as u64;
        self.said.iter().filter(|s| s.end > s.start && s.start >= start && s.end <= end).any(|s| {
            let part = bytes.get((s.start - start) as usize..(s.end - start) as usize);
            part.is_some_and(|part| digest(part) != s.digest)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retransmission_is_compared_however_it_is_cut() {
        let mut recent = Recent::default();
        recent.note(100, b"hello ");
        recent.note(106, b"world");
        assert!(!recent.contradicts(100, b"hello world"));
        assert!(!recent.contradicts(106, b"world"));
        assert!(recent.contradicts(100, b"hello w0rld"));
        assert!(recent.contradicts(98, b"..hellO ."));
        assert!(!recent.contradicts(200, b"elsewhere"));
    }
}
