//! Strings by their decoded value (RFC 8259, section 7).

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// A string's value. UTF-8, except that a lone surrogate, which UTF-8 cannot say, is written as three bytes in UTF-8's
/// pattern (as WTF-8 does). So two strings are equal exactly when these bytes are.
pub(super) fn decode(inner: &[u8], escaped: bool) -> Cow<'_, [u8]> {
    if !escaped {
        return Cow::Borrowed(inner);
    }
    let mut value = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(backslash) = memchr::memchr(b'\\', rest) {
        value.extend_from_slice(rest.get(..backslash).unwrap_or_default());
        rest = rest.get(backslash + 1..).unwrap_or_default();
        let Some((kind, behind)) = rest.split_first() else { break };
        rest = behind;
        match kind {
            b'b' => value.push(8),
            b'f' => value.push(12),
            b'n' => value.push(b'\n'),
            b'r' => value.push(b'\r'),
            b't' => value.push(b'\t'),
            b'u' => rest = decode_unit(rest, &mut value),
            other => value.push(*other),
        }
    }
    value.extend_from_slice(rest);
    Cow::Owned(value)
}

/// Takes the four digits behind `\u`, and a second escape where the two are a surrogate pair. Gives what is left.
fn decode_unit<'t>(rest: &'t [u8], value: &mut Vec<u8>) -> &'t [u8] {
    let (unit, mut behind) = (unit(rest), rest.get(4..).unwrap_or_default());
    let mut code = unit;
    if (0xd800..0xdc00).contains(&unit)
        && let Some(second) = behind.strip_prefix(b"\\u")
        && let low @ 0xdc00..0xe000 = self::unit(second)
    {
        code = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        behind = second.get(4..).unwrap_or_default();
    }
    match char::from_u32(code) {
        Some(c) => value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => value.extend([0xe0 | (code >> 12) as u8, 0x80 | (code >> 6 & 0x3f) as u8, 0x80 | (code & 0x3f) as u8]),
    }
    behind
}

fn unit(digits: &[u8]) -> u32 {
    digits.iter().take(4).fold(0, |sum, d| sum << 4 | (*d as char).to_digit(16).unwrap_or(0))
}

/// Whether two strings have the same value.
pub(super) fn equal(left: (&[u8], bool), right: (&[u8], bool)) -> bool {
    left.0 == right.0 || ((left.1 || right.1) && decode(left.0, left.1) == decode(right.0, right.1))
}

/// Bytes of a name in a path. Each difference has its path, and a document has room for a name of many megabytes.
pub(super) const MAX_NAME: usize = 256;

/// A name as it stands in a path; a lone surrogate becomes U+FFFD. Of a longer name the path has the beginning and a
/// digest of the whole, so that two names stay two and no rule takes one for another.
pub(super) fn shown((inner, escaped): (&[u8], bool)) -> String {
    let name = decode(inner, escaped);
    if name.len() <= MAX_NAME {
        return String::from_utf8_lossy(&name).into_owned();
    }
    let beginning = String::from_utf8_lossy(name.get(..MAX_NAME / 2).unwrap_or_default());
    let digest = Sha256::digest(&name);
    let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}…sha256:{digest}", beginning.trim_end_matches('\u{fffd}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        equal((a.as_bytes(), a.contains('\\')), (b.as_bytes(), b.contains('\\')))
    }

    #[test]
    fn escapes_are_other_spellings_of_one_value() {
        assert!(same(r"A\/\u00e9\n", "\\u0041/é\\u000A"));
        assert!(same(r#"\"\\\b\f\r\t"#, r"\u0022\u005C\u0008\u000c\u000D\u0009"));
        assert!(same(r"\ud834\udd1e", "𝄞"));
        assert!(same(r"\ud800\udc00\uDBFF\uDFFF", "\u{10000}\u{10ffff}"));
        assert!(!same(r"\\n", r"\n"));
        assert!(same(r"\u0000", r"\u0000") && !same(r"\u0000", ""));
    }

    #[test]
    fn lone_surrogates_equal_only_themselves() {
        assert!(same(r"\ud800", r"\uD800"));
        assert!(!same(r"\ud800", r"\ud801"));
        assert!(!same(r"\ud800", "\u{fffd}"));
        assert!(!same(r"\udd1e\ud834", "𝄞"));
        assert!(same(r"\ud800\ud834\udd1e", r"\ud800𝄞"));
        assert!(!same(r"\ud834x\udd1e", "x𝄞"));
        assert_eq!(shown((br"a\ud800", true)), "a\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn a_long_name_is_its_beginning_and_its_digest() {
        let name = |end: &str| shown((format!("{}{end}", "é".repeat(1 << 20)).as_bytes(), false));
        assert!(name("a").len() <= MAX_NAME && name("a").starts_with("ééé"), "{}", name("a"));
        assert_ne!(name("a"), name("b"));
        assert_eq!(name("a"), name("a"));
        assert_eq!(shown((&[b'x'; MAX_NAME], false)).len(), MAX_NAME);
    }
}
