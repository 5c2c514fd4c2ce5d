//! Message heads: `httparse` first; what it refuses but what clearly is a message is read leniently and marked.

use bytes::Bytes;
use std::mem::MaybeUninit;
use std::ops::Range;

use super::framing::Declared;
use crate::exchange::{Headers, Version};

/// Most header fields of one head.
const FIELDS: usize = 256;
/// Enough for nearly every head, and cheap on the stack.
const FEW_FIELDS: usize = 48;

/// What of a method matters for the framing of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MethodKind {
    Head,
    Connect,
    Other,
}

#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) method: String,
    pub(crate) target: Bytes,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
    /// What the fields say about the body.
    pub(crate) declared: Declared,
    /// Only a lenient reader understands it.
    pub(crate) ambiguous: bool,
}

impl RequestHead {
    pub(crate) fn kind(&self) -> MethodKind {
        match self.method.as_str() {
            "HEAD" => MethodKind::Head,
            "CONNECT" => MethodKind::Connect,
            _ => MethodKind::Other,
        }
    }
}

#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
    /// What the fields say about the body.
    pub(crate) declared: Declared,
    /// Only a lenient reader understands it.
    pub(crate) ambiguous: bool,
}

/// Where a head ends: after its first empty line, be lines ended by CRLF or by LF alone. `from`: what was searched
/// before without success.
pub(crate) fn find_end(bytes: &[u8], from: usize) -> Option<usize> {
    let from = from.saturating_sub(3);
    memchr::memchr_iter(b'\n', bytes.get(from..)?).find_map(|i| match &bytes[from + i + 1..] {
        [b'\n', ..] => Some(from + i + 2),
        [b'\r', b'\n', ..] => Some(from + i + 3),
        _ => None,
    })
}

/// How the lines of a head end.
#[derive(Debug, Default)]
struct Lines {
    crlf: bool,
    bare: bool,
    folded: bool,
}

fn lines(bytes: &[u8]) -> Lines {
    let mut lines = Lines::default();
    for i in memchr::memchr_iter(b'\n', bytes) {
        if i > 0 && bytes[i - 1] == b'\r' {
            lines.crlf = true;
        } else {
            lines.bare = true;
        }
        lines.folded |= matches!(bytes.get(i + 1), Some(b' ' | b'\t'));
    }
    lines
}

/// Line folding (RFC 9112, section 5.2) replaced by spaces.
fn unfold(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for i in memchr::memchr_iter(b'\n', bytes).filter(|i| matches!(bytes.get(i + 1), Some(b' ' | b'\t'))) {
        out[i] = b' ';
        if i > 0 && out[i - 1] == b'\r' {
            out[i - 1] = b' ';
        }
    }
    out
}

/// The fields that frame a body.
const FRAMING: [&[u8]; 2] = [b"content-length", b"transfer-encoding"];

/// Whether a fold hides, or continues, a field that frames the body.
fn folds_framing(bytes: &[u8]) -> bool {
    let mut framing = false;
    for line in bytes.split(|b| *b == b'\n') {
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        let text = line.trim_ascii_start();
        let frames = FRAMING.iter().any(|n| text.get(..n.len()).is_some_and(|l| l.eq_ignore_ascii_case(n)));
        if folded && (frames || framing) {
            return true;
        }
        framing = frames || (folded && framing);
    }
    false
}

/// The head's own buffer, unfolded; and whether two readers may see different fields: some lines end with CRLF and
/// some with LF alone, or a fold touches the framing.
fn own(bytes: &[u8]) -> (Bytes, bool) {
    let lines = lines(bytes);
    let two_faced = (lines.crlf && lines.bare) || (lines.folded && folds_framing(bytes));
    let head = if lines.folded { unfold(bytes).into() } else { Bytes::copy_from_slice(bytes) };
    (head, two_faced)
}

/// The place of `part` in `whole`, of which it is a part.
fn place(whole: &[u8], part: &[u8]) -> Range<u32> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len());
    start as u32..(start + part.len()).min(whole.len()) as u32
}

fn fields<'a>(
    whole: &'a [u8],
    parsed: &'a [httparse::Header<'a>],
) -> impl Iterator<Item = (Range<u32>, Range<u32>)> + 'a {
    parsed.iter().map(|h| (place(whole, h.name.as_bytes()), place(whole, h.value.trim_ascii())))
}

fn declared(parsed: &[httparse::Header<'_>]) -> Declared {
    let mut declared = Declared::nothing();
    parsed.iter().for_each(|h| declared.field(h.name.as_bytes(), h.value));
    declared
}

fn lenient_declared(headers: &Headers) -> Declared {
    let mut declared = Declared::nothing();
    headers.iter().for_each(|(name, value)| declared.field(name.as_bytes(), value));
    declared
}

fn version(minor: Option<u8>) -> Version {
    if minor == Some(0) { Version::Http10 } else { Version::Http11 }
}

/// A request's head, of which `bytes` is all; its first line has been looked at.
pub(crate) fn request(bytes: &[u8]) -> RequestHead {
    let (head, two_faced) = own(bytes);
    strict_request::<FEW_FIELDS>(&head, two_faced)
        .or_else(|| strict_request::<FIELDS>(&head, two_faced))
        .unwrap_or_else(|| {
            let (line, headers) = lenient(&head);
            let method = memchr::memchr(b' ', &head[..line]).unwrap_or(line);
            let target_start = (method + 1).min(line);
            let target_end = memchr::memchr(b' ', &head[target_start..line]).map_or(line, |n| target_start + n);
            RequestHead {
                method: String::from_utf8_lossy(&head[..method]).into_owned(),
                target: head.slice(target_start..target_end),
                version: version(head[..line].last().map(|d| d.wrapping_sub(b'0'))),
                declared: lenient_declared(&headers),
                headers,
                ambiguous: true,
            }
        })
}

fn strict_request<const N: usize>(head: &Bytes, two_faced: bool) -> Option<RequestHead> {
    let mut slots = [const { MaybeUninit::uninit() }; N];
    let mut parsed = httparse::Request::new(&mut []);
    let done = parsed.parse_with_uninit_headers(head, &mut slots).ok()?;
    done.is_complete().then_some(())?;
    let target = place(head, parsed.path?.as_bytes());
    Some(RequestHead {
        method: parsed.method?.to_owned(),
        target: head.slice(target.start as usize..target.end as usize),
        version: version(parsed.version),
        headers: Headers::from_ranges(head.clone(), fields(head, parsed.headers)),
        declared: declared(parsed.headers),
        ambiguous: two_faced,
    })
}

/// An answer's head, of which `bytes` is all; its first line has been looked at.
pub(crate) fn response(bytes: &[u8]) -> ResponseHead {
    let (head, two_faced) = own(bytes);
    strict_response::<FEW_FIELDS>(&head, two_faced)
        .or_else(|| strict_response::<FIELDS>(&head, two_faced))
        .unwrap_or_else(|| {
            let (_, headers) = lenient(&head);
            let status = head.get(9..12).and_then(|s| std::str::from_utf8(s).ok()).and_then(|s| s.parse().ok());
            ResponseHead {
                status: status.unwrap_or(0),
                version: version(head.get(7).map(|d| d.wrapping_sub(b'0'))),
                declared: lenient_declared(&headers),
                headers,
                ambiguous: true,
            }
        })
}

fn strict_response<const N: usize>(head: &Bytes, two_faced: bool) -> Option<ResponseHead> {
    let mut slots = [const { MaybeUninit::uninit() }; N];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let done = config.parse_response_with_uninit_headers(&mut parsed, head, &mut slots).ok()?;
    done.is_complete().then_some(())?;
    Some(ResponseHead {
        status: parsed.code?,
        version: version(parsed.version),
        headers: Headers::from_ranges(head.clone(), fields(head, parsed.headers)),
        declared: declared(parsed.headers),
        ambiguous: two_faced,
    })
}

/// Fields of a trailer section; None where it is not one.
pub(crate) fn trailers(bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut slots = [httparse::EMPTY_HEADER; FEW_FIELDS];
    match httparse::parse_headers(bytes, &mut slots) {
        Ok(httparse::Status::Complete((_, parsed))) => {
            Some(parsed.iter().map(|h| (h.name.to_owned(), h.value.trim_ascii().to_vec())).collect())
        }
        _ => None,
    }
}

/// The length of the first line, and every later line that has a colon, whatever else is wrong with it.
fn lenient(head: &Bytes) -> (usize, Headers) {
    let mut ranges = Vec::new();
    let mut lines = head.split(|b| *b == b'\n');
    let first = lines.next().unwrap_or_default();
    let first = first.strip_suffix(b"\r").unwrap_or(first).len();
    for line in lines.take(FIELDS) {
        if let Some(colon) = memchr::memchr(b':', line) {
            let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
            ranges.push((place(head, name), place(head, value)));
        }
    }
    (first, Headers::from_ranges(head.clone(), ranges))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_heads() {
        assert_eq!(find_end(b"a\r\nb\r\n\r\nc", 0), Some(8));
        assert_eq!(find_end(b"a\nb\n\nc", 0), Some(5));
        assert_eq!(find_end(b"a\n\r\nc", 0), Some(4));
        assert_eq!(find_end(b"a\r\nb\r\n\r", 0), None);
        assert_eq!(find_end(b"a\r\nb\r\n\r\n", 7), Some(8));
    }

    #[test]
    fn folded_lines_are_one_value() {
        let head = request(b"GET /x HTTP/1.1\r\nA: one\r\n\ttwo\r\nHost: h\r\n\r\n");
        assert!(!head.ambiguous);
        assert_eq!(head.headers.get("a").map(|v| v.escape_ascii().to_string()).as_deref(), Some("one  \\ttwo"));
        assert_eq!((head.method.as_str(), &head.target[..]), ("GET", &b"/x"[..]));
    }

    #[test]
    fn what_httparse_refuses_is_read_and_marked() {
        let head = request(b"GET /a b HTTP/1.0\r\nHost : h\r\nX\0: y\r\n\r\n");
        assert!(head.ambiguous);
        assert_eq!((&head.target[..], head.version), (&b"/a"[..], Version::Http10));
        assert_eq!(head.headers.get("host"), Some(&b"h"[..]));
        let head = response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n");
        assert!(head.ambiguous && head.status == 200);
    }

    #[test]
    fn line_ends_and_folds_that_two_readers_see_differently() {
        assert!(!request(b"GET / HTTP/1.1\nA: b\n\n").ambiguous);
        assert!(request(b"GET / HTTP/1.1\r\nA: b\nContent-Length: 3\r\n\r\n").ambiguous);
        assert!(request(b"GET / HTTP/1.1\r\nA: b\r\n Content-Length: 3\r\n\r\n").ambiguous);
        assert!(request(b"GET / HTTP/1.1\r\nContent-Length:\r\n 3\r\n\r\n").ambiguous);
    }

    #[test]
    fn many_fields() {
        let mut bytes = b"GET / HTTP/1.1\r\n".to_vec();
        (0..200).for_each(|i| bytes.extend(format!("h{i}: {i}\r\n").bytes()));
        bytes.extend(b"\r\n");
        let head = request(&bytes);
        assert!(!head.ambiguous);
        assert_eq!(head.headers.get("h199"), Some(&b"199"[..]));
    }
}
