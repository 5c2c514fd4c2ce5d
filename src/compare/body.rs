//! What kind of body is it? By its media type, and by a look inside where there is none.

use super::json;

/// How a body is to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// By meaning. The media type says so; whether it is JSON the comparison finds out.
    Json,
    /// JSON texts one behind the other: compared as an array of them (see [`as_array`]).
    JsonLines,
    /// Line by line; it is UTF-8.
    Text,
    /// By digest.
    Bytes,
}

/// Media types that are text without saying so.
const TEXT_TYPES: [&str; 8] = [
    "application/xml",
    "application/javascript",
    "application/ecmascript",
    "application/x-javascript",
    "application/x-www-form-urlencoded",
    "application/yaml",
    "application/x-yaml",
    "application/graphql",
];
/// Media types of JSON texts that follow each other, by line or (RFC 7464) by record separator.
const JSON_LINES_TYPES: [&str; 7] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
    "application/json-seq",
];

/// The kind of a decoded body with this `Content-Type`. A `charset` is not believed but looked at: text that is not
/// UTF-8, in whatever charset, is compared as bytes, for two such texts that are equal are equal bytes.
pub fn kind(content_type: Option<&[u8]>, body: &[u8]) -> BodyKind {
    let text_or_bytes = || if std::str::from_utf8(body).is_ok() { BodyKind::Text } else { BodyKind::Bytes };
    match content_type.and_then(essence) {
        Some(essence) => {
            let (main, sub) = essence.split_once('/').unwrap_or_default();
            if JSON_LINES_TYPES.contains(&essence.as_str()) {
                BodyKind::JsonLines
            } else if sub == "json" || sub == "x-json" || sub.ends_with("+json") {
                BodyKind::Json
            } else if main == "text" || sub.ends_with("+xml") || TEXT_TYPES.contains(&essence.as_str()) {
                text_or_bytes()
            } else {
                BodyKind::Bytes
            }
        }
        None if looks_like_json(body) => BodyKind::Json,
        None => text_or_bytes(),
    }
}

/// `type/subtype` in lower case, without parameters (RFC 9110, section 8.3.1); None for what is not of that form.
fn essence(content_type: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(content_type).ok()?;
    let essence = text.split(';').next()?.trim().to_ascii_lowercase();
    let (main, sub) = essence.split_once('/')?;
    (!main.is_empty() && !sub.is_empty()).then_some(essence)
}

/// Begins as an object or an array does, and is JSON to its end. Scalars are not taken for JSON: `404` is also text.
fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) && json::validate(body).is_ok()
}

/// JSON texts that follow each other as one JSON array, so that the difference in line 3 is at `/2`. Empty lines are
/// left out. None where a line is not JSON.
pub fn as_array(body: &[u8]) -> Option<Vec<u8>> {
    const RECORD_SEPARATOR: u8 = 0x1e;
    let separator = if body.first() == Some(&RECORD_SEPARATOR) { RECORD_SEPARATOR } else { b'\n' };
    let mut array = Vec::with_capacity(body.len() + 2);
    array.push(b'[');
    for text in body.split(|b| *b == separator).map(<[u8]>::trim_ascii).filter(|text| !text.is_empty()) {
        json::validate(text).ok()?;
        if array.len() > 1 {
            array.push(b',');
        }
        array.extend_from_slice(text);
    }
    array.push(b']');
    Some(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_decides_where_there_is_one() {
        use BodyKind::{Bytes, Json, JsonLines, Text};
        for (content_type, body, expected) in [
            ("application/json", &b"{}"[..], Json),
            ("Application/Problem+JSON; charset=utf-8", b"{}", Json),
            ("text/json", b"not json at all", Json),
            ("application/x-ndjson", b"{}\n{}", JsonLines),
            ("application/json-seq", b"\x1e{}\n", JsonLines),
            ("text/html; charset=iso-8859-1", b"<p>plain", Text),
            ("text/html; charset=iso-8859-1", b"caf\xe9", Bytes),
            ("text/plain", b"{\"a\":1}", Text),
            ("image/svg+xml", b"<svg/>", Text),
            ("application/x-www-form-urlencoded", b"a=1", Text),
            ("application/octet-stream", b"{}", Bytes),
            ("image/png", b"text?", Bytes),
        ] {
            assert_eq!(kind(Some(content_type.as_bytes()), body), expected, "{content_type}");
        }
    }

    #[test]
    fn without_a_media_type_the_body_is_looked_at() {
        for (body, expected) in [
            (&b" {\"a\": 1}"[..], BodyKind::Json),
            (b"[1,2]\n", BodyKind::Json),
            (b"[1,2", BodyKind::Text),
            (b"404", BodyKind::Text),
            (b"", BodyKind::Text),
            (b"\xff\xfe", BodyKind::Bytes),
        ] {
            assert_eq!(kind(None, body), expected);
            assert_eq!(kind(Some(b"nonsense"), body), expected);
        }
    }

    #[test]
    fn json_lines_become_an_array_and_nothing_can_be_smuggled_into_it() {
        assert_eq!(as_array(b"{\"a\":1}\r\n\n[2]\n").unwrap(), b"[{\"a\":1},[2]]");
        assert_eq!(as_array(b"\x1e{\"a\":\n1}\n\x1e2\n").unwrap(), b"[{\"a\":\n1},2]");
        assert_eq!(as_array(b"").unwrap(), b"[]");
        assert_eq!(as_array(b"1,2\n3"), None);
        assert_eq!(as_array(b"1],[2"), None);
    }
}
