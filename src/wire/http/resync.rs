//! Finding the way back: after a gap, or in what does not look like HTTP, a message is believed to begin only where a
//! segment begins with a whole start line, and where the other direction does not speak against it.

use crate::exchange::Timestamp;

use super::reader::Piece;
use super::sight::Sight;
use super::start_line::{Look, look_strictly};

/// How far a start line is followed over several segments.
const LOOK_AHEAD: usize = 8 << 10;

/// A place where a message may begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) at: u64,
    pub(crate) time: Timestamp,
    pub(crate) sight: Sight,
}

impl Candidate {
    /// Whether the peer's last segment acknowledged exactly what precedes, and was received: both sides had said what
    /// they had to say.
    fn is_at_rest(&self) -> bool {
        let Sight { ack, peer_last, .. } = self.sight;
        peer_last.is_some_and(|(end, acked)| ack == Some(end) && acked == Some(self.at))
    }

    /// The same, some bytes later.
    pub(crate) fn later(mut self, n: u64) -> Candidate {
        self.at += n;
        self
    }
}

/// Start lines that are not whole yet, and the segment starts among them.
#[derive(Debug, Default)]
pub(crate) struct Resync {
    buffer: Vec<u8>,
    candidates: std::collections::VecDeque<Candidate>,
    dropped: u64,
}

impl Resync {
    /// Looks on. Some: a message begins at the candidate; with the bytes from there up to this piece, which is not
    /// consumed. None: the piece is consumed.
    pub(crate) fn look(
        &mut self,
        piece: &Piece<'_>,
        limit: usize,
        believes: impl Fn(&Candidate, Look) -> bool,
    ) -> Option<(Candidate, Vec<u8>)> {
        if piece.starts {
            let candidate = Candidate { at: piece.at, time: piece.time, sight: piece.sight };
            if candidate.is_at_rest() {
                // Whatever is collected ended before.
                self.dropped += self.clear();
            }
            self.candidates.push_back(candidate);
        }
        let limit = limit.min(LOOK_AHEAD);
        if self.buffer.is_empty() {
            return self.look_at_piece(piece, limit, believes);
        }
        if let Some(candidate) = self.candidates.back().copied().filter(|c| c.at == piece.at) {
            // A whole start line in one segment is better than one that is glued to the end of something.
            let looks = look_strictly(piece.bytes, limit);
            if matches!(looks, Look::Request | Look::Response) && believes(&candidate, looks) {
                self.dropped += self.clear();
                return Some((candidate, Vec::new()));
            }
        }
        let before = self.buffer.len();
        let base = piece.at - before as u64;
        self.buffer.extend_from_slice(&piece.bytes[..piece.bytes.len().min(2 * limit)]);
        while let Some(candidate) = self.candidates.front().copied() {
            let from = (candidate.at - base) as usize;
            let bytes = self.buffer.get(from..).unwrap_or_default();
            match look_strictly(bytes, limit) {
                looks @ (Look::Request | Look::Response) if believes(&candidate, looks) => {
                    self.dropped += from.min(before) as u64;
                    let collected = self.buffer.get(from..before).unwrap_or_default().to_vec();
                    self.buffer = Vec::new();
                    return Some((candidate, collected));
                }
                Look::Unclear if bytes.len() < limit => {
                    self.dropped += from as u64;
                    self.buffer.drain(..from);
                    return None;
                }
                _ => {
                    self.candidates.pop_front();
                }
            }
        }
        self.dropped += (before + piece.bytes.len()) as u64;
        self.buffer = Vec::new();
        None
    }

    /// The usual case: nothing is collected, so the one candidate is the piece itself.
    fn look_at_piece(
        &mut self,
        piece: &Piece<'_>,
        limit: usize,
        believes: impl Fn(&Candidate, Look) -> bool,
    ) -> Option<(Candidate, Vec<u8>)> {
        if let Some(candidate) = self.candidates.pop_front() {
            match look_strictly(piece.bytes, limit) {
                looks @ (Look::Request | Look::Response) if believes(&candidate, looks) => {
                    return Some((candidate, Vec::new()));
                }
                Look::Unclear if piece.bytes.len() < limit => {
                    self.buffer = piece.bytes.to_vec();
                    self.candidates.push_back(candidate);
                    return None;
                }
                _ => {}
            }
        }
        self.dropped += piece.bytes.len() as u64;
        None
    }

    /// Bytes passed over since the last call.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Bytes collected.
    pub(crate) fn size(&self) -> usize {
        self.buffer.len()
    }

    /// Gives up what is collected: how many bytes it was.
    pub(crate) fn clear(&mut self) -> u64 {
        self.candidates.clear();
        std::mem::take(&mut self.buffer).len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(at: u64, bytes: &[u8], starts: bool) -> Piece<'_> {
        Piece { at, bytes, time: Timestamp(0), starts, conflict: false, sight: Sight::default() }
    }

    #[test]
    fn only_the_start_of_a_segment_counts() {
        let mut resync = Resync::default();
        assert!(resync.look(&piece(0, b"GET / HTTP/1.1\r\n", false), 999, |_, _| true).is_none());
        assert!(resync.look(&piece(16, b"xx GET / HTTP/1.1\r\n", true), 999, |_, _| true).is_none());
        assert_eq!(resync.take_dropped(), 35);
        let (found, collected) = resync.look(&piece(35, b"GET / HTTP/1.1\r\n", true), 999, |_, _| true).unwrap();
        assert_eq!((found.at, collected.len()), (35, 0));
        assert!(resync.look(&piece(35, b"GET / HTTP/1.1\r\n", true), 999, |_, _| false).is_none());
    }

    #[test]
    fn a_start_line_in_one_byte_segments_is_found() {
        let mut resync = Resync::default();
        let wire = b"\0xGET / HTTP/1.1\n";
        let mut found = None;
        for (i, b) in wire.iter().enumerate() {
            // A method `xGET` is as good as any other, were it not for the peer's opinion.
            found = resync.look(&piece(i as u64, &[*b], true), 999, |c, _| c.at == 2);
            if found.is_some() {
                break;
            }
        }
        let (candidate, collected) = found.unwrap();
        assert_eq!((candidate.at, collected.as_slice()), (2, &b"GET / HTTP/1.1"[..]));
        assert_eq!(resync.take_dropped(), 2);
    }
}
