//! A line that is put together by hand: with one for each exchange, the general machinery of formatting and of
//! serialising shows in the time of reading a capture.

use std::io::Write;
use std::net::SocketAddr;

use crate::report::visible;

/// The bytes of one line; cleared and used again.
#[derive(Debug, Default)]
pub(super) struct Line(Vec<u8>);

impl Line {
    /// An empty line, in the place of the last.
    pub(super) fn again(&mut self) -> &mut Line {
        self.0.clear();
        self
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Line {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn number(&mut self, n: u64) -> &mut Line {
        let mut text = [0; 20];
        let at = digits(&mut text, n);
        self.0.extend_from_slice(&text[at..]);
        self
    }

    pub(super) fn address(&mut self, address: SocketAddr) -> &mut Line {
        match address {
            SocketAddr::V4(v4) => {
                // From its end, as numbers are written. The longest has 21 characters, and a dot before the first.
                let mut text = [b'.'; 22];
                let mut at = digits(&mut text, u64::from(v4.port())) - 1;
                text[at] = b':';
                for octet in v4.ip().octets().into_iter().rev() {
                    at = digits(&mut text[..at], u64::from(octet)) - 1;
                }
                self.0.extend_from_slice(&text[at + 1..]);
            }
            SocketAddr::V6(_) => {
                // Writing to a Vec does not fail.
                let _ = write!(self.0, "{address}");
            }
        }
        self
    }

    /// For eyes: see [`visible`].
    pub(super) fn shown(&mut self, text: &str) -> &mut Line {
        if is_plain(text) { self.text(text) } else { self.text(&visible(text)) }
    }

    /// As a JSON string.
    pub(super) fn quoted(&mut self, text: &str) -> &mut Line {
        if is_plain(text) && !text.contains(['"', '\\']) {
            return self.text("\"").text(text).text("\"");
        }
        // Text does always serialise.
        let _ = serde_json::to_writer(&mut self.0, text);
        self
    }
}

/// Writes the number at the end of `text`, which has room for it; gives where it begins.
fn digits(text: &mut [u8], mut n: u64) -> usize {
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            return at;
        }
    }
}

/// Printable ASCII, as nearly everything is.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(make: impl Fn(&mut Line)) -> String {
        let mut line = Line::default();
        line.text("what was here before");
        make(line.again());
        String::from_utf8(line.bytes().to_vec()).unwrap()
    }

    #[test]
    fn numbers_and_addresses_are_as_the_library_has_them() {
        for n in [0, 9, 10, 99, 100, 65_535, u64::MAX / 10, u64::MAX] {
            assert_eq!(made(|line| _ = line.number(n)), n.to_string());
        }
        for text in ["0.0.0.0:0", "10.20.30.4:80", "255.255.255.255:65535", "[::]:1", "[2001:db8::1]:443"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(made(|line| _ = line.address(address)), address.to_string());
        }
    }

    #[test]
    fn strings_are_as_the_library_has_them() {
        let every: Vec<String> = ('\0'..='\u{ff}').map(|c| format!("a{c}b")).collect();
        let others = ["", "plain /path?q=1", "\u{2028}\u{202e}", "\u{10ffff}"].map(str::to_owned);
        for text in every.iter().chain(&others) {
            assert_eq!(made(|line| _ = line.quoted(text)), serde_json::to_string(text).unwrap());
            assert_eq!(made(|line| _ = line.shown(text)), visible(text));
        }
    }
}
