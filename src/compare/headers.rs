//! Header fields side by side, by name, in no order but that of fields with one name.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::cookies;
use super::findings::Bench;
use crate::exchange::{DifferenceKind, Headers, Location};
use crate::rules::Spot;

type Field<'h> = (&'h str, &'h [u8]);

/// Compares two header sections. Fields of one name are one place; their values are compared in order, and where that
/// fails joined by a comma, as every recipient may (RFC 9110, section 5.3). `Set-Cookie` alone may not be joined, and is
/// compared cookie by cookie.
pub(super) fn compare(legacy: &Headers, candidate: &Headers, bench: &mut Bench<'_>) {
    let (left, right) = (sorted(legacy), sorted(candidate));
    let (mut left, mut right) = (&left[..], &right[..]);
    loop {
        let order = match (left.first(), right.first()) {
            (Some(a), Some(b)) => by_name(a, b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        let (ours, theirs);
        (ours, left) = if order.is_le() { of_one_name(left) } else { (&left[..0], left) };
        (theirs, right) = if order.is_ge() { of_one_name(right) } else { (&right[..0], right) };
        compare_name(ours, theirs, bench);
    }
}

/// By length first: most names part there, without a look at a letter.
fn by_name(a: &Field<'_>, b: &Field<'_>) -> Ordering {
    let (a, b) = (a.0.as_bytes(), b.0.as_bytes());
    let letters = || a.iter().map(u8::to_ascii_lowercase).cmp(b.iter().map(u8::to_ascii_lowercase));
    a.len().cmp(&b.len()).then_with(letters)
}

fn sorted(headers: &Headers) -> Vec<Field<'_>> {
    let mut fields: Vec<Field<'_>> = headers.iter().collect();
    fields.sort_by(by_name);
    fields
}

fn of_one_name<'s, 'h>(fields: &'s [Field<'h>]) -> (&'s [Field<'h>], &'s [Field<'h>]) {
    let same = |field: &Field<'_>| fields.first().is_some_and(|first| by_name(first, field).is_eq());
    fields.split_at(fields.iter().take_while(|field| same(field)).count())
}

fn compare_name(legacy: &[Field<'_>], candidate: &[Field<'_>], bench: &mut Bench<'_>) {
    let values = |fields: &[Field<'_>], other: &[Field<'_>]| {
        fields.len() == other.len() && fields.iter().zip(other).all(|(a, b)| a.1 == b.1)
    };
    if values(legacy, candidate) {
        return;
    }
    let Some(name) = legacy.first().or(candidate.first()).map(|(name, _)| name.to_ascii_lowercase()) else { return };
    if name == "set-cookie" {
        let values = |fields: &[Field<'_>]| {
            fields.iter().map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
        };
        return cookies::compare(&values(legacy), &values(candidate), bench);
    }
    let (ours, theirs) = (joined(legacy), joined(candidate));
    let kind = match (&ours, &theirs) {
        (Some(_), None) => DifferenceKind::Missing,
        (None, Some(_)) => DifferenceKind::Extra,
        (ours, theirs) if ours == theirs => return,
        _ => DifferenceKind::Value,
    };
    let (ours, theirs) = (ours.as_deref().map(text), theirs.as_deref().map(text));
    let shown = |side: &str| bench.shown(side, |veil, side| veil.header(&name, side));
    let shown = (ours.as_deref().map(shown), theirs.as_deref().map(shown));
    let sides = (ours.as_deref(), theirs.as_deref());
    bench.note(Location::Header(name.clone()), Spot::Header(&name), kind, sides, shown);
}

/// None where there is no field.
fn joined<'h>(fields: &[Field<'h>]) -> Option<Cow<'h, [u8]>> {
    match fields {
        [] => None,
        [(_, value)] => Some(Cow::Borrowed(value)),
        _ => Some(Cow::Owned(fields.iter().map(|(_, value)| *value).collect::<Vec<_>>().join(&b", "[..]))),
    }
}

/// Field values are bytes. Those that are not UTF-8 are written as one character for each byte, so that two that differ
/// as bytes differ as text too.
fn text(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(value.iter().map(|b| char::from(*b)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::findings::Findings;
    use crate::exchange::Outcome;
    use crate::rules::RuleSet;

    fn lines(legacy: &[(&str, &str)], candidate: &[(&str, &str)]) -> Vec<String> {
        let headers = |fields: &[(&str, &str)]| fields.iter().map(|(n, v)| (*n, v.as_bytes())).collect::<Headers>();
        let rules = RuleSet::default();
        let judge = rules.judge("GET", b"/");
        let mut bench = Bench { judge: &judge, legacy_twice: false, veil: None, findings: Findings::default() };
        compare(&headers(legacy), &headers(candidate), &mut bench);
        let side = |text: &Option<String>| text.clone().unwrap_or("-".into());
        let comparison = bench.findings.into_comparison(Outcome::Matched, None);
        comparison
            .differences
            .iter()
            .map(|d| format!("{} {} {} {}", d.at, d.kind, side(&d.legacy), side(&d.candidate)))
            .collect()
    }

    #[test]
    fn every_field_is_compared_by_name_whatever_its_case_and_place() {
        assert!(lines(&[("A", "1"), ("Bb", "2")], &[("bB", "2"), ("a", "1")]).is_empty());
        let mut found = lines(&[("A", "1"), ("B", "2"), ("X-Only", "")], &[("B", "3"), ("a", "1"), ("C", "4")]);
        found.sort();
        assert_eq!(found, ["header b value 2 3", "header c extra - 4", "header x-only missing  -"]);
        assert_eq!(lines(&[("Date", "x")], &[]), ["header date missing x -"]);
    }

    #[test]
    fn repeated_fields_are_one_list() {
        assert!(lines(&[("Vary", "a"), ("Vary", "b")], &[("vary", "a, b")]).is_empty());
        assert_eq!(lines(&[("V", "a"), ("V", "b")], &[("V", "b"), ("V", "a")]), ["header v value a, b b, a"]);
        assert_eq!(lines(&[("V", "a"), ("V", "a")], &[("V", "a")]), ["header v value a, a a"]);
    }

    #[test]
    fn bytes_that_are_no_text_still_differ() {
        let headers = |value: &'static [u8]| Headers::from_iter([("a", value)]);
        let rules = RuleSet::default();
        let judge = rules.judge("GET", b"/");
        let mut bench = Bench { judge: &judge, legacy_twice: false, veil: None, findings: Findings::default() };
        compare(&headers(b"\xff"), &headers(b"\xfe"), &mut bench);
        let difference = bench.findings.unanswered().next().unwrap();
        assert_ne!(difference.legacy, difference.candidate);
    }
}
