//! What a request was asked with, to be shown: so that whoever reads of a difference can ask the same again.

use crate::exchange::{AskedWith, Request};
use crate::redact::{Text, Veil};
use crate::shadow::HOP_BY_HOP;

use super::example;
use super::specimen::ADDRESSES;

/// Fields that are shown; the others are left out.
const MAX_FIELDS: usize = 32;
/// Bytes of a field's value; a longer one is left out, since a part of it asks something else.
const MAX_VALUE: usize = 1 << 10;
/// Bytes of a body; a longer one is left out.
const MAX_BODY: usize = 4 << 10;

/// What else says on which way it came, or is the client's own: what it may be answered in, where it asks, its trace.
const LEFT_OUT: [&str; 8] = [
    "accept-encoding",
    "content-encoding",
    "host",
    "traceparent",
    "tracestate",
    "via",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// Without its secrets.
pub(super) fn with(request: &Request, veil: &Veil<'_>) -> AskedWith {
    let left_out = HOP_BY_HOP.iter().chain(&ADDRESSES).chain(&LEFT_OUT);
    let named = |name: &str| left_out.clone().any(|other| name.eq_ignore_ascii_case(other));
    let fields = request.headers.iter().filter(|(name, value)| !named(name) && value.len() <= MAX_VALUE);
    let headers = fields
        .filter_map(|(name, value)| {
            let value = std::str::from_utf8(value).ok()?;
            Some((veil.name(&name.to_ascii_lowercase()).into_owned(), veil.header(name, value)))
        })
        .take(MAX_FIELDS)
        .collect();
    AskedWith { headers, body: body(request, veil) }
}

fn body(request: &Request, veil: &Veil<'_>) -> Option<String> {
    let body = example::asked_with(request)?;
    if body.is_empty() || body.len() > MAX_BODY || !request.body.is_whole() {
        return None;
    }
    std::str::from_utf8(&body).ok()?;
    let kind = example::told_in(request.headers.get("content-type"), &body).unwrap_or(Text::Plain);
    let shown = veil.hidden(kind, &body, true).into_text();
    (shown.len() <= 2 * MAX_BODY).then_some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Redaction;
    use crate::exchange::{Body, Headers, Version};
    use crate::redact::{Key, Redactor};

    #[test]
    fn neither_addresses_nor_fields_of_a_connection_nor_secrets_are_shown() {
        let address = ADDRESSES.iter().map(|name| (*name, &b"192.0.2.7"[..]));
        let hops = HOP_BY_HOP.iter().map(|name| (*name, &b"hop"[..]));
        let others =
            [("Accept", &b"text/html"[..]), ("Authorization", b"Bearer abcdefgh12345678"), ("Host", b"shop.example")];
        let request = Request {
            method: "POST".into(),
            target: "/".into(),
            version: Version::Http11,
            headers: Headers::from_iter(address.chain(hops).chain(others)),
            body: Body::whole(b"a=1".to_vec()),
        };
        let redactor = Redactor::new(&Redaction::default(), Key::random().unwrap()).unwrap();
        let shown = with(&request, &redactor.gather().veil());
        let names: Vec<&str> = shown.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names, shown.body.as_deref()), (vec!["accept", "authorization"], Some("a=1")));
        assert!(shown.headers[1].1.contains("[redacted:") && !shown.headers[1].1.contains("abcdefgh"), "{shown:?}");
    }
}
