//! A JSON text as a flat list of places: where each name and value begins and ends, in the order of the text.

/// One name or value. What it is its first byte tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Node {
    /// Offset of its first byte.
    pub(super) start: u32,
    /// Offset behind its last byte.
    pub(super) end: u32,
    /// Index of the node behind everything that lies in this one.
    pub(super) next: u32,
    /// Members or elements; for a string 1 if it holds escapes.
    pub(super) count: u32,
}

/// The types of RFC 8259, section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// A text that was read and found to be JSON. Node 0 is the document's value; a member is its name's node and then
/// its value's.
#[derive(Debug)]
pub(super) struct Outline<'t> {
    text: &'t [u8],
    nodes: Vec<Node>,
}

impl<'t> Outline<'t> {
    pub(super) fn new(text: &'t [u8], nodes: Vec<Node>) -> Outline<'t> {
        Outline { text, nodes }
    }

    pub(super) fn into_nodes(self) -> Vec<Node> {
        self.nodes
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The whole text.
    pub(super) fn bytes(&self) -> &'t [u8] {
        self.text
    }

    pub(super) fn node(&self, index: u32) -> Node {
        self.nodes.get(index as usize).copied().unwrap_or_default()
    }

    /// The nodes of a value and of all that lies in it.
    pub(super) fn subtree(&self, index: u32) -> &[Node] {
        self.nodes.get(index as usize..self.node(index).next as usize).unwrap_or_default()
    }

    /// The value's text as written.
    pub(super) fn text(&self, index: u32) -> &'t [u8] {
        let node = self.node(index);
        self.text.get(node.start as usize..node.end as usize).unwrap_or_default()
    }

    /// A string's text between its quotes, and whether it holds escapes.
    pub(super) fn string(&self, index: u32) -> (&'t [u8], bool) {
        let node = self.node(index);
        let inner = self.text.get(node.start as usize + 1..(node.end as usize).saturating_sub(1));
        (inner.unwrap_or_default(), node.count != 0)
    }

    pub(super) fn kind(&self, index: u32) -> Kind {
        match self.text.get(self.node(index).start as usize) {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// The elements of an array.
    pub(super) fn elements(&self, array: u32) -> impl Iterator<Item = u32> + use<'_, 't> {
        let mut next = array + 1;
        (0..self.node(array).count).map(move |_| {
            let element = next;
            next = self.node(element).next;
            element
        })
    }

    /// The members of an object, as the nodes of their names; a member's value is the node behind its name.
    pub(super) fn members(&self, object: u32) -> impl Iterator<Item = u32> + use<'_, 't> {
        let mut next = object + 1;
        (0..self.node(object).count).map(move |_| {
            let name = next;
            next = self.node(name + 1).next;
            name
        })
    }
}
