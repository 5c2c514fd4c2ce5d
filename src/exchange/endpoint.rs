//! What an exchange is counted under, and how people name it in policies and rules.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
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

impl JsonSchema for Endpoint {
    fn schema_name() -> Cow<'static, str> {
        "Endpoint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "A method and a path template: GET /orders/{id}. Hostile."})
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
    /// `{id}.json`: texts before, between and behind variables, none of which is empty.
    Around(Vec<String>),
    /// `{name}` or `*`: any one segment that is not empty.
    Any,
    /// `**`, last only: whatever follows, also nothing.
    Rest,
}

impl Part {
    /// One segment of a pattern's path.
    fn read(segment: &str) -> Result<Part, &'static str> {
        match segment {
            "**" => return Ok(Part::Rest),
            "*" => return Ok(Part::Any),
            _ if segment.contains('*') => return Err("'*' must be a whole segment"),
            _ => {}
        }
        let (mut texts, mut rest) = (Vec::new(), segment);
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, behind) = behind.split_once('}').ok_or("a '{' has no '}'")?;
            if name.is_empty() || name.contains('{') || before.contains('}') {
                return Err("a variable is a name in braces");
            }
            if before.is_empty() && !texts.is_empty() {
                return Err("between two variables of a segment there must be some text");
            }
            texts.push(before.to_owned());
            rest = behind;
        }
        match (rest.contains('}'), texts.is_empty()) {
            (true, _) => Err("a '}' has no '{'"),
            (false, true) => Ok(Part::Literal(rest.to_owned())),
            (false, false) => {
                texts.push(rest.to_owned());
                let bare = texts.len() == 2 && texts.iter().all(String::is_empty);
                Ok(if bare { Part::Any } else { Part::Around(texts) })
            }
        }
    }

    /// Whether it takes a segment that is there.
    fn takes(&self, segment: &[u8]) -> bool {
        match self {
            Part::Literal(text) => text.as_bytes() == segment,
            Part::Around(texts) => around(texts, segment),
            Part::Any => !segment.is_empty(),
            Part::Rest => true,
        }
    }

    /// Whether it takes every segment that the other takes.
    fn covers(&self, other: &Part) -> bool {
        match (self, other) {
            (Part::Rest, _) => true,
            (_, Part::Literal(text)) => self.takes(text.as_bytes()),
            (Part::Any, Part::Any | Part::Around(_)) => true,
            (Part::Around(texts), Part::Around(others)) => texts == others,
            _ => false,
        }
    }

    /// Whether some segment is taken by both; two with text around variables are said to.
    fn meets(&self, other: &Part) -> bool {
        match (self, other) {
            (Part::Literal(text), part) | (part, Part::Literal(text)) => part.takes(text.as_bytes()),
            _ => true,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Part::Literal(_) => 0,
            Part::Around(_) => 1,
            Part::Any => 2,
            Part::Rest => 3,
        }
    }
}

/// Whether the texts stand in a segment in their order, the first at its beginning and the last at its end, with
/// something between each two.
fn around(texts: &[String], segment: &[u8]) -> bool {
    let [first, between @ .., last] = texts else { return false };
    let Some(mut rest) = segment.strip_prefix(first.as_bytes()).and_then(|s| s.strip_suffix(last.as_bytes())) else {
        return false;
    };
    for text in between {
        // The first place is the best one: it leaves the most for those that follow.
        let from_second = rest.get(1..).unwrap_or_default();
        let Some(at) = memchr::memmem::find(from_second, text.as_bytes()) else { return false };
        rest = &from_second[at + text.len()..];
    }
    !rest.is_empty()
}

/// A name for endpoints as people write it: `POST /orders/{id}`, `GET /reports/{day}.csv`, `* /health`,
/// `GET /static/**`, or a path alone for every method. A literal segment matches itself only; matching is on the path as captured, not percent-decoded.
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
        path.strip_prefix(b"/").is_some_and(|path| self.takes(method, path.split(|b| *b == b'/')))
    }

    /// The same for a path whose segments are known already, where many patterns are asked: without its first `/`,
    /// parted at the others.
    pub fn matches_segments(&self, method: &str, segments: &[&[u8]]) -> bool {
        self.takes(method, segments.iter().copied())
    }

    fn takes<'a>(&self, method: &str, mut segments: impl Iterator<Item = &'a [u8]>) -> bool {
        if self.method.as_deref().is_some_and(|m| m != method) {
            return false;
        }
        for part in &self.parts {
            match (part, segments.next()) {
                (Part::Rest, _) => return true,
                (part, Some(segment)) if part.takes(segment) => {}
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
                (_, Some(_)) => true,
                (_, None) => false,
            };
        }
        method && fits && segments.next().is_none_or(|segment| segment == "**")
    }

    /// Whether an endpoint is meant: its template is taken for a path, in which a variable is a value like any other.
    /// `GET /orders/{id}` means the endpoint of that name, and `GET /orders/recent` where that is one by itself.
    pub fn means(&self, endpoint: &Endpoint) -> bool {
        self.matches(&endpoint.method, endpoint.template.as_bytes())
    }

    /// Whether every request that the other means is meant by this one too.
    pub fn covers(&self, other: &EndpointPattern) -> bool {
        if self.method.is_some() && self.method != other.method {
            return false;
        }
        let mut others = other.parts.iter();
        for part in &self.parts {
            match (part, others.next()) {
                (Part::Rest, _) => return true,
                (part, Some(other)) if part.covers(other) => {}
                _ => return false,
            }
        }
        others.next().is_none()
    }

    /// Whether some request may be meant by both.
    pub fn overlaps(&self, other: &EndpointPattern) -> bool {
        if self.method.is_some() && other.method.is_some() && self.method != other.method {
            return false;
        }
        let (mut ours, mut theirs) = (self.parts.iter(), other.parts.iter());
        loop {
            match (ours.next(), theirs.next()) {
                (Some(Part::Rest), _) | (_, Some(Part::Rest)) | (None, None) => return true,
                (Some(one), Some(other)) if one.meets(other) => {}
                _ => return false,
            }
        }
    }

    /// The order in which patterns are to be asked where the narrowest is to answer: at the first segment in which two
    /// differ, the one with more text goes first (OpenAPI: concrete paths before templated ones).
    pub fn narrowest_first(&self, other: &EndpointPattern) -> Ordering {
        let ranks = |pattern: &EndpointPattern| pattern.parts.iter().map(Part::rank).collect::<Vec<_>>();
        let texts = |pattern: &EndpointPattern| (pattern.template().to_owned(), pattern.method.clone());
        ranks(self).cmp(&ranks(other)).then_with(|| texts(self).cmp(&texts(other)))
    }

    /// Its endpoint, as exchanges are counted under it; `*` for every method.
    pub fn endpoint(&self) -> Endpoint {
        let method = self.method.as_deref().unwrap_or("*").to_owned();
        Endpoint { method, template: self.template().to_owned() }
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
            parts.push(Part::read(segment).map_err(fail)?);
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
    fn a_variable_may_have_text_around_it() {
        assert!(matches("GET /reports/{day}.csv", "GET", "/reports/2026-11-20.csv"));
        assert!(!matches("GET /reports/{day}.csv", "GET", "/reports/.csv"));
        assert!(!matches("GET /reports/{day}.csv", "GET", "/reports/2026.json"));
        assert!(matches("GET /at/{lat},{lon}", "GET", "/at/48.1,,11.5"));
        assert!(!matches("GET /at/{lat},{lon}", "GET", "/at/,11.5"));
        assert!(!matches("GET /at/{lat},{lon}", "GET", "/at/48.1,"));
        assert!(matches("GET /v{n}-{m}.x", "GET", "/v1-2-3.x"));
    }

    #[test]
    fn patterns_are_compared_by_what_they_match() {
        let p = |text: &str| text.parse::<EndpointPattern>().unwrap();
        for (wide, narrow, covers, back) in [
            ("GET /a/{id}", "GET /a/{other}", true, true),
            ("GET /a/{id}", "GET /a/recent", true, false),
            ("* /a/{id}", "POST /a/7", true, false),
            ("/**", "GET /a/b/c", true, false),
            ("GET /a/**", "GET /a", true, false),
            ("GET /a/**", "GET /a/{x}/**", true, false),
            ("GET /{x}.csv", "GET /a.csv", true, false),
            ("GET /{x}", "GET /{x}.csv", true, false),
        ] {
            assert_eq!((p(wide).covers(&p(narrow)), p(narrow).covers(&p(wide))), (covers, back), "{wide} {narrow}");
            assert!(p(wide).overlaps(&p(narrow)) && p(narrow).overlaps(&p(wide)), "{wide} {narrow}");
        }
        for (one, other) in
            [("GET /a", "POST /a"), ("GET /a/{id}", "GET /a"), ("GET /{x}.csv", "GET /a.json"), ("/a/b", "/{x}/c")]
        {
            assert!(!p(one).overlaps(&p(other)) && !p(one).covers(&p(other)), "{one} {other}");
        }
        let mut all = ["GET /{x}/b", "GET /a/**", "GET /a/{y}", "GET /a/b", "GET /a/{y}.csv"].map(p);
        all.sort_by(EndpointPattern::narrowest_first);
        let all = all.map(|pattern| pattern.to_string());
        assert_eq!(all, ["GET /a/b", "GET /a/{y}.csv", "GET /a/{y}", "GET /a/**", "GET /{x}/b"]);
        let endpoint = p("GET /orders/{id}").endpoint();
        assert!(p("* /orders/{order}").means(&endpoint) && p("/orders/**").means(&endpoint));
        assert!(!p("GET /orders/7").means(&endpoint));
    }

    #[test]
    fn a_text_that_names_no_endpoint_is_refused_with_the_way_out() {
        for (text, why) in [
            ("orders", "there is no path"),
            ("GET orders", "must begin with '/'"),
            ("GET /a b", "a method and a path"),
            ("GET /a?b", "no query"),
            ("GET /**/b", "last segment"),
            ("GET /a*", "whole segment"),
            ("GET /a{b", "no '}'"),
            ("GET /a}b", "no '{'"),
            ("GET /{}", "a name in braces"),
            ("GET /{a{b}}", "a name in braces"),
            ("GET /{a}{b}", "some text"),
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
