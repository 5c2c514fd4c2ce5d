//! Header fields: credentials as a whole, cookies by their values, and URLs.

use std::borrow::Cow;
use std::ops::Range;

use super::form;
use super::names::Names;
use super::spans::Found;

/// The secrets of a field's value that its name tells. Names of cookies and their attributes are none: a lost `HttpOnly`
/// must be seen.
pub(super) fn find(name: &str, value: &[u8], names: &Names, found: &mut Vec<Found>) {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    if is("set-cookie") || is("set-cookie2") {
        found.push(Found::plain(cookie_value(value, 0..end_of(value, b';'))));
    } else if is("cookie") {
        let mut start = 0;
        for pair in value.split(|b| *b == b';') {
            found.push(Found::plain(cookie_value(value, start..start + pair.len())));
            start += pair.len() + 1;
        }
    } else if names.is_secret_header(name) {
        found.push(Found::plain(credential(value, 0..value.len())));
    } else if ["location", "content-location", "referer", "referrer"].iter().any(|url| is(url)) {
        form::target(value, names, found);
    }
}

fn end_of(value: &[u8], separator: u8) -> usize {
    memchr::memchr(separator, value).unwrap_or(value.len())
}

/// The value of `name=value`; without `=` the whole is the value (RFC 6265, section 5.2).
fn cookie_value(text: &[u8], pair: Range<usize>) -> Range<usize> {
    let part = text.get(pair.clone()).unwrap_or_default();
    let start = memchr::memchr(b'=', part).map_or(0, |at| at + 1);
    let value = trimmed(text, pair.start + start..pair.end);
    let inside = text.get(value.clone()).unwrap_or_default();
    let quoted = inside.len() >= 2 && inside.starts_with(b"\"") && inside.ends_with(b"\"");
    if quoted { value.start + 1..value.end - 1 } else { value }
}

/// A credential without the word for its scheme, which is no secret: `Bearer x`.
pub(super) fn credential(text: &[u8], range: Range<usize>) -> Range<usize> {
    let value = trimmed(text, range);
    let inside = text.get(value.clone()).unwrap_or_default();
    match memchr::memchr(b' ', inside) {
        Some(at) if inside.get(..at).is_some_and(is_scheme) => trimmed(text, value.start + at..value.end),
        _ => value,
    }
}

fn is_scheme(word: &[u8]) -> bool {
    const SCHEMES: [&str; 10] =
        ["basic", "bearer", "digest", "dpop", "hawk", "hoba", "negotiate", "ntlm", "token", "apikey"];
    let known = SCHEMES.iter().any(|scheme| scheme.as_bytes().eq_ignore_ascii_case(word));
    known || word.get(..4).is_some_and(|w| w.eq_ignore_ascii_case(b"aws4") || w.eq_ignore_ascii_case(b"scra"))
}

fn trimmed(text: &[u8], mut range: Range<usize>) -> Range<usize> {
    let blank = |at: usize| text.get(at).is_none_or(u8::is_ascii_whitespace);
    while range.start < range.end && blank(range.start) {
        range.start += 1;
    }
    while range.start < range.end && blank(range.end - 1) {
        range.end -= 1;
    }
    range
}

/// The credential of a JSON member or another named value: without its scheme.
pub(super) fn named(meant: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let range = credential(&meant, 0..meant.len());
    match meant {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(range).unwrap_or_default()),
        Cow::Owned(text) => Cow::Owned(text.get(range).unwrap_or_default().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets<'t>(name: &str, value: &'t str) -> Vec<&'t str> {
        let mut found = Vec::new();
        find(name, value.as_bytes(), &Names::default(), &mut found);
        found.into_iter().filter(|f| !f.range.is_empty()).map(|f| &value[f.range]).collect()
    }

    #[test]
    fn what_is_secret_in_a_field() {
        for (name, value, expected) in [
            ("Authorization", "Bearer abc.def", &["abc.def"][..]),
            ("authorization", "Digest username=\"a\", response=\"b\"", &["username=\"a\", response=\"b\""]),
            ("authorization", "rawtoken", &["rawtoken"]),
            ("Proxy-Authorization", "Basic dTpw", &["dTpw"]),
            ("X-Api-Key", "two words", &["two words"]),
            ("Cookie", "sid=abc; theme=\"dark\"; empty=; bare", &["abc", "dark", "bare"]),
            ("Set-Cookie", "sid=a=b; Path=/; HttpOnly", &["a=b"]),
            ("Set-Cookie", "sid=; Max-Age=0", &[]),
            ("X-CSRF-Token", "z", &["z"]),
            ("Location", "/cb?code=1&access_token=abc", &["abc"]),
            ("ETag", "\"9f86d081884c7d659a2feaa0c55ad015\"", &[]),
            ("Content-Type", "text/html", &[]),
        ] {
            assert_eq!(secrets(name, value), expected, "{name}: {value}");
        }
    }
}
