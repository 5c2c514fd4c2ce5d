//! `match`: normalise both sides, then compare; only what agrees then is answered for.

use std::borrow::Cow;
use std::time::Duration;

use regex::Regex;

use super::decimal::{Decimal, Tolerance};
use super::moment::Moment;
use super::shape::Shape;
use super::value::Value;
use crate::exchange::DifferenceKind;

/// What a `match` rule does, each kind that was asked for.
#[derive(Debug, Clone, Default)]
pub struct Match {
    /// What becomes of white space before comparing.
    pub whitespace: Option<Whitespace>,
    /// Whether upper and lower case are the same.
    pub any_case: bool,
    /// Both texts must match it; where it has groups, what they capture is compared in place of the text.
    pub regex: Option<Regex>,
    /// How the normalised values are compared; None: they must be equal.
    pub comparison: Option<Closeness>,
    /// Whether a member that is `null` is the same as one that is not there.
    pub null_is_absent: bool,
    /// How the elements of arrays are brought together.
    pub arrays: Option<Arrays>,
    /// Whether numbers must agree as text. This makes differences and answers for none.
    pub lexeme: bool,
}

/// What becomes of white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whitespace {
    /// Taken off both ends.
    Trim,
    /// Taken off both ends, and each run inside becomes one blank.
    Collapse,
    /// Taken out.
    Remove,
}

/// How two values agree that are not equal.
#[derive(Debug, Clone)]
pub enum Closeness {
    /// They have the same JSON type.
    SameType,
    /// The legacy's has the first shape and the candidate's the second.
    Shapes(Shape, Shape),
    /// They are numbers, or strings that hold numbers, and close.
    Near(Tolerance),
    /// They are moments at most this far apart.
    Skew(Duration),
}

/// How the elements of two arrays are brought together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrays {
    /// Each element with an equal one, wherever it stands.
    Unordered,
    /// Objects with the same value of this member.
    Keyed(String),
}

/// The two sides of a difference, whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) legacy: Option<&'a str>,
    pub(super) candidate: Option<&'a str>,
    /// Whether the texts are JSON; else they have no type.
    pub(super) as_json: bool,
}

impl Match {
    /// Whether anything is asked of values, so that it can answer for one that differs.
    pub fn speaks_of_values(&self) -> bool {
        self.whitespace.is_some() || self.any_case || self.regex.is_some() || self.comparison.is_some()
    }

    /// Whether, after normalising, the two sides agree. Where both are the legacy's, a pair of shapes asks both for the
    /// first.
    pub(super) fn agrees(&self, kind: DifferenceKind, sides: Sides<'_>, legacy_twice: bool) -> bool {
        let read = |text| if sides.as_json { Value::json(text) } else { Some(Value::Text(Cow::Borrowed(text))) };
        match (kind, sides.legacy, sides.candidate) {
            (DifferenceKind::Order, ..) => self.arrays.is_some(),
            (DifferenceKind::Missing, Some(there), None) | (DifferenceKind::Extra, None, Some(there)) => {
                self.null_is_absent && read(there) == Some(Value::Null)
            }
            (DifferenceKind::Value | DifferenceKind::Type | DifferenceKind::Lexeme, Some(a), Some(b)) => {
                match (read(a), read(b)) {
                    (Some(a), Some(b)) if self.speaks_of_values() => self.values_agree(a, b, legacy_twice),
                    _ => false,
                }
            }
            _ => false,
        }
    }

    fn values_agree(&self, legacy: Value<'_>, candidate: Value<'_>, legacy_twice: bool) -> bool {
        // Only a pair of shapes may say that one type became another.
        let across_types = matches!(self.comparison, Some(Closeness::Shapes(..)));
        if !across_types && !legacy.same_type(&candidate) {
            return false;
        }
        let (Some(legacy), Some(candidate)) = (self.normalised(legacy), self.normalised(candidate)) else {
            return false;
        };
        match &self.comparison {
            None => legacy == candidate,
            Some(Closeness::SameType) => true,
            Some(Closeness::Shapes(first, second)) => {
                first.fits(&legacy) && if legacy_twice { first } else { second }.fits(&candidate)
            }
            Some(Closeness::Near(tolerance)) => near(*tolerance, &legacy, &candidate),
            Some(Closeness::Skew(most)) => apart(&legacy, &candidate).is_some_and(|apart| apart <= *most),
        }
    }

    /// None where a side does not match the regex.
    fn normalised<'a>(&self, mut value: Value<'a>) -> Option<Value<'a>> {
        if let Some(whitespace) = self.whitespace {
            value = value.with_text(|text| whitespace.normalise(text));
        }
        if let Some(regex) = &self.regex {
            let captured = captured(regex, value.text()?)?;
            value = value.with_text(|_| captured);
        }
        if self.any_case {
            value = value.with_text(str::to_lowercase);
        }
        Some(value)
    }
}

/// What the groups hold, in order, or the same empty text for every match where there are no groups. A group that
/// took no part counts as empty; the separator cannot be told from text only by a text that holds U+001F.
fn captured(regex: &Regex, text: &str) -> Option<String> {
    let captures = regex.captures(text)?;
    let groups = captures.iter().skip(1).map(|group| group.map_or("", |m| m.as_str()));
    Some(groups.collect::<Vec<_>>().join("\u{1f}"))
}

fn near(tolerance: Tolerance, legacy: &Value<'_>, candidate: &Value<'_>) -> bool {
    let number = |value: &Value<'_>| Decimal::parse(value.text()?);
    match (number(legacy), number(candidate)) {
        (Some(a), Some(b)) => tolerance.holds(a, b),
        _ => false,
    }
}

fn apart(legacy: &Value<'_>, candidate: &Value<'_>) -> Option<Duration> {
    Moment::of(legacy)?.apart(Moment::of(candidate)?)
}

impl Whitespace {
    fn normalise(self, text: &str) -> String {
        match self {
            Whitespace::Trim => text.trim().to_owned(),
            Whitespace::Collapse => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Whitespace::Remove => text.split_whitespace().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agrees(m: &Match, kind: DifferenceKind, legacy: Option<&str>, candidate: Option<&str>, as_json: bool) -> bool {
        m.agrees(kind, Sides { legacy, candidate, as_json }, false)
    }

    fn values(m: &Match, legacy: &str, candidate: &str) -> bool {
        let same = Value::json(legacy).unwrap().same_type(&Value::json(candidate).unwrap());
        let kind = if same { DifferenceKind::Value } else { DifferenceKind::Type };
        agrees(m, kind, Some(legacy), Some(candidate), true)
    }

    fn comparing(comparison: Closeness) -> Match {
        Match { comparison: Some(comparison), ..Match::default() }
    }

    #[test]
    fn normalisers_work_together_and_equality_decides() {
        let m = Match { whitespace: Some(Whitespace::Collapse), any_case: true, ..Match::default() };
        assert!(values(&m, "\" A  b\"", "\"a B \""));
        assert!(!values(&m, "\"ab\"", "\"a b\""));
        assert!(!values(&m, "\"1\"", "1"));
        let m = Match { whitespace: Some(Whitespace::Remove), ..Match::default() };
        assert!(values(&m, "\"a b\"", "\"ab\""));
    }

    #[test]
    fn a_regex_compares_what_it_captures() {
        let groups = Match { regex: Some(Regex::new(r"^/v\d+(/.*)$").unwrap()), ..Match::default() };
        assert!(values(&groups, "\"/v1/a\"", "\"/v2/a\""));
        assert!(!values(&groups, "\"/v1/a\"", "\"/v2/b\""));
        assert!(!values(&groups, "\"/v1/a\"", "\"/a\""));
        let bare = Match { regex: Some(Regex::new("^req-[0-9a-f]+$").unwrap()), ..Match::default() };
        assert!(values(&bare, "\"req-1\"", "\"req-ff\""));
        assert!(!values(&bare, "\"req-1\"", "\"req-\""));
    }

    #[test]
    fn shapes_may_cross_types_and_nothing_else_may() {
        assert!(values(
            &comparing(Closeness::Shapes(Shape::Integer, Shape::Ulid)),
            "17",
            "\"01ARZ3NDEKTSV4RRFFQ69G5FAV\""
        ));
        assert!(!values(&comparing(Closeness::Shapes(Shape::Integer, Shape::Ulid)), "17", "\"18\""));
        assert!(
            values(&comparing(Closeness::SameType), "1", "2") && !values(&comparing(Closeness::SameType), "1", "\"2\"")
        );
        assert!(
            values(&comparing(Closeness::SameType), "[1]", "[2]")
                && !values(&comparing(Closeness::SameType), "[1]", "{}")
        );
    }

    #[test]
    fn closeness_of_numbers_and_moments() {
        let cent = comparing(Closeness::Near(Tolerance::Absolute(Decimal::parse("0.01").unwrap())));
        assert!(values(&cent, "1.00", "1.01") && values(&cent, "\"1.00\"", "\"1.01\"") && !values(&cent, "1", "1.02"));
        assert!(!values(&cent, "\"a\"", "\"b\"") && !values(&cent, "1", "\"1\""));
        let skew = comparing(Closeness::Skew(Duration::from_secs(5)));
        assert!(values(&skew, "\"2026-11-20T10:00:00Z\"", "\"2026-11-20T11:00:05+01:00\""));
        assert!(!values(&skew, "\"2026-11-20T10:00:00Z\"", "\"2026-11-20T10:00:06Z\""));
        assert!(values(&skew, "1700000000", "1700000005") && !values(&skew, "1700000000", "1700000006"));
        let header = agrees(
            &skew,
            DifferenceKind::Value,
            Some("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some("Sun, 06 Nov 1994 08:49:40 GMT"),
            false,
        );
        assert!(header);
    }

    #[test]
    fn null_is_absent_says_nothing_of_other_values() {
        let m = Match { null_is_absent: true, ..Match::default() };
        assert!(agrees(&m, DifferenceKind::Missing, Some("null"), None, true));
        assert!(agrees(&m, DifferenceKind::Extra, None, Some("null"), true));
        assert!(!agrees(&m, DifferenceKind::Extra, None, Some("0"), true));
        assert!(!values(&m, "1", "2"));
        assert!(!agrees(&m, DifferenceKind::Missing, Some("null"), None, false));
    }

    #[test]
    fn a_rule_on_arrays_or_lexemes_answers_for_no_value() {
        for m in
            [Match { arrays: Some(Arrays::Unordered), ..Match::default() }, Match { lexeme: true, ..Match::default() }]
        {
            assert!(!values(&m, "1", "1") && !agrees(&m, DifferenceKind::Lexeme, Some("1"), Some("1.0"), true));
        }
        let m = Match { arrays: Some(Arrays::Unordered), ..Match::default() };
        assert!(agrees(&m, DifferenceKind::Order, Some("[1,2]"), Some("[2,1]"), true));
        assert!(!agrees(&Match::default(), DifferenceKind::Order, None, None, true));
    }
}
