//! What an exchange is counted under, and how people name it in policies and rules.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A method and a path template, shown as `GET /orders/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The method, in the case of the request.
    pub method: String,
    /// The path with its variable segments in braces, without query.
    pub template: String,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.template)
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    /// From the same text; no method has a blank in it (RFC 9110, section 9.1).
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (method, template) =
            text.split_once(' ').ok_or_else(|| serde::de::Error::custom("an endpoint is a method and a template"))?;
        Ok(Endpoint { method: method.to_owned(), template: template.to_owned() })
    }
}

/// The path of a request target: of the absolute form too (RFC 9112, section 3.2.2), without query or fragment.
pub fn path_of(target: &[u8]) -> &[u8] {
    let target = match memchr::memmem::find(target, b"://") {
        Some(at) if !target.starts_with(b"/") => {
            let rest = &target[at + 3..];
            match memchr::memchr3(b'/', b'?', b'#', rest) {
                Some(slash) => &rest[slash..],
                None => b"/",
            }
        }
        _ => target,
    };
    let path = match memchr::memchr2(b'?', b'#', target) {
        Some(end) => &target[..end],
        None => target,
    };
    if path.is_empty() { b"/" } else { path }
}

/// One segment of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Part {
    Literal(String),
    /// `{name}` or `*`: any one segment that is not empty.
    Any,
    /// `**`, last only: whatever follows, also nothing.
    Rest,
}

/// A name for endpoints as people write it: `POST /orders/{id}`, `* /health`, `GET /static/**`, or a path alone for
/// every method. A literal segment matches itself only; matching is on the path as captured, not percent-decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EndpointPattern {
    text: String,
    /// None: every method.
    method: Option<String>,
    parts: Vec<Part>,
}

/// Why a text names no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' names no endpoint: {why}; write it as 'GET /orders/{{id}}', with '*' for every method")]
pub struct PatternError {
    text: String,
    why: &'static str,
}

impl EndpointPattern {
    /// Whether a request of that method and path (see [`path_of`]) is meant.
    pub fn matches(&self, method: &str, path: &[u8]) -> bool {
        if self.method.as_deref().is_some_and(|m| m != method) {
            return false;
        }
        let Some(path) = path.strip_prefix(b"/") else { return false };
        let mut segments = path.split(|b| *b == b'/');
        for part in &self.parts {
            match (part, segments.next()) {
                (Part::Rest, _) => return true,
                (Part::Literal(text), Some(segment)) if text.as_bytes() == segment => {}
                (Part::Any, Some(segment)) if !segment.is_empty() => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }

    /// Whether a request that is counted under that endpoint may be meant: where the template has a variable, anything may
    /// stand, also what a literal segment here names.
    pub fn may_mean(&self, endpoint: &Endpoint) -> bool {
        let method = endpoint.method.starts_with('{') || self.method.as_deref().is_none_or(|m| m == endpoint.method);
        let Some(path) = endpoint.template.strip_prefix('/') else { return method };
        let mut segments = path.split('/');
        let mut fits = true;
        for part in &self.parts {
            fits &= match (part, segments.next()) {
                (Part::Rest, _) => return method && fits,
                (_, Some("**")) => return method && fits,
                (Part::Literal(text), Some(segment)) => text == segment || segment.contains(['{', '*']),
                (Part::Any, Some(_)) => true,
                (_, None) => false,
            };
        }
        method && fits && segments.next().is_none_or(|segment| segment == "**")
    }

    /// The method it is limited to, where it is.
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// The path part as it was written: the template under which its exchanges are counted.
    pub fn template(&self) -> &str {
        self.text.find('/').map_or("", |slash| &self.text[slash..])
    }
}

impl fmt::Display for EndpointPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for EndpointPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let fail = |why| PatternError { text: text.to_owned(), why };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (method, path) = match words[..] {
            [path] if path.starts_with('/') => (None, path),
            ["*", path] => (None, path),
            [method, path] => (Some(method.to_owned()), path),
            [_] => return Err(fail("there is no path")),
            _ => return Err(fail("there must be a method and a path")),
        };
        if method.as_deref().is_some_and(|m| !m.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-' || b == b'_')) {
            return Err(fail("the method is not a word"));
        }
        let path_text = path.strip_prefix('/').ok_or_else(|| fail("the path must begin with '/'"))?;
        if path_text.contains(['?', '#']) {
            return Err(fail("the path must have no query"));
        }
        let mut parts = Vec::new();
        for segment in path_text.split('/') {
            if parts.last() == Some(&Part::Rest) {
                return Err(fail("'**' must be the last segment"));
            }
            let braces = segment.starts_with('{') && segment.ends_with('}');
            parts.push(match segment {
                "**" => Part::Rest,
                "*" => Part::Any,
                _ if braces && segment.len() > 2 => Part::Any,
                _ if segment.contains(['{', '}', '*']) => return Err(fail("a variable must be a whole segment")),
                _ => Part::Literal(segment.to_owned()),
            });
        }
        let text = format!("{} {path}", method.as_deref().unwrap_or("*"));
        Ok(EndpointPattern { text, method, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, method: &str, path: &str) -> bool {
        pattern.parse::<EndpointPattern>().unwrap().matches(method, path.as_bytes())
    }

    #[test]
    fn a_pattern_matches_whole_paths_segment_by_segment() {
        assert!(matches("GET /orders/{id}", "GET", "/orders/7"));
        assert!(!matches("GET /orders/{id}", "POST", "/orders/7"));
        assert!(!matches("GET /orders/{id}", "GET", "/orders/"));
        assert!(!matches("GET /orders/{id}", "GET", "/orders/7/lines"));
        assert!(matches("* /", "PUT", "/"));
        assert!(matches("/static/**", "GET", "/static/a/b.css"));
        assert!(matches("/static/**", "GET", "/static/"));
        assert!(!matches("/static/**", "GET", "/statics"));
        assert!(!matches("/orders", "OPTIONS", "*"));
    }

    #[test]
    fn a_text_that_names_no_endpoint_is_refused_with_the_way_out() {
        for (text, why) in [
            ("orders", "there is no path"),
            ("GET orders", "must begin with '/'"),
            ("GET /a b", "a method and a path"),
            ("GET /a?b", "no query"),
            ("GET /**/b", "last segment"),
            ("GET /a{b}", "whole segment"),
        ] {
            let message = text.parse::<EndpointPattern>().unwrap_err().to_string();
            assert!(message.contains(why) && message.contains("GET /orders/{id}"), "{text}: {message}");
        }
    }

    #[test]
    fn the_path_is_found_in_every_form_of_target() {
        for (target, path) in [
            ("/a/b?c=http://d/e", "/a/b"),
            ("http://host/a?b", "/a"),
            ("http://host", "/"),
            ("http://host?x", "/"),
            ("*", "*"),
            ("", "/"),
        ] {
            assert_eq!(path_of(target.as_bytes()), path.as_bytes(), "{target}");
        }
    }

    #[test]
    fn what_a_template_stands_for_may_be_meant() {
        let of = |text: &str| serde_json::from_value::<Endpoint>(text.into()).unwrap();
        for (pattern, endpoint, may) in [
            ("GET /orders/{id}", "GET /orders/{id}", true),
            ("GET /orders/new", "GET /orders/{id}", true),
            ("GET /orders/{id}", "GET /orders/new", true),
            ("GET /orders/{id}", "POST /orders/{id}", false),
            ("/orders/{id}", "POST /orders/{id}", true),
            ("GET /orders/{id}", "GET /orders", false),
            ("GET /orders", "GET /orders/{id}", false),
            ("GET /orders/**", "GET /orders/{id}/lines", true),
            ("GET /static/**", "GET /orders/{id}", false),
            ("GET /orders/{id}", "{other} {other}", true),
            ("GET /orders/a/b", "GET /orders/**", true),
        ] {
            assert_eq!(
                pattern.parse::<EndpointPattern>().unwrap().may_mean(&of(endpoint)),
                may,
                "{pattern} {endpoint}"
            );
        }
    }
}
