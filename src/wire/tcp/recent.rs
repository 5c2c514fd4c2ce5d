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

/// Eight lanes of sums and of sums of sums (Fletcher's checksum, RFC 1146, in 64-bit words), because every payload byte
/// passes through here: additions alone go as fast as the bytes come, multiplications were a tenth of the time of
/// reading a capture. Not meant to resist somebody who makes collisions on purpose: who can do that to a
/// capture can also see to it that only one of the two copies is captured.
fn digest(bytes: &[u8]) -> u64 {
    const LANES: usize = 8;
    const WORD: usize = size_of::<u64>();

    let (mut sums, mut places) = ([0_u64; LANES], [0_u64; LANES]);
    let (blocks, rest) = bytes.as_chunks::<{ LANES * WORD }>();
    for block in blocks {
        let (words, _) = block.as_chunks::<WORD>();
        for ((sum, place), word) in sums.iter_mut().zip(&mut places).zip(words) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*word));
            *place = place.wrapping_add(*sum);
        }
    }
    let mut all = rustc_hash::FxHasher::default();
    all.write(rest);
    // As bytes, which the hasher mixes well: word by word, a change of the highest bits could cancel out.
    let mut lanes = [[0; WORD]; 2 * LANES];
    for (lane, word) in lanes.iter_mut().zip(sums.iter().chain(&places)) {
        *lane = word.to_le_bytes();
    }
    all.write(lanes.as_flattened());
    all.write_usize(bytes.len());
    all.finish()
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
        let mut swapped: Vec<u8> = (0..=255).collect();
        let before = digest(&swapped);
        swapped.rotate_left(64);
        assert_ne!(before, digest(&swapped), "the order of blocks matters");
    }
}
