//! Elements that have no equal on the other side: which of them are the same thing, changed?

use crate::exchange::Segment;

use super::array::Element;
use super::meaning::name_hash;
use super::outline::Kind;
use super::walk::{Side, Step, Walk};

/// Likeness of two values, in thousandths.
pub(super) type Likeness = u32;
/// Equal.
const EQUAL: Likeness = 1000;
/// For a member whose name both have, with other values.
const NAME: Likeness = 300;
/// For two values that have their type in common and nothing else.
const TYPE: Likeness = 100;
/// From here on two elements at the same position are taken to be the same thing without looking for a better match.
const ENOUGH: Likeness = 500;
/// Gaps that cost more than this many cells are first shortened from both ends, where neighbours show the way.
const FINE: usize = 1 << 16;

/// What likeness is judged by: the parts of an element, as hashes.
pub(super) struct Features {
    kind: Kind,
    hash: u64,
    /// Members: hashes of name and value. Elements: hash and zero. Sorted.
    parts: Vec<(u64, u64)>,
}

impl Walk<'_, '_> {
    /// Elements between two common ones: pairs are walked, the rest is missing or extra. `end` is the candidate's index
    /// behind the gap.
    pub(super) fn gap(&mut self, left: &[Element], right: &[Element], end: usize) {
        let (mut i, mut j) = (0, 0);
        for (next_i, next_j) in self.likely_pairs(left, right) {
            let (Some(a), Some(b)) = (left.get(next_i), right.get(next_j)) else { continue };
            self.by_position(left.get(i..next_i), right.get(j..next_j), b.index);
            self.pair(a, b);
            (i, j) = (next_i + 1, next_j + 1);
        }
        self.by_position(left.get(i..), right.get(j..), end);
    }

    /// Elements that are not alike: the first with the first, until one side has no more.
    fn by_position(&mut self, left: Option<&[Element]>, right: Option<&[Element]>, end: usize) {
        let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
        let both = left.len().min(right.len());
        for (a, b) in left.iter().zip(right) {
            self.pair(a, b);
        }
        let begin = right.first().map_or(end, |b| b.index + both);
        for a in left.iter().skip(both) {
            self.only(Side::Legacy, Step::Element(a.index, begin), a.node);
        }
        for b in right.iter().skip(both) {
            self.only(Side::Candidate, Step::Element(b.index, b.index), b.node);
        }
    }

    /// Rising pairs of alike elements, with the greatest likeness in sum.
    fn likely_pairs(&mut self, left: &[Element], right: &[Element]) -> Vec<(usize, usize)> {
        if left.is_empty() || right.is_empty() || (left.len() == 1 && right.len() == 1) {
            return Vec::new();
        }
        let left = self.features(Side::Legacy, left);
        let right = self.features(Side::Candidate, right);
        if left.len() == right.len() && left.iter().zip(&right).all(|(a, b)| likeness(a, b) >= ENOUGH) {
            return Vec::new();
        }
        let (ahead, behind) = if cost(&left, &right) > FINE { sure_ends(&left, &right) } else { (0, 0) };
        let (left_end, right_end) = (left.len() - behind, right.len() - behind);
        let mut pairs: Vec<(usize, usize)> = (0..ahead).map(|i| (i, i)).collect();
        let (inner_left, inner_right) = (&left[ahead..left_end], &right[ahead..right_end]);
        let cost = cost(inner_left, inner_right);
        if cost <= self.budget {
            self.budget -= cost;
            pairs.extend(best_rising(inner_left, inner_right).into_iter().map(|(i, j)| (i + ahead, j + ahead)));
        } else {
            self.found.coarse = true;
        }
        pairs.extend((0..behind).map(|k| (left_end + k, right_end + k)));
        pairs
    }

    pub(super) fn features(&mut self, side: Side, elements: &[Element]) -> Vec<Features> {
        let outline = self.outline(side);
        let mut all = Vec::with_capacity(elements.len());
        let mut path = self.guided_path(side);
        for element in elements {
            let kind = outline.kind(element.node);
            path.push(Segment::Index(element.index));
            let parts = match kind {
                Kind::Object => self.member_parts(side, element.node, &mut path),
                Kind::Array => self.element_parts(side, element.node, &mut path),
                _ => Vec::new(),
            };
            path.pop();
            all.push(Features { kind, hash: element.hash, parts });
        }
        all
    }

    fn member_parts(&mut self, side: Side, object: u32, path: &mut Vec<Segment>) -> Vec<(u64, u64)> {
        let outline = self.outline(side);
        let mut parts = Vec::with_capacity(outline.node(object).count as usize);
        for name in outline.members(object) {
            if !self.plain {
                path.push(Segment::Key(super::string::shown(outline.string(name))));
            }
            parts.push((name_hash(outline, name), self.hash(side, name + 1, path)));
            if !self.plain {
                path.pop();
            }
        }
        parts.sort_unstable();
        parts
    }

    fn element_parts(&mut self, side: Side, array: u32, path: &mut Vec<Segment>) -> Vec<(u64, u64)> {
        let outline = self.outline(side);
        let mut parts = Vec::with_capacity(outline.node(array).count as usize);
        for (index, element) in outline.elements(array).enumerate() {
            if !self.plain {
                path.push(Segment::Index(index));
            }
            parts.push((self.hash(side, element, path), 0));
            if !self.plain {
                path.pop();
            }
        }
        parts.sort_unstable();
        parts
    }
}

/// Cells, counted by what it costs to judge each.
pub(super) fn cost(left: &[Features], right: &[Features]) -> usize {
    let parts = |all: &[Features]| all.iter().map(|f| f.parts.len() + 1).sum::<usize>();
    (parts(left).saturating_mul(right.len())).saturating_add(parts(right).saturating_mul(left.len()))
}

/// How much two elements have in common.
pub(super) fn likeness(a: &Features, b: &Features) -> Likeness {
    if a.kind != b.kind {
        return 0;
    }
    if a.hash == b.hash {
        return EQUAL;
    }
    let most = a.parts.len().max(b.parts.len()) as u64;
    if most == 0 {
        return TYPE;
    }
    let (mut i, mut j, mut sum) = (0, 0, 0u64);
    while let (Some(x), Some(y)) = (a.parts.get(i), b.parts.get(j)) {
        match x.0.cmp(&y.0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += u64::from(if x.1 == y.1 { EQUAL } else { NAME });
                (i, j) = (i + 1, j + 1);
            }
        }
    }
    TYPE.max((sum / most) as Likeness)
}

/// How many pairs at the beginning and at the end are sure without looking at all others: alike, and at least as much
/// as either is with the other's neighbour.
fn sure_ends(left: &[Features], right: &[Features]) -> (usize, usize) {
    let like = |i: Option<usize>, j: Option<usize>| match (i.and_then(|i| left.get(i)), j.and_then(|j| right.get(j))) {
        (Some(a), Some(b)) => likeness(a, b),
        _ => 0,
    };
    let sure = |i: usize, j: usize, next_i: Option<usize>, next_j: Option<usize>| {
        let here = like(Some(i), Some(j));
        here >= ENOUGH && here >= like(next_i, Some(j)) && here >= like(Some(i), next_j)
    };
    let most = left.len().min(right.len());
    let ahead = (0..most).take_while(|i| sure(*i, *i, Some(i + 1), Some(i + 1))).count();
    let from_end = |k: usize| (left.len() - 1 - k, right.len() - 1 - k);
    let behind = (0..most - ahead).take_while(|k| {
        let (i, j) = from_end(*k);
        sure(i, j, i.checked_sub(1), j.checked_sub(1))
    });
    (ahead, behind.count())
}

/// Sequence alignment (Needleman and Wunsch): `best[i][j]` is the greatest sum that i and j on can reach.
fn best_rising(left: &[Features], right: &[Features]) -> Vec<(usize, usize)> {
    let width = right.len() + 1;
    let mut best = vec![0u32; width * (left.len() + 1)];
    let mut judged = vec![0u16; left.len() * right.len()];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            let like = likeness(&left[i], &right[j]);
            judged[i * right.len() + j] = like as u16;
            let paired = if like > 0 { best[(i + 1) * width + j + 1].saturating_add(like) } else { 0 };
            best[i * width + j] = paired.max(best[(i + 1) * width + j]).max(best[i * width + j + 1]);
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < left.len() && j < right.len() {
        let like = u32::from(judged[i * right.len() + j]);
        let here = best[i * width + j];
        if like > 0 && here == best[(i + 1) * width + j + 1].saturating_add(like) {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if here == best[(i + 1) * width + j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}
