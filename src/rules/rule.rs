//! One rule: what a person says about differences at a place.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::civil::Date;

use super::documents::Side;
use super::error::SourceLine;
use super::matching::{Match, Sides};
use super::path::Selected;
use super::place::{Place, Spot};
use crate::exchange::{DifferenceKind, RuleAnswer, RuleHit, RuleNote};

/// A checked rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Unique in a rule set.
    pub id: Arc<str>,
    /// Who answers for it.
    pub owner: String,
    /// Why it is there.
    pub reason: String,
    /// The last day on which it applies.
    pub expires: Date,
    /// Whether that day has passed.
    pub expired: bool,
    /// Where it applies.
    pub place: Place,
    /// What it says.
    pub answer: Answer,
    /// Where it is written.
    pub source: SourceLine,
}

/// What a rule says.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Do not compare.
    Ignore {
        /// The JSON type, or the kind of body, may differ too.
        any_type: bool,
        /// It may be on one side only.
        any_presence: bool,
    },
    /// Normalise, then compare.
    Match(Box<Match>),
    /// A known difference, wanted.
    Accept {
        /// The largest share of an endpoint's compared exchanges that it may answer for.
        max_rate: Option<f64>,
        /// In what ways the place may differ; empty: in any.
        kinds: Vec<DifferenceKind>,
    },
}

/// A difference as a rule is asked about it. Texts must be whole, but for those of JSON places: one that was cut for
/// showing ends in an ellipsis, as no JSON text does, and a rule that needs the whole of it takes it from the document.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Where.
    pub spot: Spot<'a>,
    /// In what way.
    pub kind: DifferenceKind,
    /// The legacy's side: JSON text for a JSON place.
    pub legacy: Option<&'a str>,
    /// The candidate's.
    pub candidate: Option<&'a str>,
    /// Whether both sides are the legacy's, at two times. Then what a rule says of the candidate's side alone is asked
    /// of neither.
    pub legacy_twice: bool,
}

impl<'a> Found<'a> {
    fn whole(&self, text: Option<&'a str>, side: Side) -> Option<Cow<'a, str>> {
        match (self.spot, text) {
            (Spot::Json { legacy, candidate, documents }, Some(text)) if text.ends_with('…') => {
                let place = if side == Side::Legacy { legacy } else { candidate };
                documents.text(side, place).map(Cow::Owned)
            }
            (_, text) => text.map(Cow::Borrowed),
        }
    }
}

impl Rule {
    /// What it says of a difference, if anything.
    pub fn answers(&self, found: &Found<'_>) -> Option<RuleHit> {
        let selected = self.place.part.means(&found.spot, found.kind, found.legacy, found.candidate);
        let yes = selected.any()
            && match &self.answer {
                Answer::Ignore { any_type, any_presence } => covers(*any_type, *any_presence, found.kind, selected),
                Answer::Match(m) => {
                    let legacy = found.whole(found.legacy, Side::Legacy);
                    let candidate = found.whole(found.candidate, Side::Candidate);
                    let as_json = matches!(found.spot, Spot::Json { .. });
                    let sides = Sides { legacy: legacy.as_deref(), candidate: candidate.as_deref(), as_json };
                    m.agrees(found.kind, sides, found.legacy_twice)
                }
                Answer::Accept { kinds, .. } => kinds.is_empty() || kinds.contains(&found.kind),
            };
        yes.then(|| RuleHit { id: Arc::clone(&self.id), answer: self.kind() })
    }

    /// Which of the three answers it gives.
    pub fn kind(&self) -> RuleAnswer {
        match self.answer {
            Answer::Ignore { .. } => RuleAnswer::Ignore,
            Answer::Match(_) => RuleAnswer::Match,
            Answer::Accept { .. } => RuleAnswer::Accept,
        }
    }

    /// What a report says of it.
    pub fn note(&self) -> RuleNote {
        RuleNote {
            id: Arc::clone(&self.id),
            owner: self.owner.clone(),
            reason: self.reason.clone(),
            expires: self.expires.to_string(),
            expired: self.expired,
            answer: self.kind(),
            at: self.place.to_string(),
            source: self.source.to_string(),
            max_rate: match self.answer {
                Answer::Accept { max_rate, .. } => max_rate,
                _ => None,
            },
        }
    }
}

/// An ignored place must still be there on both sides, with the same type. What lies inside of it may differ in every
/// way: the place itself is then still there.
fn covers(any_type: bool, any_presence: bool, kind: DifferenceKind, selected: Selected) -> bool {
    selected.inside
        || match kind {
            DifferenceKind::Missing | DifferenceKind::Extra => any_presence,
            DifferenceKind::Type | DifferenceKind::Encoding => any_type,
            DifferenceKind::Value | DifferenceKind::Order | DifferenceKind::Lexeme | DifferenceKind::DuplicateKey => {
                true
            }
        }
}
