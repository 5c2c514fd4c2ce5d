//! The walk: two outlines side by side, down to where they differ.

use std::ops::Range;

use crate::exchange::{DifferenceKind, Segment};

use super::meaning::Meaning;
use super::outline::{Kind, Outline};
use super::run::Run;
use super::{ALIGN_BUDGET, Guide, JsonDiff, JsonDifference, MAX_DIFFERENCES, MAX_SHOWN, NumberMode, number, string};

/// Whose text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Legacy,
    Candidate,
}

/// One step down, as little as is needed to make a path of it later.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Into a member: the node of its name, in that side's outline.
    Member(Side, u32),
    /// Into a pair of elements, or to one and the place where the other would stand.
    Element(usize, usize),
}

pub(super) struct Walk<'o, 't> {
    pub(super) legacy: &'o Outline<'t>,
    pub(super) candidate: &'o Outline<'t>,
    pub(super) guide: &'o dyn Guide,
    pub(super) plain: bool,
    /// Cells that alignments may still fill.
    pub(super) budget: usize,
    pub(super) found: JsonDiff,
    /// How many differences are kept.
    most: usize,
    steps: Vec<Step>,
    run: Run,
    meanings: (Meaning<'o, 't>, Meaning<'o, 't>),
}

impl<'o, 't> Walk<'o, 't> {
    pub(super) fn new(
        legacy: &'o Outline<'t>,
        candidate: &'o Outline<'t>,
        guide: &'o dyn Guide,
        most: usize,
    ) -> Walk<'o, 't> {
        Walk {
            legacy,
            candidate,
            guide,
            plain: guide.is_plain(),
            budget: ALIGN_BUDGET,
            found: JsonDiff::default(),
            most,
            steps: Vec::new(),
            run: Run::default(),
            meanings: (Meaning::new(legacy, guide), Meaning::new(candidate, guide)),
        }
    }

    pub(super) fn run(mut self) -> JsonDiff {
        self.value(0, 0);
        self.found
    }

    /// Whether two values are written alike, byte for byte.
    pub(super) fn same_bytes(&mut self, l: u32, c: u32) -> bool {
        let (left, right) = (self.legacy.node(l), self.candidate.node(c));
        let at = right.start as usize;
        left.end - left.start == right.end - right.start
            && self.run.covers(self.legacy.bytes(), left.start as usize, left.end as usize, self.candidate.bytes(), at)
    }

    /// Compares the values of two nodes, which lie where the steps lead.
    pub(super) fn value(&mut self, l: u32, c: u32) {
        if self.same_bytes(l, c) {
            return;
        }
        match (self.legacy.kind(l), self.candidate.kind(c)) {
            (left, right) if left != right => self.differ(DifferenceKind::Type, l, c),
            (Kind::Object, _) => self.object(l, c),
            (Kind::Array, _) => self.array(l, c),
            (Kind::String, _) => {
                if !string::equal(self.legacy.string(l), self.candidate.string(c)) {
                    self.differ(DifferenceKind::Value, l, c);
                }
            }
            (Kind::Number, _) => {
                if !number::equal(self.legacy.text(l), self.candidate.text(c)) {
                    self.differ(DifferenceKind::Value, l, c);
                } else if !self.plain && self.guide.number(&self.path(Side::Legacy)) == NumberMode::Lexeme {
                    self.differ(DifferenceKind::Lexeme, l, c);
                }
            }
            (Kind::Bool | Kind::Null, _) => self.differ(DifferenceKind::Value, l, c),
        }
    }

    /// Does something one step further down.
    pub(super) fn inside<T>(&mut self, step: Step, act: impl FnOnce(&mut Self) -> T) -> T {
        self.steps.push(step);
        let answer = act(self);
        self.steps.pop();
        answer
    }

    /// Where the steps lead, if the guide is to be asked about places; else nothing, which costs nothing.
    pub(super) fn guided_path(&self, side: Side) -> Vec<Segment> {
        if self.plain { Vec::new() } else { self.path(side) }
    }

    /// The hash of the meaning of the value where `path` leads, which is not looked at when the guide is plain.
    pub(super) fn hash(&mut self, side: Side, node: u32, path: &mut Vec<Segment>) -> u64 {
        match side {
            Side::Legacy => self.meanings.0.hash(node, path),
            Side::Candidate => self.meanings.1.hash(node, path),
        }
    }

    /// The outline of one side.
    pub(super) fn outline(&self, side: Side) -> &'o Outline<'t> {
        match side {
            Side::Legacy => self.legacy,
            Side::Candidate => self.candidate,
        }
    }

    /// Where the steps lead in one side's document.
    pub(super) fn path(&self, side: Side) -> Vec<Segment> {
        let segment = |step: &Step| match (step, side) {
            (Step::Member(of, name), _) => Segment::Key(string::shown(self.outline(*of).string(*name))),
            (Step::Element(index, _), Side::Legacy) | (Step::Element(_, index), Side::Candidate) => {
                Segment::Index(*index)
            }
        };
        self.steps.iter().map(segment).collect()
    }

    /// Two values that both sides have, and that differ.
    pub(super) fn differ(&mut self, kind: DifferenceKind, l: u32, c: u32) {
        self.note(kind, &[(l, l)], &[(c, c)]);
    }

    /// A value that only one side has, one step further down.
    pub(super) fn only(&mut self, side: Side, step: Step, node: u32) {
        self.inside(step, |walk| match side {
            Side::Legacy => walk.note(DifferenceKind::Missing, &[(node, node)], &[]),
            Side::Candidate => walk.note(DifferenceKind::Extra, &[], &[(node, node)]),
        });
    }

    /// Writes a difference down, or counts it when there are enough. Each side is given from node to node: see [`Piece`].
    pub(super) fn note(&mut self, kind: DifferenceKind, legacy: &[(u32, u32)], candidate: &[(u32, u32)]) {
        if self.found.differences.len() >= self.most {
            self.found.more += 1;
            return;
        }
        let candidate_path = self.path(Side::Candidate);
        let path = if kind == DifferenceKind::Extra { candidate_path.clone() } else { self.path(Side::Legacy) };
        let (legacy, candidate) = (Piece::of(self.legacy, legacy), Piece::of(self.candidate, candidate));
        self.found.differences.push(legacy.beside(candidate, kind, path, candidate_path));
    }
}

impl Walk<'_, '_> {
    /// Writes down that the guide brought the elements of the array here together in another order.
    pub(super) fn note_rearranged(&mut self, l: u32, c: u32) {
        if self.found.rearranged.len() >= MAX_DIFFERENCES {
            return;
        }
        let (left, right) = (Piece::of(self.legacy, &[(l, l)]), Piece::of(self.candidate, &[(c, c)]));
        let (path, candidate_path) = (self.path(Side::Legacy), self.path(Side::Candidate));
        self.found.rearranged.push(left.beside(right, DifferenceKind::Order, path, candidate_path));
    }
}

/// One side of a difference: nothing, a value, or the members of one name.
#[derive(Debug, Default)]
struct Piece {
    shown: Option<String>,
    at: Vec<Range<usize>>,
}

impl Piece {
    /// From the first node of each pair to the last.
    fn of(outline: &Outline, nodes: &[(u32, u32)]) -> Piece {
        let shown = match nodes {
            [] => None,
            [(only, last)] if only == last => Some(shorten(outline.text(*only))),
            members => {
                let member = |(name, value): &(u32, u32)| [outline.text(*name), b":", outline.text(*value)].concat();
                Some(shorten(&members.iter().map(member).collect::<Vec<_>>().join(&b","[..])))
            }
        };
        let place = |(first, last): &(u32, u32)| outline.node(*first).start as usize..outline.node(*last).end as usize;
        Piece { shown, at: nodes.iter().map(place).collect() }
    }

    fn beside(
        self,
        candidate: Piece,
        kind: DifferenceKind,
        path: Vec<Segment>,
        candidate_path: Vec<Segment>,
    ) -> JsonDifference {
        let (legacy, legacy_at, candidate, candidate_at) = (self.shown, self.at, candidate.shown, candidate.at);
        JsonDifference { path, candidate_path, kind, legacy, candidate, legacy_at, candidate_at }
    }
}

/// The beginning of a value's text, cut between characters.
fn shorten(text: &[u8]) -> String {
    if text.len() <= MAX_SHOWN {
        return String::from_utf8_lossy(text).into_owned();
    }
    let is_boundary = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let end = (0..=MAX_SHOWN).rev().find(is_boundary).unwrap_or(0);
    let mut shown = String::from_utf8_lossy(text.get(..end).unwrap_or_default()).into_owned();
    shown.push('…');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(shorten("é".repeat(MAX_SHOWN / 2).as_bytes()), "é".repeat(MAX_SHOWN / 2));
        assert_eq!(shorten(format!("a{}", "é".repeat(MAX_SHOWN)).as_bytes()), format!("a{}…", "é".repeat(127)));
    }
}
