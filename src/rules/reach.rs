//! Which differences a rule can answer for, and which of them an earlier one takes away.

use super::matching::{Closeness, Match};
use super::place::{CookieName, Part, Place};
use super::rule::{Answer, Rule};
use crate::exchange::{DifferenceKind, EndpointPattern};

/// How the place of one rule lies to that of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lies {
    /// It is the same place, or among what the other selects.
    Among,
    /// All of it lies inside of what the other selects.
    Inside,
}

impl Rule {
    /// Whether an earlier rule answers for everything that this one could answer for.
    pub(super) fn is_taken_by(&self, earlier: &Rule) -> bool {
        let Some(lies) = earlier.place.holds(&self.place) else { return false };
        if let Answer::Match(matching) = &self.answer {
            // These steer the walk through the documents, whoever answers afterwards.
            if matching.arrays.is_some() || matching.lexeme {
                return false;
            }
            if let Answer::Match(other) = &earlier.answer {
                return format!("{matching:?}") == format!("{other:?}");
            }
        }
        let all_of = |own: Vec<DifferenceKind>, theirs: Vec<DifferenceKind>| own.iter().all(|k| theirs.contains(k));
        let inside = matches!(self.place.part, Part::Json(_));
        all_of(self.may_answer(false), earlier.always_answers(lies == Lies::Inside))
            && (!inside || all_of(self.may_answer(true), earlier.always_answers(true)))
    }

    /// Whether this one and an earlier one, at the same place, cannot both be meant.
    pub(super) fn contradicts(&self, earlier: &Rule) -> bool {
        let same = |one: &Rule, other: &Rule| one.place.holds(&other.place) == Some(Lies::Among);
        if !same(self, earlier) || !same(earlier, self) {
            return false;
        }
        let meet = || self.may_answer(false).iter().any(|kind| earlier.may_answer(false).contains(kind));
        match (&earlier.answer, &self.answer) {
            (Answer::Ignore { .. }, Answer::Accept { .. }) | (Answer::Accept { .. }, Answer::Ignore { .. }) => meet(),
            (Answer::Match(matching), Answer::Ignore { .. }) | (Answer::Ignore { .. }, Answer::Match(matching)) => {
                matching.arrays.is_some() || matching.lexeme || meet()
            }
            (Answer::Match(one), Answer::Match(other)) => {
                one.arrays.is_some() && other.arrays.is_some() && one.arrays != other.arrays
            }
            _ => false,
        }
    }

    /// The ways to differ for which it always answers, at a place that it selects or (`inside`) that lies in one.
    fn always_answers(&self, inside: bool) -> Vec<DifferenceKind> {
        match &self.answer {
            Answer::Match(_) => Vec::new(),
            Answer::Ignore { .. } | Answer::Accept { .. } => self.may_answer(inside),
        }
    }

    /// The ways to differ for which it may answer.
    fn may_answer(&self, inside: bool) -> Vec<DifferenceKind> {
        use DifferenceKind::{DuplicateKey, Encoding, Extra, Lexeme, Missing, Order, Type, Value};
        match &self.answer {
            Answer::Ignore { .. } if inside => DifferenceKind::ALL.to_vec(),
            Answer::Ignore { any_type, any_presence } => {
                let mut kinds = vec![Value, Order, Lexeme, DuplicateKey];
                kinds.extend(any_type.then_some([Type, Encoding]).into_iter().flatten());
                kinds.extend(any_presence.then_some([Missing, Extra]).into_iter().flatten());
                kinds
            }
            Answer::Accept { kinds, .. } if kinds.is_empty() => DifferenceKind::ALL.to_vec(),
            Answer::Accept { kinds, .. } => kinds.clone(),
            Answer::Match(matching) => kinds_of(matching),
        }
    }

    /// Why it hides more than anybody can have looked at, where it does.
    pub(super) fn is_too_broad(&self) -> Option<&'static str> {
        let hides = match &self.answer {
            Answer::Ignore { .. } => true,
            Answer::Accept { max_rate, .. } => max_rate.is_none(),
            Answer::Match(matching) => hides_values(matching),
        };
        let everywhere = self.place.endpoint.as_ref().is_none_or(means_everything);
        match &self.place.part {
            _ if !hides => None,
            Part::Json(paths) if paths.iter().any(|path| path.is_anything()) => {
                Some("its path has wildcards only, so that it answers for whole bodies")
            }
            Part::Text(regex) if regex.is_match("") => Some("its regex is found in every line"),
            Part::Status(None) if everywhere => Some("it answers for every status code of every endpoint"),
            Part::Body if everywhere => Some("it answers for the bodies of every endpoint"),
            _ => None,
        }
    }
}

fn kinds_of(matching: &Match) -> Vec<DifferenceKind> {
    use DifferenceKind::{Extra, Lexeme, Missing, Order, Type, Value};
    let mut kinds = Vec::new();
    if matching.speaks_of_values() {
        kinds.extend([Value, Lexeme]);
    }
    // What has one shape has one type.
    if matches!(matching.comparison, Some(Closeness::Shapes(first, second)) if first != second) {
        kinds.push(Type);
    }
    if matching.null_is_absent {
        kinds.extend([Missing, Extra]);
    }
    if matching.arrays.is_some() {
        kinds.push(Order);
    }
    kinds
}

/// Whether any two values of one type agree.
fn hides_values(matching: &Match) -> bool {
    matching.regex.is_none() && matches!(matching.comparison, Some(Closeness::SameType))
}

fn means_everything(endpoint: &EndpointPattern) -> bool {
    "/**".parse().is_ok_and(|all: EndpointPattern| endpoint.covers(&all))
}

impl Place {
    /// Whether everything that the other place means is meant by this one, and how it lies there. None where that is not
    /// so, or cannot be said.
    pub(super) fn holds(&self, other: &Place) -> Option<Lies> {
        let requests = match (&self.endpoint, &other.endpoint) {
            (None, _) => true,
            (Some(wide), Some(narrow)) => wide.covers(narrow),
            (Some(wide), None) => means_everything(wide),
        };
        if !requests {
            return None;
        }
        let among = |yes: bool| yes.then_some(Lies::Among);
        match (&self.part, &other.part) {
            (Part::Json(wide), Part::Json(narrow)) => {
                let holds = |path| {
                    let lies = wide.iter().filter_map(|wide: &super::JsonPath| wide.covers(path));
                    lies.max()
                };
                let inside: Option<Vec<bool>> = narrow.iter().map(holds).collect();
                Some(if inside?.iter().all(|inside| *inside) { Lies::Inside } else { Lies::Among })
            }
            (Part::Header(wide), Part::Header(narrow)) => among(narrow.iter().all(|name| wide.contains(name))),
            (Part::Header(wide), Part::Cookie(_)) => among(wide.iter().any(|name| name == "set-cookie")),
            (Part::Cookie(wide), Part::Cookie(narrow)) => {
                let holds = |narrow: &CookieName| {
                    wide.iter().any(|wide| {
                        (wide.name.is_none() || wide.name == narrow.name) && wide.attribute == narrow.attribute
                    })
                };
                among(narrow.iter().all(holds))
            }
            (Part::Status(None), Part::Status(_)) => among(true),
            (Part::Status(Some((wide, to))), Part::Status(Some((narrow, narrow_to)))) => {
                among(wide == narrow && (to.is_none() || to == narrow_to))
            }
            (Part::Text(wide), Part::Text(narrow)) => among(wide.as_str() == narrow.as_str()),
            (Part::Body, Part::Body) => among(true),
            _ => None,
        }
    }
}
