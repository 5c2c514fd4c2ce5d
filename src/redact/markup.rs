//! Names with their values in any text: `password=x`, `"token": "x"`, `<secret>x</secret>`,
//! `<input name="csrf" value="x">`. The text need not be well formed: a page is what a server sent.

use std::ops::Range;

use memchr::{memchr, memchr2_iter, memmem};

use super::names::Names;

/// A name before a separator is looked for so far back.
const MAX_NAME: usize = 128;
/// An element's end is looked for so far.
const MAX_ELEMENT: usize = 64 << 10;
/// Attributes of one tag that are looked at.
const MAX_ATTRIBUTES: usize = 64;
/// Words that stand before a credential and are none (RFC 9110, section 11.1).
const SCHEMES: [&[u8]; 6] = [b"bearer", b"basic", b"digest", b"token", b"negotiate", b"apikey"];

/// The values in `text` that are secrets by the names beside them.
pub(super) fn find(text: &[u8], names: &Names, found: &mut Vec<Range<usize>>) {
    pairs(text, names, found);
    tags(text, names, found);
}

fn pairs(text: &[u8], names: &Names, found: &mut Vec<Range<usize>>) {
    for separator in memchr2_iter(b':', b'=', text) {
        let Some(name) = name_before(text, separator) else { continue };
        if names.is_secret(name) {
            let value = value_after(text, separator + 1);
            if !value.is_empty() {
                found.push(value);
            }
        }
    }
}

/// The name that ends before `end`, perhaps with a quote and white space between.
fn name_before(text: &[u8], end: usize) -> Option<&str> {
    let floor = end.saturating_sub(MAX_NAME);
    let back = |mut at: usize, fits: fn(&u8) -> bool| {
        while at > floor && text.get(at - 1).is_some_and(fits) {
            at -= 1;
        }
        at
    };
    let end = back(end, |b| matches!(b, b' ' | b'\t'));
    let quoted = text.get(end.checked_sub(1)?).is_some_and(|b| matches!(b, b'"' | b'\'' | b'`'));
    let end = if quoted { end - 1 } else { end };
    let letters = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'[' | b']' | 0x80..);
    let start = back(end, letters);
    std::str::from_utf8(text.get(start..end)?).ok()
}

/// The value that begins behind a separator: quoted, or up to what cannot belong to one.
fn value_after(text: &[u8], mut at: usize) -> Range<usize> {
    if text.get(at) == Some(&b'>') {
        at += 1;
    }
    at = past_blanks(text, at);
    if let Some(quote @ (b'"' | b'\'' | b'`')) = text.get(at) {
        return at + 1..quoted_end(text, at + 1, *quote);
    }
    let mut value = at..word_end(text, at);
    // `Authorization: Bearer x`
    let is_scheme = |range: &Range<usize>| {
        text.get(range.clone()).is_some_and(|word| SCHEMES.iter().any(|s| s.eq_ignore_ascii_case(word)))
    };
    if is_scheme(&value) && text.get(value.end) == Some(&b' ') {
        let start = past_blanks(text, value.end);
        value = start..word_end(text, start);
    }
    value
}

fn past_blanks(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}

fn quoted_end(text: &[u8], mut at: usize, quote: u8) -> usize {
    loop {
        match text.get(at) {
            Some(b'\\') => at += 2,
            Some(byte) if *byte == quote => return at,
            Some(_) => at += 1,
            None => return text.len(),
        }
    }
}

fn word_end(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let ends = |b: &u8| b.is_ascii_whitespace() || b"\"'`<>&;,{}[]()\\".contains(b);
    from + rest.iter().position(ends).unwrap_or(rest.len())
}

fn tags(text: &[u8], names: &Names, found: &mut Vec<Range<usize>>) {
    let mut at = 0;
    while let Some(next) = text.get(at..).and_then(|rest| memchr(b'<', rest)) {
        at += next + 1;
        let name_end = at + text.get(at..).unwrap_or_default().iter().take_while(|b| is_name(b)).count();
        if name_end == at {
            continue;
        }
        let end = tag_end(text, name_end);
        if let Ok(name) = std::str::from_utf8(text.get(at..name_end).unwrap_or_default())
            && names.is_secret(name)
            && text.get(end - 1) != Some(&b'/')
        {
            let content = content(text, &text[at..name_end], end + 1);
            if !content.is_empty() {
                found.push(content);
            }
        }
        attributes(text, name_end..end, names, found);
        at = name_end;
    }
}

fn is_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':')
}

/// Where the tag's `>` stands, or the text ends.
fn tag_end(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..text.len().min(from + MAX_ELEMENT)).unwrap_or_default();
    from + memchr(b'>', rest).unwrap_or(rest.len())
}

/// What stands between a tag and its end, without the white space around it and without CDATA's brackets.
fn content(text: &[u8], name: &[u8], from: usize) -> Range<usize> {
    let inside = text.get(from..text.len().min(from + MAX_ELEMENT)).unwrap_or_default();
    let close = [b"</", name].concat();
    let end = memmem::find(inside, &close).or_else(|| memchr(b'<', inside)).unwrap_or(inside.len());
    let mut range = from..from + end;
    let blank = |at: usize| text.get(at).is_some_and(u8::is_ascii_whitespace);
    while range.start < range.end && blank(range.start) {
        range.start += 1;
    }
    while range.start < range.end && blank(range.end - 1) {
        range.end -= 1;
    }
    const OPEN: &[u8] = b"<![CDATA[";
    if text.get(range.clone()).is_some_and(|t| t.starts_with(OPEN) && t.ends_with(b"]]>")) {
        range = range.start + OPEN.len()..range.end - 3;
    }
    range
}

/// In a tag that names something by an attribute, the value that another attribute gives it.
fn attributes(text: &[u8], tag: Range<usize>, names: &Names, found: &mut Vec<Range<usize>>) {
    let mut values = Vec::new();
    let mut secret = false;
    let inside = text.get(tag.clone()).unwrap_or_default();
    for equals in memchr::memchr_iter(b'=', inside).take(MAX_ATTRIBUTES).map(|at| tag.start + at) {
        let Some(name) = name_before(text, equals) else { continue };
        let value = value_after(text, equals + 1);
        let text = || text.get(value.clone()).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "name" | "id" | "property" | "key" | "itemprop" => secret |= names.is_secret(text()),
            "type" => secret |= text().eq_ignore_ascii_case("password"),
            "value" | "content" => values.push(value),
            _ => {}
        }
    }
    if secret {
        found.extend(values.into_iter().filter(|value| !value.is_empty()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        find(text.as_bytes(), &Names::default(), &mut found);
        found.sort_by_key(|range| range.start);
        found.dedup();
        found.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn values_stand_behind_their_names() {
        for (text, expected) in [
            ("password=hunter2&x=1", &["hunter2"][..]),
            ("see https://a/?u=1&access_token=abc#x", &["abc#x"]),
            (r#"{"token" : "a\"b", "n": 1}"#, &[r#"a\"b"#]),
            ("{'pin': 1234}", &["1234"]),
            ("Authorization: Basic dTpw\r\nHost: x", &["dTpw"]),
            ("password: \n", &[]),
            ("secret => 'x'", &["x"]),
            (r#"token="never closed"#, &["never closed"]),
            ("passenger=1 company: 2 http://x", &[]),
        ] {
            assert_eq!(secrets(text), expected, "{text}");
        }
    }

    #[test]
    fn elements_and_inputs_are_read_as_pages_have_them() {
        for (text, expected) in [
            ("<a><password>x y</password></a>", &["x y"][..]),
            ("<ns:ApiKey kind=\"a\">\n x\n</ns:ApiKey>", &["x"]),
            ("<secret><![CDATA[a<b]]></secret>", &["a<b"]),
            ("<session><id>7</id><x/></session> y", &["<id>7</id><x/>"]),
            ("<token/> y", &[]),
            ("<token>open", &["open"]),
            ("<input type=hidden name=\"csrf_token\" value='abc'>", &["abc"]),
            ("<input value=abc name=csrf_token>", &["abc"]),
            ("<input type=\"password\" value=\"abc\">", &["abc"]),
            ("<meta name=\"csrf-token\" content=\"abc\" />", &["abc"]),
            ("<input name=q value=abc>", &[]),
            ("<user password=\"abc\"/>", &["abc"]),
            ("a < b <", &[]),
        ] {
            assert_eq!(secrets(text), expected, "{text}");
        }
    }
}
