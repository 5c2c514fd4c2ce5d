//! Keys with nothing behind them.
//!
//! `critical:` whose entries are all commented out is `null` to a reader of YAML, and would be taken for no key at all: what
//! somebody wrote down would be asked of nobody. So each is refused.

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::{Problem, Text};

/// A document as far as it has something or nothing in its places.
#[derive(Debug)]
pub(in crate::config) enum Node {
    Nothing,
    Something,
    Keys(Vec<(Text, Node)>),
    List(Vec<Spanned<Node>>),
}

impl Node {
    /// Each key, and each entry of a list, that has nothing: in which line, and the way out. A document without anything is
    /// none of them.
    pub(in crate::config) fn without_anything(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        self.look("", &mut found);
        found
    }

    fn look(&self, at: &str, found: &mut Vec<Problem>) {
        match self {
            Node::Nothing | Node::Something => {}
            Node::Keys(keys) => {
                for (key, node) in keys {
                    let line = key.referenced.line();
                    let key = if at.is_empty() { key.value.clone() } else { format!("{at}.{}", key.value) };
                    let message = format!("{key}: nothing stands behind this key; remove the key or give it entries");
                    found.extend(matches!(node, Node::Nothing).then_some(Problem { line, message }));
                    node.look(&key, found);
                }
            }
            Node::List(list) => {
                for Spanned { value, referenced, .. } in list {
                    let message = format!("{at}: an entry of this list is empty; remove it or write something");
                    let line = referenced.line();
                    found.extend(matches!(value, Node::Nothing).then_some(Problem { line, message }));
                    value.look(at, found);
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Something)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Something)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Something)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Something)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Something)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Something)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Something)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = list.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut keys = Vec::new();
        while let Some(entry) = map.next_entry()? {
            keys.push(entry);
        }
        Ok(Node::Keys(keys))
    }
}
