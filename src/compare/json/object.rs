//! Objects: members are matched by their decoded names.

use crate::exchange::{DifferenceKind, Segment};

use super::equal::Paths;
use super::meaning::name_hash;
use super::outline::Outline;
use super::string::{self, decode};
use super::walk::{Side, Step, Walk};

/// A member, ready to be found by its name.
struct Member {
    hash: u64,
    /// The node of its name.
    name: u32,
}

/// The members of one name, on both sides, in order.
pub(super) struct Group {
    pub(super) legacy: Vec<u32>,
    pub(super) candidate: Vec<u32>,
}

impl Walk<'_, '_> {
    /// Compares two objects. Mostly both have the same names in the same order; then the values are simply walked
    /// in pairs. That says the same as matching by name, if the names are unique, which is looked at only when a value
    /// differs.
    pub(super) fn object(&mut self, l: u32, c: u32) {
        if !self.same_names(l, c) {
            return self.by_name(l, c);
        }
        let (legacy, candidate) = (self.legacy, self.candidate);
        let mut unique = false;
        for (left, right) in legacy.members(l).zip(candidate.members(c)) {
            if self.same_bytes(left + 1, right + 1) {
                continue;
            }
            if !unique && !has_unique_names(legacy, l) {
                return self.by_name(l, c);
            }
            unique = true;
            self.inside(Step::Member(Side::Legacy, left), |walk| walk.value(left + 1, right + 1));
        }
    }

    pub(super) fn same_names(&self, l: u32, c: u32) -> bool {
        self.legacy.node(l).count == self.candidate.node(c).count
            && (self.legacy.members(l).zip(self.candidate.members(c)))
                .all(|(left, right)| string::equal(self.legacy.string(left), self.candidate.string(right)))
    }

    fn by_name(&mut self, l: u32, c: u32) {
        for group in groups(self.legacy, l, self.candidate, c) {
            if (group.legacy.len() > 1 || group.candidate.len() > 1) && !self.all_agree(&group) {
                self.duplicate(&group);
            } else if group.legacy.len() > 1 {
                continue;
            }
            match (group.legacy.last(), group.candidate.last()) {
                (Some(left), Some(right)) => {
                    self.inside(Step::Member(Side::Legacy, *left), |walk| walk.value(left + 1, right + 1));
                }
                (Some(left), None) => self.only(Side::Legacy, Step::Member(Side::Legacy, *left), left + 1),
                (None, Some(right)) => self.only(Side::Candidate, Step::Member(Side::Candidate, *right), right + 1),
                (None, None) => {}
            }
        }
    }

    /// Whether both sides have the name as often, each time with the same value: no reader can tell them apart. Mostly the
    /// hashes tell what is not the same.
    fn all_agree(&mut self, group: &Group) -> bool {
        group.legacy.len() == group.candidate.len()
            && group.legacy.iter().zip(&group.candidate).all(|(left, right)| {
                let path = |side, name: u32, walk: &Self| {
                    let mut path = walk.path(side);
                    path.push(Segment::Key(string::shown(walk.outline(side).string(name))));
                    path
                };
                let mut paths =
                    Paths { legacy: path(Side::Legacy, *left, self), candidate: path(Side::Candidate, *right, self) };
                self.same_bytes(left + 1, right + 1)
                    || (self.hash(Side::Legacy, left + 1, &mut paths.legacy)
                        == self.hash(Side::Candidate, right + 1, &mut paths.candidate)
                        && self.equal(left + 1, right + 1, &mut paths))
            })
    }

    fn duplicate(&mut self, group: &Group) {
        let members = |names: &[u32]| names.iter().map(|name| (*name, name + 1)).collect::<Vec<_>>();
        let (legacy, candidate) = (members(&group.legacy), members(&group.candidate));
        let step = match (group.legacy.last(), group.candidate.last()) {
            (Some(name), _) => Step::Member(Side::Legacy, *name),
            (None, Some(name)) => Step::Member(Side::Candidate, *name),
            (None, None) => return,
        };
        self.inside(step, |walk| walk.note(DifferenceKind::DuplicateKey, &legacy, &candidate));
    }
}

/// Past this many members they are sorted rather than compared with each other.
const FEW: usize = 24;

pub(super) fn has_unique_names(outline: &Outline, object: u32) -> bool {
    if outline.node(object).count as usize <= FEW {
        let mut seen = [0u64; FEW];
        for (index, name) in outline.members(object).enumerate() {
            let hash = name_hash(outline, name);
            let before = seen.get(..index).unwrap_or_default();
            if before.contains(&hash) {
                return false;
            }
            if let Some(place) = seen.get_mut(index) {
                *place = hash;
            }
        }
        return true;
    }
    let mut hashes: Vec<u64> = outline.members(object).map(|name| name_hash(outline, name)).collect();
    hashes.sort_unstable();
    hashes.windows(2).all(|pair| pair.first() != pair.last())
}

/// All names of both objects: first the legacy's in its order, then those that only the candidate has.
pub(super) fn groups(legacy: &Outline, l: u32, candidate: &Outline, c: u32) -> Vec<Group> {
    let mut members: Vec<(Member, Side)> = Vec::new();
    for (outline, object, side) in [(legacy, l, Side::Legacy), (candidate, c, Side::Candidate)] {
        members.extend(outline.members(object).map(|name| (Member { hash: name_hash(outline, name), name }, side)));
    }
    let value = |member: &Member, side: Side| {
        let (inner, escaped) = if side == Side::Legacy { legacy } else { candidate }.string(member.name);
        decode(inner, escaped)
    };
    // A stable sort, so that the legacy's come first and each side's keep their order.
    members.sort_by(|(a, a_side), (b, b_side)| {
        a.hash.cmp(&b.hash).then_with(|| value(a, *a_side).cmp(&value(b, *b_side)))
    });
    let mut groups: Vec<Group> = members
        .chunk_by(|(a, a_side), (b, b_side)| a.hash == b.hash && value(a, *a_side) == value(b, *b_side))
        .map(group_of)
        .collect();
    let first = |names: &[u32]| names.first().copied().unwrap_or(u32::MAX);
    groups.sort_unstable_by_key(|group| (first(&group.legacy), first(&group.candidate)));
    groups
}

fn group_of(members: &[(Member, Side)]) -> Group {
    let of = |wanted: Side| members.iter().filter(|(_, side)| *side == wanted).map(|(m, _)| m.name).collect();
    Group { legacy: of(Side::Legacy), candidate: of(Side::Candidate) }
}
