//! A window that slides over a stream: the only buffer of a file.

use std::io::{self, Read};

use super::input::Input;

/// The longest record that is believed. Real ones stay under 256 KiB (libpcap's own limit); what claims to be
/// longer than this is damage, and must not become memory.
pub(super) const MAX_RECORD: usize = 4 << 20;

/// What a file's buffer holds in the usual case: large enough that reading costs little, and small enough that what was
/// read is still in the second-level cache when it is used (256 KiB is not, and costs 5 % more).
pub(super) const WINDOW: usize = 64 << 10;

/// Bytes `start..end` of `buffer` have been read and not yet been used.
pub(super) struct Window {
    input: Input,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Place in the (decompressed) stream of `start`.
    offset: u64,
    /// Nothing more comes.
    ended: bool,
    /// Why nothing more comes, when it is not the end.
    failure: Option<io::Error>,
}

impl Window {
    pub(super) fn new(input: Input, capacity: usize) -> Window {
        let buffer = vec![0; capacity];
        Window { input, buffer, start: 0, end: 0, offset: 0, ended: false, failure: None }
    }

    /// What has been read and not yet been used.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Place of the first of [`Window::bytes`] in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Why reading stopped, when it is not the end of the file.
    pub(super) fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    /// Marks the first `n` bytes as used and returns where they are; they stay in place until the next `fill`.
    pub(super) fn consume(&mut self, n: usize) -> usize {
        let n = n.min(self.end - self.start);
        let at = self.start;
        self.start += n;
        self.offset += n as u64;
        at
    }

    /// Bytes by the place that `consume` returned.
    pub(super) fn used(&self, at: usize, length: usize) -> &[u8] {
        self.buffer.get(at..at + length).unwrap_or_default()
    }

    /// Reads until at least `need` bytes are there; false when the stream ends before, or `need` is past the limit.
    pub(super) fn fill(&mut self, need: usize) -> bool {
        if self.end - self.start >= need {
            return true;
        }
        if need > MAX_RECORD {
            return false;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < need {
            self.buffer.resize(need.next_power_of_two().min(MAX_RECORD), 0);
        }
        while self.end < need && !self.ended {
            self.read_some();
        }
        self.end >= need
    }

    /// Steps over `n` bytes without keeping them; false when the stream ends before.
    pub(super) fn skip(&mut self, mut n: u64) -> bool {
        loop {
            let step = usize::try_from(n).unwrap_or(usize::MAX).min(self.end - self.start);
            self.consume(step);
            n -= step as u64;
            if n == 0 {
                return true;
            }
            if !self.fill(1) {
                return false;
            }
        }
    }

    fn read_some(&mut self) {
        match self.input.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.ended = true,
            Ok(n) => self.end += n.min(self.buffer.len() - self.end),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                self.ended = true;
                self.failure = Some(e);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(bytes: &[u8], capacity: usize) -> Window {
        Window::new(Box::new(io::Cursor::new(bytes.to_vec())), capacity)
    }

    #[test]
    fn slides_and_grows_up_to_the_limit_only() {
        let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        let mut window = over(&bytes, 16);
        assert!(window.fill(10));
        let at = window.consume(9);
        assert_eq!(window.used(at, 9), &bytes[..9]);
        assert!(window.fill(5000));
        assert_eq!(window.bytes()[..5000], bytes[9..5009]);
        assert_eq!(window.offset(), 9);
        assert!(!window.fill(MAX_RECORD + 1), "past the limit nothing is read");
        assert!(window.buffer.len() <= 8192);
    }

    #[test]
    fn skips_what_is_longer_than_the_buffer() {
        let mut window = over(&[7; 1000], 16);
        assert!(window.skip(990));
        assert!(window.fill(10));
        assert!(!window.skip(11));
        assert_eq!(window.offset(), 1000);
    }
}
