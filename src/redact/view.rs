//! A text with its escapes undone, and the way back to where each byte stood.

use std::borrow::Cow;
use std::ops::Range;

/// One way of escaping. Each is undone by itself: in a secret, what looks like another is meant as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Backslashes, as in JSON strings (RFC 8259, section 7) and scripts.
    Backslash,
    /// Percent-encoding (RFC 3986, section 2.1).
    Percent,
    /// HTML's character references.
    Reference,
}

impl Escapes {
    pub(super) const ALL: [Escapes; 3] = [Escapes::Backslash, Escapes::Percent, Escapes::Reference];

    fn mark(self) -> u8 {
        match self {
            Escapes::Backslash => b'\\',
            Escapes::Percent => b'%',
            Escapes::Reference => b'&',
        }
    }
}

/// A text to be searched. Texts are at most [`super::MAX_REDACTED`] bytes long, so that places fit.
#[derive(Debug)]
pub(super) struct View<'t> {
    pub(super) bytes: Cow<'t, [u8]>,
    /// Where each byte begins and ends in the text that the view was made of; None: where it stands.
    places: Option<Vec<(u32, u32)>>,
}

impl<'t> View<'t> {
    pub(super) fn plain(text: &'t [u8]) -> View<'t> {
        View { bytes: Cow::Borrowed(text), places: None }
    }

    /// The range of the first text that holds these bytes of the view.
    pub(super) fn source(&self, range: Range<usize>) -> Range<usize> {
        let Some(places) = &self.places else { return range };
        let place = |at: usize| places.get(at).copied().unwrap_or_default();
        if range.is_empty() {
            return 0..0;
        }
        place(range.start).0 as usize..place(range.end - 1).1 as usize
    }

    /// The view with the escapes undone once; None where there is none.
    pub(super) fn undone(&self, escapes: Escapes) -> Option<View<'static>> {
        let text: &[u8] = &self.bytes;
        memchr::memchr(escapes.mark(), text)?;
        let (mut bytes, mut places) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len()));
        let mut at = 0;
        let mut changed = false;
        while let Some(byte) = text.get(at) {
            let mut buffer = [0; 4];
            let (meant, length) = match escape(text, at, escapes) {
                Some((c, length)) => (c.bytes(&mut buffer), length),
                None => (std::slice::from_ref(byte), 1),
            };
            changed |= length > 1;
            let place = self.source(at..at + length);
            bytes.extend_from_slice(meant);
            places.extend(meant.iter().map(|_| (place.start as u32, place.end as u32)));
            at += length;
        }
        changed.then_some(View { bytes: Cow::Owned(bytes), places: Some(places) })
    }
}

/// What an escape stands for.
enum Meant {
    Byte(u8),
    Char(char),
}

impl Meant {
    fn bytes(self, buffer: &mut [u8; 4]) -> &[u8] {
        match self {
            Meant::Char(c) => c.encode_utf8(buffer).as_bytes(),
            Meant::Byte(byte) => {
                buffer[0] = byte;
                &buffer[..1]
            }
        }
    }
}

/// What the escape that begins at `at` stands for, and its length.
fn escape(text: &[u8], at: usize, escapes: Escapes) -> Option<(Meant, usize)> {
    if text.get(at) != Some(&escapes.mark()) {
        return None;
    }
    match escapes {
        Escapes::Backslash => backslash(text, at),
        Escapes::Percent => Some((Meant::Byte(u8::try_from(hex(text, at + 1, 2)?).ok()?), 3)),
        Escapes::Reference => reference(text, at),
    }
}

fn backslash(text: &[u8], at: usize) -> Option<(Meant, usize)> {
    let byte = match text.get(at + 1)? {
        b'u' => {
            let unit = hex(text, at + 2, 4)?;
            let low = || (text.get(at + 6..at + 8) == Some(b"\\u")).then(|| hex(text, at + 8, 4)).flatten();
            return match (unit, low()) {
                (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
                    let c = char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00))?;
                    Some((Meant::Char(c), 12))
                }
                _ => Some((Meant::Char(char::from_u32(unit).unwrap_or('\u{fffd}')), 6)),
            };
        }
        b'x' => return Some((Meant::Byte(u8::try_from(hex(text, at + 2, 2)?).ok()?), 4)),
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        other @ (b'"' | b'\\' | b'/' | b'\'') => *other,
        _ => return None,
    };
    Some((Meant::Byte(byte), 2))
}

fn reference(text: &[u8], at: usize) -> Option<(Meant, usize)> {
    let inside = text.get(at + 1..text.len().min(at + 12))?;
    let end = inside.iter().position(|b| *b == b';')?;
    let name = std::str::from_utf8(inside.get(..end)?).ok()?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "commat" => '@',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((Meant::Char(c), end + 2))
}

fn hex(text: &[u8], at: usize, digits: usize) -> Option<u32> {
    let digits = text.get(at..at + digits)?;
    digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}

/// A text without its escapes.
pub(super) fn without_escapes(text: &[u8], escapes: Escapes) -> Cow<'_, [u8]> {
    match View::plain(text).undone(escapes) {
        Some(view) => Cow::Owned(view.bytes.into_owned()),
        None => Cow::Borrowed(text),
    }
}

/// A value of a query or a form as it is meant (application/x-www-form-urlencoded): `+` is a space.
pub(super) fn without_percents(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|b| matches!(b, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let mut meant = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let decoded = (*byte == b'%').then(|| hex(text, at + 1, 2)).flatten();
        let plain = if *byte == b'+' { b' ' } else { *byte };
        let (byte, length) = decoded.and_then(|code| u8::try_from(code).ok()).map_or((plain, 1), |code| (code, 3));
        meant.push(byte);
        at += length;
    }
    Cow::Owned(meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_every_byte_knows_where_it_stood() {
        for (escapes, text, meant) in [
            (Escapes::Percent, r"a%40b\n&amp;", r"a@b\n&amp;"),
            (Escapes::Percent, "%c3%a9 100% %zz", "é 100% %zz"),
            (Escapes::Backslash, r"a\u0040b\n\/%40", "a@b\n/%40"),
            (Escapes::Backslash, r"\ud83d\ude00!\x41", "😀!A"),
            (Escapes::Backslash, r"\ud83d!\q", "\u{fffd}!\\q"),
            (Escapes::Reference, "a&amp;b&#64;c&#x40;d&commat; & &c;", "a&b@c@d@ & &c;"),
        ] {
            let view = View::plain(text.as_bytes()).undone(escapes).unwrap();
            assert_eq!(String::from_utf8_lossy(&view.bytes), meant);
            assert_eq!(view.source(0..view.bytes.len()), 0..text.len());
            let places: Vec<usize> = (0..view.bytes.len()).map(|at| view.source(at..at + 1).start).collect();
            assert!(places.is_sorted());
        }
        assert!(View::plain(b"100% & more").undone(Escapes::Percent).is_none());
    }

    #[test]
    fn twice_escaped_leads_back_to_the_first_text() {
        let text = b"x a%2540b y";
        let once = View::plain(text).undone(Escapes::Percent).unwrap();
        let twice = once.undone(Escapes::Percent).unwrap();
        assert_eq!(&*twice.bytes, b"x a@b y");
        assert_eq!(&text[twice.source(2..5)], b"a%2540b");
    }

    #[test]
    fn a_form_has_spaces_of_its_own() {
        assert_eq!(&*without_percents(b"a+b%2Bc%"), b"a b+c%");
    }
}
