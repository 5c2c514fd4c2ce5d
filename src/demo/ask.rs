//! A request as both shops see it.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH, USER_AGENT};
use http::{HeaderMap, Method, Uri};

/// A request whose body is already here.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Ask {
    /// The path's segments: `/orders/7` is `["orders", "7"]`, `/` is none.
    pub(super) fn segments(&self) -> Vec<&str> {
        self.uri.path().split('/').filter(|s| !s.is_empty()).collect()
    }

    /// A query parameter, with `+` and percent signs decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.uri.query()?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| decode(value))
    }

    /// Whether the client takes that content coding (RFC 9110, section 12.5.3; weights count only where they are 0).
    pub(super) fn accepts(&self, coding: &str) -> bool {
        let values = self.headers.get_all(ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
        values.flat_map(|v| v.split(',')).any(|entry| {
            let (name, weight) = entry.split_once(";q=").unwrap_or((entry, "1"));
            name.trim().eq_ignore_ascii_case(coding) && !weight.trim().trim_end_matches(['0', '.']).is_empty()
        })
    }

    /// Whether the client already has what this entity tag names (RFC 9110, section 13.1.2).
    pub(super) fn already_has(&self, etag: &str) -> bool {
        let values = self.headers.get_all(IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
        values.flat_map(|v| v.split(',')).any(|tag| matches!(tag.trim(), t if t == etag || t == "*"))
    }

    /// What a request is told apart by for service times.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.uri.path_and_query().map_or("/", |p| p.as_str()))
    }

    /// What it is told apart by for defects that come and go: who asks, too. A capture has few lines of one endpoint, and so
    /// small shares of them would be none.
    pub(super) fn line_and_agent(&self) -> String {
        let agent = self.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        format!("{} {agent}", self.line())
    }
}

/// Undoes the encoding of a query value; a percent sign that begins no escape stands for itself.
fn decode(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = value.get(at + 1..at + 3).filter(|_| byte == b'%').and_then(|h| u8::from_str_radix(h, 16).ok());
        at += if escape.is_some() { 3 } else { 1 };
        out.push(escape.unwrap_or(if byte == b'+' { b' ' } else { byte }));
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(target: &str, headers: &[(&'static str, &'static str)]) -> Ask {
        let headers = headers
            .iter()
            .map(|(n, v)| (http::HeaderName::from_static(n), http::HeaderValue::from_static(v)))
            .collect();
        Ask { method: Method::GET, uri: target.parse().unwrap(), headers, body: Bytes::new() }
    }

    #[test]
    fn parameters_are_decoded() {
        let ask = ask("/search?q=gr%C3%BCner+tee&x=100%", &[]);
        assert_eq!(ask.parameter("q").as_deref(), Some("grüner tee"));
        assert_eq!(ask.parameter("x").as_deref(), Some("100%"));
        assert_eq!(ask.parameter("y"), None);
    }

    #[test]
    fn a_coding_of_weight_zero_is_not_accepted() {
        let ask = ask("/", &[("accept-encoding", "gzip;q=0, br;q=0.5, zstd")]);
        assert_eq!(["gzip", "br", "zstd", "deflate"].map(|c| ask.accepts(c)), [false, true, true, false]);
    }

    #[test]
    fn an_entity_tag_is_found_in_a_list() {
        let ask = ask("/", &[("if-none-match", "\"a\", \"b\"")]);
        assert!(ask.already_has("\"b\""));
        assert!(!ask.already_has("\"c\""));
    }
}
