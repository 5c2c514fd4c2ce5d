//! The rules as they apply to one request.

use std::cell::OnceCell;

use super::matching::Arrays;
use super::place::{Part, Spot};
use super::rule::{Answer, Found, Rule};
use super::{JsonPath, RuleSet};
use crate::exchange::{RuleHit, Segment};

/// Answers for the differences of one exchange. Nothing is looked up before there is a difference to look it up for.
#[derive(Debug)]
pub struct Judge<'a> {
    set: &'a RuleSet,
    method: &'a str,
    path: &'a [u8],
    /// The rules on JSON places that apply to this request: a body may have many differences.
    documents: OnceCell<Vec<&'a Rule>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(set: &'a RuleSet, method: &'a str, path: &'a [u8]) -> Judge<'a> {
        Judge { set, method, path, documents: OnceCell::new() }
    }

    /// The first rule, in the order of the files, that answers for a difference.
    pub fn answer(&self, found: &Found<'_>) -> Option<RuleHit> {
        let positions = match found.spot {
            Spot::Header(name) => self.set.headers.get(name)?,
            Spot::Cookie { .. } => &self.set.cookies,
            Spot::Status => &self.set.statuses,
            Spot::Line => &self.set.lines,
            Spot::Body => &self.set.bodies,
            Spot::Json { .. } => return self.on_documents().iter().find_map(|rule| rule.answers(found)),
        };
        self.applying(positions).find_map(|rule| rule.answers(found))
    }

    /// What the rules ask of the walk through two documents.
    pub fn walk(&self) -> Walk<'a> {
        let mut walk = Walk { arrays: Vec::new(), lexemes: Vec::new() };
        for rule in self.on_documents() {
            let (Answer::Match(m), Part::Json(paths)) = (&rule.answer, &rule.place.part) else { continue };
            if let Some(arrays) = &m.arrays {
                walk.arrays.push((paths, arrays));
            }
            if m.lexeme {
                walk.lexemes.push(paths);
            }
        }
        walk
    }

    fn on_documents(&self) -> &[&'a Rule] {
        self.documents.get_or_init(|| self.applying(&self.set.documents).collect())
    }

    fn applying<'s>(&'s self, positions: &'s [usize]) -> impl Iterator<Item = &'a Rule> + 's {
        let set = self.set;
        positions
            .iter()
            .filter_map(move |at| set.rules.get(*at))
            .filter(|rule| rule.place.endpoint.as_ref().is_none_or(|endpoint| endpoint.matches(self.method, self.path)))
    }
}

/// What rules ask of the walk through two documents, before any difference is known.
#[derive(Debug, Clone)]
pub struct Walk<'a> {
    arrays: Vec<(&'a Vec<JsonPath>, &'a Arrays)>,
    lexemes: Vec<&'a Vec<JsonPath>>,
}

impl Walk<'_> {
    /// Whether no rule asks for anything.
    pub fn is_plain(&self) -> bool {
        self.arrays.is_empty() && self.lexemes.is_empty()
    }

    /// How the elements of the array at that place are brought together; None: in their order. Only a rule on the
    /// array itself decides, not one on something around it.
    pub fn arrays(&self, place: &[Segment]) -> Option<&Arrays> {
        let on = |paths: &Vec<JsonPath>| paths.iter().any(|path| path.selects(place).exactly);
        self.arrays.iter().find(|(paths, _)| on(paths)).map(|(_, arrays)| *arrays)
    }

    /// Whether the number at that place must agree as text.
    pub fn lexeme(&self, place: &[Segment]) -> bool {
        self.lexemes.iter().any(|paths| paths.iter().any(|path| path.selects(place).any()))
    }
}
