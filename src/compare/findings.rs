//! What comparing two answers found, each difference already put to the rules.

use std::borrow::Cow;

use super::text::boundary;
use crate::exchange::{Comparison, Difference, DifferenceKind, Location, NotComparable, Outcome, RuleAnswer, Segment};
use crate::redact::Veil;
use crate::rules::{Found, Judge, Spot};

/// Differences that a comparison lists; the others are counted.
pub const MAX_LISTED: usize = 100;
/// Differences of one body that are put to the rules. Past it a body has so many that the comparison is given up, unless
/// one of them is a mismatch already.
pub const MAX_JUDGED: usize = 10_000;
/// Bytes of one side of a listed difference.
pub const MAX_VALUE: usize = 256;
/// Bytes of a listed difference's place.
const MAX_PLACE: usize = 2 << 10;

/// The differences of two answers.
#[derive(Debug, Default)]
pub(super) struct Findings {
    differences: Vec<Difference>,
    /// Why the comparison could not be carried to its end.
    hindrance: Option<NotComparable>,
}

/// One side-by-side comparison under way: what the rules say goes into the findings.
pub(super) struct Bench<'a> {
    pub(super) judge: &'a Judge<'a>,
    /// Both answers are the legacy's: the recorded one and the live one.
    pub(super) legacy_twice: bool,
    /// The comparison is done again to be shown: what is noted to be seen has no secrets. What rules are asked has.
    pub(super) veil: Option<&'a Veil<'a>>,
    pub(super) findings: Findings,
}

impl Bench<'_> {
    /// Puts a difference to the rules and notes it. The texts are what the rules are asked about, `shown` what people see.
    pub(super) fn note(
        &mut self,
        at: Location,
        spot: Spot<'_>,
        kind: DifferenceKind,
        sides: (Option<&str>, Option<&str>),
        shown: (Option<String>, Option<String>),
    ) {
        let (legacy, candidate) = sides;
        let found = Found { spot, kind, legacy, candidate, legacy_twice: self.legacy_twice };
        let rule = self.judge.answer(&found);
        let at = match self.veil {
            Some(veil) => hidden_place(at, veil),
            None => at,
        };
        self.findings.differences.push(Difference { at, kind, legacy: shown.0, candidate: shown.1, rule });
    }

    /// As [`Bench::note`], for texts that are shown as they are, shortened.
    pub(super) fn note_texts(
        &mut self,
        at: Location,
        spot: Spot<'_>,
        kind: DifferenceKind,
        sides: (Option<&str>, Option<&str>),
    ) {
        let shown = |side: &str| self.shown(side, |veil, side| veil.text(side));
        let shown = (sides.0.map(shown), sides.1.map(shown));
        self.note(at, spot, kind, sides, shown);
    }

    /// A text as people see it: shortened, and where it will be shown, without its secrets, which `hide` finds.
    pub(super) fn shown(&self, text: &str, hide: impl Fn(&Veil<'_>, &str) -> String) -> String {
        match self.veil {
            Some(veil) => shortened(&hide(veil, text)),
            None => shortened(text),
        }
    }

    /// Notes why the comparison cannot be carried on; the first reason stays.
    pub(super) fn give_up(&mut self, reason: NotComparable) {
        self.findings.hindrance.get_or_insert(reason);
    }
}

impl Findings {
    /// The differences that no rule answers for.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.rule.is_none())
    }

    /// Why the comparison could not be carried to its end.
    pub(super) fn hindrance(&self) -> Option<NotComparable> {
        self.hindrance
    }

    /// Takes the secrets out of the places: differences are grouped by them.
    pub(super) fn hide_places(&mut self, veil: &Veil<'_>) {
        for difference in &mut self.differences {
            let at = std::mem::replace(&mut difference.at, Location::Body);
            difference.at = hidden_place(at, veil);
        }
    }

    /// What the findings say by themselves. A mismatch that was found stays one, even where the comparison could not be
    /// carried to its end.
    pub(super) fn outcome(&self) -> Outcome {
        let accepted = |d: &Difference| d.rule.as_ref().is_some_and(|hit| hit.answer == RuleAnswer::Accept);
        if self.unanswered().next().is_some() {
            Outcome::Mismatched
        } else if let Some(reason) = self.hindrance {
            Outcome::NotComparable(reason)
        } else if self.differences.iter().any(accepted) {
            Outcome::Accepted
        } else {
            Outcome::Matched
        }
    }

    /// The comparison as it is handed on. Where there are too many differences, the first of each rule is kept, so that
    /// no rule's hit is lost, then what no rule answers for, then the others.
    pub(super) fn into_comparison(self, outcome: Outcome, legacy_drifted: Option<bool>) -> Comparison {
        let mut differences = self.differences;
        for difference in &mut differences {
            shorten_place(&mut difference.at);
        }
        let more = differences.len().saturating_sub(MAX_LISTED);
        if more > 0 {
            differences = most_telling(differences);
        }
        Comparison { outcome, differences, more_differences: more as u64, hindrance: self.hindrance, legacy_drifted }
    }
}

/// A place whose names have no secrets in them: a map may be keyed by sessions.
pub(super) fn hidden_place(at: Location, veil: &Veil<'_>) -> Location {
    match at {
        Location::Header(name) => Location::Header(veil.name(&name).into_owned()),
        Location::Json(mut path) => {
            for segment in &mut path {
                if let Segment::Key(name) = segment
                    && let Cow::Owned(hidden) = veil.name(name)
                {
                    *name = hidden;
                }
            }
            Location::Json(path)
        }
        other => other,
    }
}

/// Examples hold the places of all their differences, and names are the answers' to choose: what is handed on ends where
/// [`MAX_PLACE`] is reached.
fn shorten_place(at: &mut Location) {
    match at {
        Location::Header(name) if name.len() > MAX_PLACE => *name = shortened(name),
        Location::Json(path) => {
            let mut bytes = 0;
            let mut fits = |segment: &Segment| {
                bytes += match segment {
                    Segment::Key(name) => 1 + name.len(),
                    Segment::Index(_) => 8,
                };
                bytes <= MAX_PLACE
            };
            let kept = path.iter().take_while(|segment| fits(segment)).count();
            if kept < path.len() {
                path.truncate(kept);
                path.push(Segment::Key("…".to_owned()));
                path.shrink_to_fit();
            }
        }
        _ => {}
    }
}

fn most_telling(differences: Vec<Difference>) -> Vec<Difference> {
    let mut seen = rustc_hash::FxHashSet::default();
    let mut ranked: Vec<(u8, usize, Difference)> = Vec::with_capacity(differences.len());
    for (at, difference) in differences.into_iter().enumerate() {
        let rank = match &difference.rule {
            Some(hit) if seen.insert(hit.id.clone()) => 0,
            None => 1,
            Some(_) => 2,
        };
        ranked.push((rank, at, difference));
    }
    ranked.sort_by_key(|(rank, at, _)| (*rank, *at));
    ranked.truncate(MAX_LISTED);
    ranked.sort_by_key(|(_, at, _)| *at);
    ranked.into_iter().map(|(_, _, difference)| difference).collect()
}

/// The beginning of a text, with an ellipsis where it goes on.
pub(super) fn shortened(text: &str) -> String {
    if text.len() <= MAX_VALUE {
        return text.to_owned();
    }
    let mut shown = text[..boundary(text, MAX_VALUE)].to_owned();
    shown.push('…');
    shown
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exchange::RuleHit;

    #[test]
    fn places_are_bounded() {
        let key = |n: usize| Segment::Key("k".repeat(n));
        let mut deep = Location::Json((0..512).map(|_| key(256)).collect());
        shorten_place(&mut deep);
        assert!(deep.to_string().len() <= MAX_PLACE + 16 && deep.to_string().ends_with("/…"));
        let mut plain = Location::Json(vec![key(200), Segment::Index(3)]);
        shorten_place(&mut plain);
        assert_eq!(plain, Location::Json(vec![key(200), Segment::Index(3)]));
        let mut header = Location::Header("x".repeat(200_000));
        shorten_place(&mut header);
        assert!(header.to_string().len() < MAX_PLACE);
    }

    fn difference(line: usize, rule: Option<&str>) -> Difference {
        let rule = rule.map(|id| RuleHit { id: Arc::from(id), answer: RuleAnswer::Ignore });
        Difference { at: Location::Text(line), kind: DifferenceKind::Value, legacy: None, candidate: None, rule }
    }

    #[test]
    fn past_the_bound_each_rule_keeps_a_hit_and_mismatches_come_before_the_rest() {
        let mut findings = Findings::default();
        findings.differences.extend((0..150).map(|line| difference(line, Some("many"))));
        findings.differences.extend((150..155).map(|line| difference(line, None)));
        findings.differences.push(difference(155, Some("one")));
        let comparison = findings.into_comparison(Outcome::Mismatched, None);
        assert_eq!((comparison.differences.len(), comparison.more_differences), (MAX_LISTED, 56));
        assert_eq!(comparison.differences.iter().filter(|d| d.rule.is_none()).count(), 5);
        assert!(comparison.differences.iter().any(|d| d.rule.as_ref().is_some_and(|hit| &*hit.id == "one")));
        assert!(comparison.differences.is_sorted_by_key(|d| d.at.clone()));
    }

    #[test]
    fn a_mismatch_stays_one_where_the_comparison_was_given_up() {
        let mut findings = Findings { hindrance: Some(NotComparable::BodyNotKept), ..Findings::default() };
        assert_eq!(findings.outcome(), Outcome::NotComparable(NotComparable::BodyNotKept));
        findings.differences.push(difference(1, None));
        assert_eq!(findings.outcome(), Outcome::Mismatched);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened(&"é".repeat(200)), format!("{}…", "é".repeat(128)));
        assert_eq!(shortened("short"), "short");
    }
}
