//! Whether two values mean the same, for the few places where hashes say that they do and nothing is to be walked: a hash
//! may only propose.

use crate::exchange::Segment;

use super::object::{groups, has_unique_names};
use super::outline::Kind;
use super::walk::{Side, Walk};
use super::{ArrayMode, NumberMode, number, string};

/// Where two values lie in their documents; not kept up where the guide is plain.
#[derive(Default)]
pub(super) struct Paths {
    pub(super) legacy: Vec<Segment>,
    pub(super) candidate: Vec<Segment>,
}

impl Paths {
    fn push(&mut self, legacy: Segment, candidate: Segment) {
        self.legacy.push(legacy);
        self.candidate.push(candidate);
    }

    fn pop(&mut self) {
        self.legacy.pop();
        self.candidate.pop();
    }
}

impl Walk<'_, '_> {
    /// Whether the two mean the same. Each pair of values is looked at once, so that names that are there twice inside of names
    /// that are there twice cost no more than others. No deeper than the scan allows.
    pub(super) fn equal(&mut self, l: u32, c: u32, paths: &mut Paths) -> bool {
        if self.same_bytes(l, c) {
            return true;
        }
        match (self.legacy.kind(l), self.candidate.kind(c)) {
            (left, right) if left != right => false,
            (Kind::Object, _) => self.equal_objects(l, c, paths),
            (Kind::Array, _) => self.equal_arrays(l, c, paths),
            (Kind::String, _) => string::equal(self.legacy.string(l), self.candidate.string(c)),
            (Kind::Number, _) => {
                let lexeme = !self.plain && self.guide.number(&paths.legacy) == NumberMode::Lexeme;
                !lexeme && number::equal(self.legacy.text(l), self.candidate.text(c))
            }
            (Kind::Bool | Kind::Null, _) => false,
        }
    }

    fn equal_objects(&mut self, l: u32, c: u32, paths: &mut Paths) -> bool {
        if self.legacy.node(l).count != self.candidate.node(c).count {
            return false;
        }
        let pairs: Vec<(u32, u32)> = if self.same_names(l, c) && has_unique_names(self.legacy, l) {
            self.legacy.members(l).zip(self.candidate.members(c)).collect()
        } else {
            let groups = groups(self.legacy, l, self.candidate, c);
            if groups.iter().any(|group| group.legacy.len() != group.candidate.len()) {
                return false;
            }
            groups.iter().flat_map(|group| group.legacy.iter().copied().zip(group.candidate.iter().copied())).collect()
        };
        pairs.into_iter().all(|(left, right)| {
            self.step_in(paths, (Side::Legacy, left), (Side::Candidate, right));
            let equal = self.equal(left + 1, right + 1, paths);
            self.step_out(paths);
            equal
        })
    }

    fn equal_arrays(&mut self, l: u32, c: u32, paths: &mut Paths) -> bool {
        if self.legacy.node(l).count != self.candidate.node(c).count {
            return false;
        }
        let number = |elements: Vec<u32>| elements.into_iter().enumerate().collect::<Vec<(usize, u32)>>();
        let mut left = number(self.legacy.elements(l).collect());
        let mut right = number(self.candidate.elements(c).collect());
        if !self.plain && self.guide.array(&paths.legacy) != ArrayMode::Ordered {
            self.by_meaning(Side::Legacy, &mut left, &mut paths.legacy);
            self.by_meaning(Side::Candidate, &mut right, &mut paths.candidate);
        }
        left.into_iter().zip(right).all(|((at, left), (other, right))| {
            if !self.plain {
                paths.push(Segment::Index(at), Segment::Index(other));
            }
            let equal = self.equal(left, right, paths);
            self.step_out(paths);
            equal
        })
    }

    /// Equal elements come to stand side by side, whatever their order was.
    fn by_meaning(&mut self, side: Side, elements: &mut [(usize, u32)], path: &mut Vec<Segment>) {
        elements.sort_by_cached_key(|(at, element)| {
            path.push(Segment::Index(*at));
            let hash = self.hash(side, *element, path);
            path.pop();
            hash
        });
    }

    fn step_in(&self, paths: &mut Paths, left: (Side, u32), right: (Side, u32)) {
        let key = |(side, name): (Side, u32)| Segment::Key(string::shown(self.outline(side).string(name)));
        if !self.plain {
            paths.push(key(left), key(right));
        }
    }

    fn step_out(&self, paths: &mut Paths) {
        if !self.plain {
            paths.pop();
        }
    }
}
