//! What a decoded body is, as the comparison takes it, with the values in it.

use std::ops::Range;

use crate::compare::body::{self, BodyKind};
use crate::compare::has_content;
use crate::compare::json::{JsonType, JsonValue, path_in, values};
use crate::exchange::{Location, Response, Segment};

use super::dice::fnv;

/// RFC 7464.
const RECORD_SEPARATOR: u8 = 0x1e;

/// A body and what is in it.
#[derive(Debug)]
pub(super) enum Content<'b> {
    /// There is none, or it is empty.
    Nothing,
    /// JSON texts: one, or one after the other.
    Json(Json<'b>),
    /// Lines.
    Text(&'b str),
    /// Anything else.
    Bytes(&'b [u8]),
}

/// The values of one or several JSON texts.
#[derive(Debug)]
pub(super) struct Json<'b> {
    pub(super) text: &'b [u8],
    pub(super) values: Vec<JsonValue>,
    /// For each value, what it has in common with its like in other elements: its path without indexes, as a digest.
    pub(super) groups: Vec<u64>,
}

impl<'b> Content<'b> {
    /// Of an answer to a request of that method. `like` is the answer that decides what kind of body it is: the reference.
    pub(super) fn of(method: &str, response: &'b Response, like: &Response) -> Content<'b> {
        let bytes: &[u8] = &response.body.bytes;
        if bytes.is_empty() || !has_content(method, response.status) {
            return Content::Nothing;
        }
        let read = match body::kind(like.headers.get("content-type"), &like.body.bytes) {
            BodyKind::Json => values(bytes),
            BodyKind::JsonLines => records(bytes),
            BodyKind::Text => None,
            BodyKind::Bytes => return Content::Bytes(bytes),
        };
        match (read, std::str::from_utf8(bytes)) {
            (Some(values), _) => Content::Json(Json { text: bytes, groups: groups(&values), values }),
            (None, Ok(text)) => Content::Text(text),
            (None, Err(_)) => Content::Bytes(bytes),
        }
    }
}

impl Json<'_> {
    /// The text at a place in it.
    pub(super) fn text_at(&self, at: &Range<usize>) -> &str {
        self.text.get(at.clone()).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }

    /// A value's own text.
    pub(super) fn text_of(&self, value: &JsonValue) -> &str {
        self.text_at(&value.at)
    }

    /// Where a value is.
    pub(super) fn location(&self, index: usize) -> Location {
        Location::Json(self.path(index))
    }

    /// The path to a value.
    pub(super) fn path(&self, index: usize) -> Vec<Segment> {
        path_in(&self.values, index)
    }

    /// The positions of the values that are no containers.
    pub(super) fn leaves(&self) -> impl Iterator<Item = usize> {
        let leaf = |value: &JsonValue| !matches!(value.json_type, JsonType::Object | JsonType::Array);
        self.values.iter().enumerate().filter(move |(_, value)| leaf(value)).map(|(at, _)| at)
    }

    /// The positions of the values that such a container holds.
    pub(super) fn held_by(&self, holder: JsonType) -> impl Iterator<Item = usize> {
        let held = move |value: &JsonValue| match (value.holder, &value.step) {
            (Some(at), _) => self.values.get(at).is_some_and(|of| of.json_type == holder),
            // A record among others is an element: the comparison takes them for one array.
            (None, Some(_)) => holder == JsonType::Array,
            (None, None) => false,
        };
        self.values.iter().enumerate().filter(move |(_, value)| held(value)).map(|(at, _)| at)
    }
}

/// JSON texts that follow each other, as the comparison takes them: the elements of one array.
fn records(body: &[u8]) -> Option<Vec<JsonValue>> {
    let sequence = body.first() == Some(&RECORD_SEPARATOR);
    let separator = if sequence { RECORD_SEPARATOR } else { b'\n' };
    let (mut all, mut start, mut index) = (Vec::new(), 0, 0);
    for piece in body.split(|b| *b == separator) {
        let end = start + piece.len();
        if !piece.trim_ascii().is_empty() {
            let first = all.len();
            for mut value in values(piece)? {
                if value.holder.is_none() {
                    value.step = Some(Segment::Index(index));
                    value.cut = 0..piece.len();
                }
                value.holder = value.holder.map(|holder| holder + first);
                value.at = value.at.start + start..value.at.end + start;
                value.cut = value.cut.start + start..value.cut.end + start;
                all.push(value);
            }
            index += 1;
        }
        start = end + 1;
    }
    Some(all)
}

fn groups(values: &[JsonValue]) -> Vec<u64> {
    let mut groups: Vec<u64> = Vec::with_capacity(values.len());
    for value in values {
        let outer = value.holder.and_then(|holder| groups.get(holder)).copied().unwrap_or_default();
        groups.push(match &value.step {
            Some(Segment::Key(name)) => fnv(fnv(outer, b"."), name.as_bytes()),
            Some(Segment::Index(_)) => fnv(outer, b"[*]"),
            None => outer,
        });
    }
    groups
}

/// A place with everything left out that differs from element to element: `body /items/*/price`.
pub(super) fn general(at: &Location) -> String {
    match at {
        Location::Json(path) if !path.is_empty() => {
            let mut text = String::from("body ");
            for segment in path {
                match segment {
                    Segment::Index(_) => text.push_str("/*"),
                    Segment::Key(_) => text.push_str(&crate::exchange::pointer(std::slice::from_ref(segment))),
                }
            }
            text
        }
        Location::Text(_) => "body line *".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::pointer;

    #[test]
    fn records_are_elements_wherever_they_stand() {
        for body in ["{\"a\":1}\n\n[2,3]\n", "\x1e{\"a\":1}\n\x1e[2,3]\n"] {
            let all = records(body.as_bytes()).unwrap();
            let shown: Vec<String> = (0..all.len())
                .map(|at| format!("{} {}", pointer(&path_in(&all, at)), &body[all[at].at.clone()]))
                .collect();
            assert_eq!(shown, ["/0 {\"a\":1}", "/0/a 1", "/1 [2,3]", "/1/0 2", "/1/1 3"]);
            let mut without = body.to_owned();
            without.replace_range(all[2].cut.clone(), "");
            assert_eq!(body::as_array(without.as_bytes()).unwrap(), b"[{\"a\":1}]");
        }
        assert_eq!(records(b"{}\n{"), None);
    }

    #[test]
    fn like_places_of_elements_are_one_group() {
        let all = values(br#"{"a":[{"b":1},{"b":2,"c":3}],"b":4}"#).unwrap();
        let groups = groups(&all);
        let at = |path: &str| (0..all.len()).find(|at| pointer(&path_in(&all, *at)) == path).unwrap();
        assert_eq!(groups[at("/a/0/b")], groups[at("/a/1/b")]);
        assert_ne!(groups[at("/a/0/b")], groups[at("/b")]);
        assert_ne!(groups[at("/a/1/b")], groups[at("/a/1/c")]);
    }
}
