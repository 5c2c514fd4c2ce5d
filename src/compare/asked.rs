//! What a request was asked with, to be shown: so that whoever reads of a difference can ask the same again.

use crate::exchange::{AskedWith, Request};
use crate::redact::{Text, Veil};

use super::example;

/// Fields that are shown; the others are left out.
const MAX_FIELDS: usize = 32;
/// Bytes of a field's value; a longer one is left out, since a part of it asks something else.
const MAX_VALUE: usize = 1 << 10;
/// Bytes of a body; a longer one is left out.
const MAX_BODY: usize = 4 << 10;

/// Fields that a client makes anew (RFC 9110, section 7.6.1; RFC 9112, section 6), and such as say who asked or on which way.
const LEFT_OUT: [&str; 22] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
];

/// Without its secrets.
pub(super) fn with(request: &Request, veil: &Veil<'_>) -> AskedWith {
    let named = |name: &str| LEFT_OUT.iter().any(|other| name.eq_ignore_ascii_case(other));
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
