//! `Set-Cookie` fields, cookie by cookie: the value and each attribute are places of their own, so that a rule on a
//! session's value does not hide that it lost its `HttpOnly`.

use super::findings::{Bench, shortened};
use crate::exchange::{DifferenceKind, Location};
use crate::rules::Spot;

/// One `Set-Cookie` field, read as a browser does (RFC 6265, section 5.2).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cookie<'a> {
    /// As it was written: names of cookies have a case.
    pub(crate) name: &'a str,
    /// Without blanks around it.
    pub(crate) value: &'a str,
    /// Names in lower case, sorted; of those that are repeated the last.
    pub(crate) attributes: Vec<(String, &'a str)>,
}

/// Compares the cookies that two answers set. The k-th of a name belongs to the k-th; the order of names means nothing.
pub(super) fn compare(legacy: &[String], candidate: &[String], bench: &mut Bench<'_>) {
    let mut right: Vec<Option<Cookie<'_>>> = candidate.iter().map(|field| Some(Cookie::read(field))).collect();
    for ours in legacy.iter().map(|field| Cookie::read(field)) {
        let same_name = |other: &&mut Option<Cookie<'_>>| other.as_ref().is_some_and(|other| other.name == ours.name);
        match right.iter_mut().find(same_name).and_then(Option::take) {
            Some(theirs) => compare_pair(&ours, &theirs, bench),
            None => note(bench, ours.name, None, DifferenceKind::Missing, (Some(ours.value), None)),
        }
    }
    for theirs in right.iter().flatten() {
        note(bench, theirs.name, None, DifferenceKind::Extra, (None, Some(theirs.value)));
    }
}

fn compare_pair(ours: &Cookie<'_>, theirs: &Cookie<'_>, bench: &mut Bench<'_>) {
    if ours.value != theirs.value {
        note(bench, ours.name, None, DifferenceKind::Value, (Some(ours.value), Some(theirs.value)));
    }
    for (name, value) in &ours.attributes {
        match theirs.attribute(name) {
            Some(other) if other == *value => {}
            Some(other) => note(bench, ours.name, Some(name), DifferenceKind::Value, (Some(value), Some(other))),
            None => note(bench, ours.name, Some(name), DifferenceKind::Missing, (Some(value), None)),
        }
    }
    for (name, value) in theirs.attributes.iter().filter(|(name, _)| ours.attribute(name).is_none()) {
        note(bench, ours.name, Some(name), DifferenceKind::Extra, (None, Some(value)));
    }
}

/// Rules are asked about the bare value; people are shown whose it is: `sid=abc`, `sid; path=/`.
fn note(
    bench: &mut Bench<'_>,
    name: &str,
    attribute: Option<&str>,
    kind: DifferenceKind,
    sides: (Option<&str>, Option<&str>),
) {
    let whole = |value: &str| match attribute {
        None => format!("{name}={value}"),
        Some(attribute) if value.is_empty() => format!("{name}; {attribute}"),
        Some(attribute) => format!("{name}; {attribute}={value}"),
    };
    // A lost attribute must be seen, a value must not; names may be anything.
    let shown = |value: &str| match (bench.veil, attribute) {
        (None, _) => shortened(&whole(value)),
        (Some(veil), None) => shortened(&format!("{}={}", veil.name(name), veil.cookie(value))),
        (Some(veil), Some(_)) => shortened(&veil.text(&whole(value))),
    };
    let shown = (sides.0.map(shown), sides.1.map(shown));
    let spot = Spot::Cookie { name, attribute };
    bench.note(Location::Header("set-cookie".into()), spot, kind, sides, shown);
}

impl<'a> Cookie<'a> {
    /// Reads the value of a field.
    pub(crate) fn read(field: &'a str) -> Cookie<'a> {
        let mut parts = field.split(';');
        let pair = parts.next().unwrap_or("");
        // Without '=' it has no name, and the whole is its value.
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let mut attributes: Vec<(String, &str)> = Vec::new();
        for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = name.trim().to_ascii_lowercase();
            attributes.retain(|(other, _)| *other != name);
            attributes.push((name, value.trim()));
        }
        attributes.sort();
        Cookie { name: name.trim(), value: value.trim(), attributes }
    }

    /// The value of an attribute, where it is there.
    pub(crate) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::findings::Findings;
    use crate::exchange::Outcome;
    use crate::rules::RuleSet;

    fn lines(legacy: &[&str], candidate: &[&str], rules: &str) -> Vec<String> {
        let rules = RuleSet::parse("test", rules, jiff::civil::date(2026, 11, 21)).unwrap();
        let judge = rules.judge("GET", b"/");
        let mut bench = Bench { judge: &judge, legacy_twice: false, veil: None, findings: Findings::default() };
        let owned = |fields: &[&str]| fields.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>();
        compare(&owned(legacy), &owned(candidate), &mut bench);
        let side = |text: &Option<String>| text.clone().unwrap_or("-".into());
        let comparison = bench.findings.into_comparison(Outcome::Matched, None);
        let open = comparison.differences.iter().filter(|d| d.rule.is_none());
        open.map(|d| format!("{} {} {}", d.kind, side(&d.legacy), side(&d.candidate))).collect()
    }

    #[test]
    fn values_and_attributes_are_places_of_their_own() {
        let none = "rules: []";
        assert!(lines(&["a=1; Path=/; HttpOnly", "b=2"], &["b=2", "a=1; httponly; path=/"], none).is_empty());
        assert_eq!(lines(&["a=1; Secure"], &["a=2"], none), ["value a=1 a=2", "missing a; secure -"]);
        assert_eq!(lines(&["a=1"], &["a=1; Path=/x", "c=3"], none), ["extra - a; path=/x", "extra - c=3"]);
        assert_eq!(lines(&["a=1; Path=/", "a=2; Path=/x"], &["a=1; Path=/"], none), ["missing a=2 -"]);
        assert_eq!(lines(&["=x"], &["x"], none), Vec::<String>::new());
    }

    #[test]
    fn a_rule_on_the_value_does_not_hide_a_lost_attribute() {
        let rule = "rules:\n- {id: r, owner: o, reason: r, expires: 2027-01-31, at: {cookie: sid}, ignore: true}";
        assert_eq!(lines(&["sid=1; HttpOnly"], &["sid=2"], rule), ["missing sid; httponly -"]);
        assert_eq!(lines(&["sid=1"], &[], rule), ["missing sid=1 -"]);
    }
}
