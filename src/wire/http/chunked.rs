//! The chunked coding (RFC 9112, section 7.1), without copying.

/// Most hexadecimal digits of a chunk size (2^64 - 1 has sixteen).
const DIGITS: u8 = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size {
        value: u64,
        digits: u8,
    },
    /// White space after the size: some servers pad it.
    Padding {
        value: u64,
    },
    Extension {
        value: u64,
    },
    SizeEnd {
        value: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    Trailers,
}

/// What the next bytes of a chunked body are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// So many bytes of framing.
    Frame(usize),
    /// So many bytes of the body.
    Data(usize),
    /// Not a chunk.
    Bad,
}

/// Where in a chunked body the reader stands.
#[derive(Debug)]
pub(crate) struct Chunked {
    at: At,
}

impl Chunked {
    pub(crate) fn new() -> Chunked {
        Chunked { at: At::Size { value: 0, digits: 0 } }
    }

    /// What the first bytes of `bytes` are; not to be called with none.
    pub(crate) fn step(&mut self, bytes: &[u8]) -> Step {
        if let At::Data { left } = &mut self.at {
            let n = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= n as u64;
            if *left == 0 {
                self.at = At::DataCr;
            }
            return Step::Data(n);
        }
        for (i, b) in bytes.iter().enumerate() {
            match next(self.at, *b) {
                None => return Step::Bad,
                Some(at) => self.at = at,
            }
            if matches!(self.at, At::Trailers | At::Data { .. }) {
                return Step::Frame(i + 1);
            }
        }
        Step::Frame(bytes.len())
    }

    /// Whether the chunks are over and the trailer section has begun.
    pub(crate) fn in_trailers(&self) -> bool {
        self.at == At::Trailers
    }

    /// Steps over bytes that are missing, where the size of the chunk says what they were.
    #[must_use]
    pub(crate) fn skip(&mut self, n: u64) -> bool {
        match &mut self.at {
            At::Data { left } if *left >= n => {
                *left -= n;
                if *left == 0 {
                    self.at = At::DataCr;
                }
                true
            }
            _ => false,
        }
    }
}

fn next(at: At, b: u8) -> Option<At> {
    Some(match (at, b) {
        (At::Size { value, digits }, b) if b.is_ascii_hexdigit() && digits < DIGITS => {
            let digit = (b as char).to_digit(16)?;
            At::Size { value: value << 4 | u64::from(digit), digits: digits + 1 }
        }
        (At::Size { digits: 0, .. }, _) => return None,
        (At::Size { value, .. } | At::Padding { value }, b';') => At::Extension { value },
        (At::Size { value, .. } | At::Padding { value }, b' ' | b'\t') => At::Padding { value },
        (At::Size { value, .. } | At::Padding { value } | At::Extension { value }, b'\r') => At::SizeEnd { value },
        (At::Extension { .. }, 0..=8 | 10..=31 | 127) => return None,
        (At::Extension { .. }, _) => at,
        (At::SizeEnd { value: 0 }, b'\n') => At::Trailers,
        (At::SizeEnd { value }, b'\n') => At::Data { left: value },
        (At::DataCr, b'\r') => At::DataLf,
        (At::DataLf, b'\n') => At::Size { value: 0, digits: 0 },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body, or None where a step was bad; and how many bytes were left over for the trailers.
    fn decode(bytes: &[u8], piece: usize) -> Option<(Vec<u8>, usize)> {
        let mut chunked = Chunked::new();
        let mut body = Vec::new();
        let mut at = 0;
        while at < bytes.len() && !chunked.in_trailers() {
            let end = (at + piece).min(bytes.len());
            match chunked.step(&bytes[at..end]) {
                Step::Frame(n) => at += n,
                Step::Data(n) => {
                    body.extend_from_slice(&bytes[at..at + n]);
                    at += n;
                }
                Step::Bad => return None,
            }
        }
        chunked.in_trailers().then(|| (body, bytes.len() - at))
    }

    #[test]
    fn chunks_with_extensions_however_they_are_cut() {
        let wire = b"5;name=\"v\"\r\nhello\r\n00006  \r\n world\r\n0\r\n\r\n";
        for piece in 1..wire.len() {
            assert_eq!(decode(wire, piece), Some((b"hello world".to_vec(), 2)), "{piece}");
        }
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused() {
        for bad in
            ["\r\n", "g\r\n", "5\nhello", "5\r\nhelloX", "11111111111111111\r\n", "5;a\rb\r\n", "-1\r\n", "0x5\r\n"]
        {
            assert_eq!(decode(bad.as_bytes(), 99), None, "{bad:?}");
        }
    }

    #[test]
    fn a_gap_inside_a_chunk_is_stepped_over_and_no_other() {
        let mut chunked = Chunked::new();
        assert!(!chunked.skip(1));
        assert_eq!(chunked.step(b"10\r\nab"), Step::Frame(4));
        assert_eq!(chunked.step(b"ab"), Step::Data(2));
        assert!(!chunked.skip(15));
        assert!(chunked.skip(14));
        assert_eq!(chunked.step(b"\r\n0\r\n"), Step::Frame(5));
        assert!(chunked.in_trailers());
    }
}
