//! Whether bytes can begin an HTTP/1 message.

/// Longest method that is believed.
const METHOD: usize = 32;

/// What the first bytes of something look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// A whole request line.
    Request,
    /// A whole status line, or as much of one as matters.
    Response,
    /// It can still become either.
    Unclear,
    /// Not HTTP/1.
    Foreign,
}

/// RFC 9110, section 5.6.2.
fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// Looks at the first bytes of what may be a message. `limit` bounds how long a request line may be.
pub(crate) fn look(bytes: &[u8], limit: usize) -> Look {
    const STATUS: &[u8] = b"HTTP/1.";
    let common = bytes.iter().zip(STATUS).take_while(|(a, b)| a == b).count();
    if common == bytes.len().min(STATUS.len()) && !bytes.is_empty() {
        return status_line(&bytes[common..]);
    }
    request_line(bytes, limit)
}

/// The same, where the position is not certain: a request line is then not excused for spaces in its target, for
/// text has spaces, too.
pub(crate) fn look_strictly(bytes: &[u8], limit: usize) -> Look {
    let looks = look(bytes, limit);
    let line = || bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    if looks == Look::Request && memchr::memchr_iter(b' ', line()).count() > 2 { Look::Foreign } else { looks }
}

/// After `HTTP/1.`: a digit, a space, three digits, and then no further digit.
fn status_line(rest: &[u8]) -> Look {
    for (i, b) in rest.iter().take(6).enumerate() {
        let fits = match i {
            0 | 2..=4 => b.is_ascii_digit(),
            1 => *b == b' ',
            _ => matches!(b, b' ' | b'\r' | b'\n'),
        };
        if !fits {
            return Look::Foreign;
        }
    }
    if rest.len() >= 6 { Look::Response } else { Look::Unclear }
}

/// Method, space, something, space, `HTTP/1.` and a digit, end of line.
fn request_line(bytes: &[u8], limit: usize) -> Look {
    let method = bytes.iter().take(METHOD + 1).take_while(|b| is_token(**b)).count();
    if method > METHOD || (method == 0 && !bytes.is_empty()) {
        return Look::Foreign;
    }
    let Some(rest) = bytes.get(method + 1..) else {
        return if method == bytes.len() || bytes[method] == b' ' { Look::Unclear } else { Look::Foreign };
    };
    if bytes[method] != b' ' {
        return Look::Foreign;
    }
    let line = match memchr::memchr(b'\n', &rest[..rest.len().min(limit)]) {
        Some(end) => &rest[..end],
        None if rest.len() >= limit => return Look::Foreign,
        None => {
            let foreign = rest.iter().any(|b| *b < b' ' && *b != b'\r' && *b != b'\t');
            return if foreign { Look::Foreign } else { Look::Unclear };
        }
    };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(split) = line.len().checked_sub(9) else { return Look::Foreign };
    let (target, version) = line.split_at(split);
    let is_version = version.starts_with(b" HTTP/1.") && version[8].is_ascii_digit();
    if is_version && !target.is_empty() && target.iter().all(|b| *b >= b' ') { Look::Request } else { Look::Foreign }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_lines_are_told_from_other_protocols() {
        let cases: &[(&[u8], Look)] = &[
            (b"GET / HTTP/1.1\r\n", Look::Request),
            (b"get /a b HTTP/1.0\n", Look::Request),
            (b"GET / HTTP/2.0\r\n", Look::Foreign),
            (b"GET /\r\n", Look::Foreign),
            (b"PRI * HTTP/2.0\r\n", Look::Foreign),
            (b"HTTP/1.1 200 OK\r\n", Look::Response),
            (b"HTTP/1.1 200\r\n", Look::Response),
            (b"HTTP/1.1 2000", Look::Foreign),
            (b"HTTP/1.", Look::Unclear),
            (b"H", Look::Unclear),
            (b"HEAD", Look::Unclear),
            (b"HEAD ", Look::Unclear),
            (b"", Look::Unclear),
            (b"SSH-2.0-OpenSSH_9\r\n", Look::Foreign),
            (b"220 mail ESMTP\r\n", Look::Foreign),
            (b"*1\r\n$4\r\nPING\r\n", Look::Foreign),
            (b"\x16\x03\x01\x02", Look::Foreign),
        ];
        for (bytes, expected) in cases {
            assert_eq!(look(bytes, 8192), *expected, "{}", bytes.escape_ascii());
        }
        assert_eq!(look(&[b'A'; 33], 8192), Look::Foreign);
    }
}
