//! A rule for a difference that does not look like noise: for people who have decided that users may see it.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::exchange::{Difference, DifferenceKind, Endpoint, Location};
use crate::rules::RuleSet;

use super::APPLIES_FOR_DAYS;
use super::place::Spot;
use super::write;

/// An `accept` rule for the narrowest place that these differences of one name lie at: what it answers for stays counted and
/// shown. As an entry of a `rules:` list, ready to be copied but for who answers for it and why. `last` is the day from which
/// its 90 days are reckoned. None where no rule means just that: a line of text.
pub fn accepted<'d>(
    endpoint: &Endpoint,
    kind: DifferenceKind,
    differences: impl Iterator<Item = &'d Difference> + Clone,
    last: Date,
) -> Option<String> {
    let first = differences.clone().next()?;
    let spot = Spot::of(differences).without_positions();
    let place = match (&spot, &first.at) {
        (Spot::Untyped, Location::Status) => write::status(first)?,
        (Spot::Untyped, Location::Body) => "body: true".to_owned(),
        (Spot::Untyped, _) => return None,
        (spot, _) => write::place(spot),
    };
    let expires = last.checked_add(jiff::ToSpan::days(APPLIES_FOR_DAYS)).unwrap_or(last);
    let id = write::id(Some(endpoint), &spot, "accepted", &BTreeSet::new());
    let rule = write::accepted(&id, endpoint, &place, kind, expires);
    // An endpoint, or a name, may be such that no rule means it.
    RuleSet::parse("drafted", &format!("rules:\n{rule}"), last).ok().map(|_| rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Segment;

    fn difference(at: Location, legacy: &str, candidate: &str) -> Difference {
        Difference {
            at,
            kind: DifferenceKind::Value,
            legacy: Some(legacy.into()),
            candidate: Some(candidate.into()),
            rule: None,
        }
    }

    #[test]
    fn what_is_drafted_is_a_rule() {
        let endpoint = Endpoint { method: "GET".into(), template: "/a\"b/{id}".into() };
        let last = jiff::civil::date(2026, 11, 25);
        let json = |at| Location::Json(vec![Segment::Key("it's".into()), Segment::Index(at), Segment::Key("x".into())]);
        let cases = [
            (vec![difference(json(0), "1", "2"), difference(json(3), "1", "2")], "json"),
            (vec![difference(Location::Header("x-a".into()), "1", "2")], "header"),
            (vec![difference(Location::Status, "404", "410")], "[404, 410]"),
            (vec![difference(Location::Body, "a", "b")], "body: true"),
        ];
        for (differences, piece) in cases {
            let text = accepted(&endpoint, DifferenceKind::Value, differences.iter(), last).unwrap();
            assert!(text.contains(piece) && text.contains("accept: {kind: value}"), "{text}");
            assert!(text.contains("expires: 2027-02-23"), "{text}");
            RuleSet::parse("drafted", &format!("rules:\n{text}"), last).unwrap_or_else(|e| panic!("{e}\n{text}"));
        }
        let line = difference(Location::Text(3), "a", "b");
        assert_eq!(accepted(&endpoint, DifferenceKind::Value, [&line].into_iter(), last), None);
        let nowhere = Endpoint { template: "a b\n".into(), ..endpoint.clone() };
        assert_eq!(accepted(&nowhere, DifferenceKind::Value, [&difference(json(0), "1", "2")].into_iter(), last), None);
        let odd = difference(Location::Status, "a: b", "410");
        assert_eq!(accepted(&endpoint, DifferenceKind::Value, [&odd].into_iter(), last), None);
    }
}
