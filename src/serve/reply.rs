//! Answers, each with the fields that keep it from being used for anything else.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{Either, Full};

use super::events::Events;

/// What goes out.
pub(super) type Answer = Response<Either<Full<Bytes>, Events>>;

/// What an answer that is no page may do where a browser shows it: nothing.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// On every answer.
const GUARDS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const JSON: &str = "application/json";
/// RFC 9457.
pub(super) const PROBLEM: &str = "application/problem+json";
pub(super) const SCRIPT: &str = "text/javascript; charset=utf-8";
const EVENTS: &str = "text/event-stream; charset=utf-8";

fn guarded(headers: &mut HeaderMap, kind: &str) {
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING));
    if let Ok(kind) = HeaderValue::from_str(kind) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
}

/// A whole answer.
pub(super) fn whole(status: StatusCode, kind: &str, body: Bytes) -> Answer {
    let length = HeaderValue::from(body.len());
    let mut answer = Response::new(Either::Left(Full::new(body)));
    *answer.status_mut() = status;
    guarded(answer.headers_mut(), kind);
    answer.headers_mut().insert(header::CONTENT_LENGTH, length);
    answer
}

/// A line of text.
pub(super) fn line(status: StatusCode, text: &str) -> Answer {
    whole(status, TEXT, Bytes::from(format!("{text}\n")))
}

/// The page, under its own policy.
pub(super) fn page(body: Bytes, policy: &str) -> Answer {
    let mut answer = whole(StatusCode::OK, HTML, body);
    if let Ok(policy) = HeaderValue::from_str(&format!("{policy}; frame-ancestors 'none'")) {
        answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// An answer that goes on.
pub(super) fn events(events: Events) -> Answer {
    let mut answer = Response::new(Either::Right(events));
    guarded(answer.headers_mut(), EVENTS);
    answer
}

/// With one more field.
pub(super) fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}
