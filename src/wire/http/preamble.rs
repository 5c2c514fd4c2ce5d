//! What may stand before the first message of a connection: a SOCKS handshake (RFC 1928, 1929 and SOCKS 4) or a
//! PROXY protocol header. Their lengths are computed, so that the first message is found wherever segments end.

use super::reader::Role;

/// Longest SOCKS 4 request, user and host name together.
const SOCKS4: usize = 600;
/// Longest PROXY line of version 1, by its specification.
const PROXY_LINE: usize = 107;
/// Steps of the longest handshake in one direction (SOCKS 5: how to log in, the login, the address).
pub(crate) const HANDSHAKE_STEPS: u8 = 3;
const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What the bytes at the start of a direction are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Preamble {
    /// Not one of those known here.
    None,
    /// More bytes are needed to tell.
    Unclear,
    /// A part of a handshake, so many bytes long.
    Skip(usize),
}

/// Looks for a handshake message; `step` counts those already met in this direction.
pub(crate) fn preamble(bytes: &[u8], role: Option<Role>, step: u8) -> Preamble {
    let Some(first) = bytes.first() else { return Preamble::Unclear };
    match (*first, role) {
        (b'P', _) if step == 0 => proxy_line(bytes),
        (b'\r', _) if step == 0 => proxy_v2(bytes),
        (4, Some(Role::Request)) if step == 0 => socks4(bytes),
        (5, Some(Role::Request)) if step == 0 => sized(bytes, 1, |n| 2 + n),
        (5, Some(Role::Response)) if step == 0 => fixed(bytes, 2),
        (0, Some(Role::Response)) if step == 0 => match bytes.get(1) {
            Some(0x5a..=0x5d) => fixed(bytes, 8),
            Some(_) => Preamble::None,
            None => Preamble::Unclear,
        },
        (1, Some(Role::Request)) if step > 0 => credentials(bytes),
        (1, Some(Role::Response)) if step > 0 => fixed(bytes, 2),
        (5, Some(_)) if step > 0 => address(bytes),
        _ => Preamble::None,
    }
}

fn fixed(bytes: &[u8], length: usize) -> Preamble {
    if bytes.len() < length { Preamble::Unclear } else { Preamble::Skip(length) }
}

fn sized(bytes: &[u8], at: usize, length: impl Fn(usize) -> usize) -> Preamble {
    match bytes.get(at) {
        None => Preamble::Unclear,
        Some(n) => fixed(bytes, length(usize::from(*n))),
    }
}

fn address(bytes: &[u8]) -> Preamble {
    match bytes.get(3) {
        None => Preamble::Unclear,
        Some(1) => fixed(bytes, 10),
        Some(4) => fixed(bytes, 22),
        Some(3) => sized(bytes, 4, |n| 7 + n),
        Some(_) => Preamble::None,
    }
}

fn credentials(bytes: &[u8]) -> Preamble {
    let Some(user) = bytes.get(1) else { return Preamble::Unclear };
    let user = usize::from(*user);
    sized(bytes, 2 + user, |password| 3 + user + password)
}

fn socks4(bytes: &[u8]) -> Preamble {
    let Some(ip) = bytes.get(4..8) else { return Preamble::Unclear };
    let named = ip[..3] == [0, 0, 0] && ip[3] != 0;
    let mut ends = memchr::memchr_iter(0, &bytes[8..]);
    match ends.nth(usize::from(named)) {
        Some(end) => Preamble::Skip(8 + end + 1),
        None if bytes.len() > SOCKS4 => Preamble::None,
        None => Preamble::Unclear,
    }
}

fn proxy_line(bytes: &[u8]) -> Preamble {
    const NAME: &[u8] = b"PROXY ";
    let n = bytes.len().min(NAME.len());
    if bytes[..n] != NAME[..n] {
        return Preamble::None;
    }
    match memchr::memmem::find(bytes, b"\r\n") {
        // `PROXY / HTTP/1.1` would be a request with an odd method.
        Some(end) if end <= PROXY_LINE && !bytes[..end].ends_with(b"HTTP/1.1") => Preamble::Skip(end + 2),
        None if bytes.len() <= PROXY_LINE => Preamble::Unclear,
        _ => Preamble::None,
    }
}

fn proxy_v2(bytes: &[u8]) -> Preamble {
    let n = bytes.len().min(PROXY_V2.len());
    if bytes[..n] != PROXY_V2[..n] || n < 5 {
        // Line ends before the first message are no preamble; they need no patience.
        return Preamble::None;
    }
    match bytes.get(14..16) {
        Some(length) => fixed(bytes, 16 + usize::from(u16::from_be_bytes([length[0], length[1]]))),
        None => Preamble::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_are_measured() {
        let client = Some(Role::Request);
        let server = Some(Role::Response);
        assert_eq!(preamble(b"\x05\x02\x00\x02", client, 0), Preamble::Skip(4));
        assert_eq!(preamble(b"\x05\x02\x00", client, 0), Preamble::Unclear);
        assert_eq!(preamble(b"\x01\x02ab\x01cGET", client, 1), Preamble::Skip(6));
        assert_eq!(preamble(b"\x05\x01\x00\x03\x03abc\x00\x50GET", client, 1), Preamble::Skip(10));
        assert_eq!(preamble(b"\x05\x00\x00\x01\x01\x02\x03\x04\x00\x50", server, 1), Preamble::Skip(10));
        assert_eq!(preamble(b"\x04\x01\x00\x50\x00\x00\x00\x01u\0host\0GET", client, 0), Preamble::Skip(15));
        assert_eq!(preamble(b"\x00\x5a\x00\x50\x01\x02\x03\x04HTTP", server, 0), Preamble::Skip(8));
        assert_eq!(preamble(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET", client, 0), Preamble::Skip(32));
        assert_eq!(preamble(b"PROXY / HTTP/1.1\r\n", client, 0), Preamble::None);
        assert_eq!(preamble(b"POST / HTTP/1.1\r\n", client, 0), Preamble::None);
        assert_eq!(preamble(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x01aGET", client, 0), Preamble::Skip(17));
        assert_eq!(preamble(b"\x16\x03\x01", client, 0), Preamble::None);
    }
}
