//! Whether one path segment is a word of the interface or a value of the data.

use crate::redact::shapes;

/// What a variable segment looked like when it was first seen; its name in the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Variable {
    /// Digits, or letters and digits as in `SKU-00123`; also several shapes in one place.
    Id,
    /// 8-4-4-4-12 hexadecimal digits (RFC 9562, section 4).
    Uuid,
    /// 26 letters and digits of Crockford's base 32 (the ULID specification).
    Ulid,
    /// Eight or more hexadecimal digits.
    Hex,
    /// `2026-11-20`, also with a time of day behind it.
    Date,
    /// Something with an `@` in it.
    Email,
    /// Long and mixed as base64 is, not text, or too long to be a word.
    Token,
    /// Words, but too many different ones.
    Name,
    /// Everything past the depth limit.
    Rest,
}

impl Variable {
    pub(super) fn template(self) -> &'static str {
        match self {
            Variable::Id => "{id}",
            Variable::Uuid => "{uuid}",
            Variable::Ulid => "{ulid}",
            Variable::Hex => "{hex}",
            Variable::Date => "{date}",
            Variable::Email => "{email}",
            Variable::Token => "{token}",
            Variable::Name => "{name}",
            Variable::Rest => "{rest}",
        }
    }
}

/// A literal segment is kept up to this length; a longer one is a value.
pub(super) const MAX_LITERAL_BYTES: usize = 64;

/// The part of a segment before its matrix parameters (`;jsessionid=...`, RFC 3986, section 3.3).
pub(super) fn without_parameters(segment: &[u8]) -> &[u8] {
    match memchr::memchr(b';', segment) {
        Some(at) => &segment[..at],
        None => segment,
    }
}

/// The shape of a segment that is a value at first sight; None for what may be a word.
pub(super) fn variable(segment: &[u8]) -> Option<Variable> {
    if segment.is_empty() {
        return None;
    }
    let Ok(text) = std::str::from_utf8(segment) else { return Some(Variable::Token) };
    if text.len() > MAX_LITERAL_BYTES || text.chars().any(char::is_control) {
        return Some(Variable::Token);
    }
    let bytes = text.as_bytes();
    if text.contains('@') || text.contains("%40") {
        return Some(Variable::Email);
    }
    // What would be hidden in a request's line must not be shown in its endpoint's.
    if shapes::is_opaque(bytes) || shapes::is_jwt(bytes) {
        return Some(Variable::Token);
    }
    if is_uuid(bytes) {
        return Some(Variable::Uuid);
    }
    if is_date(bytes) {
        return Some(Variable::Date);
    }
    let digits = digits_outside_escapes(bytes);
    if bytes.iter().all(u8::is_ascii_digit) {
        return Some(Variable::Id);
    }
    if is_ulid(bytes) {
        return Some(Variable::Ulid);
    }
    if bytes.len() >= 8 && digits > 0 && bytes.iter().all(u8::is_ascii_hexdigit) {
        return Some(Variable::Hex);
    }
    if is_token(bytes, digits) {
        return Some(Variable::Token);
    }
    let separated = bytes.iter().any(|b| matches!(b, b'-' | b'_' | b'.' | b'~' | b':'));
    // v1, oauth2, s3 and 2fa stay words.
    (digits >= 3 || (digits == 2 && separated)).then_some(Variable::Id)
}

fn digits_outside_escapes(bytes: &[u8]) -> usize {
    let (mut digits, mut at) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        digits += usize::from(byte.is_ascii_digit());
        at += if *byte == b'%' { 3 } else { 1 };
    }
    digits
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_ulid(bytes: &[u8]) -> bool {
    bytes.len() == 26
        && (b'0'..=b'7').contains(&bytes[0])
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() && !matches!(b.to_ascii_uppercase(), b'I' | b'L' | b'O' | b'U'))
}

fn is_date(bytes: &[u8]) -> bool {
    let shape = bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(at, b)| match at {
            4 | 7 => *b == b'-',
            _ => b.is_ascii_digit(),
        });
    shape && (bytes.len() == 10 || matches!(bytes[10], b'T' | b't' | b'_' | b'%'))
}

/// Long, of base64's alphabet (RFC 4648, sections 4 and 5), and mixed in a way that words are not.
fn is_token(bytes: &[u8], digits: usize) -> bool {
    let alphabet = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'=' | b'.');
    if bytes.len() < 16 || !bytes.iter().all(alphabet) {
        return false;
    }
    let upper = bytes.iter().any(u8::is_ascii_uppercase);
    let lower = bytes.iter().any(u8::is_ascii_lowercase);
    // camelCase changes from lower to upper now and then; a token does so all the time.
    let turns = bytes.windows(2).filter(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase()).count();
    upper && lower && (digits >= 2 || turns * 5 >= bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_from_words() {
        for (segment, shape) in [
            ("17", "{id}"),
            ("SKU-00123", "{id}"),
            ("c-17", "{id}"),
            ("ord_9", ""),
            ("10.0.0.1", "{id}"),
            ("f47ac10b-58cc-4372-a567-0e02b2c3d479", "{uuid}"),
            ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "{ulid}"),
            ("3f2a9c1e", "{hex}"),
            ("2026-11-20", "{date}"),
            ("2026-11-20T10:00:00Z", "{date}"),
            ("ada@example.org", "{email}"),
            ("ada%40example.org", "{email}"),
            ("eyJhbGciOiJIUzI1NiJ9.e30", "{token}"),
            ("abcdefghijklmnopqrstuvwxyzabcdefgh1", "{token}"),
            ("eyJhbGciOiJub.abcdefg", "{token}"),
            ("4111-1111-1111-1111", "{id}"),
            ("4111%201111%201111%201111", "{id}"),
            ("products", ""),
            ("orders", ""),
            ("v1", ""),
            ("v2.1", "{id}"),
            ("oauth2", ""),
            ("facade", ""),
            ("feedface", ""),
            ("getCustomerPaymentMethods", ""),
            ("caf%C3%A9", ""),
            ("new-arrivals", ""),
            ("", ""),
        ] {
            assert_eq!(variable(segment.as_bytes()).map_or("", Variable::template), shape, "{segment}");
        }
    }

    #[test]
    fn hostile_segments_are_values() {
        assert_eq!(variable(&[0xff, 0xfe]), Some(Variable::Token));
        assert_eq!(variable(b"a\x1b[31m"), Some(Variable::Token));
        assert_eq!(variable(&[b'a'; MAX_LITERAL_BYTES + 1]), Some(Variable::Token));
        assert_eq!(variable(&[b'a'; MAX_LITERAL_BYTES]), None);
    }
}
