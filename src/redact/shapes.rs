//! What is a secret by its looks, whatever it is called and wherever it stands.
//!
//! - Card numbers: 13 to 19 digits whose Luhn sum is right (ISO/IEC 7812-1), written together or with single spaces or
//!   dashes. Not taken for one: all digits alike, the fraction of a number, and a time stamp in milli-, micro- or
//!   nanoseconds (13, 16 or 19 digits that begin with 1), of which every tenth would be right by chance.
//! - JWTs (RFC 7519) and other compact JOSE: base64url of `{"`, a dot, and what follows.
//! - E-mail addresses with a domain that has a dot.
//! - Private keys in PEM (RFC 7468).
//! - `user:password@` in absolute URLs (RFC 3986, section 3.2.1), and what follows `Bearer` or `Basic`.
//! - In targets: long opaque tokens ([`is_opaque`]).

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// A token of fewer bytes is taken for an id or a word.
pub const MIN_OPAQUE: usize = 32;

/// The regular expressions of this file are constants, and the tests compile each.
fn regex(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static PRIVATE_KEY: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)"));
static JWT: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{2,}(?:\.[A-Za-z0-9_-]*){0,3}"));
static USER_INFO: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r#"://([^/?#\s@"'<>\\]+)@"#));
static SCHEME: LazyLock<Option<Regex>> = LazyLock::new(|| regex(r"(?i)\b(?:bearer|basic)\s+([A-Za-z0-9._~+/=-]{16,})"));
static EMAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"[\pL\pN._+-]+(?:'[\pL\pN._+-]+)*@[\pL\pN](?:[\pL\pN-]*)(?:\.[\pL\pN-]+)*\.\pL{2,}"));

/// Every secret of `text` that is one by its shape. The ranges come in no order and may overlap.
pub(super) fn find(text: &[u8], found: &mut Vec<Range<usize>>) {
    let has = |needle: &[u8]| memchr::memmem::find(text, needle).is_some();
    if has(b"PRIVATE KEY-----") {
        whole(&PRIVATE_KEY, text, found);
    }
    if has(b"eyJ") {
        whole(&JWT, text, found);
    }
    if memchr::memchr(b'@', text).is_some() {
        let before = found.len();
        inside(&USER_INFO, text, found);
        let users: Vec<Range<usize>> = found.get(before..).unwrap_or_default().to_vec();
        let Some(email) = EMAIL.as_ref() else { return };
        for address in email.find_iter(text).map(|m| m.range()) {
            // `https://ada:secret@shop.example/` is no address; `logo@2x.png` is a picture.
            let in_user = users.iter().any(|user| user.start < address.end && address.start < user.end);
            let domain = text.get(address.clone()).and_then(|a| a.split(|b| *b == b'@').nth(1)).unwrap_or_default();
            let picture = matches!(domain, [b'0'..=b'9', b'x', b'.', ..]);
            if !in_user && !picture {
                found.push(address);
            }
        }
    }
    inside(&SCHEME, text, found);
    cards(text, found);
}

fn whole(regex: &LazyLock<Option<Regex>>, text: &[u8], found: &mut Vec<Range<usize>>) {
    found.extend(regex.iter().flat_map(|r| r.find_iter(text)).map(|m| m.range()));
}

/// What the first group matched.
fn inside(regex: &LazyLock<Option<Regex>>, text: &[u8], found: &mut Vec<Range<usize>>) {
    let matches = regex.iter().flat_map(|r| r.captures_iter(text));
    found.extend(matches.filter_map(|m| m.get(1)).map(|m| m.range()));
}

/// Runs of digits with single separators; inside of one, each stretch that may be a card.
fn cards(text: &[u8], found: &mut Vec<Range<usize>>) {
    let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while let Some(next) = text.get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_digit)) {
        groups.clear();
        at += next;
        loop {
            let start = at;
            while digit(at) {
                at += 1;
            }
            groups.push(start..at);
            if !(matches!(text.get(at), Some(b' ' | b'-')) && digit(at + 1)) {
                break;
            }
            at += 1;
        }
        let length = groups.last().map_or(0, |g| g.end) - groups.first().map_or(0, |g| g.start);
        if length >= 13 {
            in_run(text, &groups, found);
        }
    }
}

fn in_run(text: &[u8], groups: &[Range<usize>], found: &mut Vec<Range<usize>>) {
    for first in 0..groups.len() {
        let mut digits = 0;
        let mut even = true;
        for (last, group) in groups.iter().enumerate().skip(first) {
            digits += group.len();
            even &= (3..=7).contains(&group.len());
            if digits > 19 {
                break;
            }
            let alone = first == last;
            let all = first == 0 && last == groups.len() - 1;
            if digits >= 13 && (alone || all || even) {
                let range = groups.get(first).map_or(0, |g| g.start)..group.end;
                let stamp = alone && text.get(range.start) == Some(&b'1') && matches!(digits, 13 | 16 | 19);
                if !stamp && stands_free(text, &range) && luhn(text.get(range.clone()).unwrap_or_default()) {
                    found.push(range);
                }
            }
        }
    }
}

/// Neither a part of a word nor of a decimal number.
fn stands_free(text: &[u8], range: &Range<usize>) -> bool {
    let before = |n: usize| range.start.checked_sub(n).and_then(|at| text.get(at)).copied().unwrap_or(0);
    let after = |n: usize| text.get(range.end + n).copied().unwrap_or(0);
    let in_word = before(1).is_ascii_alphanumeric() || after(0).is_ascii_alphanumeric();
    let is_fraction = before(1) == b'.' && before(2).is_ascii_digit();
    let has_fraction = after(0) == b'.' && after(1).is_ascii_digit();
    !in_word && !is_fraction && !has_fraction
}

/// Every second digit from the right doubled, the digits of the products added: a multiple of ten.
fn luhn(text: &[u8]) -> bool {
    let digits = || text.iter().rev().filter(|b| b.is_ascii_digit()).map(|b| u32::from(b - b'0'));
    let doubled = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 = digits().enumerate().map(|(n, digit)| if n % 2 == 1 { doubled(digit) } else { digit }).sum();
    let first = digits().next();
    sum.is_multiple_of(10) && digits().any(|digit| Some(digit) != first)
}

/// Whether a segment of a path or a value of a query looks like a secret: [`MIN_OPAQUE`] bytes or more of base64url or
/// hexadecimal, letters and digits mixed, that are neither a UUID nor words.
pub fn is_opaque(text: &[u8]) -> bool {
    let alphabet = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'+' | b'=');
    if text.len() < MIN_OPAQUE || !text.iter().all(alphabet) || is_uuid(text) {
        return false;
    }
    let (digits, letters) = (text.iter().any(u8::is_ascii_digit), text.iter().any(u8::is_ascii_alphabetic));
    if !digits || !letters {
        return false;
    }
    let class = |b: u8| (b.is_ascii_digit(), b.is_ascii_uppercase(), b.is_ascii_lowercase());
    let in_words = text.iter().any(|b| !b.is_ascii_alphanumeric() && *b != b'=');
    let turns = text.windows(2).filter(|w| {
        w.iter().all(u8::is_ascii_alphanumeric) && w.first().map(|b| class(*b)) != w.last().map(|b| class(*b))
    });
    // `how-to-set-up-a-shop-in-2026-part-2` has letters and digits too, but does not turn from one to the other.
    !in_words || turns.count() >= 6
}

/// Whether text looks like a JWT from its beginning.
pub fn is_jwt(text: &[u8]) -> bool {
    text.starts_with(b"eyJ") && JWT.as_ref().and_then(|r| r.find(text)).is_some_and(|m| m.start() == 0)
}

/// 8-4-4-4-12 hexadecimal digits (RFC 9562, section 4).
fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        find(text.as_bytes(), &mut found);
        found.sort_by_key(|range| range.start);
        found.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn every_expression_compiles() {
        assert!([&PRIVATE_KEY, &JWT, &USER_INFO, &SCHEME, &EMAIL].iter().all(|regex| regex.is_some()));
    }

    #[test]
    fn cards_are_told_by_their_sum() {
        for (text, expected) in [
            ("4111111111111111", &["4111111111111111"][..]),
            ("pay 4111 1111 1111 1111.", &["4111 1111 1111 1111"]),
            ("4111-1111-1111-1111", &["4111-1111-1111-1111"]),
            ("378282246310005 and 3782 822463 10005", &["378282246310005", "3782 822463 10005"]),
            ("6304000000000000000", &["6304000000000000000"]),
            ("2026-11-20 4111 1111 1111 1111 0", &["4111 1111 1111 1111"]),
            ("card-4111111111111111,", &["4111111111111111"]),
            ("\"4222222222222\"", &["4222222222222"]),
            ("order 4111111111111112", &[]),
            ("1700000000003", &[]),
            ("0000000000000000", &[]),
            ("3.4111111111111111", &[]),
            ("4111111111111111.50", &[]),
            ("a4111111111111111", &[]),
            ("41111111111111111111111111", &[]),
            ("f47ac10b-58cc-4372-a567-0e02b2c3d479", &[]),
            ("12345678-1234-1234-1234-123456789012", &[]),
            ("19.99 1,299.00 2026-11-20T10:00:00.123456789Z", &[]),
            ("+49 30 1234567", &[]),
        ] {
            assert_eq!(secrets(text), expected, "{text}");
        }
    }

    #[test]
    fn addresses_tokens_and_keys_have_their_shapes() {
        for (text, expected) in [
            ("write to ada@example.org, or", &["ada@example.org"][..]),
            ("<ada.l+shop@mail.example.co.uk>", &["ada.l+shop@mail.example.co.uk"]),
            ("o'brien@example.org", &["o'brien@example.org"]),
            ("jörg@exämple.de", &["jörg@exämple.de"]),
            ("logo@2x.png foo@1.2.3 @ada a@b", &[]),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig_-1 x", &["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig_-1"]),
            ("eyJhbGciOiJub25lIn0.e30.", &["eyJhbGciOiJub25lIn0.e30."]),
            ("eyJub3QiOiJqd3QifQ==", &[]),
            ("https://ada:s3cret@shop.example/x", &["ada:s3cret"]),
            ("https://shop.example/@ada", &[]),
            ("Bearer abcdefghijklmnop.q", &["abcdefghijklmnop.q"]),
            ("basic authentication", &[]),
            (
                "x -----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- y",
                &["-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----"],
            ),
            ("-----BEGIN PRIVATE KEY-----\nMII", &["-----BEGIN PRIVATE KEY-----\nMII"]),
            ("-----BEGIN CERTIFICATE-----\nMII", &[]),
        ] {
            assert_eq!(secrets(text), expected, "{text}");
        }
    }

    #[test]
    fn opaque_tokens_are_long_and_mixed() {
        for (text, opaque) in [
            ("9f86d081884c7d659a2feaa0c55ad015", true),
            ("3f2A9c1b04_kD-9s8Xq2LmT0pZ7vWc1yRb", true),
            ("AIzaSyA1234567890abcdefghijklmnopqrstuv", true),
            ("abcdefghijklmnopqrstuvwxyzabcdefgh1", true),
            ("f47ac10b-58cc-4372-a567-0e02b2c3d479", false),
            ("how-to-set-up-a-shop-in-2026-part-2", false),
            ("9f86d081884c7d659a2feaa0c55ad01", false),
            ("12345678901234567890123456789012345", false),
            ("getCustomerPaymentMethodsByCustomerAndCountry", false),
            ("9f86d081884c7d659a2feaa0c55ad01 5", false),
        ] {
            assert_eq!(is_opaque(text.as_bytes()), opaque, "{text}");
        }
        assert!(is_jwt(b"eyJhbGciOiJub25lIn0.e30.") && !is_jwt(b"x.eyJhbGciOiJub25lIn0.e30"));
    }
}
