//! How long a body is (RFC 9112, section 6.3), and whether two readers could disagree about it.

use crate::exchange::{Headers, Version};

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

/// The framing that a header section declares. `otherwise`: what it is where nothing is declared.
pub(crate) fn declared(headers: &Headers, version: Version, otherwise: Framing) -> Framed {
    let length = content_length(headers);
    match transfer_encoding(headers) {
        Coding::Absent => match length {
            Length::Absent => plain(otherwise),
            Length::Bytes(0) => plain(Framing::None),
            Length::Bytes(n) => plain(Framing::Length(n)),
            Length::Bad => doubtful(Framing::Unknown),
        },
        // Both lengths, and a coding in a version that has none, are how requests are smuggled (RFC 9112, section
        // 6.1): the coding is what a careful reader follows, and the message is not to be used.
        Coding::Chunked if length != Length::Absent || version == Version::Http10 => doubtful(Framing::Chunked),
        Coding::Chunked => plain(Framing::Chunked),
        Coding::NotFramed if otherwise == Framing::UntilClose && length == Length::Absent => plain(Framing::UntilClose),
        // RFC 9112, section 6.3, item 4: an answer whose last coding is not chunked ends with the connection.
        Coding::Mixed | Coding::Bad if otherwise == Framing::UntilClose => doubtful(Framing::UntilClose),
        Coding::Mixed => doubtful(Framing::Chunked),
        Coding::NotFramed | Coding::Bad => doubtful(Framing::Unknown),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Length {
    Absent,
    Bytes(u64),
    Bad,
}

fn content_length(headers: &Headers) -> Length {
    let mut found = Length::Absent;
    for value in headers.get_all("content-length").flat_map(|v| v.split(|b| *b == b',')) {
        let digits = value.trim_ascii();
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Length::Bad;
        }
        let Some(n) = std::str::from_utf8(digits).ok().and_then(|s| s.parse().ok()) else { return Length::Bad };
        if n > LONGEST {
            return Length::Bad;
        }
        match found {
            Length::Bytes(other) if other != n => return Length::Bad,
            _ => found = Length::Bytes(n),
        }
    }
    found
}

#[derive(Debug, PartialEq, Eq)]
enum Coding {
    Absent,
    /// The last coding, and only it, is chunked.
    Chunked,
    /// Known codings, none of them chunked: an answer then ends with the connection.
    NotFramed,
    /// Chunked, and where it must not be or among what is not known.
    Mixed,
    /// A coding that is not known.
    Bad,
}

fn transfer_encoding(headers: &Headers) -> Coding {
    let mut coding = Coding::Absent;
    let mut chunked = false;
    for value in headers.get_all("transfer-encoding").flat_map(|v| v.split(|b| *b == b',')) {
        let name = value.trim_ascii();
        let known = [&b"gzip"[..], b"x-gzip", b"deflate", b"compress", b"x-compress"];
        let is_chunked = name.eq_ignore_ascii_case(b"chunked");
        coding = match coding {
            // Nothing may come after it.
            Coding::Chunked => Coding::Bad,
            Coding::Bad => Coding::Bad,
            _ if is_chunked => Coding::Chunked,
            _ if known.iter().any(|k| name.eq_ignore_ascii_case(k)) => Coding::NotFramed,
            _ => Coding::Bad,
        };
        chunked |= is_chunked;
    }
    if coding == Coding::Bad && chunked { Coding::Mixed } else { coding }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(headers: &[(&str, &str)]) -> Framed {
        let headers = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        declared(&headers, Version::Http11, Framing::None)
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
        let headers = Headers::from_iter([("Transfer-Encoding", &b"gzip"[..])]);
        assert_eq!(declared(&headers, Version::Http11, Framing::UntilClose), plain(Framing::UntilClose));
        let headers = Headers::from_iter([("Transfer-Encoding", &b"chunked"[..])]);
        assert_eq!(declared(&headers, Version::Http10, Framing::UntilClose), doubtful(Framing::Chunked));
    }
}
