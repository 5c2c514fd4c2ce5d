//! The values of a JSON text one by one, with where each stands, for whoever wants to change one of them in the text.

use std::ops::Range;

use super::outline::{Kind, Outline};
use super::scan;
use super::string::shown;
use crate::exchange::Segment;

/// The types of RFC 8259, section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonType {
    /// `{}`
    Object,
    /// `[]`
    Array,
    /// `""`
    String,
    /// `0`
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

/// One value of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonValue {
    /// What it is.
    pub json_type: JsonType,
    /// Its name or index in what holds it; None for the document itself.
    pub step: Option<Segment>,
    /// What holds it: its position in the list.
    pub holder: Option<usize>,
    /// Members or elements.
    pub children: usize,
    /// Where its text stands.
    pub at: Range<usize>,
    /// What must be cut out of the text so that it is gone, its name and one comma included, and JSON is left.
    pub cut: Range<usize>,
}

/// Every value of a text, containers before what they hold, in the order of the text; None where the text is not JSON or
/// passes a limit of this module. Names in paths are bounded, as in differences.
pub fn values(text: &[u8]) -> Option<Vec<JsonValue>> {
    let outline = scan::outline(text, None, Vec::new()).ok()?;
    let mut all = Vec::with_capacity(outline.len());
    let whole = span(&outline, 0, 0);
    // No deeper than the scan allows.
    add(&outline, 0, (None, None, whole), &mut all);
    Some(all)
}

/// The path of a value of [`values`].
pub fn path_in(values: &[JsonValue], index: usize) -> Vec<Segment> {
    let mut path = Vec::new();
    let mut at = values.get(index);
    while let Some(value) = at {
        path.extend(value.step.clone());
        at = value.holder.and_then(|holder| values.get(holder));
    }
    path.reverse();
    path
}

fn span(outline: &Outline<'_>, first: u32, last: u32) -> Range<usize> {
    outline.node(first).start as usize..outline.node(last).end as usize
}

fn add(
    outline: &Outline<'_>,
    node: u32,
    (step, holder, cut): (Option<Segment>, Option<usize>, Range<usize>),
    all: &mut Vec<JsonValue>,
) {
    let kind = outline.kind(node);
    // Of each child its first node, its value's node, and its step.
    let children: Vec<(u32, u32, Segment)> = match kind {
        Kind::Object => outline.members(node).map(|n| (n, n + 1, Segment::Key(shown(outline.string(n))))).collect(),
        Kind::Array => outline.elements(node).enumerate().map(|(i, e)| (e, e, Segment::Index(i))).collect(),
        _ => Vec::new(),
    };
    let json_type = match kind {
        Kind::Object => JsonType::Object,
        Kind::Array => JsonType::Array,
        Kind::String => JsonType::String,
        Kind::Number => JsonType::Number,
        Kind::Bool => JsonType::Bool,
        Kind::Null => JsonType::Null,
    };
    let me = all.len();
    let at = span(outline, node, node);
    all.push(JsonValue { json_type, step, holder, children: children.len(), at, cut });
    let spans: Vec<Range<usize>> = children.iter().map(|(first, last, _)| span(outline, *first, *last)).collect();
    for (place, (_, value, step)) in children.into_iter().enumerate() {
        let Some(mine) = spans.get(place) else { continue };
        let before = place.checked_sub(1).and_then(|before| spans.get(before));
        let cut = match (spans.get(place + 1), before) {
            (Some(behind), _) => mine.start..behind.start,
            (None, Some(before)) => before.end..mine.end,
            (None, None) => mine.clone(),
        };
        add(outline, value, (Some(step), Some(me), cut), all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::pointer;

    const TEXT: &str = r#" {"a":[1, "x" ,{}],"b":{"c":null},"d":true} "#;

    #[test]
    fn every_value_has_its_place_and_its_text() {
        let all = values(TEXT.as_bytes()).unwrap();
        let shown: Vec<String> = (0..all.len())
            .map(|at| format!("{} {:?} {}", pointer(&path_in(&all, at)), all[at].json_type, &TEXT[all[at].at.clone()]))
            .collect();
        assert_eq!(
            shown[1..],
            [
                "/a Array [1, \"x\" ,{}]",
                "/a/0 Number 1",
                "/a/1 String \"x\"",
                "/a/2 Object {}",
                "/b Object {\"c\":null}",
                "/b/c Null null",
                "/d Bool true"
            ]
        );
        assert_eq!((shown[0].as_str(), all[0].children), (format!(" Object {}", TEXT.trim()).as_str(), 3));
        assert_eq!(values(b"{"), None);
    }

    #[test]
    fn what_is_cut_out_leaves_json_without_the_value() {
        let all = values(TEXT.as_bytes()).unwrap();
        let without = |at: usize| {
            let mut text = TEXT.to_owned();
            text.replace_range(all[at].cut.clone(), "");
            text.trim().to_owned()
        };
        assert_eq!(without(1), r#"{"b":{"c":null},"d":true}"#);
        assert_eq!(without(2), r#"{"a":["x" ,{}],"b":{"c":null},"d":true}"#);
        assert_eq!(without(4), r#"{"a":[1, "x"],"b":{"c":null},"d":true}"#);
        assert_eq!(without(6), r#"{"a":[1, "x" ,{}],"b":{},"d":true}"#);
        assert_eq!(without(7), r#"{"a":[1, "x" ,{}],"b":{"c":null}}"#);
    }
}
