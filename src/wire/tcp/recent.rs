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

/// Four lanes that do not wait for each other: every payload byte passes through here, and this was a tenth of the time
/// of reading a capture. Not meant to resist somebody who makes collisions on purpose: who can do that to a
/// capture can also see to it that only one of the two copies is captured.
fn digest(bytes: &[u8]) -> u64 {
    // Odd, with bits all over: the fractions of the square roots of 2, 3, 5 and 7.
    const FACTORS: [u64; LANES] =
        [0x6A09_E667_F3BC_C909, 0xBB67_AE85_84CA_A73B, 0x3C6E_F372_FE94_F82B, 0xA54F_F53A_5F1D_36F1];
    const LANES: usize = 4;
    const WORD: usize = size_of::<u64>();
    let mix = |lane: &mut u64, word: u64, factor: u64| *lane = (lane.rotate_left(29) ^ word).wrapping_mul(factor);

    let mut lanes = FACTORS;
    let (blocks, rest) = bytes.as_chunks::<{ LANES * WORD }>();
    for block in blocks {
        let (words, _) = block.as_chunks::<WORD>();
        for ((lane, word), factor) in lanes.iter_mut().zip(words).zip(FACTORS) {
            mix(lane, u64::from_le_bytes(*word), factor);
        }
    }
    let mut last = rustc_hash::FxHasher::default();
    last.write(rest);
    lanes.iter().for_each(|lane| last.write_u64(*lane));
    last.write_usize(bytes.len());
    last.finish()
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

    #[test]
    fn a_digest_sees_every_byte_and_the_length() {
        for length in [0, 1, 7, 8, 31, 32, 33, 63, 64, 65, 100, 1448] {
            let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
            for at in 0..length {
                let mut other = bytes.clone();
                other[at] ^= 0x10;
                assert_ne!(digest(&bytes), digest(&other), "{length}: byte {at}");
            }
            assert_ne!(digest(&bytes), digest(&[&bytes[..], &[0]].concat()), "{length}");
        }
    }
}
