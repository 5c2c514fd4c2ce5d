//! Arrays whose order matters: aligned by what their elements mean.

use crate::exchange::{DifferenceKind, Segment};

use super::walk::{Side, Step, Walk};
use super::{ArrayMode, align};

/// An element: its index in its array, its node, and (once it is asked for) the hash of its meaning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub(super) index: usize,
    pub(super) node: u32,
    pub(super) hash: u64,
}

impl Walk<'_, '_> {
    /// Compares two arrays, as the guide says.
    pub(super) fn array(&mut self, l: u32, c: u32) {
        let mode = if self.plain { ArrayMode::Ordered } else { self.guide.array(&self.path(Side::Legacy)) };
        match mode {
            ArrayMode::Ordered => self.ordered(l, c),
            ArrayMode::Unordered => self.unordered(l, c),
            ArrayMode::Keyed(name) => self.keyed(l, c, &name),
        }
    }

    /// The elements of one side's array. Their hashes are not made yet.
    pub(super) fn elements(&self, side: Side, array: u32) -> Vec<Element> {
        let element = |(index, node)| Element { index, node, hash: 0 };
        self.outline(side).elements(array).enumerate().map(element).collect()
    }

    pub(super) fn with_hashes(&mut self, side: Side, elements: &mut [Element]) {
        let mut path = self.guided_path(side);
        for element in elements {
            element.hash = self.element_hash(side, element, &mut path);
        }
    }

    /// The hash of what an element of the array means whose guided path this is.
    fn element_hash(&mut self, side: Side, element: &Element, path: &mut Vec<Segment>) -> u64 {
        path.push(Segment::Index(element.index));
        let hash = self.hash(side, element.node, path);
        path.pop();
        hash
    }

    /// Walks a pair of elements. Whatever proposed the pair, this finds out how they differ.
    pub(super) fn pair(&mut self, left: &Element, right: &Element) {
        self.inside(Step::Element(left.index, right.index), |walk| walk.value(left.node, right.node));
    }

    fn ordered(&mut self, l: u32, c: u32) {
        if self.one_place_differs(l, c) {
            return;
        }
        let (left, right) = (self.elements(Side::Legacy, l), self.elements(Side::Candidate, c));
        self.in_order(left, right, Some((l, c)));
    }

    /// Elements of two arrays in their order. The same ones in another order are one difference at these arrays; without
    /// any, they are differences like others, each at its element.
    pub(super) fn in_order(&mut self, mut left: Vec<Element>, mut right: Vec<Element>, arrays: Option<(u32, u32)>) {
        let end = right.last().map_or(0, |e| e.index + 1);
        let ahead = self.alike(left.iter().zip(&right));
        let (first, second) = (left.split_off(ahead), right.split_off(ahead));
        for (a, b) in left.iter().zip(&right) {
            self.pair(a, b);
        }
        let (mut left, mut right) = (first, second);
        let behind = self.alike(left.iter().rev().zip(right.iter().rev()));
        let left_tail = left.split_off(left.len() - behind);
        let right_tail = right.split_off(right.len() - behind);
        self.with_hashes(Side::Legacy, &mut left);
        self.with_hashes(Side::Candidate, &mut right);
        match arrays {
            Some((l, c)) if left.len() > 1 && same_multiset(&left, &right) => self.reordered(l, c, left, right),
            _ => self.aligned(&left, &right, right_tail.first().map_or(end, |e| e.index)),
        }
        for (a, b) in left_tail.iter().zip(&right_tail) {
            self.pair(a, b);
        }
    }

    /// The common case, without hashes: as many elements on both sides, and at most one pair of them differs in bytes.
    /// Every alignment would say the same then.
    fn one_place_differs(&mut self, l: u32, c: u32) -> bool {
        let (legacy, candidate) = (self.legacy, self.candidate);
        if legacy.node(l).count != candidate.node(c).count {
            return false;
        }
        let mut only = None;
        for (index, (left, right)) in legacy.elements(l).zip(candidate.elements(c)).enumerate() {
            if !self.same_bytes(left, right) && only.replace((index, left, right)).is_some() {
                return false;
            }
        }
        if let Some((index, left, right)) = only {
            self.inside(Step::Element(index, index), |walk| walk.value(left, right));
        }
        true
    }

    /// How many pairs mean the same, up to the first that does not.
    fn alike<'e>(&mut self, pairs: impl Iterator<Item = (&'e Element, &'e Element)>) -> usize {
        let (mut left_path, mut right_path) = (self.guided_path(Side::Legacy), self.guided_path(Side::Candidate));
        let mut alike = |(a, b): &(&Element, &Element)| {
            self.same_bytes(a.node, b.node)
                || (self.legacy.kind(a.node) == self.candidate.kind(b.node)
                    && self.element_hash(Side::Legacy, a, &mut left_path)
                        == self.element_hash(Side::Candidate, b, &mut right_path))
        };
        pairs.take_while(|pair| alike(pair)).count()
    }

    /// The same elements in another order: one difference at the array.
    fn reordered(&mut self, l: u32, c: u32, mut left: Vec<Element>, mut right: Vec<Element>) {
        left.sort_by_key(|e| e.hash);
        right.sort_by_key(|e| e.hash);
        self.differ(DifferenceKind::Order, l, c);
        for (a, b) in left.iter().zip(&right) {
            self.pair(a, b);
        }
    }

    /// Pairs what is common, and what lies between by its likeness. `end` is the candidate's index behind it all.
    fn aligned(&mut self, left: &[Element], right: &[Element], end: usize) {
        let hashes = |elements: &[Element]| elements.iter().map(|e| e.hash).collect::<Vec<u64>>();
        let (common, coarse) = align::common(&hashes(left), &hashes(right), &mut self.budget);
        self.found.coarse |= coarse;
        let (mut i, mut j) = (0, 0);
        for (next_i, next_j) in common {
            let (Some(a), Some(b)) = (left.get(next_i), right.get(next_j)) else { continue };
            self.gap(left.get(i..next_i).unwrap_or_default(), right.get(j..next_j).unwrap_or_default(), b.index);
            self.pair(a, b);
            (i, j) = (next_i + 1, next_j + 1);
        }
        self.gap(left.get(i..).unwrap_or_default(), right.get(j..).unwrap_or_default(), end);
    }
}

fn same_multiset(left: &[Element], right: &[Element]) -> bool {
    let sorted = |elements: &[Element]| {
        let mut hashes: Vec<u64> = elements.iter().map(|e| e.hash).collect();
        hashes.sort_unstable();
        hashes
    };
    left.len() == right.len() && sorted(left) == sorted(right)
}
