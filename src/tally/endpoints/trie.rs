//! The trie of path segments, in bounded memory.

use std::collections::BTreeMap;

use super::segment::{self, Variable};

/// A place where more different words than this stand is variable.
pub(super) const MAX_WORDS: usize = 32;
/// Where that happens, a word that was asked so many times as often as the middle one stays a word: `/products/search`
/// among slugs, and `/orders` among what a scanner tries.
const FREQUENT: u64 = 8;
/// Segments past this depth are `{rest}`.
pub(super) const MAX_DEPTH: usize = 16;
/// At most so many nodes; a path that would need more is counted as `{other}`.
pub(super) const MAX_NODES: usize = 8192;

#[derive(Debug)]
struct Node {
    parent: usize,
    /// The segment as the template shows it.
    label: String,
    words: BTreeMap<String, usize>,
    variable: Option<(Variable, usize)>,
    /// Too many words came: new ones are variable.
    collapsed: bool,
    requests: u64,
    /// Method to number.
    numbers: BTreeMap<usize, u32>,
}

#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// Number to node; for numbers given out elsewhere, the root. Kept right when nodes are joined.
    places: Vec<usize>,
    /// The nodes that were joined into others and may be used again.
    free: Vec<usize>,
}

const ROOT: usize = 0;

impl Trie {
    pub(super) fn new() -> Trie {
        let mut trie = Trie { nodes: Vec::new(), places: Vec::new(), free: Vec::new() };
        trie.nodes.push(Node::new(ROOT, String::new()));
        trie
    }

    /// The number of that path and method: a known one, or `fresh`. None where a limit forbids a new one.
    pub(super) fn find(&mut self, path: &[u8], method: usize, fresh: Option<u32>) -> Option<u32> {
        let node = self.walk(path, fresh.is_some())?;
        if let Some(number) = self.nodes[node].numbers.get(&method) {
            return Some(*number);
        }
        let number = fresh?;
        self.nodes[node].numbers.insert(method, number);
        self.places.push(node);
        Some(number)
    }

    pub(super) fn skip_number(&mut self) {
        self.places.push(ROOT);
    }

    pub(super) fn node_of(&self, number: u32) -> usize {
        self.places.get(number as usize).copied().unwrap_or(ROOT)
    }

    pub(super) fn template(&self, mut node: usize) -> String {
        let mut labels = Vec::new();
        while node != ROOT && labels.len() <= MAX_DEPTH + 1 {
            labels.push(self.nodes[node].label.as_str());
            node = self.nodes[node].parent;
        }
        // The asterisk form of OPTIONS has no slash.
        if labels == ["*"] {
            return "*".to_owned();
        }
        labels.iter().rev().flat_map(|l| ["/", l]).collect()
    }

    fn walk(&mut self, path: &[u8], may_grow: bool) -> Option<usize> {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let mut node = ROOT;
        for (depth, part) in path.split(|b| *b == b'/').enumerate() {
            let part = segment::without_parameters(part);
            let rest = depth == MAX_DEPTH;
            let shape = if rest { Some(Variable::Rest) } else { segment::variable(part) };
            node = match shape {
                Some(shape) => self.variable_child(node, shape, may_grow)?,
                None => self.word_child(node, &String::from_utf8_lossy(part), may_grow)?,
            };
            self.nodes[node].requests += 1;
            if rest {
                break;
            }
        }
        Some(node)
    }

    fn variable_child(&mut self, node: usize, shape: Variable, may_grow: bool) -> Option<usize> {
        if let Some((known, child)) = self.nodes[node].variable {
            if known != shape {
                self.rename(node, child, Variable::Id);
            }
            return Some(child);
        }
        let child = self.grow(node, shape.template().to_owned(), may_grow)?;
        self.nodes[node].variable = Some((shape, child));
        Some(child)
    }

    fn rename(&mut self, node: usize, child: usize, shape: Variable) {
        self.nodes[node].variable = Some((shape, child));
        self.nodes[child].label = shape.template().to_owned();
    }

    fn word_child(&mut self, node: usize, word: &str, may_grow: bool) -> Option<usize> {
        if let Some(child) = self.nodes[node].words.get(word) {
            return Some(*child);
        }
        if self.nodes[node].collapsed {
            return self.variable_child(node, self.shape_of_words(node), may_grow);
        }
        let child = self.grow(node, word.to_owned(), may_grow)?;
        self.nodes[node].words.insert(word.to_owned(), child);
        if self.nodes[node].words.len() <= MAX_WORDS {
            return Some(child);
        }
        self.collapse(node);
        self.nodes[node].words.get(word).copied().or(self.nodes[node].variable.map(|(_, child)| child))
    }

    /// What words are called where a value already stands: a name beside ids is one more id.
    fn shape_of_words(&self, node: usize) -> Variable {
        self.nodes[node].variable.map_or(Variable::Name, |(known, _)| known)
    }

    fn grow(&mut self, parent: usize, label: String, may_grow: bool) -> Option<usize> {
        if !may_grow {
            return None;
        }
        if let Some(at) = self.free.pop() {
            self.nodes[at] = Node::new(parent, label);
            return Some(at);
        }
        if self.nodes.len() >= MAX_NODES {
            return None;
        }
        self.nodes.push(Node::new(parent, label));
        Some(self.nodes.len() - 1)
    }

    /// Joins the words of a node into its variable child, those left out that are asked far more often than others.
    fn collapse(&mut self, node: usize) {
        self.nodes[node].collapsed = true;
        let words = std::mem::take(&mut self.nodes[node].words);
        let mut counts: Vec<u64> = words.values().map(|child| self.nodes[*child].requests).collect();
        counts.sort_unstable();
        let middle = counts.get(counts.len() / 2).copied().unwrap_or(0).max(1);
        for (word, child) in words {
            if self.nodes[child].requests >= middle * FREQUENT {
                self.nodes[node].words.insert(word, child);
                continue;
            }
            match self.nodes[node].variable {
                Some((_, into)) => self.join(child, into),
                None => {
                    self.rename(node, child, Variable::Name);
                }
            }
        }
    }

    /// Moves everything that is counted below `from` to the same places below `into`. As deep as the trie: bounded.
    fn join(&mut self, from: usize, into: usize) {
        let old = std::mem::replace(&mut self.nodes[from], Node::new(ROOT, String::new()));
        self.free.push(from);
        self.nodes[into].requests += old.requests;
        for (method, number) in old.numbers {
            self.move_number(number, into);
            self.nodes[into].numbers.entry(method).or_insert(number);
        }
        if let Some((shape, child)) = old.variable {
            self.join_variable(into, shape, child);
        }
        for (word, child) in old.words {
            match self.nodes[into].words.get(&word).copied() {
                Some(same) => self.join(child, same),
                None if self.nodes[into].collapsed => self.join_variable(into, self.shape_of_words(into), child),
                None => {
                    self.nodes[child].parent = into;
                    self.nodes[into].words.insert(word, child);
                }
            }
        }
        if self.nodes[into].words.len() > MAX_WORDS {
            self.collapse(into);
        }
    }

    fn join_variable(&mut self, node: usize, shape: Variable, child: usize) {
        match self.nodes[node].variable {
            Some((known, same)) => {
                if known != shape {
                    self.rename(node, same, Variable::Id);
                }
                self.join(child, same);
            }
            None => {
                self.nodes[child].parent = node;
                self.rename(node, child, shape);
            }
        }
    }

    /// Numbers that were joined earlier follow the one they were joined with.
    fn move_number(&mut self, number: u32, into: usize) {
        let Some(from) = self.places.get(number as usize).copied() else { return };
        if from == ROOT {
            return;
        }
        for place in self.places.iter_mut().filter(|p| **p == from) {
            *place = into;
        }
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.nodes.len()
    }
}

impl Node {
    fn new(parent: usize, label: String) -> Node {
        Node {
            parent,
            label,
            words: BTreeMap::new(),
            variable: None,
            collapsed: false,
            requests: 0,
            numbers: BTreeMap::new(),
        }
    }
}
