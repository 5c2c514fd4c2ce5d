//! The two JSON documents of a comparison, parsed only when a rule cannot be decided by the place alone.

use std::cell::{OnceCell, RefCell};

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use jsonpath_rust::query::js_path_process;

use super::path::{JsonPath, Selected};
use crate::exchange::Segment;

/// Bytes of a document that is parsed to look into it. In a larger one no rule with a filter or a negative index
/// answers, and no `match` rule for a value too long to be shown: the difference stays, and nothing is hidden.
pub const MAX_TREE: usize = 2 << 20;
/// The same for paths that visit every value: the evaluator keeps a path in text for each.
pub const MAX_DESCENDED: usize = 256 << 10;

/// Which of the two documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The legacy's.
    Legacy,
    /// The candidate's.
    Candidate,
}

/// Decoded bodies of one comparison. Each is parsed at most once, and each path evaluated at most once on each.
#[derive(Debug)]
pub struct Documents<'a> {
    legacy: Document<'a>,
    candidate: Document<'a>,
}

#[derive(Debug)]
struct Document<'a> {
    text: &'a [u8],
    /// Boxed, so that the addresses below stay true. None inside: it is no JSON that serde_json reads.
    tree: OnceCell<Option<Box<Value>>>,
    /// The addresses of what each path selects, by the path's text.
    selected: RefCell<FxHashMap<String, FxHashSet<usize>>>,
}

impl<'a> Documents<'a> {
    /// Of two decoded bodies.
    pub fn new(legacy: &'a [u8], candidate: &'a [u8]) -> Documents<'a> {
        let document = |text| Document { text, tree: OnceCell::new(), selected: RefCell::default() };
        Documents { legacy: document(legacy), candidate: document(candidate) }
    }

    /// How a path relates to a place of one of the documents. A document that cannot be parsed has no places, so
    /// that no rule answers for it.
    pub fn selects(&self, side: Side, path: &JsonPath, place: &[Segment]) -> Selected {
        if path.query().is_none() {
            return path.selects(place);
        }
        match side {
            Side::Legacy => self.legacy.selects(path, place),
            Side::Candidate => self.candidate.selects(path, place),
        }
    }

    /// The JSON text of the value at a place, whole.
    pub fn text(&self, side: Side, place: &[Segment]) -> Option<String> {
        let document = match side {
            Side::Legacy => &self.legacy,
            Side::Candidate => &self.candidate,
        };
        let mut at = document.tree()?;
        for segment in place {
            at = child(at, segment)?;
        }
        Some(at.to_string())
    }
}

impl Document<'_> {
    fn tree(&self) -> Option<&Value> {
        if self.text.len() > MAX_TREE {
            return None;
        }
        self.tree.get_or_init(|| serde_json::from_slice(self.text).ok().map(Box::new)).as_deref()
    }

    fn selects(&self, path: &JsonPath, place: &[Segment]) -> Selected {
        let (Some(query), Some(tree)) = (path.query(), self.tree()) else { return Selected::default() };
        if path.visits_everything() && self.text.len() > MAX_DESCENDED {
            return Selected::default();
        }
        let mut all = self.selected.borrow_mut();
        if !all.contains_key(path.as_str()) {
            let nodes = js_path_process(query, tree).unwrap_or_default();
            all.insert(path.as_str().to_owned(), nodes.into_iter().map(|node| address(node.val)).collect());
        }
        let Some(addresses) = all.get(path.as_str()) else { return Selected::default() };
        let mut selected = Selected::default();
        let mut at = Some(tree);
        for segment in place {
            let Some(value) = at else { return selected };
            selected.inside |= addresses.contains(&address(value));
            at = child(value, segment);
        }
        selected.exactly = at.is_some_and(|value| addresses.contains(&address(value)));
        selected
    }
}

fn child<'v>(value: &'v Value, segment: &Segment) -> Option<&'v Value> {
    match segment {
        Segment::Key(key) => value.as_object()?.get(key),
        Segment::Index(index) => value.as_array()?.get(*index),
    }
}

/// A node is known by where it lies: two that are equal are still two.
fn address(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Segment {
        Segment::Key(name.to_owned())
    }

    #[test]
    fn filters_and_negative_indexes_are_decided_on_their_own_document() {
        let legacy = br#"{"lines":[{"kind":"a","n":1},{"kind":"b","n":1}],"x":[1,1]}"#;
        let candidate = br#"{"lines":[{"kind":"b","n":2}],"x":[1]}"#;
        let documents = Documents::new(legacy, candidate);
        let lines = JsonPath::parse("$.lines[?@.kind == 'b']").unwrap();
        let at = |i| vec![key("lines"), Segment::Index(i), key("n")];
        assert_eq!(documents.selects(Side::Legacy, &lines, &at(0)), Selected::default());
        assert_eq!(documents.selects(Side::Legacy, &lines, &at(1)), Selected { exactly: false, inside: true });
        assert_eq!(documents.selects(Side::Candidate, &lines, &at(0)), Selected { exactly: false, inside: true });
        let last = JsonPath::parse("$.x[-1]").unwrap();
        let x = |i| vec![key("x"), Segment::Index(i)];
        assert!(documents.selects(Side::Legacy, &last, &x(1)).exactly);
        assert!(!documents.selects(Side::Legacy, &last, &x(0)).any());
        assert!(documents.selects(Side::Candidate, &last, &x(0)).exactly);
        assert!(!documents.selects(Side::Candidate, &last, &x(7)).any());
    }

    #[test]
    fn numbers_in_filters_compare_by_value() {
        let documents = Documents::new(br#"[{"p":10.0},{"p":9},{"p":"10"}]"#, b"");
        let path = JsonPath::parse("$[?@.p >= 10]").unwrap();
        let at = |i| [Segment::Index(i)];
        let exactly = |i| documents.selects(Side::Legacy, &path, &at(i)).exactly;
        assert_eq!([exactly(0), exactly(1), exactly(2)], [true, false, false]);
    }

    #[test]
    fn documents_past_the_limits_are_not_looked_into() {
        let of = |size: usize| format!("[{{\"a\":1}}{}]", " ".repeat(size - 9)).into_bytes();
        let at = [Segment::Index(0)];
        for (path, most) in [("$..[?@.a]", MAX_DESCENDED), ("$[?@.a]", MAX_TREE), ("$[-1]", MAX_TREE)] {
            let path = JsonPath::parse(path).unwrap();
            let selected = |size| Documents::new(&of(size), b"").selects(Side::Legacy, &path, &at).exactly;
            assert!(selected(most) && !selected(most + 1), "{}", path.as_str());
        }
        assert_eq!(Documents::new(&of(MAX_TREE + 1), b"").text(Side::Legacy, &at), None);
    }

    #[test]
    fn what_is_no_json_has_no_places() {
        let documents = Documents::new(b"{", b"");
        assert!(!documents.selects(Side::Legacy, &JsonPath::parse("$[?@.a]").unwrap(), &[key("a")]).any());
        assert_eq!(documents.text(Side::Legacy, &[]), None);
        let documents = Documents::new(br#"{"a":[1.50]}"#, b"");
        assert_eq!(documents.text(Side::Legacy, &[key("a"), Segment::Index(0)]).as_deref(), Some("1.50"));
    }
}
