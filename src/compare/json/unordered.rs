//! Arrays whose order does not matter: multisets, and elements that a member identifies.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::exchange::Segment;

use super::array::Element;
use super::gap::{Likeness, cost, likeness};
use super::outline::Kind;
use super::string::shown;
use super::walk::{Side, Step, Walk};

/// Two elements with less in common than this are not taken to be one thing that changed.
const ALIKE: Likeness = 200;

impl Walk<'_, '_> {
    pub(super) fn unordered(&mut self, l: u32, c: u32) {
        let (left, right) = (self.elements(Side::Legacy, l), self.elements(Side::Candidate, c));
        if self.multisets(left, right) {
            self.note_rearranged(l, c);
        }
    }

    /// Elements by their key. Those without it are compared in order: the rule says nothing of them, and where no element
    /// has the key, as where it is misspelt, nothing of the array. An element of these in another place is a difference at
    /// the element and not one of order, because a rule on the array answers for order.
    pub(super) fn keyed(&mut self, l: u32, c: u32, member: &str) {
        let (left, left_rest) = self.keys(Side::Legacy, l, member);
        let (right, right_rest) = self.keys(Side::Candidate, c, member);
        let mut by_key: FxHashMap<u64, Vec<Element>> = FxHashMap::default();
        for (key, element) in right.iter().rev() {
            by_key.entry(*key).or_default().push(*element);
        }
        let (mut behind, mut crossed) = (0, false);
        for (key, element) in &left {
            // The k-th of a key belongs to the k-th; the lists are in reverse, so that the first is taken first.
            match by_key.get_mut(key).and_then(Vec::pop) {
                Some(other) => {
                    crossed |= other.index < behind;
                    behind = other.index;
                    self.pair(element, &other);
                }
                None => self.alone(Side::Legacy, element),
            }
        }
        let mut extra: Vec<Element> = by_key.into_values().flatten().collect();
        extra.sort_unstable_by_key(|e| e.index);
        for element in &extra {
            self.alone(Side::Candidate, element);
        }
        self.in_order(left_rest, right_rest, None);
        if crossed {
            self.note_rearranged(l, c);
        }
    }

    /// The elements that have the member, with the hash of its value (the last one's, where it is there more often),
    /// and those that have not.
    fn keys(&mut self, side: Side, array: u32, member: &str) -> (Vec<(u64, Element)>, Vec<Element>) {
        let outline = self.outline(side);
        let (mut keyed, mut rest) = (Vec::new(), Vec::new());
        for element in self.elements(side, array) {
            let name = (outline.kind(element.node) == Kind::Object)
                .then(|| outline.members(element.node).filter(|name| shown(outline.string(*name)) == member).last());
            match name.flatten() {
                Some(name) => {
                    let mut path = self.path(side);
                    path.extend([Segment::Index(element.index), Segment::Key(member.to_owned())]);
                    keyed.push((self.hash(side, name + 1, &mut path), element));
                }
                None => rest.push(element),
            }
        }
        (keyed, rest)
    }

    fn alone(&mut self, side: Side, element: &Element) {
        self.only(side, Step::Element(element.index, element.index), element.node);
    }

    /// Equal elements first, then alike ones, and what then is left is missing or extra. Says whether what was
    /// brought together stands in another order.
    fn multisets(&mut self, mut left: Vec<Element>, mut right: Vec<Element>) -> bool {
        self.with_hashes(Side::Legacy, &mut left);
        self.with_hashes(Side::Candidate, &mut right);
        let mut by_hash: FxHashMap<u64, Vec<Element>> = FxHashMap::default();
        for element in right.iter().rev() {
            by_hash.entry(element.hash).or_default().push(*element);
        }
        let mut unmatched = Vec::new();
        let mut pairs = Vec::new();
        for element in left {
            match by_hash.get_mut(&element.hash).and_then(Vec::pop) {
                Some(other) => {
                    pairs.push((element.index, other.index));
                    self.pair(&element, &other);
                }
                None => unmatched.push(element),
            }
        }
        let mut others: Vec<Element> = by_hash.into_values().flatten().collect();
        others.sort_unstable_by_key(|e| e.index);
        self.alike_pairs(&unmatched, &others, &mut pairs);
        pairs.sort_unstable();
        !pairs.is_sorted_by_key(|(_, candidate)| *candidate)
    }

    fn alike_pairs(&mut self, left: &[Element], right: &[Element], pairs: &mut Vec<(usize, usize)>) {
        let mut partner: Vec<Option<usize>> = vec![None; left.len()];
        let mut taken = vec![false; right.len()];
        for (i, j) in self.by_likeness(left, right) {
            if let (Some(place @ None), Some(free @ false)) = (partner.get_mut(i), taken.get_mut(j)) {
                (*place, *free) = (Some(j), true);
            }
        }
        for (element, partner) in left.iter().zip(partner) {
            match partner.and_then(|j| right.get(j)) {
                Some(other) => {
                    pairs.push((element.index, other.index));
                    self.pair(element, other);
                }
                None => self.alone(Side::Legacy, element),
            }
        }
        for (element, _) in right.iter().zip(taken).filter(|(_, taken)| !taken) {
            self.alone(Side::Candidate, element);
        }
    }

    /// All pairs that are alike, the most alike first, then by position. Past the budget: those at the same position.
    fn by_likeness(&mut self, left: &[Element], right: &[Element]) -> Vec<(usize, usize)> {
        if left.is_empty() || right.is_empty() {
            return Vec::new();
        }
        let (a, b) = (self.features(Side::Legacy, left), self.features(Side::Candidate, right));
        let cost = cost(&a, &b);
        if cost > self.budget {
            self.found.coarse = true;
            return (0..left.len().min(right.len())).map(|i| (i, i)).collect();
        }
        self.budget -= cost;
        let mut pairs = Vec::new();
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                let like = likeness(x, y);
                if like >= ALIKE {
                    pairs.push((Reverse(like), i, j));
                }
            }
        }
        pairs.sort_unstable();
        pairs.into_iter().map(|(_, i, j)| (i, j)).collect()
    }
}
