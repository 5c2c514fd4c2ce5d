//! How long a body is (RFC 9112, section 6.3), and whether two readers could disagree about it.

use crate::exchange::Version;

/// A longer length is a negative number to many readers.
const LONGEST: u64 = i64::MAX as u64;

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    None,
    /// After so many bytes.
    Length(u64),
    /// By its own chunks.
    Chunked,
    /// With the connection.
    UntilClose,
    /// Nobody can tell.
    Unknown,
}

/// A framing, and whether it may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Framed {
    pub(crate) framing: Framing,
    /// Two readers may read the message differently.
    pub(crate) ambiguous: bool,
}

fn plain(framing: Framing) -> Framed {
    Framed { framing, ambiguous: false }
}

fn doubtful(framing: Framing) -> Framed {
    Framed { framing, ambiguous: true }
}

/// What the fields of a head say about its body, gathered one by one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Declared {
    length: Length,
    coding: Coding,
    chunked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Absent,
    Bytes(u64),
    Bad,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Absent,
    /// The last coding, and only it, is chunked.
    Chunked,
    /// Known codings, none of them chunked: an answer then ends with the connection.
    NotFramed,
    /// A coding that is not known, or something after chunked.
    Bad,
}

impl Declared {
    pub(crate) fn nothing() -> Declared {
        Declared { length: Length::Absent, coding: Coding::Absent, chunked: false }
    }

    /// The next field.
    #[inline]
    pub(crate) fn field(&mut self, name: &[u8], value: &[u8]) {
        if name.len() == 14 && name.eq_ignore_ascii_case(b"content-length") {
            value.split(|b| *b == b',').for_each(|v| self.length(v.trim_ascii()));
        } else if name.len() == 17 && name.eq_ignore_ascii_case(b"transfer-encoding") {
            value.split(|b| *b == b',').for_each(|v| self.coding(v.trim_ascii()));
        }
    }

    fn length(&mut self, digits: &[u8]) {
        let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(digits).ok().filter(|_| plain).and_then(|s| s.parse().ok());
        self.length = match (self.length, number.filter(|n| *n <= LONGEST)) {
            (Length::Absent, Some(n)) => Length::Bytes(n),
            (Length::Bytes(before), Some(n)) if before == n => Length::Bytes(n),
            _ => Length::Bad,
        };
    }

    fn coding(&mut self, name: &[u8]) {
        let known = [&b"gzip"[..], b"x-gzip", b"deflate", b"compress", b"x-compress"];
        let is_chunked = name.eq_ignore_ascii_case(b"chunked");
        self.chunked |= is_chunked;
        self.coding = match self.coding {
            // Nothing may come after chunked.
            Coding::Chunked | Coding::Bad => Coding::Bad,
            _ if is_chunked => Coding::Chunked,
            _ if known.iter().any(|k| name.eq_ignore_ascii_case(k)) => Coding::NotFramed,
            _ => Coding::Bad,
        };
    }

    /// The framing that was declared. `otherwise`: what it is where nothing was.
    pub(crate) fn framing(&self, version: Version, otherwise: Framing) -> Framed {
        let until_close = otherwise == Framing::UntilClose;
        match self.coding {
            Coding::Absent => match self.length {
                Length::Absent => plain(otherwise),
                Length::Bytes(0) => plain(Framing::None),
                Length::Bytes(n) => plain(Framing::Length(n)),
                Length::Bad => doubtful(Framing::Unknown),
            },
            // Both lengths, and a coding in a version that has none, are how requests are smuggled (RFC 9112, section
            // 6.1): the coding is what a careful reader follows, and the message is not to be used.
            Coding::Chunked if self.length != Length::Absent || version == Version::Http10 => {
                doubtful(Framing::Chunked)
            }
            Coding::Chunked => plain(Framing::Chunked),
            Coding::NotFramed if until_close && self.length == Length::Absent => plain(Framing::UntilClose),
            // RFC 9112, section 6.3, item 4: an answer whose last coding is not chunked ends with the connection.
            Coding::Bad if until_close => doubtful(Framing::UntilClose),
            Coding::Bad if self.chunked => doubtful(Framing::Chunked),
            Coding::NotFramed | Coding::Bad => doubtful(Framing::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(headers: &[(&str, &str)]) -> Declared {
        let mut declared = Declared::nothing();
        headers.iter().for_each(|(n, v)| declared.field(n.as_bytes(), v.as_bytes()));
        declared
    }

    fn framed(headers: &[(&str, &str)]) -> Framed {
        declared(headers).framing(Version::Http11, Framing::None)
    }

    #[test]
    fn lengths() {
        assert_eq!(framed(&[]), plain(Framing::None));
        assert_eq!(framed(&[("content-length", "007")]), plain(Framing::Length(7)));
        assert_eq!(framed(&[("content-length", "5, 5"), ("Content-Length", "5")]), plain(Framing::Length(5)));
        for bad in ["5, 6", "+5", "5a", "", "-1", "0x5", "18446744073709551616", "18446744073709551615", "5 5"] {
            assert_eq!(framed(&[("Content-Length", bad)]), doubtful(Framing::Unknown), "{bad}");
        }
    }

    #[test]
    fn codings() {
        assert_eq!(framed(&[("Transfer-Encoding", "gzip, Chunked")]), plain(Framing::Chunked));
        let both = [("Transfer-Encoding", "chunked"), ("Content-Length", "5")];
        assert_eq!(framed(&both), doubtful(Framing::Chunked));
        for mixed in ["chunked, gzip", "chunked, chunked", "chunked, identity", "x, chunked"] {
            assert_eq!(framed(&[("Transfer-Encoding", mixed)]), doubtful(Framing::Chunked), "{mixed}");
        }
        for bad in ["xchunked", "identity", "gzip", "\"chunked\"", ""] {
            assert_eq!(framed(&[("Transfer-Encoding", bad)]), doubtful(Framing::Unknown), "{bad}");
        }
    }

    #[test]
    fn an_answer_with_a_coding_that_does_not_frame_ends_with_the_connection() {
        let answer = |coding, version| declared(&[("Transfer-Encoding", coding)]).framing(version, Framing::UntilClose);
        assert_eq!(answer("gzip", Version::Http11), plain(Framing::UntilClose));
        assert_eq!(answer("chunked, gzip", Version::Http11), doubtful(Framing::UntilClose));
        assert_eq!(answer("chunked", Version::Http10), doubtful(Framing::Chunked));
    }
}
